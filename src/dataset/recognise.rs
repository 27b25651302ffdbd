//! Whether a relation holds the rows that a model has learned from.
//!
//! Rows are told by a hash of their values, and only those that no other row equals tell anything: where a few categories are all there is
//! to a row, tomorrow's customers look like yesterday's.

use crate::base::number::AsReal;
use crate::base::{Result, memory::reserve, rng::mix};
use crate::dataset::Frame;
use crate::dataset::row_hash::row_hashes;
use serde::{Deserialize, Serialize};

/// What is kept of the rows of a training to recognise them by.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// The lowest hashes of those rows that no other equals, ascending, at most [`LOWEST`].
    pub lowest: Vec<u64>,
    /// The share of such rows.
    pub single: f64,
    /// How likely a fresh row equals one of them: twice the pairs of equal rows by all rows (Good 1953).
    pub chance: f64,
    /// How many rows there were, and the sum of all their hashes: what tells them where each has its equals.
    pub rows: u64,
    /// See [`Marks::rows`].
    pub sum: u64,
}

/// So many hashes tell how much of a relation's rows is known, to ±.05.
pub const LOWEST: usize = 512;
/// Where single rows are as much of the training as this above what chance would find of them, they tell known rows from fresh ones.
const TELLING: f64 = 0.1;
/// How many standard deviations above chance is more than chance.
const SURE: f64 = 4.0;

impl Marks {
    /// Those of `rows` of a frame, by the values of `columns`.
    ///
    /// # Errors
    /// [`crate::base::Code::UndefinedColumn`]; [`crate::base::Code::OutOfMemory`].
    pub fn of(frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<Self> {
        let mut hashes = row_hashes(frame, columns, rows)?;
        let sum = sum(&hashes);
        hashes.sort_unstable();
        let (mut singles, mut pairs) = (0u64, 0u64);
        let mut lowest = Vec::new();
        reserve(&mut lowest, LOWEST.min(hashes.len()))?;
        for equal in hashes.chunk_by(|a, b| a == b) {
            match equal {
                [h] => {
                    singles += 1;
                    if lowest.len() < LOWEST {
                        lowest.push(*h)
                    }
                }
                [_, _] => pairs += 1,
                _ => {}
            }
        }
        let n = rows.len().max(1).real();
        Ok(Self { lowest, single: singles.real() / n, chance: 2.0 * pairs.real() / n, rows: rows.len() as u64, sum })
    }

    /// Which share of `rows` of a frame the marks are of: by those that no other equals, or where it is all of them, by their sum.
    ///
    /// # Errors
    /// As [`Marks::of`].
    pub fn known(&self, frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<f64> {
        let hashes = row_hashes(frame, columns, rows)?;
        let all = self.rows == rows.len() as u64 && self.sum == sum(&hashes);
        Ok(if all { 1.0 } else { self.singles(&hashes) })
    }

    /// The same by rows that no other equals alone: where `columns` are not all that tells a row, fresh ones may come in the same numbers.
    ///
    /// # Errors
    /// As [`Marks::of`].
    pub fn alike(&self, frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<f64> {
        row_hashes(frame, columns, rows).map(|hashes| self.singles(&hashes))
    }

    /// The share of the marks' rows among those of `hashes`; 0 where chance may have found as many, or rows do not differ enough to tell.
    fn singles(&self, hashes: &[u64]) -> f64 {
        let telling = self.single - self.chance;
        if telling < TELLING || hashes.is_empty() {
            return 0.0;
        }
        // Of more singles than are kept, the part of all hashes up to the last of these is looked at.
        let part = if self.lowest.len() < LOWEST { 1.0 } else { self.lowest.last().map_or(1.0, |h| h.real() / u64::MAX.real()) };
        let looked_at = hashes.len().real() * part;
        let hits = hashes.iter().filter(|h| self.lowest.binary_search(h).is_ok()).count().real();
        let by_chance = self.chance * looked_at;
        if hits - by_chance <= SURE * by_chance.sqrt() {
            return 0.0;
        }
        ((hits - by_chance) / (telling * looked_at)).clamp(0.0, 1.0)
    }
}

/// The same whatever the order of the rows.
fn sum(hashes: &[u64]) -> u64 {
    hashes.iter().fold(0, |sum, h| u64::wrapping_add(sum, mix(*h)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::dataset::{Column, Values};

    fn frame(columns: Vec<Vec<f64>>) -> Frame {
        let named = columns.into_iter().enumerate();
        Frame::new(named.map(|(i, c)| Column { name: format!("c{i}"), values: Values::Double(c) }).collect()).unwrap()
    }

    /// Rows of which each value is one of `levels`, drawn at random, the low ones more often.
    fn drawn(r: &mut Rng, rows: usize, levels: &[f64]) -> Frame {
        frame(levels.iter().map(|l| (0..rows).map(|_| (l * r.uniform() * r.uniform()).floor()).collect()).collect())
    }

    #[test]
    fn known_rows_are_recognised_also_among_others() {
        let mut r = Rng::new(1);
        let f = frame(vec![(0..5000).map(|_| r.normal()).collect()]);
        let rows: Vec<u32> = (0..5000).collect();
        let marks = Marks::of(&f, &["c0"], &rows[..3000]).unwrap();
        assert_eq!((marks.lowest.len(), marks.single, marks.chance), (LOWEST, 1.0, 0.0));
        let share = |rows: &[u32]| marks.known(&f, &["c0"], rows).unwrap();
        assert_eq!((share(&rows[..3000]), share(&rows[3000..]), share(&[])), (1.0, 0.0, 0.0));
        assert!((share(&rows) - 0.6).abs() < 0.06 && share(&rows[1000..2000]) > 0.85, "{}", share(&rows));
        // all of a few are kept
        let few = Marks::of(&f, &["c0"], &rows[..40]).unwrap();
        assert_eq!((few.lowest.len(), few.known(&f, &["c0"], &rows[..80]).unwrap()), (40, 0.5));
    }

    #[test]
    fn fresh_rows_that_look_like_known_ones_are_not_taken_for_them() {
        let mut r = Rng::new(2);
        for levels in [&[3.0, 2.0][..], &[9.0, 9.0], &[20.0, 20.0, 3.0], &[60.0, 60.0, 8.0], &[400.0, 400.0]] {
            for (n, m) in [(300, 300), (4000, 4000), (4000, 900), (4000, 30_000)] {
                let columns: Vec<String> = (0..levels.len()).map(|i| format!("c{i}")).collect();
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                let all = |n: usize| (0..n as u32).collect::<Vec<_>>();
                let (before, after) = (drawn(&mut r, n, levels), drawn(&mut r, m, levels));
                let marks = Marks::of(&before, &columns, &all(n)).unwrap();
                let fresh = marks.known(&after, &columns, &all(m)).unwrap();
                assert!(fresh < 0.05, "{levels:?} {n} {m}: {fresh} {} {}", marks.single, marks.chance);
                // The same rows in another order.
                let turned: Vec<u32> = all(n).into_iter().rev().collect();
                assert_eq!(marks.known(&before, &columns, &turned).unwrap(), 1.0);
            }
        }
    }
}
