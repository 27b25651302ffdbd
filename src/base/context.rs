//! What a long job is handed: seed, threads, memory, whether to stop, and where to say how far it is.

use crate::base::{Budget, Error, Pool, Result, memory};

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
    /// Returns early when the job was cancelled: call it in every loop that may take longer than 10 ms.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`]; [`crate::base::Code::OutOfMemory`] where the last reserve is gone.
    pub fn check(&self) -> Result<()> {
        if self.watch.cancelled() { Err(Error::cancelled()) } else { memory::check() }
    }
}
