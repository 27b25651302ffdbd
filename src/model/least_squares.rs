//! The other side of a factor model from one side's vectors: a small regularised least-squares problem a row, solved exactly.

use crate::kernel::dense::{Product, Start};
use crate::kernel::{dot, product_blocked, sum_squares};
use crate::linalg::{add_rows, solve_symmetric};

/// Rows from which their products are taken by the blocked product, which makes the whole square; of fewer half of it is made by dot
/// products.
const MANY: usize = 12;

/// Minimises Σ c (1 − w·h)² + Σ_j d_j w_j² over w, for the vectors h (of `width`) with weights c > 0 that were added: w is the row's
/// vector.
///
/// The rest of the objective must be a diagonal d > 0, as it is in the basis that [`crate::linalg::eigenbasis`] turns the vectors into.
/// With fewer vectors than `width` the system has as many unknowns as vectors (Woodbury's identity): few is what most users and items have.
#[derive(Debug, Clone)]
pub struct LeastSquares {
    width: usize,
    /// √c · h, one below the other.
    rows: Vec<f32>,
    /// √c of each.
    roots: Vec<f32>,
    /// Of the system: vectors × vectors, or width × width.
    matrix: Vec<f32>,
    /// Its right side.
    right: Vec<f32>,
    /// 1 / √d.
    scale: Vec<f32>,
    /// Σ c of the vectors that are summed up in `matrix` and `right`; none where none are.
    folded: Option<f32>,
}

impl LeastSquares {
    /// For vectors of `width`.
    pub fn new(width: usize) -> Self {
        let scale = vec![0.0; width];
        Self { width, rows: Vec::new(), roots: Vec::new(), matrix: Vec::new(), right: Vec::new(), scale, folded: None }
    }

    /// Bytes that one for vectors of `width` takes at most.
    pub fn bytes(width: usize) -> usize {
        (limit(width) + width + 4) * width * 4
    }

    /// Adds a vector of weight `c`: `fill` writes it.
    pub fn add(&mut self, c: f32, fill: impl FnOnce(&mut [f32])) {
        let at = self.rows.len();
        self.rows.resize(at + self.width, 0.0);
        let row = &mut self.rows[at..];
        fill(row);
        let root = c.sqrt();
        if root != 1.0 {
            row.iter_mut().for_each(|x| *x *= root);
        }
        self.roots.push(root);
        // However many vectors there are, the memory is that of some.
        if self.roots.len() == limit(self.width) {
            self.fold();
        }
    }

    /// Writes w into `out`; 0 without vectors. Returns the least value of the objective. The vectors are gone afterwards.
    pub fn solve(&mut self, d: &[f32], out: &mut [f32]) -> f64 {
        let n = self.roots.len();
        let least = match self.folded {
            None if n == 0 => {
                out.fill(0.0);
                0.0
            }
            None if n < self.width => self.by_vectors(n, d, out),
            _ => self.by_width(d, out),
        };
        self.rows.clear();
        self.roots.clear();
        self.folded = None;
        f64::from(least)
    }

    /// With Y the rows: w = D⁻¹ Yᵀ z, (1 + Y D⁻¹ Yᵀ) z = √c.
    fn by_vectors(&mut self, n: usize, d: &[f32], out: &mut [f32]) -> f32 {
        let width = self.width;
        self.scale.iter_mut().zip(d).for_each(|(s, d)| *s = 1.0 / d.sqrt());
        for row in self.rows.chunks_exact_mut(width) {
            row.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        }
        self.matrix.resize(n * n, 0.0);
        if n < MANY {
            for i in 0..n {
                for j in 0..=i {
                    self.matrix[i * n + j] = dot(&self.rows[i * width..][..width], &self.rows[j * width..][..width]);
                }
            }
        } else {
            let p = Product { b_row: 1, ..Product::new(n, n, width, &self.rows, &self.rows) };
            product_blocked(&p, width, &mut self.matrix);
        }
        (0..n).for_each(|i| self.matrix[i * n + i] += 1.0);
        self.right.clear();
        self.right.extend_from_slice(&self.roots);
        solve_symmetric(&mut self.matrix, n, &mut self.right);
        out.fill(0.0);
        add_rows(self.right.iter().copied().enumerate(), &self.rows, out);
        out.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        dot(&self.roots, &self.right)
    }

    /// (D + Yᵀ Y) w = Yᵀ √c.
    fn by_width(&mut self, d: &[f32], out: &mut [f32]) -> f32 {
        self.fold();
        let width = self.width;
        (0..width).for_each(|j| self.matrix[j * width + j] += d[j]);
        out.copy_from_slice(&self.right);
        solve_symmetric(&mut self.matrix, width, out);
        self.folded.unwrap_or(0.0) - dot(&self.right, out)
    }

    /// Adds Yᵀ Y and Yᵀ √c to the system of `width` unknowns; the rows are gone.
    fn fold(&mut self) {
        let width = self.width;
        let sum = self.folded.unwrap_or_else(|| {
            self.matrix.clear();
            self.matrix.resize(width * width, 0.0);
            self.right.clear();
            self.right.resize(width, 0.0);
            0.0
        });
        let p = Product { start: Start::Keep, ..Product::transposed(width, width, self.roots.len(), &self.rows, &self.rows) };
        product_blocked(&p, 1, &mut self.matrix);
        add_rows(self.roots.iter().copied().enumerate(), &self.rows, &mut self.right);
        self.folded = Some(sum + sum_squares(&self.roots));
        self.rows.clear();
        self.roots.clear();
    }
}

/// Vectors that are held at once.
fn limit(width: usize) -> usize {
    4 * width.max(64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn the_gradient_is_zero_at_the_solution_on_either_way() {
        let width = 20;
        let mut rng = Rng::new(1);
        let mut solver = LeastSquares::new(width);
        for n in [1, 5, 11, 12, 19, 20, 60, 600] {
            let d: Vec<f32> = (0..width).map(|j| 0.5 + j as f32).collect();
            let rows: Vec<f32> = (0..n * width).map(|_| rng.normal() as f32).collect();
            let weights: Vec<f32> = (0..n).map(|i| if i % 2 == 0 { 1.0 } else { 0.2 + rng.uniform_f32() }).collect();
            rows.chunks(width).zip(&weights).for_each(|(row, c)| solver.add(*c, |out| out.copy_from_slice(row)));
            let mut w = vec![7.0; width];
            let least = solver.solve(&d, &mut w);
            let mut value = 0.0;
            let mut gradient: Vec<f64> = w.iter().zip(&d).map(|(w, d)| f64::from(w * d)).collect();
            for (row, c) in rows.chunks(width).zip(&weights) {
                let off = f64::from(1.0 - dot(row, &w));
                value += f64::from(*c) * off * off;
                gradient.iter_mut().zip(row).for_each(|(g, x)| *g -= f64::from(*c) * off * f64::from(*x));
            }
            value += w.iter().zip(&d).map(|(w, d)| f64::from(w * w * d)).sum::<f64>();
            assert!(gradient.iter().all(|g| g.abs() < 1e-3), "{n}: {gradient:?}");
            assert!((value - least).abs() < 1e-4 * (1.0 + value), "{n}: {value} {least}");
        }
        let mut w = vec![7.0; width];
        assert_eq!((solver.solve(&vec![1.0; width], &mut w), w), (0.0, vec![0.0; width]));
    }
}
