//! Relations that models learn from: who owns them, what columns they have, how they are named in SQL.

use crate::base::{Code, Error, Result, names};
use crate::dataset::frame::missing_column;
use crate::pg::columns::Form;
use crate::pg::owner;
use crate::pg::spi::{self, Arg};
use pgrx::pg_sys;

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub typ: pg_sys::Oid,
    /// Its type's name with modifiers, for messages.
    pub type_name: String,
    /// How it is read; none for a type that no model reads.
    pub form: Option<Form>,
}

/// A table, view, materialised view, partitioned or foreign table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Its oid.
    pub oid: pg_sys::Oid,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The role that owns it.
    pub owner: String,
    /// `r`, `v`, `m`, `p`, `f`.
    pub kind: char,
    /// Whether it is temporary: another session cannot read it.
    pub temporary: bool,
    /// Whether it has row security: policies are code that runs with the reader's rights.
    pub row_security: bool,
    /// The columns that are not dropped, in order.
    pub columns: Vec<Attribute>,
}

impl Relation {
    /// The relation of an oid. Reading its description needs no rights on it; reading its rows does.
    ///
    /// # Errors
    /// [`Code::UndefinedTable`] when there is none, [`Code::WrongType`] when it is an index, a sequence …
    pub(crate) fn open(oid: pg_sys::Oid) -> Result<Self> {
        const CLASS: &str = "SELECT n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner), c.relkind, c.relpersistence, c.relrowsecurity \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
             WHERE c.oid OPERATOR(pg_catalog.=) $1";
        const COLUMNS: &str = "SELECT attname, atttypid, pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute \
             WHERE attrelid OPERATOR(pg_catalog.=) $1 AND attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT attisdropped ORDER BY attnum";
        let mut relation = spi::first(CLASS, &[Arg::Oid(oid)], |r| {
            let text = |i| r.text(i).unwrap_or_default();
            Ok(Self {
                oid,
                schema: text(1),
                name: text(2),
                owner: text(3),
                kind: text(4).chars().next().unwrap_or(' '),
                temporary: text(5) == "t",
                row_security: r.bool(6).unwrap_or(false),
                columns: Vec::new(),
            })
        })?
        .ok_or_else(|| {
            Error::new(Code::UndefinedTable, format!("relation with oid {} does not exist", oid.to_u32()))
                .hint("Give the name of a table or view: 'schema.name'.")
        })?;
        if !"rvmpf".contains(relation.kind) {
            return Err(Error::new(Code::WrongType, format!("\"{}\" is not a table or view", relation.name))
                .hint("Give a table, view, materialised view or foreign table."));
        }
        relation.columns = spi::select(COLUMNS, &[Arg::Oid(oid)], |r| {
            let typ = r.oid(2).unwrap_or(pg_sys::InvalidOid);
            Ok(Attribute { name: r.text(1).unwrap_or_default(), typ, type_name: r.text(3).unwrap_or_default(), form: Form::of(typ) })
        })?;
        Ok(relation)
    }

    /// The relation that a model has on record: by schema and name, still of the same owner.
    ///
    /// # Errors
    /// [`Code::UndefinedTable`] when it is gone, [`Code::WrongState`] when it is now another role's.
    pub(crate) fn recorded(schema: &str, name: &str, owner: &str) -> Result<Self> {
        const FIND: &str = "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
             WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
        let full = format!("{}.{}", quote(schema), quote(name));
        let oid = spi::first(FIND, &[Arg::Text(schema), Arg::Text(name)], |r| Ok(r.oid(1)))?.flatten().ok_or_else(|| {
            Error::new(Code::UndefinedTable, format!("relation {full} does not exist"))
                .detail("The model was trained on it.")
                .hint("Create it again, or train the model on another relation with affinity.train.")
        })?;
        let relation = Self::open(oid)?;
        if relation.owner != owner {
            return Err(Error::new(Code::WrongState, format!("relation {full} has another owner than when the model was trained"))
                .detail(format!("It belonged to {owner} and belongs to {} now.", relation.owner))
                .hint("If it is the right one, train the model on it again with affinity.train."));
        }
        Ok(relation)
    }

    /// Whether its rows may be read with the rights of `role` for a caller who has them not.
    ///
    /// Whoever owns or restores the database writes the store's rows, and could set another role's name beside a view of his own: code
    /// behind the relation must be that role's own or a superuser's.
    ///
    /// # Errors
    /// [`Code::Privilege`].
    pub(crate) fn readable_for(&self, role: &str) -> Result<()> {
        let code = matches!(self.kind, 'v' | 'f') || self.row_security;
        if !code || self.owner == role || owner::has_rights_of(role)? || owner::find(&self.owner)?.is_some_and(owner::is_superuser) {
            return Ok(());
        }
        Err(Error::new(Code::Privilege, format!("relation {} may not be read with the rights of {role}", self.sql()))
            .detail(format!("It runs code of {}, who owns it, and the model is {role}'s.", self.owner))
            .hint("Train on a view of the model's owner, or with params => '{\"read_as\": \"caller\"}'."))
    }

    /// Its name in SQL: quoted and with its schema.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], with "did you mean" or the list of those there are.
    pub(crate) fn column(&self, name: &str) -> Result<&Attribute> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            let e = missing_column(name, self.columns.iter().map(|c| c.name.as_str()));
            Error { message: format!("column \"{}\" of relation \"{}\" does not exist", names::shown(name), self.name), ..e }
        })
    }
}

/// An identifier in double quotes.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
