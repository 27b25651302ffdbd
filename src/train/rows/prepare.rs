//! From a frame to matrices: the target read, columns chosen, rows split, and encoded turn by turn.

use super::tags::TagSets;
use super::{RowsSpec, inputs, target};
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Result};
use crate::dataset::encode::{FreeTexts, Options, Scaling};
use crate::dataset::reference::Reference;
use crate::dataset::split::{Parts, Sides};
use crate::dataset::{Encoder, Frame};
use crate::model::mlp::Inputs;
use crate::model::rows::Params;
use crate::nn::Targets;
use crate::serve::Outcome;
use crate::serve::row_split::Split;
use crate::serve::scorer::Encoded;
use crate::train::class_weights;
use crate::train::holdout::{Asked, divide, not_empty, usable};
use std::ops::Range;

/// Rows and columns that are chosen, and the side of each row.
pub struct Prepared<'f> {
    /// All rows of the relation, used or not.
    frame: &'f Frame,
    /// What is predicted.
    pub outcome: Outcome,
    /// Fitted on the rows that are not held out; on all where parts of them take turns: it sees no target.
    pub encoder: Encoder,
    /// The answer of each row of the frame.
    answers: Vec<f64>,
    /// For tags: those of every row of the frame, which the answers point at.
    pub tags: Option<TagSets>,
    /// Where each row stands.
    pub sides: Sides,
    /// How rows were held out.
    pub split: Split,
    /// How many rows are used.
    pub rows: usize,
    /// For values: mean of the rows that teach.
    pub center: f64,
    /// For values: their standard deviation.
    pub spread: f64,
    /// What each class counts; empty: all alike.
    pub class_weights: Vec<f64>,
    /// Rows without a target or a time.
    pub skipped: usize,
    /// What the rows hold: stored, so that later ones can be held against them.
    pub reference: Reference,
}

/// Encoded rows: first those that teach, then those that say when to stop, then those that are held out.
pub struct Laid<'a> {
    x: Encoded<'a>,
    /// The answer of each.
    pub answers: Vec<f64>,
    /// The same as the networks take them.
    targets: Owned,
    /// The rows in the frame.
    pub rows: Vec<u32>,
    /// How many teach.
    pub train: usize,
    /// How many say when to stop.
    pub valid: usize,
}

enum Owned {
    Binary(Vec<f32>),
    Class(Vec<u32>, usize),
    Value(Vec<f32>),
    Tags(TagSets),
}

impl Laid<'_> {
    /// The rows that teach, those that say when to stop, those that are held out, all.
    pub fn ranges(&self) -> [Range<usize>; 4] {
        let (a, b, n) = (self.train, self.train + self.valid, self.rows.len());
        [0..a, a..b, b..n, 0..n]
    }

    /// Inputs and targets of a range of rows.
    pub fn part(&self, range: Range<usize>) -> (Inputs<'_>, Targets<'_>) {
        let targets = match &self.targets {
            Owned::Binary(y) => Targets::Binary(&y[range.clone()]),
            Owned::Class(y, n) => Targets::Class(&y[range.clone()], *n),
            Owned::Value(y) => Targets::Value(&y[range.clone()]),
            Owned::Tags(y) => Targets::Tags(y.targets(range.clone())),
        };
        (self.x.inputs(range), targets)
    }
}

impl Prepared<'_> {
    /// All rows, as [`Parts::train`].
    pub fn all(&self) -> Parts {
        let Parts { train, valid, holdout } = self.sides.parts(0);
        Parts { train: [train, valid, holdout].concat(), ..Parts::default() }
    }

    /// The answers of the rows that are not held out; where rows are held out in turns, of all.
    pub fn beside_judging(&self) -> Vec<f64> {
        let Parts { train, valid, holdout } = self.sides.parts(0);
        let evaluating = if self.sides.turns > 1 { holdout } else { Vec::new() };
        self.answers_of(&[train, valid, evaluating].concat())
    }

    /// The answers of rows.
    pub fn answers_of(&self, rows: &[u32]) -> Vec<f64> {
        rows.iter().map(|r| self.answers[r.index()]).collect()
    }

    /// The rows of `parts`, encoded.
    ///
    /// # Errors
    /// As [`Encoded::new`].
    pub fn lay<'a>(&self, parts: Parts, ctx: &Context<'a>) -> Result<Laid<'a>> {
        let (train, valid) = (parts.train.len(), parts.valid.len());
        let rows = [parts.train, parts.valid, parts.holdout].concat();
        let x = Encoded::new(&self.encoder, self.frame, &rows, ctx).map_err(|e| match e.code {
            Code::OutOfMemory => {
                e.hint("Raise it (SET affinity.memory = '4GB'), or give categories fewer inputs: params => '{\"max_levels\": 32}'.")
            }
            _ => e,
        })?;
        let answers = self.answers_of(&rows);
        let targets = match (&self.outcome, &self.tags) {
            (_, Some(tags)) => Owned::Tags(tags.take(&rows)?),
            (Outcome::Binary { .. }, _) => Owned::Binary(answers.iter().map(|y| y.single()).collect()),
            (Outcome::Classes(c), _) => Owned::Class(answers.iter().map(|y| *y as u32).collect(), c.len()),
            (Outcome::Value | Outcome::Tags(_), _) => {
                Owned::Value(answers.iter().map(|y| ((y - self.center) / self.spread).single()).collect())
            }
        };
        Ok(Laid { x, answers, targets, rows, train, valid })
    }
}

