//! The training of the two networks: some steps of the critic, then one of the generator, each by shards of rows that threads share out.

use super::critic::{Critic, CriticWork, Seen, Wasserstein};
use super::generator::{Generator, GeneratorWork, Gumbel};
use super::{Gan, GanSpec};
use crate::base::number::{AsIndex, AsReal};
use crate::base::rng::mix;
use crate::base::{Code, Context, Error, Result, Rng, zeros};
use crate::dataset::mixed::MixedRows;
use crate::kernel;
use crate::nn::{Adam, AdamSpec, add_up};

/// Rows of a shard. A batch's shards and the order in which their gradients are added do not depend on the threads, nor do the weights.
/// (A batch of 256 is two: on two threads a step of critic and generator, 2 × 256 wide, is 2.9 to 4.0 times as fast as torch's.)
const SHARD: usize = 128;
/// What is left of the averaged generator after a step: it is the mean of the last thousand or so.
const AVERAGE: f64 = 0.999;

/// The two networks while they learn.
pub struct Training<'a> {
    spec: GanSpec,
    rows: &'a MixedRows,
    critic: Critic,
    generator: Generator,
    gumbel: Gumbel,
    /// Critic, generator: parameters, gradient, optimiser.
    sides: [Side; 2],
    /// The mean of the generator's last parameters: steadier than any of them.
    average: Vec<f32>,
    shards: Vec<Shard>,
    order: Vec<u32>,
    /// Rows of `order` that were shown.
    shown: usize,
    /// Batches so far.
    batches: u64,
    steps: u64,
}

struct Side {
    params: Vec<f32>,
    gradient: Vec<f32>,
    adam: Adam,
}

struct Shard {
    codes: Vec<u32>,
    mixed: Vec<f32>,
    critic: CriticWork,
    generator: GeneratorWork,
    by_rows: Vec<f32>,
    gradient: Vec<f32>,
    seen: Seen,
}

/// Means over the rows of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Losses {
    /// The critic's: generated − real + λ · penalty.
    pub critic: f64,
    /// What the critic takes the distance for: D(real) − D(generated).
    pub distance: f64,
    /// The generator's: −D(generated).
    pub generator: f64,
}

impl Side {
    fn new(parameters: usize, learning_rate: f32) -> Result<Self> {
        let spec = AdamSpec { learning_rate, beta1: 0.5, beta2: 0.9, ..AdamSpec::default() };
        Ok(Self { params: zeros(parameters)?, gradient: zeros(parameters)?, adam: Adam::new(spec, parameters)? })
    }
}

impl<'a> Training<'a> {
    /// Bytes that [`Training::new`] takes for so many rows.
    pub fn bytes(spec: &GanSpec, critic: &Critic, generator: &Generator, rows: usize) -> usize {
        let (size, count) = shards(spec.batch);
        let (c, g) = (critic.parameters(), generator.parameters());
        let shard = critic.work_bytes(size).saturating_add(generator.work_bytes(size)).saturating_add(c.max(g).saturating_mul(4));
        c.saturating_add(g).saturating_mul(16).saturating_add(g * 4).saturating_add(shard.saturating_mul(count)).saturating_add(rows * 4)
    }

