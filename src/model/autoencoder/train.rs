//! The training: mini-batches by shards of rows that threads share out, Adam along one cycle of the learning rate.
//!
//! A shard has a fixed number of rows and the shards' gradients are added in their order, so the weights have the same bits whatever the
//! number of threads.

use super::input::{assemble, hide, scatter};
use super::loss::{self, Target};
use super::shape::{Output, Shape};
use super::{Autoencoder, Params};
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Epoch, Error, Result, Rng, rng::mix, zeros};
use crate::dataset::encode::{Coded, Field};
use crate::nn::fit::{Loop, Trainee};
use crate::nn::monitor::{Evaluation, Fitted};
use crate::nn::one_cycle::one_cycle;
use crate::nn::tower::Work;
use crate::nn::{Adam, AdamSpec, add_up};

/// Rows of a shard: small enough that two threads share a batch of 256, and that the activations stay in the caches.
const SHARD: usize = 128;
/// Shards whose gradients are held at once; a larger batch takes several waves.
const WAVE: usize = 16;
/// Steps that train a network well when nobody says how many.
const STEPS: usize = 4000;

/// Coded rows of which some teach.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows.
    pub coded: &'a Coded,
    /// How many there are.
    pub count: usize,
}

impl Rows<'_> {
    fn target(&self, shape: &Shape, row: usize) -> Target<'_> {
        let (n, c, i) = (shape.numbers, shape.embeddings.len(), shape.outputs.len());
        Target {
            numbers: &self.coded.numbers[row * n..][..n],
            places: &self.coded.places[row * c..][..c],
            missing: &self.coded.missing[row * i..][..i],
        }
    }
}

/// What one shard works in.
struct Shard {
    x: Vec<f32>,
    hidden: Vec<bool>,
    code: Vec<f32>,
    chance: Vec<f32>,
    delta: Vec<f32>,
    by_code: Vec<f32>,
    by_encoder: Vec<f32>,
    by_x: Vec<f32>,
    down: Work,
    up: Work,
    gradient: Vec<f32>,
    loss: f64,
}

impl Shard {
    fn new(shape: &Shape, rows: usize, learns: bool) -> Result<Self> {
        Ok(Self {
            x: zeros(rows * shape.inputs())?,
            hidden: zeros(rows * shape.outputs.len())?,
            code: zeros(rows * shape.width)?,
            chance: zeros(rows * shape.width)?,
            delta: zeros(rows * shape.outputs())?,
            by_code: zeros(rows * shape.width)?,
            by_encoder: zeros(rows * shape.encoder.outputs())?,
            by_x: zeros(if learns { rows * shape.inputs() } else { 0 })?,
            down: shape.encoder.work(rows)?,
            up: shape.decoder.work(rows)?,
            gradient: zeros(if learns { shape.parameters() } else { 0 })?,
            loss: 0.0,
        })
    }

    fn bytes(shape: &Shape, rows: usize) -> usize {
        let row = 2 * shape.inputs() + shape.outputs() + 5 * shape.width + shape.encoder.width() + shape.decoder.width();
        rows.saturating_mul(row).saturating_add(shape.parameters()).saturating_mul(4)
    }
}

/// A network in training.
struct Training<'a> {
    shape: &'a Shape,
    own: &'a Params,
    rows: Rows<'a>,
    valid: Option<Rows<'a>>,
    weight: &'a [f32],
    blank: &'a [f32],
    params: Vec<f32>,
    gradient: Vec<f32>,
    adam: Adam,
    steps: u64,
    shards: Vec<Shard>,
}

