//! 4 floats of NEON, which every aarch64 has: Graviton, Ampere, Apple.

use super::simd::{Simd, methods};
use ::half::f16;
use std::arch::aarch64::*;
use std::arch::asm;

/// 4 floats, 32 registers.
#[derive(Clone, Copy)]
pub(super) struct Neon;

/// The first `n` of 4 elements, zeros behind.
#[inline(always)]
unsafe fn part(p: *const f32, n: usize) -> float32x4_t {
    let mut four = [0.0f32; 4];
    // SAFETY: the caller vouches for `n` elements, of which there are at most 4.
    unsafe {
        std::ptr::copy_nonoverlapping(p, four.as_mut_ptr(), n);
        vld1q_f32(four.as_ptr())
    }
}

/// The other way.
#[inline(always)]
unsafe fn store_some(p: *mut f32, n: usize, v: float32x4_t) {
    let mut four = [0.0f32; 4];
    // SAFETY: as in `part`.
    unsafe {
        vst1q_f32(four.as_mut_ptr(), v);
        std::ptr::copy_nonoverlapping(four.as_ptr(), p, n);
    }
}

/// Four 16-bit floats, widened. By assembler: the type of a register of these is not stable yet.
#[inline(always)]
unsafe fn widen(p: *const f16) -> float32x4_t {
    let wide: float32x4_t;
    // SAFETY: the caller vouches for four elements; the instruction reads and writes registers alone.
    unsafe {
        let narrow = vld1_u16(p.cast());
        asm!("fcvtl {w:v}.4s, {n:v}.4h", w = lateout(vreg) wide, n = in(vreg) narrow, options(pure, nomem, nostack, preserves_flags));
    }
    wide
}

/// Four floats rounded to 16 bits, to nearest even, as the control register says that no program of ours changes.
#[inline(always)]
unsafe fn narrow(p: *mut f16, v: float32x4_t) {
    // SAFETY: as in `widen`.
    unsafe {
        let narrow: uint16x4_t;
        asm!("fcvtn {n:v}.4h, {w:v}.4s", n = lateout(vreg) narrow, w = in(vreg) v, options(pure, nomem, nostack, preserves_flags));
        vst1_u16(p.cast(), narrow);
    }
}

/// One bit for each element that is set.
#[inline(always)]
unsafe fn bits(mask: uint32x4_t) -> u32 {
    const PLACES: [u32; 4] = [1, 2, 4, 8];
    // SAFETY: four elements; every aarch64 has the instructions.
    unsafe { vaddvq_u32(vandq_u32(mask, vld1q_u32(PLACES.as_ptr()))) }
}

/// Asks for the cache line at `p`, which may point anywhere.
#[inline(always)]
pub(super) fn ask_for<T>(p: *const T) {
    // SAFETY: a hint, which reads nothing whatever the address.
    unsafe { asm!("prfm pldl1keep, [{p}]", p = in(reg) p, options(nomem, nostack, preserves_flags)) }
}

impl Simd for Neon {
    type V = float32x4_t;
    const W: usize = 4;
    const REGISTERS: usize = 32;
    methods! {
        fn splat(x: f32) -> float32x4_t = vdupq_n_f32(x);
        fn load(p: *const f32) -> float32x4_t = vld1q_f32(p);
        fn store(p: *mut f32, v: float32x4_t) = vst1q_f32(p, v);
        fn load_part(p: *const f32, n: usize) -> float32x4_t = part(p, n);
        fn store_part(p: *mut f32, n: usize, v: float32x4_t) = store_some(p, n, v);
        fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
        // By comparing, and not by fmax: of a NaN that gives NaN, and here the second is meant.
        fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcgtq_f32(a, b), a, b);
        fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcltq_f32(a, b), a, b);
        fn sqrt(a: float32x4_t) -> float32x4_t = vsqrtq_f32(a);
        fn round(a: float32x4_t) -> float32x4_t = vrndnq_f32(a);
        fn exp2(n: float32x4_t) -> float32x4_t = vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127))));
        fn where_positive(x: float32x4_t, v: float32x4_t) -> float32x4_t =
            vreinterpretq_f32_u32(vandq_u32(vcgtq_f32(x, vdupq_n_f32(0.0)), vreinterpretq_u32_f32(v)));
        fn where_below(x: float32x4_t, bound: f32, a: float32x4_t, b: float32x4_t) -> float32x4_t =
            vbslq_f32(vcltq_f32(vabsq_f32(x), vdupq_n_f32(bound)), a, b);
        fn at_least(a: float32x4_t, b: float32x4_t) -> u32 = bits(vcgeq_f32(a, b));
        fn sum(v: float32x4_t) -> f32 = vaddvq_f32(v);
        fn largest(v: float32x4_t) -> f32 = vmaxnmvq_f32(v);
        fn load_f16(p: *const f16) -> float32x4_t = widen(p);
        fn store_f16(p: *mut f16, v: float32x4_t) = narrow(p, v);
        fn prefetch(p: *const f16) = ask_for(p);
    }
}
