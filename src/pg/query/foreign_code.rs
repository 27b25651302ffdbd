//! Whose code would run when a relation is read: asked before a query on it is planned, since planning already runs some (an index's
//! expression of constants, a cast of a literal).
//!
//! Nothing is parsed: what a relation stands on is in pg_depend, and what belongs to it (rules, indexes, policies, partitions, constraints)
//! points at it. All that is reached that way is more than a query touches, never less.

use crate::base::{Code, Error, Result};
use crate::pg::backend::invalidation;
use crate::pg::backend::text::literal;
use crate::pg::query::owner::{self, as_extension, closed};
use crate::pg::query::relation::Relation;
use crate::pg::query::spi::{self, Arg};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;

/// How much of what a relation stands on must belong to whoever reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// All of it, to him or to a superuser: he reads for somebody else, and who owns a table can put code behind it at any moment.
    Everything,
    /// [`Rule::Everything`], and what its functions call by a bare name is found where only he or a superuser can have put it: he reads for
    /// a caller who is neither, in the caller's session.
    Lent,
    /// What is code: functions and what calls them, and views and policies of another's that call more than harmless functions of the
    /// system's. For who reads by himself what he did not name.
    Code,
    /// Of a function: only what [`Rule::Lent`] asks of names.
    Names,
}

/// Verdicts that a backend keeps, at most this many, each for as long as no catalogue changes.
const KEPT: usize = 256;

/// Relation, or function where the rule is for one, reader and rule.
type Key = (u32, u32, Rule);

thread_local! {
    /// What stood in the way, if anything, and in which generation of the catalogues.
    static VERDICTS: RefCell<HashMap<Key, (u64, Option<Object>)>> = RefCell::default();
}

/// An object in words, and its owner; no owner where it is the names in it that stand in the way.
type Object = (String, Option<String>);

/// Whether `relation` may be read with the rights of the role `reader`.
///
/// # Errors
/// [`Code::Privilege`], with the first object that stands in the way.
pub(crate) fn admit(relation: &Relation, reader: pg_sys::Oid, rule: Rule) -> Result<()> {
    match verdict(relation.oid, reader, rule)? {
        Some((what, Some(whose))) => Err(refused(relation, reader, &what, &whose)),
        Some((what, None)) => Err(bare_names(relation, reader, &what)),
        None => Ok(()),
    }
}

/// Whether all that `relation` stands on belongs to `reader` or a superuser.
///
/// # Errors
/// What the catalogues raise.
pub(crate) fn is_own(relation: &Relation, reader: pg_sys::Oid) -> Result<bool> {
    verdict(relation.oid, reader, Rule::Everything).map(|found| found.is_none())
}

/// What is wrong with the names that a function calls when it runs with the rights of `reader` in another's session, by [`Rule::Lent`];
/// none where nothing is. The function may be called by another's text, which stands in no catalogue.
///
/// # Errors
/// What the catalogues raise.
pub(crate) fn bare_names_of(function: pg_sys::Oid, reader: pg_sys::Oid) -> Result<Option<String>> {
    Ok(verdict(function, reader, Rule::Names)?.map(|(what, _)| what))
}

fn verdict(of: pg_sys::Oid, reader: pg_sys::Oid, rule: Rule) -> Result<Option<Object>> {
    let key = (of.to_u32(), reader.to_u32(), rule);
    let now = invalidation::generation();
    if let Some((_, verdict)) = VERDICTS.with_borrow(|known| known.get(&key).filter(|v| v.0 == now).cloned()) {
        return Ok(verdict);
    }
    let asked = match rule {
        Rule::Everything => &[EVERYTHING][..],
        Rule::Lent => &[EVERYTHING, NAMES],
        Rule::Code => &[EXPRESSIONS, CODE],
        Rule::Names => &[NAMED],
    };
    let mut verdict = None;
    for sql in asked {
        if verdict.is_none() {
            verdict = as_extension(|| spi::latest(sql, &[Arg::Oid(of), Arg::Oid(reader)], object))?.into_iter().next();
        }
    }
    VERDICTS.with_borrow_mut(|known| {
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, (now, verdict.clone()));
    });
    Ok(verdict)
}

