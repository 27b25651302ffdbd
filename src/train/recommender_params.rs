//! The parameters of a recommender's training, resolved and checked once, before anything is read.

use crate::base::params::{self, Spec};
use crate::base::{Code, Error, Result};
use crate::model::kinds::{self, KINDS};
use crate::model::recommender::{AUTO, CommonParams, Kind, ReadAs, Users};
use serde_json::{Map, Value};

/// What a call of `train_recommender` asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The kind; none: [`AUTO`].
    pub kind: Option<&'static Kind>,
    /// All its parameters.
    pub params: Map<String, Value>,
    /// Those that all kinds share.
    pub common: CommonParams,
}

impl Request {
    /// Of a kind's name and the parameters that were given.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`]; [`Code::UndefinedObject`] for an unknown kind.
    pub fn new(kind: &str, given: &Value) -> Result<Self> {
        let mut params = params::resolve(kind, &specs(kind)?, given)?;
        let kind = if kind == AUTO { None } else { Some(kinds::kind(kind)?) };
        if let Some(kind) = kind {
            (kind.check)(KINDS, &mut params)?;
        }
        let common = CommonParams::of(&params)?;
        if (common.users, common.read_as) == (Users::Snapshot, ReadAs::Caller) {
            return Err(Error::new(Code::InvalidParameter, "parameter \"read_as\" needs users \"live\"")
                .detail("A snapshot holds what training could read, and shows it to all who may use the model.")
                .hint("Leave out one of the two."));
        }
        Ok(Self { kind, params, common })
    }

    /// The columns of the events that parameter `context` names.
    pub fn context(&self) -> Vec<String> {
        let names = self.params.get("context").and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// The parameters of `kind`; of [`AUTO`], its own and those that all kinds share.
///
/// # Errors
/// [`Code::UndefinedObject`] for an unknown kind.
pub fn specs(kind: &str) -> Result<Vec<Spec>> {
    kinds::specs(kind).map_err(|e| match crate::model::RowKind::parse(kind) {
        Ok(_) => e.hint(format!("Kind {kind} learns from rows: affinity.train('model', 'relation', …, kind => '{kind}').")),
        Err(_) => e,
    })
}
