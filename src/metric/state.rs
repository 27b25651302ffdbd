//! What every figure's state can do, and the mean that most of them are.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Mergeable, Result, weight};

/// The state of one figure of quality. Rows are added in any order and states merged in any tree: the figure is the same up to rounding.
pub trait State: Default {
    /// The figure's name in SQL and in reports: `auc`, `log_loss` …
    const NAME: &'static str;
    /// Whether a larger figure is the better one.
    const HIGHER_IS_BETTER: bool;

    /// Takes in the rows of `other`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] for states that keep rows.
    fn merge(&mut self, other: &Self) -> Result<()>;

    /// The figure; none where the rows do not allow one (no rows; one class only for a ranking). NaN where a NaN was added.
    fn value(&self) -> Option<f64>;

    /// [`State::value`], where weights may be anybody's, and for states that need memory for it.
    ///
    /// # Errors
    /// [`Code::Data`] for weights too large to be added; [`Code::OutOfMemory`].
    fn figure(&self) -> Result<Option<f64>> {
        weight::sum(self.weight())?;
        Ok(self.value())
    }

    /// A 95 % interval of the figure, where there is a standard way to one.
    fn interval(&self) -> Option<(f64, f64)> {
        None
    }

    /// Rows added.
    fn rows(&self) -> u64;

    /// The sum of the rows' weights.
    fn weight(&self) -> f64 {
        self.rows().real()
    }

    /// Bytes of memory the state holds beyond itself.
    fn memory(&self) -> usize {
        0
    }

    /// Little-endian bytes, for parallel workers and for rollups that are stored.
    fn to_bytes(&self) -> Vec<u8>;

    /// Back from [`State::to_bytes`]. The bytes may be anybody's.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for bytes that no state has.
    fn from_bytes(bytes: &[u8]) -> Result<Self>;
}

impl<M: State + Clone> Mergeable for M {
    fn merge(&mut self, other: &Self) -> Result<()> {
        State::merge(self, other)
    }
    fn to_bytes(&self) -> Vec<u8> {
        State::to_bytes(self)
    }
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        State::from_bytes(bytes)
    }
    fn memory(&self) -> usize {
        State::memory(self)
    }
}

/// What a figure keeps of its rows, where that is one thing.
pub(super) trait Kept: Sized {
    /// [`State::merge`]
    fn merge(&mut self, other: &Self) -> Result<()>;
    /// [`State::rows`]
    fn rows(&self) -> u64;
    /// [`State::weight`]
    fn weight(&self) -> f64 {
        self.rows().real()
    }
    /// [`State::memory`]
    fn memory(&self) -> usize {
        0
    }
    /// [`State::to_bytes`]
    fn to_bytes(&self) -> Vec<u8>;
    /// Back from them; none for bytes that it never gave.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// The methods of [`State`] for a figure whose field 0 is all that it keeps.
macro_rules! kept_in_0 {
    () => {
        fn merge(&mut self, other: &Self) -> $crate::base::Result<()> {
            $crate::metric::state::Kept::merge(&mut self.0, &other.0)
        }

        fn rows(&self) -> u64 {
            $crate::metric::state::Kept::rows(&self.0)
        }

        fn weight(&self) -> f64 {
            $crate::metric::state::Kept::weight(&self.0)
        }

        fn memory(&self) -> usize {
            $crate::metric::state::Kept::memory(&self.0)
        }

        fn to_bytes(&self) -> Vec<u8> {
            $crate::metric::state::Kept::to_bytes(&self.0)
        }

        fn from_bytes(bytes: &[u8]) -> $crate::base::Result<Self> {
            $crate::metric::state::Kept::from_bytes(bytes).map(Self).ok_or_else(|| $crate::metric::state::damaged(Self::NAME))
        }
    };
}
pub(super) use kept_in_0;

/// [`State`] of a loss that is the mean over rows of what lies between 0 and `$most`.
macro_rules! mean_loss {
    ($state:ty: $name:literal, $most:expr) => {
        impl State for $state {
            const NAME: &'static str = $name;
            const HIGHER_IS_BETTER: bool = false;

            $crate::metric::state::kept_in_0!();

            fn value(&self) -> Option<f64> {
                self.0.value()
            }

            fn interval(&self) -> Option<(f64, f64)> {
                self.0.interval().map(|(l, h)| (l.max(0.0), h.min($most)))
            }
        }
    };
}
pub(super) use mean_loss;

/// Half the width of a 95 % interval, in standard errors.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// The fault of bytes that no state has.
pub(crate) fn damaged(name: &str) -> Error {
    Error::new(Code::InvalidText, format!("invalid state of {name}"))
        .hint("Pass only what the aggregate's own state function has returned, unchanged.")
}

/// `N` little-endian numbers of 8 bytes, or none where the length is another.
pub(crate) fn words<const N: usize>(bytes: &[u8]) -> Option<[[u8; 8]; N]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return None;
    }
    chunks.try_into().ok()
}

