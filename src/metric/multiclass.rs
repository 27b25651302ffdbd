//! Figures for any number of classes.

use super::given::probability;
use super::state::{Kept, State, Z95, kept_in_0, words};
use crate::base::Result;
use crate::base::number::AsReal;

/// How much of a weight is of one sort: counted, so that the share of whole numbers of rows is exact, as a running mean's is not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Share {
    rows: u64,
    weight: f64,
    of: f64,
}

impl Kept for Share {
    fn merge(&mut self, other: &Self) -> Result<()> {
        // counts are made equal to those of stored states, which may be anybody's: no overflow
        self.rows = self.rows.saturating_add(other.rows);
        self.weight += other.weight;
        self.of += other.of;
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn to_bytes(&self) -> Vec<u8> {
        [self.rows.to_le_bytes(), self.weight.to_le_bytes(), self.of.to_le_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [rows, weight, of] = words::<3>(bytes)?;
        let s = Self { rows: u64::from_le_bytes(rows), weight: f64::from_le_bytes(weight), of: f64::from_le_bytes(of) };
        ((0.0..=s.weight).contains(&s.of) && (s.rows > 0) == (s.weight > 0.0)).then_some(s)
    }
}

/// The share of rows whose predicted class is the true one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accuracy(Share);

impl Accuracy {
    /// Adds a row: whether the prediction was right.
    pub fn add(&mut self, right: bool) {
        self.add_weighted(right, 1.0)
    }

    /// Adds a row that counts `weight`, above 0.
    pub fn add_weighted(&mut self, right: bool, weight: f64) {
        let Share { rows, weight: all, of } = &mut self.0;
        *rows += 1;
        *all += weight;
        *of += if right { weight } else { 0.0 };
    }

    /// Adds a row of two classes: the probability of the positive one, which is predicted from one half on. NaN predicts neither. It counts
    /// `weight`, above 0.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidParameter`] when `p` is no probability.
    pub fn add_probability(&mut self, p: f64, label: bool, weight: f64) -> Result<()> {
        let p = probability(p, Self::NAME)?;
        self.add_weighted(!p.is_nan() && (p >= 0.5) == label, weight);
        Ok(())
    }
}

impl State for Accuracy {
    const NAME: &'static str = "accuracy";
    const HIGHER_IS_BETTER: bool = true;

    kept_in_0!();

    fn value(&self) -> Option<f64> {
        (self.0.rows > 0).then(|| self.0.of / self.0.weight)
    }

    /// Wilson (1927): holds its coverage for shares near 0 and 1.
    fn interval(&self) -> Option<(f64, f64)> {
        let (p, n, z) = (self.value()?, self.0.rows.real(), Z95);
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        Some(((middle - half).max(0.0), (middle + half).min(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_decide_at_one_half() {
        let mut a = Accuracy::default();
        for (p, label) in [(0.5, true), (0.49, true), (0.0, false), (f64::NAN, false)] {
            a.add_probability(p, label, 1.0).unwrap();
        }
        assert_eq!(a.value(), Some(0.5));
        assert_eq!(a.add_probability(1.5, true, 1.0).unwrap_err().code, crate::base::Code::InvalidParameter);
    }

    #[test]
    fn the_share_and_its_interval() {
        let mut a = Accuracy::default();
        assert_eq!((a.value(), a.interval()), (None, None));
        (0..10).for_each(|i| a.add(i < 8));
        assert_eq!(a.value(), Some(0.8));
        // the formula of the paper, evaluated in Python
        let (l, h) = a.interval().unwrap();
        assert!((l - 0.490_162_471_5).abs() < 1e-9 && (h - 0.943_317_848_5).abs() < 1e-9, "{l} {h}");
        let mut b = Accuracy::from_bytes(&a.to_bytes()).unwrap();
        b.merge(&a).unwrap();
        assert_eq!(b.rows(), 20);
        assert!(Accuracy::from_bytes(&[1]).is_err());
        // 27 of 32, one by one; a running mean said .8437500000000019 of 640.
        let mut c = Accuracy::default();
        (0..640).for_each(|i| c.add(i % 32 < 27));
        assert_eq!(c.value(), Some(0.84375));
        for (rows, weight, of) in [(1u64, 1.0, 2.0), (0, 1.0, 1.0), (1, 0.0, 0.0), (1, f64::NAN, 0.0), (1, 1.0, -1.0)] {
            let bytes = [rows.to_le_bytes(), f64::to_le_bytes(weight), f64::to_le_bytes(of)].concat();
            assert!(Accuracy::from_bytes(&bytes).is_err(), "{rows} {weight} {of}");
        }
    }
}
