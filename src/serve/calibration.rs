//! Probabilities that mean what they say: a line through the logits, fitted on rows the network did not learn from (Platt 1999); for
//! several classes a temperature (Guo et al. 2017), and a shift of each class that keeps its mean.

use serde::{Deserialize, Serialize};

/// Logits z become slope · z + shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Above 0.
    pub slope: f64,
    /// 0 for several classes.
    pub shift: f64,
    /// For several classes that of each; empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<f64>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { slope: 1.0, shift: 0.0, shifts: Vec::new() }
    }
}

/// How many rows it takes to outweigh the guess that the network is calibrated already.
const PRIOR: f64 = 50.0;

impl Calibration {
    /// For two classes, from logits and answers (0 or 1).
    ///
    /// The mean probability stays what the network gives, whose biases are set to it by all rows that taught, or comes nearer to the
    /// answers as far as these are many. (Where the shift was free, few rows to calibrate on made 24 rare rows of 900 up to 1.2 times as
    /// many.)
    pub fn binary(logits: &[f64], answers: &[f64]) -> Self {
        let (given, told) = logits.iter().zip(answers).fold((0.0, 0.0), |(p, y), (z, answer)| (p + sigmoid(*z), y + answer));
        let known: f64 = logits.iter().map(|z| sigmoid(*z) * sigmoid(-z)).sum();
        let total = given + (told - given) * known / (known + PRIOR);
        let (mut a, mut b) = (1.0, 0.0);
        for _ in 0..50 {
            // Newton's step for the slope on the log loss, with a quadratic pull to 1, along the shifts that give this total; and one of
            // the shift to it.
            let (mut sum, mut w, mut wz, mut wzz, mut d, mut dz) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
            for (z, y) in logits.iter().zip(answers) {
                let p = sigmoid(a * z + b);
                let v = p * (1.0 - p);
                sum += p;
                w += v;
                wz += v * z;
                wzz += v * z * z;
                d += p - y;
                dz += (p - y) * z;
            }
            let middle = wz / w;
            let da = -(PRIOR * (a - 1.0) + dz - middle * d) / (PRIOR + wzz - middle * wz);
            let da = (a + da.clamp(-0.5, 0.5)).clamp(0.05, 20.0) - a;
            let db = ((total - sum) / w).clamp(-1.0, 1.0) - middle * da;
            if !(da.is_finite() && db.is_finite()) {
                return Self::default();
            }
            a += da;
            b += db;
            if da.abs() + db.abs() < 1e-9 {
                break;
            }
        }
        Self { slope: a, shift: b, shifts: Vec::new() }
    }

    /// The probability of the one class or tag.
    #[inline]
    pub fn probability(&self, z: f64) -> f64 {
        sigmoid(self.slope * z + self.shift)
    }

    /// The probabilities of several classes.
    #[inline]
    pub fn probabilities(&self, z: impl ExactSizeIterator<Item = f64>, out: &mut [f64]) {
        let shifts = self.shifts.iter().copied().chain(std::iter::repeat(0.0));
        out.iter_mut().zip(z.zip(shifts)).for_each(|(o, (z, shift))| *o = self.slope * z + shift);
        softmax(out)
    }

    /// The probabilities of `k` classes summed over rows of logits.
    fn totals(&self, logits: &[f64], k: usize) -> Vec<f64> {
        let (mut p, mut totals) = (vec![0.0; k], vec![0.0; k]);
        for z in logits.chunks_exact(k) {
            self.probabilities(z.iter().copied(), &mut p);
            totals.iter_mut().zip(&p).for_each(|(sum, p)| *sum += p);
        }
        totals
    }

    /// For `k` classes, from logits (rows × k) and the indices of the true ones.
    ///
    /// The mean probability of each class stays what the network gives, as in [`Calibration::binary`]. (A temperature alone moves those of
    /// rare classes most: with one row in 250, 14 of 3,000 rows added up to 8.7.)
    pub fn classes(logits: &[f64], k: usize, answers: &[f64]) -> Self {
        let (mut a, mut p): (f64, _) = (1.0, vec![0.0; k]);
        let given = Self::default().totals(logits, k);
        for _ in 0..50 {
            let (mut g, mut h) = (PRIOR * (a - 1.0), PRIOR);
            let now = Self { slope: a, ..Self::default() };
            for (z, y) in logits.chunks_exact(k).zip(answers) {
                now.probabilities(z.iter().copied(), &mut p);
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
        let mut of = Self { slope: a, shift: 0.0, shifts: vec![0.0; k] };
        for _ in 0..50 {
            let steps: Vec<f64> = given.iter().zip(of.totals(logits, k)).map(|(given, sum)| (given / sum).ln()).collect();
            if !steps.iter().all(|s| s.is_finite()) {
                // a class that no row can be
                return Self { shifts: Vec::new(), ..of };
            }
            of.shifts.iter_mut().zip(&steps).for_each(|(b, step)| *b += step);
            if steps.iter().all(|s| s.abs() < 1e-6) {
                break;
            }
        }
        of
    }
}

/// 1 / (1 + e⁻ᶻ), without overflow.
#[inline]
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Each z becomes eᶻ over the sum of all, without overflow.
pub fn softmax(z: &mut [f64]) {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    z.iter_mut().for_each(|z| *z = (*z - top).exp());
    let sum: f64 = z.iter().sum();
    z.iter_mut().for_each(|z| *z /= sum);
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
    fn a_rare_class_keeps_its_mean() {
        let mut r = Rng::new(2);
        // Of three classes the third is one row in 200; logits are too loud by half.
        let (mut z, mut y) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            let mut p = [r.normal(), r.normal(), -5.5 + r.normal()];
            z.extend(p.map(|z| 1.5 * z));
            softmax(&mut p);
            let u = r.uniform();
            y.push(if u < p[0] {
                0.0
            } else if u < p[0] + p[1] {
                1.0
            } else {
                2.0
            });
        }
        let c = Calibration::classes(&z, 3, &y);
        assert!((c.slope - 1.0 / 1.5).abs() < 0.05, "{c:?}");
        let sums = |c: &Calibration| c.totals(&z, 3);
        let (before, after, bare) = (sums(&Calibration::default()), sums(&c), sums(&Calibration { shifts: Vec::new(), ..c.clone() }));
        assert!(before.iter().zip(&after).all(|(a, b)| (a / b - 1.0).abs() < 1e-4), "{before:?} {after:?}");
        assert!(bare[2] > 1.5 * before[2], "{before:?} {bare:?}");
    }

    #[test]
    fn few_or_separable_rows_change_little() {
        let c = Calibration::binary(&[2.0, -2.0], &[1.0, 0.0]);
        assert!((c.slope - 1.0).abs() < 0.1);
        assert_eq!(Calibration::binary(&[], &[]), Calibration::default());
        assert_eq!(Calibration::binary(&[f64::NAN], &[1.0]), Calibration::default());
        assert_eq!(Calibration::classes(&[], 3, &[]), Calibration::default());
        let mut p = [1000.0, 999.0];
        softmax(&mut p);
        assert!((p[0] - sigmoid(1.0)).abs() < 1e-12 && (p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
