//! Products of dense matrices, each by the kernel that suits its size.

use crate::kernel::{dense::Product, gemm::product_blocked, product};

/// Elements of B up to which the kernel without packing is the faster one: 64 kB lie in the second-level cache of any CPU of today.
const SMALL: usize = 16 * 1024;

/// Computes `p` into `c`: B row-major with contiguous rows. Serial and deterministic: the choice of kernel hangs on sizes alone.
pub fn multiply(p: &Product<'_>, c: &mut [f32]) {
    if p.n.saturating_mul(p.k) <= SMALL || p.m < 4 { product(p, c) } else { product_blocked(p, 1, c) }
}

/// Computes A·Bᵀ for B of `n` × `k`, row-major without gaps, into `c` without gaps.
/// `turned` is Bᵀ as [`transpose`] makes it, where [`transposed_suits`] says so.
pub fn multiply_transposed(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], turned: Option<&[f32]>, c: &mut [f32]) {
    match turned {
        Some(t) => product(&Product::new(m, n, k, a, t), c),
        None => product_blocked(&Product { b_row: 1, ..Product::new(m, n, k, a, b) }, k, c),
    }
}

/// Whether a matrix of `rows` × `columns` is small enough that a transposed copy is faster than strides.
pub fn transposed_suits(rows: usize, columns: usize) -> bool {
    rows.saturating_mul(columns) <= SMALL
}

/// out (`columns` × `rows`) ← the transpose of `a` (`rows` × `columns`), both row-major without gaps. Panics on other lengths.
pub fn transpose(a: &[f32], rows: usize, columns: usize, out: &mut [f32]) {
    assert!(rows.checked_mul(columns) == Some(a.len()) && out.len() == a.len());
    for i in 0..rows {
        for j in 0..columns {
            out[j * rows + i] = a[i * columns + j];
        }
    }
}

/// out ← the sums of the first `rows` rows of `a`, which has rows of `out.len()`.
pub fn column_sums(a: &[f32], rows: usize, out: &mut [f32]) {
    product(&Product { a_row: 0, a_column: 0, ..Product::new(1, out.len(), rows, &[1.0], a) }, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn normals(n: usize, rng: &mut Rng) -> Vec<f32> {
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    #[test]
    fn sizes_of_zero_and_beyond_any_number() {
        const HALF: usize = 1 << (usize::BITS / 2);
        assert!(transposed_suits(0, usize::MAX) && !transposed_suits(HALF, HALF));
        for (m, n, k) in [(0, 0, 0), (0, 5, 0), (5, 0, 0), (5, 7, 0)] {
            let mut c = vec![7.0; m * n];
            multiply(&Product::new(m, n, k, &[], &[]), &mut c);
            assert!(c.iter().all(|x| *x == 0.0));
            for turned in [Some(&[][..]), None] {
                c.fill(7.0);
                multiply_transposed(m, n, k, &[], &[], turned, &mut c);
                assert!(c.iter().all(|x| *x == 0.0));
            }
        }
        transpose(&[], 0, usize::MAX, &mut []);
        let mut sums = [7.0; 3];
        column_sums(&[], 0, &mut sums);
        assert_eq!(sums, [0.0; 3]);
        column_sums(&[], 0, &mut []);
        let refused = |f: fn()| assert!(std::panic::catch_unwind(f).is_err());
        refused(|| multiply(&Product::new(HALF, HALF, HALF, &[], &[]), &mut []));
        refused(|| multiply_transposed(HALF, HALF, HALF, &[], &[], None, &mut []));
        refused(|| transpose(&[], HALF, HALF, &mut []));
    }

    #[test]
    fn both_kernels_give_the_same_product() {
        let mut rng = Rng::new(1);
        // The last is beyond SMALL.
        for (m, n, k) in [(3, 4, 5), (33, 64, 20), (40, 200, 150)] {
            let (a, b) = (normals(m * k, &mut rng), normals(k * n, &mut rng));
            let mut c = vec![0.0; m * n];
            multiply(&Product::new(m, n, k, &a, &b), &mut c);
            for (i, j) in [(0, 0), (m - 1, n - 1), (m / 2, n / 3)] {
                let exact: f64 = (0..k).map(|l| f64::from(a[i * k + l]) * f64::from(b[l * n + j])).sum();
                assert!((f64::from(c[i * n + j]) - exact).abs() < 1e-4);
            }
            let mut t = vec![0.0; k * n];
            transpose(&b, k, n, &mut t);
            let (mut d, mut e) = (vec![0.0; m * n], vec![0.0; m * n]);
            multiply_transposed(m, n, k, &a, &t, Some(&b), &mut d);
            multiply_transposed(m, n, k, &a, &t, None, &mut e);
            assert!(c.iter().zip(&d).zip(&e).all(|((c, d), e)| (c - d).abs() < 1e-4 && (c - e).abs() < 1e-4));
        }
    }
}
