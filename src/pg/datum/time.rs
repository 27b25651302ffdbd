//! Times and intervals by Postgres's own calendar.

use crate::base::{Error, Result};
use crate::dataset::profile::Span;
use pgrx::pg_sys;

/// `at − span` as the server reckons: a month is a month, and with a time zone a day is from clock time to clock time in the session's
/// zone.
///
/// # Errors
/// Postgres's own (22008) where the result is out of range.
pub(crate) fn before(at: i64, span: Span, zoned: bool) -> Result<i64> {
    let mut interval = pg_sys::Interval { time: span.micros, day: span.days, month: span.months };
    let arguments = [Some(pg_sys::Datum::from(at)), Some(pg_sys::Datum::from(&raw mut interval))];
    // SAFETY: both functions take a timestamp and an interval by reference, which outlives the call, and give a timestamp.
    let start = unsafe {
        if zoned {
            pgrx::direct_function_call::<i64>(pg_sys::timestamptz_mi_interval, &arguments)
        } else {
            pgrx::direct_function_call::<i64>(pg_sys::timestamp_mi_interval, &arguments)
        }
    };
    start.ok_or_else(|| Error::internal("a timestamp less an interval is NULL"))
}

/// An interval.
///
/// # Safety
/// `datum` is a live datum of type `interval`.
pub(crate) unsafe fn span(datum: pg_sys::Datum) -> Span {
    // SAFETY: the caller's promise; an interval is 16 bytes of this layout, passed by reference.
    let i = unsafe { datum.cast_mut_ptr::<pg_sys::Interval>().read() };
    Span { months: i.month, days: i.day, micros: i.time }
}
