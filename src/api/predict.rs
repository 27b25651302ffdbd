//! `affinity.predict(model, row)` and its kin: a score for each row of a query.

use crate::base::Result;
use crate::pg::call::Call;
use crate::pg::error::sql;
use crate::pg::{expand, scoring};
use crate::train::Outcome;
use pgrx::{Internal, JsonB, pg_extern, pg_sys};

/// `affinity.predict(model text, row record)`: the probability of the positive class, or the value.
#[pg_extern]
fn predict(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    sql(|| scoring::scores_of_row(Call::of(fcinfo), number))
}

/// `affinity.predict_columns(model text, names text[], VARIADIC "any")`: the same for the columns of a row as arguments.
#[pg_extern]
fn predict_columns(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    sql(|| scoring::scores_of_columns(Call::of(fcinfo), number))
}

/// The support function of those that take a row: lets the planner pass its columns instead.
#[pg_extern]
fn row_support(fcinfo: pg_sys::FunctionCallInfo) -> Option<Internal> {
    sql(|| Ok(Some(expand::support(Call::of(fcinfo)))))
}

/// `affinity.predict(model text, row real[])`: the same for the inputs in the order of the training relation's columns.
#[pg_extern]
fn predict_elements(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    sql(|| scoring::scores_of_elements(Call::of(fcinfo), number))
}

/// `affinity.predict_class(model text, row record)`: the likeliest class, as text.
#[pg_extern]
fn predict_class(fcinfo: pg_sys::FunctionCallInfo) -> Option<String> {
    sql(|| scoring::scores_of_row(Call::of(fcinfo), class))
}

/// `affinity.predict_class_columns(model text, names text[], VARIADIC "any")`
#[pg_extern]
fn predict_class_columns(fcinfo: pg_sys::FunctionCallInfo) -> Option<String> {
    sql(|| scoring::scores_of_columns(Call::of(fcinfo), class))
}

/// `affinity.predict_class(model text, row real[])`
#[pg_extern]
fn predict_class_elements(fcinfo: pg_sys::FunctionCallInfo) -> Option<String> {
    sql(|| scoring::scores_of_elements(Call::of(fcinfo), class))
}

/// `affinity.predict_proba(model text, row record)`: the probability of each class.
#[pg_extern]
fn predict_proba(fcinfo: pg_sys::FunctionCallInfo) -> Option<JsonB> {
    sql(|| scoring::scores_of_row(Call::of(fcinfo), probabilities))
}

/// `affinity.predict_proba_columns(model text, names text[], VARIADIC "any")`
#[pg_extern]
fn predict_proba_columns(fcinfo: pg_sys::FunctionCallInfo) -> Option<JsonB> {
    sql(|| scoring::scores_of_columns(Call::of(fcinfo), probabilities))
}

/// `affinity.predict_proba(model text, row real[])`
#[pg_extern]
fn predict_proba_elements(fcinfo: pg_sys::FunctionCallInfo) -> Option<JsonB> {
    sql(|| scoring::scores_of_elements(Call::of(fcinfo), probabilities))
}

fn number(outcome: &Outcome, scores: &[f64]) -> Result<f64> {
    outcome.number(scores)
}

fn class(outcome: &Outcome, scores: &[f64]) -> Result<String> {
    outcome.class(scores).map(str::to_owned)
}

fn probabilities(outcome: &Outcome, scores: &[f64]) -> Result<JsonB> {
    outcome.probabilities(scores).map(|p| JsonB(p.into()))
}
