//! Training and retraining.

use crate::base::{Code, Error, Result, names};
use crate::pg::backend::compat;
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::{Name, Regclass, Text};
use crate::pg::datum::json::{Document, Json};
use crate::pg::query::owner;
use crate::pg::query::relation::{Relation, Source};
use crate::pg::store::models;
use crate::pg::store::publish::{Again, Deploy, Published};
use crate::pg::store::source_access::Reader;
use crate::pg::{refresh, rows};
use pgrx::prelude::*;
use serde_json::json;

/// The one row of a training: the columns of the SQL type `affinity.training`.
pub(crate) type Row = TableIterator<
    'static,
    (
        name!(model, Text),
        name!(version, i32),
        name!(kind, Text),
        name!(rows_used, i64),
        name!(rows_skipped, i64),
        name!(seconds, f64),
        name!(metrics, Document),
        name!(deployed, bool),
    ),
>;

/// Trains a model on a relation.
#[pg_extern]
#[allow(clippy::too_many_arguments)]
fn train(
    model: Option<Text>,
    source: Option<Regclass>,
    target: Option<Name>,
    kind: Option<Text>,
    time_col: Option<Name>,
    group_col: Option<Name>,
    params: Option<Json>,
    seed: Option<i64>,
    deploy: Option<Text>,
) -> Row {
    sql(|| {
        let relation = Relation::open(needed(source, "source")?.0)?;
        let call = rows::train::Call {
            function: rows::train::FUNCTION.into(),
            source: Source::of(&relation),
            search_path: owner::search_path(),
            target: target.map(|t| t.0),
            kind: word(kind, "kind")?,
            time_col: time_col.map(|n| n.0),
            group_col: group_col.map(|n| n.0),
            params: params.map_or_else(|| Ok(json!({})), |p| p.read("params"))?,
            seed: seed.unwrap_or(0),
            deploy: word(deploy, "deploy")?,
        };
        rows::train::read(&model_name(model)?, call, &relation, &Reader::default(), None)?.finish().map(row)
    })
}

/// Repeats a model's latest training on the rows that are there now, with the rights of its owner.
#[pg_extern]
fn retrain(model: Option<Text>, deploy: Option<Text>) -> Row {
    sql(|| {
        compat::must_be_writable(c"affinity.retrain()");
        let again = again(deploy, false)?;
        refresh::at_once(&models::own(&needed(model, "model")?)?, again).map(row)
    })
}

/// The arguments of what repeats a training.
///
/// # Errors
/// [`Code::InvalidParameter`].
pub(crate) fn again(deploy: Option<Text>, warm: bool) -> Result<Again> {
    let deploy = deploy.map(|d| word(Some(d), "deploy").and_then(|d| Deploy::parse(&d))).transpose()?;
    Ok(Again { deploy, warm, run: None })
}

/// A model's name, which is there, not empty and not too long.
pub(crate) fn model_name(model: Option<Text>) -> Result<String> {
    let name = needed(model, "model")?.0;
    if name.is_empty() {
        return Err(Error::new(Code::InvalidParameter, "a model's name must not be empty"));
    }
    names::check("model", &name).map(|()| name)
}

/// An argument that must not be NULL.
pub(crate) fn needed<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| Error::new(Code::InvalidParameter, format!("argument \"{name}\" must not be NULL")))
}

/// An argument that is one of a few words.
pub(crate) fn word(value: Option<Text>, name: &str) -> Result<String> {
    let word = needed(value, name)?.0;
    names::check(name, &word).map(|()| word)
}

/// What became of a training as its row.
pub(crate) fn row(p: Published) -> Row {
    TableIterator::once((Text(p.model), p.version, Text(p.kind), p.rows_used, p.rows_skipped, p.seconds, p.metrics.into(), p.deployed))
}
