//! The leading eigenvectors of a symmetric matrix.

use super::{multiply, symmetric};
use crate::base::number::AsReal;
use crate::base::{Code, Context, Error, Result, Rng, zeros};
use crate::kernel::dense::Product;

/// Directions that are followed beside those asked for: they make the iteration converge faster.
const BESIDE: usize = 8;
/// Turns of the iteration at most.
const TURNS: usize = 200;
/// The iteration ends when the sum of the values changes by less than this share.
const STILL: f64 = 1e-7;
/// Rows of the product that a thread computes at a time.
const STRIP: usize = 256;
/// Rows between two looks at whether to go on.
const ROWS: usize = 4096;

/// The `k` largest eigenvalues of the symmetric positive semidefinite `a` (`n` × `n`, row-major), largest first, and their vectors as rows
/// (`k` × `n`), each of length 1 with its largest element positive. `k` is at most `n`.
///
/// Orthogonal iteration with a Rayleigh-Ritz step (Halko, Martinsson & Tropp 2011, algorithm 4.4, iterated until the values stand still);
/// exact where `k` is near `n`. The same for any number of threads.
///
/// # Errors
/// [`Code::Data`] for a matrix that is not finite; [`Code::OutOfMemory`], [`Code::Cancelled`].
pub fn leading(a: &[f32], n: usize, k: usize, ctx: &Context<'_>) -> Result<(Vec<f64>, Vec<f32>)> {
    if a.len() != n * n || k > n {
        return Err(Error::internal(format!("{k} eigenvectors of a matrix of {n} rows and {} elements.", a.len())));
    }
    if k == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    if !a.iter().all(|x| x.is_finite()) {
        return Err(Error::new(Code::Data, "the columns' covariance is no finite number").hint("Scale the columns in a view."));
    }
    leading_of(n, k, TURNS, |q, m, out| times(a, q, n, m, out, ctx), ctx)
}

/// [`leading`] for a matrix that is known by its product with others: `times(q, m, out)` writes that with `q` (`n` × `m`) into `out`. After
/// `turns` the iteration ends, whether the values stand still or not: a few give directions good enough to describe with. Values may be
/// below 0 where the matrix is not positive semidefinite.
///
/// # Errors
/// [`Code::OutOfMemory`], [`Code::Cancelled`].
pub fn leading_of(
    n: usize,
    k: usize,
    turns: usize,
    times: impl Fn(&[f32], usize, &mut [f32]),
    ctx: &Context<'_>,
) -> Result<(Vec<f64>, Vec<f32>)> {
    let m = (k + BESIDE).min(n);
    let _held = ctx.budget.take(n.saturating_mul(m).saturating_mul(16), "the eigenvectors")?;
    let mut q: Vec<f32> = zeros(n * m)?;
    let mut rng = Rng::stream(0, 0x65);
    for (i, x) in q.iter_mut().enumerate() {
        ctx.check_at(i)?;
        *x = rng.normal().single();
    }
    let mut aq: Vec<f32> = zeros(n * m)?;
    orthonormal(&mut q, n, m, &mut rng, ctx)?;
    let (mut values, mut before) = (Vec::new(), 0.0);
    for turn in 0..turns {
        ctx.check()?;
        times(&q, m, &mut aq);
        // Rayleigh-Ritz: the eigenvectors of QᵀAQ turn Q towards those of A.
        let mut small = vec![0.0f64; m * m];
        for i in 0..n {
            if i % ROWS == 0 {
                ctx.check()?;
            }
            for c in 0..m {
                let x = f64::from(q[i * m + c]);
                for d in 0..m {
                    small[c * m + d] += x * f64::from(aq[i * m + d]);
                }
            }
        }
        // What products in 32 bits left unsymmetric.
        for i in 0..m {
            for j in 0..i {
                small[i * m + j] = 0.5 * (small[i * m + j] + small[j * m + i]);
            }
        }
        let (found, turned) = symmetric(&mut small, m, ctx)?;
        values = found;
        let sum: f64 = values[..k].iter().sum();
        let still = (sum - before).abs() <= STILL * sum.abs();
        // The last turn, and one of all directions, needs no further step.
        let last = turn + 1 == turns || m == n || (turn > 2 && still);
        let from = if last { &q } else { &aq };
        let mut next: Vec<f32> = zeros(n * m)?;
        for i in 0..n {
            if i % ROWS == 0 {
                ctx.check()?;
            }
            for d in 0..m {
                next[i * m + d] = (0..m).map(|c| f64::from(from[i * m + c]) * turned[d * m + c]).sum::<f64>().single();
            }
        }
        q = next;
        if last {
            break;
        }
        orthonormal(&mut q, n, m, &mut rng, ctx)?;
        before = sum;
    }
    let mut vectors: Vec<f32> = zeros(k * n)?;
    for (c, v) in vectors.chunks_exact_mut(n.max(1)).enumerate() {
        ctx.check()?;
        v.iter_mut().enumerate().for_each(|(i, x)| *x = q[i * m + c]);
        let length = v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let largest = v.iter().fold(0.0f32, |l, x| if x.abs() > l.abs() { *x } else { l });
        let scale = (f64::from(largest.signum()) / length.max(f64::MIN_POSITIVE)) as f32;
        v.iter_mut().for_each(|x| *x *= scale);
    }
    values.truncate(k);
    Ok((values, vectors))
}

