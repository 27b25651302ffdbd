//! A trained generator at work: rows made, and rows looked at by its critic.

use super::compare::{self, Comparison};
use super::rebuild::damaged;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Result, Rng, Tensor};
use crate::dataset::mixed::{Generated, Level, Mixed, MixedRows};
use crate::dataset::{Cell, Frame, Input, input};
use crate::model::RowKind;
use crate::model::gan::{Gan, GanSpec};
use crate::serve::row_split::Split;
use crate::train::MetricRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is stored with a version beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    mixed: Mixed,
    spec: GanSpec,
    real: Real,
    split: Split,
}

/// What was found out about real rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Real {
    /// The critic's score of them at even ranks, rising: what a row's score is held against.
    scores: Vec<f32>,
    /// See [`super::nearest`].
    nearest: Option<f64>,
}

/// A trained model.
#[derive(Debug, Clone)]
pub struct Generative {
    state: State,
    gan: Gan,
    /// The share of rows up to each level of the condition.
    cumulative: Vec<f64>,
}

/// Ranks of real rows' scores that are kept.
const RANKS: usize = 200;
/// Rows that are made at a time.
const BLOCK: usize = 256;
/// Rows that are made at most for one that meets a condition, and at least before it is called too rare.
const TRIES: usize = 2000;
const LEAST_TRIES: usize = 500_000;

impl State {
    /// Of a new model.
    pub fn new(mixed: Mixed, spec: GanSpec, split: Split) -> Self {
        Self { mixed, spec, real: Real::default(), split }
    }
}

impl Generative {
    /// A model of its parts.
    pub fn new(state: State, gan: Gan) -> Self {
        let mut sum = 0.0;
        let mut cumulative = state.mixed.shares();
        cumulative.iter_mut().for_each(|s| {
            sum += *s;
            *s = sum;
        });
        Self { state, gan, cumulative }
    }

