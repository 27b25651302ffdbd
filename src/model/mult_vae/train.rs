//! The step of a Mult-VAE: forward, the evidence lower bound, backward, Adam.

use crate::base::rng::mix;
use crate::base::{Context, Result, Rng, zeros};
use crate::dataset::Pairs;
use crate::kernel::dense::{Product, Start};
use crate::kernel::{adam, tanh, tanh_back};
use crate::linalg::{column_sums, multiply_split};
use crate::model::mult_vae::batch::Batch;
use crate::model::mult_vae::output::Output;
use crate::model::mult_vae::shape::{Layers, Shape};
use crate::model::mult_vae::{Params, input};
use crate::nn::fit::Trainee;
use crate::nn::monitor::Judgement;
use crate::nn::{Adam, AdamSpec};

/// Rows of the bottleneck that a thread takes at a time.
const ROWS: usize = 32;

/// Judges the parameters as they are, on users that were held out.
pub type Judge<'a> = dyn Fn(&[f32]) -> Result<Option<Judgement>> + Sync + 'a;

/// A Mult-VAE that learns.
pub struct Training<'a> {
    shape: Shape,
    sizes: Layers<usize>,
    dropout: f32,
    beta: f32,
    /// Steps over which the weight of the KL term rises to `beta`.
    anneal: f32,
    pairs: &'a Pairs,
    judge: Option<&'a Judge<'a>>,
    params: Vec<f32>,
    adam: Adam,
    batch: Batch,
    output: Output,
    work: Work,
}

/// Rows × width of each layer, and the gradients by them.
struct Work {
    first: Vec<f32>,
    first_delta: Vec<f32>,
    /// Means, then logarithms of variances.
    code: Vec<f32>,
    code_delta: Vec<f32>,
    /// What was added to the means: noise · spread.
    noise: Vec<f32>,
    sample: Vec<f32>,
    sample_delta: Vec<f32>,
    last: Vec<f32>,
    last_delta: Vec<f32>,
    /// The gradient of the layer at hand, of those that are not wide.
    gradient: Vec<f32>,
}

impl<'a> Training<'a> {
    /// Bytes that [`Training::new`] takes: what grows with the parameters, and with the largest batch.
    pub fn bytes(shape: &Shape, parameters: usize, rows: usize, entries: usize, blocked: bool) -> usize {
        let row = shape.hidden.saturating_mul(4).saturating_add(shape.latent.saturating_mul(7));
        let small = shape.hidden.saturating_mul(shape.latent).saturating_mul(2);
        parameters
            .saturating_mul(12)
            .saturating_add(rows.saturating_mul(row).saturating_add(small).saturating_mul(4))
            .saturating_add(Output::bytes(shape.items, shape.hidden, rows, blocked))
            .saturating_add(Batch::bytes(entries, shape.items))
    }

    /// A network with new weights that `seed` fixes, to learn from `pairs` in batches of at most `rows` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(shape: Shape, p: &Params, pairs: &'a Pairs, rows: usize, judge: Option<&'a Judge<'a>>, seed: u64) -> Result<Self> {
        let adam = AdamSpec { learning_rate: p.learning_rate, weight_decay: p.weight_decay, ..AdamSpec::default() };
        Self::with_adam(shape, p, pairs, rows, judge, seed, adam)
    }

    fn with_adam(
        shape: Shape,
        p: &Params,
        pairs: &'a Pairs,
        rows: usize,
        judge: Option<&'a Judge<'a>>,
        seed: u64,
        adam: AdamSpec,
    ) -> Result<Self> {
        let (sizes, Shape { items, hidden, latent }) = (shape.sizes()?, shape);
        let mut params = zeros(shape.parameters()?)?;
        shape.init(&sizes, &mut params, &mut Rng::stream(seed, 1));
        let adam = Adam::new(adam, params.len())?;
        let work = Work {
            first: zeros(rows * hidden)?,
            first_delta: zeros(rows * hidden)?,
            code: zeros(rows * latent * 2)?,
            code_delta: zeros(rows * latent * 2)?,
            noise: zeros(rows * latent)?,
            sample: zeros(rows * latent)?,
            sample_delta: zeros(rows * latent)?,
            last: zeros(rows * hidden)?,
            last_delta: zeros(rows * hidden)?,
            gradient: zeros(hidden * latent * 2)?,
        };
        let output = Output::new(items, hidden, rows, p.blocked(rows, items))?;
        let anneal = p.anneal * pairs.rows().div_ceil(rows.max(1)) as f32;
        Ok(Self {
            shape,
            sizes,
            dropout: p.dropout,
            beta: p.beta,
            anneal,
            pairs,
            judge,
            params,
            adam,
            batch: Batch::default(),
            output,
            work,
        })
    }
}

