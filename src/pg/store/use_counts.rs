//! What this session has asked of its models, counted in its own memory: nothing is written, nothing is shared, no preloading is needed.
//!
//! A row that is scored costs one addition to a counter that its place of the query holds.

use crate::pg::query::spi::Uuid;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// Models that are counted, at most; what is asked of others is not.
const MOST: usize = 1000;

/// The counters of one model.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    calls: Cell<u64>,
    rows: Cell<u64>,
    unknown_users: Cell<u64>,
    fallbacks: Cell<u64>,
    cold_loads: Cell<u64>,
    cold_load: Cell<Duration>,
}

thread_local! {
    static COUNTS: RefCell<HashMap<Uuid, Rc<Counts>>> = RefCell::default();
}

/// The counters of the model with this key, to be kept where it is asked again.
pub(crate) fn of(model: Uuid) -> Rc<Counts> {
    COUNTS.with_borrow_mut(|all| {
        if let Some(counts) = all.get(&model) {
            return counts.clone();
        }
        let counts = Rc::new(Counts::default());
        if all.len() < MOST {
            all.insert(model, counts.clone());
        }
        counts
    })
}

/// Begins anew. Places of a query that is under way count on.
pub(crate) fn reset() {
    COUNTS.with_borrow(|all| all.values().for_each(|c| c.clear()));
    // What nobody holds any more is forgotten.
    COUNTS.with_borrow_mut(|all| all.retain(|_, c| Rc::strong_count(c) > 1));
}

/// What has been counted of one model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// The model's key.
    pub model: Uuid,
    /// Calls, of what scores row by row places of a statement, of `score` users.
    pub calls: u64,
    /// Rows that were scored, items that were listed.
    pub rows: u64,
    /// Lists and scores for users without an event.
    pub unknown_users: u64,
    /// Lists and scores that popularity gave in the place of the model.
    pub fallbacks: u64,
    /// Times that a version's weights were read.
    pub cold_loads: u64,
    /// Milliseconds that these took.
    pub cold_load_ms: f64,
}

/// All that has been counted.
pub(crate) fn all() -> Vec<Counted> {
    let one = |(model, c): (&Uuid, &Rc<Counts>)| Counted {
        model: *model,
        calls: c.calls.get(),
        rows: c.rows.get(),
        unknown_users: c.unknown_users.get(),
        fallbacks: c.fallbacks.get(),
        cold_loads: c.cold_loads.get(),
        cold_load_ms: c.cold_load.get().as_secs_f64() * 1e3,
    };
    let used = |c: &Counted| c.calls + c.rows + c.cold_loads > 0;
    COUNTS.with_borrow(|all| all.iter().map(one).filter(used).collect())
}

fn add(counter: &Cell<u64>, n: u64) {
    counter.set(counter.get().wrapping_add(n))
}

impl Counts {
    fn clear(&self) {
        [&self.calls, &self.rows, &self.unknown_users, &self.fallbacks, &self.cold_loads].into_iter().for_each(|c| c.set(0));
        self.cold_load.set(Duration::ZERO);
    }

    /// A call.
    pub(crate) fn call(&self) {
        add(&self.calls, 1)
    }

    /// A row was scored.
    #[inline(always)]
    pub(crate) fn row(&self) {
        self.rows.set(self.rows.get().wrapping_add(1))
    }

    /// A list of so many rows was made, or a score; whether the user had any event, and whether the model knew anything of them.
    pub(crate) fn list(&self, rows: usize, any: bool, known: bool) {
        add(&self.rows, rows as u64);
        add(&self.unknown_users, u64::from(!any));
        add(&self.fallbacks, u64::from(!known));
    }

    /// Weights were read, which took so long.
    pub(crate) fn loaded(&self, took: Duration) {
        add(&self.cold_loads, 1);
        self.cold_load.set(self.cold_load.get().saturating_add(took));
    }
}
