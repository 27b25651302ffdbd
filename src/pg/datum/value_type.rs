//! What the engine is to know of a column's SQL type: how values of it are written, and how a date or time of another type is read as one
//! of it.

use crate::base::{Error, Result};
use crate::dataset::{Cell, ValueType};
use crate::pg::datum::{money, value_form};
use pgrx::pg_sys;

/// The bytes that a type modifier counts beside its own (`VARHDRSZ`).
const HEADER: i32 = 4;

const DAY: i64 = 86_400_000_000;

/// The type `typ` with its modifier; domains are their base type.
pub(crate) fn of(typ: pg_sys::Oid, mut modifier: i32) -> ValueType {
    // SAFETY: a catalogue look-up by oid, which writes the modifier of a domain's base type; an unknown oid comes back as it is.
    let base = unsafe { pg_sys::getBaseTypeAndTypmod(typ, &raw mut modifier) };
    if let Some(element) = value_form::element(base) {
        // An array has the modifier of its elements; days in it are words.
        return match of(element, modifier) {
            own @ (ValueType::Whole | ValueType::Decimal(_) | ValueType::Numeric) => own,
            _ if element == pg_sys::BOOLOID => ValueType::Truth,
            _ => ValueType::Plain,
        };
    }
    match base {
        pg_sys::FLOAT4OID => ValueType::Single,
        pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => ValueType::Whole,
        pg_sys::NUMERICOID if modifier >= HEADER => ValueType::Decimal(scale(modifier)),
        pg_sys::NUMERICOID => ValueType::Numeric,
        pg_sys::MONEYOID => ValueType::Decimal(money::decimals()),
        pg_sys::INTERVALOID => ValueType::Interval,
        pg_sys::TIMEOID => ValueType::Clock,
        pg_sys::TIMETZOID => ValueType::ZonedClock,
        pg_sys::DATEOID => ValueType::Date,
        pg_sys::TIMESTAMPOID => ValueType::Timestamp,
        pg_sys::TIMESTAMPTZOID => ValueType::Instant,
        _ => ValueType::Plain,
    }
}

/// The scale in the modifier of a numeric: its low 11 bits, of which the highest is the sign.
const fn scale(modifier: i32) -> i16 {
    ((((modifier - HEADER) & 0x7ff) ^ 1024) - 1024) as i16
}

/// How a date or time of one type is read as one of another: as Postgres casts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// What the clock shows in the session's time zone, as an instant.
    Instant,
    /// An instant, as what the clock shows in the session's time zone.
    Clock,
    /// The same, and of that the day.
    ClockDay,
    /// The day of what the clock shows.
    Day,
}

impl Cast {
    /// From a value of one type to one of another; none where it is read as it is.
    pub(crate) const fn between(given: ValueType, wanted: ValueType) -> Option<Self> {
        use ValueType::{Date, Instant, Timestamp};
        match (given, wanted) {
            (Date | Timestamp, Instant) => Some(Self::Instant),
            (Instant, Timestamp) => Some(Self::Clock),
            (Instant, Date) => Some(Self::ClockDay),
            (Timestamp, Date) => Some(Self::Day),
            _ => None,
        }
    }

    /// The SQL type that a column is cast to, for a query that reads it.
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Instant => "pg_catalog.timestamptz",
            Self::Clock => "pg_catalog.timestamp",
            Self::ClockDay | Self::Day => "pg_catalog.date",
        }
    }

    /// The value of another type that `cell` is.
    ///
    /// # Errors
    /// Postgres's own (22008) for a time that the session's zone puts out of range.
    pub(crate) fn cell(self, cell: Cell<'_>) -> Result<Cell<'_>> {
        let Cell::Time(t) = cell else { return Ok(cell) };
        let day = |t: i64| t.div_euclid(DAY) * DAY;
        // SAFETY: both functions take a timestamp by value and give one.
        let turned = |f: unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum| unsafe {
            pgrx::direct_function_call::<i64>(f, &[Some(pg_sys::Datum::from(t))])
                .ok_or_else(|| Error::internal("a timestamp in another zone is NULL"))
        };
        Ok(Cell::Time(match self {
            Self::Instant => turned(pg_sys::timestamp_timestamptz)?,
            Self::Clock => turned(pg_sys::timestamptz_timestamp)?,
            Self::ClockDay => day(turned(pg_sys::timestamptz_timestamp)?),
            Self::Day => day(t),
        }))
    }
}
