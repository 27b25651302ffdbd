//! With whose rights a model's recorded relations are read: the one gate that serving, retraining, evaluating and reporting pass.
//!
//! A relation that the caller names himself is read with his own rights and needs no gate. One that a model has on record is named by
//! nobody who is there: so it is asked whose code would run, and with whose rights.

use crate::base::{Code, Error, Result};
use crate::model::recommender::ReadAs;
use crate::pg::backend::text::{self, literal, quote};
use crate::pg::query::foreign_code::{self, Rule};
use crate::pg::query::owner::{self, Acting};
use crate::pg::query::relation::{Relation, Source};
use crate::pg::query::temporary;
use crate::pg::query::watched::{self, Watch};
use crate::pg::store::models::{self, ModelRow};
use crate::pg::store::training_call;
use pgrx::pg_sys;

/// Who reads a relation for the current role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// The one as whom it is read; none: the caller as himself.
    acting: Option<Acting>,
    /// What is watched meanwhile; none where the one who calls chose what is read.
    watch: Option<Watch>,
}

impl Reader {
    /// The relation that a model has on record, and who reads it: the model's owner, or by `read_as` the caller. `path` is where bare names
    /// were found at training.
    ///
    /// A superuser's rights are lent to nobody's code: for a superuser's model the owner of the relation reads.
    ///
    /// # Errors
    /// Those of [`recorded`]; [`Code::UndefinedObject`] where the model's owner is gone; [`Code::Privilege`] for a superuser where the model reads as
    /// its caller, and where code would run with rights that are not its owner's ([`foreign_code::admit`]).
    pub(crate) fn open(model: &ModelRow, read_as: ReadAs, path: &[String], source: &Source) -> Result<(Relation, Self)> {
        let relation = recorded(source, model, |gone| training_call::call(model, gone))?;
        let me = owner::current();
        if read_as == ReadAs::Caller {
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
        let owner = models::living_owner(model)?;
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
        let _watch = self.watch.map(watched::keep);
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

/// The role that reads `relation` for a model of `owner`: a superuser's rights are lent to nobody's code, so for his model the relation's
/// owner.
pub(crate) fn reads(owner: pg_sys::Oid, relation: &Relation) -> pg_sys::Oid {
    if owner::is_superuser(owner) { relation.owner_oid } else { owner }
}

/// The relation that `model` has on record: by schema and name, still of the same owner or of the model's now. It is locked against changes
/// until the end of the transaction, so that what is found out about it holds when it is read. `again` is the SQL that trains the model
/// anew, without a relation that is gone.
///
/// # Errors
/// [`Code::UndefinedTable`] when it is gone, [`Code::WrongState`] when it is now another role's.
pub(crate) fn recorded(source: &Source, model: &ModelRow, again: impl Fn(Option<&Source>) -> String) -> Result<Relation> {
    let Source { schema, name, owner } = source;
    let full = format!("{}.{}", quote(schema), quote(name));
    let oid = locked(schema, name)?.ok_or_else(|| {
        Error::new(Code::UndefinedTable, format!("relation {full} does not exist"))
            .detail("The model was trained on it.")
            .hint(format!("Create it again, or train the model on the relation that took its place: {};", again(Some(source))))
    })?;
    let relation = Relation::open(oid)?;
    if relation.owner != *owner && relation.owner_oid != model.owner.oid {
        return Err(Error::new(Code::WrongState, format!("relation {full} has another owner than when the model was trained"))
            .detail(format!("It belonged to {owner} and belongs to {} now.", relation.owner))
            .hint(format!(
                "If it is the right one, train the model on it again: {}; or give the model to its owner: SELECT affinity.alter_owner({}, {});",
                again(None),
                literal(&model.name),
                literal(&relation.owner)
            )));
    }
    Ok(relation)
}

/// The relation that is called so at this moment, which nobody can drop, rename or alter any more until the transaction ends; none where
/// there is none.
fn locked(schema: &str, name: &str) -> Result<Option<pg_sys::Oid>> {
    let (schema, name) = (text::c(schema)?, text::c(name)?);
    // SAFETY: NUL-terminated names; look-ups by the newest catalogues, and a lock that Postgres frees.
    let find = || unsafe {
        let schema = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        if schema == pg_sys::InvalidOid { schema } else { pg_sys::get_relname_relid(name.as_ptr(), schema) }
    };
    let mut oid = find();
    while oid != pg_sys::InvalidOid {
        // SAFETY: as above; waiting for the lock can be cancelled, and takes in what others have changed.
        unsafe { pg_sys::LockRelationOid(oid, pg_sys::AccessShareLock as i32) }
        let now = find();
        if now == oid {
            return Ok(Some(oid));
        }
        oid = now;
    }
    Ok(None)
}
