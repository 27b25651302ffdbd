//! The type of a column, as far as it decides how its values are written: what a model makes for a column is read by Postgres as one of its
//! values.

use super::frame::{Cell, Labels};
use crate::base::number::AsReal;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// How the values of a column's type are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// As they are: double precision, text, boolean, arrays.
    #[default]
    Plain,
    /// real: the shortest decimals that name the value.
    Single,
    /// smallint, int, bigint.
    Whole,
    /// numeric of so many decimals; below 0 it is rounded to tens, hundreds and so on.
    Decimal(i16),
    /// numeric of any number of decimals.
    Numeric,
    /// date: no time of day.
    Date,
    /// timestamp: what the clock shows, in no zone.
    Timestamp,
    /// timestamptz: an instant, which is the same in every zone.
    Instant,
    /// time: what the clock shows.
    Clock,
    /// timetz: what the clock shows in UTC.
    ZonedClock,
    /// interval: numbers are its seconds.
    Interval,
    /// Truth values, as numbers in an array or as words in a set.
    Truth,
}

/// Decimals beyond these are not looked for.
pub const DECIMALS: u32 = 6;

/// How many decimals all `values` can be written with; none where they need more than [`DECIMALS`].
pub fn decimals(values: impl Iterator<Item = f64> + Clone) -> Option<u32> {
    within(1e-9, values)
}

/// The same of numbers that are right to a part of themselves.
fn within(part: f64, values: impl Iterator<Item = f64> + Clone) -> Option<u32> {
    (0..=DECIMALS).find(|d| {
        let unit = 10f64.powi(*d as i32);
        values.clone().all(|x| (x * unit - (x * unit).round()).abs() <= part * (x * unit).abs().max(1.0))
    })
}

impl ValueType {
    /// Whether values are written as they are.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// Whether values of this type can be given where a model learned those of `wanted`, both of one family: a number is no interval, a day
    /// no time of day.
    pub fn serves(self, wanted: Self) -> bool {
        let own = |t| matches!(t, Self::Clock | Self::ZonedClock | Self::Interval);
        self == wanted || !(own(self) || own(wanted))
    }

    /// For people: what a value is, where that is more than the family of a column says.
    pub fn noun(self) -> Option<&'static str> {
        match self {
            Self::Clock => Some("a time of day"),
            Self::ZonedClock => Some("a time of day with its zone"),
            Self::Interval => Some("an interval"),
            _ => None,
        }
    }

    /// An instant as Postgres reads it back.
    pub fn text(self, t: i64) -> String {
        let mut out = String::new();
        self.time(t, &mut out);
        out
    }

    /// The same, of a column whose values are `seen`: those of a numeric of any number of decimals are written with as many as these have.
    pub fn with(self, seen: impl Iterator<Item = f64> + Clone) -> Self {
        match self {
            Self::Numeric => decimals(seen).map_or(self, |d| Self::Decimal(d as i16)),
            _ => self,
        }
    }

    /// The same, of arrays whose elements are `seen`.
    pub fn with_elements(self, seen: impl Iterator<Item = f32> + Clone) -> Self {
        match self {
            Self::Numeric => within(1e-7, seen.map(f64::from)).map_or(self, |d| Self::Decimal(d as i16)),
            _ => self,
        }
    }

    /// Writes a value as JSON that Postgres reads as one of this type.
    pub fn write(self, cell: &Cell<'_>, out: &mut String) {
        match cell {
            Cell::Number(x) if x.is_finite() && self == Self::Interval => {
                out.push('"');
                interval(*x, out);
                out.push('"');
            }
            Cell::Number(x) if x.is_finite() => self.number(*x, out),
            Cell::Missing | Cell::Number(_) => out.push_str("null"),
            Cell::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Cell::Text(t) => text(t, out),
            Cell::Time(t) => {
                out.push('"');
                self.time(*t, out);
                out.push('"');
            }
            Cell::Vector(v) => {
                let element = if matches!(self, Self::Whole | Self::Decimal(_) | Self::Truth) { self } else { Self::Single };
                list(v.iter(), out, |x, out| element.write(&Cell::Number(f64::from(*x)), out))
            }
            Cell::Labels(l) if matches!(self, Self::Whole | Self::Truth) => list(Labels::iter(*l), out, |t, out| out.push_str(t)),
            Cell::Labels(l) => list(Labels::iter(*l), out, text),
        }
    }

    fn number(self, x: f64, out: &mut String) {
        let done = match self {
            Self::Single => write!(out, "{}", x.single()),
            Self::Whole => write!(out, "{}", x.round() as i64),
            Self::Truth => write!(out, "{}", x >= 0.5),
            Self::Decimal(d) => match usize::try_from(d) {
                Ok(d) => decimal(x, d, out),
                Err(_) => {
                    let unit = 10f64.powi(-i32::from(d));
                    write!(out, "{}", (x / unit).round() * unit)
                }
            },
            // Postgres writes no exponent either.
            _ => write!(out, "{x}"),
        };
        debug_assert!(done.is_ok(), "a String takes what is written");
    }

    fn time(self, t: i64, out: &mut String) {
        if matches!(self, Self::Clock | Self::ZonedClock) {
            hours(t.clamp(0, DAY - 1), out);
            out.push_str(if self == Self::ZonedClock { "+00" } else { "" });
            return;
        }
        let nearest = |t: i64| (t.div_euclid(DAY) + i64::from(t.rem_euclid(DAY) * 2 >= DAY)).saturating_mul(DAY);
        let (t, date) = if self == Self::Date { (nearest(t), true) } else { (t, false) };
        let (year, month, day) = calendar(t.div_euclid(DAY));
        let rest = t.rem_euclid(DAY);
        // There is no year 0: before 1 comes 1 BC.
        let (shown, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
        let done = write!(out, "{shown:04}-{month:02}-{day:02}");
        if !date {
            out.push('T');
            hours(rest, out);
        }
        if self == Self::Instant {
            out.push_str("+00:00");
        }
        out.push_str(era);
        debug_assert!(done.is_ok(), "a String takes what is written");
    }
}

