//! Sums, products and multiples of vectors.

use super::simd::{Simd, kernel, map};

kernel! {
    /// Σ aᵢ·bᵢ. Panics on unequal lengths.
    dot, dot_at(a: &[f32], b: &[f32]) -> f32 => a.len() == b.len(), dot_portable, dot_simd
}

fn dot_portable(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[inline(always)]
pub(super) unsafe fn dot_simd<S: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let (n, p, q) = (a.len(), a.as_ptr(), b.as_ptr());
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe {
        // Four chains, since an FMA takes four cycles and two can start in each.
        let mut s = [S::splat(0.0); 4];
        let mut i = 0;
        while i + 4 * S::W <= n {
            for (j, s) in s.iter_mut().enumerate() {
                *s = S::fma(S::load(p.add(i + j * S::W)), S::load(q.add(i + j * S::W)), *s);
            }
            i += 4 * S::W;
        }
        while i + S::W <= n {
            s[0] = S::fma(S::load(p.add(i)), S::load(q.add(i)), s[0]);
            i += S::W;
        }
        if i < n {
            s[1] = S::fma(S::load_part(p.add(i), n - i), S::load_part(q.add(i), n - i), s[1]);
        }
        S::sum(S::add(S::add(s[0], s[1]), S::add(s[2], s[3])))
    }
}

kernel! {
    /// yᵢ ← yᵢ + α·xᵢ. Panics on unequal lengths.
    axpy, axpy_at(alpha: f32, x: &[f32], y: &mut [f32]) => x.len() == y.len(), axpy_portable, axpy_simd
}

fn axpy_portable(alpha: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += alpha * x;
    }
}

#[inline(always)]
unsafe fn axpy_simd<S: Simd>(alpha: f32, x: &[f32], y: &mut [f32]) {
    let (n, p, q) = (x.len(), x.as_ptr(), y.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe {
        let a = S::splat(alpha);
        map!(S, n, q, x = p, y = q => S::fma(a, x, y));
    }
}

kernel! {
    /// yᵢ ← yᵢ + Σⱼ αⱼ·xⱼᵢ for four vectors at once: y is read and written once, and four streams wait for the memory together.
    /// Panics on unequal lengths.
    axpy4, axpy4_at(alpha: [f32; 4], x: [&[f32]; 4], y: &mut [f32]) => x.iter().all(|x| x.len() == y.len()), axpy4_portable, axpy4_simd
}

fn axpy4_portable(alpha: [f32; 4], x: [&[f32]; 4], y: &mut [f32]) {
    for (i, y) in y.iter_mut().enumerate() {
        *y += alpha[0] * x[0][i] + alpha[1] * x[1][i] + alpha[2] * x[2][i] + alpha[3] * x[3][i];
    }
}

#[inline(always)]
unsafe fn axpy4_simd<S: Simd>(alpha: [f32; 4], x: [&[f32]; 4], y: &mut [f32]) {
    let (n, [p0, p1, p2, p3], q) = (y.len(), x.map(|x| x.as_ptr()), y.as_mut_ptr());
    // SAFETY: every access lies below `n`, the length of all; the caller vouches for the instructions.
    unsafe {
        let [a0, a1, a2, a3] = alpha.map(|a| S::splat(a));
        map!(S, n, q, x0 = p0, x1 = p1, x2 = p2, x3 = p3, y = q => S::fma(a3, x3, S::fma(a2, x2, S::fma(a1, x1, S::fma(a0, x0, y)))));
    }
}

kernel! {
    /// yᵢ ← α·yᵢ.
    scale, scale_at(alpha: f32, y: &mut [f32]) => true, scale_portable, scale_simd
}

fn scale_portable(alpha: f32, y: &mut [f32]) {
    y.iter_mut().for_each(|y| *y *= alpha)
}

#[inline(always)]
unsafe fn scale_simd<S: Simd>(alpha: f32, y: &mut [f32]) {
    let (n, q) = (y.len(), y.as_mut_ptr());
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let a = S::splat(alpha);
        map!(S, n, q, y = q => S::mul(a, y));
    }
}

