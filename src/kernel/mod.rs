//! SIMD over slices: knows only slices, no matrices, no threads.
//!
//! Every operation has a portable loop, which is its specification, and one body written over [`simd::Simd`] that is compiled
//! for AVX2 + FMA + F16C and for AVX-512. Which one runs is found once per process. On one type of CPU the same input gives the
//! same bits, always; between types the last bits differ.

#![allow(unsafe_code)]

pub mod above;
pub mod activation;
pub mod aligned;
pub mod bce;
pub mod dense;
pub mod gemm;
pub mod half;
pub mod linear;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod optimise;
pub mod pairwise;
mod simd;
pub mod softmax;
pub mod topk;
pub mod vector;
pub mod wide;

pub use above::{above, highest};
pub use activation::{LEAK, leaky, leaky_back, relu, relu_back, sigmoid, sigmoid_back, tanh, tanh_back};
pub use aligned::Aligned;
pub use bce::bce;
pub use dense::{dense_row, product};
pub use gemm::product_blocked;
pub use half::{dot_f16, dots_f16, from_f16, to_f16};
pub use linear::{Scales, scaled};
pub use optimise::{AdamStep, adam};
pub use pairwise::pairwise;
pub use softmax::{exp_shifted, softmax};
pub use topk::{Best, top_k};
pub use vector::{axpy, axpy4, dot, max, prefetch, scale, sum, sum_squares};
pub use wide::accumulate;

/// The instruction set in use, for reports: `avx512`, `avx2` or `portable`.
pub fn instruction_set() -> &'static str {
    match simd::level() {
        simd::Level::Portable => "portable",
        #[cfg(target_arch = "x86_64")]
        simd::Level::Avx2 => "avx2",
        #[cfg(target_arch = "x86_64")]
        simd::Level::Avx512 => "avx512",
        #[cfg(target_arch = "aarch64")]
        simd::Level::Neon => "neon",
    }
}

/// What the tests of this room share.
#[cfg(test)]
mod check {
    use super::simd::{Level, levels};
    use crate::base::Rng;

    /// Lengths around every vector width and unrolling, and one long.
    pub(super) const LENGTHS: [usize; 22] = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 100, 129, 1000];

    /// `f` at every level with every length.
    pub(super) fn each_level_and_length(f: impl Fn(Level, usize)) {
        each_level(|level| LENGTHS.into_iter().for_each(|n| f(level, n)))
    }

    /// Calls `f` for every SIMD level that this CPU has; says aloud which it has not.
    pub(super) fn each_level(f: impl Fn(Level)) {
        let found = levels();
        if cfg!(target_arch = "x86_64") && found.len() < 3 {
            eprintln!("this CPU lacks AVX-512 or AVX2: only {found:?} are tested");
        }
        found.into_iter().for_each(f)
    }

    /// `n` normal numbers.
    pub(super) fn normals(seed: u64, n: usize) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// Fails unless `a` and `b` agree to `tolerance`, relative to the larger of 1 and the value.
    pub(super) fn near(a: &[f32], b: &[f32], tolerance: f32, what: &str) {
        assert_eq!(a.len(), b.len());
        for (i, (x, y)) in a.iter().zip(b).enumerate() {
            let same = (x.is_nan() && y.is_nan()) || x == y;
            assert!(same || (x - y).abs() <= tolerance * y.abs().max(1.0), "{what}: element {i} of {}: {x} against {y}", a.len());
        }
    }
}
