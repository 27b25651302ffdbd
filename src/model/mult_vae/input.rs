//! The first layer of a Mult-VAE: a sparse row of items times a wide matrix, and its gradient, item by item.

use crate::base::{Context, Pool, Result};
use crate::kernel::{AdamStep, adam, tanh};
use crate::linalg::add_rows;
use crate::model::mult_vae::batch::Batch;

/// Rows that a thread takes at a time, and items: fixed, so that the result does not depend on the number of threads.
const ROWS: usize = 32;
const ITEMS: usize = 64;

/// `out` (rows × hidden) ← tanh(rows · `weight` + `bias`).
pub fn forward(batch: &Batch, weight: &[f32], bias: &[f32], out: &mut [f32], pool: &Pool) {
    let hidden = bias.len();
    let mut parts: Vec<_> = out[..batch.rows() * hidden].chunks_mut(ROWS * hidden).collect();
    pool.each_mut(&mut parts, |p, out| {
        for (i, out) in out.chunks_mut(hidden).enumerate() {
            out.copy_from_slice(bias);
            let at = batch.offsets[p * ROWS + i]..batch.offsets[p * ROWS + i + 1];
            let entries = batch.columns[at.clone()].iter().zip(&batch.inputs[at]).filter(|e| *e.1 != 0.0);
            add_rows(entries.map(|(item, x)| (*item as usize, *x)), weight, out);
        }
        tanh(out);
    });
}

/// One step of the weights against the gradient that `delta` (rows × hidden, by the sums before tanh) gives. Each item's row of the
/// gradient is summed and used up at once. The last three are the weights and their first and second moments.
///
/// # Errors
/// [`crate::base::Code::Cancelled`]: a large catalogue takes its time.
pub fn learn(
    batch: &Batch,
    delta: &[f32],
    hidden: usize,
    step: AdamStep,
    [weight, first, second]: [&mut [f32]; 3],
    ctx: &Context<'_>,
) -> Result<()> {
    let size = ITEMS * hidden;
    let mut parts: Vec<_> = weight.chunks_mut(size).zip(first.chunks_mut(size)).zip(second.chunks_mut(size)).collect();
    ctx.pool.each_mut(&mut parts, |p, ((w, m), v)| {
        if ctx.watch.cancelled() {
            return;
        }
        let mut gradient = vec![0.0; hidden];
        let rows = w.chunks_mut(hidden).zip(m.chunks_mut(hidden)).zip(v.chunks_mut(hidden));
        for (i, ((w, m), v)) in rows.enumerate() {
            let item = p * ITEMS + i;
            gradient.fill(0.0);
            let entries = batch.by_item[batch.starts[item]..batch.starts[item + 1]].iter().filter(|e| e.input != 0.0);
            add_rows(entries.map(|e| (e.row as usize, e.input)), delta, &mut gradient);
            adam(step, &gradient, m, v, w);
        }
    });
    ctx.check()
}
