//! Softmax over one row of logits.

use super::activation::exp;
use super::simd::{Simd, kernel};
use super::vector::max;

kernel! {
    /// x ← e^(x − shift); returns Σ of the results.
    exp_shifted, exp_shifted_at(x: &mut [f32], shift: f32) -> f32 => true, exp_shifted_portable, exp_shifted_simd
}

fn exp_shifted_portable(x: &mut [f32], shift: f32) -> f32 {
    let mut s = 0.0;
    for x in x {
        *x = (*x - shift).exp();
        s += *x;
    }
    s
}

#[inline(always)]
unsafe fn exp_shifted_simd<S: Simd>(x: &mut [f32], shift: f32) -> f32 {
    let (n, p, mut i) = (x.len(), x.as_mut_ptr(), 0);
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let (mut s, m) = (S::splat(0.0), S::splat(shift));
        while i + S::W <= n {
            let e = exp::<S>(S::sub(S::load(p.add(i)), m));
            S::store(p.add(i), e);
            s = S::add(s, e);
            i += S::W;
        }
        let mut rest = 0.0;
        if i < n {
            S::store_part(p.add(i), n - i, exp::<S>(S::sub(S::load_part(p.add(i), n - i), m)));
            rest = x[i..].iter().sum();
        }
        S::sum(s) + rest
    }
}

/// x ← softmax(x) = e^x / Σ e^x, safe from overflow; returns ln Σ e^x of the input.
pub fn softmax(x: &mut [f32]) -> f32 {
    if x.is_empty() {
        return f32::NEG_INFINITY;
    }
    let m = max(x);
    let s = exp_shifted(x, m);
    super::vector::scale(1.0 / s, x);
    m + s.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{each_level_and_length, near, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level_and_length(|level, n| {
            let (mut a, mut b) = (normals(1, n), normals(1, n));
            let (s, t) = (exp_shifted_at(level, &mut a, 0.7), exp_shifted_portable(&mut b, 0.7));
            near(&a, &b, 1e-6, "exp");
            near(&[s], &[t], 1e-5, "sum of exp");
        });
    }

    #[test]
    fn a_softmax_sums_to_one_and_does_not_overflow() {
        let mut x = [1000.0, 1001.0, 999.0];
        let lse = softmax(&mut x);
        near(&x, &[0.244_728_48, 0.665_240_97, 0.090_030_57], 1e-6, "softmax");
        assert!((lse - 1_001.407_6).abs() < 1e-3);
        assert_eq!(softmax(&mut []), f32::NEG_INFINITY);
    }
}