    /// From what a training stored.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn load(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let state = State::deserialize(state).map_err(|e| bad(&format!("{e}.")))?;
        let (layout, spec) = (state.mixed.layout(), &state.spec);
        let rising = state.real.scores.windows(2).all(|w| w[0] <= w[1]);
        if *layout != spec.layout
            || layout.width() == 0
            || spec.hidden.is_empty()
            || spec.hidden.contains(&0)
            || state.real.scores.is_empty()
            || !rising
        {
            return Err(bad("Its columns and its networks do not belong together."));
        }
        let gan = Gan::from_tensors(spec, tensors)?;
        Ok(Self::new(state, gan))
    }

    /// What is stored.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The networks.
    pub fn gan(&self) -> &Gan {
        &self.gan
    }

    /// The columns that a row must bring, and that a generated one has.
    pub fn inputs(&self) -> &[Input] {
        self.state.mixed.inputs()
    }

    /// How its training held rows out.
    pub fn split(&self) -> &Split {
        &self.state.split
    }

    /// Notes how near the training rows its rows are.
    pub fn set_nearest(&mut self, ratio: Option<f64>) {
        self.state.real.nearest = ratio;
    }

    /// Notes what scores real rows have.
    ///
    /// # Errors
    /// As [`Generative::look`].
    pub fn rank_scores(&mut self, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<()> {
        let columns = self.inputs().iter().map(|i| frame.column(&i.name)).collect::<Result<Vec<_>>>()?;
        let mut all = Vec::new();
        for (i, r) in rows.iter().enumerate() {
            if i % 64 == 0 {
                ctx.check()?;
            }
            let cells: Vec<Cell<'_>> = columns.iter().map(|c| c.values.cell(r.index())).collect();
            all.push(self.look(&cells)?.1);
        }
        all.sort_unstable_by(f32::total_cmp);
        let n = all.len().min(RANKS);
        self.state.real.scores = (0..n).map(|i| all[(2 * i + 1) * all.len() / (2 * n)]).collect();
        Ok(())
    }

    /// The critic's features of a row, and its score.
    ///
    /// # Errors
    /// [`Code::WrongType`] for values that are not like those of training.
    pub fn look(&self, row: &[Cell<'_>]) -> Result<(Vec<f32>, f32)> {
        let mut x = vec![0.0; self.state.mixed.layout().width()];
        let condition = self.state.mixed.row(row, &mut x)?;
        let (features, scores) = self.gan.criticise(&x, &[condition])?;
        Ok((features, scores[0]))
    }

    /// How real a row looks: the share of real rows that look no more real, 0 to 1.
    ///
    /// # Errors
    /// As [`Generative::look`].
    pub fn realism(&self, row: &[Cell<'_>]) -> Result<f64> {
        let (_, score) = self.look(row)?;
        let s = &self.state.real.scores;
        Ok(s.partition_point(|x| *x <= score).real() / s.len().real())
    }

    /// As many rows as `real` has, of the same conditions.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn like(&self, real: &Frame, ctx: &Context<'_>) -> Result<Frame> {
        Ok(like(&self.gan, &self.state.mixed, real, ctx)?.0)
    }

    /// How generated rows compare with the rows of `real`; then what is left of those when no column knows of another.
    ///
    /// # Errors
    /// As [`Generative::like`].
    pub fn evaluate(&self, real: &Frame, ctx: &Context<'_>) -> Result<Vec<MetricRow>> {
        let made = self.like(real, ctx)?;
        let own: Comparison = compare::compare(real, &made, ctx)?;
        let mut out = compare::figures(&own, None);
        out.extend(self.state.real.nearest.map(|value| MetricRow {
            baseline: None,
            metric: "nearest".into(),
            k: None,
            value,
            low: None,
            high: None,
            rows: own.rows as u64,
        }));
        let names = made.columns().iter().map(|c| real.column(&c.name).cloned()).collect::<Result<_>>()?;
        let known = Frame::new(names)?;
        let shuffled = compare::independent(&known, ctx)?;
        out.extend(compare::figures(&compare::compare(&known, &shuffled, ctx)?, Some("independent columns")));
        Ok(out)
    }

    /// What a condition asks for: an object of columns and values.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for anything but an object; those of [`Mixed::asked`].
    pub fn asked(&self, condition: &Value) -> Result<Vec<Level>> {
        match condition {
            Value::Null => Ok(Vec::new()),
            Value::Object(all) => all.iter().map(|(column, value)| self.state.mixed.asked(column, value)).collect(),
            other => Err(Error::new(Code::InvalidParameter, "condition must be a JSON object")
                .detail(format!("It is {}.", crate::base::names::shown_json(other)))
                .hint("For example: condition => '{\"column\": \"value\"}'.")),
        }
    }

    /// The rows of `n` that meet `asked`, block after block; the same seed makes the same rows.
    pub fn rows(&self, n: usize, asked: Vec<Level>, seed: u64) -> Rows {
        Rows { asked, left: n, wanted: n, tried: 0, rng: Rng::stream(seed, 8) }
    }
}

/// Rows on their way; see [`Generative::rows`].
#[derive(Debug, Clone)]
pub struct Rows {
    asked: Vec<Level>,
    left: usize,
    wanted: usize,
    tried: usize,
    rng: Rng,
}

impl Rows {
    /// The next rows as JSON objects by column; none when there are no more. A call takes a few milliseconds and may give no rows.
    ///
    /// # Errors
    /// [`Code::Data`] when hardly any row meets the condition; [`Code::OutOfMemory`].
    pub fn next(&mut self, model: &Generative) -> Result<Option<Vec<String>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mixed = &model.state.mixed;
        let fixed = self.asked.iter().find(|l| mixed.is_condition(l)).map(|l| l.level);
        // Whole blocks, so that fewer rows are the first of more.
        let count = BLOCK;
        let rng = &mut self.rng;
        let total = model.cumulative.last().copied().unwrap_or(0.0);
        let one = |rng: &mut Rng| {
            let u = rng.uniform() * total;
            model.cumulative.partition_point(|c| *c <= u).min(model.cumulative.len().saturating_sub(1)) as u32
        };
        let conditions: Vec<u32> = (0..count).map(|_| fixed.unwrap_or_else(|| one(rng))).collect();
        let (scores, levels) = model.gan.generate(&conditions, rng)?;
        let g = Generated { scores, levels, conditions };
        let meet: Vec<u32> =
            (0..count as u32).filter(|r| self.asked.iter().all(|l| mixed.meets(&g, r.index(), l))).take(self.left).collect();
        let frame = mixed.frame(&g, rng)?;
        self.tried += count;
        self.left -= meet.len();
        let made = self.wanted - self.left;
        if self.left > 0 && self.tried > LEAST_TRIES && made < self.tried / TRIES {
            return Err(Error::new(Code::Data, "hardly any generated row meets the condition")
                .detail(format!("{made} of {} did.", self.tried))
                .hint("Train with the column as the condition: params => '{\"condition\": \"…\"}'."));
        }
        // A text that shares its level with others, as it was asked for.
        let asked = |i: usize| self.asked.iter().find(|l| l.column == i).and_then(|l| l.text.as_deref());
        let object = |r: u32| {
            let values = frame.columns().iter().enumerate().map(|(i, c)| asked(i).map_or(c.values.cell(r.index()), Cell::Text));
            input::object(model.inputs().iter().zip(values))
        };
        Ok(Some(meet.into_iter().map(object).collect()))
    }
}

/// As many generated rows as `real` ones, of the same conditions.
pub(super) fn like(gan: &Gan, mixed: &Mixed, real: &Frame, ctx: &Context<'_>) -> Result<(Frame, MixedRows)> {
    let all: Vec<u32> = (0..real.rows() as u32).collect();
    let levels = mixed.shares().len() as u32;
    let mut rng = Rng::stream(ctx.seed, 5);
    let mut conditions = mixed.rows(real, &all, ctx)?.conditions;
    // A condition that training never met: any.
    conditions.iter_mut().filter(|c| **c >= levels.max(1)).for_each(|c| *c = rng.below(levels.max(1).index()) as u32);
    let (scores, levels) = gan.generate(&conditions, &mut rng)?;
    let made = mixed.frame(&Generated { scores, levels, conditions }, &mut rng)?;
    let rows = mixed.rows(&made, &all, ctx)?;
    Ok((made, rows))
}

/// The fault of a stored state.
fn bad(what: &str) -> Error {
    damaged(RowKind::Gan.name(), what)
}
