//! What may run while a model's relation is read with rights that nobody there has chosen: asked of each function when it is made ready to
//! run.
//!
//! [`foreign_code`](crate::pg::query::foreign_code) has asked before, of the catalogues. But who owns a relation can give it an index
//! between that and the plan, or in the middle of a statement that reads again and again, and the planner evaluates its expression; and
//! what a function behind a view calls by a bare name, or as a text, stands in no catalogue. Postgres tells of each function before it runs
//! the first time in a plan, and of the relations of each query. It does not tell of one whose body the planner writes into the query, nor
//! of one that is called without a plan (by an operator's estimator, as a trigger): so a function that would be refused has neither its
//! body written in nor is it called directly (`needs_fmgr_hook`), and is refused where it is called (`fmgr_hook`). Others are written in as
//! ever: what is kept of an index or a partition must be the same as without a watch. (Where all were called, ON CONFLICT no longer found
//! its index, and partitions were not pruned any more, in the rest of the session.)

use crate::base::{Code, Error, Result};
use crate::pg::backend::{error, text};
use crate::pg::query::watched::{self, Watch};
use crate::pg::query::{foreign_code, owner};
use pgrx::pg_catalog::pg_proc::PgProc;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};

/// Languages that Postgres itself knows, by the numbers that they have in every database.
const INTERNAL: u32 = 12;
const C: u32 = 13;
const SQL: u32 = 14;

thread_local! {
    static NEXT_ACCESS: Cell<pg_sys::object_access_hook_type> = const { Cell::new(None) };
    static NEXT_CHECK: Cell<pg_sys::ExecutorCheckPerms_hook_type> = const { Cell::new(None) };
    static NEXT_NEEDED: Cell<pg_sys::needs_fmgr_hook_type> = const { Cell::new(None) };
    static NEXT_CALL: Cell<pg_sys::fmgr_hook_type> = const { Cell::new(None) };
}

/// Asks Postgres to be told. Called once a backend, when the library is loaded.
pub(crate) fn register() {
    // SAFETY: the globals of a single-threaded backend, set while the library is loaded, which is never unloaded.
    unsafe {
        NEXT_ACCESS.set(pg_sys::object_access_hook);
        pg_sys::object_access_hook = Some(accessed);
        NEXT_CHECK.set(pg_sys::ExecutorCheckPerms_hook);
        pg_sys::ExecutorCheckPerms_hook = Some(checked);
        NEXT_NEEDED.set(pg_sys::needs_fmgr_hook);
        pg_sys::needs_fmgr_hook = Some(asked);
        NEXT_CALL.set(pg_sys::fmgr_hook);
        pg_sys::fmgr_hook = Some(called);
    }
}

impl Watch {
    fn function(&self, function: pg_sys::Oid) -> Result<()> {
        // SAFETY: a catalogue look-up by oid.
        let volatility = unsafe { pg_sys::func_volatile(function) } as u8;
        if self.harmless && volatility == b'v' {
            return Err(self.refused(function, "It can do more than return a value, and code of others calls it."));
        }
        if function.to_u32() < pg_sys::FirstNormalObjectId {
            if runs_more(&name(function)) {
                return Err(self.refused(function, "It runs or reads what its arguments name."));
            }
            return Ok(());
        }
        let Some(proc) = PgProc::new(function) else { return Err(self.refused(function, "It is gone.")) };
        let whose = proc.proowner();
        if whose != self.reader && !owner::is_superuser(whose) {
            return Err(self.refused(function, &format!("It belongs to {}.", owner::name(whose).unwrap_or_default())));
        }
        if self.harmless && whose != self.reader && proc.pronargs() > 0 && volatility != b'i' {
            return Err(self.refused(function, "It may read what its arguments name, and code of others calls it."));
        }
        if self.lent && !matches!(proc.prolang().to_u32(), INTERNAL | C) {
            if let Some(what) = foreign_code::bare_names_of(function, self.reader)? {
                let (oid, function) = (function, what.strip_prefix("function ").unwrap_or(&what));
                return Err(self
                    .refused(oid, &format!("What {what} calls by a bare name may be found where others put it."))
                    .hint(format!("ALTER FUNCTION {function} SET search_path = …, pg_temp: schemas in which nobody but its owner and superusers may create.")));
            }
            // What a function of plpgsql has made ready earlier in the transaction was asked for then, if at all.
            if proc.prolang().to_u32() != SQL && !watched::forget() {
                // SAFETY: plans are marked to be made anew, which may happen at any time.
                unsafe { pg_sys::ResetPlanCache() }
            }
        }
        Ok(())
    }

