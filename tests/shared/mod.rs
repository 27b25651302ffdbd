//! What the suites over events share.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::{Budget, Context, Pool, Quiet};
use pg_affinity::dataset::{Column, EventColumns, Values};

/// A column of texts.
pub fn category(name: &str, rows: &[String]) -> Column {
    let mut levels: Vec<String> = rows.to_vec();
    levels.sort();
    levels.dedup();
    let codes = rows.iter().map(|r| levels.binary_search(r).unwrap() as u32).collect();
    Column { name: name.into(), values: Values::Category { codes, levels } }
}

/// The columns of the events.
pub fn columns() -> EventColumns {
    EventColumns { user: "user_id".into(), item: "item_id".into(), time: Some("at".into()), ..EventColumns::default() }
}

/// Runs `f` on so many threads, with a seed.
pub fn with<T>(threads: usize, seed: u64, f: impl FnOnce(&Context) -> T) -> T {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}
