//! Small symmetric positive definite systems, one at a time on the calling thread.

use crate::kernel::{axpy, dot};

/// A pivot is at least this share of its diagonal element: what rounding took below it was not known anyway.
const LEAST: f32 = 1e-6;

/// Solves A·x = `b` in place for the symmetric positive definite A whose lower triangle `a` (`n` × `n`, row-major) holds; `a` is
/// overwritten by its factor, the upper triangle is not read. False where A is not positive definite, but for rounding: `b` then solves
/// another system, one with more on its diagonal. Panics on other lengths.
///
/// Cholesky's factor row by row (Golub & Van Loan 2013, 4.2): n³/6 multiplications in dot products.
pub fn solve_symmetric(a: &mut [f32], n: usize, b: &mut [f32]) -> bool {
    assert!(a.len() == n * n && b.len() == n);
    let mut definite = true;
    for i in 0..n {
        let (above, rest) = a.split_at_mut(i * n);
        let row = &mut rest[..n];
        for j in 0..i {
            let other = &above[j * n..][..=j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let whole = row[i];
        let left = whole - dot(&row[..i], &row[..i]);
        definite &= left > LEAST * whole;
        row[i] = left.max(LEAST * whole).max(f32::MIN_POSITIVE).sqrt();
        b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
    }
    for i in (0..n).rev() {
        let row = &a[i * n..][..=i];
        let x = b[i] / row[i];
        axpy(-x, &row[..i], &mut b[..i]);
        b[i] = x;
    }
    definite
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn the_solution_solves() {
        for n in [0, 1, 2, 7, 40, 129] {
            let mut rng = Rng::new(n as u64);
            let x: Vec<f32> = (0..n * n).map(|_| rng.normal() as f32).collect();
            let full = |i: usize, j: usize| dot(&x[i * n..][..n], &x[j * n..][..n]) / n as f32 + f32::from(u8::from(i == j));
            // Rubbish above the diagonal, which must not be read.
            let mut a: Vec<f32> = (0..n * n).map(|p| if p % n <= p / n { full(p / n, p % n) } else { f32::NAN }).collect();
            let right: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
            let mut b = right.clone();
            assert!(solve_symmetric(&mut a, n, &mut b));
            for (i, right) in right.iter().enumerate() {
                let back: f32 = (0..n).map(|j| full(i, j) * b[j]).sum();
                assert!((back - right).abs() < 1e-4, "{n}: {i}: {back} {right}");
            }
        }
        // Two equal rows have no inverse; what comes is finite.
        let mut b = [1.0, 1.0];
        assert!(!solve_symmetric(&mut [1.0, 1.0, 1.0, 1.0], 2, &mut b));
        assert!(b.iter().all(|x| x.is_finite()));
    }
}
