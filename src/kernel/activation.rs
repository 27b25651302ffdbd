//! Activations, in place, and their derivatives from the outputs.

use super::simd::{Simd, kernel, map};

/// eˣ to about 1e-7 relative; clamped so that the result stays finite and normal. NaN stays NaN.
///
/// Cody and Waite's reduction x = n·ln 2 + r with |r| ≤ ln 2 / 2, then Taylor's polynomial of degree 7 in r.
#[inline(always)]
pub(super) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        // The bound goes first: `max` and `min` hand on the second where one is NaN.
        let x = S::min(S::splat(88.0), S::max(S::splat(-87.0), x));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        // ln 2 in two parts: the first has few enough bits that n times it is exact.
        let r = S::fma(n, S::splat(-0.693_359_4), x);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.0 / 5040.0);
        for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            p = S::fma(p, r, S::splat(c));
        }
        S::mul(p, S::exp2(n))
    }
}

kernel! {
    /// x ← max(x, 0).
    relu, relu_at(x: &mut [f32]) => true, relu_portable, relu_simd
}

fn relu_portable(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 })
}

#[inline(always)]
unsafe fn relu_simd<S: Simd>(x: &mut [f32]) {
    let (n, p) = (x.len(), x.as_mut_ptr());
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe { map!(S, n, p, x = p => S::where_positive(x, x)) }
}

kernel! {
    /// g ← g where the output `y` of [`relu`] is positive, else 0. Panics on unequal lengths.
    relu_back, relu_back_at(y: &[f32], g: &mut [f32]) => y.len() == g.len(), relu_back_portable, relu_back_simd
}

fn relu_back_portable(y: &[f32], g: &mut [f32]) {
    for (g, y) in g.iter_mut().zip(y) {
        *g = if *y > 0.0 { *g } else { 0.0 };
    }
}

#[inline(always)]
unsafe fn relu_back_simd<S: Simd>(y: &[f32], g: &mut [f32]) {
    let (n, p, q) = (y.len(), y.as_ptr(), g.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe { map!(S, n, q, y = p, g = q => S::where_positive(y, g)) }
}

/// The slope of [`leaky`] below 0.
pub const LEAK: f32 = 0.2;

kernel! {
    /// x ← x where positive, else [`LEAK`] · x.
    leaky, leaky_at(x: &mut [f32]) => true, leaky_portable, leaky_simd
}

fn leaky_portable(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { LEAK * *x })
}

#[inline(always)]
unsafe fn leaky_simd<S: Simd>(x: &mut [f32]) {
    let (n, p) = (x.len(), x.as_mut_ptr());
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let leak = S::splat(LEAK);
        // The larger of the two; NaN goes through.
        map!(S, n, p, x = p => S::max(S::mul(leak, x), x))
    }
}

kernel! {
    /// g ← g where the output `y` of [`leaky`] is positive, else [`LEAK`] · g. Panics on unequal lengths.
    leaky_back, leaky_back_at(y: &[f32], g: &mut [f32]) => y.len() == g.len(), leaky_back_portable, leaky_back_simd
}

fn leaky_back_portable(y: &[f32], g: &mut [f32]) {
    for (g, y) in g.iter_mut().zip(y) {
        *g = if *y > 0.0 { *g } else { LEAK * *g };
    }
}

#[inline(always)]
unsafe fn leaky_back_simd<S: Simd>(y: &[f32], g: &mut [f32]) {
    let (n, p, q) = (y.len(), y.as_ptr(), g.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe {
        let (leak, rest) = (S::splat(LEAK), S::splat(1.0 - LEAK));
        map!(S, n, q, y = p, g = q => S::fma(leak, g, S::where_positive(y, S::mul(rest, g))))
    }
}

kernel! {
    /// x ← 1 / (1 + e⁻ˣ).
    sigmoid, sigmoid_at(x: &mut [f32]) => true, sigmoid_portable, sigmoid_simd
}

fn sigmoid_portable(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()))
}

#[inline(always)]
unsafe fn sigmoid_simd<S: Simd>(x: &mut [f32]) {
    let (n, p) = (x.len(), x.as_mut_ptr());
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let one = S::splat(1.0);
        map!(S, n, p, x = p => S::div(one, S::add(one, exp::<S>(S::sub(S::splat(0.0), x)))));
    }
}

kernel! {
    /// g ← g · y · (1 − y), `y` the output of [`sigmoid`]. Panics on unequal lengths.
    sigmoid_back, sigmoid_back_at(y: &[f32], g: &mut [f32]) => y.len() == g.len(), sigmoid_back_portable, sigmoid_back_simd
}

