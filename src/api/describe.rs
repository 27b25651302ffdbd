//! `affinity.encode(model, row)` and its kin: what describes a row, the row from it, and how odd the row is; `affinity.describe(model)`:
//! what sets groups of rows apart.

use crate::base::Result;
use crate::dataset::Cell;
use crate::pg::backend::error::sql;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::call::arguments::Call;
use crate::pg::call::composite::{Field, row as composite};
use crate::pg::datum::argument_types::Text;
use crate::pg::datum::array;
use crate::pg::datum::json::Document;
use crate::pg::datum::returned::Answer;
use crate::pg::rows::scoring;
use crate::train::features::Apart;
use crate::train::row_model::{RowModel, RowScratch};
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

/// `affinity.encode(model, row)`: the numbers that describe a row.
#[pg_extern]
fn encode(call: Call<'_>) -> Option<Answer> {
    sql(|| scoring::row(call, code))
}

/// `affinity_internal.encode_columns(model text, names text[], VARIADIC "any")`: the same for the columns of a row as arguments.
#[pg_extern]
fn encode_columns(call: Call<'_>) -> Option<Answer> {
    sql(|| scoring::columns(call, code))
}

/// `affinity.reconstruct(model, row)`: every column as the model gives it back.
#[pg_extern]
fn reconstruct(call: Call<'_>) -> Option<Document> {
    sql(|| scoring::row(call, columns))
}

/// `affinity_internal.reconstruct_columns(model text, names text[], VARIADIC "any")`
#[pg_extern]
fn reconstruct_columns(call: Call<'_>) -> Option<Document> {
    sql(|| scoring::columns(call, columns))
}

/// `affinity.anomaly(model, row)`: how badly a row comes back, and which column.
#[pg_extern]
fn anomaly(call: Call<'_>) -> Option<Answer> {
    sql(|| scoring::row(call, |m, row, s| oddity(call, m, row, s)).map(Option::flatten))
}

/// `affinity_internal.anomaly_columns(model text, names text[], VARIADIC "any")`
#[pg_extern]
fn anomaly_columns(call: Call<'_>) -> Option<Answer> {
    sql(|| scoring::columns(call, |m, row, s| oddity(call, m, row, s)).map(Option::flatten))
}

/// `affinity.describe(model text)`: a row for each segment and column, the strongest differences of a segment first.
#[pg_extern]
#[allow(clippy::type_complexity)]
fn describe(
    model: Text,
) -> TableIterator<
    'static,
    (name!(segment, Text), name!(rows, i64), name!(column, Text), name!(mean, f64), name!(overall, f64), name!(effect, f64)),
> {
    let lines = sql(|| scoring::model(&model, Stamp::now())?.describes(&mut RowScratch::default())?.0.apart());
    let row = |a: Apart| (Text(a.segment), i64::try_from(a.rows).unwrap_or(i64::MAX), Text(a.column), a.mean, a.overall, a.effect);
    TableIterator::new(lines.into_iter().map(row))
}

fn code(model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<Answer> {
    let (features, scratch) = model.describes(scratch)?;
    Ok(array::datum(features.encode(row, scratch)?))
}

fn columns(model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<Document> {
    let (features, scratch) = model.describes(scratch)?;
    features.reconstruct(row, scratch).map(Document)
}

/// NULL for a row without any value.
fn oddity(call: Call<'_>, model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<Option<Answer>> {
    let (features, scratch) = model.describes(scratch)?;
    features.anomaly(row, scratch)?.map(|(score, column)| composite(call, &[Field::Float(Some(score)), Field::Text(column)])).transpose()
}
