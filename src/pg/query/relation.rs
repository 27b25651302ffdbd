//! Relations that models learn from: who owns them, what columns they have, how they are named in SQL.

use crate::base::{Code, Error, Result, names};
use crate::dataset::frame::missing_column;
use crate::pg::backend::text::quote;
use crate::pg::datum::value_form::Form;
use crate::pg::query::spi::{self, Arg};
use pgrx::pg_sys;
use serde::{Deserialize, Serialize};

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub typ: pg_sys::Oid,
    /// Its collation; 0 where the type has none.
    pub collation: pg_sys::Oid,
    /// Its type's name with modifiers, for messages.
    pub type_name: String,
    /// How it is read; none for a type that no model reads.
    pub form: Option<Form>,
}

/// A relation as it is recorded: by name, so that a dump restores where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The role that owned it.
    pub owner: String,
}

impl Source {
    /// What is recorded of a relation.
    pub(crate) fn of(relation: &Relation) -> Self {
        Self { schema: relation.schema.clone(), name: relation.name.clone(), owner: relation.owner.clone() }
    }
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
    /// Its oid.
    pub owner_oid: pg_sys::Oid,
    /// `r`, `v`, `m`, `p`, `f`.
    pub kind: char,
    /// Whether it is temporary: another session cannot read it.
    pub temporary: bool,
    /// The columns that are not dropped, in order.
    pub columns: Vec<Attribute>,
}

impl Relation {
    /// The relation of an oid. Reading its description needs no rights on it; reading its rows does.
    ///
    /// # Errors
    /// [`Code::UndefinedTable`] when there is none, [`Code::WrongType`] when it is an index, a sequence …
    pub(crate) fn open(oid: pg_sys::Oid) -> Result<Self> {
        const CLASS: &str = "SELECT n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner), c.relkind, c.relpersistence, c.relowner \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
             WHERE c.oid OPERATOR(pg_catalog.=) $1";
        const COLUMNS: &str = "SELECT attname, atttypid, pg_catalog.format_type(atttypid, atttypmod), attcollation \
             FROM pg_catalog.pg_attribute \
             WHERE attrelid OPERATOR(pg_catalog.=) $1 AND attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT attisdropped ORDER BY attnum";
        let found = spi::latest(CLASS, &[Arg::Oid(oid)], |r| {
            let text = |i| r.text(i).unwrap_or_default();
            Ok(Self {
                oid,
                schema: text(1),
                name: text(2),
                owner: text(3),
                kind: text(4).chars().next().unwrap_or(' '),
                temporary: text(5) == "t",
                owner_oid: r.oid(6).unwrap_or(pg_sys::InvalidOid),
                columns: Vec::new(),
            })
        })?;
        let mut relation = found.into_iter().next().ok_or_else(|| {
            Error::new(Code::UndefinedTable, format!("relation with oid {} does not exist", oid.to_u32()))
                .hint("Give the name of a table or view: 'schema.name'.")
        })?;
        if !"rvmpf".contains(relation.kind) {
            return Err(Error::new(Code::WrongType, format!("\"{}\" is not a table or view", relation.name))
                .hint("Give a table, view, materialised view or foreign table."));
        }
        relation.columns = spi::latest(COLUMNS, &[Arg::Oid(oid)], |r| {
            let typ = r.oid(2).unwrap_or(pg_sys::InvalidOid);
            let collation = r.oid(4).unwrap_or(pg_sys::InvalidOid);
            Ok(Attribute {
                name: r.text(1).unwrap_or_default(),
                typ,
                collation,
                type_name: r.text(3).unwrap_or_default(),
                form: Form::of(typ),
            })
        })?;
        Ok(relation)
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

/// SQL with `value` in place of the parameter `mark`, which may also be part of a quoted identifier and stays there.
pub(crate) fn fill(sql: &str, mark: &str, value: &str) -> String {
    let parts = sql.split('"').enumerate().map(|(i, part)| if i % 2 == 0 { part.replace(mark, value) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("\"")
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn a_parameter_is_filled_in_outside_of_names() {
        assert_eq!(
            fill(r#"SELECT "a$1", "b""$1" FROM t WHERE u = $1"#, "$1", "'\"; x'"),
            r#"SELECT "a$1", "b""$1" FROM t WHERE u = '"; x'"#
        );
    }
}
