//! A refresh that a background worker does, for callers that may not hold a connection: web applications, those behind pgbouncer.
//!
//! The session that asks writes the run and starts the worker; the worker waits for the end of that session's transaction, and finds the run
//! there or, after a ROLLBACK, does nothing.

use crate::base::{Code, Error, Result};
use crate::pg::backend::transactions::Transactions;
use crate::pg::backend::worker::{self, Task};
use crate::pg::backend::{compat, error, settings};
use crate::pg::query::owner::{self, Role};
use crate::pg::query::spi::Uuid;
use crate::pg::refresh::procedure;
use crate::pg::store::publish::{Again, Deploy};
use crate::pg::store::{models, runs};
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Has the model called `name` refreshed as `again` says; the run.
///
/// # Errors
/// As [`models::own`]; [`Code::WrongState`] in a function with the rights of another; [`Code::LimitExceeded`] where no worker is free, or `affinity.max_workers` are at work; [`Code::WrongState`] before the extension is updated.
pub(crate) fn start(name: &str, again: Again) -> Result<Uuid> {
    let model = models::own(name)?;
    models::living_owner(&model)?;
    if owner::in_function_of_another() {
        return Err(Error::new(Code::WrongState, "the run would be of the session's role, not of the function's")
            .detail("It is asked for in a function that is SECURITY DEFINER.")
            .hint("affinity.retrain in the function, or call affinity.refresh_in_background as a role that has the owner's rights."));
    }
    if !owner::may_log_in() {
        return Err(Error::new(Code::Privilege, "the session's user may not log in")
            .detail("A background worker begins as that user, as a session does.")
            .hint("CALL affinity.refresh in this session, or ask as a role that may log in."));
    }
    let (running, most) = (runs::in_background()?, settings::max_workers());
    if running >= most {
        return Err(Error::new(Code::LimitExceeded, "as many background refreshes go on as affinity.max_workers allows")
            .detail(format!("{running} go on or are about to, {most} are allowed."))
            .hint("Ask again later, CALL affinity.refresh in a session, or have a superuser raise affinity.max_workers."));
    }
    let run = runs::ask(&model, again)?.ok_or_else(|| {
        Error::new(Code::WrongState, "the extension is older than its library").hint("ALTER EXTENSION pg_affinity UPDATE;")
    })?;
    // What the worker waits for.
    if !compat::try_lock(&run) {
        return Err(Error::internal("The lock of a new run is taken."));
    }
    Task::new(run).start("affinity_refresh_worker", &format!("pg_affinity refresh of {}", crate::base::names::cut(name, 40)))?;
    Ok(run)
}

/// The whole of a worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn affinity_refresh_worker(_argument: pg_sys::Datum) {
    let Some(task) = Task::connect() else { return };
    error::sql(|| {
        let mut transactions = Transactions::of_worker();
        // Until the session that asked has committed, or rolled back.
        compat::wait_for_lock(&task.id);
        transactions.commit();
        transactions.begin();
        if let Some((name, deploy, warm)) = runs::waiting(task.id)? {
            worker::does(&format!("CALL affinity.refresh({})", crate::pg::backend::text::literal(&name)));
            let deploy = deploy.as_deref().map(Deploy::parse).transpose()?;
            procedure::of_run(&name, Again { deploy, warm, run: Some(task.id) }, &mut transactions)?;
        }
        transactions.finish();
        Ok(())
    });
}

/// Stops a run that waits or is under way; false where it has ended.
///
/// # Errors
/// [`Code::UndefinedObject`] where the current role may see no such run.
pub(crate) fn cancel(run: Uuid) -> Result<bool> {
    let (owner, ended) = runs::owner(run)?.ok_or_else(|| no_such_run(run))?;
    if !(Role { name: String::new(), oid: owner }).held() {
        return Err(no_such_run(run));
    }
    if ended { Ok(false) } else { runs::cancel(run) }
}

fn no_such_run(run: Uuid) -> Error {
    let id = format!("{:032x}", u128::from_be_bytes(run));
    Error::new(Code::UndefinedObject, format!("no run of yours is {id}")).hint("SELECT run, model, state FROM affinity.runs;")
}
