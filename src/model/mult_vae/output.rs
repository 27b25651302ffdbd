//! The last layer of a Mult-VAE: logits of the items, the multinomial loss, and the layer's own step, in blocks of items.
//!
//! What is held is the logits of a batch, never users × items, and no gradient of the whole layer: a block's gradient is used up as soon as
//! it is made. Where a batch's logits are too many not even those: a first pass keeps of each block the largest logit and the sum of a row,
//! a second makes its logits again when its turn comes. The numbers are the same to the bit; it takes one product in three more. A softmax
//! over a [`Sample`] reads and changes the rows of its items alone. Blocks are dealt to a fixed number of lanes, whose shares of the hidden
//! layer's gradient are added in their order, so the number of threads changes no bit.

use crate::base::number::AsIndex;
use crate::base::{Context, Result, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{AdamStep, adam, axpy, exp_shifted, max, product_blocked, scale};
use crate::model::mult_vae::batch::Batch;
use crate::model::mult_vae::sample::Sample;

/// Lanes that the blocks of items are dealt to.
const LANES: usize = 16;
/// Items of a block at most: its gradient stays in the caches until it is used.
/// (An epoch of 6,040 users and 3,706 items is 2.1 times as fast as torch's on an Intel Xeon, 3.7 times on an AMD Zen 5.)
const BLOCK: usize = 256;

/// What the buffers are for.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Items of a batch's logits at most.
    pub items: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Rows of a batch at most.
    pub rows: usize,
    /// Logits of a batch up to which they are kept.
    pub kept: usize,
    /// Whether the items are those of a [`Sample`].
    pub sampled: bool,
}

/// The buffers of batches.
#[derive(Debug)]
pub struct Output {
    hidden: usize,
    /// Logits that are kept, block after block; shorter than a batch's where they are made again.
    logits: Vec<f32>,
    blocks: Vec<Block>,
    lanes: Vec<Lane>,
    /// Items of the batch at hand, and those of every block but the last.
    items: usize,
    size: usize,
}

/// A run of the items of a batch.
#[derive(Debug)]
struct Block {
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
    /// The logits of the block at hand, where blocks do not keep theirs: rows × items; then e^(logit − the block's largest of the row);
    /// then the gradient.
    logits: Vec<f32>,
    /// The rows and biases of the block at hand one after the other, where they do not lie so in the layer.
    gathered: Vec<f32>,
    gathered_bias: Vec<f32>,
}

/// Which items of the layer a block has.
#[derive(Clone, Copy)]
enum Own<'a> {
    /// As many from this one on.
    Run(usize, usize),
    /// These, with their shifts.
    Sampled(&'a [u32], &'a [f32]),
}

/// The layer, or a stretch of it, as it is read: its weights and biases, and the item that they begin with.
#[derive(Clone, Copy)]
struct Layer<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    from: usize,
}

fn block_size(items: usize) -> usize {
    items.div_ceil(LANES).clamp(1, BLOCK)
}

impl Room {
    fn logits(&self) -> usize {
        self.rows.saturating_mul(self.items)
    }

    /// Bytes of [`Output::new`].
    pub fn bytes(&self) -> usize {
        let size = block_size(self.items);
        let gathered = if self.sampled { size.saturating_mul(self.hidden).saturating_add(size) } else { 0 };
        let again = if self.logits() > self.kept { self.rows.saturating_mul(size) } else { 0 };
        let lane = self.rows.saturating_add(size).saturating_mul(self.hidden).saturating_add(size);
        let lane = lane.saturating_add(gathered).saturating_add(again).saturating_mul(LANES);
        let blocks = self.rows.saturating_mul(self.items.div_ceil(size).max(LANES)).saturating_mul(2);
        self.logits().min(self.kept).saturating_add(blocks).saturating_add(lane).saturating_mul(4)
    }
}

impl Output {
    /// Logits of a batch up to which they are kept: 128 MB.
    pub const KEPT: usize = 1 << 25;

    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(room: Room) -> Result<Self> {
        let Room { items, hidden, rows, kept, sampled } = room;
        let size = block_size(items);
        let block = || Ok(Block { largest: zeros(rows)?, sum: zeros(rows)?, hit: 0.0 });
        let again = if room.logits() > kept { rows * size } else { 0 };
        let gathered = if sampled { size } else { 0 };
        let lane = || {
            Ok(Lane {
                share: zeros(rows * hidden)?,
                weight: zeros(size * hidden)?,
                bias: zeros(size)?,
                logits: zeros(again)?,
                gathered: zeros(gathered * hidden)?,
                gathered_bias: zeros(gathered)?,
            })
        };
        Ok(Self {
            hidden,
            logits: zeros(room.logits().min(kept))?,
            // Fewer items make smaller blocks, down to one a lane.
            blocks: (0..items.div_ceil(size).max(LANES)).map(|_| block()).collect::<Result<_>>()?,
            lanes: (0..LANES).map(|_| lane()).collect::<Result<_>>()?,
            items,
            size,
        })
    }

