//! Dropout (Srivastava et al. 2014), inverted: what is kept is scaled up in training, so that scoring needs no change.

use crate::base::Rng;

/// Dropout of a shard of rows, in training.
#[derive(Debug)]
pub struct Dropout {
    /// Share that is dropped, in [0, 1).
    pub rate: f32,
    /// What says which.
    pub rng: Rng,
}

/// Fills `mask` with 0 (probability `rate`, to 1 / 65536) or 1 / (1 − `rate`), and multiplies `x` by it. Panics on unequal lengths.
pub fn drop_out(x: &mut [f32], mask: &mut [f32], rate: f32, rng: &mut Rng) {
    assert_eq!(x.len(), mask.len());
    let below = (rate * 65536.0) as u64;
    let keep = 1.0 / (1.0 - rate);
    for (x, mask) in x.chunks_mut(4).zip(mask.chunks_mut(4)) {
        // Sixteen bits an element: a draw serves four.
        let mut bits = rng.bits();
        for (x, m) in x.iter_mut().zip(mask) {
            *m = if bits & 0xffff < below { 0.0 } else { keep };
            *x *= *m;
            bits >>= 16;
        }
    }
}

/// The way back: `g` ← `g` · `mask`, and `y` ← the outputs before the dropout where they were kept.
pub fn drop_out_back(y: &mut [f32], g: &mut [f32], mask: &[f32], rate: f32) {
    for ((y, g), m) in y.iter_mut().zip(g).zip(mask) {
        *g *= m;
        *y *= 1.0 - rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_at_the_rate_and_keeps_the_mean() {
        let mut rng = Rng::new(1);
        let (mut x, mut mask) = (vec![1.0; 100_003], vec![0.0; 100_003]);
        drop_out(&mut x, &mut mask, 0.3, &mut rng);
        let dropped = x.iter().filter(|x| **x == 0.0).count() as f64 / x.len() as f64;
        let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / x.len() as f64;
        assert!((dropped - 0.3).abs() < 0.01 && (mean - 1.0).abs() < 0.01, "{dropped} {mean}");
        assert_eq!(x, mask);
        let mut g = vec![1.0; x.len()];
        drop_out_back(&mut x, &mut g, &mask, 0.3);
        assert_eq!(g, mask);
        assert!(x.iter().all(|x| *x == 0.0 || (x - 1.0).abs() < 1e-6));
    }

    #[test]
    fn nothing_is_dropped_at_rate_zero() {
        let (mut x, mut mask) = (vec![2.0; 9], vec![0.0; 9]);
        drop_out(&mut x, &mut mask, 0.0, &mut Rng::new(1));
        assert_eq!(x, [2.0; 9]);
    }
}
