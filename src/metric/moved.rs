//! Whether counts in bins have moved by more than chance: the population stability index of [`super::psi`] says how far, a test of
//! likelihood ratios (Wilks 1938) whether so few rows can tell.
//!
//! Of rows that have not moved the index is about (bins − 1)(1/n + 1/m), n rows of then and m of now: of 200 rows in tenths .045, and .1 or
//! more in one draw of fifty. So what chance makes is no move, whatever the index is.

use crate::dataset::encode::normal;
use crate::metric::psi::{LEAST, part};

/// From this index on a distribution is moving.
pub const MOVING: f64 = 0.1;
/// From this index on it has moved.
pub const MOVED: f64 = 0.25;
/// Rows of then or now, whichever are fewer, that a bin is expected to hold at least: the test's own custom.
const LEAST_ROWS: f64 = 5.0;

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Below [`MOVING`], or within chance.
    Stable,
    /// Below [`MOVED`], and beyond chance.
    Moving,
    /// [`MOVED`] or more, and beyond chance.
    Moved,
    /// A move of [`MOVED`] would be taken for chance as often as not.
    TooFew,
}

/// Counts in bins, then and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Binned {
    /// The shares of each bin, in bins that hold enough rows.
    shares: Vec<[f64; 2]>,
    /// How many draws the shares are of.
    draws: [f64; 2],
}

impl Binned {
    /// Of the counts of each bin. Neighbours are joined until they are expected to hold [`LEAST_ROWS`]; what is left at the end stands alone
    /// where so many came of it, then or now. `draws` is how many independent draws stand behind the counts, where that is not their sum:
    /// users, of events. None without a row then or now.
    pub fn new(counts: &[[f64; 2]], draws: Option<[f64; 2]>) -> Option<Self> {
        let Self { shares, draws } = Self::as_they_are(counts, draws)?;
        let (mut joined, mut open): (Vec<[f64; 2]>, _) = (Vec::new(), [0.0, 0.0]);
        for bin in shares {
            open = [open[0] + bin[0], open[1] + bin[1]];
            if open[0] * draws[0].min(draws[1]) >= LEAST_ROWS {
                joined.push(std::mem::take(&mut open));
            }
        }
        let came = (open[0] * draws[0]).max(open[1] * draws[1]) >= LEAST_ROWS;
        match joined.last_mut() {
            Some(last) if !came => *last = [last[0] + open[0], last[1] + open[1]],
            _ => joined.push(open),
        }
        Some(Self { shares: joined, draws })
    }

    /// As [`Binned::new`], with no bin joined to another.
    pub fn as_they_are(counts: &[[f64; 2]], draws: Option<[f64; 2]>) -> Option<Self> {
        let sums = counts.iter().fold([0.0, 0.0], |s, c| [s[0] + c[0], s[1] + c[1]]);
        let draws = draws.unwrap_or(sums);
        let some = sums.iter().chain(&draws).all(|x| *x > 0.0 && x.is_finite());
        some.then(|| Self { shares: counts.iter().map(|c| [c[0] / sums[0], c[1] / sums[1]]).collect(), draws })
    }

    /// The index. A bin is taken to have the least share that the aggregate `affinity.psi` gives it, or half a row where rows are few.
    pub fn psi(&self) -> f64 {
        let floor = self.draws.map(|n| LEAST.max(0.5 / n));
        // What is nowhere has not moved, and nothing is made of a bin that is empty because it is small.
        let of = |[then, now]: &[f64; 2]| {
            let (e, a) = (then.max(floor[0].min(*now)), now.max(floor[1].min(*then)));
            if e > 0.0 { part(e, a) } else { 0.0 }
        };
        self.shares.iter().map(of).sum()
    }

    /// Twice the logarithm of how much likelier the counts are by shares of their own, then and now, than by shares in common: of rows that
    /// have not moved distributed as χ² with one degree less than there are bins. (Pearson's sum takes one row in a bin that was empty for a
    /// move: 1 of 200, of 100,000 none, is 500 times its due.)
    fn ratio(&self) -> f64 {
        let [n, m] = self.draws;
        let of = |[then, now]: &[f64; 2]| {
            let both = (then * n + now * m) / (n + m);
            let term = |share: f64, n: f64| if share > 0.0 { n * share * (share / both).ln() } else { 0.0 };
            term(*then, n) + term(*now, m)
        };
        2.0 * self.shares.iter().map(of).sum::<f64>()
    }

