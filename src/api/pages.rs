//! `affinity.bought_together` and its kin: lists for the pages of a shop.

use crate::api::recommend::{count, user};
use crate::base::number::AsReal;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::ids;
use crate::pg::call::prototype::{Entry, Family, IDS, More, Rows};
use crate::pg::recommender::serving;
use pgrx::{pg_extern, pg_sys};

const TOGETHER: Family = Family {
    name: "together",
    items: true,
    users: false,
    more: &[("together", pg_sys::INT8OID), ("lift", pg_sys::FLOAT8OID), ("lift_low", pg_sys::FLOAT8OID)],
};

/// `affinity.bought_together(model, item_id, k, as_type)`.
#[pg_extern]
fn bought_together(call: Call<'_>) {
    sql(|| {
        let mut rows = Rows::begin(call, 3, TOGETHER)?;
        let Some(model) = call.model(0)? else { return Ok(()) };
        let ready = serving::ready(&model)?;
        let (k, items) = (count(call, 2)?, ready.recommender().items());
        let item = call.datum(1).and_then(|d| ids::id(d, call.argument_type(1), items.kind()));
        let (name, version) = ready.name();
        for (rank, t) in (1..).zip(ready.together(item.as_ref(), k)?) {
            let (id, score) = (items.id(t.item), t.low.single());
            let more = [More::Count(t.together), More::Real(t.lift), More::Real(t.low)];
            let source = ready.recommender().kind();
            rows.put(&Entry { rank, user: None, item: Some(&id), score, source, version, model: name, more: &more })?;
        }
        Ok(())
    })
}

const DUE: Family = Family {
    name: "due",
    items: true,
    users: false,
    more: &[("due", pg_sys::TIMESTAMPTZOID), ("last_time", pg_sys::TIMESTAMPTZOID), ("times", pg_sys::INT8OID)],
};

/// `affinity.buy_again(model, user_id, k, as_type)`, for every type of user id.
#[pg_extern]
fn buy_again(call: Call<'_>) {
    sql(|| {
        let mut rows = Rows::begin(call, 3, DUE)?;
        let Some(model) = call.model(0)? else { return Ok(()) };
        let ready = serving::ready(&model)?;
        let items = ready.recommender().items();
        let (name, version) = ready.name();
        let (list, source) = ready.buy_again(user(call, 1, &ready).as_ref(), count(call, 2)?)?;
        for (rank, d) in (1..).zip(list) {
            let id = items.id(d.item);
            let more = [More::Time(d.due), More::Time(Some(d.last)), More::Count(d.times)];
            rows.put(&Entry { rank, user: None, item: Some(&id), score: d.score, source: &source, version, model: name, more: &more })?;
        }
        Ok(())
    })
}

const REASON: Family =
    Family { name: "reason", items: true, users: false, more: &[("because_of", IDS[0]), ("because_of", IDS[1]), ("because_of", IDS[2])] };

/// `affinity.because(model, user_id, k, as_type)`, for every type of user id.
#[pg_extern]
fn because(call: Call<'_>) {
    sql(|| {
        let mut rows = Rows::begin(call, 3, REASON)?;
        let Some(model) = call.model(0)? else { return Ok(()) };
        let ready = serving::ready(&model)?;
        let (name, version) = ready.name();
        let source = ready.recommender().kind();
        let Some((seed, list)) = ready.because(user(call, 1, &ready).as_ref(), count(call, 2)?)? else { return Ok(()) };
        let more = [More::Item(&seed); 3];
        list.iter().try_for_each(|r| {
            rows.put(&Entry { rank: r.rank, user: None, item: Some(&r.item), score: r.score, source, version, model: name, more: &more })
        })
    })
}
