//! Whether what a version learned from is still so: facts for `affinity.drift`.

use crate::base::Context;
use crate::base::number::AsReal;
use crate::base::{Code, Error, Result};
use crate::dataset::Frame;
use crate::dataset::reference::{MOST_ROWS, Reference};
use crate::metric::less_is_better;
use crate::model::recommender::ReadAs;
use crate::pg::backend::progress_notices::telling;
use crate::pg::backend::text::literal;
use crate::pg::backend::{error, interrupts, settings};
use crate::pg::datum::json_keys;
use crate::pg::evaluate::drift_asked::{Asked, Record, condition, record};
use crate::pg::evaluate::drift_events;
use crate::pg::evaluate::rows::{wanted, with};
use crate::pg::query::relation::Relation;
use crate::pg::query::sample::{self, Sample};
use crate::pg::recommender::serving;
use crate::pg::rows::train::{Call, FUNCTION, load};
use crate::pg::store::models::{self, ModelRow, VersionRow};
use crate::pg::store::source_access::Reader;
use crate::pg::store::{format, training, weights};
use crate::serve::scorer::Scorer;
use crate::train::drift::{self, Fact, NOT_STORED};
use crate::train::features::Features;
use crate::train::row_model::{RowModel, RowScratch};
use crate::train::rows::{self, FRESH, taught};
use serde_json::Value;

/// Of fewer rows no part is taken to make the figure of.
const FEWEST: usize = 8000;

/// The facts of the model called `name`, each with its verdict.
///
/// # Errors
/// Those of [`models::find`], of the relation and its columns; without a source those of [`models::own`] and [`Reader::open`].
pub(crate) fn facts(name: &str, asked: Asked) -> Result<Vec<(Fact, Option<&'static str>)>> {
    let model = models::find(name)?;
    let number = asked.version.map_or_else(|| models::deployed_digest(&model).map(|d| d.0), Ok)?;
    let version = models::version(model.id, number)?;
    format::known(&version)?;
    let record = record(&version)?;
    if serving::source(&version)?.is_some() {
        return drift_events::facts(&model, &version, &record, asked).map(drift::judged);
    }
    of_rows(&model, &version, &record, asked).map(drift::judged)
}

/// That no figure can be made of what a version does not hold, and what to do.
pub(crate) fn tell_not_stored(model: &ModelRow, version: &VersionRow) {
    let again = if model.owner.held() { format!(" (SELECT affinity.retrain({});)", literal(&model.name)) } else { String::new() };
    error::notice(&format!(
        "version {} was stored before 0.2.0 and does not know what its training saw: train it again{again}",
        version.version
    ));
}

/// The relation that is asked for, or that of the training, and who reads it.
fn relation(model: &ModelRow, version: &VersionRow, call: &Call, asked: Asked) -> Result<(Relation, Reader)> {
    match asked.source {
        Some(source) => Ok((Relation::open(source)?, Reader::default())),
        None => {
            // It is the owner's rows that are counted: who may only score is not shown them.
            models::own(&model.name)?;
            debug_assert_eq!(model.id, version.model_id);
            Reader::open(model, ReadAs::Owner, &call.search_path, &call.source)
        }
    }
}

