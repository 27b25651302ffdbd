//! The steps of a CFGAN: the discriminator's, then the generator's against it.

use crate::base::rng::mix;
use crate::base::{Context, Result, Rng};
use crate::dataset::Pairs;
use crate::model::cfgan::Params;
use crate::model::cfgan::discriminator::Discriminator;
use crate::model::cfgan::generator::Generator;
use crate::model::cfgan::marks::{Drawn, Marks};
use crate::model::cfgan::net::Shape;
use crate::model::mult_vae::batch::Batch;
use crate::nn::AdamSpec;
use crate::nn::fit::Trainee;
use crate::nn::monitor::Evaluation;

/// Evaluates the generator's parameters as they are, on users that were held out.
pub type Evaluate<'a> = dyn Fn(&[f32]) -> Result<Option<Evaluation>> + Sync + 'a;

/// A CFGAN that learns.
pub struct Training<'a> {
    dropout: f32,
    drawn: Drawn,
    alpha: f32,
    pairs: &'a Pairs,
    evaluate: Option<&'a Evaluate<'a>>,
    batch: Batch,
    marks: Marks,
    /// What is kept in the end.
    pub generator: Generator,
    discriminator: Discriminator,
}

impl<'a> Training<'a> {
    /// Bytes that a training takes with batches of at most `rows` rows, whose users have `own` items together.
    pub fn bytes(shape: &Shape, parameters: usize, rows: usize, own: usize, drawn: Drawn) -> usize {
        let entries = Marks::most(rows, own, shape.items, drawn);
        parameters
            .saturating_mul(12)
            .saturating_add(Batch::bytes(own, shape.items))
            .saturating_add(Marks::bytes(entries, rows, shape.items))
            .saturating_add(Generator::bytes(shape, rows, entries))
            .saturating_add(Discriminator::bytes(shape, rows))
    }

