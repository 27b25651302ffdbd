//! The parameters of a recommender's training, checked before anything is read.

use crate::base::params::{self, Spec};
use crate::base::{Code, Error, Result};
use crate::model::Kind;
use crate::model::kinds::{self, KINDS};
use crate::model::recommender::AUTO;
use serde_json::{Map, Value};

/// The parameters of `kind`; of `auto`, its own and those that all kinds share.
///
/// # Errors
/// [`Code::UndefinedObject`] for an unknown kind.
pub fn specs(kind: &str) -> Result<Vec<Spec>> {
    kinds::specs(kind).map_err(|e| match Kind::parse(kind) {
        Ok(_) => e.hint(format!("Kind {kind} learns from rows: affinity.train('model', 'relation', …, kind => '{kind}').")),
        Err(_) => e,
    })
}

/// Checks parameters before anything is read.
///
/// # Errors
/// [`Code::InvalidParameter`], [`Code::UndefinedObject`].
pub fn check(kind: &str, given: &Value) -> Result<Map<String, Value>> {
    let mut resolved = params::resolve(kind, &specs(kind)?, given)?;
    if kind != AUTO {
        (kinds::kind(kind)?.check)(KINDS, &mut resolved)?;
    }
    let is = |name: &str, word: &str| resolved.get(name).and_then(Value::as_str) == Some(word);
    if is("users", "snapshot") && is("read_as", "caller") {
        return Err(Error::new(Code::InvalidParameter, "parameter \"read_as\" needs users \"live\"")
            .detail("A snapshot holds what training could read, and shows it to all who may use the model.")
            .hint("Leave out one of the two."));
    }
    Ok(resolved)
}
