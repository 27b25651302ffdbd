//! The step of a Mult-VAE: forward, the evidence lower bound, backward, Adam.

use crate::base::number::AsReal;
use crate::base::rng::mix;
use crate::base::{Context, Result, Rng, zeros};
use crate::dataset::Pairs;
use crate::kernel::dense::{Product, Start};
use crate::kernel::{adam, tanh, tanh_back};
use crate::linalg::{column_sums, multiply_split};
use crate::model::mult_vae::batch::Batch;
use crate::model::mult_vae::codes::Codes;
use crate::model::mult_vae::earlier::EarlierEncoder;
use crate::model::mult_vae::output::Output;
use crate::model::mult_vae::sample::Sample;
use crate::model::mult_vae::shape::{Layers, Shape};
use crate::model::mult_vae::{Params, input};
use crate::nn::fit::Trainee;
use crate::nn::monitor::Evaluation;
use crate::nn::{Adam, AdamSpec, Touch};

/// The stream of draws that a sample takes: those of a batch's rows are numbered from 0.
const SAMPLE: u64 = u64::MAX;

/// Evaluates the parameters as they are, on users that were held out.
pub type Evaluate<'a> = dyn Fn(&[f32]) -> Result<Option<Evaluation>> + Sync + 'a;

/// A Mult-VAE that learns.
pub struct Training<'a> {
    shape: Shape,
    sizes: Layers<usize>,
    dropout: f32,
    beta: f32,
    gamma: Option<f32>,
    /// Steps over which the weight of the KL term rises.
    anneal: f32,
    /// Steps of an epoch.
    epoch: u64,
    /// Epochs of the encoder before one of the decoder; 0: both learn at once.
    alternate: u64,
    /// Steps that the encoder and the decoder have taken.
    taken: [i32; 2],
    pairs: &'a Pairs,
    evaluate: Option<&'a Evaluate<'a>>,
    params: Vec<f32>,
    adam: Adam,
    batch: Batch,
    /// The items of a softmax that is not over all, and how many are drawn beside those of the batch.
    sample: Option<(Sample, usize)>,
    output: Output,
    codes: Codes,
    earlier: Option<EarlierEncoder>,
    work: Work,
}

/// Rows × width of each hidden layer, and the gradients by them.
struct Work {
    first: Vec<f32>,
    first_delta: Vec<f32>,
    last: Vec<f32>,
    last_delta: Vec<f32>,
    /// The gradient of the layer at hand, of those that are not wide.
    gradient: Vec<f32>,
}

impl<'a> Training<'a> {
    /// Bytes that [`Training::new`] takes: what grows with the parameters, and with the largest batch, of `rows` rows and `entries`
    /// entries.
    ///
    /// # Errors
    /// As [`Shape::sizes`].
    pub fn bytes(shape: &Shape, p: &Params, rows: usize, entries: usize) -> Result<usize> {
        let sizes = shape.sizes()?;
        let small = shape.hidden.saturating_mul(shape.latent).saturating_mul(2);
        let earlier = if p.composite() { EarlierEncoder::bytes(shape, &sizes, rows, entries) } else { 0 };
        Ok(shape
            .parameters()?
            .saturating_mul(12)
            .saturating_add(rows.saturating_mul(shape.hidden.saturating_mul(4)).saturating_add(small).saturating_mul(4))
            .saturating_add(Codes::bytes(rows, shape.latent, p.composite()))
            .saturating_add(earlier)
            .saturating_add(p.room(shape, rows, entries).bytes())
            .saturating_add(p.drawn().map_or(0, |drawn| Sample::bytes(Sample::most(shape.items, entries, drawn))))
            .saturating_add(Batch::bytes(entries, shape.items)))
    }