fn sigmoid_back_portable(y: &[f32], g: &mut [f32]) {
    for (g, y) in g.iter_mut().zip(y) {
        *g *= y * (1.0 - y);
    }
}

#[inline(always)]
unsafe fn sigmoid_back_simd<S: Simd>(y: &[f32], g: &mut [f32]) {
    let (n, p, q) = (y.len(), y.as_ptr(), g.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe {
        let one = S::splat(1.0);
        map!(S, n, q, y = p, g = q => S::mul(g, S::mul(y, S::sub(one, y))));
    }
}

kernel! {
    /// x ← tanh x.
    tanh, tanh_at(x: &mut [f32]) => true, tanh_portable, tanh_simd
}

fn tanh_portable(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.tanh())
}

#[inline(always)]
unsafe fn tanh_simd<S: Simd>(x: &mut [f32]) {
    let (n, p) = (x.len(), x.as_mut_ptr());
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let one = S::splat(1.0);
        map!(S, n, p, x = p => {
            // 1 − 2 / (e²ˣ + 1) loses digits near 0; there an odd polynomial (least squares on Chebyshev nodes, relative error 4e-9).
            let far = S::sub(one, S::div(S::splat(2.0), S::add(exp::<S>(S::add(x, x)), one)));
            let s = S::mul(x, x);
            let mut q = S::splat(-0.005_704_04);
            for c in [0.020_637_86, -0.053_739_16, 0.133_314_32, -0.333_332_8] {
                q = S::fma(q, s, S::splat(c));
            }
            S::where_below(x, 0.625, S::fma(S::mul(q, s), x, x), far)
        });
    }
}

kernel! {
    /// g ← g · (1 − y²), `y` the output of [`tanh`]. Panics on unequal lengths.
    tanh_back, tanh_back_at(y: &[f32], g: &mut [f32]) => y.len() == g.len(), tanh_back_portable, tanh_back_simd
}

fn tanh_back_portable(y: &[f32], g: &mut [f32]) {
    for (g, y) in g.iter_mut().zip(y) {
        *g *= 1.0 - y * y;
    }
}

#[inline(always)]
unsafe fn tanh_back_simd<S: Simd>(y: &[f32], g: &mut [f32]) {
    let (n, p, q) = (y.len(), y.as_ptr(), g.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe {
        let one = S::splat(1.0);
        map!(S, n, q, y = p, g = q => S::mul(g, S::sub(one, S::mul(y, y))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{LENGTHS, each_level, near, normals};
    use crate::kernel::simd::Level;

    /// Both on the same numbers, stretched over the range that networks see and far beyond.
    fn same(level: Level, at: fn(Level, &mut [f32]), portable: fn(&mut [f32]), what: &str) {
        for n in LENGTHS {
            for stretch in [0.1, 1.0, 30.0] {
                let mut a: Vec<f32> = normals(3, n).iter().map(|x| x * stretch).collect();
                let mut b = a.clone();
                at(level, &mut a);
                portable(&mut b);
                near(&a, &b, 3e-7, what);
            }
        }
    }

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level(|level| {
            same(level, relu_at, relu_portable, "relu");
            same(level, leaky_at, leaky_portable, "leaky");
            same(level, sigmoid_at, sigmoid_portable, "sigmoid");
            same(level, tanh_at, tanh_portable, "tanh");
            for n in LENGTHS {
                let y: Vec<f32> = normals(5, n).iter().map(|x| x.tanh()).collect();
                let g = normals(6, n);
                type Back = fn(&[f32], &mut [f32]);
                type BackAt = fn(Level, &[f32], &mut [f32]);
                let backs: [(BackAt, Back); 4] = [
                    (relu_back_at, relu_back_portable),
                    (leaky_back_at, leaky_back_portable),
                    (sigmoid_back_at, sigmoid_back_portable),
                    (tanh_back_at, tanh_back_portable),
                ];
                for (at, portable) in backs {
                    let (mut a, mut b) = (g.clone(), g.clone());
                    at(level, &y, &mut a);
                    portable(&y, &mut b);
                    near(&a, &b, 3e-7, "derivative");
                }
            }
        });
    }

    #[test]
    fn ends_are_finite_and_nan_is_seen() {
        each_level(|level| {
            let mut x = [f32::NEG_INFINITY, -200.0, 200.0, f32::INFINITY, f32::NAN];
            let mut y = x;
            sigmoid_at(level, &mut x);
            near(&x[..4], &[0.0, 0.0, 1.0, 1.0], 1e-7, "sigmoid");
            tanh_at(level, &mut y);
            near(&y[..4], &[-1.0, -1.0, 1.0, 1.0], 1e-7, "tanh");
            assert!(x[4].is_nan() && y[4].is_nan(), "a network that diverged must show");
        });
    }
}