fn object(r: &spi::Row) -> Result<Object> {
    Ok((r.text(1).unwrap_or_default(), r.text(2)))
}

fn bare_names(relation: &Relation, reader: pg_sys::Oid, what: &str) -> Error {
    let name = owner::name(reader).unwrap_or_default();
    let function = what.strip_prefix("function ").unwrap_or(what);
    Error::new(Code::Privilege, format!("relation {} may not be read with the rights of {name}", relation.sql()))
        .detail(format!("It stands on {what}, and what that calls by a bare name may be found where others put it: in the session of who calls, to begin with."))
        .hint(format!(
            "ALTER FUNCTION {function} SET search_path = …, pg_temp: schemas in which nobody but {name} and superusers may create, pg_temp last. Or write it in SQL, with BEGIN ATOMIC."
        ))
}

fn refused(relation: &Relation, reader: pg_sys::Oid, what: &str, whose: &str) -> Error {
    let name = owner::name(reader).unwrap_or_default();
    Error::new(Code::Privilege, format!("relation {} may not be read with the rights of {name}", relation.sql()))
        .detail(format!("It stands on {what} of {whose}, whose code would run with them."))
        .hint(format!(
            "Let it all belong to one role, and the model too: SELECT affinity.alter_owner(model, {}); or train on a table of {name}'s.",
            literal(whose)
        ))
}

/// All that a relation ($1) stands on: `touched (classid, objid)`. Extensions, schemas, languages and roles are no part of it, nor is the
/// parent of a partition, which is not read with it.
macro_rules! touched {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "WITH RECURSIVE touched (classid, objid) AS (
 SELECT 'pg_class'::regclass::oid, $1 UNION
 SELECT n.classid, n.objid FROM touched t CROSS JOIN LATERAL (
  SELECT d.refclassid, d.refobjid FROM pg_depend d WHERE d.classid = t.classid AND d.objid = t.objid AND d.deptype <> 'e'
    AND d.refclassid <> ALL ('{pg_extension,pg_namespace,pg_language}'::regclass[])
    AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.objid AND i.inhparent = d.refobjid AND t.classid = 'pg_class'::regclass)
  UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r WHERE t.classid = 'pg_class'::regclass AND r.ev_class = t.objid
  UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE t.classid = 'pg_class'::regclass AND i.indrelid = t.objid
  UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p WHERE t.classid = 'pg_class'::regclass AND p.polrelid = t.objid
  UNION ALL SELECT 'pg_class'::regclass, i.inhrelid FROM pg_inherits i WHERE t.classid = 'pg_class'::regclass AND i.inhparent = t.objid
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE t.classid = 'pg_class'::regclass AND c.conrelid = t.objid AND c.contype = 'c'
  UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s WHERE t.classid = 'pg_class'::regclass AND s.stxrelid = t.objid
  UNION ALL SELECT 'pg_attrdef'::regclass, f.oid FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
    WHERE t.classid = 'pg_class'::regclass AND f.adrelid = t.objid AND a.attgenerated <> ''
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE t.classid = 'pg_type'::regclass AND c.contypid = t.objid
  UNION ALL SELECT 'pg_class'::regclass, y.typrelid FROM pg_type y WHERE t.classid = 'pg_type'::regclass AND y.oid = t.objid AND y.typrelid <> 0
  UNION ALL SELECT 'pg_type'::regclass, y.typelem FROM pg_type y WHERE t.classid = 'pg_type'::regclass AND y.oid = t.objid AND y.typelem <> 0
  UNION ALL SELECT 'pg_cast'::regclass, c.oid FROM pg_cast c WHERE t.classid = 'pg_type'::regclass AND c.castsource = t.objid AND c.casttarget < 16384
  UNION ALL SELECT 'pg_opclass'::regclass, o.oid FROM pg_opclass o WHERE t.classid = 'pg_type'::regclass AND o.opcintype = t.objid
  UNION ALL SELECT 'pg_opfamily'::regclass, o.opcfamily FROM pg_opclass o WHERE t.classid = 'pg_opclass'::regclass AND o.oid = t.objid
  UNION ALL SELECT 'pg_operator'::regclass, unnest(ARRAY[o.oprcom, o.oprnegate]) FROM pg_operator o WHERE t.classid = 'pg_operator'::regclass AND o.oid = t.objid
  UNION ALL SELECT 'pg_proc'::regclass, a.amproc FROM pg_amproc a WHERE t.classid = 'pg_opfamily'::regclass AND a.amprocfamily = t.objid
  UNION ALL SELECT 'pg_operator'::regclass, a.amopopr FROM pg_amop a WHERE t.classid = 'pg_opfamily'::regclass AND a.amopfamily = t.objid
 ) n (classid, objid) WHERE n.objid >= 12000), ",
            $($rest),+
        )
    };
}

