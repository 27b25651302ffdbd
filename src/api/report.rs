//! `affinity.report(model, source, k, titles)`: a model on one page.

use crate::api::train::needed;
use crate::pg::backend::error::sql;
use crate::pg::backend::text;
use crate::pg::datum::argument_types::{Regclass, Text};
use crate::pg::evaluate::report;
use pgrx::pg_extern;

/// An HTML document that a browser opens as it is.
#[pg_extern]
fn report(model: Option<Text>, source: Option<Regclass>, k: Option<i32>, titles: Option<Regclass>) -> Text {
    sql(|| {
        let page = report::page(&needed(model, "model")?, source.map(|s| s.0), needed(k, "k")?, titles.map(|t| t.0))?;
        Ok(Text(if text::is_utf8() { page } else { in_ascii(&page) }))
    })
}

/// The same page in letters that every database has: the others by their numbers.
fn in_ascii(page: &str) -> String {
    page.chars().fold(String::with_capacity(page.len()), |mut out, c| {
        if c.is_ascii() {
            out.push(c)
        } else {
            out.push_str(&format!("&#{};", u32::from(c)))
        }
        out
    })
}
