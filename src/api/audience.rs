//! `affinity.audience`, `audience_for`: the users who will most likely want something.

use crate::api::recommend::count;
use crate::base::{Result, interrupts};
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::ids;
use crate::pg::call::prototype::{Entry, Family, Rows};
use crate::pg::recommender::serving::{self, Ready};
use pgrx::pg_extern;
use std::rc::Rc;

const PROSPECTS: Family = Family { name: "prospect", items: false, users: true, more: &[] };

/// `affinity.audience(model, item_id, k, exclude_seen, as_type)`.
#[pg_extern]
fn audience(call: Call<'_>) {
    answer(call, |ready| {
        let item = call.datum(1).and_then(|d| ids::id(d, call.argument_type(1), ready.recommender().items().kind()));
        Ok(item.map_or(Ok(None), |item| ready.find_item(&item))?.into_iter().collect())
    })
}

/// `affinity.audience_for(model, items, k, exclude_seen, as_type)`: for any of several items.
#[pg_extern]
fn audience_for(call: Call<'_>) {
    answer(call, |ready| {
        let items = ids::list(call, 1, "items", ready.recommender().items().kind())?;
        items.map_or(Ok(Vec::new()), |items| ready.known_items(&items))
    })
}

/// The rows for the items that `wanted` says.
fn answer(call: Call<'_>, wanted: impl FnOnce(&Rc<Ready>) -> Result<Vec<u32>>) {
    sql(|| {
        let mut rows = Rows::begin(call, 4, PROSPECTS)?;
        let Some(model) = call.model(0)? else { return Ok(()) };
        let ready = serving::ready(&model)?;
        let list = ready.audience(wanted(&ready)?, count(call, 2)?, call.boolean(3).unwrap_or(true))?;
        let (model, version) = ready.name();
        let source = ready.recommender().kind();
        for (rank, (user, score)) in (1..).zip(&list) {
            interrupts::check_at(rank as usize);
            rows.put(&Entry { rank, user: Some(user), item: None, score: *score, source, version, model, more: &[] })?;
        }
        Ok(())
    })
}
