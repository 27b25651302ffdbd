//! The population stability index: how far a distribution has moved from another (Siddiqi 2006, "Credit Risk Scorecards", chapter 10). Σ over
//! bins of (a − e) · ln(a / e), a and e the bin's shares of the rows of now and of then. By custom below 0.1 is stable, above 0.25 has moved.

use super::scores::Scores;
use super::state::{Kept, State, kept_in_0};
use crate::base::number::AsReal;
use crate::base::{Result, weight};

/// Bins of numbers: tenths of the rows of then.
const BINS: f64 = 10.0;
/// A value with less than this share of then and of now together shares a bin with others like it: with those that were there then, or with
/// those that were not.
const RARE: f64 = 0.01;
/// The least share that a bin is taken to have: an empty one would make the index infinite.
pub(super) const LEAST: f64 = 1e-4;

/// What a bin adds, which had a share above 0 `then` and has one `now`.
pub(super) fn part(then: f64, now: f64) -> f64 {
    (now - then) * (now / then).ln()
}

/// Of numbers, in bins that each hold a tenth of the rows of then; equal numbers stand in one bin, those of a tenth or more in one alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Psi(Scores);

/// Of categories, each a bin of its own; those that are rare then and now share one, and those that were not there then another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PsiOfCategories(Scores);

/// Shares of bins, as they are summed up.
#[derive(Default)]
struct Bins {
    index: f64,
    /// Shares of then and of now in the bin at hand.
    open: [f64; 2],
}

impl Bins {
    fn add(&mut self, then: f64, now: f64) {
        self.open = [self.open[0] + then, self.open[1] + now];
    }

    fn close(&mut self) {
        let [then, now] = std::mem::take(&mut self.open);
        if then > 0.0 || now > 0.0 {
            self.index += part(then.max(LEAST), now.max(LEAST));
        }
    }
}

impl Psi {
    /// Adds a row of then, or of `now`, that counts `weight`, above 0.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn add_weighted(&mut self, value: f64, now: bool, weight: f64) -> Result<()> {
        self.0.add(value, now, weight)
    }
}

impl PsiOfCategories {
    /// As [`Psi::add_weighted`], of a category by its name.
    ///
    /// # Errors
    /// As there.
    pub fn add_weighted(&mut self, name: &str, now: bool, weight: f64) -> Result<()> {
        self.0.add(number_of(name), now, weight)
    }
}

/// Walks the distinct values from high to low, each with its shares of then and of now: [`Scores::walk`]. None, without a step, where
/// either has no rows.
fn shares(rows: &Scores, mut f: impl FnMut(f64, f64)) -> Result<Option<bool>> {
    weight::sum(Kept::weight(rows))?;
    let (then, now) = (rows.negative.weight(), rows.positive.weight());
    if then == 0.0 || now == 0.0 { Ok(None) } else { rows.walk(|n, p| f(n / then, p / now)).map(Some) }
}

/// A number for a name: 53 bits of FNV-1a, mixed. Two of a thousand names meet once in 18 billion tables.
fn number_of(name: &str) -> f64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (crate::base::rng::mix(hash) >> 11).real()
}

impl State for Psi {
    const NAME: &'static str = "psi";
    const HIGHER_IS_BETTER: bool = false;

    kept_in_0!();

    fn value(&self) -> Option<f64> {
        self.figure().ok().flatten()
    }

    fn figure(&self) -> Result<Option<f64>> {
        let (mut bins, mut before, mut bin) = (Bins::default(), 0.0, 1.0);
        let whole = shares(&self.0, |then, now| {
            // What is above a value of many rows is not like it: a flag that was on in 5 rows of 100 and is in 90 would stand in one bin with
            // the others, and never move.
            if then >= 1.0 / BINS {
                bins.close();
            }
            bins.add(then, now);
            before += then;
            // What stands at the end of a tenth goes with it.
            if before >= bin / BINS - 1e-12 {
                bins.close();
                bin = (before * BINS + 1e-9).floor() + 1.0;
            }
        })?;
        bins.close();
        Ok(whole.map(|whole| if whole { bins.index } else { f64::NAN }))
    }
}

impl State for PsiOfCategories {
    const NAME: &'static str = "psi";
    const HIGHER_IS_BETTER: bool = false;

    kept_in_0!();

    fn value(&self) -> Option<f64> {
        self.figure().ok().flatten()
    }

