//! The best k of many scores, in one pass.

use std::cmp::Ordering;

/// The indices of the `k` best of `scores`, best first. Equal scores: the larger `tie` first (where there is one), then the smaller index. Scores that
/// are −∞ or NaN are not in the answer, so that a caller excludes by writing −∞.
pub fn top_k(scores: &[f32], k: usize, tie: Option<&[f32]>) -> Vec<u32> {
    let k = k.min(scores.len());
    if k == 0 {
        return Vec::new();
    }
    let better = |a: u32, b: u32| {
        let (x, y) = (a as usize, b as usize);
        let second = || tie.map_or(Ordering::Equal, |t| t[y].total_cmp(&t[x]));
        scores[y].total_cmp(&scores[x]).then_with(second).then_with(|| a.cmp(&b))
    };
    // Twice k candidates are gathered before they are cut to k: amortised a few comparisons for each score above the bar, one for the rest.
    let mut kept: Vec<u32> = Vec::with_capacity((2 * k).min(scores.len()));
    let mut bar = f32::NEG_INFINITY;
    for (i, &s) in scores.iter().enumerate() {
        // A score equal to the bar may still win its tie.
        if s >= bar && s > f32::NEG_INFINITY {
            kept.push(i as u32);
            if kept.len() == 2 * k {
                kept.select_nth_unstable_by(k - 1, |a, b| better(*a, *b));
                kept.truncate(k);
                bar = kept.iter().map(|&i| scores[i as usize]).fold(f32::INFINITY, f32::min);
            }
        }
    }
    kept.sort_unstable_by(|a, b| better(*a, *b));
    kept.truncate(k);
    kept
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
            let tie: Vec<f32> = (0..n).map(|_| r.below(5) as f32).collect();
            for k in [0, 1, 3, 20, n, n + 5] {
                let mut all: Vec<u32> = (0..n as u32).collect();
                all.sort_by(|&a, &b| {
                    let (a, b) = (a as usize, b as usize);
                    scores[b].total_cmp(&scores[a]).then(tie[b].total_cmp(&tie[a])).then(a.cmp(&b))
                });
                all.truncate(k);
                assert_eq!(top_k(&scores, k, Some(&tie)), all, "n = {n}, k = {k}");
            }
        }
    }

    #[test]
    fn excluded_scores_never_appear() {
        assert_eq!(top_k(&[f32::NEG_INFINITY, 1.0, f32::NAN, 1.0], 4, None), [1, 3]);
    }
}
