//! `affinity.drift(model, source, since, version)`: whether what a model learned from is still so.

use crate::api::train::needed;
use crate::base::names;
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::{Regclass, Text};
use crate::pg::evaluate::drift;
use crate::pg::evaluate::drift_asked::Asked;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

/// One row a fact.
#[pg_extern]
#[allow(clippy::type_complexity)]
fn drift(
    model: Option<Text>,
    source: Option<Regclass>,
    since: Option<TimestampWithTimeZone>,
    version: Option<i32>,
) -> TableIterator<
    'static,
    (
        name!(part, Text),
        name!(name, Text),
        name!(measure, Text),
        name!(trained, Option<f64>),
        name!(now, Option<f64>),
        name!(moved, Option<f64>),
        name!(verdict, Option<Text>),
        name!(why, Option<Text>),
    ),
> {
    let rows = sql(|| {
        let model = needed(model, "model")?;
        names::check("model", &model)?;
        drift::facts(&model, Asked { source: source.map(|s| s.0), since: since.map(i64::from), version })
    });
    let text = |t: &str| Text(t.to_owned());
    TableIterator::new(rows.into_iter().map(move |(f, verdict)| {
        (text(f.part), Text(f.name), text(f.measure), f.trained, f.now, f.moved, verdict.map(text), f.why.map(Text))
    }))
}
