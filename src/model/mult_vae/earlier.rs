//! The encoder of a Mult-VAE as it was some epochs ago, whose codes are part of the composite prior.

use crate::base::{Context, Result, zeros};
use crate::dataset::Pairs;
use crate::kernel::dense::{Product, Start};
use crate::linalg::multiply_split;
use crate::model::mult_vae::batch::Batch;
use crate::model::mult_vae::input;
use crate::model::mult_vae::shape::{Layers, Shape};

/// That encoder, and what it needs for a batch.
#[derive(Debug)]
pub struct EarlierEncoder {
    latent: usize,
    /// Its layers, as they stand at the beginning of the flat vector.
    layers: Vec<f32>,
    batch: Batch,
    /// Rows × hidden.
    first: Vec<f32>,
}

fn size(sizes: &Layers<usize>) -> usize {
    sizes.input + sizes.input_bias + sizes.encode + sizes.encode_bias
}

impl EarlierEncoder {
    /// Bytes for batches of at most `rows` rows and `entries` entries.
    pub fn bytes(shape: &Shape, sizes: &Layers<usize>, rows: usize, entries: usize) -> usize {
        let numbers = size(sizes).saturating_add(rows.saturating_mul(shape.hidden));
        numbers.saturating_mul(4).saturating_add(Batch::bytes(entries, shape.items))
    }

    /// That of `all` layers.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(shape: &Shape, sizes: &Layers<usize>, rows: usize, all: &[f32]) -> Result<Self> {
        let mut new =
            Self { latent: shape.latent, layers: zeros(size(sizes))?, batch: Batch::default(), first: zeros(rows * shape.hidden)? };
        new.follow(all);
        Ok(new)
    }

    /// Becomes that of `all` layers.
    pub fn follow(&mut self, all: &[f32]) {
        let own = self.layers.len();
        self.layers.copy_from_slice(&all[..own]);
    }

    /// The codes of the rows `users` of `pairs`, nothing of which is hidden, into `code` (rows × 2 · latent).
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn codes(&mut self, sizes: &Layers<usize>, pairs: &Pairs, users: &[u32], code: &mut [f32], ctx: &Context<'_>) -> Result<()> {
        let hidden = sizes.input_bias;
        self.batch.take(pairs, users, 0.0, 0)?;
        let (input, rest) = self.layers.split_at(sizes.input);
        let (input_bias, rest) = rest.split_at(hidden);
        let (encode, encode_bias) = rest.split_at(sizes.encode);
        input::forward(&self.batch, input, input_bias, &mut self.first, ctx.pool);
        let product = Product::new(users.len(), 2 * self.latent, hidden, &self.first, encode);
        multiply_split(ctx.pool, &Product { start: Start::Row(encode_bias), ..product }, 1, code);
        Ok(())
    }
}
