//! A training becomes a version: saved, checked by scoring with what was saved, deployed if it may be, old versions dropped.

use crate::base::{Code, Error, Result, Tensor, names};
use crate::metric::{Estimate, less_is_better};
use crate::model::recommender::EVALUATED_AT;
use crate::pg::backend::error;
use crate::pg::backend::text::literal;
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::spi::{self, Arg, Uuid};
use crate::pg::store::damaged::damaged;
use crate::pg::store::models::{self, ModelRow, VersionRow};
use crate::pg::store::{deploy, quota, shared_model, weights};
use crate::train::{Report, Trained};
use pgrx::pg_sys;
use serde_json::Value;

/// When a new version is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deploy {
    /// When it is better on held-out rows than the deployed one, or none is deployed.
    IfBetter,
    /// Unless it is worse beyond chance.
    UnlessWorse,
    /// In any case.
    Always,
    /// Not by training.
    Never,
}

impl Deploy {
    /// As a training that is repeated asks for; else as the call has it.
    ///
    /// # Errors
    /// As [`Deploy::parse`].
    pub(crate) fn of(again: Option<Again>, call: &str) -> Result<Self> {
        again.and_then(|a| a.deploy).map_or_else(|| Self::parse(call), Ok)
    }

    /// The word of [`Deploy::parse`].
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::IfBetter => "if_better",
            Self::UnlessWorse => "unless_worse",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// As in `deploy => …`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub(crate) fn parse(word: &str) -> Result<Self> {
        match word {
            "if_better" => Ok(Self::IfBetter),
            "unless_worse" => Ok(Self::UnlessWorse),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(Error::new(Code::InvalidParameter, format!("deploy => {} is not known", literal(&names::shown(word))))
                .hint("Use 'if_better', 'unless_worse', 'always' or 'never'.")),
        }
    }
}

/// A training that is repeated; its recorded call stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Again {
    /// When to deploy this time; none: as the call says.
    pub deploy: Option<Deploy>,
    /// Whether to begin from the deployed version.
    pub warm: bool,
    /// Its row in `affinity.stored_runs`, where it has one already.
    pub run: Option<Uuid>,
}

/// The figure by which a new version and the deployed one were compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    /// Its name.
    pub by: String,
    /// Of the new version.
    pub new: f64,
    /// Of the deployed one, where it could be evaluated.
    pub before: Option<f64>,
}

/// What a training hands over.
pub(crate) struct Training<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The model as it was when the training began, and what was deployed then; none where there was none.
    pub of: Option<(Uuid, Option<i32>)>,
    /// The kind that was trained.
    pub kind: &'a str,
    /// The call, for retraining.
    pub call: &'a Value,
    /// What the engine gave.
    pub trained: &'a Trained,
    /// Seconds since the call began.
    pub seconds: f64,
    /// When to deploy.
    pub deploy: Deploy,
}

/// What became of it: the row that training functions return.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Published {
    /// The model's name.
    pub model: String,
    /// The new version.
    pub version: i32,
    /// Its kind.
    pub kind: String,
    /// Rows that were learned from.
    pub rows_used: i64,
    /// Rows that were left out.
    pub rows_skipped: i64,
    /// Seconds since the call began.
    pub seconds: f64,
    /// Figures on held-out rows.
    pub metrics: Value,
    /// Whether it answers from now on.
    pub deployed: bool,
    /// Why, where that was said.
    pub why: Option<String>,
    /// By what it was decided; none without held-out rows.
    pub compared: Option<Compared>,
}

/// Saves a training as the next version of its model, which is made if there is none, with the current role as owner.
///
/// What is stored is read back and held against what was trained. `check` gets the version as it was read back and scores rows with it; its
/// error undoes everything; it gives the weights as they are used, which become the file that sessions share. Notices are shown.
///
/// # Errors
/// [`Code::Privilege`] when the model is another role's, [`Code::WrongState`] when it was dropped meanwhile; those of `check`; [`Code::Corrupt`].
pub(crate) fn publish(training: &Training<'_>, check: impl FnOnce(&VersionRow) -> Result<Vec<Tensor>>) -> Result<Published> {
    let report = &training.trained.report;
    let before = match models::own_if_any_locked(training.model) {
        // It was the current role's when the training began.
        Err(e) if training.of.is_some() && matches!(e.code, Code::Privilege | Code::Duplicate) => {
            return Err(models::meanwhile(training.model, "was given to another role"));
        }
        found => found?,
    };
    if let Some((id, _)) = training.of
        && before.as_ref().is_none_or(|m| m.id != id)
    {
        return Err(Error::new(Code::WrongState, format!("model \"{}\" was dropped while it was trained", training.model))
            .hint("Train it again, if it is still wanted."));
    }
    let (id, version) = save(training, before.as_ref())?;
    let row = models::fresh_version(id, version)?;
    weights::verify(&row, &training.trained.tensors)?;
    if row.state != training.trained.state {
        return Err(damaged(version, "its state"));
    }
    let laid_out = check(&row)?;
    for notice in &report.notices {
        error::notice(notice);
    }
    let (deployed, why) = should_deploy(training, before.as_ref());
    if deployed {
        deploy::deploy(id, version)?;
        shared_model::stored(&row, &laid_out);
    }
    drop(laid_out);
    let keep = training.trained.params.get("keep").and_then(Value::as_i64).unwrap_or(3);
    prune(id, keep)?;
    quota::held(id)?;
    Ok(Published {
        model: training.model.to_owned(),
        version,
        kind: training.kind.to_owned(),
        rows_used: count(report.rows_used),
        rows_skipped: count(report.rows_skipped),
        seconds: training.seconds,
        metrics: Value::Object(report.metrics.clone()),
        deployed,
        why,
        compared: compared(report),
    })
}

