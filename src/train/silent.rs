//! Trainings that are no learning curve.

use crate::base::{Epoch, Watch};

/// A caller's side that hears of no epochs: those of the baseline and of the second fit are not the learning curve.
pub struct Silent<'a>(pub &'a dyn Watch);

impl Watch for Silent<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
    fn epoch(&self, _: &Epoch) {}
    fn phase(&self, phase: &str) {
        self.0.phase(phase)
    }
    fn done(&self, done: u64, of: u64) {
        self.0.done(done, of)
    }
}
