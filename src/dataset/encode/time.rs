//! Dates and times as inputs: the hour, the weekday and the month as points on a circle, and the age.

use super::scale::{Scale, Scaling};
use crate::base::number::AsReal;
use serde::{Deserialize, Serialize};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// From its first day to its last.
const YEAR: i64 = 364 * DAY;

/// A fitted time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Whether training had more than one hour: a column of dates has none to learn from.
    hour: bool,
    /// The same of weekdays.
    weekday: bool,
    /// The same of months; of less than a whole year there is none: in what was seen of it, the place in the year is an age, too, and the
    /// two together ran away with the first day after.
    month: bool,
    /// Days before the newest training row.
    newest: i64,
    age: Option<Scale>,
    missing: bool,
}

impl Time {
    /// A time of instants in microseconds since 2000-01-01 (UTC); `missing` says whether some rows have none. Where `ends` are given, the
    /// first and the last of all instants, ages go on beyond those of training. None when all are the same.
    pub fn fit(instants: &[i64], missing: bool, ends: Option<(i64, i64)>) -> Option<Self> {
        let (newest, oldest) = (*instants.iter().max()?, *instants.iter().min()?);
        let varies = |f: fn(i64) -> f64| instants.iter().any(|t| f(*t) != f(instants[0]));
        let mut ages: Vec<f64> = instants.iter().map(|t| age(newest, *t)).collect();
        let t = Self {
            hour: varies(hour),
            weekday: varies(weekday),
            month: varies(month) && newest.saturating_sub(oldest) >= YEAR,
            newest,
            age: match ends {
                None => Scale::fit(Scaling::Standard, &mut ages),
                Some((first, last)) => Scale::fit_open(Scaling::Standard, &mut ages, (age(newest, last), age(newest, first))),
            },
            missing,
        };
        (t.width() > 0).then_some(t)
    }

    /// Columns.
    pub fn width(&self) -> usize {
        2 * (usize::from(self.hour) + usize::from(self.weekday) + usize::from(self.month))
            + usize::from(self.age.is_some())
            + usize::from(self.missing)
    }

    /// The place of the age among those of [`Time::write`]; none where all ages were the same.
    pub fn aged(&self) -> Option<usize> {
        self.age.is_some().then_some(2 * (usize::from(self.hour) + usize::from(self.weekday) + usize::from(self.month)))
    }

    /// The instant of what [`Time::write`] wrote, by its age; none where all ages were the same.
    pub fn back(&self, written: &[f32]) -> Option<i64> {
        let days = self.age.as_ref()?.back(*written.get(self.aged()?)?);
        Some((self.newest.real() - days * DAY.real()).round() as i64)
    }

    /// Writes an instant into `out`, which holds zeros; without one the point is in the middle of the circles, at the mean age.
    pub fn write(&self, instant: Option<i64>, out: &mut [f32]) {
        let Some(t) = instant else {
            if self.missing
                && let Some(last) = out.last_mut()
            {
                *last = 1.0
            }
            return;
        };
        let mut at = 0;
        for (used, turn) in [(self.hour, hour(t)), (self.weekday, weekday(t)), (self.month, month(t))] {
            if used {
                let (sin, cos) = (turn * std::f64::consts::TAU).sin_cos();
                out[at] = sin.single();
                out[at + 1] = cos.single();
                at += 2;
            }
        }
        if let Some(scale) = &self.age {
            out[at] = scale.of(age(self.newest, t));
        }
    }
}

/// Days from `t` to `newest`.
fn age(newest: i64, t: i64) -> f64 {
    (newest.real() - t.real()) / DAY.real()
}

/// The time of day, as a part of it.
fn hour(t: i64) -> f64 {
    t.rem_euclid(DAY).real() / DAY.real()
}

/// The day of the week, as a part of it; 2000-01-01 was a Saturday.
fn weekday(t: i64) -> f64 {
    t.div_euclid(DAY).rem_euclid(7).real() / 7.0
}

/// The day of the year in mean Gregorian years, as a part of it: December lies beside January.
fn month(t: i64) -> f64 {
    const YEAR: f64 = 365.2425;
    (t.div_euclid(DAY).real()).rem_euclid(YEAR) / YEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(t: &Time, instant: Option<i64>) -> Vec<f32> {
        let mut out = vec![0.0; t.width()];
        t.write(instant, &mut out);
        out
    }

    #[test]
    fn parts_are_cyclic_and_ages_go_on() {
        let year: Vec<i64> = (0..365 * 24).map(|h| 8766 * DAY + h * HOUR).collect();
        let t = Time::fit(&year, true, None).unwrap();
        assert_eq!(t.width(), 8);
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(x, y)| (x - y).abs() < 0.3);
        let a = written(&t, Some(year[0]));
        // 23:00 lies beside 00:00, the last day of the year beside the first, a week later is the same weekday
        assert!(close(&a[..2], &written(&t, Some(year[23]))[..2]));
        assert!(close(&a[4..6], &written(&t, Some(year[364 * 24]))[4..6]));
        assert_eq!(a[2..4], written(&t, Some(year[7 * 24]))[2..4]);
        assert!(!close(&a[..2], &written(&t, Some(year[12]))[..2]));
        let ages: Vec<f32> = [0, 5000, 8000].iter().map(|i| written(&t, Some(year[*i]))[6]).collect();
        assert!(ages[0] > ages[1] && ages[1] > ages[2]);
        assert!(written(&t, Some(year[8759] + 30 * DAY))[6] < written(&t, Some(year[8759]))[6] + 1e-6);
        assert_eq!(written(&t, None), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn dates_have_no_hour_and_one_instant_nothing() {
        let dates: Vec<i64> = (0..700).map(|d| d * DAY).collect();
        assert_eq!(Time::fit(&dates, false, None).unwrap().width(), 5);
        assert!(Time::fit(&[DAY; 5], false, None).is_none());
        assert!(Time::fit(&[], true, None).is_none());
        let t = Time::fit(&[i64::MIN + 1, 0, i64::MAX], false, None).unwrap();
        assert!(written(&t, Some(i64::MAX)).iter().all(|x| x.is_finite()));
    }
}
