//! Sums in 64 bits of vectors in 32: what an aggregate over millions of rows needs to keep seven digits.

use super::simd::{Simd, kernel};

kernel! {
    /// yᵢ ← κ·yᵢ + α·xᵢ, in 64 bits. Panics on unequal lengths.
    accumulate, accumulate_at(keep: f64, alpha: f64, x: &[f32], y: &mut [f64]) => x.len() == y.len(), accumulate_portable, accumulate_simd
}

fn accumulate_portable(keep: f64, alpha: f64, x: &[f32], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = *y * keep + alpha * f64::from(*x);
    }
}

/// The same loop with a fused multiplication: the compiler widens and unrolls it for the instructions that it is compiled for.
#[inline(always)]
unsafe fn accumulate_simd<S: Simd>(keep: f64, alpha: f64, x: &[f32], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = f64::from(*x).mul_add(alpha, *y * keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{each_level_and_length, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level_and_length(|level, n| {
            let x = normals(1, n);
            let mut a: Vec<f64> = normals(2, n).into_iter().map(f64::from).collect();
            let mut b = a.clone();
            accumulate_at(level, 0.75, -3.1, &x, &mut a);
            accumulate_portable(0.75, -3.1, &x, &mut b);
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-14 * b.abs().max(1.0)), "accumulate of {n}");
        });
    }

    #[test]
    fn a_million_small_numbers_are_not_lost() {
        let mut y = [0.0];
        (0..1_000_000).for_each(|_| accumulate(1.0, 1.0, &[0.1], &mut y));
        assert!((y[0] / (1e6 * f64::from(0.1f32)) - 1.0).abs() < 1e-9);
    }

    #[test]
    #[should_panic(expected = "x.len() == y.len()")]
    fn unequal_lengths_are_refused() {
        accumulate(1.0, 1.0, &[1.0], &mut [1.0, 2.0]);
    }
}
