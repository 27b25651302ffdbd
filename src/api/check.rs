//! Whether a stored version can score at all: asked before it is deployed.

use crate::base::Result;
use crate::model::Kind;
use crate::pg::store::VersionRow;
use crate::pg::{rows, weights};
use crate::train::recommender::Recommender;

/// Reads a version's weights, checks their digest, and builds the model from them.
///
/// # Errors
/// [`crate::base::Code::Corrupt`].
pub(crate) fn loads(version: &VersionRow) -> Result<()> {
    let tensors = weights::fresh_tensors(version)?;
    if Kind::parse(&version.kind).is_ok() {
        rows::load(version, &tensors).map(drop)
    } else {
        Recommender::load(&version.state, &tensors).map(drop)
    }
}
