//! Principal components: the linear code of a row that loses least (Pearson 1901; Hotelling 1933).

use super::describe::{BUCKETS, MAX_LEVELS, MIN_COUNT, REFIT, WIDTH};
use super::rows::{DISTINCT, EXCLUDE, HOLDOUT, INCLUDE, KEEP, KEYS, MAX_ROWS, NUMBERS, TEXT};
use crate::base::number::AsReal;
use crate::base::params::{ParamType, Spec};
use crate::base::tensor::find;
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor, zeros};
use crate::kernel::dense::Product;
use crate::kernel::{axpy, dot};
use crate::linalg::eigen::leading;
use crate::linalg::multiply;
use crate::model::network_tensors::finite;
use ndarray::ArrayView2;
use serde::Deserialize;

// Of Complete Journey's products 16 components give back .904 of the numbers' variance, .124 of the categories and .176 of the types at 2;
// .823, .149 and .192 at 3.
const CATEGORIES: Spec =
    Spec::new("categories", ParamType::Number, "2", "What a category's places weigh against a number: more keeps more of the categories.")
        .within(0.01, 100.0);

/// The parameters of `pca`.
pub const PCA: &[Spec] =
    &[WIDTH, CATEGORIES, NUMBERS, MIN_COUNT, MAX_LEVELS, BUCKETS, TEXT, EXCLUDE, INCLUDE, KEYS, DISTINCT, HOLDOUT, REFIT, MAX_ROWS, KEEP];

/// What `pca` has beside what all kinds share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Params {
    /// Components.
    pub width: usize,
    /// Weight of a category's places.
    pub categories: f32,
}

/// Components over encoded rows: z = C·(w ∘ (x − mean)), x′ = mean + (Cᵀz) / w.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Shared<f32>,
    /// Of each column, above 0.
    weight: Shared<f32>,
    /// Width × columns, the first explains most.
    components: Shared<f32>,
}

/// Means and products of rows that come in blocks.
pub struct Moments {
    columns: usize,
    rows: usize,
    sums: Vec<f64>,
    products: Vec<f64>,
    block: Vec<f32>,
}

/// Rows of the products that a thread computes at a time.
const STRIP: usize = 64;

impl Moments {
    /// Of rows of `columns` numbers.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn new(columns: usize) -> Result<Self> {
        let square = columns.saturating_mul(columns);
        Ok(Self { columns, rows: 0, sums: zeros(columns)?, products: zeros(square)?, block: zeros(square)? })
    }

    /// Bytes that [`Moments::new`] and [`Moments::components`] take.
    pub fn bytes(columns: usize) -> usize {
        columns.saturating_mul(columns).saturating_mul(16)
    }

    /// Adds rows. Blocks of the same rows in the same order give the same bits, whatever the number of threads.
    ///
    /// # Errors
    /// [`Code::Cancelled`]; [`Code::Internal`] for rows of another width.
    pub fn add(&mut self, x: ArrayView2<'_, f32>, ctx: &Context<'_>) -> Result<()> {
        let (rows, n) = x.dim();
        let flat = x.to_slice().filter(|_| n == self.columns).ok_or_else(|| Error::internal("rows of another width"))?;
        for row in flat.chunks_exact(n.max(1)) {
            self.sums.iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(*x));
        }
        let mut strips: Vec<_> = self.block.chunks_mut(STRIP * n.max(1)).zip(self.products.chunks_mut(STRIP * n.max(1))).collect();
        ctx.pool.each_mut(&mut strips, |i, (block, products)| {
            if !ctx.watch.cancelled() {
                let m = block.len() / n;
                let p = Product { a: &flat[i * STRIP..], a_row: 1, a_column: n, ..Product::new(m, n, rows, &[], flat) };
                multiply(&p, block);
                products.iter_mut().zip(&**block).for_each(|(p, b)| *p += f64::from(*b));
            }
        });
        self.rows += rows;
        ctx.check()
    }

    /// The `width` components of these rows, columns weighted by `weight`; fewer where there are fewer columns.
    ///
    /// # Errors
    /// [`Code::Data`] without rows or for numbers without bounds, [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn components(&self, width: usize, weight: &[f32], ctx: &Context<'_>) -> Result<Pca> {
        let n = self.columns;
        if self.rows == 0 || weight.len() != n {
            return Err(Error::new(Code::Data, "no rows to learn from"));
        }
        let rows = self.rows.real();
        let mean: Vec<f64> = self.sums.iter().map(|s| s / rows).collect();
        let mut covariance: Vec<f32> = zeros(n * n)?;
        for i in 0..n {
            for j in 0..n {
                let c = self.products[i * n + j] / rows - mean[i] * mean[j];
                covariance[i * n + j] = (c * f64::from(weight[i]) * f64::from(weight[j])).single();
            }
        }
        let (_, components) = leading(&covariance, n, width.min(n), ctx)?;
        Ok(Pca { mean: mean.iter().map(|m| m.single()).collect(), weight: weight.to_vec().into(), components: components.into() })
    }
}