kernel! {
    /// Σ xᵢ.
    sum, sum_at(x: &[f32]) -> f32 => true, sum_portable, sum_simd
}

fn sum_portable(x: &[f32]) -> f32 {
    x.iter().sum()
}

#[inline(always)]
unsafe fn sum_simd<S: Simd>(x: &[f32]) -> f32 {
    let (n, p, mut i) = (x.len(), x.as_ptr(), 0);
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let mut s = [S::splat(0.0); 2];
        while i + 2 * S::W <= n {
            s[0] = S::add(s[0], S::load(p.add(i)));
            s[1] = S::add(s[1], S::load(p.add(i + S::W)));
            i += 2 * S::W;
        }
        while i < n {
            let k = (n - i).min(S::W);
            s[0] = S::add(s[0], S::load_part(p.add(i), k));
            i += k;
        }
        S::sum(S::add(s[0], s[1]))
    }
}

/// Σ xᵢ².
pub fn sum_squares(x: &[f32]) -> f32 {
    dot(x, x)
}

kernel! {
    /// The largest element; −∞ of none. Of slices with NaN, any element.
    max, max_at(x: &[f32]) -> f32 => true, max_portable, max_simd
}

fn max_portable(x: &[f32]) -> f32 {
    x.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

#[inline(always)]
unsafe fn max_simd<S: Simd>(x: &[f32]) -> f32 {
    let (n, p, mut i) = (x.len(), x.as_ptr(), 0);
    // SAFETY: every access lies below `n`; the caller vouches for the instructions.
    unsafe {
        let mut m = S::splat(f32::NEG_INFINITY);
        while i + S::W <= n {
            m = S::max(S::load(p.add(i)), m);
            i += S::W;
        }
        let rest = x[i..].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        S::largest(m).max(rest)
    }
}

/// Asks the CPU to bring `x` into its caches: the rows of the next batch while this one is worked on. Changes nothing else.
#[inline]
pub fn prefetch(x: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let mut i = 0;
        while i < x.len() {
            // SAFETY: a prefetch reads nothing; the address lies inside the slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(x.as_ptr().add(i).cast()) };
            i += 16;
        }
    }
    #[cfg(target_arch = "aarch64")]
    x.chunks(16).for_each(|line| crate::kernel::neon::ask_for(line.as_ptr()));
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = x;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{each_level_and_length, near, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level_and_length(|level, n| {
            let (a, b) = (normals(1, n), normals(2, n));
            near(&[dot_at(level, &a, &b)], &[dot_portable(&a, &b)], 1e-4, "dot");
            near(&[sum_at(level, &a)], &[sum_portable(&a)], 1e-4, "sum");
            assert_eq!(max_at(level, &a), max_portable(&a), "max of {n}");
            let (mut x, mut y) = (b.clone(), b.clone());
            axpy_at(level, 0.3, &a, &mut x);
            axpy_portable(0.3, &a, &mut y);
            near(&x, &y, 1e-6, "axpy");
            let (c, d) = (normals(3, n), normals(4, n));
            axpy4_at(level, [0.5, -2.0, 1.5, 0.1], [&a, &b, &c, &d], &mut x);
            axpy4_portable([0.5, -2.0, 1.5, 0.1], [&a, &b, &c, &d], &mut y);
            near(&x, &y, 1e-5, "axpy4");
            scale_at(level, -1.7, &mut x);
            scale_portable(-1.7, &mut y);
            near(&x, &y, 1e-5, "scale");
        });
    }

    #[test]
    fn the_specification_is_right_where_it_can_be_counted() {
        assert_eq!(dot_portable(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 32.0);
        assert_eq!(sum_squares(&[3.0, 4.0]), 25.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
        assert_eq!(max(&[-3.0, -1.0, -2.0]), -1.0);
        prefetch(&[1.0; 40]);
    }

    #[test]
    #[should_panic(expected = "a.len() == b.len()")]
    fn unequal_lengths_are_refused() {
        dot(&[1.0], &[1.0, 2.0]);
    }
}
