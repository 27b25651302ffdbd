//! A model evaluated on the rows of a relation, read with the caller's rights.

use crate::base::memory::Taken;
use crate::base::{Budget, Code, Error, Result};
use crate::dataset::{Family, Frame, Input, Key, ValueType};
use crate::pg::backend::progress_notices::telling;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::backend::{error, interrupts, settings};
use crate::pg::datum::{json_keys, value_type};
use crate::pg::evaluate;
use crate::pg::query::column_builder::ColumnRequest;
use crate::pg::query::relation::Relation;
use crate::pg::query::scan::{self, Read};
use crate::pg::recommender::serving;
use crate::pg::rows::input_columns;
use crate::pg::rows::train::most_rows;
use crate::pg::store::models::VersionRow;
use crate::pg::store::{cache, models, weights};
use crate::train::MetricRow;
use crate::train::row_model::{RowModel, RowScratch};
use crate::train::rows::{self, Diagnosis, Evaluated, FRESH};
use pgrx::pg_sys;

/// A model evaluated on the rows of a relation.
pub(crate) struct Seen {
    /// The figures, its baseline's after its own.
    pub figures: Vec<MetricRow>,
    /// How rows that taught the model were evaluated.
    pub notice: Option<String>,
    /// A closer look, where one was asked for and the model predicts.
    pub diagnosis: Option<Diagnosis>,
}

/// The figures of the model called `model` on `source`, its baseline's after its own; `target` is the trained one unless given. `k` is the
/// length of the lists of a recommender, for which `source` may be left out: [`evaluate::recommender::figures`]. `all_rows`: also rows that
/// taught a model of rows.
///
/// # Errors
/// Those of [`cache::find`]; missing columns; [`Code::Data`] without rows.
pub(crate) fn figures(model: &str, source: Option<pg_sys::Oid>, target: Option<&str>, k: i32, all_rows: bool) -> Result<Vec<MetricRow>> {
    let found = cache::find(model, Stamp::now())?;
    let version = models::version(found.model.id, found.version)?;
    if serving::source(&version)?.is_some() {
        return evaluate::recommender::figures(model, &found.model, &version, source, k);
    }
    let source = source.ok_or_else(|| {
        Error::new(Code::InvalidParameter, "no source is given")
            .hint("Name the relation to evaluate on: affinity.evaluate('model', 'source').")
    })?;
    Ok(evaluate(model, &version, source, target, (k, all_rows, false))?.figures)
}

/// The version of a model of rows evaluated on `source` by its own target, with a closer look where it predicts.
///
/// # Errors
/// As [`figures`].
pub(crate) fn seen(model: &str, version: &VersionRow, source: pg_sys::Oid, k: i32) -> Result<Seen> {
    evaluate(model, version, source, None, (k, false, true))
}

