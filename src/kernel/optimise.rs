//! The optimiser's step over a slice of parameters.

use super::simd::{Simd, kernel};

/// The figures of one step of Adam (Kingma & Ba 2015, algorithm 1, in the form with the corrections moved into the rate) with
/// decoupled weight decay (Loshchilov & Hutter 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Decay of the first moment, β₁.
    pub beta1: f32,
    /// Decay of the second moment, β₂.
    pub beta2: f32,
    /// rate / (1 − β₁ᵗ).
    pub rate: f32,
    /// 1 / √(1 − β₂ᵗ).
    pub root: f32,
    /// ε, added to the corrected root.
    pub epsilon: f32,
    /// What is left of a weight: 1 − learning rate · weight decay.
    pub keep: f32,
    /// The gradient is multiplied by this first (1 / rows, where it holds a sum).
    pub scale: f32,
}

kernel! {
    /// One step: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← keep·w − rate·m / (root·√v + ε). Panics on unequal lengths.
    adam, adam_at(step: AdamStep, g: &[f32], m: &mut [f32], v: &mut [f32], w: &mut [f32])
        => g.len() == m.len() && m.len() == v.len() && v.len() == w.len(), adam_portable, adam_simd
}

fn adam_portable(s: AdamStep, g: &[f32], m: &mut [f32], v: &mut [f32], w: &mut [f32]) {
    for (((g, m), v), w) in g.iter().zip(m).zip(v).zip(w) {
        let g = g * s.scale;
        *m = s.beta1 * *m + (1.0 - s.beta1) * g;
        *v = s.beta2 * *v + (1.0 - s.beta2) * g * g;
        *w = s.keep * *w - s.rate * *m / (s.root * v.sqrt() + s.epsilon);
    }
}

#[inline(always)]
unsafe fn adam_simd<S: Simd>(s: AdamStep, g: &[f32], m: &mut [f32], v: &mut [f32], w: &mut [f32]) {
    let (n, pg, pm, pv, pw, mut i) = (g.len(), g.as_ptr(), m.as_mut_ptr(), v.as_mut_ptr(), w.as_mut_ptr(), 0);
    // SAFETY: every access lies below `n`, the length of all; the caller vouches for the instructions.
    unsafe {
        let c = [s.beta1, s.beta2, 1.0 - s.beta1, 1.0 - s.beta2, -s.rate, s.root, s.epsilon, s.keep, s.scale].map(|x| S::splat(x));
        while i + S::W <= n {
            let [a, b, d] =
                register::<S>(&c, [pg, pm.cast_const(), pv.cast_const(), pw.cast_const()].map(|p: *const f32| S::load(p.add(i))));
            S::store(pm.add(i), a);
            S::store(pv.add(i), b);
            S::store(pw.add(i), d);
            i += S::W;
        }
        if i < n {
            let k = n - i;
            let [a, b, d] =
                register::<S>(&c, [pg, pm.cast_const(), pv.cast_const(), pw.cast_const()].map(|p: *const f32| S::load_part(p.add(i), k)));
            S::store_part(pm.add(i), k, a);
            S::store_part(pv.add(i), k, b);
            S::store_part(pw.add(i), k, d);
        }
    }
}

/// The new moments and weight of one register of [gradient, first moment, second moment, weight]; `c` as made in [`adam_simd`].
#[inline(always)]
unsafe fn register<S: Simd>(c: &[S::V; 9], [g, m, v, w]: [S::V; 4]) -> [S::V; 3] {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let [b1, b2, c1, c2, rate, root, epsilon, keep, scale] = *c;
        let g = S::mul(g, scale);
        let m = S::fma(c1, g, S::mul(b1, m));
        let v = S::fma(S::mul(c2, g), g, S::mul(b2, v));
        let change = S::div(S::mul(rate, m), S::fma(root, S::sqrt(v), epsilon));
        [m, v, S::fma(keep, w, change)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{each_level_and_length, near, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        let s = AdamStep { beta1: 0.9, beta2: 0.999, rate: 1e-2, root: 30.0, epsilon: 1e-8, keep: 0.99, scale: 0.1 };
        each_level_and_length(|level, n| {
            let (g, mut m, mut w) = (normals(1, n), normals(2, n), normals(4, n));
            let mut v: Vec<f32> = normals(3, n).iter().map(|x| x * x).collect();
            let (mut m2, mut v2, mut w2) = (m.clone(), v.clone(), w.clone());
            adam_at(level, s, &g, &mut m, &mut v, &mut w);
            adam_portable(s, &g, &mut m2, &mut v2, &mut w2);
            near(&m, &m2, 1e-6, "m");
            near(&v, &v2, 1e-6, "v");
            near(&w, &w2, 1e-6, "w");
        });
    }
}
