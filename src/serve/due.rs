//! What a user had, and when it is due again: by the user's own rhythm, in the order that the model gives.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Result, interrupts, memory};
use crate::dataset::{Event, SESSION_GAP};
use crate::model::popularity::DAY;
use std::cmp::Reverse;

/// An item that the user had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// It.
    pub item: u32,
    /// How many times; within one session it is once.
    pub times: u64,
    /// The last time, in microseconds since 2000-01-01.
    pub last: i64,
    /// When the next is due; none after a single time, which has no rhythm.
    pub due: Option<i64>,
    /// The model's score.
    pub score: f32,
}

/// The `k` items of `history` (oldest first) that come first: those that are due by `now`, then the others, each by their `scores` (one an
/// item). Equal scores: the one that was had last, then the smaller item. Those of −∞ are left out.
///
/// An item is due the mean time between two times, a day at least, after the last. (Complete Journey, what was bought by September: the next
/// time's |log ratio| to what the mean foretells has a median of .97 after one interval, .73 after two to four and .68 after more; to what the
/// median does .97, .80 and .84, to the geometric mean .97, .85 and .84.)
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`].
pub fn due(history: &[Event], scores: &[f32], now: i64, k: usize) -> Result<Vec<Due>> {
    let mut times: Vec<(u32, i64)> = Vec::new();
    memory::reserve(&mut times, history.len())?;
    times.extend(history.iter().map(|e| (e.item, e.time)));
    times.sort_unstable();
    let mut all = Vec::new();
    for (step, of) in times.chunk_by(|a, b| a.0 == b.0).enumerate() {
        interrupts::check_at(step);
        let (item, first) = of[0];
        let (mut n, mut last) = (1u64, first);
        for &(_, time) in &of[1..] {
            if time.saturating_sub(last) > SESSION_GAP {
                (n, last) = (n + 1, time);
            }
        }
        let between = (last.saturating_sub(first).real() / (n.saturating_sub(1)).max(1).real()).max(DAY);
        let due = (n > 1).then(|| last.saturating_add(between as i64));
        let score = scores[item.index()];
        if score > f32::NEG_INFINITY {
            memory::reserve_slowly(&mut all, 1)?;
            all.push(Due { item, times: n, last, due, score });
        }
    }
    let overdue = |d: &Due| d.due.is_some_and(|due| due <= now);
    all.sort_by(|a, b| {
        let order = overdue(b).cmp(&overdue(a)).then(b.score.total_cmp(&a.score));
        order.then((Reverse(a.last), a.item).cmp(&(Reverse(b.last), b.item)))
    });
    all.truncate(k);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: i64 = DAY as i64;

    fn at(item: u32, days: i64) -> Event {
        Event::new(days * D, item, 1.0)
    }

    #[test]
    fn what_is_due_comes_first_and_both_by_the_score() {
        // 0 every ten days, due on 30; 1 every 30, due on 60; 2 once; 3 twice at one visit, which is once; 4 each hour of a day.
        let mut history = vec![at(0, 0), at(1, 0), at(0, 10), at(2, 12), at(3, 15), at(3, 15), at(0, 20), at(1, 30)];
        history[5].time += 600_000_000;
        history.extend((0..3).map(|h| Event::new(31 * D + h * 3_600_000_000, 4, 1.0)));
        let scores = [1.0, 5.0, 4.0, 3.0, 0.5, 9.0];
        let found = due(&history, &scores, 40 * D, 10).unwrap();
        let of = |item: u32| found.iter().find(|d| d.item == item).copied().unwrap();
        assert_eq!(found.iter().map(|d| d.item).collect::<Vec<_>>(), [0, 4, 1, 2, 3]);
        assert_eq!(of(0), Due { item: 0, times: 3, last: 20 * D, due: Some(30 * D), score: 1.0 });
        assert_eq!((of(1).times, of(1).due, of(2).due), (2, Some(60 * D), None));
        assert_eq!((of(3).times, of(3).last, of(3).due), (1, 15 * D, None));
        // No sooner than a day.
        assert_eq!((of(4).times, of(4).due), (3, Some(32 * D + 7_200_000_000)));
        // On its day it is due.
        assert_eq!(due(&history, &scores, 60 * D, 1).unwrap()[0].item, 1);
        assert_eq!(due(&history, &scores, 60 * D - 1, 1).unwrap()[0].item, 0);
        assert!(due(&history, &scores, 0, 0).unwrap().is_empty() && due(&[], &scores, 0, 9).unwrap().is_empty());
    }

    #[test]
    fn equal_scores_stand_by_the_last_time_and_extremes_do_not_overflow() {
        let history = [at(0, 1), at(2, 3), at(1, 3)];
        assert_eq!(due(&history, &[1.0; 3], 0, 9).unwrap().iter().map(|d| d.item).collect::<Vec<_>>(), [1, 2, 0]);
        let ends = [Event::new(i64::MIN + 1, 0, 1.0), Event::new(i64::MAX - 1, 0, 1.0)];
        assert_eq!(due(&ends, &[1.0], 0, 9).unwrap()[0].due, Some(i64::MAX));
        assert!(due(&history, &[f32::NEG_INFINITY; 3], 0, 9).unwrap().is_empty());
    }
}
