//! Figures for two classes: how well scores rank the positives first, and how true probabilities are.

use super::given::probability;
use super::scores::Scores;
use super::state::{Kept, Mean, State, Z95, kept_in_0, mean_loss};
use crate::base::number::AsReal;
use crate::base::{Result, weight};

/// The rows of a figure that is made of [`Scores`] alone.
macro_rules! adds_scores {
    ($of:ty) => {
        impl $of {
            /// Adds a row: any score that is higher for likelier positives.
            ///
            /// # Errors
            /// [`crate::base::Code::OutOfMemory`].
            pub fn add(&mut self, score: f64, label: bool) -> Result<()> {
                self.add_weighted(score, label, 1.0)
            }

            /// Adds a row that counts `weight`, above 0.
            ///
            /// # Errors
            /// As [`Self::add`].
            pub fn add_weighted(&mut self, score: f64, label: bool, weight: f64) -> Result<()> {
                self.0.add(score, label, weight)
            }
        }
    };
}

/// Area under the ROC curve: the chance that a positive is scored above a negative, ties counting one half. Exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Auc(Scores);

adds_scores!(Auc);

impl State for Auc {
    const NAME: &'static str = "auc";
    const HIGHER_IS_BETTER: bool = true;

    kept_in_0!();

    fn value(&self) -> Option<f64> {
        self.figure().ok().flatten()
    }

    fn figure(&self) -> Result<Option<f64>> {
        let (negative, positive) = (self.0.negative.weight(), self.0.positive.weight());
        let pairs = weight::sum(negative * positive)?;
        if negative == 0.0 || positive == 0.0 {
            return Ok(None);
        }
        let (mut above, mut wins) = (0.0, 0.0);
        let whole = self.0.walk(|n, p| {
            wins += n * (above + 0.5 * p);
            above += p;
        })?;
        Ok(Some(if whole { wins / pairs } else { f64::NAN }))
    }

    /// Hanley and McNeil (1982); none below two rows of each class.
    fn interval(&self) -> Option<(f64, f64)> {
        let a = self.value().filter(|a| a.is_finite())?;
        let (n, p) = (self.0.negative.len().real(), self.0.positive.len().real());
        let (q1, q2) = (a / (2.0 - a), 2.0 * a * a / (1.0 + a));
        if n < 2.0 || p < 2.0 {
            return None;
        }
        let half = Z95 * ((a * (1.0 - a) + (p - 1.0) * (q1 - a * a) + (n - 1.0) * (q2 - a * a)).max(0.0) / (n * p)).sqrt();
        Some(((a - half).max(0.0), (a + half).min(1.0)))
    }
}

/// Average precision: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from high to low, without interpolation. Exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AveragePrecision(Scores);

adds_scores!(AveragePrecision);

impl State for AveragePrecision {
    const NAME: &'static str = "average_precision";
    const HIGHER_IS_BETTER: bool = true;

    kept_in_0!();

    fn value(&self) -> Option<f64> {
        self.figure().ok().flatten()
    }

    fn figure(&self) -> Result<Option<f64>> {
        weight::sum(self.0.weight())?;
        let positive = self.0.positive.weight();
        if positive == 0.0 {
            return Ok(None);
        }
        let (mut all, mut hits, mut sum) = (0.0, 0.0, 0.0);
        let whole = self.0.walk(|n, p| {
            hits += p;
            all += n + p;
            sum += p * (hits / all);
        })?;
        Ok(Some(if whole { sum / positive } else { f64::NAN }))
    }
}

/// Mean of −ln p(what happened), p kept within one rounding of 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LogLoss(Mean);

impl LogLoss {
    /// Adds a row of two classes: the probability of the positive one.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidParameter`] when `p` is not between 0 and 1.
    pub fn add(&mut self, p: f64, label: bool) -> Result<()> {
        self.add_weighted(p, label, 1.0)
    }

    /// Adds a row that counts `weight`, above 0.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_weighted(&mut self, p: f64, label: bool, weight: f64) -> Result<()> {
        let p = probability(p, Self::NAME)?;
        self.0.add_weighted(-(if label { p } else { 1.0 - p }).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln(), weight);
        Ok(())
    }
}

mean_loss!(LogLoss: "log_loss", f64::INFINITY);

/// Mean of (p − what happened)² (Brier 1950).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Brier(Mean);

impl Brier {
    /// Adds a row: the probability of the positive class.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidParameter`] when `p` is not between 0 and 1.
    pub fn add(&mut self, p: f64, label: bool) -> Result<()> {
        self.add_weighted(p, label, 1.0)
    }

    /// Adds a row that counts `weight`, above 0.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_weighted(&mut self, p: f64, label: bool, weight: f64) -> Result<()> {
        let d = probability(p, Self::NAME)? - f64::from(u8::from(label));
        self.0.add_weighted(d * d, weight);
        Ok(())
    }
}

mean_loss!(Brier: "brier", 1.0);

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
