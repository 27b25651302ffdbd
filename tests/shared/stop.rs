//! A training that is told to stop, or has no memory.

use pg_affinity::base::{Budget, Code, Context, Epoch, Pool, Quiet, Result, Watch};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Says "stop" from the `n`th question on.
struct Stop(AtomicUsize);

impl Watch for Stop {
    fn cancelled(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_err()
    }
    fn epoch(&self, _: &Epoch) {}
}

/// That `fit` stops after each of these numbers of questions, and within so many bytes says that they are too few.
pub fn stops<T: std::fmt::Debug>(what: &str, questions: [usize; 4], bytes: usize, fit: impl Fn(&Context<'_>) -> Result<T>) {
    let pool = Pool::new(2).unwrap();
    for n in questions {
        let (stop, budget) = (Stop(n.into()), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &stop };
        assert_eq!(fit(&ctx).unwrap_err().code, Code::Cancelled, "{what} after {n}");
    }
    let budget = Budget::new(bytes);
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    assert_eq!(fit(&ctx).unwrap_err().code, Code::OutOfMemory, "{what}");
}
