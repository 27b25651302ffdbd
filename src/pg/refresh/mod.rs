//! A model's latest training, repeated: in the transaction of the caller, or over two of its own, with neither snapshot nor lock in between.

mod background;
mod procedure;

pub(crate) use background::{cancel, start};
pub(crate) use procedure::{all, one};

use crate::base::{Code, Error, Result};
use crate::pg::query::owner::{self, Acting};
use crate::pg::store::format;
use crate::pg::store::models::{self, ModelRow};
use crate::pg::store::publish::{Again, Published};
use crate::pg::store::training::Learning;
use crate::pg::{recommender, rows};
use serde_json::Value;

/// Repeats the latest training of `model` in this transaction, with the rights of its owner.
///
/// # Errors
/// Those of [`read`] and of publishing.
pub(crate) fn at_once(model: &ModelRow, again: Again) -> Result<Published> {
    let learning = read(model, again)?;
    owner::as_role(&Acting::as_role(model.owner.oid, &[])?, || learning.finish())
}

/// Reads for the latest training of `model` what is there now, with the rights of its owner.
///
/// # Errors
/// [`Code::UndefinedObject`] where the owner is gone, [`Code::WrongState`] without a version, [`Code::Corrupt`] for a call that is none;
/// those of the function that was called.
pub(crate) fn read(model: &ModelRow, again: Again) -> Result<Learning> {
    models::living_owner(model)?;
    let version = models::latest_version(model)?;
    format::known(&version)?;
    let call = version.call;
    // Each function that trains repeats its own calls.
    match call.get("function").and_then(Value::as_str) {
        Some(rows::train::FUNCTION) => rows::train::read_again(model, &call, again),
        Some(recommender::train::FUNCTION) => recommender::train::read_again(model, &call, again),
        other => Err(Error::new(Code::Corrupt, "the recorded call cannot be repeated")
            .detail(format!("It names the function {}.", other.unwrap_or("null")))
            .hint("Train the model again by name.")),
    }
}
