//! The road of `affinity.train`: a relation's rows in, a version of a model out; and the same again by a recorded call.

use crate::base::{Code, Context, Error, Result, Tensor, names};
use crate::dataset::frame::missing_column;
use crate::dataset::{Family, Frame, Key, ValueType};
use crate::model::RowKind;
use crate::model::recommender::ReadAs;
use crate::pg::backend::{error, interrupts};
use crate::pg::datum::json_keys;
use crate::pg::datum::value_form::Form;
use crate::pg::query::column_builder::ColumnRequest;
use crate::pg::query::owner::{self, Acting};
use crate::pg::query::relation::{Attribute, Relation, Source};
use crate::pg::query::scan::{self, LeftOut, Read};
use crate::pg::store::models::{ModelRow, VersionRow};
use crate::pg::store::publish::{Again, Deploy};
use crate::pg::store::source_access::Reader;
use crate::pg::store::training::{self, Begun, Learning, Storing};
use crate::train::Trained;
use crate::train::features::{self, FeaturesSpec};
use crate::train::row_model::{RowModel, RowScratch};
use crate::train::rows::{self, RowsSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// The name of the function that a recorded call repeats.
pub(crate) const FUNCTION: &str = "train";

/// The figure that tells of how many rows those are that a version learned from, where it did not learn from all.
pub(crate) const SAMPLED_FROM: &str = "sampled_from";

/// Rows that a version is checked with before it can be deployed.
const CHECKED: u32 = 256;

/// A call of `affinity.train`, as it is recorded with the version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// [`FUNCTION`].
    pub function: String,
    /// Where the rows are.
    pub source: Source,
    /// Where bare names were found: for what stands behind the relation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_path: Vec<String>,
    /// The column to learn; none for kinds that learn what rows have in common.
    pub target: Option<String>,
    /// The kind of model.
    pub kind: String,
    /// The column whose time splits the rows.
    pub time_col: Option<String>,
    /// The column whose values stay on one side of the split.
    pub group_col: Option<String>,
    /// The parameters that were given.
    pub params: Value,
    /// The seed.
    pub seed: i64,
    /// When to deploy.
    pub deploy: String,
}

impl Call {
    /// The columns that it cannot do without.
    fn needed(&self) -> impl Iterator<Item = &String> {
        [&self.target, &self.time_col, &self.group_col].into_iter().flatten()
    }
}

/// What is to be learned, by the family that the kind belongs to.
enum Spec {
    /// One column from the others.
    Predicts(RowsSpec),
    /// What all columns have in common.
    Describes(FeaturesSpec),
}

impl Spec {
    /// Of a call: a kind that predicts has a target, another has none.
    fn of(call: &Call, relation: &Relation) -> Result<Self> {
        let kind = RowKind::parse(&call.kind)?;
        let (time_col, group_col, params) = (call.time_col.clone(), call.group_col.clone(), call.params.clone());
        match (kind.needs_target(), call.target.clone()) {
            (true, Some(target)) => Ok(Self::Predicts(RowsSpec { kind: call.kind.clone(), target, time_col, group_col, params })),
            (false, None) => Ok(Self::Describes(FeaturesSpec { kind: call.kind.clone(), time_col, group_col, params })),
            (true, None) => Err(Error::new(Code::InvalidParameter, "no target is given")
                .detail(format!("Relation {} has {} columns.", relation.sql(), relation.columns.len()))
                .hint("Name the column to learn: affinity.train('model', 'source', target => 'column').")),
            (false, Some(target)) => Err(Error::new(Code::InvalidParameter, format!("kind {} takes no target", kind.name()))
                .detail(format!("The target is \"{target}\"; this kind learns what all columns have in common."))
                .hint(format!("Leave the target out; to keep the column out too: params => '{{\"exclude\": [\"{target}\"]}}'."))),
        }
    }

    fn check(&self) -> Result<Map<String, Value>> {
        match self {
            Self::Predicts(s) => s.check(),
            Self::Describes(s) => s.check(),
        }
    }