impl Work {
    /// Samples the code of each row (the reparametrisation of Kingma & Welling 2014); returns Σ KL(q ‖ N(0, 1)).
    fn sample(&mut self, rows: usize, latent: usize, seed: u64, ctx: &Context<'_>) -> f64 {
        let w = self;
        let parts = w.code[..rows * latent * 2].chunks(ROWS * latent * 2);
        let parts = parts.zip(w.noise[..rows * latent].chunks_mut(ROWS * latent)).zip(w.sample.chunks_mut(ROWS * latent));
        let mut parts: Vec<_> = parts.map(|((c, n), s)| (c, n, s, 0.0)).collect();
        ctx.pool.each_mut(&mut parts, |p, (code, noise, sample, kl)| {
            let mut rng = Rng::stream(seed, 1 << 32 | p as u64);
            for ((code, noise), sample) in code.chunks(latent * 2).zip(noise.chunks_mut(latent)).zip(sample.chunks_mut(latent)) {
                let (mean, log) = code.split_at(latent);
                for i in 0..latent {
                    let spread = (0.5 * log[i]).exp();
                    noise[i] = rng.normal() as f32 * spread;
                    sample[i] = mean[i] + noise[i];
                    *kl -= 0.5 * f64::from(1.0 + log[i] - mean[i] * mean[i] - spread * spread);
                }
            }
        });
        parts.iter().map(|p| p.3).sum()
    }

    /// The gradient by the codes, from that by the samples and the KL term's.
    fn sample_back(&mut self, rows: usize, latent: usize, beta: f32, ctx: &Context<'_>) {
        let codes = self.code[..rows * latent * 2].chunks(ROWS * latent * 2).zip(self.code_delta.chunks_mut(ROWS * latent * 2));
        let samples = self.noise.chunks(ROWS * latent).zip(self.sample_delta.chunks(ROWS * latent));
        let mut parts: Vec<_> = codes.zip(samples).collect();
        ctx.pool.each_mut(&mut parts, |_, ((code, delta), (noise, by_sample))| {
            let codes = code.chunks(latent * 2).zip(delta.chunks_mut(latent * 2));
            for ((code, delta), (noise, by_sample)) in codes.zip(noise.chunks(latent).zip(by_sample.chunks(latent))) {
                for i in 0..latent {
                    let (mean, log) = (code[i], code[latent + i]);
                    delta[i] = by_sample[i] + beta * mean;
                    delta[latent + i] = 0.5 * by_sample[i] * noise[i] + 0.5 * beta * (log.exp() - 1.0);
                }
            }
        });
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, users: &[u32], _next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let Shape { hidden, latent, .. } = self.shape;
        let (rows, seed) = (users.len(), mix(ctx.seed ^ mix(step)));
        let beta = self.beta * ((step + 1) as f32 / self.anneal.max(1.0)).min(1.0);
        self.batch.take(self.pairs, users, self.dropout, seed)?;

        let l = self.shape.split(&self.sizes, &self.params);
        let w = &mut self.work;
        input::forward(&self.batch, l.input, l.input_bias, &mut w.first, ctx.pool);
        let start = Start::Row(l.encode_bias);
        multiply_split(ctx.pool, &Product { start, ..Product::new(rows, 2 * latent, hidden, &w.first, l.encode) }, 1, &mut w.code);
        let kl = w.sample(rows, latent, seed, ctx);
        let start = Start::Row(l.decode_bias);
        multiply_split(ctx.pool, &Product { start, ..Product::new(rows, hidden, latent, &w.sample, l.decode) }, 1, &mut w.last);
        tanh(&mut w.last[..rows * hidden]);
        let loss = self.output.loss(&self.batch, &w.last, l.output, l.output_bias, ctx)?;

        let s = self.adam.begin(1.0 / rows as f32);
        let (first, second) = self.adam.moments();
        let p = self.shape.split_mut(&self.sizes, &mut self.params);
        let (m, v) = (self.shape.split_mut(&self.sizes, first), self.shape.split_mut(&self.sizes, second));
        let biases = [p.output_bias, m.output_bias, v.output_bias];
        self.output.learn(&self.batch, &w.last, s, [[p.output, m.output, v.output], biases], &mut w.last_delta, ctx)?;

        tanh_back(&w.last[..rows * hidden], &mut w.last_delta[..rows * hidden]);
        let back = Product { b_row: 1, ..Product::new(rows, latent, hidden, &w.last_delta, p.decode) };
        multiply_split(ctx.pool, &back, hidden, &mut w.sample_delta);
        let g = &mut w.gradient[..latent * hidden];
        multiply_split(ctx.pool, &Product::transposed(latent, hidden, rows, &w.sample, &w.last_delta), 1, g);
        adam(s, g, m.decode, v.decode, p.decode);
        let g = &mut g[..hidden];
        column_sums(&w.last_delta, rows, g);
        adam(s, g, m.decode_bias, v.decode_bias, p.decode_bias);

        w.sample_back(rows, latent, beta, ctx);
        let back = Product { b_row: 1, ..Product::new(rows, hidden, 2 * latent, &w.code_delta, p.encode) };
        multiply_split(ctx.pool, &back, 2 * latent, &mut w.first_delta);
        tanh_back(&w.first[..rows * hidden], &mut w.first_delta[..rows * hidden]);
        let g = &mut w.gradient[..2 * latent * hidden];
        multiply_split(ctx.pool, &Product::transposed(hidden, 2 * latent, rows, &w.first, &w.code_delta), 1, g);
        adam(s, g, m.encode, v.encode, p.encode);
        let g = &mut g[..2 * latent];
        column_sums(&w.code_delta, rows, g);
        adam(s, g, m.encode_bias, v.encode_bias, p.encode_bias);

        input::learn(&self.batch, &w.first_delta, hidden, s, [p.input, m.input, v.input], ctx)?;
        let g = &mut w.gradient[..hidden];
        column_sums(&w.first_delta, rows, g);
        adam(s, g, m.input_bias, v.input_bias, p.input_bias);
        Ok(loss + f64::from(beta) * kl)
    }

