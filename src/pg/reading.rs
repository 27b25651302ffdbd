//! With whose rights a model's recorded relations are read: the one gate that serving, retraining, evaluating and reporting pass.
//!
//! A relation that the caller names himself is read with his own rights and needs no gate. One that a model has on record is named by nobody who is
//! there: so it is asked whose code would run, and with whose rights.

use crate::base::{Code, Error, Result};
use crate::pg::foreign_code::{self, Rule};
use crate::pg::owner::{self, Acting};
use crate::pg::relation::Relation;
use crate::pg::store::{self, ModelRow};
use pgrx::pg_sys;
use serde_json::Value;

/// Who reads a model's relations for the current role.
pub(crate) struct Reader {
    /// The one whom the reading is done as; none: the caller.
    acting: Option<Acting>,
}

impl Reader {
    /// As the parameter `read_as` of a version says: the model's owner, or the caller. `path` is where bare names were found at training.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`] where the owner is gone; [`Code::Privilege`] for a superuser where the model reads as its caller.
    pub(crate) fn of(model: &ModelRow, params: &Value, path: &[String]) -> Result<Self> {
        if params.get("read_as").and_then(Value::as_str) != Some("caller") {
            return Self::owner(model, path);
        }
        if owner::is_superuser(owner::current()) {
            return Err(Error::new(Code::Privilege, format!("model \"{}\" reads as its caller, which a superuser must not be", model.name))
                .detail("What stands behind its relation would run with a superuser's rights.")
                .hint("SET ROLE to an ordinary role first."));
        }
        Ok(Self { acting: None })
    }

    /// The model's owner.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`] where there is none any more.
    pub(crate) fn owner(model: &ModelRow, path: &[String]) -> Result<Self> {
        Ok(Self { acting: Some(Acting::as_role(store::living_owner(model)?, path)?) })
    }

    /// Whether reading `relation` runs nobody's code with rights that are not his to use.
    ///
    /// # Errors
    /// [`Code::Privilege`].
    pub(crate) fn admit(&self, relation: &Relation) -> Result<()> {
        let me = owner::current();
        match self.acting.as_ref().map_or(me, |a| a.role) {
            reader if reader != me => foreign_code::admit(relation, reader, Rule::Everything),
            reader if self.acting.is_none() || owner::is_superuser(reader) => foreign_code::admit(relation, reader, Rule::Code),
            // Who owns a model and trained it on another's view reads it as he reads that view.
            _ => Ok(()),
        }
    }

    /// Runs `f` as the reader.
    ///
    /// # Errors
    /// Those of `f`.
    pub(crate) fn run<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        match &self.acting {
            Some(acting) => owner::as_role(acting, f),
            None => f(),
        }
    }

    /// Whether it is the caller as himself.
    pub(crate) fn is_caller(&self) -> bool {
        self.acting.is_none()
    }

    /// The role that reads.
    pub(crate) fn role(&self) -> pg_sys::Oid {
        self.acting.as_ref().map_or_else(owner::current, |a| a.role)
    }
}
