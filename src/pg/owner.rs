//! Acting as another role for a while: as a model's owner when its source is read, as the extension's owner when the store is.

use crate::base::{Code, Error, Result};
use crate::pg::local::Local;
use crate::pg::{spi, text};
use pgrx::pg_sys;
use std::ffi::CStr;

/// The role whose rights count now.
pub(crate) fn current() -> pg_sys::Oid {
    // SAFETY: reads a global.
    unsafe { pg_sys::GetUserId() }
}

/// The name of the role whose rights count now.
pub(crate) fn current_name() -> String {
    name(current()).unwrap_or_default()
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

/// The role called `name`, which owns a model.
///
/// # Errors
/// [`Code::UndefinedObject`] when it is gone.
pub(crate) fn of_model(name: &str) -> Result<pg_sys::Oid> {
    find(name)?.ok_or_else(|| Error::new(Code::UndefinedObject, format!("role \"{name}\", which owns the model, does not exist")))
}

/// Whether the current role has the rights of the role called `name`: is it, or inherits from it. A missing role: no.
///
/// # Errors
/// As [`find`].
pub(crate) fn has_rights_of(name: &str) -> Result<bool> {
    // SAFETY: catalogue look-ups by oid.
    Ok(find(name)?.is_some_and(|role| unsafe { pg_sys::has_privs_of_role(current(), role) }))
}

/// Whether a role is a superuser.
pub(crate) fn is_superuser(role: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up by oid.
    unsafe { pg_sys::superuser_arg(role) }
}

/// Runs `f` as `role` in a security-restricted context, as REFRESH MATERIALIZED VIEW does: what runs behind a view or a column default
/// cannot change the session, and settings that it changes are put back.
///
/// # Errors
/// Those of `f`.
pub(crate) fn as_owner<T>(role: pg_sys::Oid, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let _back = Switch::to(role, true);
    f()
}

/// Runs `f` as the extension's owner, whom the grants on the store's tables serve. Only fixed, qualified SQL may run in it, without
/// the forms that look for an operator by themselves (IS DISTINCT FROM, IN, NULLIF, CASE x WHEN): the caller's search_path counts.
///
/// # Errors
/// Those of `f`, and [`Code::UndefinedObject`] when the extension is gone.
pub(crate) fn as_extension<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    const OWNER: &str = "SELECT extowner FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'pg_affinity'";
    let owner = spi::first(OWNER, &[], |row| Ok(row.oid(1)))?.flatten().ok_or_else(|| {
        Error::new(Code::UndefinedObject, "extension \"pg_affinity\" does not exist").hint("CREATE EXTENSION pg_affinity;")
    })?;
    let _back = Switch::to(owner, false);
    f()
}

/// The role and security context to go back to.
struct Switch {
    role: pg_sys::Oid,
    context: i32,
    /// Where settings are put back.
    settings: Option<Local>,
}

impl Switch {
    fn to(role: pg_sys::Oid, keep_settings: bool) -> Self {
        let (mut old, mut context) = (pg_sys::InvalidOid, 0);
        let restricted = (pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION) as i32;
        // SAFETY: plain globals of this backend; put back by Drop, and by Postgres at the end of a failed (sub)transaction.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut old, &raw mut context);
            pg_sys::SetUserIdAndSecContext(role, context | restricted);
            Self { role: old, context, settings: keep_settings.then(|| Local::set(&[])) }
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.settings.take());
        // SAFETY: what GetUserIdAndSecContext gave.
        unsafe { pg_sys::SetUserIdAndSecContext(self.role, self.context) };
    }
}
