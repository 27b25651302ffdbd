//! `affinity.predict(model, row)` and its kin: a score for each row of a query.

use crate::base::Result;
use crate::dataset::Cell;
use crate::pg::call::Call;
use crate::pg::error::sql;
use crate::pg::scoring;
use crate::train::row_model::{RowModel, RowScratch};
use pgrx::{JsonB, pg_extern, pg_sys};

/// `affinity.predict(model text, row record)`: the probability of the positive class, or the value.
#[pg_extern]
fn predict(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    sql(|| scoring::row(Call::of(fcinfo), number))
}

/// `affinity.predict(model text, row real[])`: the same for the inputs in the order of the training relation's columns.
#[pg_extern]
fn predict_elements(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    sql(|| scoring::elements(Call::of(fcinfo), number))
}

/// `affinity.predict_class(model text, row record)`: the likeliest class, as text.
#[pg_extern]
fn predict_class(fcinfo: pg_sys::FunctionCallInfo) -> Option<String> {
    sql(|| scoring::row(Call::of(fcinfo), class))
}

/// `affinity.predict_class(model text, row real[])`
#[pg_extern]
fn predict_class_elements(fcinfo: pg_sys::FunctionCallInfo) -> Option<String> {
    sql(|| scoring::elements(Call::of(fcinfo), class))
}

/// `affinity.predict_proba(model text, row record)`: the probability of each class.
#[pg_extern]
fn predict_proba(fcinfo: pg_sys::FunctionCallInfo) -> Option<JsonB> {
    sql(|| scoring::row(Call::of(fcinfo), probabilities))
}

/// `affinity.predict_proba(model text, row real[])`
#[pg_extern]
fn predict_proba_elements(fcinfo: pg_sys::FunctionCallInfo) -> Option<JsonB> {
    sql(|| scoring::elements(Call::of(fcinfo), probabilities))
}

fn number(model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<f64> {
    let (scorer, scratch) = model.predicts(scratch)?;
    scorer.outcome().number(scorer.score(row, scratch)?)
}

fn class(model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<String> {
    let (scorer, scratch) = model.predicts(scratch)?;
    scorer.outcome().class(scorer.score(row, scratch)?).map(str::to_owned)
}

fn probabilities(model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<JsonB> {
    let (scorer, scratch) = model.predicts(scratch)?;
    scorer.outcome().probabilities(scorer.score(row, scratch)?).map(|p| JsonB(p.into()))
}
