//! The view `affinity.session_stats`: what this session has asked of its models.

use crate::pg::backend::error::sql;
use crate::pg::store::use_counts;
use pgrx::Uuid;
use pgrx::prelude::*;

/// The columns of `affinity_internal.session_counts()`.
type Rows = TableIterator<
    'static,
    (
        name!(model_id, Uuid),
        name!(calls, i64),
        name!(rows, i64),
        name!(unknown_users, i64),
        name!(fallbacks, i64),
        name!(cold_loads, i64),
        name!(cold_load_ms, f64),
    ),
>;

/// What has been counted, also of models that the current role may not see, or that are gone: the view leaves them out.
#[pg_extern]
fn session_counts() -> Rows {
    let all = sql(|| Ok(use_counts::all()));
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    TableIterator::new(all.into_iter().map(move |c| {
        let [calls, rows, unknown, fallbacks, loads] = [c.calls, c.rows, c.unknown_users, c.fallbacks, c.cold_loads].map(count);
        (Uuid::from_bytes(c.model), calls, rows, unknown, fallbacks, loads, c.cold_load_ms)
    }))
}

/// Begins to count anew.
#[pg_extern]
fn reset_session_stats() {
    sql(|| {
        use_counts::reset();
        Ok(())
    })
}
