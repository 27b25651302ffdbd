//! What Postgres is told of an engine error: SQLSTATE, message, DETAIL, HINT.

use crate::base::{Code, Error, names};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The most characters of a part of a message: lists of columns fit, a caller's texts and what a table holds do not fill the server's log.
const LONGEST: usize = 10_000;

/// What Postgres is told of `error`, with a SQLSTATE of its own.
pub(crate) fn report_as(sqlstate: PgSqlErrorCode, error: Error) -> ErrorReport {
    let mut report = ErrorReport::new(sqlstate, short(&error.message), "affinity");
    if let Some(detail) = error.detail {
        report = report.set_detail(short(&detail));
    }
    if let Some(hint) = error.hint {
        report = report.set_hint(short(&hint));
    }
    report
}

/// `text` as far as a message holds it.
pub(crate) fn short(text: &str) -> String {
    names::cut(text, LONGEST).into_owned()
}

/// The SQLSTATE of a kind of fault.
pub(crate) const fn sqlstate(code: Code) -> PgSqlErrorCode {
    use PgSqlErrorCode::*;
    match code {
        Code::InvalidParameter => ERRCODE_INVALID_PARAMETER_VALUE,
        Code::NameTooLong => ERRCODE_NAME_TOO_LONG,
        Code::OutOfRange => ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        Code::InvalidText => ERRCODE_INVALID_TEXT_REPRESENTATION,
        Code::Data => ERRCODE_DATA_EXCEPTION,
        Code::ArrayLength => ERRCODE_ARRAY_ELEMENT_ERROR,
        Code::UndefinedColumn => ERRCODE_UNDEFINED_COLUMN,
        Code::UndefinedTable => ERRCODE_UNDEFINED_TABLE,
        Code::UndefinedObject => ERRCODE_UNDEFINED_OBJECT,
        Code::WrongType => ERRCODE_DATATYPE_MISMATCH,
        Code::Duplicate => ERRCODE_DUPLICATE_OBJECT,
        Code::Privilege => ERRCODE_INSUFFICIENT_PRIVILEGE,
        Code::WrongState => ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        Code::ActiveTransaction => ERRCODE_ACTIVE_SQL_TRANSACTION,
        Code::InUse => ERRCODE_OBJECT_IN_USE,
        Code::OutOfMemory => ERRCODE_OUT_OF_MEMORY,
        Code::LimitExceeded => ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        Code::Unsupported => ERRCODE_FEATURE_NOT_SUPPORTED,
        Code::Corrupt => ERRCODE_DATA_CORRUPTED,
        Code::Cancelled => ERRCODE_QUERY_CANCELED,
        Code::Internal => ERRCODE_INTERNAL_ERROR,
    }
}

/// Raises an error whose words are ASCII, which every encoding has: what `error::raise` needs for others stands above the encoding.
pub(crate) fn raise_ascii(error: Error) -> ! {
    report_as(sqlstate(error.code), error).report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}