    /// What is to be said, where of so many comparisons a share of `level` may be wrong by chance.
    pub fn verdict(&self, level: f64) -> Verdict {
        let (psi, degrees) = (self.psi(), self.shares.len() as f64 - 1.0);
        if degrees < 1.0 {
            return if self.draws.iter().any(|n| *n < 2.0 * LEAST_ROWS) { Verdict::TooFew } else { Verdict::Stable };
        }
        // Of a bin that one row in a thousand falls into χ² says too much: the bound of Chernoff (1952) holds for any.
        let critical = chi_squared(1.0 - level, degrees).max(-2.0 * level.ln());
        if self.ratio() > critical {
            return match psi {
                p if p >= MOVED => Verdict::Moved,
                p if p >= MOVING => Verdict::Moving,
                _ => Verdict::Stable,
            };
        }
        // What a move of MOVED adds to the ratio on average.
        let adds = MOVED / self.draws.map(|n| 1.0 / n).iter().sum::<f64>();
        if critical > degrees + adds { Verdict::TooFew } else { Verdict::Stable }
    }
}

/// The value below which χ² with `degrees` of freedom is with probability `p` (Wilson and Hilferty 1931: to 1 % from p = .9 on;
/// of one degree, where it is not, the square of a normal one's).
fn chi_squared(p: f64, degrees: f64) -> f64 {
    if degrees == 1.0 {
        return normal::inverse((1.0 + p) / 2.0).powi(2);
    }
    let v = 2.0 / (9.0 * degrees);
    degrees * (1.0 - v + normal::inverse(p) * v.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn binned(then: &[f64], now: &[f64]) -> Binned {
        let counts: Vec<[f64; 2]> = then.iter().zip(now).map(|(a, b)| [*a, *b]).collect();
        Binned::new(&counts, None).unwrap()
    }

    #[test]
    fn the_index_is_that_of_the_aggregate() {
        let b = binned(&[700.0, 300.0], &[500.0, 500.0]);
        let expected = (0.5 - 0.7) * (0.5f64 / 0.7).ln() + (0.5 - 0.3) * (0.5f64 / 0.3).ln();
        assert!((b.psi() - expected).abs() < 1e-12);
        assert_eq!(b.verdict(0.01), Verdict::Moving);
        assert_eq!(binned(&[5000.0, 5000.0], &[9000.0, 1000.0]).verdict(0.001), Verdict::Moved);
        assert_eq!(binned(&[5000.0, 5000.0], &[5050.0, 4950.0]).verdict(0.001), Verdict::Stable);
        assert_eq!(Binned::new(&[[0.0, 3.0]], None), None);
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, degrees, value) in
            [(0.95, 9.0, 16.919), (0.999, 9.0, 27.877), (0.99, 1.0, 6.635), (0.999, 1.0, 10.828), (0.999, 99.0, 148.23)]
        {
            let q = chi_squared(p, degrees);
            assert!((q / value - 1.0).abs() < 0.015, "{p} {degrees}: {q} {value}");
        }
    }

    #[test]
    fn what_chance_makes_is_stable_and_a_few_rows_tell_nothing() {
        let mut rng = Rng::new(7);
        let mut draw = |n: usize| (0..n).fold([0.0; 10], |mut c, _| (c[rng.below(10)] += 1.0, c).1);
        let (mut alarms, mut above) = (0, 0);
        for _ in 0..1000 {
            let b = binned(&draw(5000), &draw(200));
            above += u32::from(b.psi() >= MOVING);
            alarms += u32::from(matches!(b.verdict(0.01), Verdict::Moving | Verdict::Moved));
        }
        assert!(alarms <= 20 && above > alarms, "{alarms} alarms, {above} above {MOVING}");
        assert_eq!(binned(&[50.0; 10], &[1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).verdict(0.001), Verdict::TooFew);
    }

    #[test]
    fn a_value_that_was_never_there_is_seen_and_one_row_of_it_is_not() {
        let of = |new: f64| {
            let counts = [[1e5, 200.0 - new], [0.0, new]];
            [Binned::as_they_are(&counts, None), Binned::new(&counts, None)].map(|b| b.unwrap().verdict(0.001))
        };
        let of_eight = Binned::as_they_are(&[[5000.0, 7.0], [0.0, 1.0]], None).unwrap();
        assert_eq!(of_eight.verdict(0.001), Verdict::TooFew);
        let nowhere = Binned::as_they_are(&[[5000.0, 8.0], [0.0, 0.0]], None).unwrap();
        assert_eq!(nowhere.psi(), 0.0);
        assert_eq!([of(1.0), of(2.0), of(60.0)], [[Verdict::Stable; 2], [Verdict::Stable; 2], [Verdict::Moved; 2]]);
        let joined = Binned::new(&[[993.0, 500.0], [4.0, 0.0], [3.0, 0.0], [0.0, 500.0]], None).unwrap();
        assert_eq!((joined.shares.len(), joined.verdict(0.001)), (3, Verdict::Moved));
    }
}
