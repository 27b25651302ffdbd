//! When what was looked up in the catalogues must be looked up again: Postgres tells every backend what has changed, and this counts it.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::c_int;

thread_local! {
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// A number that changes whenever a relation, function, type, operator, cast, constraint, operator class, foreign server, schema or role
/// has changed: in this transaction, or in another one that this backend has heard of.
pub(crate) fn generation() -> u64 {
    CHANGES.get()
}

/// Asks Postgres to be told. Called once a backend, when the library is loaded.
pub(crate) fn register() {
    use pg_sys::SysCacheIdentifier::*;
    let kinds = [PROCOID, TYPEOID, OPEROID, CASTSOURCETARGET, CONSTROID, CLAOID, FOREIGNSERVEROID, NAMESPACEOID, AUTHOID];
    // SAFETY: the callbacks live as long as the library, which is never unloaded; they only count.
    unsafe {
        for kind in kinds {
            pg_sys::CacheRegisterSyscacheCallback(kind as c_int, Some(catalogue), pg_sys::Datum::from(0));
        }
        pg_sys::CacheRegisterRelcacheCallback(Some(relation), pg_sys::Datum::from(0));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn catalogue(_argument: pg_sys::Datum, _cache: c_int, _hash: u32) {
    CHANGES.set(CHANGES.get().wrapping_add(1));
}

#[pg_guard]
unsafe extern "C-unwind" fn relation(_argument: pg_sys::Datum, _relation: pg_sys::Oid) {
    CHANGES.set(CHANGES.get().wrapping_add(1));
}
