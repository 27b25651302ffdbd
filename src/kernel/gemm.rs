//! Products of matrices that the caches do not hold: the blocked GEMM of the `gemm` crate, on the calling thread.
//!
//! Serial on purpose: a product that is split over threads by the caller, into parts that do not depend on the thread count,
//! gives the same bits with any number of threads.

use super::dense::{Product, Start};

/// Computes `p` into `c` as [`super::product`] does, B with any strides: (i, j) of B is at `i · b_row + j · b_column`.
/// Panics where an element would lie outside its slice.
pub fn product_blocked(p: &Product<'_>, b_column: usize, c: &mut [f32]) {
    assert!(p.fits(b_column, c));
    if p.m == 0 || p.n == 0 {
        return;
    }
    if let Start::Row(row) = p.start {
        for i in 0..p.m {
            c[i * p.c_row..][..p.n].copy_from_slice(row);
        }
    }
    if p.k > 0 {
        // A stride that leads to a second element is shorter than its slice; any other is not used, and is cut to what fits.
        let stride = |s: usize, of: usize| s.min(of) as isize;
        let (a, b, row) = (p.a.len(), p.b.len(), stride(p.c_row, c.len()));
        // SAFETY: `fits` has checked that every element of A, B and C lies inside its slice, and there is at least one of each. No length
        // of a slice is more than an isize holds.
        unsafe {
            gemm::gemm(
                p.m,
                p.n,
                p.k,
                c.as_mut_ptr(),
                1,
                row,
                p.start != Start::Zero,
                p.a.as_ptr(),
                stride(p.a_column, a),
                stride(p.a_row, a),
                p.b.as_ptr(),
                stride(b_column, b),
                stride(p.b_row, b),
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    } else if p.start == Start::Zero {
        (0..p.m).for_each(|i| c[i * p.c_row..][..p.n].fill(0.0));
    }
    if p.relu {
        for i in 0..p.m {
            super::relu(&mut c[i * p.c_row..][..p.n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::check::{near, normals};
    use crate::kernel::product;

    #[test]
    fn agrees_with_the_small_kernel() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (70, 33, 129), (128, 300, 64)] {
            let (a, b, r, c) = (normals(1, m * k), normals(2, k * n), normals(3, n), normals(4, m * n));
            for start in [Start::Zero, Start::Keep, Start::Row(&r)] {
                for p in [
                    Product { start, relu: true, ..Product::new(m, n, k, &a, &b) },
                    Product { start, ..Product::transposed(m, n, k, &a, &b) },
                ] {
                    let (mut x, mut y) = (c.clone(), c.clone());
                    product(&p, &mut x);
                    product_blocked(&p, 1, &mut y);
                    near(&x, &y, 1e-4, "blocked");
                }
            }
            // B by columns.
            let turned: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
            let p = Product::new(m, n, k, &a, &b);
            let q = Product { b: &turned, b_row: 1, ..p };
            let (mut x, mut y) = (c.clone(), c.clone());
            product(&p, &mut x);
            product_blocked(&q, k, &mut y);
            near(&x, &y, 1e-4, "B by columns");
        }
    }
}
