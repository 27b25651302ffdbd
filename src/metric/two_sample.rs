//! How far two samples are apart, column by column.

use crate::base::hash::Map;
use crate::base::number::AsReal;
use std::hash::Hash;

/// The Kolmogorov-Smirnov statistic: the greatest difference of the two distribution functions, 0 to 1. Puts both in order; none where one
/// is empty.
pub fn kolmogorov_smirnov(a: &mut [f64], b: &mut [f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].partition_point(|y| *y <= x);
        j += b[j..].partition_point(|y| *y <= x);
        most = most.max((i.real() / a.len().real() - j.real() / b.len().real()).abs());
    }
    Some(most)
}

/// The total variation distance: half the sum of the differences of all shares, 0 to 1; none where one is empty.
pub fn total_variation<K: Hash + Eq>(a: impl Iterator<Item = K>, b: impl Iterator<Item = K>) -> Option<f64> {
    let (mut counts, mut n, mut m): (Map<K, [f64; 2]>, f64, f64) = (Map::default(), 0.0, 0.0);
    for k in a {
        counts.entry(k).or_default()[0] += 1.0;
        n += 1.0;
    }
    for k in b {
        counts.entry(k).or_default()[1] += 1.0;
        m += 1.0;
    }
    if n == 0.0 || m == 0.0 {
        return None;
    }
    // In a fixed order, so that the sum is the same each time.
    let mut apart: Vec<f64> = counts.values().map(|[x, y]| (x / n - y / m).abs()).collect();
    apart.sort_unstable_by(f64::total_cmp);
    Some(0.5 * apart.iter().sum::<f64>())
}

/// Spearman's correlation of two columns of one length: that of their ranks, equal values at the middle of theirs. None where one does not
/// vary.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (x, y) = (ranks(a), ranks(b));
    let n = x.len().real();
    let mean = (n - 1.0) / 2.0;
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        let (x, y) = (x - mean, y - mean);
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut out = vec![0.0; x.len()];
    let mut i = 0;
    while i < order.len() {
        let run = order[i..].partition_point(|r| x[*r] <= x[order[i]]);
        for r in &order[i..i + run] {
            out[*r] = i.real() + (run - 1).real() / 2.0;
        }
        i += run;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_definitions() {
        // scipy.stats.ks_2samp([1, 2, 2, 3], [2, 3, 4]).statistic
        assert!((kolmogorov_smirnov(&mut [3.0, 1.0, 2.0, 2.0], &mut [2.0, 4.0, 3.0]).unwrap() - 5.0 / 12.0).abs() < 1e-12);
        assert_eq!(kolmogorov_smirnov(&mut [1.0, 2.0], &mut [5.0]), Some(1.0));
        assert_eq!((kolmogorov_smirnov(&mut [1.0, 2.0], &mut [2.0, 1.0]), kolmogorov_smirnov(&mut [], &mut [1.0])), (Some(0.0), None));
        assert!((total_variation("aab".chars(), "abbb".chars()).unwrap() - (2.0 / 3.0 - 0.25)).abs() < 1e-12);
        assert_eq!((total_variation("a".chars(), "b".chars()), total_variation("".chars(), "b".chars())), (Some(1.0), None));
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 9]).statistic
        assert!((rank_correlation(&[1.0, 2.0, 2.0, 4.0, 5.0], &[3.0, 1.0, 4.0, 4.0, 9.0]).unwrap() - 0.763_157_894_7).abs() < 1e-9);
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
