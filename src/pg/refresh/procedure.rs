//! `CALL affinity.refresh`: a training whose reading and storing are transactions of their own.
//!
//! A training in one transaction holds its snapshot and the lock of its source to the end: a retrain of 14 s kept VACUUM from 2,133
//! transactions' rows, and had an ALTER TABLE wait 14.2 s and an INSERT behind it 13.9 s. Here both go with the reading.

use crate::base::{Code, Error, Result};
use crate::pg::backend::compat;
use crate::pg::backend::error;
use crate::pg::backend::subtransaction::{Failure, attempt};
use crate::pg::backend::text::literal;
use crate::pg::backend::transactions::Transactions;
use crate::pg::query::owner::{self, Acting, as_extension};
use crate::pg::query::spi::{self, Arg, Uuid};
use crate::pg::store::models::{self, ModelRow};
use crate::pg::store::publish::{Again, Published};
use crate::pg::store::runs;
use crate::pg::store::training::Learning;

/// A model that is being refreshed: nobody else trains it until it is let go, also between the transactions.
struct Refreshing {
    /// Its row among the runs.
    run: Option<Uuid>,
    learning: Learning,
}

/// Refreshes the model called `name`. Where it fails nothing but that is written, among the runs.
///
/// # Errors
/// Those of [`super::read`] and of [`crate::pg::store::publish::publish`], and what Postgres raises.
pub(crate) fn one(name: &str, again: Again, transactions: &mut Transactions) -> Result<()> {
    alone(name, again, transactions).or_else(|failure| failure.raise())
}

/// [`one`] for a run that was asked for: whatever becomes of it, the run says so.
///
/// # Errors
/// What Postgres raises while that is written.
pub(crate) fn of_run(name: &str, again: Again, transactions: &mut Transactions) -> Result<()> {
    if let (Err(failure), Some(run)) = (alone(name, again, transactions), again.run) {
        transactions.begin();
        runs::failed(run, &failure)?;
        error::warning(&format!("model \"{name}\" is not refreshed: {}", failure.error));
    }
    Ok(())
}

/// Refreshes all models whose names are like `pattern` (as in LIKE) and whose owner's rights the current role has, by name. One that fails is
/// told of in a WARNING, and the others go on.
///
/// # Errors
/// [`Code::WrongState`] at the end where any failed; [`Code::UndefinedObject`] where there is none.
pub(crate) fn all(pattern: &str, again: Again, transactions: &mut Transactions) -> Result<()> {
    let names = like(pattern)?;
    if names.is_empty() {
        return Err(Error::new(Code::UndefinedObject, format!("no model of yours has a name like {}", literal(pattern)))
            .hint("SELECT model FROM affinity.models;"));
    }
    let mut failed = Vec::new();
    for name in &names {
        transactions.begin();
        if let Err(failure) = alone(name, again, transactions) {
            if failure.is_asked_for() {
                failure.raise();
            }
            error::warning(&format!("model \"{name}\" is not refreshed: {}", failure.error));
            failed.push(name.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::new(Code::WrongState, format!("{} of {} models were not refreshed", failed.len(), names.len()))
        .detail(format!("They are: {}. The others are stored.", failed.join(", ")))
        .hint(format!("Why, one by one: CALL affinity.refresh({});", literal(failed[0]))))
}

/// [`one`] whose failure is a value, after which the next transaction has begun.
fn alone(name: &str, again: Again, transactions: &mut Transactions) -> std::result::Result<(), Failure> {
    let model = models::own(name)?;
    let (mut run, mut locked) = (again.run, false);
    let published = in_steps(&model, again, transactions, (&mut run, &mut locked));
    if let Err(failure) = &published {
        transactions.begin();
        let run = run.map_or_else(|| runs::begin(&model, again), |run| Ok(Some(run)))?;
        run.map_or(Ok(()), |run| runs::failed(run, failure))?;
    }
    transactions.commit();
    if locked {
        compat::release_lock(&model.id);
    }
    let Published { model, version, kind, deployed, seconds, .. } = published?;
    let deployed = if deployed { "is deployed" } else { "is not deployed" };
    error::notice(&format!("model \"{model}\": version {version} ({kind}) was trained in {seconds:.1} s and {deployed}"));
    Ok(())
}

/// Reads, learns and stores, each in a subtransaction of its own, so that what fails can be told of: its row among the runs, and whether the
/// model's lock is held over commits.
fn in_steps(
    model: &ModelRow,
    again: Again,
    transactions: &mut Transactions,
    (run, locked): (&mut Option<Uuid>, &mut bool),
) -> std::result::Result<Published, Failure> {
    let begun = attempt(|| begin(model, again))?;
    *locked = true;
    *run = begun.run;
    // Of the snapshot nothing is left, of the locks that of the training alone.
    transactions.commit();
    let learned = attempt(|| begun.learning.learn())?;
    transactions.begin();
    attempt(|| owner::as_role(&Acting::as_role(model.owner.oid, &[])?, || learned.store()))
}

fn begin(model: &ModelRow, again: Again) -> Result<Refreshing> {
    let run = match again.run {
        Some(run) => runs::take(run).map(|()| Some(run))?,
        None => runs::begin(model, again)?,
    };
    let learning = super::read(model, Again { run, ..again })?;
    // The training's own lock, which this transaction holds, to be kept when it ends.
    if !compat::try_lock_over_commits(&model.id) {
        return Err(Error::internal("The lock of the training is not held."));
    }
    Ok(Refreshing { run, learning })
}

/// The names of the models that the current role may train and that are like `pattern`.
fn like(pattern: &str) -> Result<Vec<String>> {
    const LIKE: &str =
        "SELECT name FROM affinity.stored_models WHERE name OPERATOR(pg_catalog.~~) $1 ORDER BY name COLLATE pg_catalog.\"C\"";
    let all = as_extension(|| spi::write(LIKE, &[Arg::Text(pattern)], |r| Ok(r.text(1))))?;
    let mine = |name: &String| models::own(name).is_ok();
    Ok(all.into_iter().flatten().filter(mine).collect())
}
