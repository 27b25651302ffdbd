//! Where the major versions of Postgres differ for us; no other file asks which one it is.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Claims every setting that begins with `prefix.`, so that a misspelt one is an error and not a silent placeholder.
pub(crate) fn reserve_prefix(prefix: &'static CStr) {
    // SAFETY: a NUL-terminated string that lives for ever; called from _PG_init.
    #[cfg(not(feature = "pg14"))]
    unsafe {
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr())
    }
    // SAFETY: as above.
    #[cfg(feature = "pg14")]
    unsafe {
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr())
    }
}
