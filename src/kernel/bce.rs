//! Binary cross-entropy of a run of logits.

use super::activation::exp;
use super::simd::{Simd, kernel};

kernel! {
    /// Σ softplus(z) − y·z, and z ← its derivative sigmoid(z) − y. Panics on unequal lengths.
    bce, bce_at(z: &mut [f32], y: &[f32]) -> f64 => z.len() == y.len(), bce_portable, bce_simd
}

fn bce_portable(z: &mut [f32], y: &[f32]) -> f64 {
    let mut loss = 0.0;
    for (z, y) in z.iter_mut().zip(y) {
        // e^(−|z|) never overflows.
        let e = (-z.abs()).exp();
        loss += f64::from(z.max(0.0) - *z * y + e.ln_1p());
        *z = if *z > 0.0 { 1.0 } else { e } / (1.0 + e) - y;
    }
    loss
}

#[inline(always)]
unsafe fn bce_simd<S: Simd>(z: &mut [f32], y: &[f32]) -> f64 {
    // Σ ln(1 + e) is ln Π (1 + e): one logarithm for many elements. A factor is at most 2, so 64 of them fit a float.
    const FACTORS: usize = 64;
    let (n, p, q, mut i, mut loss) = (z.len(), z.as_mut_ptr(), y.as_ptr(), 0, 0.0);
    while i + S::W <= n {
        let end = n.min(i + FACTORS * S::W);
        // SAFETY: every access lies below `end`, at most the length of both; the caller vouches for the instructions.
        unsafe {
            let (zero, one) = (S::splat(0.0), S::splat(1.0));
            let (mut sum, mut product) = (zero, one);
            while i + S::W <= end {
                let (z, y) = (S::load(p.add(i)), S::load(q.add(i)));
                let positive = S::max(zero, z);
                // −|z|; NaN goes through `exp` into the product.
                let e = exp::<S>(S::sub(z, S::add(positive, positive)));
                let own = S::div(one, S::add(one, e));
                let other = S::mul(e, own);
                sum = S::add(sum, S::sub(positive, S::mul(z, y)));
                product = S::mul(product, S::add(one, e));
                // `own` where z is positive, else `other`.
                let sigmoid = S::add(other, S::where_positive(z, S::sub(own, other)));
                S::store(p.add(i), S::sub(sigmoid, y));
                i += S::W;
            }
            let mut factors = [0.0f32; 16];
            S::store(factors.as_mut_ptr(), product);
            loss += f64::from(S::sum(sum)) + factors[..S::W].iter().map(|x| f64::from(*x).ln()).sum::<f64>();
        }
    }
    loss + bce_portable(&mut z[i..], &y[i..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{LENGTHS, each_level, near, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level(|level| {
            for n in LENGTHS.into_iter().chain([5000]) {
                for stretch in [1.0, 40.0] {
                    let z: Vec<f32> = normals(1, n).iter().map(|z| z * stretch).collect();
                    let y: Vec<f32> = (0..n).map(|i| [0.0, 1.0, 0.3][i % 3]).collect();
                    let (mut a, mut b) = (z.clone(), z);
                    let (s, t) = (bce_at(level, &mut a, &y), bce_portable(&mut b, &y));
                    assert!((s - t).abs() <= 1e-5 * t.abs().max(1.0), "loss of {n}: {s} against {t}");
                    near(&a, &b, 1e-6, "gradient");
                }
            }
        });
    }

    #[test]
    fn far_logits_are_finite_and_nan_shows() {
        each_level(|level| {
            let mut z = [500.0; 16];
            z[1] = -500.0;
            assert_eq!(bce_at(level, &mut z, &[0.0; 16]), 15.0 * 500.0);
            assert!(z[0] == 1.0 && z[1] < 1e-37);
            assert!(bce_at(level, &mut [f32::NAN; 16], &[0.0; 16]).is_nan());
        });
    }
}