/// Hours, minutes and seconds, and what there is of a second.
fn hours(micros: i64, out: &mut String) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let mut done = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if micros != 0 {
        done = done.and_then(|()| write!(out, ".{micros:06}"));
        out.truncate(out.trim_end_matches('0').len());
    }
    debug_assert!(done.is_ok(), "a String takes what is written");
}

/// An interval of so many seconds in days and hours, as Postgres writes it in its own style and reads it in every one.
fn interval(seconds: f64, out: &mut String) {
    let micros = (seconds * 1e6).round() as i64;
    let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let (days, rest) = (size / DAY.unsigned_abs(), (size % DAY.unsigned_abs()) as i64);
    if days > 0 {
        let done = write!(out, "{sign}{days} day{}", if days == 1 && sign.is_empty() { "" } else { "s" });
        debug_assert!(done.is_ok(), "a String takes what is written");
    }
    if days > 0 && rest > 0 {
        out.push(' ');
    }
    if days == 0 || rest > 0 {
        out.push_str(sign);
        hours(rest, out);
    }
}

/// A JSON object of columns, each with its type and its value.
pub fn object<'a>(columns: impl Iterator<Item = (&'a str, ValueType, Cell<'a>)>) -> String {
    let mut out = String::from("{");
    for (name, typ, cell) in columns {
        if out.len() > 1 {
            out.push(',');
        }
        text(name, &mut out);
        out.push(':');
        typ.write(&cell, &mut out);
    }
    out.push('}');
    out
}

/// The same object with further members, which are objects.
pub fn with_objects<'a>(mut whole: String, more: impl Iterator<Item = (&'a str, String)>) -> String {
    for (name, object) in more {
        whole.pop();
        if whole.len() > 1 {
            whole.push(',');
        }
        text(name, &mut whole);
        whole.push(':');
        whole.push_str(&object);
        whole.push('}');
    }
    whole
}

/// A number with `d` decimals: the digits that name it, and zeros behind them; those of its exact value would go on where they say nothing.
fn decimal(x: f64, d: usize, out: &mut String) -> std::fmt::Result {
    let shortest = format!("{x}");
    let have = shortest.split_once('.').map_or(0, |(_, behind)| behind.len());
    if have > d {
        return write!(out, "{x:.d$}");
    }
    out.push_str(&shortest);
    if d > 0 && have == 0 {
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', d - have));
    Ok(())
}

fn text(t: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(t).to_string());
}

fn list<T>(items: impl Iterator<Item = T>, out: &mut String, one: impl Fn(T, &mut String)) {
    out.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        one(item, out);
    }
    out.push(']');
}

const DAY: i64 = 86_400_000_000;