    fn judge(&mut self, _ctx: &Context<'_>) -> Result<Option<Judgement>> {
        self.judge.map_or(Ok(None), |j| j(&self.params))
    }

    fn parameters(&mut self) -> &mut [f32] {
        &mut self.params
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::model::mult_vae::Softmax;
    use crate::model::mult_vae::tests::{pairs, params};

    const SHAPE: Shape = Shape { items: 9, hidden: 5, latent: 3 };

    /// One step's loss from `at` on, and the parameters after it.
    fn one(at: &[f32], pairs: &Pairs, adam: AdamSpec, threads: usize) -> (f64, Vec<f32>) {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 4, pool: &pool, budget: &budget, watch: &Quiet };
        let users: Vec<u32> = (0..pairs.rows() as u32).collect();
        let mut t = Training::with_adam(SHAPE, &params(), pairs, users.len(), None, 4, adam).unwrap();
        if !at.is_empty() {
            t.params.copy_from_slice(at);
        }
        let start = t.params.clone();
        let loss = t.step(&users, &[], 7, &ctx).unwrap();
        (loss, if at.is_empty() { start } else { t.params })
    }

    #[test]
    fn the_gradient_of_every_layer_is_that_of_the_bound() {
        let pairs = pairs(40, SHAPE.items);
        // Without moments and with a huge ε a step is the gradient itself.
        let adam = AdamSpec { learning_rate: 1e6, beta1: 0.0, beta2: 0.0, epsilon: 1e6, weight_decay: 0.0 };
        let (_, mut at) = one(&[], &pairs, adam, 1);
        // Away from the start, where biases are 0 and codes near it.
        let mut rng = Rng::new(1);
        at.iter_mut().for_each(|w| *w += 0.3 * rng.normal() as f32);
        let (_, after) = one(&at, &pairs, adam, 1);
        let gradient: Vec<f32> = at.iter().zip(&after).map(|(a, b)| a - b).collect();
        let rows = pairs.rows() as f64;
        crate::nn::check::gradient_check(&at, &gradient, |x| one(x, &pairs, adam, 1).0 / rows, 1e-2, "Mult-VAE");
        assert!(gradient.iter().filter(|g| g.abs() > 1e-3).count() > gradient.len() / 2);
    }

    #[test]
    fn logits_that_are_made_again_change_no_bit() {
        // Three blocks an each lane but the last.
        let shape = Shape { items: 9000, hidden: 5, latent: 3 };
        let pairs = pairs(30, shape.items);
        let users: Vec<u32> = (0..30).collect();
        let run = |softmax: Softmax, threads: usize| {
            let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
            let ctx = Context { seed: 4, pool: &pool, budget: &budget, watch: &Quiet };
            let p = Params { softmax: Some(softmax), ..params() };
            let mut t = Training::new(shape, &p, &pairs, 30, None, 4).unwrap();
            let losses: Vec<f64> = (0..3).map(|i| t.step(&users, &[], i, &ctx).unwrap()).collect();
            (losses, t.params)
        };
        let whole = run(Softmax::Whole, 1);
        assert!(whole == run(Softmax::Blocked, 1) && whole == run(Softmax::Blocked, 3));
    }

    #[test]
    fn threads_change_no_bit() {
        let pairs = pairs(100, SHAPE.items);
        let adam = AdamSpec::default();
        let (_, at) = one(&[], &pairs, adam, 1);
        assert_eq!(one(&at, &pairs, adam, 1), one(&at, &pairs, adam, 2));
        assert_eq!(one(&at, &pairs, adam, 1), one(&at, &pairs, adam, 3));
    }
}