/// The objects of others, those of the relation first.
const EVERYTHING: &str = touched!(
    "owned (classid, objid, owner) AS (
 SELECT t.*, c.relowner FROM touched t JOIN pg_class c ON t.classid = 'pg_class'::regclass AND c.oid = t.objid
 UNION ALL SELECT t.*, p.proowner FROM touched t JOIN pg_proc p ON t.classid = 'pg_proc'::regclass AND p.oid = t.objid
 UNION ALL SELECT t.*, y.typowner FROM touched t JOIN pg_type y ON t.classid = 'pg_type'::regclass AND y.oid = t.objid
 UNION ALL SELECT t.*, o.oprowner FROM touched t JOIN pg_operator o ON t.classid = 'pg_operator'::regclass AND o.oid = t.objid
 UNION ALL SELECT t.*, o.opcowner FROM touched t JOIN pg_opclass o ON t.classid = 'pg_opclass'::regclass AND o.oid = t.objid
 UNION ALL SELECT t.*, o.opfowner FROM touched t JOIN pg_opfamily o ON t.classid = 'pg_opfamily'::regclass AND o.oid = t.objid
 UNION ALL SELECT t.*, c.collowner FROM touched t JOIN pg_collation c ON t.classid = 'pg_collation'::regclass AND c.oid = t.objid
 UNION ALL SELECT t.*, s.srvowner FROM touched t JOIN pg_foreign_server s ON t.classid = 'pg_foreign_server'::regclass AND s.oid = t.objid
 UNION ALL SELECT t.*, f.fdwowner FROM touched t JOIN pg_foreign_data_wrapper f ON t.classid = 'pg_foreign_data_wrapper'::regclass AND f.oid = t.objid
 UNION ALL SELECT t.*, c.cfgowner FROM touched t JOIN pg_ts_config c ON t.classid = 'pg_ts_config'::regclass AND c.oid = t.objid
 UNION ALL SELECT t.*, d.dictowner FROM touched t JOIN pg_ts_dict d ON t.classid = 'pg_ts_dict'::regclass AND d.oid = t.objid
 UNION ALL SELECT t.*, s.stxowner FROM touched t JOIN pg_statistic_ext s ON t.classid = 'pg_statistic_ext'::regclass AND s.oid = t.objid)
SELECT pg_describe_object(o.classid, o.objid, 0), pg_get_userbyid(o.owner) FROM owned o LEFT JOIN pg_roles r ON r.oid = o.owner
WHERE o.owner <> $2 AND r.rolsuper IS NOT TRUE ORDER BY o.classid = 'pg_class'::regclass DESC, o.objid LIMIT 1"
);

/// The functions and foreign servers of others.
const CODE: &str = touched!(
    "owned (classid, objid, owner) AS (
 SELECT t.*, p.proowner FROM touched t JOIN pg_proc p ON t.classid = 'pg_proc'::regclass AND p.oid = t.objid
 UNION ALL SELECT t.*, s.srvowner FROM touched t JOIN pg_foreign_server s ON t.classid = 'pg_foreign_server'::regclass AND s.oid = t.objid
 UNION ALL SELECT t.*, f.fdwowner FROM touched t JOIN pg_foreign_data_wrapper f ON t.classid = 'pg_foreign_data_wrapper'::regclass AND f.oid = t.objid)
SELECT pg_describe_object(o.classid, o.objid, 0), pg_get_userbyid(o.owner) FROM owned o LEFT JOIN pg_roles r ON r.oid = o.owner
WHERE o.owner <> $2 AND r.rolsuper IS NOT TRUE ORDER BY o.objid LIMIT 1"
);

