//! A model judged on the rows of a relation, read with the caller's rights.

use crate::base::memory::Taken;
use crate::base::{Budget, Code, Error, Result};
use crate::dataset::{Frame, Input, ValueType};
use crate::pg::relation::{Attribute, Relation};
use crate::pg::stamp::Stamp;
use crate::pg::{cache, error, interrupts, judging, recommending, scan, settings, store, weights};
use crate::train::MetricRow;
use crate::train::row_model::{RowModel, RowScratch};
use crate::train::rows::{self, Evaluated};
use pgrx::pg_sys;

/// The figures of the model called `model` on `source`, its baseline's after its own; `target` is the trained one unless given. `k` is the length of the
/// lists of a recommender, for which `source` may be left out: [`judging::figures`]. `all_rows`: also rows that taught a model of rows.
///
/// # Errors
/// Those of [`cache::find`]; missing columns; [`Code::Data`] without rows.
pub(crate) fn figures(model: &str, source: Option<pg_sys::Oid>, target: Option<&str>, k: i32, all_rows: bool) -> Result<Vec<MetricRow>> {
    let found = cache::find(model, Stamp::now())?;
    let version = store::version(found.model.id, found.version)?;
    if recommending::source(&version)?.is_some() {
        return judging::figures(model, &found.model, &version, source, k);
    }
    let source = source.ok_or_else(|| {
        Error::new(Code::InvalidParameter, "no source is given")
            .hint("Name the relation to judge on: affinity.evaluate('model', 'source').")
    })?;
    let budget = settings::budget();
    let loaded = RowModel::load(&version.kind, &version.state, &weights::tensors(&version)?)?;
    if let RowModel::Describes(features) = &loaded {
        let relation = Relation::open(source)?;
        let (frame, _held) = read(&relation, features.inputs().iter().map(|i| i.name.as_str()), features.inputs(), &budget)?;
        return interrupts::run(0, &budget, |_| {}, |ctx| features.evaluate(&frame, ctx));
    }
    let mut scratch = RowScratch::default();
    let (scorer, _) = loaded.predicts(&mut scratch)?;
    let target = target
        .or_else(|| version.call.get("target").and_then(|t| t.as_str()))
        .ok_or_else(|| Error::new(Code::InvalidParameter, "target is missing").hint("affinity.evaluate(model, source, target => '…')"))?;
    let relation = Relation::open(source)?;
    let mut columns: Vec<&str> = scorer.inputs().iter().map(|i| i.name.as_str()).filter(|n| *n != target).chain([target]).collect();
    // What tells the rows that taught from others, where it is there.
    for name in scorer.split().reads() {
        if !columns.contains(&name) && relation.column(name).is_ok() {
            columns.push(name)
        }
    }
    let (frame, _held) = read(&relation, columns.into_iter(), scorer.inputs(), &budget)?;
    let Evaluated { figures, notice } =
        interrupts::run(0, &budget, |_| {}, |ctx| rows::evaluate(scorer, &frame, (target, usize::try_from(k).ok(), all_rows), ctx))?;
    if let Some(notice) = notice {
        error::notice(&notice);
    }
    Ok(figures)
}

/// The rows to judge on: the columns `names`, of which those of `inputs` are read as the model learned them.
fn read<'a, 'b>(
    relation: &Relation,
    names: impl Iterator<Item = &'a str>,
    inputs: &[Input],
    budget: &'b Budget,
) -> Result<(Frame, Taken<'b>)> {
    let learned = |name: &str| inputs.iter().find(|i| i.name == name).map_or(ValueType::Plain, |i| i.value_type);
    let columns = names.map(|n| relation.column(n).map(|c| (c, learned(n)))).collect::<Result<Vec<(&Attribute, ValueType)>>>()?;
    let (frame, held) = scan::frame_as(relation, &columns, budget)?;
    if frame.rows() == 0 {
        return Err(
            Error::new(Code::Data, format!("relation \"{}\" has no rows", relation.name)).detail("There is nothing to judge the model on.")
        );
    }
    Ok((frame, held))
}
