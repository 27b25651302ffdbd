//! What the session has of its own, and what could be found there while a relation is read with another's rights: temporary relations and
//! types come first on every search path that does not name pg_temp, and behind a view or a domain stands code.

use crate::base::{Code, Error, Result};
use crate::pg::backend::invalidation;
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::spi::{self, Arg};
use pgrx::pg_sys;
use std::cell::Cell;

/// The first thing in the schema $1 that code could stand behind. Plain tables of the system's types, or of an extension's, and their
/// indexes, hold none; a table's CHECK runs where it is written to.
const CODE: &str = "SELECT pg_describe_object('pg_class'::regclass, c.oid, 0) FROM pg_class c WHERE c.relnamespace = $1 AND (
   c.relkind NOT IN ('r', 'i', 'S', 't') OR c.relhasrules OR c.relrowsecurity
   OR EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
   OR EXISTS (SELECT FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid JOIN pg_roles r ON r.oid = y.typowner
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attgenerated <> '' OR y.typtype <> 'b' OR NOT r.rolsuper)))
 UNION ALL SELECT pg_describe_object('pg_type'::regclass, t.oid, 0) FROM pg_type t
   WHERE t.typnamespace = $1 AND (t.typtype NOT IN ('b', 'c') OR t.typtype = 'b' AND t.typelem = 0)
 LIMIT 1";

thread_local! {
    /// The generation of the catalogues in which nothing was found.
    static CLEAN: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Refuses to read with the rights of `reader` while the session has something temporary that code could stand behind.
///
/// # Errors
/// [`Code::Privilege`], with the first such thing.
pub(crate) fn nothing_with_code(reader: pg_sys::Oid) -> Result<()> {
    let (mut schema, mut toast) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
    // SAFETY: two plain variables are written.
    unsafe { pg_sys::GetTempNamespaceState(&raw mut schema, &raw mut toast) }
    let now = invalidation::generation();
    if schema == pg_sys::InvalidOid || CLEAN.get() == Some(now) {
        return Ok(());
    }
    let found = as_extension(|| spi::latest(CODE, &[Arg::Oid(schema)], |r| Ok(r.text(1).unwrap_or_default())))?;
    let Some(what) = found.into_iter().next() else {
        CLEAN.set(Some(now));
        return Ok(());
    };
    let reader = owner::name(reader).unwrap_or_default();
    Err(Error::new(Code::Privilege, format!("nothing may be read with the rights of {reader} in this session"))
        .detail(format!("It has {what}, which is temporary: what the model's relation stands on could call it by a bare name."))
        .hint("Drop it (DISCARD TEMP drops all that is temporary), or ask from another session."))
}
