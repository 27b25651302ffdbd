//! Whether probabilities come true: rows by what was predicted for them, and how many of each bin turned out positive.

use super::given::probability;
use super::state::Z95;
use crate::base::Result;

/// Bins of equal width from 0 to 1.
pub const BINS: usize = 10;

/// The rows of one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bin {
    rows: u64,
    predicted: f64,
    positives: u64,
}

/// Predicted probabilities in [`BINS`] bins beside the observed shares (a reliability diagram, Murphy & Winkler 1977).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Calibration([Bin; BINS]);

/// A bin that has rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Probabilities from here on.
    pub from: f64,
    /// Up to here; the last bin has 1, too.
    pub to: f64,
    /// How many.
    pub rows: u64,
    /// The mean of what was predicted.
    pub predicted: f64,
    /// The share that is positive.
    pub observed: f64,
    /// The 95 % interval of that share (Wilson 1927).
    pub interval: (f64, f64),
}

impl Calibration {
    /// Adds a row: the probability of what may happen, and whether it did. NaN does not count.
    ///
    /// # Errors
    /// [`crate::base::Code::InvalidParameter`] when `p` is not between 0 and 1.
    pub fn add(&mut self, p: f64, label: bool) -> Result<()> {
        let p = probability(p, "calibration")?;
        // The greatest bin that begins at or below `p`: exact at the borders, which a product of rounded numbers is not.
        let at = (1..BINS).take_while(|i| p >= border(*i)).count();
        if let Some(bin) = self.0.get_mut(at).filter(|_| !p.is_nan()) {
            bin.rows += 1;
            bin.predicted += p;
            bin.positives += u64::from(label);
        }
        Ok(())
    }

    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.0.iter().map(|b| b.rows).sum()
    }

    /// How many of them are positive.
    pub fn positives(&self) -> u64 {
        self.0.iter().map(|b| b.positives).sum()
    }

    /// The bins that have rows, from low to high.
    pub fn bands(&self) -> Vec<Band> {
        let one = |(i, b): (usize, &Bin)| {
            let (n, positives) = (b.rows as f64, b.positives as f64);
            (b.rows > 0).then(|| Band {
                from: border(i),
                to: border(i + 1),
                rows: b.rows,
                predicted: b.predicted / n,
                observed: positives / n,
                interval: wilson(positives, n),
            })
        };
        self.0.iter().enumerate().filter_map(one).collect()
    }

    /// By how much predicted and observed shares differ, in the mean over rows (expected calibration error, Naeini et al. 2015). None
    /// without rows.
    pub fn error(&self) -> Option<f64> {
        let all = self.rows() as f64;
        (all > 0.0).then(|| self.bands().iter().map(|b| b.rows as f64 / all * (b.predicted - b.observed).abs()).sum())
    }
}

fn border(i: usize) -> f64 {
    i as f64 / BINS as f64
}

/// The 95 % interval of the share that `positives` of `n` tell of.
fn wilson(positives: f64, n: f64) -> (f64, f64) {
    let (p, z) = (positives / n, Z95 * Z95);
    let middle = (p + z / (2.0 * n)) / (1.0 + z / n);
    let half = Z95 / (1.0 + z / n) * (p * (1.0 - p) / n + z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_model_is_on_the_diagonal() {
        let mut c = Calibration::default();
        // Of 100 rows with a probability of i/10 + 5 %, so many come true.
        for i in 0..10u32 {
            for j in 0..100 {
                c.add(f64::from(i) / 10.0 + 0.05, j < 10 * i + 5).unwrap();
            }
        }
        let bands = c.bands();
        assert_eq!((bands.len(), c.rows(), c.positives()), (10, 1000, 500));
        for b in &bands {
            assert!((b.predicted - b.observed).abs() < 1e-12 && b.rows == 100, "{b:?}");
            assert!(b.interval.0 < b.observed && b.observed < b.interval.1);
        }
        assert!(c.error().unwrap() < 1e-12);
    }

    #[test]
    fn borders_belong_to_the_bin_above_and_1_to_the_last() {
        let mut c = Calibration::default();
        for p in [0.0, 0.1, 0.3, 0.7, 1.0] {
            c.add(p, true).unwrap();
        }
        c.add(f64::NAN, true).unwrap();
        let from: Vec<f64> = c.bands().iter().map(|b| b.from).collect();
        assert_eq!(from, [0.0, 0.1, 0.3, 0.7, 0.9]);
        // 0.0, 0.1, 0.3, 0.7 and 1.0 against 1: in the mean (1 + .9 + .7 + .3 + 0) / 5.
        assert!((c.error().unwrap() - 2.9 / 5.0).abs() < 1e-12);
        assert!(c.add(1.1, true).is_err() && Calibration::default().error().is_none());
    }

    #[test]
    fn intervals_are_wilsons() {
        // statsmodels.stats.proportion.proportion_confint(5, 20, method="wilson")
        let (low, high) = wilson(5.0, 20.0);
        assert!((low - 0.111_862_2).abs() < 1e-6 && (high - 0.468_701_3).abs() < 1e-6, "{low} {high}");
        assert_eq!(wilson(0.0, 3.0).0, 0.0);
    }
}
