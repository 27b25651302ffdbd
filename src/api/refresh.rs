//! `CALL affinity.refresh(model, deploy)` and `CALL affinity.refresh_all(pattern, deploy)`: trainings that hold neither snapshot nor lock
//! while they learn.

use crate::api::train::{again, needed};
use crate::base::{Code, Error, Result, names};
use crate::pg::backend::compat;
use crate::pg::backend::error::sql;
use crate::pg::backend::transactions::Transactions;
use crate::pg::datum::argument_types::Text;
use crate::pg::refresh;
use crate::pg::store::publish::Again;
use pgrx::Uuid;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CStr;

/// Repeats a model's latest training on the rows that are there now, over two transactions.
#[pg_extern]
fn refresh(model: Option<Text>, deploy: Option<Text>, warm_start: Option<bool>, call: pg_sys::FunctionCallInfo) {
    sql(|| {
        let model = needed(model, "model")?.0;
        names::check("model", &model)?;
        over_transactions((c"affinity.refresh()", "affinity.retrain"), again(deploy, warm_start == Some(true))?, call, |again, t| {
            refresh::one(&model, again, t)
        })
    });
}

/// [`refresh`] of each of the models whose names are like `pattern`.
#[pg_extern]
fn refresh_all(pattern: Option<Text>, deploy: Option<Text>, warm_start: Option<bool>, call: pg_sys::FunctionCallInfo) {
    sql(|| {
        let pattern = needed(pattern, "pattern")?.0;
        names::check("pattern", &pattern)?;
        let instead = "affinity.retrain, model by model,";
        over_transactions((c"affinity.refresh_all()", instead), again(deploy, warm_start == Some(true))?, call, |again, t| {
            refresh::all(&pattern, again, t)
        })
    });
}

/// Has a background worker refresh a model; the run.
#[pg_extern]
fn refresh_in_background(model: Option<Text>, deploy: Option<Text>, warm_start: Option<bool>) -> Uuid {
    sql(|| {
        compat::must_be_writable(c"affinity.refresh_in_background()");
        let model = needed(model, "model")?.0;
        names::check("model", &model)?;
        refresh::start(&model, again(deploy, warm_start == Some(true))?).map(Uuid::from_bytes)
    })
}

/// Stops a run that waits or is under way.
#[pg_extern]
fn cancel(run: Option<Uuid>) -> bool {
    sql(|| {
        compat::must_be_writable(c"affinity.cancel()");
        refresh::cancel(*needed(run, "run")?.as_bytes())
    })
}

/// Runs `f` with the transactions of the procedure that is called.
fn over_transactions(
    (procedure, instead): (&'static CStr, &str),
    again: Again,
    call: pg_sys::FunctionCallInfo,
    f: impl FnOnce(Again, &mut Transactions) -> Result<()>,
) -> Result<()> {
    compat::must_be_writable(procedure);
    let Some(mut transactions) = Transactions::of(call)? else {
        return Err(Error::new(Code::ActiveTransaction, format!("{} cannot run inside a transaction block", procedure.to_string_lossy()))
            .detail("It ends its transaction when it has read, so that neither the snapshot nor a lock is held while it learns.")
            .hint(format!(
                "CALL it by itself: outside of BEGIN … COMMIT, of a function, and of several statements sent as one. {instead} does all in one transaction."
            )));
    };
    f(again, &mut transactions)?;
    transactions.finish();
    Ok(())
}