impl Pca {
    /// The same without any component: it gives every row back as the average.
    pub fn average(&self) -> Self {
        Self { components: Shared::default(), ..self.clone() }
    }

    /// Numbers of a row.
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// Numbers of a code.
    pub fn width(&self) -> usize {
        self.components.len().checked_div(self.columns()).unwrap_or(0)
    }

    /// The code of a row of [`Pca::columns`] numbers into `z`, which has [`Pca::width`]; `x` is overwritten.
    pub fn encode(&self, x: &mut [f32], z: &mut [f32]) {
        for ((x, m), w) in x.iter_mut().zip(&self.mean).zip(&self.weight) {
            *x = (*x - m) * w
        }
        for (z, c) in z.iter_mut().zip(self.components.chunks_exact(self.columns().max(1))) {
            *z = dot(x, c)
        }
    }

    /// The row of a code.
    pub fn decode(&self, z: &[f32], x: &mut [f32]) {
        x.fill(0.0);
        for (z, c) in z.iter().zip(self.components.chunks_exact(self.columns().max(1))) {
            axpy(*z, c, x)
        }
        for ((x, m), w) in x.iter_mut().zip(&self.mean).zip(&self.weight) {
            *x = m + *x / w
        }
    }

    /// The tensors `{prefix}mean`, `{prefix}weight` (columns) and `{prefix}components` (width × columns).
    pub fn to_tensors(&self, prefix: &str) -> Vec<Tensor> {
        let n = self.columns();
        vec![
            Tensor::f32(format!("{prefix}mean"), [n], self.mean.clone()),
            Tensor::f32(format!("{prefix}weight"), [n], self.weight.clone()),
            Tensor::f32(format!("{prefix}components"), [self.width(), n], self.components.clone()),
        ]
    }

    /// Back from [`Pca::to_tensors`]; the tensors may be hostile.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when a tensor is missing, of another shape or type, or not finite.
    pub fn from_tensors(prefix: &str, width: usize, columns: usize, tensors: &[Tensor]) -> Result<Self> {
        let read = |part: &str, shape: &[usize]| {
            let name = format!("{prefix}{part}");
            let corrupt = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{name}\" {what}."));
            let Numbers::F32(v) = find(tensors, &name, shape)? else { return Err(corrupt("does not hold 32-bit floats")) };
            if finite(v) { Ok(v.clone()) } else { Err(corrupt("holds infinite numbers or NaN")) }
        };
        let (mean, weight) = (read("mean", &[columns])?, read("weight", &[columns])?);
        if !weight.iter().all(|w| *w > 0.0) {
            return Err(Error::new(Code::Corrupt, "stored weights are damaged").detail("A column's weight is not above 0."));
        }
        Ok(Self { mean, weight, components: read("components", &[width, columns])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};
    use ndarray::Array2;

    /// Rows of 6 numbers on a plane, with a little noise.
    fn rows(n: usize, noise: f64) -> Array2<f32> {
        let mut r = Rng::new(2);
        let mut x = Array2::zeros((n, 6));
        for mut row in x.rows_mut() {
            let (a, b) = (3.0 * r.normal(), r.normal());
            for (j, x) in row.iter_mut().enumerate() {
                *x = (j as f64 + a * (j as f64 - 2.0) + b * f64::from(j as i32 % 2) + noise * r.normal()) as f32;
            }
        }
        x
    }

    fn fit(x: &Array2<f32>, width: usize, threads: usize) -> Pca {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let mut m = Moments::new(6).unwrap();
        for block in x.axis_chunks_iter(ndarray::Axis(0), 100) {
            m.add(block, &ctx).unwrap();
        }
        m.components(width, &[1.0, 1.0, 2.0, 1.0, 1.0, 1.0], &ctx).unwrap()
    }

    #[test]
    fn a_plane_comes_back_from_two_numbers() {
        let x = rows(950, 0.0);
        let p = fit(&x, 2, 2);
        assert_eq!((p.width(), p.columns()), (2, 6));
        assert_eq!(p, fit(&x, 2, 1));
        let (mut z, mut back) = ([0.0; 2], [0.0; 6]);
        for row in x.rows() {
            p.encode(&mut row.to_vec(), &mut z);
            p.decode(&z, &mut back);
            assert!(row.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-2), "{row} {back:?}");
        }
        p.average().decode(&[], &mut back);
        assert_eq!(back, &p.mean[..]);
    }

    #[test]
    fn more_components_than_columns_are_as_many_as_columns() {
        let p = fit(&rows(200, 0.5), 16, 1);
        assert_eq!(p.width(), 6);
        let again = Pca::from_tensors("a.", 6, 6, &p.to_tensors("a.")).unwrap();
        assert_eq!(again, p);
        assert_eq!(Pca::from_tensors("a.", 5, 6, &p.to_tensors("a.")).unwrap_err().code, Code::Corrupt);
        let mut bad = p.to_tensors("");
        bad[1].numbers = Numbers::F32(vec![0.0; 6].into());
        assert_eq!(Pca::from_tensors("", 6, 6, &bad).unwrap_err().code, Code::Corrupt);
    }
}
