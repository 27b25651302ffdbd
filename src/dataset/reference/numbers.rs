//! Numbers in tenths.

use crate::base::number::AsReal;
use serde::{Deserialize, Serialize};

/// Shares of the rows that a bin holds at least.
const BINS: usize = 10;
/// Edges that a column has at most: each tenth may end at a value that is a bin of its own, and at the value before it.
pub const MOST_EDGES: usize = 2 * BINS;

/// Bins that each hold a tenth of the rows; equal numbers stand in one, which is theirs alone where they are a tenth or more.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tenths {
    /// The largest number of each bin but the last, ascending.
    pub edges: Vec<f64>,
    /// How many rows each bin holds.
    pub counts: Vec<u64>,
    /// The number in the middle.
    pub middle: f64,
}

impl Tenths {
    /// Of numbers that are finite, in any order.
    pub fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let tenth = numbers.len().div_ceil(BINS).max(1);
        // Where bins end: beyond the last of equal numbers.
        let (mut ends, mut from, mut at) = (Vec::new(), 0, 0);
        while let Some(value) = numbers.get(at) {
            let end = at + numbers[at..].partition_point(|x| x <= value);
            if end - at >= tenth && at > from {
                ends.push(at);
                from = at;
            }
            if end - from >= tenth {
                ends.push(end);
                from = end;
            }
            at = end;
        }
        if ends.last().is_some_and(|e| *e < numbers.len()) {
            ends.push(numbers.len());
        }
        let edges = ends.iter().filter(|e| **e < numbers.len()).map(|e| numbers[e - 1]).collect();
        let counts = ends.iter().zip([0].iter().chain(&ends)).map(|(end, start)| (end - start) as u64).collect();
        Self { edges, counts, middle: middle(&numbers) }
    }

    /// How many of `numbers`, which are finite, each bin holds, and the one in their middle.
    pub fn count(&self, mut numbers: Vec<f64>) -> (Vec<[f64; 2]>, Option<f64>) {
        let mut bins: Vec<[f64; 2]> = self.counts.iter().map(|n| [n.real(), 0.0]).collect();
        for x in &numbers {
            let at = self.edges.partition_point(|e| e < x);
            bins.get_mut(at).into_iter().for_each(|b| b[1] += 1.0);
        }
        let half = numbers.len() / 2;
        let middle = (!numbers.is_empty()).then(|| *numbers.select_nth_unstable_by(half, f64::total_cmp).1);
        (bins, middle)
    }

    /// Whether what is stored can be a training's.
    pub fn is_sound(&self) -> bool {
        self.edges.len() <= MOST_EDGES && self.edges.is_sorted() && self.counts.len() <= self.edges.len() + 1
    }
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
