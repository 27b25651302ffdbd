//! All eigenvectors of a small symmetric matrix: of Gramians and covariances, some hundred rows wide.

use crate::base::{Context, Result};

/// Steps of QL that a value may take; two or three are usual.
const STEPS: usize = 60;
/// What of a column's square is below this, where the largest element is 1, is rounding of rounding: a reflection by it would divide by
/// nothing.
const NOTHING: f64 = 1e-40;

/// The eigenvalues of the symmetric `a` (`n` × `n`, row-major, overwritten; the lower triangle counts), largest first, and their vectors as
/// the rows of an `n` × `n` matrix, each of length 1.
///
/// Householder's reduction to a tridiagonal matrix, then QL with implicit shifts (Golub & Van Loan 2013, 8.3): 9 n³ operations about, on
/// rows throughout. Serial, and the same on every run. What is not finite gives what is not finite.
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn symmetric(a: &mut [f64], n: usize, ctx: &Context) -> Result<(Vec<f64>, Vec<f64>)> {
    assert!(a.len() == n * n);
    for i in 0..n {
        for j in 0..i {
            a[j * n + i] = a[i * n + j];
        }
    }
    let largest = a.iter().fold(0.0f64, |l, x| l.max(x.abs()));
    let size = if largest > 0.0 { largest } else { 1.0 };
    a.iter_mut().for_each(|x| *x /= size);
    let (mut d, mut e) = (vec![0.0; n], vec![0.0; n]);
    let reflections = tridiagonal(a, n, &mut d, &mut e, ctx)?;
    // Rows of `z` are the columns of the product of the reflections.
    let mut z = vec![0.0; n * n];
    (0..n).for_each(|i| z[i * n + i] = 1.0);
    for (k, beta, v) in reflections.iter().rev() {
        ctx.check()?;
        for row in z.chunks_exact_mut(n).skip(k + 1) {
            let tail = &mut row[k + 1..];
            let by = beta * dot(tail, v);
            tail.iter_mut().zip(v).for_each(|(x, v)| *x -= by * v);
        }
    }
    ql(&mut d, &mut e, &mut z, n, ctx)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| d[*j].total_cmp(&d[*i]));
    let rows = order.iter().flat_map(|&i| z[i * n..][..n].iter().copied()).collect();
    Ok((order.iter().map(|&i| d[i] * size).collect(), rows))
}

/// Reduces `a` to the diagonal `d` and the elements `e` beside it, by reflections 1 − β v vᵀ of the last n − k − 1 rows and columns: (k, β,
/// v) of each, the first first.
fn tridiagonal(a: &mut [f64], n: usize, d: &mut [f64], e: &mut [f64], ctx: &Context) -> Result<Vec<(usize, f64, Vec<f64>)>> {
    let mut reflections = Vec::new();
    for k in 0..n {
        ctx.check()?;
        d[k] = a[k * n + k];
        let m = n - k - 1;
        if m == 0 {
            break;
        }
        let mut v: Vec<f64> = a[k * n + k + 1..][..m].to_vec();
        let rest: f64 = dot(&v[1..], &v[1..]);
        let norm = (v[0] * v[0] + rest).sqrt();
        if rest <= NOTHING {
            e[k] = v[0];
            continue;
        }
        let alpha = if v[0] > 0.0 { -norm } else { norm };
        e[k] = alpha;
        v[0] -= alpha;
        let beta = 2.0 / (v[0] * v[0] + rest);
        let below = |i: usize| (k + 1 + i) * n + k + 1;
        let mut w: Vec<f64> = (0..m).map(|i| beta * dot(&a[below(i)..][..m], &v)).collect();
        let half = 0.5 * beta * dot(&w, &v);
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= half * v);
        for i in 0..m {
            let (vi, wi) = (v[i], w[i]);
            a[below(i)..][..m].iter_mut().zip(v.iter().zip(&w)).for_each(|(x, (v, w))| *x -= vi * w + wi * v);
        }
        reflections.push((k, beta, v));
    }
    Ok(reflections)
}

/// The eigenvalues of the tridiagonal matrix into `d`; the rotations on the way are applied to the rows of `z`.
fn ql(d: &mut [f64], e: &mut [f64], z: &mut [f64], n: usize, ctx: &Context) -> Result<()> {
    for l in 0..n {
        ctx.check()?;
        for _ in 0..STEPS {
            let small = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
            let m = (l..n - 1).find(small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let r = g.hypot(1.0);
            g = d[m] - d[l] + e[l] / (g + if g >= 0.0 { r } else { -r });
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (l..m).rev() {
                let (f, b) = (s * e[i], c * e[i]);
                let r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    whole = false;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = d[i + 1] - p;
                let t = (d[i] - g) * s + 2.0 * c * b;
                p = s * t;
                d[i + 1] = g + p;
                g = c * t - b;
                let (low, high) = z[i * n..][..2 * n].split_at_mut(n);
                for (x, y) in low.iter_mut().zip(high) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
            if whole {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    Ok(())
}

/// In four chains, which the compiler keeps in one register.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (x, y) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (p, q) in x.0.iter().zip(y.0) {
        (0..4).for_each(|i| sums[i] += p[i] * q[i]);
    }
    sums.iter().sum::<f64>() + x.1.iter().zip(y.1).map(|(p, q)| p * q).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};

    fn symmetric(a: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        super::symmetric(a, n, &Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet }).unwrap()
    }

    #[test]
    fn the_vectors_take_the_matrix_apart_and_put_it_together() {
        for n in [0, 1, 2, 3, 8, 65, 130] {
            let mut rng = Rng::new(n as u64);
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..=i {
                    let x = rng.normal();
                    (a[i * n + j], a[j * n + i]) = (x, x);
                }
            }
            let (values, rows) = symmetric(&mut a.clone(), n);
            assert!(values.is_sorted_by(|x, y| x >= y));
            for i in 0..n {
                for j in 0..n {
                    let (u, v) = (&rows[i * n..][..n], &rows[j * n..][..n]);
                    assert!((dot(u, v) - f64::from(u8::from(i == j))).abs() < 1e-12, "{n}: {i} {j}");
                    let x: f64 = (0..n).map(|k| values[k] * rows[k * n + i] * rows[k * n + j]).sum();
                    assert!((x - a[i * n + j]).abs() < 1e-11 * n as f64, "{n}: {i} {j}: {x} {}", a[i * n + j]);
                }
            }
        }
    }

    #[test]
    fn equal_values_zeros_and_what_is_not_finite_end() {
        let (values, rows) = symmetric(&mut [0.0; 9], 3);
        assert_eq!((values, rows), (vec![0.0; 3], vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
        let (values, _) = symmetric(&mut [2.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 2.0], 3);
        assert_eq!(values, [5.0, 2.0, 2.0]);
        // One direction, and less and less of others, down to where squares vanish.
        let n = 40;
        let x = |i: usize| 10f64.powi(-4 * i32::try_from(i).unwrap());
        let mut graded: Vec<f64> = (0..n * n).map(|p| 1e-8 * x(p / n) * x(p % n)).collect();
        let (values, rows) = symmetric(&mut graded, n);
        assert!((values[0] - 1e-8).abs() < 1e-15 && values.iter().chain(&rows).all(|x| x.is_finite()));
        assert!(symmetric(&mut [f64::NAN, 1.0, 1.0, 1.0], 2).0.iter().any(|x| x.is_nan()));
    }
}
