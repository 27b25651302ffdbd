//! The inverse of a symmetric positive definite matrix, in place, on all threads.

use crate::base::number::AsReal;
use crate::base::{Context, Error, Pool, Result, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::product;

/// Rows that are swept at once: as many as make the arithmetic outweigh the way of the matrix through memory. (This, the packed panel and
/// one fit where there had been two took `ease` on 12,101 items from 2.5 times as fast as numpy to 5.3; half of that is the one fit.)
const BLOCK: usize = 256;
/// Rows of a block that are swept at once while the block itself is inverted.
const INNER: usize = 64;
/// Columns of the panel that lie together, row after row: with all rows of a block a piece that the nearest caches hold.
/// (Only to transpose panels by cache lines gained nothing: 2.45 times numpy, 2.52 without.)
const STRIP: usize = 64;
/// Rows that a thread takes at a time: fixed, so that the result does not depend on the number of threads.
const ROWS: usize = 128;

/// Inverts the matrix whose lower triangle `a` (`n` × `n`, row-major) holds; the upper one is not read. Afterwards both triangles hold the
/// inverse.
///
/// The symmetric sweep (Goodnight 1979, "A tutorial on the SWEEP operator") by blocks: for each block K of rows, with D = A_KK⁻¹ and the
/// panel P = A_·K, A −= P D Pᵀ outside of K, then A_·K = P D, A_KK = −D; once every block is swept, A is −A⁻¹. n³ operations, nearly all in
/// products of the lower triangle: as few as Cholesky's factor and its inverse take together.
///
/// # Errors
/// [`crate::base::Code::Data`] when the matrix is not positive definite, [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn invert_symmetric(a: &mut [f32], n: usize, ctx: &Context) -> Result<()> {
    if a.len() != n * n {
        return Err(Error::internal(format!("A matrix of {n} rows has {} elements.", a.len())));
    }
    let _booked = ctx.budget.take((n + STRIP) * BLOCK * 8, "the panels of the inverse")?;
    sweep(a, n, BLOCK, 0, ctx)?;
    finish(a, n, ctx)
}

/// Sweeps all rows, `block` at once: −A⁻¹ in the lower triangle. The matrix begins at row `first` of the one that was asked for.
fn sweep(a: &mut [f32], n: usize, block: usize, first: usize, ctx: &Context) -> Result<()> {
    let block = block.min(n);
    let mut panel: Vec<f32> = zeros(n.div_ceil(STRIP) * STRIP * block)?;
    let mut scaled: Vec<f32> = zeros(n * block)?;
    for k in (0..n).step_by(block.max(1)) {
        let b = block.min(n - k);
        let mut strips: Vec<&mut [f32]> = panel[..n.div_ceil(STRIP) * STRIP * b].chunks_mut(STRIP * b).collect();
        ctx.pool.each_mut(&mut strips, |s, strip| gather(a, n, k, b, s * STRIP, strip));
        let mut d = vec![0.0; b * b];
        (0..b).for_each(|c| d[c * b..=c * b + c].copy_from_slice(&a[(k + c) * n + k..=(k + c) * n + k + c]));
        invert_block(&mut d, b, first + k, ctx)?;
        d.iter_mut().for_each(|x| *x = -*x);
        // −P D, row-major: n × b.
        let (panel, d) = (&panel[..n.div_ceil(STRIP) * STRIP * b], &d);
        let mut rows: Vec<&mut [f32]> = scaled[..n * b].chunks_mut(STRIP * b).collect();
        ctx.pool.each_mut(&mut rows, |s, out| {
            let p = Product::transposed(out.len() / b, b, b, &panel[s * STRIP * b..][..STRIP * b], d);
            product(&Product { a_column: STRIP, ..p }, out);
        });
        let (scaled, d) = (&scaled[..n * b], &d[..]);
        let mut rows: Vec<&mut [f32]> = a.chunks_mut(ROWS * n).collect();
        ctx.pool.each_mut(&mut rows, |r, out| {
            if ctx.check().is_ok() {
                update(out, r * ROWS, n, k, b, panel, scaled, d);
            }
        });
        ctx.check()?;
    }
    Ok(())
}

/// The rows from `i` on of the panel, those of the symmetric matrix's columns `k` to `k + b`, into a strip: each of its columns together.
fn gather(a: &[f32], n: usize, k: usize, b: usize, i: usize, strip: &mut [f32]) {
    for l in 0..STRIP.min(n - i) {
        let i = i + l;
        let own = (i + 1).saturating_sub(k).min(b);
        (0..own).for_each(|c| strip[c * STRIP + l] = a[i * n + k + c]);
        (own..b).for_each(|c| strip[c * STRIP + l] = a[(k + c) * n + i]);
    }
}

