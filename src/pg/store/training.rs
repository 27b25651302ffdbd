//! What every function that trains does alike, whatever it learns from: the model is locked, the call recorded, the version saved and
//! published.
//!
//! A training has three steps: it reads, it learns, it stores. Only the first and the last ask Postgres for anything, so that the
//! transaction of the first may end before the second begins (`pg::refresh`).

use crate::base::{Budget, Code, Error, Result, Tensor};
use crate::pg::backend::{allocator, compat, error, settings};
use crate::pg::query::owner;
use crate::pg::query::spi::Uuid;
use crate::pg::store::models::{self, ModelRow, VersionRow};
use crate::pg::store::progress::Progress;
use crate::pg::store::publish::{Again, Deploy, Published, Training, publish};
use crate::pg::store::runs::{self, Facts};
use crate::pg::store::weights;
use crate::train::Trained;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::ffi::CStr;
use std::time::Instant;

/// A call that trains, before anything is looked up.
pub(crate) struct Begun {
    start: Instant,
    /// When the version is deployed.
    pub deploy: Deploy,
    function: &'static str,
    /// Its row among the runs, where it has one already.
    run: Option<Uuid>,
}

/// A training that has read all that it learns from.
pub(crate) struct Learning(Box<dyn FnOnce() -> Result<Storing>>);

/// A training that has learned.
pub(crate) struct Storing(Box<dyn FnOnce() -> Result<Published>>);

impl Learning {
    /// What is left to do when all is read.
    pub(crate) fn new(learn: impl FnOnce() -> Result<Storing> + 'static) -> Self {
        Self(Box::new(learn))
    }

    /// Learns. Needs neither a snapshot nor a lock, nor the role that read.
    ///
    /// # Errors
    /// Those of the model's kind.
    pub(crate) fn learn(self) -> Result<Storing> {
        (self.0)()
    }

    /// Learns and stores, in the transaction that read.
    ///
    /// # Errors
    /// Those of both.
    pub(crate) fn finish(self) -> Result<Published> {
        self.learn()?.store()
    }
}

impl Storing {
    /// What is left to do when all is learned.
    pub(crate) fn new(store: impl FnOnce() -> Result<Published> + 'static) -> Self {
        Self(Box::new(store))
    }

    /// Stores the version, with the rights of the current role.
    ///
    /// # Errors
    /// Those of [`publish`].
    pub(crate) fn store(self) -> Result<Published> {
        (self.0)()
    }
}

/// A training that runs: nobody else trains the model meanwhile.
pub(crate) struct Run {
    start: Instant,
    deploy: Deploy,
    function: &'static str,
    run: Option<Uuid>,
    /// The model's name.
    model: String,
    /// The model as it is; none where there is none yet.
    before: Option<ModelRow>,
    /// What it may use.
    pub budget: Budget,
    /// What other sessions see of it.
    pub progress: Progress,
}

impl Begun {
    /// A call of `function`, anew or `again`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a word that is no way to `deploy`.
    pub(crate) fn new(function: &'static CStr, deploy: &str, again: Option<Again>) -> Result<Self> {
        let start = Instant::now();
        compat::must_be_writable(function);
        let name = function.to_str().unwrap_or_default();
        let name = name.strip_prefix("affinity.").unwrap_or(name).trim_end_matches("()");
        Ok(Self {
            start,
            deploy: Deploy::of(again, deploy)?,
            function: if again.is_some() { "retrain" } else { name },
            run: again.and_then(|a| a.run),
        })
    }

    /// Takes the model for the length of the training, of this kind.
    ///
    /// # Errors
    /// Those of [`models::lock_training`].
    pub(crate) fn lock(self, model: &str, kind: &str) -> Result<Run> {
        let before = models::lock_training(model)?;
        Ok(Run {
            start: self.start,
            deploy: self.deploy,
            function: self.function,
            run: self.run,
            model: model.to_owned(),
            before,
            budget: settings::budget(),
            progress: Progress::begin(model, kind),
        })
    }
}

