//! What kinds of models there are, and what parameters they take.

use crate::base::Result;
use crate::base::params::Spec;
use crate::model::RowKind;
use crate::model::kinds::{AUTO_FOR_WHAT, KINDS, learns_from_events};
use crate::model::recommender::AUTO;
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::Text;
use pgrx::prelude::*;

const EVENTS: &str = "events of users with items";

/// The kinds of models.
#[pg_extern]
fn kinds() -> TableIterator<'static, (name!(kind, &'static str), name!(for_what, &'static str), name!(learns_from, &'static str))> {
    let rows = RowKind::ALL.into_iter().map(|k| (k.name(), k.for_what(), k.learns_from()));
    let auto = (AUTO, AUTO_FOR_WHAT, EVENTS);
    let events = KINDS.iter().map(|k| (k.name, k.for_what, EVENTS));
    TableIterator::new(rows.chain([auto]).chain(events).collect::<Vec<_>>())
}

/// The parameters of a kind.
#[pg_extern]
fn params(
    kind: Text,
) -> TableIterator<
    'static,
    (
        name!(name, &'static str),
        name!(type, String),
        name!(default, &'static str),
        name!(range, Option<String>),
        name!(meaning, &'static str),
    ),
> {
    let specs = sql(|| specs(&kind));
    TableIterator::new(specs.into_iter().map(|s| (s.name, s.type_name(), s.default, s.range(), s.meaning)).collect::<Vec<_>>())
}

fn specs(kind: &str) -> Result<Vec<Spec>> {
    if learns_from_events(kind) {
        return crate::train::recommender_params::specs(kind);
    }
    RowKind::parse(kind).map(|k| k.params().to_vec())
}
