//! The vector types that bodies are written over, and the choice between them.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// An instruction set that this process may use. Only [`level`] and [`levels`] make one, after asking the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Plain loops, the specification.
    Portable,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// The above and AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// Every level of this CPU, the plainest first.
pub(super) fn levels() -> Vec<Level> {
    let mut found = vec![Level::Portable];
    // No need to ask: it is part of the architecture.
    #[cfg(target_arch = "aarch64")]
    found.push(Level::Neon);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
        found.push(Level::Avx2);
        if is_x86_feature_detected!("avx512f") {
            found.push(Level::Avx512);
        }
    }
    found
}

/// The best level of this CPU, found once.
#[inline]
pub(super) fn level() -> Level {
    static FOUND: AtomicU8 = AtomicU8::new(0);
    match FOUND.load(Relaxed) {
        1 => Level::Portable,
        #[cfg(target_arch = "x86_64")]
        2 => Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        3 => Level::Avx512,
        #[cfg(target_arch = "aarch64")]
        2 => Level::Neon,
        _ => find(&FOUND),
    }
}

#[cold]
fn find(found: &AtomicU8) -> Level {
    let levels = levels();
    found.store(levels.len() as u8, Relaxed);
    levels[levels.len() - 1]
}

/// Vectors of `W` floats. Every method has one condition: the CPU has the instructions of `Self`; those that take a pointer need
/// it valid for `W` (or `n` ≤ `W`) elements, of any alignment.
pub(super) trait Simd: Copy {
    /// The register.
    type V: Copy;
    /// Floats in a register.
    const W: usize;
    /// Registers of the CPU: bounds the tiles of the matrix product.
    const REGISTERS: usize;
    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    /// The first `n` elements, zeros behind.
    unsafe fn load_part(p: *const f32, n: usize) -> Self::V;
    /// Writes the first `n` elements only.
    unsafe fn store_part(p: *mut f32, n: usize, v: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`, rounded once.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger; `b` where either is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` where either is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// To the nearest integer.
    unsafe fn round(a: Self::V) -> Self::V;
    /// 2ⁿ for integers −126 ≤ `n` ≤ 127.
    unsafe fn exp2(n: Self::V) -> Self::V;
    /// `v` where `x` > 0, else 0.
    unsafe fn where_positive(x: Self::V, v: Self::V) -> Self::V;
    /// `a` where |`x`| < `bound`, else `b`.
    unsafe fn where_below(x: Self::V, bound: f32, a: Self::V, b: Self::V) -> Self::V;
    /// Which elements of `a` are at least those of `b`: bit i for element i; none where either is NaN.
    unsafe fn at_least(a: Self::V, b: Self::V) -> u32;
    unsafe fn sum(v: Self::V) -> f32;
    unsafe fn largest(v: Self::V) -> f32;
    /// `W` 16-bit floats, widened.
    unsafe fn load_f16(p: *const ::half::f16) -> Self::V;
    /// Rounds to 16-bit floats, to nearest even.
    unsafe fn store_f16(p: *mut ::half::f16, v: Self::V);
    /// Asks for the cache line at `p`, which may point anywhere: nothing is read.
    unsafe fn prefetch(p: *const ::half::f16);
}

/// Methods that are one expression of intrinsics each.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! methods {
    ($(fn $name:ident($($a:ident: $t:ty),*) $(-> $r:ty)? = $e:expr;)*) => {
        // What every CPU of an architecture has needs no vouching for.
        $(#[allow(unused_unsafe)]
        #[inline(always)]
        unsafe fn $name($($a: $t),*) $(-> $r)? {
            // SAFETY: the caller of a method of `Simd` vouches for the instructions and the pointer.
            unsafe { $e }
        })*
    };
}