impl Run {
    /// The deployed version as `load` reads it from its row and tensors, to be evaluated beside the new one; `belongs` says that it is of
    /// the same family. One that is damaged, or of a form that is not known, does not keep a better one from being trained.
    ///
    /// # Errors
    /// Those of `belongs` and `load`.
    pub(crate) fn incumbent<T>(
        &self,
        belongs: impl FnOnce(&ModelRow, &VersionRow) -> Result<()>,
        load: impl FnOnce(&VersionRow, &[Tensor]) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some((model, number)) = self.before.as_ref().and_then(|m| m.deployed.map(|d| (m, d))) else { return Ok(None) };
        let version = models::fresh_version(model.id, number)?;
        belongs(model, &version)?;
        let found = match weights::fresh_tensors(&version).and_then(|tensors| load(&version, &tensors)) {
            Err(e) if matches!(e.code, Code::Corrupt | Code::Unsupported) => {
                error::notice(&format!("the deployed version {number} is not evaluated: {e}"));
                None
            }
            loaded => Some(loaded?),
        };
        self.budget.check()?;
        Ok(found)
    }

    /// Saves what was `trained` by `call` and deploys it where it may be. `check` scores with the version as it was read back; its error
    /// undoes everything, and it gives the weights as they are used.
    ///
    /// # Errors
    /// Those of [`publish`].
    pub(crate) fn publish(
        mut self,
        kind: &str,
        call: &impl Serialize,
        mut trained: Trained,
        check: impl FnOnce(&VersionRow, &[Tensor]) -> Result<Vec<Tensor>>,
    ) -> Result<Published> {
        // What was learned from is gone by now, and not needed to save.
        allocator::trim();
        if let Some(megabytes) = compat::peak_megabytes() {
            trained.report.metrics.insert("peak_memory_mb".into(), json!(megabytes));
        }
        let call = serde_json::to_value(call).map_err(|e| Error::internal(format!("The call cannot be recorded: {e}.")))?;
        let seconds = self.start.elapsed().as_secs_f64();
        self.progress.phase("saving");
        let training = Training {
            model: &self.model,
            of: self.before.as_ref().map(|m| (m.id, m.deployed)),
            kind,
            call: &call,
            trained: &trained,
            seconds,
            deploy: self.deploy,
        };
        let published = publish(&training, |row| {
            let _booked = self.budget.take(trained.bytes(), "the model as it is loaded")?;
            check(row, &trained.tensors)
        })?;
        let (rows, phases) = self.progress.so_far();
        let function = if self.run.is_some() { "refresh" } else { self.function };
        let facts = Facts { function, rows, phases, peak_megabytes: compat::peak_megabytes() };
        let owner = self.before.map_or_else(owner::current_name, |m| m.owner.today());
        runs::done(self.run, &published, &owner, &facts)?;
        Ok(published)
    }
}

/// The error for a model whose deployed `version` is of the other family: it does not learn from `what`.
pub(crate) fn other_family(model: &ModelRow, version: &VersionRow, what: &str) -> Error {
    Error::new(Code::WrongState, format!("model \"{}\" does not learn from {what}", model.name))
        .detail(format!("Its deployed version is of kind {}.", version.kind))
        .hint("Choose another name, or drop the model first: affinity.drop_model.")
}

/// The error for a version that scores something as no number: `which` says what, `hint` what to do.
pub(crate) fn no_numbers(which: String, hint: &str) -> Error {
    Error::new(Code::WrongState, "the trained model gives scores that are no numbers").detail(which).hint(hint)
}

/// A call as it was recorded by `affinity.<function>`.
///
/// # Errors
/// [`Code::Corrupt`] for one that somebody has written.
pub(crate) fn recorded<T: DeserializeOwned>(call: &Value, function: &str) -> Result<T> {
    T::deserialize(call).map_err(|e| {
        Error::new(Code::Corrupt, "the recorded call cannot be read")
            .detail(format!("{e}."))
            .hint(format!("Train with affinity.{function}."))
    })
}
