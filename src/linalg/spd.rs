//! The inverse of a symmetric positive definite matrix, in place, on all threads.

use crate::base::{Context, Error, Result, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::product_blocked;

/// Rows of a block: its own inverse is a sliver of the work, and a panel of it stays in the caches.
const BLOCK: usize = 128;

/// Inverts the matrix whose lower triangle `a` (`n` × `n`, row-major) holds; the upper one is not read. Afterwards both triangles hold the inverse.
///
/// The symmetric sweep (Goodnight 1979, "A tutorial on the SWEEP operator") by blocks: for each block K of rows, with D = A_KK⁻¹ and the panel P = A_·K,
/// A −= P D Pᵀ outside of K, then A_·K = P D, A_KK = −D; once every block is swept, A is −A⁻¹. n³ multiplications and additions, nearly all in products.
///
/// # Errors
/// [`crate::base::Code::Data`] when the matrix is not positive definite, [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn invert_symmetric(a: &mut [f32], n: usize, ctx: &Context) -> Result<()> {
    if a.len() != n * n {
        return Err(Error::internal(format!("A matrix of {n} rows has {} elements.", a.len())));
    }
    let _booked = ctx.budget.take(n * BLOCK * 8, "the panels of the inverse")?;
    let mut panel: Vec<f32> = zeros(n * BLOCK)?;
    let mut scaled: Vec<f32> = zeros(n * BLOCK)?;
    for k in (0..n).step_by(BLOCK) {
        let b = BLOCK.min(n - k);
        // The panel, transposed: row c is column k + c of the whole symmetric matrix.
        for i in 0..n {
            for c in 0..b {
                panel[c * n + i] = if i >= k + c { a[i * n + k + c] } else { a[(k + c) * n + i] };
            }
        }
        let d = invert_block(&panel, n, k, b)?;
        let (pt, step) = (&panel[..b * n], BLOCK * b);
        // P D, row-major: n × b.
        let mut rows: Vec<&mut [f32]> = scaled[..n * b].chunks_mut(step).collect();
        ctx.pool.each_mut(&mut rows, |r, out| {
            let m = out.len() / b;
            product_blocked(
                &Product {
                    m,
                    n: b,
                    k: b,
                    a: &pt[r * BLOCK..],
                    a_row: 1,
                    a_column: n,
                    b: &d,
                    b_row: b,
                    c_row: b,
                    start: Start::Zero,
                    relu: false,
                },
                1,
                out,
            );
        });
        // A −= (P D) Pᵀ in the lower triangle, outside of the block's own rows and columns, which are overwritten below.
        scaled[..n * b].iter_mut().for_each(|x| *x = -*x);
        let negative = &scaled[..n * b];
        let mut rows: Vec<&mut [f32]> = a.chunks_mut(BLOCK * n).collect();
        ctx.pool.each_mut(&mut rows, |r, out| {
            let (first, m) = (r * BLOCK, out.len() / n);
            if first == k || ctx.check().is_err() {
                return;
            }
            let p = Product {
                m,
                n: first + m,
                k: b,
                a: &negative[first * b..],
                a_row: b,
                a_column: 1,
                b: pt,
                b_row: n,
                c_row: n,
                start: Start::Keep,
                relu: false,
            };
            product_blocked(&p, 1, out);
        });
        ctx.check()?;
        for i in 0..n {
            for c in 0..b {
                let x = -negative[i * b + c];
                if i >= k + b {
                    a[i * n + k + c] = x;
                } else if i < k {
                    a[(k + c) * n + i] = x;
                } else {
                    a[i * n + k + c] = -d[(i - k) * b + c];
                }
            }
        }
    }
    // By tiles, since one of the two triangles is walked down its columns.
    for top in (0..n).step_by(BLOCK) {
        ctx.check()?;
        for left in (0..=top).step_by(BLOCK) {
            for i in top..(top + BLOCK).min(n) {
                for j in left..(left + BLOCK).min(i + 1) {
                    let x = -a[i * n + j];
                    a[i * n + j] = x;
                    a[j * n + i] = x;
                }
            }
        }
    }
    Ok(())
}

/// The inverse of the block of `b` rows at `k` of the matrix whose transposed panel `panel` holds, by Gauss and Jordan in double precision.
fn invert_block(panel: &[f32], n: usize, k: usize, b: usize) -> Result<Vec<f32>> {
    let mut m: Vec<f64> = (0..b * b).map(|x| f64::from(panel[(x % b) * n + k + x / b])).collect();
    for p in 0..b {
        let pivot = m[p * b + p];
        if pivot.is_nan() || pivot <= 0.0 {
            return Err(Error::new(crate::base::Code::Data, "a matrix is not positive definite")
                .detail(format!("Its pivot {} is {pivot}.", k + p + 1))
                .hint("Raise the parameter \"regularization\"."));
        }
        m[p * b + p] = 1.0;
        m[p * b..(p + 1) * b].iter_mut().for_each(|x| *x /= pivot);
        for i in (0..b).filter(|&i| i != p) {
            let f = std::mem::take(&mut m[i * b + p]);
            for j in 0..b {
                m[i * b + j] -= f * m[p * b + j];
            }
        }
    }
    Ok(m.iter().map(|&x| x as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Code, Pool, Quiet, Rng};

    fn inverse(a: &[f32], n: usize, threads: usize) -> Result<Vec<f32>> {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let mut x = a.to_vec();
        invert_symmetric(&mut x, n, &ctx)?;
        Ok(x)
    }

    #[test]
    fn the_product_with_the_inverse_is_one_at_any_size_and_thread_count() {
        for n in [1, 5, 127, 128, 129, 300] {
            let mut rng = Rng::new(n as u64);
            let x: Vec<f32> = (0..n * n).map(|_| rng.normal() as f32).collect();
            // XᵀX / n + 1, lower triangle; rubbish above, which must not be read.
            let full =
                |i: usize, j: usize| (0..n).map(|l| x[l * n + i] * x[l * n + j]).sum::<f32>() / n as f32 + f32::from(u8::from(i == j));
            let a: Vec<f32> = (0..n * n).map(|p| if p % n <= p / n { full(p / n, p % n) } else { f32::NAN }).collect();
            let b = inverse(&a, n, 1).unwrap();
            assert_eq!(b, inverse(&a, n, 3).unwrap());
            for (i, j) in (0..n).map(|i| (i, (i * 7) % n)).chain((0..n).map(|i| (i, i))) {
                let one: f32 = (0..n).map(|l| full(i, l) * b[l * n + j]).sum();
                assert!((one - f32::from(u8::from(i == j))).abs() < 2e-4, "n = {n}, ({i}, {j}): {one}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        assert_eq!(inverse(&[1.0, 0.0, 2.0, 1.0], 2, 1).unwrap_err().code, Code::Data);
    }
}