/// Count, mean and sum of squared deviations of numbers added one by one (Welford 1962), each by its weight (West 1979), merged as by Chan,
/// Golub and LeVeque (1979).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mean {
    count: u64,
    /// The sum of the weights; a number that is added without one counts 1.
    weight: f64,
    mean: f64,
    spread: f64,
}

impl Mean {
    /// Adds `x`.
    pub fn add(&mut self, x: f64) {
        self.add_weighted(x, 1.0)
    }

    /// Adds `x`, which counts `weight`, above 0.
    pub fn add_weighted(&mut self, x: f64, weight: f64) {
        self.count += 1;
        self.weight += weight;
        if !(x.is_finite() && self.mean.is_finite()) {
            return self.not_finite(x);
        }
        let d = x - self.mean;
        self.mean += d / (self.weight / weight);
        self.spread += weight * d * (x - self.mean);
    }

    /// Takes in the numbers of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        // counts are made equal to those of stored states, which may be anybody's: no overflow
        let count = self.count.saturating_add(other.count);
        let (a, b) = (self.weight, other.weight);
        self.weight += b;
        if !(self.mean.is_finite() && other.mean.is_finite()) {
            self.count = count;
            return self.not_finite(other.mean);
        }
        let d = other.mean - self.mean;
        self.mean += d * (b / self.weight);
        self.spread += other.spread + d * d * (a * (b / self.weight));
        self.count = count;
    }

    /// An infinite number makes the mean infinite, and its deviation unknown; those of both signs, or one that is none, make it unknown.
    fn not_finite(&mut self, x: f64) {
        self.mean += x;
        self.spread = f64::NAN;
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of their weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Their mean; none without numbers.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Sum of squared deviations from the mean, by weight.
    pub fn spread(&self) -> f64 {
        self.spread
    }

    /// A 95 % interval of the mean by the normal approximation; none under 2 numbers, or where one of them is infinite or none.
    pub fn interval(&self) -> Option<(f64, f64)> {
        if self.count < 2 || !self.mean.is_finite() {
            return None;
        }
        let n = self.count.real();
        let half = Z95 * (self.spread / self.weight / (n - 1.0)).sqrt();
        Some((self.mean - half, self.mean + half))
    }

    /// 32 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.count.to_le_bytes(), self.weight.to_le_bytes(), self.mean.to_le_bytes(), self.spread.to_le_bytes()].concat()
    }

    /// Back from [`Mean::to_bytes`]; none for bytes that no mean has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [count, weight, mean, spread] = words::<4>(bytes)?;
        let [weight, mean, spread] = [weight, mean, spread].map(f64::from_le_bytes);
        let m = Self { count: u64::from_le_bytes(count), weight, mean, spread };
        let none = m.weight == 0.0 && m.mean == 0.0 && m.spread == 0.0;
        ((m.spread >= 0.0 || m.spread.is_nan()) && if m.count > 0 { m.weight > 0.0 } else { none }).then_some(m)
    }
}

