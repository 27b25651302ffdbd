//! The step of a pair of items that a user ranks: one after another, so that a call must cost little more than its numbers.

use super::simd::{Simd, kernel};

kernel! {
    /// One step of gradient descent on −ln σ(x), x = u·(p − q), with decay (Rendle et al. 2009, algorithm LearnBPR): with z = rate / (1 +
    /// eˣ), u ← keep·u + z (p − q), p ← keep·p + z u, q ← keep·q − z u, all from what they were. Returns x. Panics on unequal lengths.
    pairwise, pairwise_at(rate: f32, keep: f32, u: &mut [f32], p: &mut [f32], q: &mut [f32]) -> f32
        => u.len() == p.len() && p.len() == q.len(), pairwise_portable, pairwise_simd
}

fn pairwise_portable(rate: f32, keep: f32, u: &mut [f32], p: &mut [f32], q: &mut [f32]) -> f32 {
    let x: f32 = u.iter().zip(p.iter().zip(q.iter())).map(|(u, (p, q))| u * (p - q)).sum();
    let z = rate / (1.0 + x.exp());
    for (u, (p, q)) in u.iter_mut().zip(p.iter_mut().zip(q)) {
        let (a, b) = (*u, *p - *q);
        *u = keep * a + z * b;
        *p = keep * *p + z * a;
        *q = keep * *q - z * a;
    }
    x
}

#[inline(always)]
unsafe fn pairwise_simd<S: Simd>(rate: f32, keep: f32, u: &mut [f32], p: &mut [f32], q: &mut [f32]) -> f32 {
    let (n, pu, pp, pq) = (u.len(), u.as_mut_ptr(), p.as_mut_ptr(), q.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of all three; the caller vouches for the instructions.
    unsafe {
        let (mut s, mut i) = ([S::splat(0.0); 2], 0);
        while i + 2 * S::W <= n {
            for (j, s) in s.iter_mut().enumerate() {
                let at = i + j * S::W;
                *s = S::fma(S::load(pu.add(at)), S::sub(S::load(pp.add(at)), S::load(pq.add(at))), *s);
            }
            i += 2 * S::W;
        }
        while i < n {
            let k = (n - i).min(S::W);
            let by = S::sub(S::load_part(pp.add(i), k), S::load_part(pq.add(i), k));
            s[0] = S::fma(S::load_part(pu.add(i), k), by, s[0]);
            i += k;
        }
        let x = S::sum(S::add(s[0], s[1]));
        let z = rate / (1.0 + x.exp());
        let (z, minus, keep, mut i) = (S::splat(z), S::splat(-z), S::splat(keep), 0);
        while i + S::W <= n {
            let (a, b, c) = (S::load(pu.add(i)), S::load(pp.add(i)), S::load(pq.add(i)));
            S::store(pu.add(i), S::fma(z, S::sub(b, c), S::mul(keep, a)));
            S::store(pp.add(i), S::fma(z, a, S::mul(keep, b)));
            S::store(pq.add(i), S::fma(minus, a, S::mul(keep, c)));
            i += S::W;
        }
        if i < n {
            let k = n - i;
            let (a, b, c) = (S::load_part(pu.add(i), k), S::load_part(pp.add(i), k), S::load_part(pq.add(i), k));
            S::store_part(pu.add(i), k, S::fma(z, S::sub(b, c), S::mul(keep, a)));
            S::store_part(pp.add(i), k, S::fma(z, a, S::mul(keep, b)));
            S::store_part(pq.add(i), k, S::fma(minus, a, S::mul(keep, c)));
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{each_level_and_length, near, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level_and_length(|level, n| {
            let scaled = |seed| normals(seed, n).iter().map(|x| x / (n as f32).sqrt().max(1.0)).collect::<Vec<f32>>();
            let (u, p, q) = (scaled(1), scaled(2), scaled(3));
            let (mut a, mut b) = ([u.clone(), p.clone(), q.clone()], [u, p, q]);
            let [u, p, q] = &mut a;
            let x = pairwise_at(level, 0.1, 0.99, u, p, q);
            let [u, p, q] = &mut b;
            near(&[x], &[pairwise_portable(0.1, 0.99, u, p, q)], 1e-4, "the difference");
            (0..3).for_each(|i| near(&a[i], &b[i], 1e-5, "the step"));
        });
    }

    #[test]
    fn a_step_goes_down_the_gradient() {
        let (mut u, mut p, mut q) = ([1.0, 0.0], [0.0, 1.0], [0.0, 3.0]);
        assert_eq!(pairwise_portable(0.2, 1.0, &mut u, &mut p, &mut q), 0.0);
        assert_eq!((u, p, q), ([1.0, -0.2], [0.1, 1.0], [-0.1, 3.0]));
    }
}
