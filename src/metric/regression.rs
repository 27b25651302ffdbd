//! Figures for numbers: how far predictions are from what happened.

use super::state::{Mean, State, damaged, kept_in_0, mean_loss};
use crate::base::Result;

/// Root of the mean squared error.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rmse(Mean);

impl Rmse {
    /// Adds a row.
    pub fn add(&mut self, predicted: f64, actual: f64) {
        self.add_weighted(predicted, actual, 1.0)
    }

    /// Adds a row that counts `weight`, above 0.
    pub fn add_weighted(&mut self, predicted: f64, actual: f64, weight: f64) {
        self.0.add_weighted((predicted - actual).powi(2), weight)
    }
}

impl State for Rmse {
    const NAME: &'static str = "rmse";
    const HIGHER_IS_BETTER: bool = false;

    kept_in_0!();

    fn value(&self) -> Option<f64> {
        self.0.value().map(f64::sqrt)
    }

    fn interval(&self) -> Option<(f64, f64)> {
        self.0.interval().map(|(l, h)| (l.max(0.0).sqrt(), h.sqrt()))
    }
}

/// Mean absolute error.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mae(Mean);

impl Mae {
    /// Adds a row.
    pub fn add(&mut self, predicted: f64, actual: f64) {
        self.add_weighted(predicted, actual, 1.0)
    }

    /// Adds a row that counts `weight`, above 0.
    pub fn add_weighted(&mut self, predicted: f64, actual: f64, weight: f64) {
        self.0.add_weighted((predicted - actual).abs(), weight)
    }
}

mean_loss!(Mae: "mae", f64::INFINITY);

/// The coefficient of determination: 1 − squared error / squared deviation of the actual values from their mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct R2 {
    error: Mean,
    actual: Mean,
}

impl R2 {
    /// Adds a row.
    pub fn add(&mut self, predicted: f64, actual: f64) {
        self.add_weighted(predicted, actual, 1.0)
    }

    /// Adds a row that counts `weight`, above 0.
    pub fn add_weighted(&mut self, predicted: f64, actual: f64, weight: f64) {
        self.error.add_weighted((predicted - actual).powi(2), weight);
        self.actual.add_weighted(actual, weight)
    }
}

impl State for R2 {
    const NAME: &'static str = "r2";
    const HIGHER_IS_BETTER: bool = true;

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.error.merge(&other.error);
        self.actual.merge(&other.actual);
        Ok(())
    }

    /// None where the actual values do not vary.
    fn value(&self) -> Option<f64> {
        let spread = self.actual.spread();
        if spread == 0.0 {
            return None;
        }
        self.error.value().map(|e| 1.0 - e * (self.error.weight() / spread))
    }

    fn rows(&self) -> u64 {
        self.error.count()
    }

    fn weight(&self) -> f64 {
        self.error.weight()
    }

    fn to_bytes(&self) -> Vec<u8> {
        [self.error.to_bytes(), self.actual.to_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let both = bytes.split_at_checked(32).and_then(|(a, b)| {
            let (error, actual) = (Mean::from_bytes(a)?, Mean::from_bytes(b)?);
            (error.count() == actual.count() && error.weight() == actual.weight()).then_some(Self { error, actual })
        });
        both.ok_or_else(|| damaged(Self::NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    #[test]
    fn figures_are_those_of_the_reference() {
        // scikit-learn's documentation: y = [3, -0.5, 2, 7], prediction = [2.5, 0, 2, 8]
        let rows = [(2.5, 3.0), (0.0, -0.5), (2.0, 2.0), (8.0, 7.0)];
        let (mut rmse, mut mae, mut r2) = (Rmse::default(), Mae::default(), R2::default());
        for (p, y) in rows {
            let (mut a, mut b, mut c) = (Rmse::default(), Mae::default(), R2::default());
            a.add(p, y);
            b.add(p, y);
            c.add(p, y);
            rmse.merge(&Rmse::from_bytes(&a.to_bytes()).unwrap()).unwrap();
            mae.merge(&Mae::from_bytes(&b.to_bytes()).unwrap()).unwrap();
            r2.merge(&R2::from_bytes(&c.to_bytes()).unwrap()).unwrap();
        }
        assert!((rmse.value().unwrap() - 0.375f64.sqrt()).abs() < 1e-12);
        assert!((mae.value().unwrap() - 0.5).abs() < 1e-12);
        assert!((r2.value().unwrap() - 0.948_608_137_044_967_9).abs() < 1e-12);
        let (l, h) = mae.interval().unwrap();
        assert!(l < 0.5 && h > 0.5);
    }

    #[test]
    fn weighted_figures_are_those_of_the_reference() {
        // The same rows in scikit-learn, with sample_weight = 1, 0.5, 2, 0.25.
        let (mut rmse, mut mae, mut r2) = (Rmse::default(), Mae::default(), R2::default());
        for ((p, y), w) in [(2.5, 3.0), (0.0, -0.5), (2.0, 2.0), (8.0, 7.0)].into_iter().zip([1.0, 0.5, 2.0, 0.25]) {
            rmse.add_weighted(p, y, w);
            mae.add_weighted(p, y, w);
            let mut one = R2::default();
            one.add_weighted(p, y, w);
            r2.merge(&R2::from_bytes(&one.to_bytes()).unwrap()).unwrap();
        }
        for (x, y) in
            [(rmse.figure(), 0.408_248_290_463_863), (mae.figure(), 0.266_666_666_666_666_66), (r2.figure(), 0.938_169_826_875_515_2)]
        {
            assert!((x.unwrap().unwrap() - y).abs() < 1e-12);
        }
    }

    #[test]
    fn constant_actuals_have_no_r2_and_hostile_bytes_no_state() {
        let mut r = R2::default();
        assert_eq!(r.value(), None);
        r.add(1.0, 5.0);
        r.add(2.0, 5.0);
        assert_eq!(r.value(), None);
        let mut other = R2::default();
        other.add(1.0, 2.0);
        let mixed = [&r.to_bytes()[..32], &other.to_bytes()[32..]].concat();
        assert_eq!(R2::from_bytes(&mixed).unwrap_err().code, Code::InvalidText);
        assert!(Rmse::from_bytes(&[0; 33]).is_err());
        assert!(Mae::from_bytes(&[]).is_err());
    }
}
