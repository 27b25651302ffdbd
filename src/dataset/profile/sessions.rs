//! Sessions: events between which there was no long break.

use super::terms::Span;
use crate::base::{Code, Error, Result};

/// The running number of a user's sessions, event by event in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sessions {
    latest: i64,
    number: i64,
}

impl Sessions {
    /// The session of the next event, from 1: a new one where more than `gap` has passed since the event before.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a gap that is not longer than nothing, and for events that are not in the order of time.
    pub fn next(&mut self, time: i64, gap: Span) -> Result<i64> {
        let length = gap.length().filter(|l| *l > 0).ok_or_else(|| {
            Error::new(Code::InvalidParameter, "gap must be longer than nothing")
                .detail(format!("It is {} months, {} days and {} microseconds.", gap.months, gap.days, gap.micros))
                .hint("For example: interval '30 minutes'.")
        })?;
        if self.number > 0 && time < self.latest {
            return Err(Error::new(Code::InvalidParameter, "events are not in the order of time")
                .hint("Order the window: affinity.sessions(event_time, gap) OVER (PARTITION BY user_id ORDER BY event_time)."));
        }
        if self.number == 0 || time.saturating_sub(self.latest) > length {
            self.number += 1;
        }
        self.latest = time;
        Ok(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_longer_than_the_gap_begins_a_session() {
        let gap = Span { months: 0, days: 0, micros: 10 };
        let mut s = Sessions::default();
        let numbers: Vec<i64> = [5, 5, 15, 26, 36, 100].into_iter().map(|t| s.next(t, gap).unwrap()).collect();
        assert_eq!(numbers, [1, 1, 1, 2, 2, 3]);
        assert_eq!(s.next(99, gap).unwrap_err().message, "events are not in the order of time");
        assert_eq!(s.next(i64::MAX, gap).unwrap(), 4);
        let none = Span { months: 0, days: 0, micros: 0 };
        assert_eq!(s.next(i64::MAX, none).unwrap_err().message, "gap must be longer than nothing");
    }
}
