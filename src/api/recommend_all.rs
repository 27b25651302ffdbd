//! `affinity.recommend_all`: lists for every user.

use crate::api::recommend::count;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::prototype::Rows;
use crate::pg::recommender::{serve_all, serving};
use pgrx::pg_extern;

/// `affinity.recommend_all(model, k, exclude_seen, as_type)`.
#[pg_extern]
fn recommend_all(call: Call<'_>) {
    sql(|| {
        let mut rows = Rows::begin(call, 3, true)?;
        let Some(model) = call.model(0)? else { return Ok(()) };
        let ready = serving::ready(&model)?;
        let exclude_seen = ready.exclude_seen(call.boolean(2))?;
        serve_all::write(&ready, count(call, 1)?, exclude_seen, &mut rows)
    })
}
