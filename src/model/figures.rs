//! How good several ways to rank are for each of some users, and which of them is best beyond chance.

use crate::base::Rng;
use crate::base::number::AsReal;
use crate::metric::bootstrap::{self, Estimate};

/// NDCG of `n` ways to rank for each user.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// How many ways.
    pub n: usize,
    /// Users × n, row-major.
    pub values: Vec<f32>,
}

/// Draws of users with replacement.
const RESAMPLES: usize = 64;

impl Figures {
    /// Users.
    pub fn users(&self) -> usize {
        self.values.len() / self.n.max(1)
    }

    /// The mean of each way; 0 without users.
    pub fn means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.n];
        for row in self.values.chunks(self.n.max(1)) {
            sums.iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(*x));
        }
        let users = self.users().max(1).real();
        sums.iter_mut().for_each(|s| *s /= users);
        sums
    }

    /// In what share of draws of the users, with replacement, each way is the best (bagging, Breiman 1996): settings that are averaged by
    /// these shares are steadier than the best one, which of few users is the luckiest. Sums to 1; equal ways: the first. `seed` fixes the
    /// draws.
    pub fn shares(&self, seed: u64) -> Vec<f64> {
        let users = self.users();
        let mut shares = vec![0.0; self.n];
        for draw in 0..RESAMPLES {
            let mut rng = Rng::stream(seed, 0xb000 + draw as u64);
            let mut counts = vec![0u32; users];
            (0..users).for_each(|_| counts[rng.below(users)] += 1);
            let mut sums = vec![0.0; self.n];
            for (row, &count) in self.values.chunks(self.n.max(1)).zip(&counts).filter(|x| *x.1 > 0) {
                sums.iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(count) * f64::from(*x));
            }
            if let Some(best) = (0..self.n).reduce(|a, b| if sums[b] > sums[a] { b } else { a }) {
                shares[best] += 1.0 / RESAMPLES.real();
            }
        }
        shares
    }

    /// Two of the ways.
    pub fn pair(&self, a: usize, b: usize) -> Self {
        Self { n: 2, values: self.values.chunks(self.n.max(1)).flat_map(|row| [row[a], row[b]]).collect() }
    }

    /// By how much way `a` is above way `b` in the mean over the users, with its paired interval; of fewer than two users
    /// nothing is known but that figures are between 0 and 1. `seed` fixes the draws.
    pub fn gap(&self, a: usize, b: usize, seed: u64) -> Estimate {
        let gaps: Vec<[f64; 1]> = self.values.chunks(self.n.max(1)).map(|row| [f64::from(row[a]) - f64::from(row[b])]).collect();
        let [gap] = bootstrap::means(&gaps, seed, 0xe000).unwrap_or_default();
        if gaps.len() < 2 { Estimate { low: -1.0, high: 1.0, ..gap } } else { gap }
    }

    /// The mean, by [`Figures::shares`], of a positive setting of each way on the scale of its logarithm, to three digits.
    pub fn setting(&self, of: &[f32], seed: u64) -> f64 {
        let log: f64 = self.shares(seed).iter().zip(of).map(|(share, x)| share * f64::from(*x).ln()).sum();
        let x = log.exp();
        let unit = 10f64.powi(2 - x.log10().floor() as i32);
        (x * unit).round() / unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_that_all_have_is_sure_and_one_of_few_is_not() {
        let all = Figures { n: 2, values: [0.5, 0.25].repeat(40) };
        let sure = |x: f64| Estimate { mean: x, low: x, high: x };
        assert_eq!((all.gap(0, 1, 1), all.gap(1, 0, 1)), (sure(0.25), sure(-0.25)));
        let one = Figures { n: 2, values: [[1.0, 0.0].as_slice(), &[0.5; 78]].concat() };
        let Estimate { mean, low, high } = one.gap(0, 1, 1);
        assert!((mean - 0.025).abs() < 1e-9 && low == 0.0 && high > mean, "{low} {high}");
        let unsure = |mean: f64| Estimate { mean, low: -1.0, high: 1.0 };
        assert_eq!(Figures { n: 2, values: vec![0.5, 0.25] }.gap(0, 1, 0), unsure(0.25));
        assert_eq!(Figures { n: 2, values: Vec::new() }.gap(0, 1, 0), unsure(0.0));
    }

    #[test]
    fn what_is_best_for_sure_has_every_draw_and_what_is_not_is_averaged() {
        // The second is best for everybody; the third as good as the first.
        let sure = Figures { n: 3, values: [0.1, 0.2, 0.1].repeat(50) };
        assert_eq!(sure.shares(1), [0.0, 1.0, 0.0]);
        assert!((sure.means()[1] - 0.2).abs() < 1e-6);
        assert_eq!(sure.setting(&[1.0, 12.345, 100.0], 1), 12.3);
        // Each is best for half of the users.
        let even = Figures { n: 2, values: [1.0, 0.0, 0.0, 1.0].repeat(50) };
        let shares = even.shares(1);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && shares.iter().all(|s| (0.25..0.75).contains(s)), "{shares:?}");
        assert_eq!(shares, even.shares(1));
        assert!((10.0..1000.0).contains(&even.setting(&[1.0, 10_000.0], 1)));
        let nobody = Figures { n: 2, values: Vec::new() };
        assert_eq!((nobody.means(), nobody.shares(0)), (vec![0.0; 2], vec![1.0, 0.0]));
    }
}
