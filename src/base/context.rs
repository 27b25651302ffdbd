//! What a long job is handed: seed, threads, memory, whether to stop, and where to say how far it is.

use crate::base::interrupts::STEPS;
use crate::base::{Budget, Error, Pool, Result};
use std::time::Instant;

/// One epoch of training, as it is shown while it runs and stored with the version.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: u32,
    /// Mean loss over the training rows of the epoch.
    pub train_loss: f64,
    /// Mean loss over the validation rows; none without a validation part.
    pub valid_loss: Option<f64>,
    /// The figure that early stopping watches, with its name (`auc`, `ndcg@10` …).
    pub metric: Option<(String, f64)>,
    /// Seconds the epoch took, validation left out.
    pub seconds: f64,
}

/// The caller's side of a long job. Called from worker threads: it must not call Postgres.
pub trait Watch: Sync {
    /// True when the job should stop soon. Asked at least every few milliseconds.
    fn cancelled(&self) -> bool;
    /// An epoch is done.
    fn epoch(&self, epoch: &Epoch);
    /// Another part of the work begins: `fitting ease`, `evaluating` …
    fn phase(&self, _: &str) {}
    /// This part of the work takes so many steps at most (epochs, settings that are tried), of which so many are done.
    fn done(&self, _done: u64, _of: u64) {}
}

/// A [`Watch`] that never cancels and shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Watch for Quiet {
    fn cancelled(&self) -> bool {
        false
    }
    fn epoch(&self, _: &Epoch) {}
}

/// A [`Watch`] that cancels at a moment, too.
pub struct Until<'a> {
    /// Who is watching.
    pub watch: &'a dyn Watch,
    /// When it ends; none: when `watch` says so.
    pub end: Option<Instant>,
}

impl Watch for Until<'_> {
    fn cancelled(&self) -> bool {
        self.watch.cancelled() || self.end.is_some_and(|end| Instant::now() >= end)
    }
    fn epoch(&self, epoch: &Epoch) {
        self.watch.epoch(epoch)
    }
    fn phase(&self, phase: &str) {
        self.watch.phase(phase)
    }
    fn done(&self, done: u64, of: u64) {
        self.watch.done(done, of)
    }
}

/// Everything a long job may use; handed down by reference.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Same seed, same rows in the same order: same weights, whatever the thread count.
    pub seed: u64,
    /// The threads.
    pub pool: &'a Pool,
    /// The memory.
    pub budget: &'a Budget,
    /// The caller's side.
    pub watch: &'a dyn Watch,
}

impl Context<'_> {
    /// Returns early when the job was cancelled or holds more memory than it may: call it in every loop that may take longer than 10 ms.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`]; as [`Budget::check`].
    pub fn check(&self) -> Result<()> {
        if self.watch.cancelled() { Err(Error::cancelled()) } else { self.budget.check() }
    }

    /// [`Context::check`] at each [`STEPS`]th `step`: for loops whose step is a few nanoseconds.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn check_at(&self, step: usize) -> Result<()> {
        if step.is_multiple_of(STEPS) { self.check() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn work_ends_at_its_moment_or_before() {
        let cancelled = |watch: &dyn Watch, end| Until { watch, end }.cancelled();
        let now = Instant::now();
        assert!(cancelled(&Quiet, Some(now)) && !cancelled(&Quiet, Some(now + Duration::from_secs(900))) && !cancelled(&Quiet, None));
        let over = Until { watch: &Quiet, end: Some(now) };
        assert!(cancelled(&over, None));
    }
}
