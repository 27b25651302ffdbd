//! `affinity.evaluate(model, source, target)`: how good a model is on rows of a relation, with its baseline beside it.

use crate::api::train::needed;
use crate::pg::argument::{Name, Regclass};
use crate::pg::error::sql;
use crate::pg::evaluation;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

/// One row a figure; `model` is the name of the simple model in the baseline's rows.
#[pg_extern]
#[allow(clippy::type_complexity)]
fn evaluate(
    model: Option<&str>,
    source: Option<Regclass>,
    target: Option<Name>,
) -> TableIterator<
    'static,
    (
        name!(model, String),
        name!(metric, String),
        name!(k, Option<i32>),
        name!(value, f64),
        name!(low, Option<f64>),
        name!(high, Option<f64>),
        name!(rows, i64),
    ),
> {
    let (owned, rows) = sql(|| {
        let (model, source) = (needed(model, "model")?, needed(source, "source")?);
        Ok((model.to_owned(), evaluation::figures(model, source.0, target.as_ref().map(|t| t.0.as_str()))?))
    });
    TableIterator::new(rows.into_iter().map(move |r| {
        let who = r.baseline.unwrap_or_else(|| owned.clone());
        let k = r.k.and_then(|k| i32::try_from(k).ok());
        (who, r.metric, k, r.value, r.low, r.high, i64::try_from(r.rows).unwrap_or(i64::MAX))
    }))
}
