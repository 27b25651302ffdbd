//! What became of each training: a row of `affinity.stored_runs`, also of those that failed where somebody is left to write it.
//!
//! A training in the caller's transaction writes its row with its version, and nothing is left of one that fails. One that has transactions of
//! its own (`pg::refresh`) writes the row when it begins, and what it came to when it has ended.

use crate::base::{Result, names};
use crate::pg::backend::subtransaction::Failure;
use crate::pg::backend::worker::WORKER;
use crate::pg::backend::{compat, settings};
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::spi::{self, Arg, Uuid};
use crate::pg::store::models::ModelRow;
use crate::pg::store::publish::{Again, Deploy, Published};
use pgrx::pg_sys;
use serde_json::{Map, Value};

/// What a training was, beside what it stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// The function that was called, without its schema.
    pub function: &'static str,
    /// Rows or events that were read.
    pub rows: Option<u64>,
    /// Seconds of each phase.
    pub phases: Map<String, Value>,
    /// The most memory that the session's process has held.
    pub peak_megabytes: Option<u64>,
}

/// Notes that a refresh of `model` begins; none where runs are not kept.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn begin(model: &ModelRow, again: Again) -> Result<Option<Uuid>> {
    let run = ask(model, again)?;
    run.map_or(Ok(()), take).map(|()| run)
}

/// Notes what a training stored: in the row of `run`, where it has one, else in a new one.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn done(run: Option<Uuid>, published: &Published, owner: &str, facts: &Facts) -> Result<()> {
    const NEW: &str = "INSERT INTO affinity.stored_runs (model, owner, caller, function, started, ended, pid, process_started, kind, rows, seconds, \
         peak_memory_mb, phases, version, deployed, why, evaluated_by, evaluated, evaluated_before) \
         SELECT $1, $2, $3, $4, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => $7), pg_catalog.clock_timestamp(), \
         a.pid, a.backend_start, $5, $6, $7, $8, $9::pg_catalog.jsonb, $10, $11 OPERATOR(pg_catalog.=) 1, $12, $13, $14, $15 \
         FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a";
    const UPDATE: &str = "UPDATE affinity.stored_runs SET model = $1, owner = $2, caller = $3, function = $4, ended = pg_catalog.clock_timestamp(), kind = $5, \
         rows = $6, seconds = $7, peak_memory_mb = $8, phases = $9::pg_catalog.jsonb, version = $10, deployed = $11 OPERATOR(pg_catalog.=) 1, \
         why = $12, evaluated_by = $13, evaluated = $14, evaluated_before = $15 WHERE id OPERATOR(pg_catalog.=) $16";
    if !owner::keeps_runs()? {
        return Ok(());
    }
    let big = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok()).map_or(Arg::Null(pg_sys::INT8OID), Arg::Big);
    let double = |x: Option<f64>| x.map_or(Arg::Null(pg_sys::FLOAT8OID), Arg::Double);
    let (caller, phases) = (owner::outer_name(), Value::Object(facts.phases.clone()).to_string());
    let compared = published.compared.as_ref();
    let args = [
        Arg::Text(&published.model),
        Arg::Text(owner),
        Arg::Text(&caller),
        Arg::Text(facts.function),
        Arg::Text(&published.kind),
        big(facts.rows),
        Arg::Double(published.seconds),
        big(facts.peak_megabytes),
        Arg::Text(&phases),
        Arg::Int(published.version),
        Arg::Int(i32::from(published.deployed)),
        Arg::text_or_null(published.why.as_deref()),
        Arg::text_or_null(compared.map(|c| c.by.as_str())),
        double(compared.map(|c| c.new)),
        double(compared.and_then(|c| c.before)),
    ];
    match run {
        Some(id) => as_extension(|| spi::write(UPDATE, &[&args[..], &[Arg::Uuid(id)]].concat(), |_| Ok(())).map(drop)),
        None => {
            forget_old()?;
            as_extension(|| spi::write(NEW, &args, |_| Ok(())).map(drop))
        }
    }
}

/// Notes that `model` is to be trained by a worker, that is not there yet; none where runs are not kept.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn ask(model: &ModelRow, again: Again) -> Result<Option<Uuid>> {
    const ASK: &str = "INSERT INTO affinity.stored_runs (model, owner, caller, function, deploy, warm_start) \
         VALUES ($1, $2, $3, 'refresh', $4, $5 OPERATOR(pg_catalog.=) 1) RETURNING id";
    if !owner::keeps_runs()? {
        return Ok(None);
    }
    forget_old()?;
    let (whose, caller) = (model.owner.today(), owner::outer_name());
    let deploy = again.deploy.map(Deploy::word);
    let args = [Arg::Text(&model.name), Arg::Text(&whose), Arg::Text(&caller), Arg::text_or_null(deploy), Arg::Int(i32::from(again.warm))];
    Ok(as_extension(|| spi::write(ASK, &args, |r| Ok(r.uuid(1))))?.into_iter().flatten().next())
}

