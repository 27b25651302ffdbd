//! Acting as another role for a while: as a model's owner when its source is read, as the extension's owner when the store is.
//!
//! Whoever acts as another sets the search path, too: what is called by a bare name behind a view or a policy would else be found in the
//! caller's. (Without it a caller's own `lower(text)` ran with the rights of the model's owner, behind a view.)

use crate::base::{Code, Error, Result};
use crate::pg::backend::local_settings::Local;
use crate::pg::backend::{invalidation, text};
use crate::pg::query::{spi, watched};
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// Where nothing of a user's is found by a bare name. Postgres's own REFRESH MATERIALIZED VIEW takes it from version 17 on.
const SAFE_PATH: &CStr = c"pg_catalog, pg_temp";

/// A role as the store has it: by name, so that a dump restores, and by oid, by which it is known on this cluster. A role that is made
/// later under the same name has another oid, and no part in what the first one had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    /// Its name when it was written.
    pub name: String,
    /// Its oid; 0 where there was no such role.
    pub oid: pg_sys::Oid,
}

impl Role {
    /// Whether it is still there.
    pub(crate) fn exists(&self) -> bool {
        self.oid != pg_sys::InvalidOid && name(self.oid).is_some()
    }

    /// Its name today: that of then where it is gone.
    pub(crate) fn today(&self) -> String {
        name(self.oid).unwrap_or_else(|| self.name.clone())
    }

    /// Whether the current role may act for it: is it, inherits from it, or is a superuser, who may for one that is gone, too.
    pub(crate) fn held(&self) -> bool {
        has_rights_of(self.oid)
    }
}

/// The role whose rights count now.
pub(crate) fn current() -> pg_sys::Oid {
    // SAFETY: reads a global.
    unsafe { pg_sys::GetUserId() }
}

/// The name of the role whose rights count now.
pub(crate) fn current_name() -> String {
    name(current()).unwrap_or_default()
}

/// The name of the role that called: that of the session, or of SET ROLE, whoever is acted as meanwhile.
pub(crate) fn outer_name() -> String {
    // SAFETY: reads a global.
    name(unsafe { pg_sys::GetOuterUserId() }).unwrap_or_default()
}

/// Whether this is in a function with the rights of another than the session's role: one that is SECURITY DEFINER.
pub(crate) fn in_function_of_another() -> bool {
    // SAFETY: reads globals.
    unsafe { pg_sys::GetUserId() != pg_sys::GetOuterUserId() }
}

/// Whether the user of the session may begin another.
pub(crate) fn may_log_in() -> bool {
    const LOGIN: &str = "SELECT rolcanlogin FROM pg_catalog.pg_roles WHERE oid OPERATOR(pg_catalog.=) $1";
    // SAFETY: reads a global.
    let session = unsafe { pg_sys::GetSessionUserId() };
    spi::first(LOGIN, &[spi::Arg::Oid(session)], |r| Ok(r.bool(1))).ok().flatten().flatten() == Some(true)
}

/// The name of a role; none when it is gone.
pub(crate) fn name(role: pg_sys::Oid) -> Option<String> {
    // SAFETY: a NUL-terminated copy, or NULL for an unknown role.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        (!name.is_null()).then(|| text::with_utf8(CStr::from_ptr(name).to_bytes(), str::to_owned))
    }
}

/// The role called `name`; none when there is none.
///
/// # Errors
/// [`Code::InvalidText`] for a name that cannot be one.
pub(crate) fn find(name: &str) -> Result<Option<pg_sys::Oid>> {
    let name = text::c(name)?;
    // SAFETY: a NUL-terminated string; a missing role gives InvalidOid.
    let oid = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
    Ok((oid != pg_sys::InvalidOid).then_some(oid))
}

/// The role called `name`, which an argument names.
///
/// # Errors
/// [`Code::UndefinedObject`] when there is none.
pub(crate) fn known(name: &str) -> Result<pg_sys::Oid> {
    find(name)?.ok_or_else(|| {
        Error::new(Code::UndefinedObject, format!("role \"{name}\" does not exist")).hint("SELECT rolname FROM pg_catalog.pg_roles;")
    })
}

