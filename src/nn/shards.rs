//! The gradient of a batch, by shards of rows that threads share out.
//!
//! A shard has a fixed number of rows and the shards' gradients are added in their order, so the sum has the same bits whatever
//! the number of threads. A shard's rows are first copied side by side: the rows of a shuffled batch lie all over the table.

use crate::base::number::AsIndex;
use crate::base::{Context, Result, Rng, rng::mix, zeros};
use crate::dataset::TextRows;
use crate::kernel;
use crate::nn::dropout::Dropout;
use crate::nn::stack::{Sparse, Stack, Workspace};
use crate::nn::{Loss, Targets};

/// Rows of a shard: enough that a layer's weights are read rarely, few enough that the activations stay in the caches. (A batch of 1024 is
/// eight of them: an epoch of 20-64-32-1 over 800,000 rows is 9.5 times as fast as torch's on two threads; of batches of 32, each a part of
/// one shard on one thread, 28 times as fast as scikit-learn's.)
pub const SHARD: usize = 128;

/// Shards whose gradients are held at once; a larger batch takes several waves.
const WAVE: usize = 16;

/// The rows to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Rows × inputs, row-major.
    pub x: &'a [f32],
    /// Their sparse inputs, where the stack has some.
    pub texts: Option<TextRows<'a>>,
    /// One for each row.
    pub targets: Targets<'a>,
    /// One for each row, of mean 1; none: all 1.
    pub weights: Option<&'a [f32]>,
}

/// The sparse inputs of the rows of a batch, or of rows one after another.
pub(crate) struct Entries<'a, F> {
    pub texts: Option<TextRows<'a>>,
    /// Which of them row `i` of the batch is.
    pub place: F,
    /// The share of a row's entries that sit out, others being scaled up; and what decides which.
    pub dropped: (f32, u64),
}

impl<F: Fn(usize) -> usize> Sparse for Entries<'_, F> {
    fn of(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
        let (rate, seed) = self.dropped;
        let (below, scale) = ((rate * 65536.0) as u64, 1.0 / (1.0 - rate));
        let seed = seed ^ (row as u64) << 32;
        // The same entries on the way back: a hash, not a draw.
        let kept = move |e: &(usize, f32)| below == 0 || mix(seed ^ e.0 as u64) & 0xffff >= below;
        self.texts.into_iter().flat_map(move |t| t.entries((self.place)(row)).filter(kept).map(move |(i, x)| (i, x * scale)))
    }
}

/// The machinery of batches over one stack.
pub struct Shards<'a> {
    stack: &'a Stack,
    rows: Rows<'a>,
    loss: Loss,
    dropout: f32,
    shards: Vec<Shard>,
    turned: Vec<f32>,
    gradient: Vec<f32>,
}

struct Shard {
    x: Vec<f32>,
    work: Workspace,
    /// Empty in the first, which writes into the batch's own.
    gradient: Vec<f32>,
    loss: f64,
}

impl<'a> Shards<'a> {
    /// Bytes that [`Shards::new`] takes for batches of at most `batch` rows.
    pub fn bytes(stack: &Stack, batch: usize) -> usize {
        let (rows, count) = (batch.clamp(1, SHARD), batch.div_ceil(SHARD).clamp(1, WAVE));
        let inputs = stack.inputs();
        let shard = rows.saturating_mul(stack.width().saturating_mul(3).saturating_add(inputs));
        shard.saturating_add(stack.parameters()).saturating_mul(count).saturating_add(stack.turned_size()).saturating_mul(4)
    }

    /// For batches of at most `batch` rows out of `rows`, with the hidden outputs, and what rows set of
    /// their sparse inputs, dropped at the rate `dropout` in [0, 1).
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(stack: &'a Stack, rows: Rows<'a>, loss: Loss, dropout: f32, batch: usize) -> Result<Self> {
        let inputs = stack.inputs();
        let (size, count) = (batch.clamp(1, SHARD), batch.div_ceil(SHARD).clamp(1, WAVE));
        let shards = (0..count)
            .map(|i| {
                Ok(Shard {
                    x: zeros(size * inputs)?,
                    work: stack.workspace(size, dropout > 0.0)?,
                    gradient: zeros(if i == 0 { 0 } else { stack.parameters() })?,
                    loss: 0.0,
                })
            })
            .collect::<Result<_>>()?;
        let (turned, gradient) = (zeros(stack.turned_size())?, zeros(stack.parameters())?);
        Ok(Self { stack, rows, loss, dropout, shards, turned, gradient })
    }

