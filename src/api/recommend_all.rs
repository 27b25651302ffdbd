//! `affinity.recommend_all`: lists for every user.

use crate::api::recommend::{count, user};
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::prototype::{LISTS, Rows};
use crate::pg::recommender::user_range::UserRange;
use crate::pg::recommender::{serve_all, serving};
use pgrx::pg_extern;

/// `affinity.recommend_all(model, k, exclude_seen, as_type, from_user, to_user)`; as it was in 0.1.0 without the last two.
#[pg_extern]
fn recommend_all(call: Call<'_>) {
    sql(|| {
        let mut rows = Rows::begin(call, 3, LISTS)?;
        let Some(model) = call.model(0)? else { return Ok(()) };
        let ready = serving::ready(&model)?;
        let exclude_seen = ready.exclude_seen(call.boolean(2))?;
        let bound = |name, i| (name, call.datum(i).is_some(), user(call, i, &ready));
        let range = UserRange::new([bound("from_user", 4), bound("to_user", 5)], ready.users())?;
        serve_all::write(&ready, &range, count(call, 1)?, exclude_seen, &mut rows)
    })
}
