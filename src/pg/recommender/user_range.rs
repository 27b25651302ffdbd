//! Some of the users, by the order of their ids: those that a call makes lists for where it does not for all.

use crate::base::{Code, Error, Result};
use crate::dataset::{Id, IdKind};
use crate::pg::backend::text::literal;
use crate::pg::query::id_type::IdType;
use std::cmp::Ordering;

/// From one user on, up to another who is not among them: ranges that lie side by side share no user.
#[derive(Debug, Default)]
pub(crate) struct UserRange {
    from: Option<Id>,
    to: Option<Id>,
}

impl UserRange {
    /// Of two arguments; `given` says whether there is one, which is an id of `kind` or none.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for what is no id.
    pub(crate) fn new(bounds: [(&str, bool, Option<Id>); 2], kind: IdKind) -> Result<Self> {
        let [from, to] = bounds.map(|(name, given, id)| match (given, id) {
            (true, None) => Err(Error::new(Code::InvalidParameter, format!("{name} is no id of a user"))
                .detail(format!("A user's id is {} here.", kind.article()))
                .hint("from_user and to_user are ids, the second that of the first user who is left out; NULL: no bound.")),
            (_, id) => Ok(id),
        });
        Ok(Self { from: from?, to: to? })
    }

    /// SQL that is true of the users of the range, from `AND` on. `key` is what puts them in order: of the type `typ`, or where there is
    /// none, of the kind.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`] where the type's operators are dropped meanwhile.
    pub(crate) fn condition(&self, key: &str, kind: IdKind, typ: Option<IdType>) -> Result<String> {
        let (less, cast) = match (typ, kind) {
            (Some(typ), _) => (typ.less()?, typ.sql()),
            (None, IdKind::Integer) => (LESS.to_owned(), "pg_catalog.int8".to_owned()),
            (None, IdKind::Uuid) => (LESS.to_owned(), "pg_catalog.uuid".to_owned()),
            (None, IdKind::Text) => (LESS.to_owned(), "pg_catalog.text".to_owned()),
        };
        let before = |id: &Id| format!("{key} {less} {}::{cast}", literal(&id.to_string()));
        // The planner makes >= of what is not before, where an index has that.
        let from = self.from.iter().map(|id| format!(" AND NOT ({})", before(id)));
        Ok(from.chain(self.to.iter().map(|id| format!(" AND {}", before(id)))).collect())
    }

    /// Whether a user is of the range.
    ///
    /// # Errors
    /// Postgres raises what is no value of the type.
    pub(crate) fn holds(&self, user: &Id, typ: Option<IdType>) -> Result<bool> {
        let order = |bound: &Id| match (typ, user, bound) {
            (Some(typ), Id::Text(user), Id::Text(bound)) => typ.order(user, bound),
            _ => Ok(user.cmp(bound)),
        };
        let after_from = self.from.as_ref().map_or(Ok(true), |from| Ok::<_, Error>(order(from)? != Ordering::Less))?;
        Ok(after_from && self.to.as_ref().map_or(Ok(true), |to| Ok::<_, Error>(order(to)? == Ordering::Less))?)
    }

    /// Whether it has bounds.
    pub(crate) fn is_bounded(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }
}

const LESS: &str = "OPERATOR(pg_catalog.<)";
