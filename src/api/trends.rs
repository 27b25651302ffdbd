//! `affinity.trending(events, item_col, time_col, …)`, `new_items(…)`: what grows and what is new, from events alone, without a model.

use crate::api::train::needed;
use crate::base::{Code, Error, Result};
use crate::dataset::profile::Span;
use crate::dataset::trends::Asked;
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::{Name, Regclass, Text};
use crate::pg::recommender::item_events::{self, Events};
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

/// One row an item that grows against its own past.
#[pg_extern]
#[allow(clippy::type_complexity, clippy::too_many_arguments)]
fn trending(
    events: Option<Regclass>,
    item_col: Option<Name>,
    time_col: Option<Name>,
    user_col: Option<Name>,
    k: Option<i64>,
    recent: Option<Interval>,
    as_of: Option<TimestampWithTimeZone>,
    at_least: Option<i64>,
) -> TableIterator<
    'static,
    (name!(rank, i32), name!(item_id, Text), name!(recent_count, i64), name!(expected, f64), name!(growth, f64), name!(growth_low, f64)),
> {
    let window = (recent, as_of, at_least);
    let rows = sql(|| asked(events, (item_col, time_col, user_col), k, window, item_events::trending));
    TableIterator::new(
        (1..).zip(rows).map(|(rank, r)| (rank, Text(r.item), i64::try_from(r.recent).unwrap_or(i64::MAX), r.expected, r.growth, r.low)),
    )
}

/// One row a new item, those first that win users most surely.
#[pg_extern]
#[allow(clippy::type_complexity, clippy::too_many_arguments)]
fn new_items(
    events: Option<Regclass>,
    item_col: Option<Name>,
    time_col: Option<Name>,
    user_col: Option<Name>,
    k: Option<i64>,
    recent: Option<Interval>,
    as_of: Option<TimestampWithTimeZone>,
    at_least: Option<i64>,
) -> TableIterator<
    'static,
    (
        name!(rank, i32),
        name!(item_id, Text),
        name!(age, Interval),
        name!(total_count, i64),
        name!(daily, f64),
        name!(daily_low, f64),
        name!(daily_high, f64),
    ),
> {
    let window = (recent, as_of, at_least);
    let rows = sql(|| asked(events, (item_col, time_col, user_col), k, window, item_events::new_items));
    TableIterator::new((1..).zip(rows).map(|(rank, r)| {
        let (age, total) = (Interval::from_micros(r.age).justify_hours(), i64::try_from(r.count).unwrap_or(i64::MAX));
        (rank, Text(r.item), age, total, r.daily, r.ends.0, r.ends.1)
    }))
}

/// Hands what the arguments say to `list`.
fn asked<R>(
    events: Option<Regclass>,
    (item_col, time_col, user_col): (Option<Name>, Option<Name>, Option<Name>),
    k: Option<i64>,
    (recent, as_of, at_least): (Option<Interval>, Option<TimestampWithTimeZone>, Option<i64>),
    list: impl FnOnce(&Events<'_>, &Asked) -> Result<R>,
) -> Result<R> {
    let (item, time) = (needed(item_col, "item_col")?, needed(time_col, "time_col")?);
    let asked = Asked {
        recent: recent.map(|r| Span { months: r.months(), days: r.days(), micros: r.micros() }),
        at_least: count(at_least, "at_least")? as u64,
        k: count(k, "k")?,
    };
    let source = Events {
        relation: needed(events, "events")?.0,
        item_col: &item.0,
        time_col: &time.0,
        user_col: user_col.as_ref().map(|u| u.0.as_str()),
        as_of: as_of.map(i64::from),
    };
    list(&source, &asked)
}

/// A number that must be there, and not negative.
fn count(n: Option<i64>, argument: &str) -> Result<usize> {
    let n = needed(n, argument)?;
    usize::try_from(n).map_err(|_| {
        Error::new(Code::InvalidParameter, format!("{argument} must not be negative"))
            .detail(format!("It is {n}."))
            .hint(format!("For example: {argument} => 10."))
    })
}
