//! `affinity.recommend` and its kin: ranked items for a user, a basket, an item.

use crate::base::{Code, Error, Result};
use crate::dataset::Id;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::{ids, prototype};
use crate::pg::recommender::serving::{self, Ready};
use crate::pg::store::models::Scope;
use crate::serve::list::ListRequest;
use crate::serve::rerank::Options;
use pgrx::pg_extern;
use serde_json::Value;
use std::rc::Rc;

/// `affinity.recommend(model, user_id, k, exclude_seen, among, exclude, as_type, options)`, for every type of user id.
#[pg_extern]
fn recommend(call: Call<'_>) {
    sql(|| {
        let Some(model) = call.model(0)? else { return nothing(call, 6) };
        let ready = serving::ready(&model)?;
        let kind = ready.recommender().items().kind();
        let request = ListRequest {
            k: count(call, 2)?,
            exclude_seen: ready.exclude_seen(call.boolean(3))?,
            among: ids::list(call, 4, "among", kind)?.map(|ids| ready.known_items(&ids)).transpose()?,
            exclude: ids::list(call, 5, "exclude", kind)?.map(|ids| ready.known_items(&ids)).transpose()?.unwrap_or_default(),
            options: Options::parse(&call.json(7).map_or(Ok(Value::Null), |o| o.read("options"))?)?,
        };
        let user = user(call, 1, &ready);
        let (rows, source) = ready.recommend(user.as_ref(), &request)?;
        let (name, version) = ready.name();
        prototype::set(call, 6, &rows, &source, version, name)
    })
}

/// `affinity.recommend_for(model, items, k, as_type)`: a basket, an anonymous session.
#[pg_extern]
fn recommend_for(call: Call<'_>) {
    sql(|| {
        let Some(model) = call.model(0)? else { return nothing(call, 3) };
        let ready = serving::ready(&model)?;
        let items = ids::list(call, 1, "items", ready.recommender().items().kind())?.unwrap_or_default();
        let (rows, source) = ready.recommend_for(&items, count(call, 2)?)?;
        let (name, version) = ready.name();
        prototype::set(call, 3, &rows, &source, version, name)
    })
}

/// `affinity.similar_items(model, item_id, k, as_type)`.
#[pg_extern]
fn similar_items(call: Call<'_>) {
    sql(|| {
        let Some(model) = call.model(0)? else { return nothing(call, 3) };
        let ready = serving::ready(&model)?;
        let k = count(call, 2)?;
        let item = call.datum(1).and_then(|d| ids::id(d, call.argument_type(1), ready.recommender().items().kind()));
        let rows = item.map(|item| ready.similar(&item, k)).transpose()?.unwrap_or_default();
        let (name, version) = ready.name();
        prototype::set(call, 3, &rows, ready.recommender().kind(), version, name)
    })
}

/// `affinity.score(model, user_id, item_id, exclude_seen)`: NULL for a NULL, for an item that the model does not know, and for one that is
/// left out.
#[pg_extern]
fn score(call: Call<'_>) -> Option<f32> {
    sql(|| {
        let (Some(model), Some(_), Some(item)) = (call.model(0)?, call.datum(1), call.datum(2)) else { return Ok(None) };
        let ready = serving::ready(&model)?;
        let exclude_seen = match call.boolean(3) {
            Some(false) => ready.allow(Scope::Lists, "scores for users").map(|()| false)?,
            asked => ready.exclude_seen(asked)?,
        };
        let id = ids::id(item, call.argument_type(2), ready.recommender().items().kind());
        let item = id.map_or(Ok(None), |id| ready.find_item(&id))?;
        item.map_or(Ok(None), |item| ready.score_at(call, user(call, 1, &ready), item, exclude_seen))
    })
}

/// The user of argument `i`; none for NULL and for an id that does not fit the type: both are unknown users.
pub(super) fn user(call: Call<'_>, i: usize, ready: &Rc<Ready>) -> Option<Id> {
    ids::id(call.datum(i)?, call.argument_type(i), ready.users())
}

/// k, at least 0.
pub(super) fn count(call: Call<'_>, i: usize) -> Result<usize> {
    let k = call.datum(i).map_or(10, |d| d.value() as i64);
    usize::try_from(k).map_err(|_| {
        Error::new(Code::InvalidParameter, "k must not be negative").detail(format!("It is {k}.")).hint("For example: k => 10.")
    })
}

fn nothing(call: Call<'_>, prototype: usize) -> Result<()> {
    prototype::set(call, prototype, &[], "", 0, "")
}