    fn params(&mut self) -> &mut Value {
        match self {
            Self::Predicts(s) => &mut s.params,
            Self::Describes(s) => &mut s.params,
        }
    }

    fn fit(&self, frame: &Frame, incumbent: Option<&RowModel>, ctx: &Context<'_>) -> Result<Trained> {
        match (self, incumbent) {
            (Self::Predicts(s), Some(RowModel::Predicts(m))) => rows::fit(frame, s, Some(m), ctx),
            (Self::Describes(s), Some(RowModel::Describes(m))) => features::fit(frame, s, Some(m), ctx),
            // A version of the other family is nothing to compare with.
            (Self::Predicts(s), _) => rows::fit(frame, s, None, ctx),
            (Self::Describes(s), _) => features::fit(frame, s, None, ctx),
        }
    }
}

/// Reads for a version of `model` what `relation` has, as `reader`. What is stored then is the current role's, who owns the model or will.
///
/// # Errors
/// For the call: [`Code::InvalidParameter`], [`Code::UndefinedObject`], [`Code::UndefinedColumn`], [`Code::WrongType`]; for the model:
/// [`Code::Privilege`], [`Code::InUse`], [`Code::WrongState`]; for the rows: those of [`rows::fit`].
pub(crate) fn read(model: &str, call: Call, relation: &Relation, reader: &Reader, again: Option<Again>) -> Result<Learning> {
    let begun = Begun::new(c"affinity.train()", &call.deploy, again)?;
    if again.is_some_and(|a| a.warm) {
        error::notice(&format!("kind {} begins anew: what learns from rows has no warm_start", call.kind));
    }
    let mut spec = Spec::of(&call, relation)?;
    let resolved = spec.check()?;
    let exclude = resolved.get("exclude").cloned().unwrap_or_else(|| json!([]));
    let deploy = begun.deploy;
    let mut run = begun.lock(model, &call.kind)?;
    let resolved = Value::Object(resolved);
    let (most, keys) = (most_rows(&resolved), json_keys::of(&resolved));
    let columns = columns(relation, &call, &exclude, &keys)?;
    // What is left out is not even read, so that a column may be excluded that the caller has no rights on; the engine never hears of it.
    if let Some(given) = spec.params().as_object_mut() {
        given.remove("exclude");
    }
    if relation.temporary {
        error::notice("the relation is temporary: only this session can train the model again");
    }
    let incumbent = run.incumbent(|model, version| same_family(model, version, &call, deploy), load)?;
    let reading = Instant::now();
    let Read { frame, left_out, seen, booked } = reader.run(|| scan::usable(relation, &columns, most, &run.budget))?;
    tell_left_out(&call, left_out)?;
    let sampled_from = (seen > frame.rows() as u64).then_some(seen);
    if let Some(seen) = sampled_from {
        error::notice(&format!("of {seen} rows {} are learned from (max_rows)", frame.rows()));
    }
    let read_seconds = reading.elapsed().as_secs_f64();
    run.progress.rows(frame.rows());
    let booked = booked.leave();
    Ok(Learning::new(move || {
        let booked = run.budget.resume(booked);
        let progress = &mut run.progress;
        progress.phase("training");
        let mut trained =
            interrupts::run(call.seed as u64, &run.budget, |shown| progress.show(&shown), |ctx| spec.fit(&frame, incumbent.as_ref(), ctx))?;
        let sample = frame.take(&(0..CHECKED.min(u32::try_from(frame.rows()).unwrap_or(CHECKED))).collect::<Vec<_>>());
        drop((frame, booked, incumbent));
        if let Some(params) = trained.params.as_object_mut() {
            params.insert("exclude".into(), exclude);
        }
        trained.report.metrics.insert("read_seconds".into(), json!(read_seconds));
        trained.report.metrics.extend(sampled_from.map(|rows| (SAMPLED_FROM.into(), json!(rows))));
        let check = move |row: &VersionRow, tensors: &[Tensor]| {
            let model = load(row, tensors)?;
            finite_scores(&model, &sample).map(|()| model.laid_out())
        };
        Ok(Storing::new(move || run.publish(&call.kind, &call, trained, check)))
    }))
}

