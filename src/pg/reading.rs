//! With whose rights a model's recorded relations are read: the one gate that serving, retraining, evaluating and reporting pass.
//!
//! A relation that the caller names himself is read with his own rights and needs no gate. One that a model has on record is named by nobody who is
//! there: so it is asked whose code would run, and with whose rights.

use crate::base::{Code, Error, Result};
use crate::pg::again;
use crate::pg::foreign_code::{self, Rule};
use crate::pg::owner::{self, Acting};
use crate::pg::relation::{Relation, Source};
use crate::pg::store::{self, ModelRow};
use crate::pg::temporary;
use crate::pg::watch::{self, Watch};
use pgrx::pg_sys;
use serde_json::Value;

/// Who reads a relation for the current role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// The one as whom it is read; none: the caller as himself.
    acting: Option<Acting>,
    /// What is watched meanwhile; none where the one who calls chose what is read.
    watch: Option<Watch>,
}

impl Reader {
    /// The relation that a model has on record, and who reads it: the model's owner, or by `read_as` among its `params` the caller. `path` is where bare names
    /// were found at training.
    ///
    /// A superuser's rights are lent to nobody's code: for a superuser's model the owner of the relation reads.
    ///
    /// # Errors
    /// Those of [`Relation::recorded`]; [`Code::UndefinedObject`] where the model's owner is gone; [`Code::Privilege`] for a superuser where the model reads as
    /// its caller, and where code would run with rights that are not its owner's ([`foreign_code::admit`]).
    pub(crate) fn open(model: &ModelRow, params: &Value, path: &[String], source: &Source) -> Result<(Relation, Self)> {
        let relation = Relation::recorded(source, model, |gone| again::call(model, gone))?;
        let me = owner::current();
        if params.get("read_as").and_then(Value::as_str) == Some("caller") {
            if owner::is_superuser(me) {
                return Err(Error::new(
                    Code::Privilege,
                    format!("model \"{}\" reads as its caller, which a superuser must not be", model.name),
                )
                .detail("What stands behind its relation would run with a superuser's rights.")
                .hint("SET ROLE to an ordinary role first."));
            }
            foreign_code::admit(&relation, me, Rule::Code)?;
            let harmless = !foreign_code::is_own(&relation, me)?;
            return Ok((relation, Self { acting: None, watch: Some(Watch { reader: me, another: false, harmless, lent: false }) }));
        }
        let owner = store::living_owner(model)?;
        let reader = reads(owner, &relation);
        let lent = reader != me && !owner::is_superuser(me);
        // Who owns a model and trained it on another's view reads it as he reads that view; a superuser does not.
        let watch = (reader != me || owner::is_superuser(reader)).then_some(Watch { reader, another: reader != me, harmless: false, lent });
        if watch.is_some() {
            foreign_code::admit(&relation, reader, if lent { Rule::Lent } else { Rule::Everything })?;
        }
        Ok((relation, Self { acting: Some(Acting::as_role(reader, path)?), watch }))
    }

    /// Runs `f` as the reader.
    ///
    /// # Errors
    /// Those of [`temporary::nothing_with_code`], and of `f`.
    pub(crate) fn run<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.watch.is_some_and(|w| w.lent) {
            temporary::nothing_with_code(self.role())?;
        }
        let _watch = self.watch.map(watch::keep);
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

/// The role that reads `relation` for a model of `owner`: a superuser's rights are lent to nobody's code, so for his model the relation's owner.
pub(crate) fn reads(owner: pg_sys::Oid, relation: &Relation) -> pg_sys::Oid {
    if owner::is_superuser(owner) { relation.owner_oid } else { owner }
}
