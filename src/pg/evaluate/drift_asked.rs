//! What `affinity.drift` is asked, and what is on record of the version that it is asked about.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result};
use crate::pg::backend::text::quote;
use crate::pg::datum::value_form::Form;
use crate::pg::query::owner::as_extension;
use crate::pg::query::relation::Relation;
use crate::pg::query::spi::{self, Arg};
use crate::pg::rows::train::SAMPLED_FROM;
use crate::pg::store::models::{self, VersionRow};
use pgrx::pg_sys;
use serde_json::Value;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// The relation, read as the caller; none: that of the training, read as its training is repeated.
    pub source: Option<pg_sys::Oid>,
    /// Of its rows those from then on: microseconds since 2000-01-01.
    pub since: Option<i64>,
    /// The version; none: the deployed one.
    pub version: Option<i32>,
}

/// What is on record of how a version was trained.
pub(crate) struct Record {
    /// Rows or events that there were to learn from.
    pub rows: f64,
    /// Its figures on held-out rows.
    pub metrics: Value,
}

/// The record of a version.
///
/// # Errors
/// [`Code::UndefinedObject`].
pub(crate) fn record(version: &VersionRow) -> Result<Record> {
    const RECORD: &str = "SELECT rows_used, metrics FROM affinity.stored_versions \
         WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";
    let read = |r: &spi::Row| {
        let (used, metrics) = (r.big(1).unwrap_or(0).real(), r.json(2)?);
        let rows = metrics.get(SAMPLED_FROM).and_then(Value::as_f64).unwrap_or(used);
        Ok(Record { rows, metrics })
    };
    as_extension(|| spi::first(RECORD, &[Arg::Uuid(version.model_id), Arg::Int(version.version)], read))?
        .ok_or_else(|| models::unknown_version(version.model_id, version.version))
}

/// SQL that is true of rows whose `time_col` is `since` or later.
///
/// # Errors
/// [`Code::InvalidParameter`] where the model has no such column, or one of numbers; [`Code::UndefinedColumn`].
pub(crate) fn condition(relation: &Relation, time_col: Option<&str>, since: i64) -> Result<String> {
    let name = time_col.ok_or_else(|| {
        Error::new(Code::InvalidParameter, "the model has no time column, so since tells no row from another")
            .detail("It was trained without time_col.")
            .hint("Give a view of the rows from then on as source, or train with time_col => '…'.")
    })?;
    let column = relation.column(name)?;
    if !matches!(column.form, Some(Form::Date | Form::Timestamp)) {
        return Err(Error::new(
            Code::InvalidParameter,
            format!("time column \"{name}\" has type {}, which since is not compared with", column.type_name),
        )
        .detail("since is an instant.")
        .hint("Give a view of the rows from then on as source."));
    }
    // Seconds since 1970, of which a double holds microseconds until 2255.
    let seconds = match since {
        i64::MIN => "'-Infinity'".to_owned(),
        i64::MAX => "'Infinity'".to_owned(),
        _ => format!("{:.6}", since.real() / 1e6 + 946_684_800.0),
    };
    Ok(format!("{}::pg_catalog.timestamptz OPERATOR(pg_catalog.>=) pg_catalog.to_timestamp({seconds}::pg_catalog.float8)", quote(name)))
}
