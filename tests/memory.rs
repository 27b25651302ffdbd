//! What nobody booked counts: a budget that knows what the allocator holds. In a process of its own, since such a budget binds all of its
//! process.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::memory::{reserve, zeros};
use pg_affinity::base::{Budget, Code, Context, Pool, Quiet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static HELD: AtomicUsize = AtomicUsize::new(1 << 30);

#[test]
fn what_nobody_booked_is_held_against_the_limit() {
    let budget = Budget::metered(16 << 20, || HELD.load(Relaxed), || {});
    let pool = Pool::single();
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    ctx.check().unwrap();
    HELD.fetch_add(20 << 20, Relaxed);
    ctx.check().unwrap();
    // Three bookings of what would not fit, by its owner or by who knows of no budget.
    assert_eq!(budget.take(2 << 20, "more").unwrap_err().code, Code::OutOfMemory);
    assert_eq!(zeros::<f32>(1 << 19).unwrap_err().code, Code::OutOfMemory);
    assert_eq!(reserve(&mut vec![0_u64; 1 << 18], 1).unwrap_err().code, Code::OutOfMemory);
    assert_eq!(zeros::<u8>(1 << 10).unwrap().len(), 1 << 10);
    HELD.fetch_add(2 << 20, Relaxed);
    assert_eq!(ctx.check().unwrap_err().code, Code::OutOfMemory);
    {
        // A job within a job has no more than is left.
        let inner = Budget::metered(1 << 30, || HELD.load(Relaxed), || {});
        inner.check().unwrap();
        assert_eq!(zeros::<f32>(1 << 19).unwrap_err().code, Code::OutOfMemory);
    }
    HELD.store(1 << 29, Relaxed);
    ctx.check().unwrap();
    // Nothing binds once the job is over.
    HELD.store(1 << 40, Relaxed);
    drop(budget);
    assert_eq!(zeros::<f32>(1 << 19).unwrap().len(), 1 << 19);
}
