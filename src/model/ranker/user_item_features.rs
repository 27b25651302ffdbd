//! What a user's own history says of the items in it: how often, how lately, and against what rhythm.

use crate::base::number::AsReal;
use crate::dataset::{Event, SESSION_GAP};
use crate::model::popularity::DAY;

/// How many numbers [`UserItemFeatures::features`] gives.
pub const OWN: usize = 7;

/// What a history says of one item as of a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserItemFeatures {
    /// The item.
    pub item: u32,
    /// Σ 2^(−age / 14 days) over the times it was had.
    pub weeks: f32,
    /// The same with 45 days.
    pub months: f32,
    /// The same with 120 days.
    pub seasons: f32,
    /// Σ (age + 7 days)^−½.
    pub slow: f32,
    /// Days since the last time.
    pub since: f32,
    /// `since` over the mean days between two times (at least one day; 90 days where there was one time), at most 20. In a trial, of 18
    /// numbers of an item, the one that was missed most when it was left out.
    pub due: f32,
}

/// An age at which nothing is known any more, in days.
pub const LONG: f32 = 400.0;

/// A logarithm of a decayed count that 0 has, too.
pub fn log(x: f32) -> f32 {
    (x + 0.02).ln()
}

impl UserItemFeatures {
    /// Of each item of `history` (oldest first), ascending; events of one item in one session count once.
    pub fn of(history: &[Event], now: i64) -> Vec<Self> {
        let mut times: Vec<(u32, i64)> = history.iter().map(|e| (e.item, e.time)).collect();
        times.sort_unstable();
        let mut all: Vec<Self> = Vec::new();
        for times in times.chunk_by(|a, b| a.0 == b.0) {
            let mut own = Self { item: times[0].0, weeks: 0.0, months: 0.0, seasons: 0.0, slow: 0.0, since: 0.0, due: 0.0 };
            let (mut n, mut last) = (0, None::<i64>);
            for &(_, time) in times {
                if last.is_some_and(|l| time.saturating_sub(l) <= SESSION_GAP) {
                    continue;
                }
                let age = (now.saturating_sub(time).max(0).real() / DAY).single();
                own.weeks += (-age / 14.0).exp2();
                own.months += (-age / 45.0).exp2();
                own.seasons += (-age / 120.0).exp2();
                own.slow += (age + 7.0).powf(-0.5);
                own.since = age;
                (n, last) = (n + 1, Some(time));
            }
            let span = (last.unwrap_or(0).saturating_sub(times[0].1).real() / DAY).single();
            let gap = if n > 1 { (span / (n - 1).single()).max(1.0) } else { 90.0 };
            own.due = (own.since / gap).min(20.0);
            all.push(own);
        }
        all
    }

    /// Numbers for a network; of an item that the user never had where there is no history of it.
    pub fn features(own: Option<&Self>) -> [f32; OWN] {
        match own {
            Some(o) => [1.0, log(o.weeks), log(o.months), log(o.seasons), log(o.slow), (o.since.min(LONG) + 1.0).ln(), o.due],
            None => [0.0, log(0.0), log(0.0), log(0.0), log(0.0), (LONG + 1.0).ln(), 20.0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_by_hand() {
        let day = DAY as i64;
        let at = |item, days: i64, minutes: i64| Event::new(days * day + minutes * 60_000_000, item, 1.0);
        let history = [at(5, 0, 0), at(5, 0, 10), at(9, 4, 0), at(5, 10, 0), at(5, 20, 0)];
        let own = UserItemFeatures::of(&history, 34 * day);
        assert_eq!(own.iter().map(|o| o.item).collect::<Vec<_>>(), [5, 9]);
        // Days 0, 10 and 20, the second event of day 0 being of the same session: every ten days, last 14 days ago.
        assert!((own[0].weeks - (0.5 + (-24.0f32 / 14.0).exp2() + (-34.0f32 / 14.0).exp2())).abs() < 1e-5);
        assert!((own[0].since - 14.0).abs() < 1e-5 && (own[0].due - 1.4).abs() < 1e-5);
        assert!((own[1].due - 30.0 / 90.0).abs() < 1e-5);
        let (had, not) = (UserItemFeatures::features(Some(&own[0])), UserItemFeatures::features(None));
        assert!(had.iter().chain(&not).all(|x| x.is_finite()) && had[0] == 1.0 && not[0] == 0.0 && had[6] == own[0].due);
        // A clock that stands before the last event.
        assert!(UserItemFeatures::of(&history, 0).iter().all(|o| o.since == 0.0 && o.due == 0.0));
    }
}