/// Of the functions `looked`, those whose names are looked up when they run, and not by a search path of their own on which others than $2
/// can put nothing: pg_temp last, where else it comes first for relations and types. (Without backslashes: what these are in a text is a
/// setting of the session's.) One in SQL without a path of its own is read anew with the path that is set for the reading; other languages
/// keep what an earlier call of the caller's found.
macro_rules! named {
    () => {
        concat!(
            "named (oid, path) AS (
 SELECT p.oid, (SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c ^@ 'search_path=') FROM looked k JOIN pg_proc p ON p.oid = k.objid
 JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname NOT IN ('internal', 'c') AND p.prosqlbody IS NULL
   AND (l.lanname <> 'sql' OR EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ^@ 'search_path=')))
SELECT pg_describe_object('pg_proc'::regclass, f.oid, 0), NULL::text FROM named f WHERE f.path IS NULL OR f.path !~ '(^|,) *\"?pg_temp\"? *$'
 OR EXISTS (SELECT FROM regexp_split_to_table(f.path, ' *, *') s(name) LEFT JOIN pg_namespace n ON n.nspname = trim(s.name, '\"')::name
   WHERE trim(s.name, '\"') NOT IN ('pg_catalog', 'pg_temp') AND (n.oid IS NULL OR NOT ",
            closed!(),
            "))
ORDER BY f.oid LIMIT 1"
        )
    };
}

/// Those of the functions of a relation.
const NAMES: &str = touched!("looked AS (SELECT objid FROM touched WHERE classid = 'pg_proc'::regclass), ", named!());

/// The function $1, if it is one.
const NAMED: &str = concat!("WITH looked (objid) AS (SELECT $1), ", named!());

/// Views, policies and checks of domains of others that call a function by which more than the call itself could be run: one that is
/// volatile, whoever owns it (an extension's may run the text that it is given), or one of the system's that runs a query or reads a type
/// whose name it is given (…_to_xml, …_populate_record, pg_input_…, input functions), or takes what SQL cannot make, or one of a
/// superuser's that is not immutable and takes arguments (an extension's may read what it is given the name of, as `affinity.evaluate`
/// does). Functions of users are found by [`CODE`]. Generated columns, indexes and partitions call immutable functions only.
const EXPRESSIONS: &str = touched!(
    "texts (classid, objid, owner, code) AS (
 SELECT t.*, c.relowner, w.ev_action::text FROM touched t JOIN pg_rewrite w ON t.classid = 'pg_rewrite'::regclass AND w.oid = t.objid JOIN pg_class c ON c.oid = w.ev_class
 UNION ALL SELECT t.*, c.relowner, p.polqual::text FROM touched t JOIN pg_policy p ON t.classid = 'pg_policy'::regclass AND p.oid = t.objid JOIN pg_class c ON c.oid = p.polrelid
 UNION ALL SELECT t.*, y.typowner, c.conbin::text FROM touched t JOIN pg_constraint c ON t.classid = 'pg_constraint'::regclass AND c.oid = t.objid JOIN pg_type y ON y.oid = c.contypid)
SELECT p.proname || ', called by ' || pg_describe_object(x.classid, x.objid, 0), pg_get_userbyid(x.owner) FROM texts x LEFT JOIN pg_roles r ON r.oid = x.owner
CROSS JOIN LATERAL regexp_matches(x.code, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([0-9]+)', 'g') f(called)
JOIN pg_proc p ON p.oid = f.called[1]::oid
WHERE x.owner <> $2 AND r.rolsuper IS NOT TRUE AND (p.provolatile = 'v' OR p.oid >= 16384 AND p.provolatile <> 'i' AND p.pronargs > 0 AND p.proowner <> $2 OR p.oid < 16384 AND (
 p.proname ~ '_to_xml|populate_record|^pg_input_' OR p.proargtypes::oid[] && ARRAY['cstring'::regtype, 'internal'::regtype]::oid[]))
ORDER BY x.objid LIMIT 1"
);

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_asks_for_the_relation_and_the_reader() {
        for sql in [super::EVERYTHING, super::NAMES, super::CODE, super::EXPRESSIONS] {
            assert!(sql.starts_with("WITH RECURSIVE touched") && sql.contains("$1") && sql.contains("$2"));
        }
    }
}