    fn refused(&self, function: pg_sys::Oid, why: &str) -> Error {
        let reader = owner::name(self.reader).unwrap_or_default();
        let name = name(function);
        Error::new(Code::Privilege, format!("function \"{name}\" may not run with the rights of {reader}"))
            .detail(format!("{why} It is called while a model's relation is read."))
            .hint("Let all behind the relation belong to the model's owner, and call what is meant by its schema's name.")
    }

    fn relations(&self, table: *mut pg_sys::List) -> Result<()> {
        if !self.another || table.is_null() {
            return Ok(());
        }
        // SAFETY: the range table of a live query, a list of RangeTblEntry, whose relations are locked.
        let temporary = unsafe {
            let entries = std::slice::from_raw_parts((*table).elements, usize::try_from((*table).length).unwrap_or(0));
            entries.iter().map(|e| (*e.ptr_value.cast::<pg_sys::RangeTblEntry>()).relid).any(|relation| {
                relation != pg_sys::InvalidOid && pg_sys::get_rel_persistence(relation) as u8 == pg_sys::RELPERSISTENCE_TEMP
            })
        };
        if temporary {
            let reader = owner::name(self.reader).unwrap_or_default();
            return Err(Error::new(Code::Privilege, format!("nothing temporary may be read with the rights of {reader}"))
                .detail("A function behind a model's relation names a relation without its schema, and the session has a temporary one of that name.")
                .hint("Name the schema in the function, or SET search_path on it."));
        }
        Ok(())
    }
}

/// The name of a function; empty where it is gone.
fn name(function: pg_sys::Oid) -> String {
    // SAFETY: a NUL-terminated copy, or NULL for a function that is gone.
    unsafe {
        let name = pg_sys::get_func_name(function);
        if name.is_null() { String::new() } else { text::with_utf8(CStr::from_ptr(name).to_bytes(), str::to_owned) }
    }
}

/// Whether a function of the system's called so runs a query that it is given as a text, or reads a relation or a type that it is given the
/// name of: by it a stranger's domain, of a CHECK that calls nothing but the system's functions, would read with the rights that are lent.
fn runs_more(name: &str) -> bool {
    name.contains("_to_xml") || name.starts_with("pg_input_") || matches!(name, "ts_stat" | "ts_rewrite")
}

#[pg_guard]
unsafe extern "C-unwind" fn asked(function: pg_sys::Oid) -> bool {
    watched::now().is_some_and(|w| function.to_u32() >= pg_sys::FirstNormalObjectId && w.function(function).is_err())
        // SAFETY: as in `accessed`.
        || NEXT_NEEDED.get().is_some_and(|next| unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| next(function)) })
}

#[pg_guard]
unsafe extern "C-unwind" fn called(event: pg_sys::FmgrHookEventType::Type, info: *mut pg_sys::FmgrInfo, argument: *mut pg_sys::Datum) {
    if let Some(next) = NEXT_CALL.get() {
        // SAFETY: as in `accessed`.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| next(event, info, argument)) }
    }
    if event == pg_sys::FmgrHookEventType::FHET_START
        && let Some(watch) = watched::now()
    {
        // SAFETY: what is being called, which lives as long as the call.
        watch.function(unsafe { (*info).fn_oid }).unwrap_or_else(|e| error::raise(e));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn accessed(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    part: c_int,
    argument: *mut c_void,
) {
    if let Some(next) = NEXT_ACCESS.get() {
        // SAFETY: the hook that was there before ours, with what Postgres gave us; its ERROR becomes a panic like any other.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| next(access, class, object, part, argument)) }
    }
    if access == pg_sys::ObjectAccessType::OAT_FUNCTION_EXECUTE
        && let Some(watch) = watched::now()
    {
        watch.function(object).unwrap_or_else(|e| error::raise(e));
    }
}

#[cfg(any(feature = "pg14", feature = "pg15"))]
#[pg_guard]
unsafe extern "C-unwind" fn checked(table: *mut pg_sys::List, raise: bool) -> bool {
    if let Some(watch) = watched::now() {
        watch.relations(table).unwrap_or_else(|e| error::raise(e));
    }
    // SAFETY: as in `accessed`.
    NEXT_CHECK.get().is_none_or(|next| unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| next(table, raise)) })
}

#[cfg(not(any(feature = "pg14", feature = "pg15")))]
#[pg_guard]
unsafe extern "C-unwind" fn checked(table: *mut pg_sys::List, rights: *mut pg_sys::List, raise: bool) -> bool {
    if let Some(watch) = watched::now() {
        watch.relations(table).unwrap_or_else(|e| error::raise(e));
    }
    // SAFETY: as in `accessed`.
    NEXT_CHECK.get().is_none_or(|next| unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| next(table, rights, raise)) })
}
