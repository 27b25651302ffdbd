//! The terms of an aggregate over time: how fast events fade, and up to when they count.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// A length of time as Postgres's interval has it: months and days are no fixed number of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Span {
    /// Its length in microseconds, where a month counts 30 days and a day 24 hours; none where that does not fit.
    pub fn length(self) -> Option<i64> {
        let days = i64::from(self.months) * 30 + i64::from(self.days);
        days.checked_mul(DAY)?.checked_add(self.micros)
    }
}

/// How fast events fade and up to when they count: the same for all rows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    half_life: Option<i64>,
    as_of: Option<i64>,
}

impl Terms {
    /// An event counts half of one that is `half_life` younger; without it all count the same. What is later than `as_of`
    /// (microseconds, as the events' times) does not count; without it all do.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a half-life that is not positive, and an infinite `as_of`.
    pub fn new(half_life: Option<Span>, as_of: Option<i64>) -> Result<Self> {
        let half_life = half_life
            .map(|span| {
                span.length().filter(|h| *h > 0).ok_or_else(|| {
                    Error::new(Code::InvalidParameter, "half_life must be longer than nothing")
                        .detail(format!("It is {} months, {} days and {} microseconds.", span.months, span.days, span.micros))
                        .hint("For example: interval '30 days'; NULL for events that do not fade.")
                })
            })
            .transpose()?;
        if let Some(i64::MIN | i64::MAX) = as_of {
            return Err(Error::new(Code::InvalidParameter, "as_of is infinite")
                .detail("The age of an event as of infinity is not defined.")
                .hint("For example: as_of => now(); leave it out for the time of the latest event."));
        }
        Ok(Self { half_life, as_of })
    }

    /// Whether events fade.
    pub fn fades(&self) -> bool {
        self.half_life.is_some()
    }

    /// The last moment that counts, where one was given.
    pub fn as_of(&self) -> Option<i64> {
        self.as_of
    }

    /// Whether an event of that time counts.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for an infinite time that would count: nothing can be said of its age.
    #[inline]
    pub fn counts(&self, time: i64) -> Result<bool> {
        if self.as_of.is_some_and(|end| time > end) {
            return Ok(false);
        }
        if time == i64::MIN || time == i64::MAX {
            return Err(Error::new(Code::InvalidParameter, "event_time is infinite")
                .detail("The age of an event at infinity is not defined.")
                .hint("Leave such rows out: … FILTER (WHERE isfinite(event_time))."));
        }
        Ok(true)
    }

    /// What a weight of `from` is worth at `to`, `from` ≤ `to`: 2^(−(to − from) / half-life); 1 without a half-life.
    #[inline]
    pub fn fade(&self, from: i64, to: i64) -> f64 {
        match self.half_life {
            Some(h) if from != to => (-(to.saturating_sub(from).real()) / h.real()).exp2(),
            _ => 1.0,
        }
    }

    /// Makes `kept` these terms if it has none yet.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] if it has others.
    #[inline]
    pub fn keep_in(self, kept: &mut Option<Self>) -> Result<()> {
        match kept {
            Some(k) if *k == self => Ok(()),
            Some(k) => Err(k.differ(&self)),
            None => {
                *kept = Some(self);
                Ok(())
            }
        }
    }

    #[cold]
    fn differ(&self, other: &Self) -> Error {
        let name = if self.half_life == other.half_life { "as_of" } else { "half_life" };
        Error::new(Code::InvalidParameter, format!("{name} differs between rows of one group"))
            .hint(format!("Group by it, or give one {name} for all rows."))
    }

    /// The parts, for a state's bytes.
    pub(super) fn parts(&self) -> [Option<i64>; 2] {
        [self.half_life, self.as_of]
    }

    /// Back from [`Terms::parts`]; none where no terms are such.
    pub(super) fn from_parts([half_life, as_of]: [Option<i64>; 2]) -> Option<Self> {
        half_life.is_none_or(|h| h > 0).then_some(Self { half_life, as_of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: i32) -> Option<Span> {
        Some(Span { months: 0, days, micros: 0 })
    }

    #[test]
    fn a_half_life_halves() {
        let t = Terms::new(days(10), None).unwrap();
        assert_eq!(t.fade(0, 0), 1.0);
        assert_eq!(t.fade(-5 * DAY, 5 * DAY), 0.5);
        assert_eq!(t.fade(i64::MIN + 1, i64::MAX - 1), 0.0);
        assert_eq!(Terms::default().fade(0, DAY), 1.0);
        assert_eq!(Span { months: 1, days: 2, micros: 3 }.length(), Some(32 * DAY + 3));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bad in [days(0), days(-1), Some(Span { months: i32::MAX, days: 0, micros: 0 })] {
            assert_eq!(Terms::new(bad, None).unwrap_err().code, Code::InvalidParameter);
        }
        let t = Terms::new(None, Some(100)).unwrap();
        assert!(t.counts(100).unwrap() && !t.counts(101).unwrap() && !t.counts(i64::MAX).unwrap());
        assert_eq!(t.counts(i64::MIN).unwrap_err().message, "event_time is infinite");
        let mut kept = None;
        t.keep_in(&mut kept).unwrap();
        t.keep_in(&mut kept).unwrap();
        assert_eq!(Terms::default().keep_in(&mut kept).unwrap_err().message, "as_of differs between rows of one group");
        assert_eq!(
            Terms::new(days(1), Some(100)).unwrap().keep_in(&mut kept).unwrap_err().message,
            "half_life differs between rows of one group"
        );
    }
}