    /// New networks, whose weights and whose course `seed` fixes, to learn from `rows`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]; [`Code::Data`] without rows.
    pub fn new(spec: &GanSpec, rows: &'a MixedRows, seed: u64) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::new(Code::Data, "no rows to learn from"));
        }
        let (critic, generator) = (spec.critic()?, spec.generator()?);
        let mut sides = [Side::new(critic.parameters(), spec.learning_rate)?, Side::new(generator.parameters(), spec.learning_rate)?];
        critic.init(&mut sides[0].params, &mut Rng::stream(seed, 1));
        generator.init(&mut sides[1].params, &mut Rng::stream(seed, 2));
        let (size, count) = shards(spec.batch);
        let shard = || {
            Ok(Shard {
                codes: Vec::with_capacity(size),
                mixed: zeros(size)?,
                critic: critic.work(size)?,
                generator: generator.work(size)?,
                by_rows: zeros(size * spec.layout.width())?,
                gradient: zeros(critic.dense().max(generator.dense()))?,
                seen: Seen::default(),
            })
        };
        let shards = (0..count).map(|_| shard()).collect::<Result<_>>()?;
        let mut order = Vec::new();
        crate::base::memory::reserve(&mut order, rows.len())?;
        order.extend(0..rows.len() as u32);
        let average = sides[1].params.clone();
        let spec = spec.clone();
        let shown = order.len();
        Ok(Self { spec, rows, critic, generator, gumbel: Gumbel::new(), sides, average, shards, order, shown, batches: 0, steps: 0 })
    }

    /// Some steps of the critic and one of the generator.
    ///
    /// # Errors
    /// [`Code::Cancelled`]; [`Code::Data`] when training diverges.
    pub fn step(&mut self, ctx: &Context<'_>) -> Result<Losses> {
        let rate = self.spec.learning_rate * self.spec.decay(self.steps);
        self.sides.iter_mut().for_each(|s| s.adam.set_learning_rate(rate));
        let mut losses = Losses::default();
        for _ in 0..self.spec.critic_steps {
            self.critic_step(&mut losses, ctx)?;
        }
        self.generator_step(&mut losses, ctx)?;
        self.steps += 1;
        // The critic's gradient is held near 1 and scores are some deviations wide: far beyond that nothing is learned any more.
        if !(losses.critic.is_finite() && losses.generator.is_finite() && losses.distance.abs() < 1e4) {
            return Err(Error::new(Code::Data, "training diverged")
                .detail(format!(
                    "In step {} the critic's loss is {:.3e}, the generator's {:.3e}.",
                    self.steps, losses.critic, losses.generator
                ))
                .hint("Lower learning_rate, or raise penalty."));
        }
        Ok(losses)
    }

    /// Hands the next batch's rows to the shards; how many rows and shards.
    fn deal(&mut self, ctx: &Context<'_>) -> (usize, usize) {
        let size = self.spec.batch.min(self.order.len());
        if self.shown + size > self.order.len() {
            Rng::stream(ctx.seed, 0x7u64 << 32 ^ self.batches).shuffle(&mut self.order);
            self.shown = 0;
        }
        let batch = &self.order[self.shown..self.shown + size];
        self.shown += size;
        self.batches += 1;
        // Of even sizes: batch norm's figures should not hang on a handful of rows.
        let count = size.div_ceil(SHARD);
        let each = size.div_ceil(count);
        for (s, rows) in self.shards.iter_mut().zip(batch.chunks(each)) {
            s.codes.clear();
            s.codes.extend_from_slice(rows);
        }
        (size, batch.chunks(each).len())
    }

    fn critic_step(&mut self, losses: &mut Losses, ctx: &Context<'_>) -> Result<()> {
        let (size, used) = self.deal(ctx);
        let Self { spec, rows, critic, generator, gumbel, sides, shards, batches, .. } = self;
        let (loss, seed) = (Wasserstein { lambda: spec.penalty, scale: 1.0 / size.single() }, mix(ctx.seed ^ mix(*batches)));
        let width = spec.layout.width();
        let [of_critic, of_generator] = &*sides;
        ctx.pool.each_mut(&mut shards[..used], |i, s| {
            let (n, mut rng) = (s.codes.len(), Rng::stream(seed, i as u64));
            // The real rows; their conditions are those of the generated ones too, so that the two sorts match.
            for (row, x) in s.codes.iter_mut().zip(s.critic.x.chunks_exact_mut(width)) {
                rows.write(&spec.layout, row.index(), &mut rng, x);
                *row = rows.conditions[row.index()];
            }
            generator.draw(n, &mut rng, &mut s.generator);
            generator.forward(&of_generator.params, &s.codes, None, &mut s.generator);
            generator.choose(n, spec.temperature, gumbel, &mut rng, &mut s.generator);
            s.critic.x[n * width..2 * n * width].copy_from_slice(&s.generator.out[..n * width]);
            s.mixed[..n].iter_mut().for_each(|e| *e = rng.uniform_f32());
            s.seen = critic.step(&of_critic.params, &s.codes, &s.mixed[..n], loss, &mut s.critic, &mut s.gradient);
        });
        ctx.check()?;
        let dense = critic.dense();
        let (head, tail) = sides[0].gradient.split_at_mut(dense);
        add_up(head, &shards[..used], |s| &s.gradient, false, ctx);
        tail.fill(0.0);
        shards[..used].iter().for_each(|s| critic.embed(&s.codes, &s.critic, tail));
        let Side { params, gradient, adam } = &mut sides[0];
        adam.step(params, gradient, 1.0, ctx.pool);
        let n = size.real();
        let sum = |f: fn(&Seen) -> f64| shards[..used].iter().map(|s| f(&s.seen)).sum::<f64>() / n;
        losses.distance = sum(|s| s.real) - sum(|s| s.generated);
        losses.critic = f64::from(spec.penalty) * sum(|s| s.penalty) - losses.distance;
        Ok(())
    }

    fn generator_step(&mut self, losses: &mut Losses, ctx: &Context<'_>) -> Result<()> {
        let (size, used) = self.deal(ctx);
        let Self { spec, rows, critic, generator, gumbel, sides, shards, batches, average, .. } = self;
        let (scale, seed) = (1.0 / size.single(), mix(ctx.seed ^ mix(*batches)));
        let width = spec.layout.width();
        let [of_critic, of_generator] = &*sides;
        ctx.pool.each_mut(&mut shards[..used], |i, s| {
            let (n, mut rng) = (s.codes.len(), Rng::stream(seed, i as u64));
            s.codes.iter_mut().for_each(|row| *row = rows.conditions[row.index()]);
            generator.draw(n, &mut rng, &mut s.generator);
            generator.forward(&of_generator.params, &s.codes, None, &mut s.generator);
            generator.choose(n, spec.temperature, gumbel, &mut rng, &mut s.generator);
            s.critic.x[..n * width].copy_from_slice(&s.generator.out[..n * width]);
            s.seen.generated = critic.descend(&of_critic.params, &s.codes, scale, &mut s.critic, &mut s.by_rows);
            generator.backward(&of_generator.params, &s.codes, spec.temperature, &s.by_rows, &mut s.generator, &mut s.gradient);
        });
        ctx.check()?;
        let Side { params, gradient, adam } = &mut sides[1];
        let (head, tail) = gradient.split_at_mut(generator.dense());
        add_up(head, &shards[..used], |s| &s.gradient, false, ctx);
        tail.fill(0.0);
        shards[..used].iter().for_each(|s| generator.embed(&s.codes, &s.generator, gradient));
        adam.step(params, gradient, 1.0, ctx.pool);
        // In the beginning the mean is of fewer.
        let keep = AVERAGE.min(1.0 - 1.0 / (self.steps + 1).real()).single();
        kernel::scale(keep, average);
        kernel::axpy(1.0 - keep, params, average);
        losses.generator = -shards[..used].iter().map(|s| s.seen.generated).sum::<f64>() / size.real();
        Ok(())
    }

    /// The networks as they are: the averaged generator with the batch norm's figures of these rows, and the critic.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn snapshot(&self, seed: u64) -> Result<Gan> {
        let mut rng = Rng::stream(seed, 4);
        let codes: Vec<u32> = (0..STATISTICS).map(|_| self.rows.conditions[rng.below(self.rows.len())]).collect();
        let statistics = self.generator.statistics(&self.average, &codes, &mut rng)?;
        Gan::new(self.spec.clone(), self.sides[0].params.clone(), self.average.clone(), statistics)
    }
}

/// Rows that the finished generator's batch norm is measured on.
const STATISTICS: usize = 4096;

/// Rows of a shard, and shards.
fn shards(batch: usize) -> (usize, usize) {
    let batch = batch.max(1);
    (batch.min(SHARD), batch.div_ceil(SHARD))
}
