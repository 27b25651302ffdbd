//! Probabilities that mean what they say: a line through the logits, fitted on rows the network did not learn from (Platt 1999); for
//! several classes a temperature (Guo et al. 2017).

use serde::{Deserialize, Serialize};

/// Logits z become slope · z + shift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Above 0.
    pub slope: f64,
    /// 0 for several classes.
    pub shift: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { slope: 1.0, shift: 0.0 }
    }
}

/// How many rows it takes to outweigh the guess that the network is calibrated already.
const PRIOR: f64 = 50.0;

impl Calibration {
    /// For two classes, from logits and answers (0 or 1).
    pub fn binary(logits: &[f64], answers: &[f64]) -> Self {
        let (mut a, mut b) = (1.0, 0.0);
        for _ in 0..50 {
            // Newton's step on the log loss with a quadratic pull to (1, 0)
            let (mut ga, mut gb) = (PRIOR * (a - 1.0), PRIOR * b);
            let (mut haa, mut hab, mut hbb) = (PRIOR, 0.0, PRIOR);
            for (z, y) in logits.iter().zip(answers) {
                let p = sigmoid(a * z + b);
                let (d, w) = (p - y, p * (1.0 - p));
                ga += d * z;
                gb += d;
                haa += w * z * z;
                hab += w * z;
                hbb += w;
            }
            let det = haa * hbb - hab * hab;
            let (da, db) = ((hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det);
            if !(da.is_finite() && db.is_finite()) {
                return Self::default();
            }
            a = (a - da.clamp(-1.0, 1.0)).clamp(0.05, 20.0);
            b -= db.clamp(-1.0, 1.0);
            if da.abs() + db.abs() < 1e-9 {
                break;
            }
        }
        Self { slope: a, shift: b }
    }

    /// For `k` classes, from logits (rows × k) and the indices of the true ones.
    pub fn classes(logits: &[f64], k: usize, answers: &[f64]) -> Self {
        let mut a: f64 = 1.0;
        for _ in 0..50 {
            let (mut g, mut h) = (PRIOR * (a - 1.0), PRIOR);
            for (z, y) in logits.chunks_exact(k).zip(answers) {
                let p = softmax(z.iter().map(|z| a * z));
                let mean: f64 = p.iter().zip(z).map(|(p, z)| p * z).sum();
                let square: f64 = p.iter().zip(z).map(|(p, z)| p * z * z).sum();
                g += mean - z[*y as usize];
                h += square - mean * mean;
            }
            let d = (g / h).clamp(-0.5, 0.5);
            if !d.is_finite() {
                return Self::default();
            }
            a = (a - d).clamp(0.05, 20.0);
            if d.abs() < 1e-9 {
                break;
            }
        }
        Self { slope: a, shift: 0.0 }
    }
}

/// 1 / (1 + e⁻ᶻ), without overflow.
#[inline]
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// eᶻ over its sum, without overflow.
pub fn softmax(z: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let top = z.clone().fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = z.map(|z| (z - top).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.into_iter().map(|x| x / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn overconfident_logits_are_tamed_and_good_ones_left() {
        let mut r = Rng::new(1);
        let z: Vec<f64> = (0..20_000).map(|_| r.normal()).collect();
        let y: Vec<f64> = z.iter().map(|z| f64::from(u8::from(r.uniform() < sigmoid(*z)))).collect();
        let loud: Vec<f64> = z.iter().map(|z| 3.0 * z + 1.0).collect();
        let c = Calibration::binary(&loud, &y);
        assert!((c.slope - 1.0 / 3.0).abs() < 0.03 && (c.shift + 1.0 / 3.0).abs() < 0.06, "{c:?}");
        let c = Calibration::binary(&z, &y);
        assert!((c.slope - 1.0).abs() < 0.06 && c.shift.abs() < 0.06, "{c:?}");
        // the same as a softmax of two
        let both: Vec<f64> = z.iter().flat_map(|z| [0.0, 3.0 * z]).collect();
        let c = Calibration::classes(&both, 2, &y);
        assert!((c.slope - 1.0 / 3.0).abs() < 0.03, "{c:?}");
    }

    #[test]
    fn few_or_separable_rows_change_little() {
        let c = Calibration::binary(&[2.0, -2.0], &[1.0, 0.0]);
        assert!((c.slope - 1.0).abs() < 0.1);
        assert_eq!(Calibration::binary(&[], &[]), Calibration::default());
        assert_eq!(Calibration::binary(&[f64::NAN], &[1.0]), Calibration::default());
        assert_eq!(Calibration::classes(&[], 3, &[]), Calibration::default());
        let p = softmax([1000.0, 999.0].into_iter());
        assert!((p[0] - sigmoid(1.0)).abs() < 1e-12 && (p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