    /// The summed loss of the rows `batch` at `params`; its gradient is [`Shards::gradient`]. `next` are the rows that come after, which
    /// are called into the caches meanwhile; `step` tells one batch's dropout from another's.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn batch(&mut self, params: &[f32], batch: &[u32], next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let Self { stack, rows, loss, dropout, shards, turned, gradient } = self;
        stack.turn(params, turned);
        let inputs = stack.inputs();
        let mut total = 0.0;
        for (wave, batch) in batch.chunks(WAVE * SHARD).enumerate() {
            let used = batch.len().div_ceil(SHARD);
            let run = |i: usize, s: &mut Shard, gradient: &mut [f32]| {
                let part = &batch[i * SHARD..batch.len().min((i + 1) * SHARD)];
                for (row, to) in part.iter().zip(s.x.chunks_exact_mut(inputs.max(1))) {
                    to.copy_from_slice(&rows.x[row.index() * inputs..][..inputs]);
                }
                let coming = (wave * WAVE + i) * SHARD;
                for row in next.iter().skip(coming).take(SHARD) {
                    kernel::prefetch(&rows.x[row.index() * inputs..][..inputs]);
                }
                let seed = mix(ctx.seed ^ mix(step << 16 | (wave * WAVE + i) as u64));
                let mut drop = Dropout { rate: *dropout, rng: Rng::stream(seed, 3) };
                let sparse = Entries { texts: rows.texts, place: |i: usize| part[i].index(), dropped: (*dropout, seed) };
                stack.forward_sparse(params, (&s.x, &sparse), part.len(), &mut s.work, (*dropout > 0.0).then_some(&mut drop));
                let out = &mut s.work.result()[..part.len() * stack.outputs()];
                s.loss = loss.gradient(out, stack.outputs(), rows.targets, rows.weights, part);
                stack.backward_sparse(params, turned, (&s.x, &sparse), part.len(), &mut s.work, gradient);
            };
            // The first shard of the first wave needs no buffer of its own, and a small batch has no other.
            if used == 1 && wave == 0 {
                run(0, &mut shards[0], gradient);
                total += shards[0].loss;
                continue;
            }
            if shards[0].gradient.is_empty() {
                shards[0].gradient = zeros(gradient.len())?;
            }
            ctx.pool.each_mut(&mut shards[..used], |i, s| {
                if !ctx.watch.cancelled() {
                    let mut own = std::mem::take(&mut s.gradient);
                    run(i, s, &mut own);
                    s.gradient = own;
                }
            });
            ctx.check()?;
            total += shards[..used].iter().map(|s| s.loss).sum::<f64>();
            add_up(gradient, &shards[..used], |s| &s.gradient, wave > 0, ctx);
        }
        Ok(total)
    }

    /// The gradient of the last batch's summed loss.
    pub fn gradient(&self) -> &[f32] {
        &self.gradient
    }
}

/// gradient ← (gradient, where `keep`) + those `of` the shards, each element in the order of the shards, so that the sum does not depend on
/// the threads. All are equally long.
pub fn add_up<S: Sync>(gradient: &mut [f32], shards: &[S], of: impl Fn(&S) -> &[f32] + Send + Sync, keep: bool, ctx: &Context<'_>) {
    const PART: usize = 16 * 1024;
    let mut parts: Vec<_> = gradient.chunks_mut(PART).collect();
    ctx.pool.each_mut(&mut parts, |i, part| {
        let here = i * PART..i * PART + part.len();
        for (j, s) in shards.iter().enumerate() {
            if j == 0 && !keep {
                part.copy_from_slice(&of(s)[here.clone()]);
            } else {
                kernel::axpy(1.0, &of(s)[here.clone()], part);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::nn::Activation;

    /// The gradient of all rows in one batch, over several waves.
    fn gradient(threads: usize, dropout: f32) -> (f64, Vec<f32>) {
        let n = WAVE * SHARD + 3 * SHARD + 5;
        let stack = Stack::new(&[3, 5, 1], Activation::Relu, Activation::Identity).unwrap();
        let mut rng = Rng::new(1);
        let x: Vec<f32> = (0..n * 3).map(|_| rng.normal() as f32).collect();
        let y: Vec<f32> = (0..n).map(|i| (i % 2) as f32).collect();
        let mut params = vec![0.0; stack.parameters()];
        stack.init(&mut params, &mut rng);
        let order: Vec<u32> = (0..n as u32).collect();
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
        let rows = Rows { x: &x, texts: None, targets: Targets::Binary(&y), weights: None };
        let mut s = Shards::new(&stack, rows, Loss::Bce, dropout, n).unwrap();
        let whole = s.batch(&params, &order, &order[..7], 5, &ctx).unwrap();
        if dropout > 0.0 {
            return (whole, s.gradient().to_vec());
        }
        // The same row by row.
        let (mut sum, mut loss) = (vec![0.0f64; stack.parameters()], 0.0);
        for i in 0..n {
            loss += s.batch(&params, &order[i..=i], &[], 0, &ctx).unwrap();
            sum.iter_mut().zip(s.gradient()).for_each(|(s, g)| *s += f64::from(*g));
        }
        assert!((whole - loss).abs() < 1e-4 * loss);
        s.batch(&params, &order, &[], 5, &ctx).unwrap();
        assert!(s.gradient().iter().zip(&sum).all(|(g, s)| (f64::from(*g) - s).abs() < 1e-2));
        (whole, s.gradient().to_vec())
    }

    #[test]
    fn threads_change_no_bit() {
        let bits = |(l, g): (f64, Vec<f32>)| (l.to_bits(), g.iter().map(|g| g.to_bits()).collect::<Vec<_>>());
        for dropout in [0.0, 0.3] {
            let one = bits(gradient(1, dropout));
            assert_eq!(one, bits(gradient(2, dropout)));
            assert_eq!(one, bits(gradient(3, dropout)));
        }
    }
}