impl Kept for Mean {
    fn merge(&mut self, other: &Self) -> Result<()> {
        self.merge(other);
        Ok(())
    }
    fn rows(&self) -> u64 {
        self.count()
    }
    fn weight(&self) -> f64 {
        self.weight()
    }
    fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_numbers_have_an_infinite_mean_in_any_order() {
        let of = |xs: &[f64]| {
            let mut m = Mean::default();
            xs.iter().for_each(|x| m.add(*x));
            m
        };
        for xs in [[0.5, f64::INFINITY, 1.0], [f64::INFINITY, 0.5, 1.0], [1.0, 0.5, f64::INFINITY]] {
            assert_eq!((of(&xs).value(), of(&xs).interval()), (Some(f64::INFINITY), None));
            let mut merged = of(&xs[..1]);
            merged.merge(&Mean::from_bytes(&of(&xs[1..]).to_bytes()).unwrap());
            assert_eq!((merged.value(), merged.count()), (Some(f64::INFINITY), 3));
        }
        assert!(of(&[f64::INFINITY, f64::NEG_INFINITY]).value().unwrap().is_nan() && of(&[1.0, f64::NAN, 2.0]).value().unwrap().is_nan());
    }

    #[test]
    fn a_weight_counts_as_so_many_numbers() {
        let (mut repeated, mut weighted, mut parts) = (Mean::default(), Mean::default(), Mean::default());
        for (x, n) in [(1.5, 3), (-2.0, 1), (1e6, 5), (0.25, 2)] {
            (0..n).for_each(|_| repeated.add(x));
            weighted.add_weighted(x, f64::from(n));
            let mut part = Mean::default();
            part.add_weighted(x, f64::from(n));
            parts.merge(&Mean::from_bytes(&part.to_bytes()).unwrap());
        }
        for m in [weighted, parts] {
            assert!((m.value().unwrap() / repeated.value().unwrap() - 1.0).abs() < 1e-12);
            assert!((m.spread() / repeated.spread() - 1.0).abs() < 1e-12);
            assert_eq!((m.weight(), m.count()), (11.0, 4));
        }
        let mut halves = Mean::default();
        halves.add_weighted(1.0, 0.25);
        halves.add_weighted(5.0, 0.75);
        assert_eq!((halves.value(), halves.spread()), (Some(4.0), 3.0));
    }

    #[test]
    fn merged_means_are_the_mean_of_all() {
        let xs: Vec<f64> = (0..100).map(|i| 1e6 + f64::from(i * i % 37)).collect();
        let mut all = Mean::default();
        xs.iter().for_each(|x| all.add(*x));
        let mut merged = Mean::default();
        for part in xs.chunks(7) {
            let mut m = Mean::default();
            part.iter().for_each(|x| m.add(*x));
            merged.merge(&Mean::from_bytes(&m.to_bytes()).unwrap());
        }
        merged.merge(&Mean::default());
        let mean = xs.iter().sum::<f64>() / 100.0;
        let spread: f64 = xs.iter().map(|x| (x - mean).powi(2)).sum();
        for m in [all, merged] {
            assert_eq!(m.count(), 100);
            assert!((m.value().unwrap() - mean).abs() < 1e-8);
            assert!((m.spread() / spread - 1.0).abs() < 1e-9);
        }
        assert_eq!(Mean::default().value(), None);
        let mut one = Mean::default();
        one.add(3.0);
        assert_eq!(one.interval(), None);
    }

    #[test]
    fn hostile_bytes_are_refused() {
        assert!(Mean::from_bytes(&[0; 31]).is_none());
        assert!(Mean::from_bytes(&[0; 40]).is_none());
        let good = Mean { count: 5, weight: 2.0, mean: 1.0, spread: 1.0 };
        for bad in
            [Mean { spread: -1.0, ..good }, Mean { weight: 0.0, ..good }, Mean { weight: f64::NAN, ..good }, Mean { count: 0, ..good }]
        {
            assert!(Mean::from_bytes(&bad.to_bytes()).is_none());
        }
        assert_eq!(Mean::from_bytes(&good.to_bytes()), Some(good));
        let mut huge = Mean { count: u64::MAX, weight: 1e19, mean: 1.0, spread: 0.0 };
        huge.merge(&huge.clone());
        assert_eq!(huge.count(), u64::MAX);
    }
}
