//! The last layer of a Mult-VAE: logits of every item, the multinomial loss, and the layer's own step, in blocks of items.
//!
//! What is held is the logits of a batch, never users × items, and no gradient of the whole layer: a block's gradient is used up as soon
//! as it is made. Where the catalogue is large not even those: a first pass keeps of each block the largest logit and the sum of a row, a second
//! makes its logits again when its turn comes. The numbers are the same to the bit; it takes one product in three more. Blocks are dealt to a fixed
//! number of lanes, whose shares of the hidden layer's gradient are added in their order, so the number of threads changes no bit.

use crate::base::{Context, Result, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{AdamStep, adam, axpy, exp_shifted, max, product_blocked, scale};
use crate::model::mult_vae::batch::Batch;

/// Lanes that the blocks of items are dealt to.
const LANES: usize = 16;
/// Items of a block at most: its gradient stays in the caches until it is used.
const BLOCK: usize = 256;

/// The buffers of batches.
#[derive(Debug)]
pub struct Output {
    hidden: usize,
    /// Items of every block but the last.
    size: usize,
    /// Whether a block's logits are made again, in its lane, instead of being kept.
    blocked: bool,
    blocks: Vec<Block>,
    lanes: Vec<Lane>,
}

/// A run of items.
#[derive(Debug)]
struct Block {
    first: usize,
    items: usize,
    /// Rows × items: logits; then e^(logit − the block's largest of the row); then the gradient. Empty where they are not kept.
    logits: Vec<f32>,
    /// Of each row: the block's largest logit, and the sum of e^(logit − largest).
    largest: Vec<f32>,
    sum: Vec<f32>,
    /// Σ target · logit.
    hit: f64,
}

#[derive(Debug)]
struct Lane {
    /// Its share of the gradient by the hidden layer, rows × hidden.
    share: Vec<f32>,
    /// The gradient of a block, items × hidden, and of its biases.
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// The logits of the block at hand, where blocks do not keep theirs.
    logits: Vec<f32>,
}

/// The layer as the loss reads it: the rows' hidden numbers, its weights and its biases.
#[derive(Clone, Copy)]
struct Layer<'a> {
    h: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
}

fn block_size(items: usize) -> usize {
    items.div_ceil(LANES).clamp(1, BLOCK)
}

impl Output {
    /// Logits of a batch up to which they are kept: 128 MB.
    pub const KEPT: usize = 1 << 25;

    /// Bytes for batches of at most `rows`; `blocked` where their logits are not kept.
    pub fn bytes(items: usize, hidden: usize, rows: usize, blocked: bool) -> usize {
        let (size, count) = (block_size(items), items.div_ceil(block_size(items)));
        let lane = rows.saturating_add(size).saturating_mul(hidden).saturating_add(size);
        let lane = lane.saturating_add(if blocked { rows.saturating_mul(size) } else { 0 });
        let blocks = rows.saturating_mul((if blocked { 0 } else { items }).saturating_add(2 * count));
        blocks.saturating_add(lane.saturating_mul(LANES)).saturating_mul(4)
    }