#[cfg(target_arch = "aarch64")]
pub(super) use methods;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use ::half::f16;
    use std::arch::x86_64::*;

    /// 16 floats, 32 registers.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512;

    impl Simd for Avx512 {
        type V = __m512;
        const W: usize = 16;
        const REGISTERS: usize = 32;
        methods! {
            fn splat(x: f32) -> __m512 = _mm512_set1_ps(x);
            fn load(p: *const f32) -> __m512 = _mm512_loadu_ps(p);
            fn store(p: *mut f32, v: __m512) = _mm512_storeu_ps(p, v);
            fn load_part(p: *const f32, n: usize) -> __m512 = _mm512_maskz_loadu_ps(((1u32 << n) - 1) as u16, p);
            fn store_part(p: *mut f32, n: usize, v: __m512) = _mm512_mask_storeu_ps(p, ((1u32 << n) - 1) as u16, v);
            fn add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
            fn sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
            fn mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
            fn div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
            fn fma(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
            fn max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
            fn min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
            fn sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
            fn round(a: __m512) -> __m512 = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
            fn exp2(n: __m512) -> __m512 =
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127))));
            fn where_positive(x: __m512, v: __m512) -> __m512 = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, _mm512_setzero_ps()), v);
            fn where_below(x: __m512, bound: f32, a: __m512, b: __m512) -> __m512 =
                _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(_mm512_abs_ps(x), _mm512_set1_ps(bound)), b, a);
            fn at_least(a: __m512, b: __m512) -> u32 = u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b));
            fn sum(v: __m512) -> f32 = _mm512_reduce_add_ps(v);
            fn largest(v: __m512) -> f32 = _mm512_reduce_max_ps(v);
            fn load_f16(p: *const f16) -> __m512 = _mm512_cvtph_ps(_mm256_loadu_si256(p.cast()));
            fn store_f16(p: *mut f16, v: __m512) = _mm256_storeu_si256(p.cast(), _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v));
            fn prefetch(p: *const f16) = _mm_prefetch::<_MM_HINT_T0>(p.cast());
        }
    }

    /// 8 floats, 16 registers.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2;

    /// The first `n` lanes set.
    #[inline(always)]
    unsafe fn lanes(n: usize) -> __m256i {
        const ONES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: 8 elements from 8 - n on lie inside for n <= 8; the caller vouches for AVX2.
        unsafe { _mm256_loadu_si256(ONES.as_ptr().add(8 - n).cast()) }
    }

    /// The four lower and the four upper elements, joined by `f` down to one.
    macro_rules! fold {
        ($v:expr, $four:ident, $one:ident) => {{
            let x = $four(_mm256_castps256_ps128($v), _mm256_extractf128_ps::<1>($v));
            let x = $four(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32($one(x, _mm_movehdup_ps(x)))
        }};
    }

    impl Simd for Avx2 {
        type V = __m256;
        const W: usize = 8;
        const REGISTERS: usize = 16;
        methods! {
            fn splat(x: f32) -> __m256 = _mm256_set1_ps(x);
            fn load(p: *const f32) -> __m256 = _mm256_loadu_ps(p);
            fn store(p: *mut f32, v: __m256) = _mm256_storeu_ps(p, v);
            fn load_part(p: *const f32, n: usize) -> __m256 = _mm256_maskload_ps(p, lanes(n));
            fn store_part(p: *mut f32, n: usize, v: __m256) = _mm256_maskstore_ps(p, lanes(n), v);
            fn add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
            fn sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
            fn mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
            fn div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
            fn fma(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
            fn max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
            fn min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
            fn sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
            fn round(a: __m256) -> __m256 = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
            fn exp2(n: __m256) -> __m256 =
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127))));
            fn where_positive(x: __m256, v: __m256) -> __m256 = _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, _mm256_setzero_ps()), v);
            fn where_below(x: __m256, bound: f32, a: __m256, b: __m256) -> __m256 = {
                let size = _mm256_andnot_ps(_mm256_set1_ps(-0.0), x);
                _mm256_blendv_ps(b, a, _mm256_cmp_ps::<_CMP_LT_OQ>(size, _mm256_set1_ps(bound)))
            };
            fn at_least(a: __m256, b: __m256) -> u32 = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(a, b)) as u32;
            fn sum(v: __m256) -> f32 = fold!(v, _mm_add_ps, _mm_add_ss);
            fn largest(v: __m256) -> f32 = fold!(v, _mm_max_ps, _mm_max_ss);
            fn load_f16(p: *const f16) -> __m256 = _mm256_cvtph_ps(_mm_loadu_si128(p.cast()));
            fn store_f16(p: *mut f16, v: __m256) = _mm_storeu_si128(p.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v));
            fn prefetch(p: *const f16) = _mm_prefetch::<_MM_HINT_T0>(p.cast());
        }
    }
}

/// Makes the public function `name` of a kernel, and `at`, the same at a given level, for the tests.
///
/// The condition is checked before either body runs: it is what the vector body may rely on.
macro_rules! kernel {
    ($(#[$doc:meta])* $name:ident, $at:ident($($a:ident: $t:ty),* $(,)?) $(-> $r:ty)? => $check:expr, $portable:ident, $simd:ident $(,)?) => {
        $(#[$doc])*
        #[inline]
        #[allow(clippy::too_many_arguments)]
        pub fn $name($($a: $t),*) $(-> $r)? {
            $at($crate::kernel::simd::level(), $($a),*)
        }

        #[inline]
        #[allow(clippy::too_many_arguments)]
        fn $at(level: $crate::kernel::simd::Level, $($a: $t),*) $(-> $r)? {
            use $crate::kernel::simd::Level;
            #[cfg(target_arch = "x86_64")]
            use $crate::kernel::simd::{Avx2, Avx512};
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma,f16c")]
            fn avx512($($a: $t),*) $(-> $r)? {
                // SAFETY: this function has the instructions; the lengths were checked below.
                unsafe { $simd::<Avx512>($($a),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2($($a: $t),*) $(-> $r)? {
                // SAFETY: this function has the instructions; the lengths were checked below.
                unsafe { $simd::<Avx2>($($a),*) }
            }
            assert!($check);
            match level {
                Level::Portable => $portable($($a),*),
                // SAFETY: a `Level` is made only where the CPU has its instructions.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { avx512($($a),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2($($a),*) },
                // SAFETY: every aarch64 has the instructions; the lengths were checked above.
                #[cfg(target_arch = "aarch64")]
                Level::Neon => unsafe { $simd::<$crate::kernel::neon::Neon>($($a),*) },
            }
        }
    };
}
pub(super) use kernel;

/// `out[i] = body` for `i` below `n`, the inputs `x = pointer` read as registers; the rest shorter than a register by partial loads.
macro_rules! map {
    ($S:ident, $n:expr, $out:expr, $($x:ident = $p:expr),+ => $body:expr) => {{
        let (n, mut i) = ($n, 0);
        while i + $S::W <= n {
            $(let $x = $S::load($p.add(i));)+
            $S::store($out.add(i), $body);
            i += $S::W;
        }
        if i < n {
            $(let $x = $S::load_part($p.add(i), n - i);)+
            $S::store_part($out.add(i), n - i, $body);
        }
    }};
}
pub(super) use map;
