//! Values by their names: the frequent ones each with its share, the others as a share of them all, and which ever came.

use crate::base::hash;
use crate::base::number::AsReal;
use serde::{Deserialize, Serialize};

/// Values that have a bin of their own.
pub const MOST: usize = 100;
/// Words of the filter of the values that came: 2 kB.
const MOST_WORDS: usize = 256;
/// A filter of which this share of values that never came passes tells nothing.
const BLIND: f64 = 0.5;
/// The seed of the hashes. They are stored: it may never change.
const SEED: u64 = 0xd21f7;

/// Values and how often they came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Levels {
    /// The most frequent, by their hashes, with their counts; ascending by hash. No name is stored, however long it is.
    pub frequent: Vec<(u64, u64)>,
    /// How often the others came.
    #[serde(default)]
    pub rest: u64,
    /// How many came once.
    #[serde(default)]
    pub once: u64,
    /// Where there are others: bits of which each of them has set two (Bloom 1970).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came: Vec<u64>,
}

/// The hash of a value.
pub fn hash_of(name: &str) -> u64 {
    hash::bytes(SEED, name.as_bytes())
}

/// The two bits of a hash in so many words.
fn bits(hash: u64, words: usize) -> [usize; 2] {
    let bits = words as u64 * 64;
    [(hash % bits) as usize, ((hash >> 32) % bits) as usize]
}

impl Levels {
    /// Of values by their hashes, each with its count above 0.
    pub fn of(mut counts: Vec<(u64, u64)>) -> Self {
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let once = counts.iter().filter(|c| c.1 == 1).count() as u64;
        let others = counts.split_off(counts.len().min(MOST));
        let mut came = Vec::new();
        if !others.is_empty() {
            // Sixteen bits a value: of values that never came one of 70 passes.
            let words = (others.len() / 4).next_power_of_two().clamp(1, MOST_WORDS);
            came.resize(words, 0u64);
            for bit in others.iter().flat_map(|(hash, _)| bits(*hash, words)) {
                came[bit / 64] |= 1 << (bit % 64);
            }
        }
        counts.sort_unstable();
        Self { frequent: counts, rest: others.iter().map(|c| c.1).sum(), once, came }
    }

    /// All that came.
    pub fn total(&self) -> u64 {
        self.frequent.iter().map(|f| f.1).sum::<u64>() + self.rest
    }

    /// The counts of then and of `now` (hashes and counts) in bins: the frequent values, the most frequent first, and all others.
    pub fn count(&self, now: &[(u64, u64)]) -> Vec<[f64; 2]> {
        let mut bins: Vec<[f64; 2]> = self.frequent.iter().map(|f| [f.1.real(), 0.0]).chain([[self.rest.real(), 0.0]]).collect();
        for (hash, n) in now {
            let at = self.frequent.binary_search_by_key(hash, |f| f.0).unwrap_or(self.frequent.len());
            bins[at][1] += n.real();
        }
        // Rare ones are joined with their neighbours where rows are few: never with what came oftener than they.
        let others = bins.pop();
        bins.sort_by(|a, b| b[0].total_cmp(&a[0]));
        bins.extend(others);
        bins
    }

    /// How many of `now` have values that never came: where a filter tells, more than it shows, by the share that it lets pass. None where it
    /// lets pass too many.
    pub fn never_came(&self, now: &[(u64, u64)]) -> Option<f64> {
        let full = self.came.iter().map(|w| w.count_ones()).sum::<u32>().real() / (self.came.len() * 64).max(1).real();
        let passes = if self.rest == 0 { 0.0 } else { full * full };
        if passes > BLIND {
            return None;
        }
        let is_set = |bit: usize| self.came[bit / 64] >> (bit % 64) & 1 == 1;
        let is_frequent = |hash: u64| self.frequent.binary_search_by_key(&hash, |f| f.0).is_ok();
        let known = |hash: u64| is_frequent(hash) || (!self.came.is_empty() && bits(hash, self.came.len()).into_iter().all(is_set));
        let total = now.iter().map(|(_, n)| n.real()).sum::<f64>();
        let new = now.iter().filter(|(hash, _)| !known(*hash)).map(|(_, n)| n.real()).sum::<f64>();
        Some((new / (1.0 - passes)).min(total) + 0.0)
    }

    /// Whether what is stored can be a training's.
    pub fn is_sound(&self) -> bool {
        self.frequent.len() <= MOST
            && self.frequent.is_sorted()
            && self.came.len() <= MOST_WORDS
            && (self.rest == 0 || !self.came.is_empty())
    }
}
