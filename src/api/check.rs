//! Whether what is stored is as it should be: one version before it is deployed, and all at the owner's request.

use crate::base::Result;
use crate::model::RowKind;
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::Text;
use crate::pg::integrity;
use crate::pg::rows::train;
use crate::pg::store::models::VersionRow;
use crate::pg::store::{progress, shared_file, weights};
use crate::serve::recommender::Recommender;
use pgrx::prelude::*;

/// One row for each thing that is not as it should be.
#[pg_extern]
#[allow(clippy::type_complexity)]
fn check() -> TableIterator<
    'static,
    (name!(model, Option<Text>), name!(version, Option<i32>), name!(finding, Text), name!(detail, Text), name!(mend, Text)),
> {
    let found = sql(|| {
        progress::sweep();
        // What cannot be looked at stays.
        let _ = shared_file::sweep();
        integrity::findings()
    });
    TableIterator::new(found.into_iter().map(|f| (f.model.map(Text), f.version, Text(f.finding), Text(f.detail), Text(f.mend))))
}

/// Reads a version's weights, checks their digest, and builds the model from them.
///
/// # Errors
/// [`crate::base::Code::Corrupt`].
pub(crate) fn loads(version: &VersionRow) -> Result<()> {
    let tensors = weights::fresh_tensors(version)?;
    if RowKind::parse(&version.kind).is_ok() {
        train::load(version, &tensors).map(drop)
    } else {
        Recommender::load(&version.state, &tensors).map(drop)
    }
}