fn evaluate(
    model: &str,
    version: &VersionRow,
    source: pg_sys::Oid,
    target: Option<&str>,
    (k, all_rows, closer): (i32, bool, bool),
) -> Result<Seen> {
    let budget = settings::budget();
    let keys = json_keys::of(&version.params);
    let loaded = RowModel::load(&version.kind, &version.state, &weights::tensors(version)?)?;
    if let RowModel::Describes(features) = &loaded {
        let relation = Relation::open(source)?;
        let inputs = features.inputs().iter().map(|i| i.name.as_str());
        let columns: Vec<&str> = with(inputs, features.told_by().iter().map(String::as_str), &relation, &keys);
        let columns = wanted(&relation, columns.into_iter(), None, features.inputs(), &keys)?;
        let (frame, _held) = read(&relation, &columns, version, &budget)?;
        let known = features.known(&frame)?;
        let notice = (known > FRESH).then(|| rows::taught(known));
        notice.iter().for_each(|n| error::notice(n));
        let figures = interrupts::run(0, &budget, telling(model, "evaluating"), |ctx| features.evaluate(&frame, ctx))?;
        return Ok(Seen { figures, notice, diagnosis: None });
    }
    let mut scratch = RowScratch::default();
    let (scorer, _) = loaded.predicts(&mut scratch)?;
    let target = target
        .or_else(|| version.call.get("target").and_then(|t| t.as_str()))
        .ok_or_else(|| Error::new(Code::InvalidParameter, "target is missing").hint("affinity.evaluate(model, source, target => '…')"))?;
    let relation = Relation::open(source)?;
    let inputs = scorer.inputs().iter().map(|i| i.name.as_str()).filter(|n| *n != target).chain([target]);
    let columns: Vec<&str> = with(inputs, scorer.split().reads(), &relation, &keys);
    let columns = wanted(&relation, columns.into_iter(), Some(target), scorer.inputs(), &keys)?;
    let (frame, _held) = read(&relation, &columns, version, &budget)?;
    let k = usize::try_from(k).ok();
    let (Evaluated { figures, notice }, diagnosis) = interrupts::run(0, &budget, telling(model, "evaluating"), |ctx| {
        if closer {
            rows::diagnose(scorer, &frame, (target, k), ctx).map(|(e, d)| (e, Some(d)))
        } else {
            rows::evaluate(scorer, &frame, (target, k, all_rows), ctx).map(|e| (e, None))
        }
    })?;
    notice.iter().for_each(|n| error::notice(n));
    Ok(Seen { figures, notice, diagnosis })
}

/// The columns `needed`, and what else tells the rows that taught from others, where it is there.
pub(crate) fn with<'a>(
    needed: impl Iterator<Item = &'a str>,
    telling: impl Iterator<Item = &'a str>,
    relation: &Relation,
    keys: &'a [Key],
) -> Vec<&'a str> {
    let mut columns: Vec<&str> = needed.collect();
    for name in telling {
        let column = keys.iter().find(|k| k.name() == name).map_or(name, |k| &k.column);
        if !columns.contains(&name) && relation.column(column).is_ok() {
            columns.push(name)
        }
    }
    columns
}

/// The columns `names`, of which those of `inputs` are read as the model learned them, and those of `keys` by their key.
///
/// # Errors
/// [`Code::UndefinedColumn`], [`Code::WrongType`].
pub(crate) fn wanted<'a>(
    relation: &'a Relation,
    names: impl Iterator<Item = &'a str>,
    target: Option<&str>,
    inputs: &[Input],
    keys: &'a [Key],
) -> Result<Vec<ColumnRequest<'a>>> {
    let one = |name: &str| {
        let input = inputs.iter().find(|i| i.name == name);
        let key = keys.iter().find(|k| k.name() == name);
        if let Some(key) = key {
            let column = relation.column(&key.column)?;
            return Ok(ColumnRequest { column, as_type: ValueType::Plain, family: input.map(|i| i.family), key: Some(key) });
        }
        let column = relation.column(name)?;
        if let Some(i) = input.filter(|i| !value_type::of(column.typ, -1).serves(i.value_type)) {
            return Err(input_columns::wrong_type(i, column.typ));
        }
        // What a target's arrays hold are tags; what only tells the rows that taught is read as it was then.
        let family = input.map(|i| i.family).or((target == Some(name)).then_some(Family::Labels));
        Ok(ColumnRequest { column, as_type: input.map_or(ValueType::Plain, |i| i.value_type), family, key: None })
    };
    names.map(one).collect()
}

/// The rows to evaluate on.
fn read<'b>(relation: &Relation, columns: &'b [ColumnRequest<'b>], version: &VersionRow, budget: &'b Budget) -> Result<(Frame, Taken<'b>)> {
    let Read { frame, seen, booked, .. } = scan::some(relation, columns, None, most_rows(&version.params), budget)?;
    if seen > frame.rows() as u64 {
        error::notice(&format!("of {seen} rows {} are looked at (max_rows)", frame.rows()));
    }
    if frame.rows() == 0 {
        return Err(Error::new(Code::Data, format!("relation \"{}\" has no rows", relation.name))
            .detail("There is nothing to evaluate the model on."));
    }
    Ok((frame, booked))
}
