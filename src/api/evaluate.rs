//! `affinity.evaluate(model, source, target, k, all_rows)`: how good a model is on rows or events of a relation, with its baseline beside
//! it; `affinity.compare(models, source, k)`: several recommenders on the same users.

use crate::api::train::needed;
use crate::base::{Code, Error, names};
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::{Name, Regclass, Text, Texts};
use crate::pg::evaluate;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

/// One row a figure; `model` is the name of the simple model in the baseline's rows.
#[pg_extern]
#[allow(clippy::type_complexity)]
fn evaluate(
    model: Option<Text>,
    source: Option<Regclass>,
    target: Option<Name>,
    k: Option<i32>,
    all_rows: Option<bool>,
) -> TableIterator<
    'static,
    (
        name!(model, Text),
        name!(metric, Text),
        name!(k, Option<i32>),
        name!(value, f64),
        name!(low, Option<f64>),
        name!(high, Option<f64>),
        name!(rows, i64),
    ),
> {
    let (owned, rows) = sql(|| {
        let (model, k) = (needed(model, "model")?, needed(k, "k")?);
        names::check("model", &model)?;
        let (source, target) = (source.map(|s| s.0), target.as_ref().map(|t| t.0.as_str()));
        let figures = evaluate::rows::figures(&model, source, target, k, all_rows == Some(true))?;
        Ok((model, figures))
    });
    TableIterator::new(rows.into_iter().map(move |r| {
        let who = r.baseline.map_or_else(|| owned.clone(), Text);
        let k = r.k.and_then(|k| i32::try_from(k).ok());
        (who, Text(r.metric), k, r.value, r.low, r.high, i64::try_from(r.rows).unwrap_or(i64::MAX))
    }))
}

/// The most models that are compared at once.
const MOST: usize = 100;

/// One row a model and figure; how far it is above the first model's, with the paired interval.
#[pg_extern]
#[allow(clippy::type_complexity)]
fn compare(
    models: Option<Texts>,
    source: Option<Regclass>,
    k: Option<i32>,
) -> TableIterator<
    'static,
    (
        name!(model, Text),
        name!(metric, Text),
        name!(k, Option<i32>),
        name!(value, f64),
        name!(low, Option<f64>),
        name!(high, Option<f64>),
        name!(above, Option<f64>),
        name!(above_low, Option<f64>),
        name!(above_high, Option<f64>),
        name!(users, i64),
    ),
> {
    let rows = sql(|| {
        let names = needed(models, "models")?.read(MOST)?;
        if names.is_empty() {
            return Err(Error::new(Code::InvalidParameter, "models names no model")
                .hint("For example: SELECT * FROM affinity.compare('{a,b}', 'events');"));
        }
        evaluate::recommender::compare(&names, needed(source, "source")?.0, needed(k, "k")?)
    });
    TableIterator::new(rows.into_iter().map(|r| {
        let (f, above) = (r.figure, r.above);
        let k = f.k.and_then(|k| i32::try_from(k).ok());
        let users = i64::try_from(f.rows).unwrap_or(i64::MAX);
        (Text(r.model), Text(f.metric), k, f.value, f.low, f.high, above.map(|a| a.0), above.map(|a| a.1), above.map(|a| a.2), users)
    }))
}