/// Year, month and day of a day since 2000-01-01, in the proleptic Gregorian calendar (Hinnant 2013, "chrono-compatible low-level date
/// algorithms").
fn calendar(day: i64) -> (i64, i64, i64) {
    // Days since 0000-03-01, in eras of 400 years.
    let z = day + 730_425;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValueType::*;

    fn written(typ: ValueType, cell: Cell<'_>) -> String {
        let mut out = String::new();
        typ.write(&cell, &mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_their_type_has_them() {
        for (typ, x, said) in [
            (Plain, 0.1, "0.1"),
            (Plain, 12.0, "12"),
            (Plain, 1e21, "1000000000000000000000"),
            (Single, f64::from(0.1f32), "0.1"),
            (Whole, 2.5, "3"),
            (Whole, -0.4, "0"),
            (Whole, 9_500_000_000_000_004.0, "9500000000000004"),
            (Whole, 9.3e18, "9223372036854775807"),
            (Decimal(2), 12.5, "12.50"),
            (Decimal(2), 7.0, "7.00"),
            (Decimal(2), 1.006, "1.01"),
            (Decimal(0), 7.4, "7"),
            (Decimal(10), 123_456_789_012.1, "123456789012.1000000000"),
            (Decimal(-2), 1234.0, "1200"),
            (Numeric, 1e-7, "0.0000001"),
            (Plain, f64::NAN, "null"),
        ] {
            assert_eq!(written(typ, Cell::Number(x)), said, "{typ:?}");
        }
        assert_eq!([vec![1.5, 2.25], vec![1.0 / 3.0]].map(|v| Numeric.with(v.into_iter())), [Decimal(2), Numeric]);
        assert_eq!([vec![0.1, 1.37f32], vec![1.0 / 3.0]].map(|v| Numeric.with_elements(v.into_iter())), [Decimal(2), Numeric]);
    }

    #[test]
    fn times_are_written_as_dates_of_the_calendar() {
        for (typ, t, said) in [
            (Timestamp, 0, "2000-01-01T00:00:00"),
            (Timestamp, 59 * DAY + 1, "2000-02-29T00:00:00.000001"),
            (Timestamp, -1, "1999-12-31T23:59:59.999999"),
            (Instant, 9_556 * DAY + 45_000_000_000, "2026-03-01T12:30:00+00:00"),
            (Timestamp, 250_000, "2000-01-01T00:00:00.25"),
            (Timestamp, -36_524 * DAY, "1900-01-01T00:00:00"),
            (Date, 9_556 * DAY + DAY / 2 - 1, "2026-03-01"),
            (Date, 9_556 * DAY - 1, "2026-03-01"),
            (Date, 9_556 * DAY + DAY / 2, "2026-03-02"),
            // The year 0 of the calculation is 1 BC; and years beyond 9999 have five digits and more.
            (Date, -730_120 * DAY, "0001-12-31 BC"),
            (Instant, -730_120 * DAY, "0001-12-31T00:00:00+00:00 BC"),
            (Timestamp, 2_921_940 * DAY, "10000-01-01T00:00:00"),
        ] {
            assert_eq!(written(typ, Cell::Time(t)), format!("\"{said}\""));
        }
        for t in [i64::MIN, i64::MAX] {
            assert!([Date, Timestamp, Instant].iter().all(|typ| written(*typ, Cell::Time(t)).len() > 12));
        }
    }

    #[test]
    fn times_of_day_and_intervals_are_written_as_postgres_writes_them() {
        for (typ, t, said) in [
            (Clock, 0, "00:00:00"),
            (Clock, 45_296_070_000, "12:34:56.07"),
            (Clock, DAY, "23:59:59.999999"),
            (Clock, -5, "00:00:00"),
            (ZonedClock, 3_600_000_000, "01:00:00+00"),
        ] {
            assert_eq!(written(typ, Cell::Time(t)), format!("\"{said}\""));
        }
        for (x, said) in [
            (0.0, "00:00:00"),
            (1.5, "00:00:01.5"),
            (86_400.0, "1 day"),
            (3.0 * 86_400.0 + 3_723.0, "3 days 01:02:03"),
            (-86_400.0 - 60.0, "-1 days -00:01:00"),
            (-60.0, "-00:01:00"),
        ] {
            assert_eq!(written(Interval, Cell::Number(x)), format!("\"{said}\""));
        }
        assert!(written(Interval, Cell::Number(1e300)).contains("days"));
        assert_eq!(written(Interval, Cell::Missing), "null");
        let of = |a: ValueType, b| (a.serves(b), b.serves(a));
        assert_eq!(
            [of(Clock, Date), of(Interval, Plain), of(Clock, Clock), of(Whole, Single)],
            [(false, false), (false, false), (true, true), (true, true)]
        );
    }

    #[test]
    fn elements_are_written_as_their_type_has_them() {
        let v = Cell::Vector(&[1.26, 0.0, 2.5]);
        for (typ, said) in [
            (Plain, "[1.26,0,2.5]"),
            (Whole, "[1,0,3]"),
            (Decimal(1), "[1.3,0.0,2.5]"),
            (Numeric, "[1.26,0,2.5]"),
            (Truth, "[true,false,true]"),
        ] {
            assert_eq!(written(typ, v), said, "{typ:?}");
        }
        let l = Cell::Labels(Labels::Names(&["7", "11"]));
        assert_eq!([Whole, Plain].map(|t| written(t, l)), ["[7,11]", "[\"7\",\"11\"]"]);
    }

    #[test]
    fn rows_are_objects() {
        let names = ["x\"y".to_owned(), "é".to_owned()];
        let row = [
            ("a", Whole, Cell::Number(1.0)),
            ("b\"", Plain, Cell::Missing),
            ("c", Plain, Cell::Text("q\\")),
            ("d", Plain, Cell::Bool(true)),
            ("e", Plain, Cell::Vector(&[0.1, 2.0])),
            ("f", Plain, Cell::Labels(Labels::Texts(&names))),
        ];
        assert_eq!(object(row.into_iter()), r#"{"a":1,"b\"":null,"c":"q\\","d":true,"e":[0.1,2],"f":["x\"y","é"]}"#);
        assert_eq!(object(std::iter::empty()), "{}");
        let more = [("o\"", object(row.into_iter().take(1))), ("p", "{}".to_owned())];
        assert_eq!(with_objects("{}".into(), more.clone().into_iter()), r#"{"o\"":{"a":1},"p":{}}"#);
        assert_eq!(with_objects(r#"{"z":null}"#.into(), more.into_iter()), r#"{"z":null,"o\"":{"a":1},"p":{}}"#);
    }
}