/// Reads, chooses and splits. `before` is how the deployed version held rows out: where its columns are still there, rows stay
/// on the side on which that version had them.
///
/// # Errors
/// Those of bad input: see [`super::fit`].
pub fn prepare<'f>(
    frame: &'f Frame,
    spec: &RowsSpec,
    params: &Params,
    before: Option<&Split>,
    notices: &mut Vec<String>,
    ctx: &Context<'_>,
) -> Result<Prepared<'f>> {
    not_empty(frame)?;
    let outcome = target::outcome(frame, &spec.target, params, notices)?;
    let answers = target::answers(frame, &spec.target, &outcome)?;
    let tags = target::tags(frame, &spec.target, &outcome)?;
    let keys: Vec<&str> = [&spec.time_col, &spec.group_col].into_iter().flatten().map(String::as_str).collect();
    let known = |r: u32| !answers[r.index()].is_nan();
    let (rows, skipped) = usable(frame, spec.time_col.as_deref(), known, params.distinct, notices)?;
    let class_weights =
        class_weights::resolve(params.class_weight.as_ref(), &outcome, &spec.target, rows.iter().map(|r| answers[r.index()]))?;
    ctx.check()?;
    let others: Vec<&str> = keys.iter().copied().chain([spec.target.as_str()]).chain(params.exclude.iter().map(String::as_str)).collect();
    let texts = inputs::texts(frame, &others, &rows, (params.text.as_deref(), params.min_count))?;
    // A text of its own in each row is no key.
    let include: Vec<String> = params.include.iter().cloned().chain(texts.iter().map(|t| (*t).to_owned())).collect();
    let names = inputs::choose(frame, Some(&spec.target), &keys, &rows, (&params.exclude, &include), notices)?;
    let asked = Asked {
        time: spec.time_col.as_deref(),
        group: spec.group_col.as_deref(),
        holdout: params.holdout,
        validation: params.validation,
        // Held-out rows are scored by the networks of the turns; those that serve learn from all rows.
        turns: params.refit,
        classes: outcome.is_class().then_some(&answers),
    };
    // Rows that differ in the answer alone are not equal: each answer's copies are spread.
    let decide: Vec<&str> = names.iter().copied().chain([spec.target.as_str()]).collect();
    let (sides, mut split) = divide(frame, &rows, &decide, asked, before, notices)?;
    let Parts { train, valid, holdout } = sides.parts(0);
    if train.is_empty() && sides.turns < 2 {
        return Err(Error::new(Code::Data, "too few rows to learn from")
            .detail(format!("Of {} rows with a target, {} evaluate and {} say when to stop.", rows.len(), holdout.len(), valid.len()))
            .hint("Train on more rows, or: params => '{\"holdout\": 0, \"validation\": 0}'."));
    }
    let fitted = if sides.turns > 1 { rows.clone() } else { [&train[..], &valid[..]].concat() };
    notices.extend(inputs::suspect(frame, &names, if train.is_empty() { &rows } else { &train }, &answers, &outcome, ctx)?);
    let encoder = encoder(frame, (&names, &texts), &fitted, params, notices, ctx)?;
    if encoder.width() + encoder.text_width() == 0 {
        return Err(inputs::no_columns(frame, Some(&spec.target)));
    }
    split.mark(frame, &rows)?;
    split.mark_inputs(frame, &rows, encoder.inputs().iter().map(|i| i.name.as_str()))?;
    let reference = Reference::of(frame, (&names, &texts), &rows, Some(&spec.target), ctx)?;
    let (center, spread) = match outcome {
        Outcome::Value => mean_and_spread(if sides.turns > 1 { &rows } else { &train }, &answers),
        _ => (0.0, 1.0),
    };
    let rows = rows.len();
    Ok(Prepared { frame, outcome, encoder, answers, tags, sides, split, rows, center, spread, class_weights, skipped, reference })
}

fn mean_and_spread(rows: &[u32], answers: &[f64]) -> (f64, f64) {
    let n = rows.len().real();
    let y = || rows.iter().map(|r| answers[r.index()]);
    let mean = y().map(|y| y / n).sum::<f64>();
    let sd = y().map(|y| (y - mean).powi(2) / n).sum::<f64>().sqrt();
    (mean, if sd > 0.0 && sd.is_finite() { sd } else { 1.0 })
}

/// Numbers with more values than this are amounts. (With their rank alone, a network of 6,000 rows was 3 to 17 % above the frequency table
/// in log loss where each of 36 to 100 combinations of two small whole numbers had a rate of its own.)
const NUMBER_LEVELS: usize = 32;

fn encoder(
    frame: &Frame,
    (names, texts): (&[&str], &[&str]),
    rows: &[u32],
    params: &Params,
    notices: &mut Vec<String>,
    ctx: &Context<'_>,
) -> Result<Encoder> {
    let options = Options {
        numbers: Scaling::named(&params.numbers),
        min_count: params.min_count,
        max_levels: params.max_levels,
        buckets: params.buckets,
        // A line goes on where no value was seen; a place for each value does not.
        number_levels: if params.hidden.is_empty() { 0 } else { NUMBER_LEVELS },
        // So does a line, beyond the values of training: what a network makes of inputs that it never saw nobody knows.
        open: params.hidden.is_empty(),
        whole: false,
    };
    let texts = FreeTexts { names: texts, bits: params.text_bits };
    let encoder = Encoder::fit_with_texts(frame, names, &texts, rows, &options, ctx)?;
    notices.extend(inputs::dull(names, &encoder));
    Ok(encoder)
}