    /// Two networks with new weights that `seed` fixes, to learn from `pairs` in batches of at most `rows` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(shape: Shape, p: &Params, pairs: &'a Pairs, rows: usize, evaluate: Option<&'a Evaluate<'a>>, seed: u64) -> Result<Self> {
        let spec = |learning_rate| AdamSpec { learning_rate, weight_decay: p.weight_decay, ..AdamSpec::default() };
        Self::with_adam(shape, p, pairs, rows, evaluate, seed, [spec(p.learning_rate), spec(p.discriminator_rate)])
    }

    fn with_adam(
        shape: Shape,
        p: &Params,
        pairs: &'a Pairs,
        rows: usize,
        evaluate: Option<&'a Evaluate<'a>>,
        seed: u64,
        [generator, discriminator]: [AdamSpec; 2],
    ) -> Result<Self> {
        Ok(Self {
            dropout: p.dropout,
            drawn: p.drawn(),
            alpha: p.alpha,
            pairs,
            evaluate,
            batch: Batch::default(),
            marks: Marks::default(),
            generator: Generator::new(&shape, rows, generator, &mut Rng::stream(seed, 1))?,
            discriminator: Discriminator::new(&shape, rows, discriminator, &mut Rng::stream(seed, 2))?,
        })
    }

    /// Draws what the networks are shown of `users`, and has the generator make its rows.
    fn begin(&mut self, users: &[u32], seed: u64, ctx: &Context<'_>) -> Result<()> {
        self.batch.take(self.pairs, users, self.dropout, seed)?;
        self.marks.take(self.pairs, users, self.drawn, seed, ctx)?;
        self.generator.make(&self.batch, &self.marks, ctx)
    }

    /// The discriminator's step; returns its loss before it.
    fn discriminate(&mut self, ctx: &Context<'_>) -> Result<f64> {
        self.discriminator.learn(&self.batch, &self.marks, &self.generator.fake, ctx)
    }

    /// The generator's step; returns its loss before it: that generated rows be taken for real, and α · Σ (what it gives the items of zero
    /// reconstruction)².
    fn generate(&mut self, ctx: &Context<'_>) -> Result<f64> {
        let g = &mut self.generator;
        let mut loss = self.discriminator.evaluate(&self.batch, &self.marks, &g.fake, &mut g.delta, ctx)?;
        for (row, [_, seen]) in self.marks.ends.iter().enumerate() {
            let at = *seen..self.marks.offsets[row + 1];
            let mut squares = 0.0;
            for (fake, delta) in g.fake[at.clone()].iter().zip(&mut g.delta[at]) {
                squares += fake * fake;
                *delta = 2.0 * self.alpha * fake;
            }
            loss += f64::from(self.alpha * squares);
        }
        g.learn(&self.batch, &self.marks, ctx)?;
        Ok(loss)
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, users: &[u32], _next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        self.begin(users, mix(ctx.seed ^ mix(step)), ctx)?;
        self.discriminate(ctx)?;
        self.generate(ctx)
    }

    fn evaluate(&mut self, _ctx: &Context<'_>) -> Result<Option<Evaluation>> {
        self.evaluate.map_or(Ok(None), |j| j(&self.generator.net.weights))
    }

    fn parameters(&mut self) -> &mut [f32] {
        &mut self.generator.net.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::model::cfgan::tests::params;
    use crate::model::mult_vae::tests::pairs;
    use crate::nn::check::gradient_check;

    const SHAPE: Shape = Shape { items: 9, hidden: 5, discriminator: 4 };
    /// Without moments and with a huge ε a step is the gradient itself.
    const PLAIN: AdamSpec = AdamSpec { learning_rate: 1e6, beta1: 0.0, beta2: 0.0, epsilon: 1e6, weight_decay: 0.0 };
    const STILL: AdamSpec = AdamSpec { learning_rate: 0.0, ..PLAIN };

    fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        f(&Context { seed: 4, pool: &pool, budget: &budget, watch: &Quiet })
    }

    /// Both networks away from the start, where biases are 0.
    fn training(pairs: &Pairs, adam: [AdamSpec; 2]) -> Training<'_> {
        let mut t = Training::with_adam(SHAPE, &params(), pairs, pairs.rows(), None, 4, adam).unwrap();
        let mut rng = Rng::new(1);
        for w in t.generator.net.weights.iter_mut().chain(&mut t.discriminator.net.weights) {
            *w += 0.3 * rng.normal() as f32;
        }
        t
    }

    #[test]
    fn the_gradients_of_both_networks_are_those_of_their_losses() {
        let pairs = pairs(40, SHAPE.items);
        let users: Vec<u32> = (0..pairs.rows() as u32).collect();
        let rows = pairs.rows() as f64;
        with(2, |ctx| {
            let generator = |at: Option<&[f32]>| {
                let mut t = training(&pairs, [PLAIN, STILL]);
                if let Some(at) = at {
                    t.generator.net.weights.copy_from_slice(at);
                }
                let before = t.generator.net.weights.clone();
                t.begin(&users, 7, ctx).unwrap();
                (t.generate(ctx).unwrap() / rows, before, t.generator.net.weights)
            };
            let discriminator = |at: Option<&[f32]>| {
                let mut t = training(&pairs, [STILL, PLAIN]);
                if let Some(at) = at {
                    t.discriminator.net.weights.copy_from_slice(at);
                }
                let before = t.discriminator.net.weights.clone();
                t.begin(&users, 7, ctx).unwrap();
                (t.discriminate(ctx).unwrap() / rows, before, t.discriminator.net.weights)
            };
            type One<'a> = &'a dyn Fn(Option<&[f32]>) -> (f64, Vec<f32>, Vec<f32>);
            for (name, one) in [("generator", &generator as One<'_>), ("discriminator", &discriminator)] {
                let (_, before, after) = one(None);
                let gradient: Vec<f32> = before.iter().zip(&after).map(|(a, b)| a - b).collect();
                gradient_check(&before, &gradient, |x| one(Some(x)).0, 1e-2, name);
                assert!(gradient.iter().filter(|g| g.abs() > 1e-3).count() > gradient.len() / 2, "{name}");
            }
        });
    }

    #[test]
    fn threads_change_no_bit() {
        let pairs = pairs(100, SHAPE.items);
        let users: Vec<u32> = (0..100).collect();
        let run = |threads| {
            with(threads, |ctx| {
                let mut t = training(&pairs, [AdamSpec::default(); 2]);
                let losses: Vec<f64> = (0..3).map(|i| t.step(&users, &[], i, ctx).unwrap()).collect();
                (losses, t.generator.net.weights, t.discriminator.net.weights)
            })
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(3));
    }
}
