//! Work that may fail without its surroundings: what it wrote and locked is undone, and its error is a value.

use crate::base::{Error, Result};
use crate::pg::backend::error::{from_panic, raise_as};
use crate::pg::backend::sqlstate::sqlstate;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An error with the SQLSTATE by which it is known, which may be one of Postgres's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Of 5 characters, packed.
    pub sqlstate: PgSqlErrorCode,
    /// Its words; their code counts where they are ours.
    pub error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { sqlstate: sqlstate(error.code), error }
    }
}

impl Failure {
    fn of_report(e: &ErrorReportWithLevel) -> Self {
        let text = |t: Option<&str>| t.map(str::to_owned);
        let mut error = Error::internal("");
        (error.message, error.detail, error.hint) = (e.message().to_owned(), text(e.detail()), text(e.hint()));
        Self { sqlstate: e.sql_error_code(), error }
    }

    /// The five characters of its SQLSTATE.
    pub(crate) fn state(&self) -> String {
        // As Postgres unpacks them: six bits a character, from '0' on.
        let packed = self.sqlstate as i32;
        (0..5).map(|i| char::from(b'0' + ((packed >> (6 * i)) & 0x3f) as u8)).collect()
    }

    /// Whether somebody asked for the end of the statement or of the session: no failure of what was done.
    pub(crate) fn is_asked_for(&self) -> bool {
        use PgSqlErrorCode::*;
        [ERRCODE_QUERY_CANCELED, ERRCODE_ADMIN_SHUTDOWN, ERRCODE_CRASH_SHUTDOWN].contains(&self.sqlstate)
    }

    /// Raises it again.
    pub(crate) fn raise(self) -> ! {
        raise_as(self.sqlstate, self.error)
    }
}

/// Runs `f` in a subtransaction of its own.
///
/// # Errors
/// The error of `f`, or what Postgres raised in it; the subtransaction is undone then.
pub(crate) fn attempt<T>(f: impl FnOnce() -> Result<T>) -> std::result::Result<T, Failure> {
    // SAFETY: begun and ended in this function, whatever happens in between; memory context and resource owner are those of before again,
    // as plpgsql's blocks with EXCEPTION have them.
    unsafe {
        let (memory, resources) = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(memory);
        let outcome = catch_unwind(AssertUnwindSafe(f));
        pg_sys::MemoryContextSwitchTo(memory);
        match &outcome {
            Ok(Ok(_)) => pg_sys::ReleaseCurrentSubTransaction(),
            _ => pg_sys::RollbackAndReleaseCurrentSubTransaction(),
        }
        pg_sys::MemoryContextSwitchTo(memory);
        pg_sys::CurrentResourceOwner = resources;
        match outcome {
            Ok(result) => result.map_err(Failure::from),
            Err(panic) => Err(match panic.downcast_ref::<CaughtError>() {
                Some(CaughtError::PostgresError(e) | CaughtError::ErrorReport(e)) => Failure::of_report(e),
                _ => panic.downcast_ref::<ErrorReportWithLevel>().map_or_else(|| from_panic(panic.as_ref()).into(), Failure::of_report),
            }),
        }
    }
}
