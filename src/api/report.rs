//! `affinity.report(model, source, k, titles)`: a model on one page.

use crate::api::train::needed;
use crate::pg::argument::Regclass;
use crate::pg::error::sql;
use crate::pg::reporting;
use pgrx::pg_extern;

/// An HTML document that a browser opens as it is.
#[pg_extern]
fn report(model: Option<&str>, source: Option<Regclass>, k: Option<i32>, titles: Option<Regclass>) -> String {
    sql(|| reporting::page(needed(model, "model")?, source.map(|s| s.0), needed(k, "k")?, titles.map(|t| t.0)))
}
