//! 16-bit floats: half the memory to read where memory is the limit.

use super::simd::{Simd, kernel};
use ::half::f16;

kernel! {
    /// out ← x as 32-bit floats, exactly. Panics on unequal lengths.
    from_f16, from_f16_at(x: &[f16], out: &mut [f32]) => x.len() == out.len(), from_f16_portable, from_f16_simd
}

fn from_f16_portable(x: &[f16], out: &mut [f32]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o = x.to_f32();
    }
}

#[inline(always)]
unsafe fn from_f16_simd<S: Simd>(x: &[f16], out: &mut [f32]) {
    let mut i = 0;
    while i + S::W <= x.len() {
        // SAFETY: a whole register lies below the length of both; the caller vouches for the instructions.
        unsafe { S::store(out.as_mut_ptr().add(i), S::load_f16(x.as_ptr().add(i))) };
        i += S::W;
    }
    from_f16_portable(&x[i..], &mut out[i..]);
}

kernel! {
    /// out ← x as 16-bit floats, to nearest even; beyond ±65504 infinite. Panics on unequal lengths.
    to_f16, to_f16_at(x: &[f32], out: &mut [f16]) => x.len() == out.len(), to_f16_portable, to_f16_simd
}

fn to_f16_portable(x: &[f32], out: &mut [f16]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o = f16::from_f32(*x);
    }
}

#[inline(always)]
unsafe fn to_f16_simd<S: Simd>(x: &[f32], out: &mut [f16]) {
    let mut i = 0;
    while i + S::W <= x.len() {
        // SAFETY: a whole register lies below the length of both; the caller vouches for the instructions.
        unsafe { S::store_f16(out.as_mut_ptr().add(i), S::load(x.as_ptr().add(i))) };
        i += S::W;
    }
    to_f16_portable(&x[i..], &mut out[i..]);
}

kernel! {
    /// Σ aᵢ·bᵢ with the factors of an item in 16 bits. Panics on unequal lengths.
    dot_f16, dot_f16_at(a: &[f32], b: &[f16]) -> f32 => a.len() == b.len(), dot_f16_portable, dot_f16_simd
}

fn dot_f16_portable(a: &[f32], b: &[f16]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y.to_f32()).sum()
}

#[inline(always)]
unsafe fn dot_f16_simd<S: Simd>(a: &[f32], b: &[f16]) -> f32 {
    let (n, p, q, mut i) = (a.len(), a.as_ptr(), b.as_ptr(), 0);
    // SAFETY: every access lies below `n`, the length of both; the caller vouches for the instructions.
    unsafe {
        let mut s = [S::splat(0.0); 4];
        while i + 4 * S::W <= n {
            for (j, s) in s.iter_mut().enumerate() {
                *s = S::fma(S::load(p.add(i + j * S::W)), S::load_f16(q.add(i + j * S::W)), *s);
            }
            i += 4 * S::W;
        }
        while i + S::W <= n {
            s[0] = S::fma(S::load(p.add(i)), S::load_f16(q.add(i)), s[0]);
            i += S::W;
        }
        let whole = S::sum(S::add(S::add(s[0], s[1]), S::add(s[2], s[3])));
        // A call for no rest costs a short row more than its product.
        if i == n { whole } else { whole + dot_f16_portable(&a[i..], &b[i..]) }
    }
}

kernel! {
    /// outᵢ ← Σⱼ aⱼ·rowsᵢⱼ for each row of 16-bit numbers, the bits of [`dot_f16`]. Panics unless `rows` has `a.len()` numbers for each of
    /// `out`.
    dots_f16, dots_f16_at(a: &[f32], rows: &[f16], out: &mut [f32])
        => Some(rows.len()) == a.len().checked_mul(out.len()), dots_f16_portable, dots_f16_simd
}

fn dots_f16_portable(a: &[f32], rows: &[f16], out: &mut [f32]) {
    for (i, o) in out.iter_mut().enumerate() {
        *o = dot_f16_portable(a, &rows[i * a.len()..][..a.len()]);
    }
}

/// Numbers ahead of a row's that are asked for, 2 kB: a row is used up in less time than memory takes to answer, and what CPUs foresee by
/// themselves is not enough where the last cache is large and far. (The best of a million rows of 64 took 2.04 times as long as reading
/// them once there, 1.67 with this alone, 1.15 to 1.39 where also no call is made for a row's empty rest; nothing is lost where rows lie
/// near.)
const AHEAD: usize = 1024;
/// Numbers of a cache line.
const LINE: usize = 32;

#[inline(always)]
unsafe fn dots_f16_simd<S: Simd>(a: &[f32], rows: &[f16], out: &mut [f32]) {
    let n = a.len();
    for (i, o) in out.iter_mut().enumerate() {
        let row = &rows[i * n..][..n];
        for at in (0..n).step_by(LINE) {
            // SAFETY: a prefetch may point anywhere; the caller vouches for the instructions.
            unsafe { S::prefetch(row.as_ptr().wrapping_add(AHEAD + at)) };
        }
        // SAFETY: row and `a` have the same length; the caller vouches for the instructions.
        *o = unsafe { dot_f16_simd::<S>(a, row) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{each_level, each_level_and_length, near, normals};

    #[test]
    fn every_level_agrees_with_the_portable_loop() {
        each_level_and_length(|level, n| {
            let (x, y) = (normals(1, n), normals(2, n));
            let (mut a, mut b) = (vec![f16::ZERO; n], vec![f16::ZERO; n]);
            to_f16_at(level, &x, &mut a);
            to_f16_portable(&x, &mut b);
            assert_eq!(a, b, "to_f16 of {n}");
            let (mut c, mut d) = (vec![0.0; n], vec![0.0; n]);
            from_f16_at(level, &a, &mut c);
            from_f16_portable(&a, &mut d);
            assert_eq!(c, d, "from_f16 of {n}");
            near(&[dot_f16_at(level, &y, &a)], &[dot_f16_portable(&y, &a)], 1e-4, "dot_f16");
            let rows = [a.clone(), b.iter().rev().copied().collect()].concat();
            let mut dots = [7.0; 2];
            dots_f16_at(level, &y, &rows, &mut dots);
            assert_eq!(dots, [dot_f16_at(level, &y, &rows[..n]), dot_f16_at(level, &y, &rows[n..])], "dots_f16 of {n}");
        });
    }

    #[test]
    fn every_16_bit_number_survives_the_way_out_and_back() {
        let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).filter(|x| !x.is_nan()).collect();
        each_level(|level| {
            let mut wide = vec![0.0; all.len()];
            let mut back = vec![f16::ZERO; all.len()];
            from_f16_at(level, &all, &mut wide);
            to_f16_at(level, &wide, &mut back);
            assert!(all.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()));
        });
    }
}