/// out ← A·Q, strip by strip over the threads.
fn times(a: &[f32], q: &[f32], n: usize, m: usize, out: &mut [f32], ctx: &Context<'_>) {
    let mut strips: Vec<&mut [f32]> = out.chunks_mut(STRIP * m).collect();
    ctx.pool.each_mut(&mut strips, |s, out| {
        let rows = out.len() / m;
        multiply(&Product::new(rows, m, n, &a[s * STRIP * n..][..rows * n], q), out);
    });
}

/// Makes the columns of `q` (`n` × `m`) orthonormal (Gram & Schmidt, modified, twice); a column that is none gets a random one instead.
///
/// # Errors
/// [`Code::Cancelled`].
fn orthonormal(q: &mut [f32], n: usize, m: usize, rng: &mut Rng, ctx: &Context<'_>) -> Result<()> {
    let column = |c: usize| ctx.check().map(|()| (0..n).map(|i| f64::from(q[i * m + c])).collect());
    let mut columns: Vec<Vec<f64>> = (0..m).map(column).collect::<Result<_>>()?;
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    for c in 0..m {
        let (done, rest) = columns.split_at_mut(c);
        let v = &mut rest[0];
        let mut whole = norm(v);
        for turn in 0..6 {
            for d in done.iter() {
                ctx.check()?;
                let dot: f64 = d.iter().zip(v.iter()).map(|(x, y)| x * y).sum();
                v.iter_mut().zip(d).for_each(|(x, y)| *x -= dot * y);
            }
            let left = norm(v);
            if left > 0.5 * whole && left > 0.0 {
                break;
            }
            if left <= 1e-9 * whole.max(f64::MIN_POSITIVE) && turn < 4 {
                v.iter_mut().for_each(|x| *x = rng.normal());
            }
            whole = norm(v);
        }
        let length = norm(v).max(f64::MIN_POSITIVE);
        v.iter_mut().for_each(|x| *x /= length);
    }
    for (c, v) in columns.iter().enumerate() {
        ctx.check()?;
        v.iter().enumerate().for_each(|(i, x)| q[i * m + c] = x.single());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};

    /// A covariance of `n` columns whose values fall by `decay`.
    fn covariance(n: usize, decay: f64) -> Vec<f32> {
        let mut rng = Rng::new(3);
        let mut q: Vec<f32> = (0..n * n).map(|_| rng.normal() as f32).collect();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        orthonormal(&mut q, n, n, &mut rng, &Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet }).unwrap();
        let mut a = vec![0.0f32; n * n];
        for i in 0..n {
            for j in 0..n {
                let x: f64 = (0..n).map(|c| decay.powi(c as i32) * f64::from(q[i * n + c]) * f64::from(q[j * n + c])).sum();
                a[i * n + j] = x as f32;
            }
        }
        a
    }

    fn of(a: &[f32], n: usize, k: usize, threads: usize) -> (Vec<f64>, Vec<f32>) {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        leading(a, n, k, &Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet }).unwrap()
    }

    #[test]
    fn values_and_vectors_are_those_of_the_matrix() {
        for (n, k, decay) in [(1, 1, 0.5), (5, 2, 0.5), (6, 6, 0.7), (300, 10, 0.8), (300, 10, 0.99)] {
            let a = covariance(n, decay);
            let (values, vectors) = of(&a, n, k, 2);
            for (c, v) in vectors.chunks(n).enumerate() {
                let exact = decay.powi(c as i32);
                assert!((values[c] - exact).abs() < 2e-3 * exact.max(0.1), "{n} {c}: {} {exact}", values[c]);
                // A·v = λ·v
                let far = (0..n).map(|i| {
                    let x: f64 = (0..n).map(|j| f64::from(a[i * n + j]) * f64::from(v[j])).sum();
                    (x - values[c] * f64::from(v[i])).powi(2)
                });
                assert!(far.sum::<f64>().sqrt() < 0.02, "{n} {c}");
                assert!((v.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
            }
            assert_eq!((values, vectors), of(&a, n, k, 1));
        }
    }

    #[test]
    fn matrices_of_low_rank_and_bad_ones_end() {
        let (values, vectors) = of(&[0.0; 400], 20, 3, 1);
        assert!(values.iter().all(|x| x.abs() < 1e-9) && vectors.iter().all(|x| x.is_finite()));
        let one: Vec<f32> = (0..400).map(|i| if i == 0 { 2.0 } else { 0.0 }).collect();
        let (values, vectors) = of(&one, 20, 2, 1);
        assert!((values[0] - 2.0).abs() < 1e-6 && (vectors[0] - 1.0).abs() < 1e-6 && values[1].abs() < 1e-6);
        assert_eq!(of(&[], 0, 0, 1).1, Vec::<f32>::new());
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        assert_eq!(leading(&[f32::NAN], 1, 1, &ctx).unwrap_err().code, Code::Data);
    }
}