    /// Where the logits of the batch at hand are kept, a piece a block; nowhere where they are not.
    fn pieces(logits: &mut [f32], rows: usize, items: usize, size: usize) -> Vec<&mut [f32]> {
        if rows * items > logits.len() {
            return (0..items.div_ceil(size)).map(|_| <&mut [f32]>::default()).collect();
        }
        logits[..rows * items].chunks_mut(rows * size).collect()
    }

    /// The loss −Σ target · ln softmax(h·Wᵀ + b) of the batch whose hidden layer is `h` (rows × hidden), summed over its rows; with a
    /// `sample` as that estimates it. What [`Output::learn`] needs is kept.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn loss(
        &mut self,
        (batch, sample): (&Batch, Option<&Sample>),
        h: &[f32],
        [weight, bias]: [&[f32]; 2],
        ctx: &Context<'_>,
    ) -> Result<f64> {
        let rows = batch.rows();
        self.items = sample.map_or(bias.len(), |s| s.items.len());
        self.size = block_size(self.items);
        let layer = Layer { weight, bias, from: 0 };
        let pieces = Self::pieces(&mut self.logits, rows, self.items, self.size);
        let parts = self.blocks.iter_mut().zip(pieces).zip(owners(sample, self.items, self.size));
        let mut lanes: Vec<(&mut Lane, Vec<_>)> = self.lanes.iter_mut().map(|l| (l, Vec::new())).collect();
        parts.enumerate().for_each(|(i, part)| lanes[i % LANES].1.push(part));
        ctx.pool.each_mut(&mut lanes, |_, (lane, parts)| {
            for ((block, kept), own) in parts.iter_mut().take_while(|_| !ctx.watch.cancelled()) {
                let [w, b] = own.gather(layer, &mut lane.gathered, &mut lane.gathered_bias);
                block.measure(batch, *own, [h, w, b], if kept.is_empty() { &mut lane.logits } else { kept });
            }
        });
        ctx.check()?;
        let blocks = &mut self.blocks[..self.items.div_ceil(self.size)];
        let mut loss = -blocks.iter().map(|b| b.hit).sum::<f64>();
        for row in 0..rows {
            let top = blocks.iter().map(|b| b.largest[row]).fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = blocks.iter().map(|b| b.sum[row] * (b.largest[row] - top).exp()).sum();
            loss += f64::from(batch.totals[row]) * f64::from(top + sum.ln());
            // From here on `sum` is the factor that turns the row's numbers into total · softmax.
            blocks.iter_mut().for_each(|b| b.sum[row] = batch.totals[row] * (b.largest[row] - top).exp() / sum);
        }
        Ok(loss)
    }

    /// After [`Output::loss`] of the same batch and `sample`: one step (where there is one) of the layer's weights and biases, each with
    /// their first and second moments, of a sample's items alone; and the loss's gradient by `h`, as it was before the step, into `delta`
    /// (rows × hidden).
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn learn(
        &mut self,
        (batch, sample): (&Batch, Option<&Sample>),
        h: &[f32],
        step: Option<AdamStep>,
        [weight, bias]: [[&mut [f32]; 3]; 2],
        delta: &mut [f32],
        ctx: &Context<'_>,
    ) -> Result<()> {
        let (hidden, rows) = (self.hidden, batch.rows());
        let pieces = Self::pieces(&mut self.logits, rows, self.items, self.size);
        let owners: Vec<Own<'_>> = owners(sample, self.items, self.size).collect();
        let ends: Vec<usize> = owners.iter().skip(1).map(Own::first).chain([bias[0].len()]).collect();
        let parts = self.blocks.iter_mut().zip(pieces).zip(owners).zip(stretches(weight, &ends, hidden)).zip(stretches(bias, &ends, 1));
        let mut lanes: Vec<(&mut Lane, Vec<_>)> = self.lanes.iter_mut().map(|l| (l, Vec::new())).collect();
        parts.enumerate().for_each(|(i, part)| lanes[i % LANES].1.push(part));
        ctx.pool.each_mut(&mut lanes, |_, (lane, parts)| {
            let Lane { share, weight, bias, logits, gathered, gathered_bias } = &mut **lane;
            share[..rows * hidden].fill(0.0);
            for ((((block, kept), own), (from, weights)), (_, biases)) in parts.iter_mut().take_while(|_| !ctx.watch.cancelled()) {
                let (n, layer) = (own.count(), Layer { weight: weights[0], bias: biases[0], from: *from });
                let [w, b] = own.gather(layer, gathered, gathered_bias);
                let again = kept.is_empty();
                let z = &mut (if again { &mut logits[..] } else { &mut kept[..] })[..rows * n];
                if again {
                    multiply([h, w, b], z);
                    for (z, largest) in z.chunks_mut(n).zip(&block.largest) {
                        exp_shifted(z, *largest);
                    }
                }
                finish_gradient(*own, &block.sum, batch, z, &mut bias[..n]);
                product_blocked(&Product { start: Start::Keep, ..Product::new(rows, hidden, n, z, w) }, 1, share);
                if let Some(step) = step {
                    product_blocked(&Product::transposed(n, hidden, rows, z, h), 1, weight);
                    own.step(step, *from, &weight[..n * hidden], weights);
                    own.step(step, *from, &bias[..n], biases);
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

/// The items of each block of `size`, of `items` in all or of the `sample`.
fn owners(sample: Option<&Sample>, items: usize, size: usize) -> impl Iterator<Item = Own<'_>> {
    (0..items).step_by(size).map(move |first| {
        let end = items.min(first + size);
        sample.map_or(Own::Run(first, end - first), |s| Own::Sampled(&s.items[first..end], &s.shifts[first..end]))
    })
}

/// The stretches of a layer's three slices that go up to each of the items `ends`, `width` numbers an item; and the item that each begins
/// with.
fn stretches<'a>([mut a, mut b, mut c]: [&'a mut [f32]; 3], ends: &[usize], width: usize) -> Vec<(usize, [&'a mut [f32]; 3])> {
    let mut from = 0;
    let mut cut = |end: usize| {
        let next = |x: &mut &'a mut [f32]| x.split_off_mut(..(end - from) * width).unwrap_or_default();
        let own = (from, [next(&mut a), next(&mut b), next(&mut c)]);
        from = end;
        own
    };
    ends.iter().map(|end| cut(*end)).collect()
}

impl Own<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Run(_, n) => *n,
            Self::Sampled(items, _) => items.len(),
        }
    }

    fn item(&self, i: usize) -> usize {
        match self {
            Self::Run(first, _) => first + i,
            Self::Sampled(items, _) => items[i].index(),
        }
    }

    fn first(&self) -> usize {
        self.item(0)
    }

    /// Its rows of `layer` one after the other, and its biases with the shifts: `to` and `to_bias` serve where they do not lie so.
    fn gather<'a>(&self, layer: Layer<'a>, to: &'a mut [f32], to_bias: &'a mut [f32]) -> [&'a [f32]; 2] {
        let width = layer.weight.len() / layer.bias.len();
        match self {
            Self::Run(first, n) => {
                let at = first - layer.from;
                [&layer.weight[at * width..(at + n) * width], &layer.bias[at..at + n]]
            }
            Self::Sampled(items, shifts) => {
                for (i, (item, shift)) in items.iter().zip(*shifts).enumerate() {
                    let at = item.index() - layer.from;
                    to[i * width..(i + 1) * width].copy_from_slice(&layer.weight[at * width..(at + 1) * width]);
                    to_bias[i] = layer.bias[at] + shift;
                }
                [&to[..items.len() * width], &to_bias[..items.len()]]
            }
        }
    }

    /// A step of its items in the stretch of a layer that begins with `from`, against their `gradient`.
    fn step(&self, step: AdamStep, from: usize, gradient: &[f32], [w, m, v]: &mut [&mut [f32]; 3]) {
        let n = gradient.len();
        match self {
            Self::Run(first, count) => {
                let at = (first - from) * n / count;
                adam(step, gradient, &mut m[at..at + n], &mut v[at..at + n], &mut w[at..at + n]);
            }
            Self::Sampled(items, _) => {
                let width = n / items.len();
                for (gradient, item) in gradient.chunks(width).zip(*items) {
                    let at = (item.index() - from) * width;
                    let own = at..at + width;
                    adam(step, gradient, &mut m[own.clone()], &mut v[own.clone()], &mut w[own]);
                }
            }
        }
    }
}

