//! The Gramian of many short rows, and the rows in the basis of its eigenvectors.

use super::symmetric;
use crate::base::number::AsReal;
use crate::base::{Context, Result, zeros};
use crate::kernel::dense::Product;
use crate::kernel::{axpy, product_blocked};

/// Rows that are summed up, or turned, at a time: fixed, so that the result does not depend on the number of threads.
const STRIP: usize = 2048;

/// Turns the `rows` (of `width` each) into the basis of the eigenvectors of their Gramian Σ (x − mean)(x − mean)ᵀ, in place; returns its
/// diagonal there, largest first: what is beside it is 0. Products of rows with each other stay what they were. `mean` is turned along;
/// zeros: the plain Gramian.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn eigenbasis(rows: &mut [f32], width: usize, mean: &mut [f32], ctx: &Context) -> Result<Vec<f32>> {
    let strips = rows.len().div_ceil((STRIP * width).max(1));
    let _booked = ctx.budget.take(strips * width * width * 4 + ctx.pool.threads() * STRIP * width * 4, "the Gramian")?;
    let (whole, centre): (&[f32], &[f32]) = (rows, mean);
    let mut parts: Vec<Result<Vec<f32>>> = (0..strips).map(|_| Ok(Vec::new())).collect();
    ctx.pool.each_mut(&mut parts, |s, part| {
        *part = ctx.check().and_then(|()| {
            let strip = &whole[s * STRIP * width..];
            let mut from = copy(&strip[..strip.len().min(STRIP * width)])?;
            from.chunks_exact_mut(width).for_each(|row| axpy(-1.0, centre, row));
            let mut sum = zeros(width * width)?;
            product_blocked(&Product::transposed(width, width, from.len() / width, &from, &from), 1, &mut sum);
            Ok(sum)
        });
    });
    let mut gram: Vec<f64> = zeros(width * width)?;
    for part in parts {
        gram.iter_mut().zip(part?).for_each(|(sum, x)| *sum += f64::from(x));
    }
    let (values, vectors) = symmetric(&mut gram, width, ctx)?;
    let basis: Vec<f32> = vectors.iter().map(|x| x.single()).collect();
    let turn = |rows: &mut [f32]| -> Result<()> {
        let from = copy(rows)?;
        product_blocked(&Product { b_row: 1, ..Product::new(rows.len() / width, width, width, &from, &basis) }, width, rows);
        Ok(())
    };
    turn(mean)?;
    let mut strips: Vec<(&mut [f32], Result<()>)> = rows.chunks_mut(STRIP * width).map(|s| (s, Ok(()))).collect();
    ctx.pool.each_mut(&mut strips, |_, (strip, done)| *done = ctx.check().and_then(|()| turn(strip)));
    strips.into_iter().try_for_each(|s| s.1)?;
    Ok(values.iter().map(|x| x.max(0.0).single()).collect())
}

fn copy(of: &[f32]) -> Result<Vec<f32>> {
    let mut out = zeros(of.len())?;
    out.copy_from_slice(of);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};
    use crate::kernel::dot;

    #[test]
    fn products_stay_and_the_gramian_is_a_diagonal() {
        let (n, width) = (5000, 6);
        let mut rng = Rng::new(1);
        let rows: Vec<f32> = (0..n * width).map(|i| (1.0 + (i % width) as f32) * rng.normal() as f32 + 0.3).collect();
        for shift in [0.0, 0.3] {
            let turned = |threads: usize| {
                let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
                let (mut rows, mut mean) = (rows.clone(), vec![shift; width]);
                let values =
                    eigenbasis(&mut rows, width, &mut mean, &Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet }).unwrap();
                (rows, mean, values)
            };
            let (after, mean, values) = turned(1);
            assert_eq!((after.clone(), mean.clone(), values.clone()), turned(3));
            assert!(values.is_sorted_by(|a, b| a >= b));
            for (i, j) in [(0, 1), (7, 7), (4999, 123)] {
                let (a, b) = (
                    dot(&rows[i * width..][..width], &rows[j * width..][..width]),
                    dot(&after[i * width..][..width], &after[j * width..][..width]),
                );
                assert!((a - b).abs() < 1e-4 * a.abs().max(1.0));
            }
            for i in 0..width {
                for j in 0..width {
                    let sum: f64 = after.chunks(width).map(|r| f64::from(r[i] - mean[i]) * f64::from(r[j] - mean[j])).sum();
                    let exact = if i == j { f64::from(values[i]) } else { 0.0 };
                    assert!((sum - exact).abs() < 1e-4 * f64::from(values[0]), "{i} {j}: {sum} {exact}");
                }
            }
        }
    }
}