    fn figure(&self) -> Result<Option<f64>> {
        let (mut bins, mut known, mut new) = (Bins::default(), Bins::default(), Bins::default());
        let once = (1.0 + 1e-9) / self.0.negative.weight();
        // As many rows as the values of one row had then are of values that nobody had seen, where nothing moves (Good 1953, "The population
        // frequencies of species"): of many names some are always new.
        let mut unseen = 0.0;
        let both = shares(&self.0, |then, now| {
            if then + now >= RARE {
                bins.add(then, now);
                bins.close();
                return;
            }
            if then > 0.0 {
                known.add(then, now)
            } else {
                new.add(then, now)
            }
            if then <= once {
                unseen += then;
            }
        })?;
        known.add(-unseen, 0.0);
        new.add(unseen, 0.0);
        known.close();
        new.close();
        Ok(both.map(|_| bins.index + known.index + new.index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn psi(then: impl IntoIterator<Item = f64>, now: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut s = Psi::default();
        then.into_iter().for_each(|x| s.add_weighted(x, false, 1.0).unwrap());
        now.into_iter().for_each(|x| s.add_weighted(x, true, 1.0).unwrap());
        s.value()
    }

    #[test]
    fn it_is_the_sum_over_tenths() {
        let thousand = || (0..1000).map(f64::from);
        assert_eq!(psi(thousand(), thousand().rev()), Some(0.0));
        // All in the upper half: of ten bins five have .2 for .1, five none.
        let upper = psi(thousand(), (500..1000).map(f64::from)).unwrap();
        let expected = 5.0 * 0.1 * 2.0f64.ln() + 5.0 * (1e-4 - 0.1) * (1e-4f64 / 0.1).ln();
        assert!((upper - expected).abs() < 1e-9, "{upper} {expected}");
        assert_eq!((psi([], thousand()), psi(thousand(), [])), (None, None));
        assert!(psi([f64::NAN, 1.0], [1.0]).unwrap().is_nan());
        // Equal numbers stand in one bin: half zeros, then as now.
        let zeros = |n: usize| std::iter::repeat_n(0.0, n);
        let alike = psi(zeros(500).chain((1..=500).map(f64::from)), zeros(50).chain((1..=50).map(|i| f64::from(i) * 10.0)));
        assert!(alike.unwrap().abs() < 1e-12, "{alike:?}");
        let more = psi(zeros(50).chain((1..=50).map(f64::from)), zeros(100)).unwrap();
        let expected = (1.0 - 0.5) * 2.0f64.ln() + 5.0 * (1e-4 - 0.1) * (1e-4f64 / 0.1).ln();
        assert!((more - expected).abs() < 1e-9, "{more} {expected}");
    }

    #[test]
    fn categories_are_bins_and_rare_ones_share_one() {
        let mut s = PsiOfCategories::default();
        let mut add = |name: &str, then: usize, now: usize| {
            for (n, side) in [(then, false), (now, true)] {
                (0..n).for_each(|_| s.add_weighted(name, side, 1.0).unwrap());
            }
        };
        add("a", 700, 500);
        add("b", 297, 497);
        add("rare", 3, 3);
        let of = |e: f64, a: f64| (a - e) * (a / e).ln();
        let expected = of(0.7, 0.5) + of(0.297, 0.497);
        assert!((s.value().unwrap() - expected).abs() < 1e-9, "{:?} {expected}", s.value());
        let again = PsiOfCategories::from_bytes(&State::to_bytes(&s)).unwrap();
        assert_eq!(again.value(), s.value());
    }

    #[test]
    fn other_rare_names_are_a_move_and_as_many_new_ones_as_ever_are_none() {
        let psi = |names: &dyn Fn(usize, bool) -> usize, rows: usize| {
            let mut s = PsiOfCategories::default();
            for now in [false, true] {
                (0..rows).for_each(|i| s.add_weighted(&names(i, now).to_string(), now, 1.0).unwrap());
            }
            s.value().unwrap()
        };
        // Each of 500 names has a five-hundredth of the rows; then all are others.
        assert!(psi(&|i, _| i % 500, 20_000) < 1e-9);
        assert!(psi(&|i, now| i % 500 + if now { 500 } else { 0 }, 20_000) > 1.0);
        // 20,000 rows out of 100,000 names, twice: eight in ten are new each time.
        let drawn = |i: usize, now: bool| (crate::base::rng::mix(i as u64 * 2 + u64::from(now)) % 100_000) as usize;
        assert!(psi(&drawn, 20_000) < 0.001, "{}", psi(&drawn, 20_000));
    }

    #[test]
    fn what_is_beyond_a_value_of_many_rows_is_another_bin() {
        let mostly = |ones: usize| (0..1000).map(move |i| f64::from(u8::from(i < ones)));
        let of = |e: f64, a: f64| (a - e) * (a / e).ln();
        let expected = of(0.05, 0.9) + of(0.95, 0.1);
        for (then, now) in [(50, 900), (950, 100)] {
            assert!((psi(mostly(then), mostly(now)).unwrap() - expected).abs() < 1e-9, "{then}");
        }
        let one = |x: f64| std::iter::repeat_n(x, 100);
        assert_eq!(psi(one(1.0), one(2.0)), psi(one(2.0), one(1.0)));
        assert!(psi(one(1.0), one(2.0)).unwrap() > 18.0);
    }

    #[test]
    fn weights_count_as_rows_and_states_merge() {
        let (mut whole, mut parts) = (Psi::default(), [Psi::default(), Psi::default()]);
        for i in 0..200 {
            let (x, now) = (f64::from(i % 20), i % 3 == 0);
            (0..2).for_each(|_| whole.add_weighted(x, now, 1.0).unwrap());
            parts[i as usize % 2].add_weighted(x, now, 2.0).unwrap();
        }
        let [mut a, b] = parts;
        State::merge(&mut a, &b).unwrap();
        assert!((a.value().unwrap() - whole.value().unwrap()).abs() < 1e-12);
    }
}