/// The rows from `first` on after the sweep of the rows `k` to `k + b`; `scaled` is −P D and `d` −D. Only the lower triangle counts.
#[allow(clippy::too_many_arguments)]
fn update(out: &mut [f32], first: usize, n: usize, k: usize, b: usize, panel: &[f32], scaled: &[f32], d: &[f32]) {
    let m = out.len() / n;
    if first < k || first + m > k + b {
        for (s, strip) in panel.chunks_exact(STRIP * b).enumerate().take((first + m).div_ceil(STRIP)) {
            let p = Product {
                m,
                n: STRIP.min(first + m - s * STRIP),
                k: b,
                a: &scaled[first * b..],
                a_row: b,
                a_column: 1,
                b: strip,
                b_row: STRIP,
                c_row: n,
                start: Start::Keep,
                relu: false,
            };
            product(&p, &mut out[s * STRIP..]);
        }
    }
    // The block's own rows and columns.
    let own = k.max(first)..(k + b).min(first + m);
    for i in (0..k).step_by(STRIP) {
        for row in own.clone() {
            let to = &mut out[(row - first) * n..][i..(i + STRIP).min(k)];
            to.iter_mut().zip(scaled[i * b..].iter().skip(row - k).step_by(b)).for_each(|(x, y)| *x = -y);
        }
    }
    for (row, out) in (first..first + m).zip(out.chunks_exact_mut(n)).skip(k.saturating_sub(first)) {
        let from = if row < k + b { &d[(row - k) * b..][..b] } else { &scaled[row * b..][..b] };
        let sign = if row < k + b { 1.0 } else { -1.0 };
        out[k..k + b].iter_mut().zip(from).for_each(|(x, y)| *x = sign * y);
    }
}

/// Turns the signs of a swept matrix, and copies its lower triangle onto the upper one.
fn finish(a: &mut [f32], n: usize, ctx: &Context) -> Result<()> {
    let mut rows: Vec<&mut [f32]> = a.chunks_mut(ROWS * n.max(1)).collect();
    ctx.pool.each_mut(&mut rows, |r, rows| {
        rows.chunks_exact_mut(n).enumerate().for_each(|(i, row)| row[..=r * ROWS + i].iter_mut().for_each(|x| *x = -*x));
    });
    mirror(a, n, 0, n, ctx)
}

/// Copies what is below the diagonal of the rows and columns `from` to `to` to the places above it: the lower left quarter onto the upper
/// right one, then the same with the two other quarters.
fn mirror(a: &mut [f32], n: usize, from: usize, to: usize, ctx: &Context) -> Result<()> {
    ctx.check()?;
    if to - from <= STRIP {
        (from..to).for_each(|i| (from..i).for_each(|j| a[j * n + i] = a[i * n + j]));
        return Ok(());
    }
    let middle = from + ((to - from) / 2).next_multiple_of(STRIP);
    let (above, below) = a.split_at_mut(middle * n);
    let mut rows: Vec<&mut [f32]> = above[from * n..].chunks_mut(STRIP * n).collect();
    ctx.pool.each_mut(&mut rows, |r, rows| {
        for left in (middle..to).step_by(STRIP) {
            for (j, row) in (from + r * STRIP..).zip(rows.chunks_exact_mut(n)) {
                (left..(left + STRIP).min(to)).for_each(|i| row[i] = below[(i - middle) * n + j]);
            }
        }
    });
    mirror(a, n, from, middle, ctx)?;
    mirror(a, n, middle, to, ctx)
}

/// The inverse, in both triangles, of a block of `b` rows of which `d` holds the lower triangle; it stands at row `k`.
fn invert_block(d: &mut [f32], b: usize, k: usize, ctx: &Context) -> Result<()> {
    if b > INNER {
        let alone = Pool::single();
        let ctx = Context { pool: &alone, ..*ctx };
        sweep(d, b, INNER, k, &ctx)?;
        return finish(d, b, &ctx);
    }
    // By Gauss and Jordan in double precision.
    let mut m: Vec<f64> = (0..b * b).map(|x| f64::from(d[(x / b).max(x % b) * b + (x / b).min(x % b)])).collect();
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
    d.iter_mut().zip(&m).for_each(|(x, &y)| *x = y.single());
    Ok(())
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
        for n in [1, 5, 63, 64, 65, 129, 256, 300, 520] {
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
