//! The first layer of an autoencoder of histories: a sparse row of items times a wide matrix, and its gradient, item by item.

use crate::base::number::AsIndex;
use crate::base::{Context, Pool, Result};
use crate::kernel::{AdamStep, tanh};
use crate::linalg::add_rows;
use crate::model::mult_vae::batch::Batch;
use crate::nn::{Touch, learn_rows};

/// Rows that a thread takes at a time: fixed, so that the result does not depend on the number of threads.
const ROWS: usize = 32;

/// `out` (rows × hidden) ← tanh(rows · `weight` + `bias`).
pub fn forward(batch: &Batch, weight: &[f32], bias: &[f32], out: &mut [f32], pool: &Pool) {
    let hidden = bias.len();
    let mut parts: Vec<_> = out[..batch.rows() * hidden].chunks_mut(ROWS * hidden).collect();
    pool.each_mut(&mut parts, |p, out| {
        for (i, out) in out.chunks_mut(hidden).enumerate() {
            out.copy_from_slice(bias);
            add_rows(batch.inputs_of(p * ROWS + i), weight, out);
        }
        tanh(out);
    });
}

/// One step of the weights that `touch` says against the gradient that `delta` (rows × hidden, by the sums before tanh) gives: see
/// [`learn_rows`]. The last three are the weights and their first and second moments.
///
/// # Errors
/// [`crate::base::Code::Cancelled`]: a large catalogue takes its time.
pub fn learn(
    (batch, touch): (&Batch, Touch),
    delta: &[f32],
    hidden: usize,
    step: AdamStep,
    layer: [&mut [f32]; 3],
    ctx: &Context<'_>,
) -> Result<()> {
    let of = |item: usize| batch.of(item).iter().filter(|e| e.input != 0.0).map(|e| (e.row.index(), e.input));
    learn_rows(of, touch, delta, hidden, step, layer, ctx)
}