/// The share of the newest events' items that a version may not know before it is replaced though its lists are better: it can show none of
/// them.
const UNKNOWN: f64 = 0.1;

/// Whether, and why where that is not as a matter of course: it is said in a NOTICE, too.
fn should_deploy(training: &Training<'_>, before: Option<&ModelRow>) -> (bool, Option<String>) {
    let Report { evaluated, incumbent, gap, unknown, .. } = training.trained.report;
    let old = match (training.deploy, before.and_then(|m| m.deployed)) {
        (Deploy::Always, _) | (Deploy::IfBetter | Deploy::UnlessWorse, None) => return (true, None),
        (Deploy::Never, _) => return (false, None),
        (Deploy::IfBetter | Deploy::UnlessWorse, Some(old)) => old,
    };
    if let Some((_, then)) = training.of
        && then != Some(old)
    {
        let then = then.map_or_else(|| "none was deployed".to_owned(), |v| format!("version {v} was"));
        return said(false, format!("version {old} was deployed while it was trained; when it began, {then}"));
    }
    let ties = training.deploy == Deploy::UnlessWorse;
    let (deployed, why) = match (evaluated, incumbent) {
        (Some(new), Some(known)) => {
            let better = new > known || (ties && gap.map_or(new >= known, |g| g.high >= 0.0));
            let changed = unknown.filter(|u| !better && ties && *u >= UNKNOWN);
            let (by, [new_figure, known_figure]) = figure(&training.trained.report, [new, known]);
            let figures =
                format!("its {by} on held-out rows is {new_figure:.5}, that of version {old} is {known_figure:.5}{}", within(gap));
            let news =
                changed.map(|u| format!("; but {:.0} % of the newest events are of items that version {old} does not know", u * 100.0));
            match (better, news) {
                (true, _) if new > known => return (true, None),
                (true, _) => (true, format!("{figures}: it is not worse beyond chance, and the newer one is taken")),
                (false, Some(news)) => (true, format!("{figures}{news}")),
                (false, None) => (false, figures),
            }
        }
        (Some(_), None) => (true, format!("version {old} cannot be evaluated on these held-out rows, so the new version takes its place")),
        (None, _) => (ties, "without held-out rows it cannot be evaluated".to_owned()),
    };
    said(deployed, why)
}

fn said(deployed: bool, why: String) -> (bool, Option<String>) {
    let word = if deployed { "is deployed" } else { "is not deployed (deploy => 'always' deploys in any case)" };
    error::notice(&format!("the new version {word}: {why}"));
    (deployed, Some(why))
}

fn compared(report: &Report) -> Option<Compared> {
    let new = report.evaluated?;
    let (by, [new, before]) = figure(report, [new, report.incumbent.unwrap_or(f64::NAN)]);
    Some(Compared { by, new, before: report.incumbent.map(|_| before) })
}

/// The name of the figure by which versions are compared, and its values as they are: those of which less is better are compared by their
/// negatives.
fn figure(report: &Report, compared: [f64; 2]) -> (String, [f64; 2]) {
    let by = report.metrics.get("evaluated_by").and_then(Value::as_str).map_or_else(|| format!("ndcg@{EVALUATED_AT}"), str::to_owned);
    let sign = if less_is_better(&by) { -1.0 } else { 1.0 };
    (by, compared.map(|x| sign * x))
}

/// The interval of the difference, to be said behind the figures.
fn within(gap: Option<Estimate>) -> String {
    gap.map_or_else(String::new, |g| format!(" (difference {:.5}, 95 % interval {:.5} to {:.5})", g.mean, g.low, g.high))
}