impl Autoencoder {
    /// Trains on `rows`, coded by `fields`, whose values are all missing in `blank`. `valid` are rows to evaluate each epoch on: the epoch
    /// with the lowest mean loss there is kept. Returns the network, every epoch, and how many epochs were planned.
    ///
    /// # Errors
    /// [`Code::Data`] without rows, or when training diverges; [`Code::OutOfMemory`] before anything is allocated when the budget does not
    /// allow it; [`Code::Cancelled`].
    pub fn fit(
        fields: &[Field],
        rows: Rows<'_>,
        valid: Option<Rows<'_>>,
        blank: &[f32],
        own: &Params,
        ctx: &Context<'_>,
    ) -> Result<(Self, Vec<Epoch>, usize)> {
        if rows.count == 0 {
            return Err(Error::new(Code::Data, "no rows to learn from"));
        }
        let shape = Shape::new(fields, &own.hidden, own.width, own.variational > 0.0)?;
        let batch = own.batch.clamp(1, rows.count);
        let epochs = own.epochs.unwrap_or_else(|| (STEPS * batch).div_ceil(rows.count).clamp(5, 200));
        let plan = Loop { rows: rows.count, epochs, batch, patience: 0 };
        let (size, count) = (batch.min(SHARD), batch.div_ceil(SHARD).clamp(1, WAVE));
        let fixed = shape.parameters().saturating_mul(16).saturating_add(plan.bytes(shape.parameters()));
        let bytes = Shard::bytes(&shape, size).saturating_mul(count).saturating_add(fixed);
        let _taken = ctx.budget.take(bytes, &format!("Training a network of {} weights on {} rows", shape.parameters(), rows.count))?;
        let weight = weights(&shape, rows, own.balance)?;
        let mut params = zeros(shape.parameters())?;
        shape.init(&mut params, &mut Rng::stream(ctx.seed, 0x61));
        let spec = AdamSpec { learning_rate: own.learning_rate, weight_decay: own.weight_decay, ..AdamSpec::default() };
        let mut training = Training {
            adam: Adam::new(spec, params.len())?,
            gradient: zeros(params.len())?,
            steps: (rows.count.div_ceil(batch) * epochs) as u64,
            shards: (0..count).map(|_| Shard::new(&shape, size, true)).collect::<Result<_>>()?,
            shape: &shape,
            own,
            rows,
            valid,
            weight: &weight,
            blank,
            params,
        };
        let Fitted { epochs: curve, .. } = plan.run(&mut training, ctx)?;
        let params = training.params;
        Ok((Self { shape, params: params.into(), weight: weight.into() }, curve, epochs))
    }
}

/// What the squared error of each number weighs: `balance` over the numbers of its column and over its variance, so that each column counts
/// alike; 0 for one that does not vary.
fn weights(shape: &Shape, rows: Rows<'_>, balance: f32) -> Result<Vec<f32>> {
    let n = shape.numbers;
    let (mut sums, mut squares): (Vec<f64>, Vec<f64>) = (zeros(n)?, zeros(n)?);
    for line in rows.coded.numbers.chunks_exact(n.max(1)).take(rows.count) {
        for ((s, q), x) in sums.iter_mut().zip(&mut squares).zip(line) {
            *s += f64::from(*x);
            *q += f64::from(*x).powi(2);
        }
    }
    let mut out = zeros(n)?;
    for of in shape.outputs.iter().filter_map(|o| if let Output::Numbers { of, .. } = o { Some(of) } else { None }) {
        for j in of.clone() {
            let mean = sums[j] / rows.count.real();
            let var = squares[j] / rows.count.real() - mean * mean;
            out[j] = if var > 1e-6 { (f64::from(balance) / of.len().real() / var.max(0.01)).single() } else { 0.0 };
        }
    }
    Ok(out)
}

