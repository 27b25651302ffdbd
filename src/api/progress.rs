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
        name!(kind, Text),
        name!(phase, Text),
        name!(rows, Option<i64>),
        name!(done, Option<i64>),
        name!(total, Option<i64>),
        name!(epoch, Option<i32>),
        name!(train_loss, Option<f64>),
        name!(valid_loss, Option<f64>),
        name!(metric, Option<Text>),
        name!(best, Option<f64>),
        name!(seconds_left, Option<f64>),
    ),
>;

/// The trainings that the current role may see, some perhaps of processes that have died.
#[pg_extern]
fn trainings() -> Rows {
    let jobs = sql(|| Ok(jobs()));
    TableIterator::new(jobs.into_iter().map(|j| {
        let count = |n: u64| i64::try_from(n).ok();
        let (left, part) = (j.seconds_left(), j.part);
        let (metric, best) = part.best.unzip();
        (
            j.pid,
            TimestampWithTimeZone::try_from(j.process_started).ok(),
            Text(j.model),
            Text(j.kind),
            Text(part.phase),
            j.rows.and_then(count),
            part.done.and_then(|d| count(d.0)),
            part.done.and_then(|d| count(d.1)),
            part.epoch.and_then(|e| i32::try_from(e).ok()),
            part.train_loss,
            part.valid_loss,
            metric.map(Text),
            best,
            left,
        )
    }))
}