/// Writes model, version, weights and epochs; the transaction gets its id here.
fn save(training: &Training<'_>, before: Option<&ModelRow>) -> Result<(Uuid, i32)> {
    const CREATE: &str = "INSERT INTO affinity.stored_models (name, owner, last_version) VALUES ($1, $2, 1) RETURNING id, last_version";
    const NEXT: &str = "UPDATE affinity.stored_models SET last_version = last_version OPERATOR(pg_catalog.+) 1 \
         WHERE id OPERATOR(pg_catalog.=) $1 RETURNING id, last_version";
    const VERSION: &str = "INSERT INTO affinity.stored_versions (model_id, version, owner, kind, call, params, state, rows_used, rows_skipped, \
         seconds, metrics, evaluated, bytes, digest, call_digest) VALUES ($1, $2, $3, $4, $5::pg_catalog.json, $6::pg_catalog.json, $7::pg_catalog.json, $8, $9, \
         $10, $11::pg_catalog.jsonb, $12, $13, $14, $15)";
    const EPOCH: &str = "INSERT INTO affinity.stored_epochs (model_id, version, epoch, train_loss, valid_loss, metric, value, seconds) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let Training { trained, kind, call, seconds, .. } = training;
    // A version is its model's owner's, whoever of his members trains it.
    let whose = before.map_or_else(owner::current_name, |m| m.owner.today());
    let texts = [(*kind).to_owned(), call.to_string(), trained.params.to_string(), trained.state.to_string()];
    let metrics = Value::Object(trained.report.metrics.clone()).to_string();
    let digest = weights::digest(&texts[3], &trained.tensors);
    let call_digest = models::call_digest([&texts[0], &texts[1], &texts[2]], &digest);
    let bytes = stored_bytes(&texts, &trained.tensors);
    quota::fits(bytes)?;
    before.map_or(Ok(()), deploy::follow_rename)?;
    let (id, version) = as_extension(|| {
        let key = |r: &spi::Row| Ok(r.uuid(1).zip(r.int(2)));
        let (id, version) = match before {
            Some(m) => spi::write(NEXT, &[Arg::Uuid(m.id)], key)?,
            None => spi::write(CREATE, &[Arg::Text(training.model), Arg::Text(&whose)], key)?,
        }
        .into_iter()
        .flatten()
        .next()
        .ok_or_else(|| Error::internal("The row of the model, which is locked, is gone."))?;
        let double = |x: Option<f64>| x.map_or(Arg::Null(pg_sys::FLOAT8OID), Arg::Double);
        let row = [
            Arg::Uuid(id),
            Arg::Int(version),
            Arg::Text(&whose),
            Arg::Text(&texts[0]),
            Arg::Text(&texts[1]),
            Arg::Text(&texts[2]),
            Arg::Text(&texts[3]),
            Arg::Big(count(trained.report.rows_used)),
            Arg::Big(count(trained.report.rows_skipped)),
            Arg::Double(*seconds),
            Arg::Text(&metrics),
            double(trained.report.evaluated),
            Arg::Big(count(bytes)),
            Arg::Bytes(&digest),
            Arg::Bytes(&call_digest),
        ];
        spi::write(VERSION, &row, |_| Ok(()))?;
        for (i, e) in trained.report.epochs.iter().enumerate() {
            let (metric, value) = e.metric.as_ref().map_or((None, None), |(name, x)| (Some(name.as_str()), Some(*x)));
            let row = [
                Arg::Uuid(id),
                Arg::Int(version),
                Arg::Int(i32::try_from(i + 1).unwrap_or(i32::MAX)),
                Arg::Double(e.train_loss),
                double(e.valid_loss),
                Arg::text_or_null(metric),
                double(value),
                Arg::Double(e.seconds),
            ];
            spi::write(EPOCH, &row, |_| Ok(()))?;
        }
        Ok((id, version))
    })?;
    weights::write(id, version, &trained.tensors)?;
    Ok((id, version))
}

/// Drops all but the newest `keep` versions, the deployed one, and the one that rollback would go back to.
fn prune(model_id: Uuid, keep: i64) -> Result<()> {
    const OLD: &str = "SELECT v.version FROM affinity.stored_versions v JOIN affinity.stored_models m ON m.id OPERATOR(pg_catalog.=) v.model_id \
         WHERE m.id OPERATOR(pg_catalog.=) $1 \
         AND (m.deployed IS NULL OR v.version OPERATOR(pg_catalog.<>) m.deployed) \
         AND (m.formerly[pg_catalog.array_upper(m.formerly, 1)] IS NULL \
             OR v.version OPERATOR(pg_catalog.<>) m.formerly[pg_catalog.array_upper(m.formerly, 1)]) \
         AND v.version OPERATOR(pg_catalog.<) (SELECT pg_catalog.min(n.version) FROM (SELECT version FROM affinity.stored_versions \
             WHERE model_id OPERATOR(pg_catalog.=) $1 ORDER BY version DESC LIMIT $2) n)";
    let old = as_extension(|| spi::write(OLD, &[Arg::Uuid(model_id), Arg::Big(keep.max(1))], |r| Ok(r.int(1))))?;
    old.into_iter().flatten().try_for_each(|version| deploy::remove(model_id, version).map(drop))
}

/// What a version takes up in the store.
fn stored_bytes(texts: &[String], tensors: &[Tensor]) -> u64 {
    let weights: usize = tensors.iter().map(|t| t.numbers.byte_len()).sum();
    (weights + texts.iter().map(String::len).sum::<usize>()) as u64
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
