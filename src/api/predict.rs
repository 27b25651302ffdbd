//! `affinity.predict(model, row)` and its kin: a score for each row of a query.

use crate::base::Result;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::datum::argument_types::Text;
use crate::pg::datum::json::Document;
use crate::pg::rows::{planner_support, scoring};
use crate::serve::Outcome;
use pgrx::{Internal, pg_extern};
use serde_json::Value;

/// `affinity.predict(model, row)`: the probability of the positive class, or the value.
#[pg_extern]
fn predict(call: Call<'_>) -> Option<f64> {
    sql(|| scoring::scores(call, number))
}

/// `affinity_internal.predict_columns(model text, names text[], VARIADIC "any")`: the same for the columns of a row as arguments.
#[pg_extern]
fn predict_columns(call: Call<'_>) -> Option<f64> {
    sql(|| scoring::scores_of_columns(call, number))
}

/// The support function of those that take a row: lets the planner pass its columns instead.
#[pg_extern]
fn row_support(call: Call<'_>) -> Option<Internal> {
    sql(|| Ok(Some(planner_support::support(call))))
}

/// `affinity.predict_class(model, row)`: the likeliest class, as text.
#[pg_extern]
fn predict_class(call: Call<'_>) -> Option<Text> {
    sql(|| scoring::scores(call, class))
}

/// `affinity_internal.predict_class_columns(model text, names text[], VARIADIC "any")`
#[pg_extern]
fn predict_class_columns(call: Call<'_>) -> Option<Text> {
    sql(|| scoring::scores_of_columns(call, class))
}

/// `affinity.predict_proba(model, row)`: the probability of each class.
#[pg_extern]
fn predict_proba(call: Call<'_>) -> Option<Document> {
    sql(|| scoring::scores(call, probabilities))
}

/// `affinity_internal.predict_proba_columns(model text, names text[], VARIADIC "any")`
#[pg_extern]
fn predict_proba_columns(call: Call<'_>) -> Option<Document> {
    sql(|| scoring::scores_of_columns(call, probabilities))
}

fn number(outcome: &Outcome, scores: &[f64], _: &[f64]) -> Result<f64> {
    outcome.number(scores)
}

fn class(outcome: &Outcome, scores: &[f64], weights: &[f64]) -> Result<Text> {
    outcome.class(scores, weights).map(|c| Text(c.to_owned()))
}

fn probabilities(outcome: &Outcome, scores: &[f64], _: &[f64]) -> Result<Document> {
    outcome.probabilities(scores).map(|p| Value::from(p).into())
}
