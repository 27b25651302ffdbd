//! How many times as often two items are in one basket as if they knew nothing of each other, and how sure that is.
//!
//! Of `all` baskets `one` and `other` hold an item each, `both` hold the two; by chance `one` · `other` / `all` would. A pair counts of this
//! as a Poisson number, and its lift has a Gamma posterior that is drawn to 1 by [`DRAWN_BY`] baskets of either kind (the Gamma-Poisson
//! shrinker, DuMouchel 1999, "Bayesian data mining in large frequency tables"); pairs stand by its 5 % quantile. So two purchases by chance are
//! no pair, however rare the items, and a pair that thousands have is not below one that five have.
//!
//! What was tried, on Complete Journey: ten items for each of 6,172 by the baskets up to September, held against those from October on (the
//! pairs' lift then, the share of them that no basket had, how many of the ten a basket with the item had). The plain lift of pairs that three
//! baskets had 31.4, .615, .28, that five had 9.8, .364, .44; the count 3.9, .232, 1.06; the cosine 8.6, .797, .41; the lower end drawn by .3
//! baskets 20.4, .451, .49, by 1 as here 10.4, .352, .62, by 3 7.2, .258, .75, by 10 5.8, .141, .79 (and six of ten places). A floor of three
//! baskets makes no difference beside it.

use crate::base::number::AsReal;

/// Baskets, observed and expected, that say "no more than by chance" before any is counted.
pub const DRAWN_BY: f64 = 1.0;
/// The normal quantile of the lower end: 5 % of the posterior are below.
const LOWER: f64 = -1.644_853_626_951_472_6;

/// An item that is in one basket with another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Together {
    /// It.
    pub item: u32,
    /// Baskets with both.
    pub together: u64,
    /// How many times as many as by chance.
    pub lift: f64,
    /// The lower end of that: as sure as 95 %.
    pub low: f64,
}

/// How many baskets hold what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Both items.
    pub both: u32,
    /// The one.
    pub one: u32,
    /// The other.
    pub other: u32,
    /// Anything.
    pub all: u32,
}

impl Counts {
    /// Baskets that would hold both by chance.
    fn expected(self) -> f64 {
        self.one.real() * self.other.real() / self.all.real()
    }

    /// The lift; 0 where no basket holds the one or the other.
    pub fn lift(self) -> f64 {
        if self.one == 0 || self.other == 0 { 0.0 } else { self.both.real() / self.expected() }
    }

    /// Its lower end: the 5 % quantile of Gamma(both + d) / (expected + d), as Wilson & Hilferty (1931) have it by a cube, to 1 % from a count of
    /// 2 on and to .1 % from 10 on.
    pub fn low(self) -> f64 {
        let shape = self.both.real() + DRAWN_BY;
        let ninth = 1.0 / (9.0 * shape);
        shape * (1.0 - ninth + LOWER * ninth.sqrt()).max(0.0).powi(3) / (self.expected() + DRAWN_BY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(both: u32, one: u32, other: u32, all: u32) -> Counts {
        Counts { both, one, other, all }
    }

    #[test]
    fn the_lower_end_is_that_of_the_posterior() {
        // 5 % quantiles of Gamma(3), Gamma(11) and Gamma(501) by scipy 1.x, the expected being 1, 1 and 24.
        for (counts, quantile, within) in [
            (of(2, 10, 10, 100), 0.817_691_447_150_437_5 / 2.0, 0.01),
            (of(10, 10, 10, 100), 6.169_007_289_395_322 / 2.0, 1e-3),
            (of(500, 600, 400, 10_000), 464.760_411_201_647 / 25.0, 1e-3),
        ] {
            assert!((counts.low() / quantile - 1.0).abs() < within, "{counts:?}: {} is not {quantile}", counts.low());
        }
    }

    #[test]
    fn lifts_are_those_of_the_counts_and_chance_is_none() {
        let both_ways = of(30, 60, 40, 1000);
        assert!((both_ways.lift() - 12.5).abs() < 1e-12);
        assert_eq!((both_ways.lift(), both_ways.low()), (of(30, 40, 60, 1000).lift(), of(30, 40, 60, 1000).low()));
        assert!(both_ways.low() > 1.0 && both_ways.low() < both_ways.lift());
        // Two purchases of what hardly anybody has: a lift of 100,000 that says nothing.
        assert!(of(2, 2, 2, 400_000).lift() > 1e5 && of(2, 2, 2, 400_000).low() < 1.0);
        // Five are more than that, and less than five hundred at a tenth of their lift.
        assert!(of(5, 6, 6, 400_000).low() > 1.0 && of(5, 6, 6, 400_000).low() < of(500, 5000, 2000, 400_000).low());
        // What is in every basket goes with nothing.
        assert!(of(50, 50, 1000, 1000).low() < 1.0);
        assert_eq!(of(0, 0, 5, 10).lift(), 0.0);
        assert!(of(0, 0, 0, 1).low().is_finite() && of(u32::MAX, u32::MAX, u32::MAX, u32::MAX).low() <= 1.0);
    }
}