    /// For batches of at most `rows`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(items: usize, hidden: usize, rows: usize, blocked: bool) -> Result<Self> {
        let size = block_size(items);
        let block = |first: usize| {
            let items = size.min(items - first);
            let logits = zeros(if blocked { 0 } else { rows * items })?;
            Ok(Block { first, items, logits, largest: zeros(rows)?, sum: zeros(rows)?, hit: 0.0 })
        };
        let blocks: Vec<Block> = (0..items).step_by(size).map(block).collect::<Result<_>>()?;
        let logits = if blocked { rows * size } else { 0 };
        let lane = || Ok(Lane { share: zeros(rows * hidden)?, weight: zeros(size * hidden)?, bias: zeros(size)?, logits: zeros(logits)? });
        let lanes = (0..LANES.min(blocks.len())).map(|_| lane()).collect::<Result<_>>()?;
        Ok(Self { hidden, size, blocked, blocks, lanes })
    }

    /// The loss −Σ target · ln softmax(h·Wᵀ + b) of the batch whose hidden layer is `h` (rows × hidden), summed over its rows. What
    /// [`Output::learn`] needs is kept.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn loss(&mut self, batch: &Batch, h: &[f32], weight: &[f32], bias: &[f32], ctx: &Context<'_>) -> Result<f64> {
        let (rows, layer) = (batch.rows(), Layer { h, weight, bias });
        if self.blocked {
            let count = self.lanes.len();
            let mut lanes: Vec<(&mut Lane, Vec<&mut Block>)> = self.lanes.iter_mut().map(|l| (l, Vec::new())).collect();
            self.blocks.iter_mut().enumerate().for_each(|(i, b)| lanes[i % count].1.push(b));
            ctx.pool.each_mut(&mut lanes, |_, (lane, blocks)| {
                for b in blocks.iter_mut().take_while(|_| !ctx.watch.cancelled()) {
                    b.measure(batch, layer, &mut lane.logits);
                }
            });
        } else {
            ctx.pool.each_mut(&mut self.blocks, |_, b| {
                if !ctx.watch.cancelled() {
                    let mut logits = std::mem::take(&mut b.logits);
                    b.measure(batch, layer, &mut logits);
                    b.logits = logits;
                }
            });
        }
        ctx.check()?;
        let mut loss = -self.blocks.iter().map(|b| b.hit).sum::<f64>();
        for row in 0..rows {
            let top = self.blocks.iter().map(|b| b.largest[row]).fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = self.blocks.iter().map(|b| b.sum[row] * (b.largest[row] - top).exp()).sum();
            loss += f64::from(batch.totals[row]) * f64::from(top + sum.ln());
            // From here on `sum` is the factor that turns the row's numbers into total · softmax.
            self.blocks.iter_mut().for_each(|b| b.sum[row] = batch.totals[row] * (b.largest[row] - top).exp() / sum);
        }
        Ok(loss)
    }

    /// After [`Output::loss`] of the same batch: one step (where there is one) of the layer's weights and biases, each with their first and
    /// second moments; and the loss's gradient by `h`, as it was before the step, into `delta` (rows × hidden).
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn learn(
        &mut self,
        batch: &Batch,
        h: &[f32],
        step: Option<AdamStep>,
        [weight, bias]: [[&mut [f32]; 3]; 2],
        delta: &mut [f32],
        ctx: &Context<'_>,
    ) -> Result<()> {
        let (hidden, size, blocked, rows) = (self.hidden, self.size, self.blocked, batch.rows());
        let weights = chunks(weight, size * hidden);
        let biases = chunks(bias, size);
        let count = self.lanes.len();
        let mut lanes: Vec<(&mut Lane, Vec<_>)> = self.lanes.iter_mut().map(|l| (l, Vec::new())).collect();
        for (i, part) in self.blocks.iter_mut().zip(weights).zip(biases).enumerate() {
            lanes[i % count].1.push(part);
        }
        ctx.pool.each_mut(&mut lanes, |_, (lane, parts)| {
            for (turn, ((b, [w, wm, wv]), [c, cm, cv])) in parts.iter_mut().enumerate() {
                if ctx.watch.cancelled() {
                    return;
                }
                let (n, bias) = (b.items, &mut lane.bias[..b.items]);
                if blocked {
                    b.multiply(rows, Layer { h, weight: w, bias: c }, &mut lane.logits);
                    for (z, largest) in lane.logits.chunks_mut(n).zip(&b.largest).take(rows) {
                        exp_shifted(z, *largest);
                    }
                }
                let kept = if blocked { &mut lane.logits } else { &mut b.logits };
                finish_gradient((b.first, n), &b.sum, batch, kept, bias);
                let dz = &kept[..rows * n];
                let start = if turn == 0 { Start::Zero } else { Start::Keep };
                product_blocked(&Product { start, ..Product::new(rows, hidden, n, dz, w) }, 1, &mut lane.share);
                if let Some(step) = step {
                    product_blocked(&Product::transposed(n, hidden, rows, dz, h), 1, &mut lane.weight);
                    adam(step, &lane.weight[..n * hidden], wm, wv, w);
                    adam(step, bias, cm, cv, c);
                }
            }
        });
        ctx.check()?;
        let mut parts: Vec<_> = delta[..rows * hidden].chunks_mut(16 * hidden).collect();
        let lanes = &self.lanes;
        ctx.pool.each_mut(&mut parts, |p, out| {
            out.fill(0.0);
            let at = p * 16 * hidden;
            lanes.iter().for_each(|l| axpy(1.0, &l.share[at..at + out.len()], out));
        });
        Ok(())
    }
}

impl Block {
    /// Its logits for the rows, into `z`; of `layer` the weights and biases of its items alone.
    fn multiply(&self, rows: usize, layer: Layer<'_>, z: &mut [f32]) {
        let hidden = layer.weight.len() / self.items;
        let product = Product::new(rows, self.items, hidden, layer.h, layer.weight);
        product_blocked(&Product { b_row: 1, start: Start::Row(layer.bias), ..product }, hidden, z);
    }

    /// Its part of the loss: `hit`, `largest` and `sum`; `z` is left with e^(logit − largest).
    fn measure(&mut self, batch: &Batch, layer: Layer<'_>, z: &mut [f32]) {
        let (n, hidden) = (self.items, layer.weight.len() / layer.bias.len());
        let own = Layer { weight: &layer.weight[self.first * hidden..][..n * hidden], bias: &layer.bias[self.first..][..n], ..layer };
        self.multiply(batch.rows(), own, z);
        self.hit = 0.0;
        for item in 0..n {
            for e in batch.of(self.first + item) {
                self.hit += f64::from(e.target * z[e.row as usize * n + item]);
            }
        }
        for (row, z) in z.chunks_mut(n).take(batch.rows()).enumerate() {
            self.largest[row] = max(z);
            self.sum[row] = exp_shifted(z, self.largest[row]);
        }
    }
}

/// From what [`Block::measure`] left in `z`, for `n` items from `first` on: total · softmax − target by way of the rows' factors `sum`, and into `bias`
/// the sum of that over the rows.
fn finish_gradient((first, n): (usize, usize), sum: &[f32], batch: &Batch, z: &mut [f32], bias: &mut [f32]) {
    bias.fill(0.0);
    for (z, factor) in z.chunks_mut(n).zip(sum).take(batch.rows()) {
        scale(*factor, z);
        axpy(1.0, z, bias);
    }
    for (item, bias) in bias.iter_mut().enumerate() {
        for e in batch.of(first + item) {
            z[e.row as usize * n + item] -= e.target;
            *bias -= e.target;
        }
    }
}

/// The same runs of `size` of three slices.
fn chunks([a, b, c]: [&mut [f32]; 3], size: usize) -> impl Iterator<Item = [&mut [f32]; 3]> {
    a.chunks_mut(size).zip(b.chunks_mut(size)).zip(c.chunks_mut(size)).map(|((a, b), c)| [a, b, c])
}