impl Training<'_> {
    /// Sends the rows `part` through and, where the shard learns, back: its loss and its gradient. Columns are hidden by chance, and a
    /// variational code is drawn, where there is an `rng`.
    fn shard(&self, s: &mut Shard, part: impl ExactSizeIterator<Item = usize>, of: Rows<'_>, rng: Option<&mut Rng>, gradient: &mut [f32]) {
        let (shape, params, n) = (self.shape, &self.params[..], part.len());
        let (inputs, columns, outputs, width) = (shape.inputs(), shape.outputs.len(), shape.outputs(), shape.width);
        let mut none = Rng::new(0);
        let (rng, learns) = rng.map_or((&mut none, false), |r| (r, true));
        let rows: Vec<usize> = part.collect();
        for (k, row) in rows.iter().enumerate() {
            let t = of.target(shape, *row);
            let hidden = &mut s.hidden[k * columns..][..columns];
            hide(t.missing, if learns { self.own.noise } else { 0.0 }, rng, hidden);
            assemble(shape, params, t.numbers, t.places, hidden, self.blank, &mut s.x[k * inputs..][..inputs]);
        }
        shape.encoder.forward(params, &s.x, n, &mut s.down);
        let wide = shape.encoder.outputs();
        for (code, (made, chance)) in
            s.code.chunks_exact_mut(width).zip(s.down.result().chunks_exact(wide).zip(s.chance.chunks_exact_mut(width))).take(n)
        {
            code.copy_from_slice(&made[..width]);
            if learns && shape.variational() {
                for ((z, e), v) in code.iter_mut().zip(chance).zip(&made[width..]) {
                    *e = (0.5 * v).exp() * rng.normal().single();
                    *z += *e;
                }
            }
        }
        shape.decoder.forward(params, &s.code, n, &mut s.up);
        s.delta[..n * outputs].copy_from_slice(&s.up.result()[..n * outputs]);
        s.loss = rows
            .iter()
            .zip(s.delta.chunks_exact_mut(outputs))
            .map(|(row, out)| loss::gradient(shape, self.weight, &of.target(shape, *row), out))
            .sum();
        if !learns {
            return;
        }
        shape.decoder.backward(params, &s.code, &s.delta[..n * outputs], &mut s.up, gradient, Some(&mut s.by_code));
        let lines = s.by_encoder.chunks_exact_mut(wide).zip(s.by_code.chunks_exact(width)).zip(s.down.result().chunks_exact(wide));
        for (((to, by), made), chance) in lines.zip(s.chance.chunks_exact(width)).take(n) {
            to[..width].copy_from_slice(by);
            if shape.variational() {
                // z = m + e^(v/2)·ε, so ∂z/∂v = half of what chance added.
                to[width..].iter_mut().zip(by.iter().zip(chance)).for_each(|(t, (b, e))| *t = 0.5 * b * e);
                s.loss += loss::divergence(made, self.own.variational, to);
            }
        }
        shape.encoder.backward(params, &s.x, &s.by_encoder[..n * wide], &mut s.down, gradient, Some(&mut s.by_x));
        for e in &shape.embeddings {
            gradient[e.table.clone()].fill(0.0);
        }
        for (k, row) in rows.iter().enumerate() {
            let hidden = &s.hidden[k * columns..][..columns];
            scatter(shape, of.target(shape, *row).places, hidden, &s.by_x[k * inputs..][..inputs], gradient);
        }
    }

    /// The summed loss of the rows `batch` and, in `self.gradient`, its gradient.
    fn batch(&mut self, batch: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let mut shards = std::mem::take(&mut self.shards);
        let mut total = 0.0;
        for (wave, rows) in batch.chunks(WAVE * SHARD).enumerate() {
            let used = rows.len().div_ceil(SHARD);
            ctx.pool.each_mut(&mut shards[..used], |i, s| {
                if !ctx.watch.cancelled() {
                    let part = &rows[i * SHARD..rows.len().min((i + 1) * SHARD)];
                    let seed = mix(ctx.seed ^ mix(step << 16 | (wave * WAVE + i) as u64));
                    let mut gradient = std::mem::take(&mut s.gradient);
                    self.shard(s, part.iter().map(|r| r.index()), self.rows, Some(&mut Rng::stream(seed, 4)), &mut gradient);
                    s.gradient = gradient;
                }
            });
            total += shards[..used].iter().map(|s| s.loss).sum::<f64>();
            add_up(&mut self.gradient, &shards[..used], |s| &s.gradient, wave > 0, ctx);
        }
        self.shards = shards;
        ctx.check()?;
        Ok(total)
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, rows: &[u32], _: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let loss = self.batch(rows, step, ctx)?;
        self.adam.set_learning_rate(one_cycle(step, self.steps, self.own.learning_rate));
        self.adam.step(&mut self.params, &self.gradient, 1.0 / rows.len().single(), ctx.pool);
        Ok(loss)
    }

    fn evaluate(&mut self, ctx: &Context<'_>) -> Result<Option<Evaluation>> {
        let Some(valid) = self.valid else { return Ok(None) };
        let mut losses: Vec<Result<f64>> = Vec::new();
        losses.resize_with(valid.count.div_ceil(SHARD), || Ok(0.0));
        ctx.pool.each_mut(&mut losses, |i, loss| {
            *loss = ctx.check().and_then(|()| {
                let rows = i * SHARD..valid.count.min((i + 1) * SHARD);
                let mut s = Shard::new(self.shape, rows.len(), false)?;
                self.shard(&mut s, rows, valid, None, &mut []);
                Ok(s.loss)
            })
        });
        let total = losses.into_iter().sum::<Result<f64>>()?;
        Ok(Some(Evaluation { loss: total / valid.count.max(1).real(), metric: None }))
    }

    fn parameters(&mut self) -> &mut [f32] {
        &mut self.params
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