/// Reads for a recorded call with the rights of the model's owner.
///
/// # Errors
/// As [`read`] and [`Reader::open`].
pub(crate) fn read_again(model: &ModelRow, call: &Value, again: Again) -> Result<Learning> {
    let call: Call = training::recorded(call, FUNCTION)?;
    let (relation, reader) = Reader::open(model, ReadAs::Owner, &call.search_path, &call.source)?;
    owner::as_role(&Acting::as_role(model.owner.oid, &[])?, || read(&model.name, call, &relation, &reader, Some(again)))
}

/// How many rows are read at most, by the parameters of a version; all for one that was stored before there was a bound.
pub(crate) fn most_rows(params: &Value) -> usize {
    params.get("max_rows").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

/// The model of a stored version.
///
/// # Errors
/// [`Code::Corrupt`].
pub(crate) fn load(version: &VersionRow, tensors: &[Tensor]) -> Result<RowModel> {
    RowModel::load(&version.kind, &version.state, tensors)
}

/// Says which columns are left out and why.
///
/// # Errors
/// Why, for a column that is needed.
fn tell_left_out(call: &Call, left_out: Vec<LeftOut>) -> Result<()> {
    for (name, why) in left_out {
        if call.needed().any(|n| *n == name) {
            return Err(why);
        }
        let column = format!("column \"{name}\"");
        let said = why.to_string();
        let said = said.strip_prefix(&column).map_or_else(|| format!(" {said}"), |rest| format!(" it{rest}"));
        error::notice(&format!("{column} is left out:{said}"));
    }
    Ok(())
}

/// The columns to read: all that a model can, but those excluded. What decides the split is read though it is excluded: it is no input in
/// any case.
fn columns<'a>(relation: &'a Relation, call: &Call, exclude: &Value, keys: &'a [Key]) -> Result<Vec<ColumnRequest<'a>>> {
    for name in call.needed() {
        let column = relation.column(name)?;
        if column.form.is_none() {
            return Err(Error::new(Code::WrongType, format!("column \"{name}\" has type {}, which no model reads", column.type_name))
                .hint("Cast it to a number, text, boolean or date in a view, and train on that."));
        }
    }
    let exclude: Vec<&str> = exclude.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for name in &exclude {
        relation.column(name)?;
        if call.target.as_deref() == Some(name) {
            return Err(Error::new(Code::InvalidParameter, format!("column \"{name}\" is excluded and needed"))
                .detail("It is the target.")
                .hint("Take it out of exclude; it is no input in any case."));
        }
    }
    if let Some(names) = call.params.get("include").and_then(Value::as_array) {
        for name in names.iter().filter_map(Value::as_str) {
            if !(relation.columns.iter().any(|c| c.name == name) || keys.iter().any(|k| k.name() == name)) {
                return Err(missing_column(name, relation.columns.iter().map(|c| c.name.as_str())));
            }
        }
    }
    if let Some(name) = &call.time_col {
        let column = relation.column(name)?;
        if matches!(column.form, Some(Form::Clock | Form::ZonedClock | Form::Interval)) {
            return Err(Error::new(
                Code::WrongType,
                format!("time column \"{name}\" has type {}, which tells no row from an older one", column.type_name),
            )
            .hint("Name a column of dates, timestamps or numbers."));
        }
    }
    let is_needed = |name: &str| call.needed().any(|n| n == name);
    let wanted: Vec<&Attribute> = relation.columns.iter().filter(|c| is_needed(&c.name) || !exclude.contains(&c.name.as_str())).collect();
    let of_keys = keys.iter().map(|key| by_key(relation, key, &exclude)).collect::<Result<Vec<_>>>()?;
    let unasked = |c: &&&Attribute| json_keys::is_jsonb(c.typ) && !keys.iter().any(|k| k.column == c.name);
    for c in wanted.iter().filter(unasked) {
        error::notice(&format!(
            "column \"{0}\" is left out: of jsonb only keys that are named are read (params => '{{\"keys\": {{\"{0}\": [\"…\"]}}}}')",
            c.name
        ));
    }
    let unreadable: Vec<_> = wanted
        .iter()
        .filter(|c| c.form.is_none() && !json_keys::is_jsonb(c.typ))
        .map(|c| format!("\"{}\" ({})", c.name, c.type_name))
        .collect();
    if !unreadable.is_empty() {
        error::notice(&format!("columns of types that no model reads are left out (cast them in a view): {}", unreadable.join(", ")));
    }
    // What a target's arrays hold are tags.
    let family = |c: &Attribute| (call.target.as_deref() == Some(&c.name)).then_some(Family::Labels);
    let readable = wanted.into_iter().filter(|c| c.form.is_some());
    let own = readable.map(|column| ColumnRequest { column, as_type: ValueType::Plain, family: family(column), key: None });
    Ok(own.chain(of_keys).collect())
}

/// The column of a key.
fn by_key<'a>(relation: &'a Relation, key: &'a Key, exclude: &[&str]) -> Result<ColumnRequest<'a>> {
    let column = relation.column(&key.column)?;
    if exclude.contains(&key.column.as_str()) {
        return Err(Error::new(Code::InvalidParameter, format!("column \"{}\" is excluded and needed", key.column))
            .detail(format!("Parameter \"keys\" names its key \"{}\".", names::shown(&key.key)))
            .hint("Take it out of exclude or out of keys."));
    }
    Ok(ColumnRequest { column, as_type: ValueType::Plain, family: None, key: Some(key) })
}

/// That the deployed version learns from rows, and what is asked for now where it may stay.
fn same_family(model: &ModelRow, version: &VersionRow, call: &Call, deploy: Deploy) -> Result<()> {
    if version.call.get("function").and_then(Value::as_str) != Some(FUNCTION) {
        return Err(training::other_family(model, version, "rows"));
    }
    if matches!(deploy, Deploy::IfBetter | Deploy::UnlessWorse) { same_question(model, version, call) } else { Ok(()) }
}

/// That the deployed version learned the target that is asked for now: who scores with the model counts on it.
///
/// # Errors
/// [`Code::WrongState`].
fn same_question(model: &ModelRow, version: &VersionRow, call: &Call) -> Result<()> {
    let before = version.call.get("target").and_then(Value::as_str);
    if before == call.target.as_deref() {
        return Ok(());
    }
    let learns = |target: Option<&str>| target.map_or("no target".to_owned(), |t| format!("the target \"{t}\""));
    Err(Error::new(Code::WrongState, format!("model \"{}\" learns {}", model.name, learns(before)))
        .detail(format!(
            "{} is asked for; what scores with version {} would get other answers.",
            learns(call.target.as_deref()),
            version.version
        ))
        .hint("Give the new model a name of its own, or replace what is deployed: deploy => 'always'."))
}

/// Scores rows with the model as it was stored: all finite.
fn finite_scores(model: &RowModel, rows: &Frame) -> Result<()> {
    let inputs = model.inputs().iter().map(|i| rows.column(&i.name)).collect::<Result<Vec<_>>>()?;
    let mut scratch = RowScratch::default();
    for row in 0..rows.rows() {
        let cells: Vec<_> = inputs.iter().map(|c| c.values.cell(row)).collect();
        let scores = model.numbers(&cells, &mut scratch)?;
        if scores.iter().any(|v| !v.is_finite()) {
            return Err(training::no_numbers(format!("Row {} scores {scores:?}.", row + 1), "Train with a smaller learning_rate."));
        }
    }
    Ok(())
}
