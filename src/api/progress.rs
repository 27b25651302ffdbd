//! Trainings under way: what the view `affinity.progress` reads.

use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::Text;
use crate::pg::store::progress::jobs;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

/// The columns of `affinity_internal.trainings()`.
type Rows = TableIterator<
    'static,
    (
        name!(pid, i32),
        name!(process_started, Option<TimestampWithTimeZone>),
        name!(model, Text),
        name!(phase, Text),
        name!(epoch, Option<i32>),
        name!(train_loss, Option<f64>),
        name!(valid_loss, Option<f64>),
    ),
>;

/// The trainings that the current role may see, some perhaps of processes that have died.
#[pg_extern]
fn trainings() -> Rows {
    let jobs = sql(|| Ok(jobs()));
    TableIterator::new(jobs.into_iter().map(|j| {
        let epoch = j.epoch.and_then(|e| i32::try_from(e).ok());
        (j.pid, TimestampWithTimeZone::try_from(j.process_started).ok(), Text(j.model), Text(j.phase), epoch, j.train_loss, j.valid_loss)
    }))
}
