//! The mini-batch loop.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Result, Rng, memory::reserve};
use crate::nn::monitor::{Evaluation, Fitted, Monitor};
use std::time::Instant;

/// How a training goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loop {
    /// Rows to learn from.
    pub rows: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Rows of a step.
    pub batch: usize,
    /// Epochs without a better one after which it stops; 0 never.
    pub patience: usize,
}

/// What the loop trains.
pub trait Trainee: Send {
    /// One step on `rows`; `next` are those of the step after. `step` counts from 0 over all epochs. Returns the summed loss.
    ///
    /// # Errors
    /// Whatever stops the training.
    fn step(&mut self, rows: &[u32], next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64>;

    /// The evaluation of the parameters as they are, where rows were held out for that.
    ///
    /// # Errors
    /// Whatever stops the training.
    fn evaluate(&mut self, ctx: &Context<'_>) -> Result<Option<Evaluation>>;

    /// The parameters.
    fn parameters(&mut self) -> &mut [f32];
}

impl Loop {
    /// Bytes that [`Loop::run`] takes beside the trainee.
    pub fn bytes(&self, parameters: usize) -> usize {
        self.rows.saturating_mul(4).saturating_add(parameters.saturating_mul(4))
    }

    /// Trains until the epochs are over or patience ends; leaves the best epoch's parameters in `trainee`.
    ///
    /// Each epoch sees the rows in a new order, which the seed fixes. The loop runs inside the pool, so that a step pays no more for its
    /// threads than it must.
    ///
    /// # Errors
    /// [`Code::Cancelled`]; [`Code::Data`] when the loss is no number any more; whatever the trainee reports.
    pub fn run(&self, trainee: &mut impl Trainee, ctx: &Context<'_>) -> Result<Fitted> {
        if self.rows > u32::MAX.index() {
            return Err(Error::new(Code::Data, "too many rows").detail(format!(
                "{} rows, at most {} can be learned from.",
                self.rows,
                u32::MAX
            )));
        }
        ctx.pool.run(|| self.epochs(trainee, ctx))
    }

    fn epochs(&self, trainee: &mut impl Trainee, ctx: &Context<'_>) -> Result<Fitted> {
        let mut order = Vec::new();
        reserve(&mut order, self.rows)?;
        order.extend(0..self.rows as u32);
        let mut monitor = Monitor::new(self.patience);
        let mut step = 0;
        for epoch in 0..self.epochs {
            let start = Instant::now();
            Rng::stream(ctx.seed, 0x5u64 << 32 | epoch as u64).shuffle(&mut order);
            let mut total = 0.0;
            let mut batches = order.chunks(self.batch.max(1)).peekable();
            while let Some(batch) = batches.next() {
                ctx.check()?;
                let loss = trainee.step(batch, batches.peek().copied().unwrap_or(&[]), step, ctx)?;
                if !loss.is_finite() {
                    return Err(Error::new(Code::Data, "training diverged")
                        .detail(format!("The loss is no finite number in epoch {}.", epoch + 1))
                        .hint("Lower learning_rate, or scale the inputs."));
                }
                total += loss;
                step += 1;
            }
            let seconds = start.elapsed().as_secs_f64();
            let evaluation = trainee.evaluate(ctx)?;
            let mean = total / self.rows.max(1).real();
            let ends = monitor.epoch(trainee.parameters(), mean, evaluation, seconds, ctx)?;
            ctx.watch.done(epoch as u64 + 1, self.epochs as u64);
            if ends {
                break;
            }
        }
        Ok(monitor.finish(trainee.parameters()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Epoch, Pool, Quiet, Watch};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Counts what it is given.
    struct Counter {
        seen: Vec<usize>,
        steps: Vec<(usize, usize, u64)>,
        loss: f64,
        params: [f32; 1],
    }

    impl Counter {
        fn new(rows: usize) -> Self {
            Self { seen: vec![0; rows], steps: Vec::new(), loss: 1.0, params: [0.0] }
        }
    }

    impl Trainee for Counter {
        fn step(&mut self, rows: &[u32], next: &[u32], step: u64, _: &Context<'_>) -> Result<f64> {
            rows.iter().for_each(|r| self.seen[*r as usize] += 1);
            self.steps.push((rows.len(), next.len(), step));
            Ok(self.loss * rows.len() as f64)
        }
        fn evaluate(&mut self, _: &Context<'_>) -> Result<Option<Evaluation>> {
            Ok(None)
        }
        fn parameters(&mut self) -> &mut [f32] {
            &mut self.params
        }
    }

    const LOOP: Loop = Loop { rows: 10, epochs: 2, batch: 4, patience: 0 };

    #[test]
    fn every_epoch_sees_every_row_once() {
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let mut c = Counter::new(10);
        let f = LOOP.run(&mut c, &ctx).unwrap();
        assert_eq!(c.seen, [2; 10]);
        assert_eq!(c.steps, [(4, 4, 0), (4, 2, 1), (2, 0, 2), (4, 4, 3), (4, 2, 4), (2, 0, 5)]);
        assert_eq!((f.epochs.len(), f.best_epoch, f.epochs[1].train_loss), (2, 2, 1.0));
    }

    #[test]
    fn a_loss_that_is_no_number_is_an_error() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let mut c = Counter::new(10);
        c.loss = f64::NAN;
        assert_eq!(LOOP.run(&mut c, &ctx).unwrap_err().code, Code::Data);
    }

    #[test]
    fn a_cancel_ends_it_at_the_next_step() {
        struct After(AtomicUsize);
        impl Watch for After {
            fn cancelled(&self) -> bool {
                self.0.fetch_add(1, Relaxed) >= 2
            }
            fn epoch(&self, _: &Epoch) {}
        }
        let (pool, budget, watch) = (Pool::single(), Budget::unlimited(), After(AtomicUsize::new(0)));
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &watch };
        let mut c = Counter::new(10);
        assert_eq!(LOOP.run(&mut c, &ctx).unwrap_err().code, Code::Cancelled);
        assert_eq!(c.steps.len(), 2);
    }
}
