//! money as a number: a whole number of the smallest coin, of which the locale says how many a unit has (`lc_monetary`).

use crate::base::number::AsReal;
use crate::pg::datum::numeric;
use pgrx::pg_sys;

/// What so many coins are in units tells how many coins a unit has: no locale has more than 10 decimals.
const COINS: i64 = 10_000_000_000;

/// How many of the smallest coin a unit has.
pub(crate) fn divisor() -> f64 {
    // SAFETY: the function takes money by value, and gives a numeric in the current memory context.
    let units = unsafe {
        pgrx::direct_function_call_as_datum(pg_sys::cash_numeric, &[Some(pg_sys::Datum::from(COINS))]).map(|d| numeric::to_f64(d))
    };
    units.filter(|u| *u > 0.0).map_or(1.0, |u| COINS.real() / u)
}

/// How many decimals a unit is written with.
pub(crate) fn decimals() -> i16 {
    divisor().log10().round() as i16
}