/// Whether the current role has the rights of `role`: is it, inherits from it, or is a superuser. For a role that is gone: superusers only.
pub(crate) fn has_rights_of(role: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid.
    is_superuser(current()) || (role != pg_sys::InvalidOid && unsafe { pg_sys::has_privs_of_role(current(), role) })
}

/// Whether a role is a superuser.
pub(crate) fn is_superuser(role: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up by oid.
    unsafe { pg_sys::superuser_arg(role) }
}

/// Whether the current role may become `role`, as ALTER … OWNER TO asks.
pub(crate) fn may_become(role: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up by oid.
    unsafe { pg_sys::is_member_of_role(current(), role) }
}

/// As whom to act, and where bare names are found meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Acting {
    /// The role.
    pub role: pg_sys::Oid,
    /// The search path; none keeps the session's, which is right where the role is the current one.
    path: Option<CString>,
}

impl Acting {
    /// As `role`. `schemas` are those of the path on which its relations were found; of them those count in which nobody but the role and
    /// superusers can make anything. Others see to their own search path with SET on a function.
    ///
    /// # Errors
    /// What the look-up raises.
    pub(crate) fn as_role(role: pg_sys::Oid, schemas: &[String]) -> Result<Self> {
        if role == current() {
            return Ok(Self { role, path: None });
        }
        let mut path = String::from("pg_catalog");
        for schema in trusted(role, schemas)? {
            path.push_str(", ");
            path.push_str(&text::quote(&schema));
        }
        path.push_str(", pg_temp");
        Ok(Self { role, path: Some(text::c(&path)?) })
    }
}

/// The condition that in the schema `n` nobody but the role $2 and superusers can make anything, and that no other has left there what code
/// can stand behind when it is found by a bare name: a view, a foreign table, a domain. pg_database_owner stands for the database's owner;
/// it owns the schema public.
macro_rules! closed {
    () => {
        "NOT EXISTS (SELECT FROM (SELECT n.nspowner UNION SELECT a.grantee FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' \
             UNION SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('v', 'f') \
             UNION SELECT t.typowner FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typtype = 'd') g(oid) \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = CASE WHEN g.oid = 'pg_database_owner'::pg_catalog.regrole \
             THEN (SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) ELSE g.oid END \
         WHERE (r.rolsuper OR r.oid = $2) IS NOT TRUE)"
    };
}
pub(crate) use closed;

/// Those of `schemas` in which only `role` and superusers can make anything, in their order.
fn trusted(role: pg_sys::Oid, schemas: &[String]) -> Result<Vec<String>> {
    const CLOSED: &str = concat!("SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname = $1::pg_catalog.name AND ", closed!());
    if schemas.is_empty() {
        return Ok(Vec::new());
    }
    as_extension(|| {
        let mut found = Vec::new();
        for schema in schemas {
            found.extend(spi::latest(CLOSED, &[spi::Arg::Text(schema), spi::Arg::Oid(role)], |r| Ok(r.text(1)))?.into_iter().flatten());
        }
        Ok(found)
    })
}

/// The schemas in which the session finds what is called by a bare name, without those of the system and of the session's own.
pub(crate) fn search_path() -> Vec<String> {
    const PATH: &str =
        "SELECT s.name FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY s(name, place) ORDER BY s.place";
    let path = spi::select(PATH, &[], |r| Ok(r.text(1))).unwrap_or_default();
    path.into_iter().flatten().filter(|s| s != "pg_catalog" && !s.starts_with("pg_temp")).collect()
}

/// Runs `f` as somebody else in a security-restricted context, as REFRESH MATERIALIZED VIEW does: what runs behind a view or a column
/// default cannot change the session, settings that it changes are put back, and the caller's search path does not count.
///
/// # Errors
/// Those of `f`.
pub(crate) fn as_role<T>(acting: &Acting, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let _back = Switch::to(acting.role, acting.path.as_deref());
    f()
}