/// How many background refreshes go on: those of this database whose workers are about to begin or at work, or the workers of all databases,
/// whichever are more.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn in_background() -> Result<i64> {
    const COUNT: &str = "SELECT GREATEST((SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type OPERATOR(pg_catalog.=) $1), \
         (SELECT pg_catalog.count(*) FROM affinity.runs r WHERE r.state OPERATOR(pg_catalog.=) 'waiting' \
             OR (r.state OPERATOR(pg_catalog.=) 'running' AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity a \
                 WHERE a.pid OPERATOR(pg_catalog.=) r.pid AND a.backend_type OPERATOR(pg_catalog.=) $1))))";
    if !owner::keeps_runs()? {
        return Ok(0);
    }
    let found = as_extension(|| spi::write(COUNT, &[Arg::Text(WORKER)], |r| Ok(r.big(1))))?;
    Ok(found.into_iter().flatten().next().unwrap_or(0))
}

/// The model of a run that waits for its worker, how it is to be deployed, and whether it begins from the deployed version; none where it
/// was never committed, or was cancelled.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn waiting(run: Uuid) -> Result<Option<(String, Option<String>, bool)>> {
    const WAITING: &str =
        "SELECT model, deploy, warm_start FROM affinity.stored_runs WHERE id OPERATOR(pg_catalog.=) $1 AND ended IS NULL AND pid IS NULL";
    let found = as_extension(|| spi::first(WAITING, &[Arg::Uuid(run)], |r| Ok((r.text(1), r.text(2), r.bool(3)))))?;
    Ok(found.and_then(|(model, deploy, warm)| model.map(|m| (m, deploy, warm == Some(true)))))
}

/// Notes that this process does a run that waited.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn take(run: Uuid) -> Result<()> {
    const TAKE: &str = "UPDATE affinity.stored_runs r SET pid = a.pid, process_started = a.backend_start \
         FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a WHERE r.id OPERATOR(pg_catalog.=) $1 AND r.ended IS NULL RETURNING r.id";
    let taken = as_extension(|| spi::write(TAKE, &[Arg::Uuid(run)], |_| Ok(())))?;
    if taken.is_empty() { Err(crate::base::Error::cancelled()) } else { Ok(()) }
}

/// The owner of a run, and whether it has ended.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn owner(run: Uuid) -> Result<Option<(pg_sys::Oid, bool)>> {
    const OWNER: &str = "SELECT owner_oid, ended IS NOT NULL FROM affinity.stored_runs WHERE id OPERATOR(pg_catalog.=) $1";
    if !owner::keeps_runs()? {
        return Ok(None);
    }
    let found = as_extension(|| spi::first(OWNER, &[Arg::Uuid(run)], |r| Ok((r.oid(1), r.bool(2)))))?;
    Ok(found.and_then(|(owner, ended)| owner.zip(ended)))
}

/// Cancels a run: its process, which is still the one that began it, or, where none has begun, the row. Whether there was anything to cancel.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn cancel(run: Uuid) -> Result<bool> {
    const WAITS: &str = "UPDATE affinity.stored_runs SET ended = pg_catalog.clock_timestamp(), sqlstate = '57014', message = 'cancelled before it began' \
         WHERE id OPERATOR(pg_catalog.=) $1 AND ended IS NULL AND pid IS NULL RETURNING id";
    const RUNS: &str = "SELECT pg_catalog.pg_cancel_backend(a.pid) FROM affinity.stored_runs r, pg_catalog.pg_stat_get_activity(r.pid) a \
         WHERE r.id OPERATOR(pg_catalog.=) $1 AND r.ended IS NULL AND a.backend_start OPERATOR(pg_catalog.=) r.process_started";
    as_extension(|| {
        let waited = spi::write(WAITS, &[Arg::Uuid(run)], |_| Ok(true))?;
        Ok(!waited.is_empty() || spi::write(RUNS, &[Arg::Uuid(run)], |r| Ok(r.bool(1)))?.contains(&Some(true)))
    })
}

/// Notes why a run failed, where that is not noted yet.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn failed(run: Uuid, failure: &Failure) -> Result<()> {
    const FAILED: &str = "UPDATE affinity.stored_runs SET ended = pg_catalog.clock_timestamp(), \
         seconds = EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) started), sqlstate = $2, message = $3, hint = $4 \
         WHERE id OPERATOR(pg_catalog.=) $1 AND ended IS NULL";
    let (e, state) = (&failure.error, failure.state());
    let message = e.detail.as_ref().map_or_else(|| e.message.clone(), |d| format!("{} ({d})", e.message));
    let message = names::cut(&message, LONGEST);
    let hint = e.hint.as_deref().map(|h| names::cut(h, LONGEST));
    let args = [Arg::Uuid(run), Arg::Text(&state), Arg::Text(&message), Arg::text_or_null(hint.as_deref())];
    as_extension(|| spi::write(FAILED, &args, |_| Ok(())).map(drop))
}

/// The most characters of a message that are kept.
const LONGEST: usize = 4000;

/// Deletes runs older than `affinity.keep_runs` days. Those that another session deletes are left to it, and all are where this transaction
/// sees the table as it was at its beginning: a training fails for no old row.
fn forget_old() -> Result<()> {
    const OLD: &str = "DELETE FROM affinity.stored_runs WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id FROM affinity.stored_runs \
         WHERE started OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => $1)) LIMIT 1000 FOR UPDATE SKIP LOCKED))";
    let Some(days) = settings::keep_runs().filter(|_| compat::sees_what_commits()) else { return Ok(()) };
    as_extension(|| spi::write(OLD, &[Arg::Int(days)], |_| Ok(())).map(drop))
}