    /// A network with new weights that `seed` fixes, to learn from `pairs` in batches of at most `rows` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(shape: Shape, p: &Params, pairs: &'a Pairs, rows: usize, evaluate: Option<&'a Evaluate<'a>>, seed: u64) -> Result<Self> {
        let adam = AdamSpec { learning_rate: p.learning_rate, weight_decay: p.weight_decay, ..AdamSpec::default() };
        Self::with_adam(shape, p, pairs, rows, evaluate, seed, adam)
    }

    fn with_adam(
        shape: Shape,
        p: &Params,
        pairs: &'a Pairs,
        rows: usize,
        evaluate: Option<&'a Evaluate<'a>>,
        seed: u64,
        adam: AdamSpec,
    ) -> Result<Self> {
        let (sizes, Shape { hidden, latent, .. }) = (shape.sizes()?, shape);
        let mut params = zeros(shape.parameters()?)?;
        shape.init(&sizes, &mut params, &mut Rng::stream(seed, 1));
        let adam = Adam::new(adam, params.len())?;
        let work = Work {
            first: zeros(rows * hidden)?,
            first_delta: zeros(rows * hidden)?,
            last: zeros(rows * hidden)?,
            last_delta: zeros(rows * hidden)?,
            gradient: zeros(hidden * latent * 2)?,
        };
        let entries = most_entries((0..pairs.rows()).map(|row| pairs.offsets[row + 1] - pairs.offsets[row]), rows);
        let epoch = pairs.rows().div_ceil(rows.max(1));
        let earlier = if p.composite() { Some(EarlierEncoder::new(&shape, &sizes, rows, &params)?) } else { None };
        Ok(Self {
            shape,
            sizes,
            dropout: p.dropout,
            beta: p.beta,
            gamma: p.gamma,
            anneal: p.anneal * epoch.single(),
            epoch: epoch.max(1) as u64,
            alternate: p.alternate,
            taken: [0; 2],
            pairs,
            evaluate,
            params,
            adam,
            batch: Batch::default(),
            sample: p.drawn().map(|drawn| (Sample::default(), drawn)),
            output: Output::new(p.room(&shape, rows, entries))?,
            codes: Codes::new(rows, latent, p.composite())?,
            earlier,
            work,
        })
    }
}

impl Training<'_> {
    /// Has `write` change the weights to begin from.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn begin_from(&mut self, write: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<()> {
        write(&mut self.params)
    }
}

/// Entries of a batch of `rows` rows at most, of rows with these `lengths`.
pub fn most_entries(lengths: impl Iterator<Item = usize>, rows: usize) -> usize {
    let mut lengths: Vec<usize> = lengths.collect();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    lengths.iter().take(rows).sum()
}

