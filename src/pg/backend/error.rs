//! From an engine error to a Postgres error: SQLSTATE, message, DETAIL, HINT; never a Rust path or a backtrace.

use crate::base::{Error, Result};
use crate::pg::backend::sqlstate::{report_as, short, sqlstate};
use crate::pg::backend::{messages, reserve, text};
use pgrx::pg_sys::panic::{CaughtError, ErrorReport, ErrorReportWithLevel};
use pgrx::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs the body of an SQL function. Every `#[pg_extern]` that can fail goes through here.
///
/// An [`Error`] is raised with its SQLSTATE; an error of Postgres itself passes through unchanged; any other panic is a bug of ours
/// and becomes a plain XX000 without a path.
pub(crate) fn sql<T>(body: impl FnOnce() -> Result<T>) -> T {
    let listening = (!text::is_utf8()).then(messages::listen);
    match catch_unwind(AssertUnwindSafe(|| reserve::hold().and_then(|()| body()))) {
        Ok(Ok(value)) => {
            if let Some(l) = listening {
                l.end()
            }
            value
        }
        Ok(Err(error)) => raise(error),
        Err(panic) if from_postgres(panic.as_ref()) => {
            if listening.is_some()
                && let Some(CaughtError::PostgresError(e)) = panic.downcast_ref::<CaughtError>()
            {
                messages::again(e.message());
            }
            resume_unwind(panic)
        }
        Err(panic) => raise(from_panic(panic.as_ref())),
    }
}

/// Raises `error` as a Postgres ERROR.
pub(crate) fn raise(error: Error) -> ! {
    raise_as(sqlstate(error.code), error)
}

/// Raises the words of `error` with a SQLSTATE of their own.
pub(crate) fn raise_as(sqlstate: PgSqlErrorCode, error: Error) -> ! {
    if !text::is_utf8() {
        messages::instead(short(&error.message), error.detail.as_deref().map(short), error.hint.as_deref().map(short));
    }
    report_as(sqlstate, error).report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}

/// Shows what went wrong, and was mended or passed over, as a WARNING.
pub(crate) fn warning(said: &str) {
    show(PgLogLevel::WARNING, PgSqlErrorCode::ERRCODE_WARNING, said);
}

fn show(level: PgLogLevel, code: PgSqlErrorCode, said: &str) {
    if !text::is_utf8() {
        return messages::show(level, code, &short(said));
    }
    ErrorReport::new(code, short(said), "affinity").report(level);
}

/// Shows what is said to the caller as a NOTICE.
pub(crate) fn notice(said: &str) {
    show(PgLogLevel::NOTICE, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, said);
}

/// Whether a caught panic is an error that Postgres or pgrx raised, with a SQLSTATE of its own.
pub(crate) fn from_postgres(panic: &(dyn Any + Send)) -> bool {
    match panic.downcast_ref::<CaughtError>() {
        // A panic of ours that crossed Postgres frames: a callback of the executor.
        Some(CaughtError::RustPanic { .. }) => false,
        Some(_) => true,
        None => panic.is::<ErrorReportWithLevel>() || panic.is::<ErrorReport>(),
    }
}

/// The error of a Rust panic.
pub(crate) fn from_panic(panic: &(dyn Any + Send)) -> Error {
    if let Some(CaughtError::RustPanic { ereport, .. }) = panic.downcast_ref::<CaughtError>() {
        return Error::internal(ereport.message().to_owned());
    }
    let said = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    Error::internal(said.unwrap_or_else(|| "A panic without a message.".into()))
}

/// Keeps Rust's backtraces out of DETAIL, whatever RUST_BACKTRACE says in the server's environment.
pub(crate) fn hide_backtraces() {
    // SAFETY: called from _PG_init, where the backend has one thread; std caches the variable at its first capture.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") }
}