/// Runs `f` as the extension's owner, who alone writes the store. Only fixed, qualified SQL may run in it.
///
/// # Errors
/// Those of `f`; [`Code::UndefinedObject`] when the extension is gone, [`Code::WrongState`] when it is not as its script made it.
pub(crate) fn as_extension<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    let _back = Switch::to(extension()?.owner, Some(SAFE_PATH));
    let _unwatched = watched::rest();
    f()
}

/// The tables of the store.
const TABLES: i64 = 4;

/// The extension as it is installed.
#[derive(Debug, Clone, Copy)]
struct Installed {
    owner: pg_sys::Oid,
    keeps_runs: bool,
}

/// Whether the table of runs is there: it came with 0.2.0, and a library that was updated before the extension finds none.
///
/// # Errors
/// As [`as_extension`].
pub(crate) fn keeps_runs() -> Result<bool> {
    Ok(extension()?.keeps_runs)
}

/// The owner of the extension and its tables, which are found as its members: what merely is called as they are is none of them.
fn extension() -> Result<Installed> {
    const MEMBERS: &str = "SELECT c.relowner, r.rolsuper, \
         pg_catalog.count(*) FILTER (WHERE c.relname OPERATOR(pg_catalog.=) ANY ('{stored_models,stored_versions,stored_weights,stored_epochs}')), \
         pg_catalog.bool_or(c.relname OPERATOR(pg_catalog.=) 'stored_runs') \
         FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass \
             AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e' \
         JOIN pg_catalog.pg_class c ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND c.oid OPERATOR(pg_catalog.=) d.objid AND c.relkind OPERATOR(pg_catalog.=) 'r' AND c.relowner OPERATOR(pg_catalog.=) e.extowner \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace AND n.nspname OPERATOR(pg_catalog.=) 'affinity' \
         JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner \
         WHERE e.extname OPERATOR(pg_catalog.=) 'pg_affinity' GROUP BY 1, 2";
    thread_local! {
        /// With the generation of the catalogues that it was found in.
        static FOUND: Cell<Option<(u64, Installed)>> = const { Cell::new(None) };
    }
    let now = invalidation::generation();
    if let Some((then, found)) = FOUND.get()
        && then == now
    {
        return Ok(found);
    }
    let found = spi::latest(MEMBERS, &[], |r| Ok((r.oid(1), r.bool(2), r.big(3), r.bool(4))))?;
    let (owner, superuser, tables, runs) = found.into_iter().next().ok_or_else(|| {
        Error::new(Code::UndefinedObject, "extension \"pg_affinity\" does not exist").hint("CREATE EXTENSION pg_affinity;")
    })?;
    let owner = owner.filter(|_| superuser == Some(true) && tables == Some(TABLES)).ok_or_else(|| {
        Error::new(Code::WrongState, "extension \"pg_affinity\" is not as it was installed")
            .detail("It, its schema and the tables of its store must belong to one superuser.")
            .hint("REASSIGN OWNED BY … TO … with a superuser as the new owner.")
    })?;
    let found = Installed { owner, keeps_runs: runs == Some(true) };
    FOUND.set(Some((now, found)));
    Ok(found)
}

/// The role and security context to go back to.
struct Switch {
    role: pg_sys::Oid,
    context: i32,
    /// Where settings are put back.
    settings: Option<Local>,
}

impl Switch {
    fn to(role: pg_sys::Oid, path: Option<&CStr>) -> Self {
        let (mut old, mut context) = (pg_sys::InvalidOid, 0);
        let restricted = (pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION) as i32;
        // SAFETY: plain globals of this backend; put back by Drop, and by Postgres at the end of a failed (sub)transaction.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut old, &raw mut context);
            pg_sys::SetUserIdAndSecContext(role, context | restricted);
        }
        let mut back = Self { role: old, context, settings: None };
        back.settings = Some(path.map_or_else(|| Local::set(&[]), |path| Local::set(&[(c"search_path", path)])));
        back
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.settings.take());
        // SAFETY: what GetUserIdAndSecContext gave.
        unsafe { pg_sys::SetUserIdAndSecContext(self.role, self.context) };
    }
}