/// The logits of a block, into `z` (rows × its items), of hidden numbers, weights and biases.
fn multiply([h, weight, bias]: [&[f32]; 3], z: &mut [f32]) {
    let (n, hidden) = (bias.len(), weight.len() / bias.len());
    let product = Product::new(z.len() / n, n, hidden, h, weight);
    product_blocked(&Product { b_row: 1, start: Start::Row(bias), ..product }, hidden, z);
}

impl Block {
    /// Its part of the loss: `hit`, `largest` and `sum`, from what [`multiply`] takes; `z` is left with e^(logit − largest).
    fn measure(&mut self, batch: &Batch, own: Own<'_>, layer: [&[f32]; 3], z: &mut [f32]) {
        let n = own.count();
        let z = &mut z[..batch.rows() * n];
        multiply(layer, z);
        self.hit = 0.0;
        for i in 0..n {
            for e in batch.of(own.item(i)) {
                self.hit += f64::from(e.target * z[e.row.index() * n + i]);
            }
        }
        for (row, z) in z.chunks_mut(n).enumerate() {
            self.largest[row] = max(z);
            self.sum[row] = exp_shifted(z, self.largest[row]);
        }
    }
}

/// From what [`Block::measure`] left in `z`: total · softmax − target by way of the rows' factors `sum`, and into `bias` the sum of that
/// over the rows.
fn finish_gradient(own: Own<'_>, sum: &[f32], batch: &Batch, z: &mut [f32], bias: &mut [f32]) {
    let n = bias.len();
    bias.fill(0.0);
    for (z, factor) in z.chunks_mut(n).zip(sum) {
        scale(*factor, z);
        axpy(1.0, z, bias);
    }
    for (i, bias) in bias.iter_mut().enumerate() {
        for e in batch.of(own.item(i)) {
            z[e.row.index() * n + i] -= e.target;
            *bias -= e.target;
        }
    }
}
