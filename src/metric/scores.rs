//! The scores of two classes, in order: all that an exact ranking figure needs.

use super::state::Kept;
use crate::base::number::AsReal;
use crate::base::{Result, interrupts, memory};

/// The scores of the negatives and of the positives, 8 bytes a row; 16 where rows weigh differently.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scores {
    pub(super) negative: Side,
    pub(super) positive: Side,
}

/// The scores of one class.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Side {
    scores: Vec<f64>,
    /// Of each score; empty where each counts 1.
    weights: Vec<f64>,
}

/// A side from high to low.
pub(super) enum Ordered {
    /// Each counts 1.
    Plain(Vec<f64>),
    /// Each with what it counts.
    Weighted(Vec<(f64, f64)>),
}

impl Side {
    fn add(&mut self, score: f64, weight: f64) -> Result<()> {
        if weight != 1.0 {
            self.weigh()?;
        }
        if weight != 1.0 || !self.weights.is_empty() {
            push(&mut self.weights, weight)?;
        }
        push(&mut self.scores, score)
    }

    /// From now on each score has its weight.
    fn weigh(&mut self) -> Result<()> {
        if self.weights.len() < self.scores.len() {
            let more = self.scores.capacity();
            memory::reserve(&mut self.weights, more)?;
            self.weights.resize(self.scores.len(), 1.0);
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        if !other.weights.is_empty() {
            self.weigh()?;
        }
        memory::reserve(&mut self.scores, other.scores.len())?;
        self.scores.extend_from_slice(&other.scores);
        if !self.weights.is_empty() || !other.weights.is_empty() {
            memory::reserve(&mut self.weights, other.scores.len())?;
            self.weights.extend_from_slice(&other.weights);
            self.weights.resize(self.scores.len(), 1.0);
        }
        Ok(())
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// The sum of what they count.
    pub(super) fn weight(&self) -> f64 {
        if self.weights.is_empty() { self.scores.len().real() } else { self.weights.iter().sum() }
    }

    fn nan(&self) -> bool {
        self.scores.iter().any(|x| x.is_nan())
    }

    fn sorted(&self, step: &mut usize) -> Result<Ordered> {
        let mut look = || {
            *step += 1;
            interrupts::check_at(*step);
        };
        if self.weights.is_empty() {
            let mut v = memory::copy(&self.scores)?;
            v.sort_unstable_by(|a, b| {
                look();
                b.total_cmp(a)
            });
            return Ok(Ordered::Plain(v));
        }
        let mut v = Vec::new();
        memory::reserve(&mut v, self.scores.len())?;
        v.extend(self.scores.iter().copied().zip(self.weights.iter().copied()));
        v.sort_unstable_by(|a, b| {
            look();
            b.0.total_cmp(&a.0)
        });
        Ok(Ordered::Weighted(v))
    }

    fn memory(&self) -> usize {
        // What sorting copies counts, too.
        let copied = self.scores.len() * if self.weights.is_empty() { 1 } else { 2 };
        8 * (self.scores.capacity() + self.weights.capacity() + copied)
    }

    /// Scores of so many words, without weights.
    fn read(words: &[[u8; 8]]) -> Option<Vec<f64>> {
        let mut side = Vec::new();
        memory::reserve(&mut side, words.len()).ok()?;
        side.extend(words.iter().map(|w| f64::from_le_bytes(*w)));
        Some(side)
    }
}

fn push(to: &mut Vec<f64>, x: f64) -> Result<()> {
    if to.len() == to.capacity() {
        let more = to.len().max(64);
        memory::reserve(to, more)?;
    }
    to.push(x);
    Ok(())
}

impl Ordered {
    fn get(&self, i: usize) -> Option<(f64, f64)> {
        match self {
            Self::Plain(v) => v.get(i).map(|s| (*s, 1.0)),
            Self::Weighted(v) => v.get(i).copied(),
        }
    }

    /// From place `i` on, what all count whose score is `at`; and the place behind them.
    fn run(&self, mut i: usize, at: f64) -> (usize, f64) {
        let mut sum = 0.0;
        while let Some((_, weight)) = self.get(i).filter(|(score, _)| *score == at) {
            sum += weight;
            i += 1;
        }
        (i, sum)
    }
}

impl Scores {
    /// Adds a row that counts `weight`, above 0.
    pub(super) fn add(&mut self, score: f64, label: bool, weight: f64) -> Result<()> {
        if label { self.positive.add(score, weight) } else { self.negative.add(score, weight) }
    }

    /// Walks the distinct scores from high to low: `f(negatives, positives)` at each, by what they count. False, without a step, where a
    /// score is NaN.
    pub(super) fn walk(&self, mut f: impl FnMut(f64, f64)) -> Result<bool> {
        if self.negative.nan() || self.positive.nan() {
            return Ok(false);
        }
        let mut step = 0;
        let (negative, positive) = (self.negative.sorted(&mut step)?, self.positive.sorted(&mut step)?);
        let (mut i, mut j) = (0, 0);
        loop {
            interrupts::check_at(i + j);
            let at = match (negative.get(i), positive.get(j)) {
                (Some(n), Some(p)) => n.0.max(p.0),
                (Some(x), None) | (None, Some(x)) => x.0,
                (None, None) => return Ok(true),
            };
            let ((next_i, n), (next_j, p)) = (negative.run(i, at), positive.run(j, at));
            (i, j) = (next_i, next_j);
            f(n, p)
        }
    }
}

impl Kept for Scores {
    fn merge(&mut self, other: &Self) -> Result<()> {
        self.negative.merge(&other.negative)?;
        self.positive.merge(&other.positive)
    }

    fn rows(&self) -> u64 {
        (self.negative.len() + self.positive.len()) as u64
    }

    fn weight(&self) -> f64 {
        self.negative.weight() + self.positive.weight()
    }

    fn memory(&self) -> usize {
        self.negative.memory() + self.positive.memory()
    }

    /// The numbers of negatives and of positives, their scores, and weights of all where any has one.
    fn to_bytes(&self) -> Vec<u8> {
        let sides = [&self.negative, &self.positive];
        let weighted = sides.iter().any(|s| !s.weights.is_empty());
        let rows = self.negative.len() + self.positive.len();
        let mut out = Vec::with_capacity(8 * (2 + rows * if weighted { 2 } else { 1 }));
        sides.iter().for_each(|s| out.extend_from_slice(&(s.len() as u64).to_le_bytes()));
        sides.iter().flat_map(|s| &s.scores).for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        if weighted {
            let weight = |s: &Side, i: usize| s.weights.get(i).copied().unwrap_or(1.0);
            sides.iter().flat_map(|s| (0..s.len()).map(|i| weight(s, i))).for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [negatives, positives, words @ ..] = words else { return None };
        let count = |word: &[u8; 8]| usize::try_from(u64::from_le_bytes(*word)).ok();
        let (negatives, rows) = (count(negatives)?, count(negatives)?.checked_add(count(positives)?)?);
        if !rest.is_empty() || (words.len() != rows && Some(words.len()) != rows.checked_mul(2)) {
            return None;
        }
        let (scores, weights) = words.split_at(rows);
        let side = |from: usize, to: usize| {
            let of = Side { scores: Side::read(&scores[from..to])?, weights: Side::read(weights.get(from..to).unwrap_or_default())? };
            of.weights.iter().all(|w| *w > 0.0 && w.is_finite()).then_some(of)
        };
        Some(Self { negative: side(0, negatives)?, positive: side(negatives, rows)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_come_with_the_first_row_that_has_one() {
        let mut s = Scores::default();
        for (score, label, weight) in [(0.3, false, 1.0), (0.3, true, 1.0), (0.5, false, 1.0), (0.3, false, 2.5), (0.1, false, 1.0)] {
            s.add(score, label, weight).unwrap();
        }
        let mut plain = Scores::default();
        plain.add(0.3, true, 1.0).unwrap();
        let (mut a, mut b) = (s.clone(), plain.clone());
        a.merge(&Scores::from_bytes(&plain.to_bytes()).unwrap()).unwrap();
        b.merge(&Scores::from_bytes(&s.to_bytes()).unwrap()).unwrap();
        for s in [&a, &b, &Scores::from_bytes(&a.to_bytes()).unwrap()] {
            let mut seen = Vec::new();
            assert!(s.walk(|n, p| seen.push((n, p))).unwrap());
            assert_eq!((seen, s.rows(), s.weight()), (vec![(1.0, 0.0), (3.5, 2.0), (1.0, 0.0)], 6, 7.5));
        }
        a.add(f64::NAN, true, 1.0).unwrap();
        assert!(!a.walk(|_, _| ()).unwrap());
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let mut s = Scores::default();
        s.add(0.3, false, 2.0).unwrap();
        s.add(0.3, true, 1.0).unwrap();
        let good = s.to_bytes();
        assert_eq!(good.len(), 48);
        assert!((0..good.len()).all(|n| n == 32 || Scores::from_bytes(&good[..n]).is_none()));
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let bad = [&good[..40], &f64::to_le_bytes(weight)].concat();
            assert!(Scores::from_bytes(&bad).is_none(), "{weight}");
        }
        let long = [u64::MAX.to_le_bytes(), 1u64.to_le_bytes(), [0; 8]].concat();
        assert!(Scores::from_bytes(&long).is_none());
    }
}
