//! The best k of many scores, in one pass.

use crate::base::number::AsIndex;
use std::cmp::Ordering;

/// The best k of what is added. Equal scores: the larger `tie_break` first (where there is one), then the smaller index: one order for all,
/// so that it is the same whatever the order in which they come, and two can be merged.
#[derive(Debug, Clone)]
pub struct Best<'t> {
    k: usize,
    tie_break: Option<&'t [f32]>,
    /// Twice k are gathered before they are cut to k: amortised a few comparisons for each score above the bar, one for the rest.
    kept: Vec<(u32, f32)>,
    bar: f32,
}

impl<'t> Best<'t> {
    /// Of none yet, out of `of` at most.
    pub fn new(k: usize, of: usize, tie_break: Option<&'t [f32]>) -> Self {
        let k = k.min(of);
        Self {
            k,
            tie_break,
            kept: Vec::with_capacity(k.saturating_mul(2).min(of)),
            bar: if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY },
        }
    }

    /// A score below it is not among the best; one that equals it may still win its tie.
    #[inline]
    pub fn bar(&self) -> f32 {
        self.bar
    }

    /// Adds the score of the item at `index`, where it reaches the bar. One that is −∞ or NaN is never among the best.
    #[inline]
    pub fn add(&mut self, index: u32, score: f32) {
        if score >= self.bar && score > f32::NEG_INFINITY && self.k > 0 {
            self.kept.push((index, score));
            if self.kept.len() == 2 * self.k {
                self.cut()
            }
        }
    }

    /// Adds what `other` has.
    pub fn merge(&mut self, other: &Self) {
        other.kept.iter().for_each(|&(i, s)| self.add(i, s));
    }

    /// The best, best first, with their scores.
    pub fn into_list(mut self) -> Vec<(u32, f32)> {
        let order = Self::order(self.tie_break);
        self.kept.sort_unstable_by(order);
        self.kept.truncate(self.k);
        self.kept
    }

    #[cold]
    fn cut(&mut self) {
        self.kept.select_nth_unstable_by(self.k - 1, Self::order(self.tie_break));
        self.kept.truncate(self.k);
        self.bar = self.kept.iter().map(|x| x.1).fold(f32::INFINITY, f32::min);
    }

    fn order(tie_break: Option<&'t [f32]>) -> impl Fn(&(u32, f32), &(u32, f32)) -> Ordering {
        move |a, b| {
            let second = || tie_break.map_or(Ordering::Equal, |t| t[b.0.index()].total_cmp(&t[a.0.index()]));
            b.1.total_cmp(&a.1).then_with(second).then_with(|| a.0.cmp(&b.0))
        }
    }
}

/// The indices of the `k` best of `scores`, best first, by the order of [`Best`]. Scores that are −∞ or NaN are not in the answer, so that
/// a caller excludes by writing −∞.
pub fn top_k(scores: &[f32], k: usize, tie_break: Option<&[f32]>) -> Vec<u32> {
    let mut best = Best::new(k, scores.len(), tie_break);
    scores.iter().enumerate().for_each(|(i, &s)| best.add(i as u32, s));
    best.into_list().into_iter().map(|x| x.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn agrees_with_sorting() {
        let mut r = Rng::new(5);
        for n in [0, 1, 7, 100, 1000] {
            // Few distinct values, so that ties are common.
            let scores: Vec<f32> = (0..n).map(|_| r.below(50) as f32).collect();
            let tie_break: Vec<f32> = (0..n).map(|_| r.below(5) as f32).collect();
            for k in [0, 1, 3, 20, n, n + 5] {
                let mut all: Vec<u32> = (0..n as u32).collect();
                all.sort_by(|&a, &b| {
                    let (a, b) = (a as usize, b as usize);
                    scores[b].total_cmp(&scores[a]).then(tie_break[b].total_cmp(&tie_break[a])).then(a.cmp(&b))
                });
                all.truncate(k);
                assert_eq!(top_k(&scores, k, Some(&tie_break)), all, "n = {n}, k = {k}");
            }
        }
    }

    #[test]
    fn parts_merge_to_the_whole_whatever_their_order() {
        let mut r = Rng::new(7);
        let scores: Vec<f32> = (0..500).map(|_| r.below(20) as f32).collect();
        let of = |range: std::ops::Range<usize>| {
            let mut best = Best::new(9, 500, None);
            range.rev().for_each(|i| best.add(i as u32, scores[i]));
            best
        };
        let mut all = of(300..500);
        all.merge(&of(0..300));
        assert_eq!(all.into_list().into_iter().map(|x| x.0).collect::<Vec<_>>(), top_k(&scores, 9, None));
        let mut none = Best::new(0, 500, None);
        none.add(3, 1.0);
        assert!(none.into_list().is_empty());
    }

    #[test]
    fn excluded_scores_never_appear() {
        assert_eq!(top_k(&[f32::NEG_INFINITY, 1.0, f32::NAN, 1.0], 4, None), [1, 3]);
    }
}