fn of_rows(model: &ModelRow, version: &VersionRow, record: &Record, asked: Asked) -> Result<Vec<Fact>> {
    let call: Call = training::recorded(&version.call, FUNCTION)?;
    let (relation, reader) = relation(model, version, &call, asked)?;
    let condition = asked.since.map(|s| condition(&relation, call.time_col.as_deref(), s)).transpose()?;
    let budget = settings::budget();
    let keys = json_keys::of(&version.params);
    let loaded = load(version, &weights::tensors(version)?)?;
    let target = call.target.as_deref();
    let there = target.filter(|t| relation.column(t).is_ok());
    let mut scratch = RowScratch::default();
    let told_by: Vec<&str> = match &loaded {
        RowModel::Predicts(_) => loaded.predicts(&mut scratch)?.0.split().reads().collect(),
        RowModel::Describes(features) => features.told_by().iter().map(String::as_str).collect(),
    };
    let inputs: Vec<&str> = loaded.inputs().iter().map(|i| i.name.as_str()).collect();
    let needed = inputs.iter().copied().filter(|n| Some(*n) != there).chain(there);
    let columns: Vec<&str> = with(needed, told_by.into_iter(), &relation, &keys);
    let columns = wanted(&relation, columns.into_iter(), there, loaded.inputs(), &keys)?;
    let some @ Sample { rows, .. } = &reader.run(|| sample::rows(&relation, &columns, condition.as_deref(), MOST_ROWS, &budget))?;
    if some.frame.rows() == 0 {
        return Err(no_rows(&relation, asked.since.is_some()));
    }
    let reference = Reference::get(&version.state);
    if reference.is_none() {
        tell_not_stored(model, version);
    }
    let mut facts = vec![Fact::counted("rows", &relation.name, Some(record.rows), rows.real())];
    let frame = &some.frame;
    interrupts::run(0, &budget, telling(&model.name, "comparing"), |ctx| {
        facts.extend(drift::of_columns(reference.as_ref(), frame, &inputs, target, ctx)?);
        facts.push(figure(&loaded, version, record, (frame, there), ctx)?);
        Ok(facts)
    })
}

fn no_rows(relation: &Relation, since: bool) -> Error {
    let (which, hint) = if since { (" since then", "Choose an earlier since.") } else { ("", "Name a relation that has rows.") };
    Error::new(Code::Data, format!("relation \"{}\" has no rows{which}", relation.name)).detail("There is nothing to compare.").hint(hint)
}

/// The figure that a version is evaluated by, on its held-out rows and on those of `frame` whose outcome is known.
fn figure(
    model: &RowModel,
    version: &VersionRow,
    record: &Record,
    (frame, target): (&Frame, Option<&str>),
    ctx: &Context<'_>,
) -> Result<Fact> {
    let Some(name) = record.metrics.get("evaluated_by").and_then(Value::as_str) else {
        return Ok(Fact::unknown("figure", "", "value", "no rows were held out to evaluate the version by"));
    };
    let unknown = |why: &str| Ok(Fact::unknown("figure", name, "value", why));
    let Some(then) = version.evaluated else { return unknown(NOT_STORED) };
    // Of which less is better is compared by its negative.
    let then = if less_is_better(name) { -then } else { then };
    let held_out = record.metrics.get("rows").and_then(Value::as_f64).unwrap_or(record.rows);
    let found = match (model, target) {
        (RowModel::Predicts(scorer), Some(target)) => predicted(scorer, frame, target, ctx),
        (RowModel::Predicts(_), None) => return unknown("the source does not have the target"),
        (RowModel::Describes(features), _) => described(features, frame, name, ctx),
    };
    match found {
        Ok((Some(row), why)) => Ok(Fact::figure(name, (then, held_out), &row).minding(why)),
        Ok((None, _)) => unknown("these rows do not give it"),
        // What the rows become for a network may be more than they are.
        Err(e) if e.code == Code::OutOfMemory && frame.rows() > FEWEST => {
            let fewer: Vec<u32> = (0..frame.rows() as u32).step_by(8).collect();
            figure(model, version, record, (&frame.take(&fewer), target), ctx)
        }
        // Rows without outcomes, or too many of them, are no fault of the others'.
        Err(e) if matches!(e.code, Code::Data | Code::OutOfMemory) => unknown(&e.message),
        Err(e) => Err(e),
    }
}

/// A figure, and how the rows that taught the model were evaluated.
type Found = (Option<crate::train::MetricRow>, Option<String>);

fn predicted(scorer: &Scorer, frame: &Frame, target: &str, ctx: &Context<'_>) -> Result<Found> {
    let evaluated = rows::evaluate(scorer, frame, (target, None, false), ctx)?;
    Ok((evaluated.figures.into_iter().next(), evaluated.notice.map(|n| n.replace(" (all_rows => true: all)", ""))))
}

fn described(features: &Features, frame: &Frame, name: &str, ctx: &Context<'_>) -> Result<Found> {
    let known = features.known(frame)?;
    let rows = features.evaluate(frame, ctx)?;
    let own = rows.into_iter().find(|r| r.baseline.is_none() && r.metric == name);
    Ok((own, (known > FRESH).then(|| taught(known))))
}
