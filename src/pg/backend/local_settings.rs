//! Postgres settings for the length of a block: put back when the guard is dropped, or by the end of a failed (sub)transaction.

use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// A nest level of settings: at its end, whatever was set inside it is undone.
pub(crate) struct Local(c_int);

impl Local {
    /// Sets each `(name, value)` until the guard is dropped, and with it what the code that runs meanwhile sets.
    pub(crate) fn set(settings: &[(&CStr, &CStr)]) -> Self {
        // SAFETY: names and values are NUL-terminated; the nest level is closed by Drop, or by the end of a failed (sub)transaction.
        unsafe {
            let level = pg_sys::NewGUCNestLevel();
            for (name, value) in settings {
                pg_sys::set_config_option(
                    name.as_ptr(),
                    value.as_ptr(),
                    pg_sys::GucContext::PGC_USERSET,
                    pg_sys::GucSource::PGC_S_SESSION,
                    pg_sys::GucAction::GUC_ACTION_SAVE,
                    true,
                    0,
                    false,
                );
            }
            Self(level)
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: the level that was opened, inside which all later ones are closed.
            unsafe { pg_sys::AtEOXact_GUC(false, self.0) };
        }
    }
}