impl Training<'_> {
    /// Whether the encoder and the decoder learn in the step number `step`.
    fn turn(&self, step: u64) -> [bool; 2] {
        let encoders = step / self.epoch % (self.alternate + 1) < self.alternate;
        [self.alternate == 0 || encoders, self.alternate == 0 || !encoders]
    }

    /// What goes before a step: the batch, its KL weights, and what the composite prior needs.
    fn begin(&mut self, users: &[u32], step: u64, seed: u64, [encoder, _]: [bool; 2], ctx: &Context<'_>) -> Result<()> {
        // The decoder by itself learns from whole histories (Shenbin et al. 2020, section 4.4).
        self.batch.take(self.pairs, users, if encoder { self.dropout } else { 0.0 }, seed)?;
        if let Some((sample, drawn)) = &mut self.sample {
            sample.draw(&self.batch, self.shape.items, *drawn, &mut Rng::stream(seed, SAMPLE))?;
        }
        let risen = ((step + 1).single() / self.anneal.max(1.0)).min(1.0);
        for (weight, total) in self.codes.weights.iter_mut().zip(&self.batch.totals) {
            *weight = if encoder { self.gamma.map_or(self.beta, |g| g * total) * risen } else { 0.0 };
        }
        if let (Some(earlier), Some(codes)) = (&mut self.earlier, &mut self.codes.earlier) {
            if step > 0 && step.is_multiple_of(self.epoch) && (self.alternate == 0 || !encoder) {
                earlier.follow(&self.params);
            }
            earlier.codes(&self.sizes, self.pairs, users, &mut codes.code, ctx)?;
        }
        Ok(())
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, users: &[u32], _next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let Shape { hidden, latent, .. } = self.shape;
        let (rows, seed, turn) = (users.len(), mix(ctx.seed ^ mix(step)), self.turn(step));
        self.begin(users, step, seed, turn, ctx)?;

        let l = self.shape.split(&self.sizes, &self.params);
        let (w, c) = (&mut self.work, &mut self.codes);
        input::forward(&self.batch, l.input, l.input_bias, &mut w.first, ctx.pool);
        let start = Start::Row(l.encode_bias);
        multiply_split(ctx.pool, &Product { start, ..Product::new(rows, 2 * latent, hidden, &w.first, l.encode) }, 1, &mut c.code);
        let kl = c.sample(rows, seed, ctx);
        let start = Start::Row(l.decode_bias);
        multiply_split(ctx.pool, &Product { start, ..Product::new(rows, hidden, latent, &c.sample, l.decode) }, 1, &mut w.last);
        tanh(&mut w.last[..rows * hidden]);
        let asked = (&self.batch, self.sample.as_ref().map(|s| &s.0));
        let loss = self.output.loss(asked, &w.last, [l.output, l.output_bias], ctx)?;

        self.taken.iter_mut().zip(turn).for_each(|(n, learns)| *n = n.saturating_add(i32::from(learns)));
        let [encoder, decoder] = turn;
        let [encoder_step, s] = self.taken.map(|n| self.adam.nth(n, 1.0 / rows.single()));
        let (first, second) = self.adam.moments();
        let p = self.shape.split_mut(&self.sizes, &mut self.params);
        let (m, v) = (self.shape.split_mut(&self.sizes, first), self.shape.split_mut(&self.sizes, second));
        let (weights, biases) = ([p.output, m.output, v.output], [p.output_bias, m.output_bias, v.output_bias]);
        self.output.learn(asked, &w.last, decoder.then_some(s), [weights, biases], &mut w.last_delta, ctx)?;

        tanh_back(&w.last[..rows * hidden], &mut w.last_delta[..rows * hidden]);
        let back = Product { b_row: 1, ..Product::new(rows, latent, hidden, &w.last_delta, p.decode) };
        multiply_split(ctx.pool, &back, hidden, &mut c.sample_delta);
        if decoder {
            let g = &mut w.gradient[..latent * hidden];
            multiply_split(ctx.pool, &Product::transposed(latent, hidden, rows, &c.sample, &w.last_delta), 1, g);
            adam(s, g, m.decode, v.decode, p.decode);
            let g = &mut g[..hidden];
            column_sums(&w.last_delta, rows, g);
            adam(s, g, m.decode_bias, v.decode_bias, p.decode_bias);
        }
        if !encoder {
            return Ok(loss);
        }
        let s = encoder_step;
        c.back(rows, ctx);
        let back = Product { b_row: 1, ..Product::new(rows, hidden, 2 * latent, &c.code_delta, p.encode) };
        multiply_split(ctx.pool, &back, 2 * latent, &mut w.first_delta);
        tanh_back(&w.first[..rows * hidden], &mut w.first_delta[..rows * hidden]);
        let g = &mut w.gradient[..2 * latent * hidden];
        multiply_split(ctx.pool, &Product::transposed(hidden, 2 * latent, rows, &w.first, &c.code_delta), 1, g);
        adam(s, g, m.encode, v.encode, p.encode);
        let g = &mut g[..2 * latent];
        column_sums(&c.code_delta, rows, g);
        adam(s, g, m.encode_bias, v.encode_bias, p.encode_bias);

        let touch = if self.sample.is_some() { Touch::Own } else { Touch::All };
        input::learn((&self.batch, touch), &w.first_delta, hidden, s, [p.input, m.input, v.input], ctx)?;
        let g = &mut w.gradient[..hidden];
        column_sums(&w.first_delta, rows, g);
        adam(s, g, m.input_bias, v.input_bias, p.input_bias);
        Ok(loss + kl)
    }

    fn evaluate(&mut self, _ctx: &Context<'_>) -> Result<Option<Evaluation>> {
        self.evaluate.map_or(Ok(None), |j| j(&self.params))
    }

    fn parameters(&mut self) -> &mut [f32] {
        &mut self.params
    }
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
