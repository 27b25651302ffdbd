//! What comes at once in a user's history: an event, or a session of events.

use crate::base::interrupts::Looking;
use crate::dataset::{Event, Interactions};

/// How far apart two events of one session are at most: 30 minutes, as web analytics count it; microseconds.
pub const SESSION_GAP: i64 = 30 * 60 * 1_000_000;

/// The unit in which a history goes on, and in which it is held out to evaluate a model by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One event follows another.
    Event,
    /// Events come in sessions (a visit, a basket): those within one say little of what the next will hold.
    Session,
}

impl Step {
    /// The step of these events: sessions, where a third of the users with two or more events came more than once and the events of a
    /// session are one and a half or more in the mean.
    pub fn of(data: &Interactions) -> Self {
        let (mut users, mut again, mut sessions, mut events) = (0, 0, 0, 0);
        for u in (0..data.users.len() as u32).looking() {
            let history = data.history(u);
            if history.len() > 1 {
                let n = Self::Session.starts(history).len();
                users += 1;
                again += usize::from(n > 1);
                sessions += n;
                events += history.len();
            }
        }
        if again * 3 >= users && events * 2 >= sessions * 3 && again > 0 { Self::Session } else { Self::Event }
    }

    /// Where each step of a history begins, ascending.
    pub fn starts(self, history: &[Event]) -> Vec<usize> {
        (0..history.len())
            .filter(|&i| match self {
                Self::Event => true,
                Self::Session => i == 0 || history[i].time.saturating_sub(history[i - 1].time) > SESSION_GAP,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_of_more_than_half_an_hour_begins_a_session() {
        let at = |minutes: i64| Event::new(minutes * 60_000_000, 0, 1.0);
        let history = [at(0), at(30), at(61), at(61), at(10_000)];
        assert_eq!(Step::Session.starts(&history), [0, 2, 4]);
        assert_eq!(Step::Event.starts(&history), [0, 1, 2, 3, 4]);
        assert!(Step::Session.starts(&[]).is_empty());
    }
}
