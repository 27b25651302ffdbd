//! The wide layers of networks over histories as rows of items, and how alike these are.

use crate::base::number::AsIndex;
use crate::kernel;
use half::f16;

/// A wide layer, a row an item: in 32 bits while it learns, in 16 bits when it is stored and scored with.
#[derive(Debug, Clone, Copy)]
pub enum ItemRows<'a> {
    /// While learning.
    Single(&'a [f32]),
    /// Afterwards: half the memory to read, and 11 bits are more than an estimate from clicks is worth.
    Half(&'a [f16]),
}

impl ItemRows<'_> {
    /// `out` += `value` · the row of `item`, by way of `buffer`, both as long as a row.
    pub fn add(&self, item: usize, value: f32, buffer: &mut [f32], out: &mut [f32]) {
        let n = out.len();
        match self {
            Self::Single(w) => kernel::axpy(value, &w[item * n..][..n], out),
            Self::Half(w) => {
                kernel::from_f16(&w[item * n..][..n], buffer);
                kernel::axpy(value, buffer, out);
            }
        }
    }

    /// `out` ← of each item its `bias` + the product of `h` and its row.
    pub fn scores(&self, h: &[f32], bias: &[f32], out: &mut [f32]) {
        for (item, (out, bias)) in out.iter_mut().zip(bias).enumerate() {
            *out = bias + self.dot(item, h);
        }
    }

    /// The product of `h` and the row of `item`.
    fn dot(&self, item: usize, h: &[f32]) -> f32 {
        let n = h.len();
        match self {
            Self::Single(w) => kernel::dot(h, &w[item * n..][..n]),
            Self::Half(w) => kernel::dot_f16(h, &w[item * n..][..n]),
        }
    }
}

/// The cosine of every row of `rows` (`width` numbers each) with that of `item`. False where that is 0.
pub fn cosines(rows: &[f16], width: usize, item: u32, out: &mut [f32]) -> bool {
    let (mut own, mut other) = (vec![0.0; width], vec![0.0; width]);
    kernel::from_f16(&rows[item.index() * width..][..width], &mut own);
    let length = kernel::sum_squares(&own).sqrt();
    for (out, row) in out.iter_mut().zip(rows.chunks(width)) {
        kernel::from_f16(row, &mut other);
        *out = kernel::dot(&own, &other) / (length * kernel::sum_squares(&other).sqrt()).max(f32::MIN_POSITIVE);
    }
    length > 0.0
}
