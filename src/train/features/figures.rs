//! How well rows come back: R² of numbers, accuracy of categories, column by column.

use super::incumbent::Incumbent;
use super::prepare::Job;
use super::rebuild::{Rebuild, Scratch};
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Result};
use crate::dataset::encode::{Decoded, likeliest};
use crate::dataset::{Cell, Column, Encoder, Frame};
use crate::train::holdout::same_side;
use serde_json::{Map, Value, json};

/// One column's figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The column.
    pub column: String,
    /// `r2` for numbers, times, truth values and arrays, as they are scaled; `accuracy` for text, all rare values counting as one.
    pub metric: &'static str,
    /// The figure; 1 is exact. A column that does not vary in the rows has no `r2`.
    pub value: f64,
    /// Rows that have a value there.
    pub rows: u64,
}

/// Rows that are held out at most, spread evenly: more would not move a figure.
const EVALUATED: usize = 20_000;
/// Rows that a thread evaluates at a time, at most.
const BLOCK: usize = 64;
/// Blocks that there are at least, where there are so many rows: figures' intervals come from drawing among them.
const BLOCKS: usize = 200;

/// Sums over rows: for each input, or for each evaluated place of an encoded row but those of categories.
pub(super) struct Sums {
    /// Where the places of each input begin here; one more than inputs.
    starts: Vec<usize>,
    seen: Vec<u64>,
    hits: Vec<u64>,
    apart: Vec<f64>,
    sum: Vec<f64>,
    squares: Vec<f64>,
    /// Of each of the model's own inputs: errors and rows.
    errors: Vec<(f64, u64)>,
}

impl Sums {
    /// No rows yet.
    pub(super) fn new(by: &Encoder, model: &dyn Rebuild) -> Self {
        let n = by.inputs().len();
        let mut starts = vec![0];
        for i in 0..n {
            starts.push(starts[i] + if by.levels(i).is_some() { 0 } else { by.evaluated(i).len() })
        }
        let w = starts[n];
        Self {
            starts,
            seen: vec![0; n],
            hits: vec![0; n],
            apart: vec![0.0; w],
            sum: vec![0.0; w],
            squares: vec![0.0; w],
            errors: vec![(0.0, 0); model.encoder().inputs().len()],
        }
    }

    /// Takes in the rows of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        let counts = |a: &mut [u64], b: &[u64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        let sums = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        counts(&mut self.seen, &other.seen);
        counts(&mut self.hits, &other.hits);
        sums(&mut self.apart, &other.apart);
        sums(&mut self.sum, &other.sum);
        sums(&mut self.squares, &other.squares);
        for (a, b) in self.errors.iter_mut().zip(&other.errors) {
            *a = (a.0 + b.0, a.1 + b.1)
        }
    }
}

impl Sums {
    /// The figures that the sums come to.
    pub(super) fn figures(&self, by: &Encoder) -> Vec<Figure> {
        let one = |(i, input): (usize, &crate::dataset::Input)| {
            let n = self.seen[i];
            if n == 0 {
                return None;
            }
            let (metric, value) = match by.levels(i) {
                Some(_) => ("accuracy", self.hits[i].real() / n.real()),
                None => {
                    let places = self.starts[i]..self.starts[i + 1];
                    let squares: f64 = self.squares[places.clone()].iter().sum();
                    let spread = squares - places.clone().map(|p| self.sum[p].powi(2) / n.real()).sum::<f64>();
                    let apart: f64 = self.apart[places].iter().sum();
                    // Of equal values the difference is what rounding left.
                    if spread <= 1e-12 * squares {
                        return None;
                    }
                    ("r2", 1.0 - apart / spread)
                }
            };
            Some(Figure { column: input.name.clone(), metric, value, rows: n })
        };
        by.inputs().iter().enumerate().filter_map(one).collect()
    }
}

/// Evaluates `model` on rows of `frame`, in the scales of `by`, so that models of different scales can be compared: a figure for each
/// column of `by`, 0 for one that the model does not know; and for each of the model's own inputs the mean error.
///
/// # Errors
/// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::ArrayLength`] when the model cannot read the rows; [`Code::Cancelled`].
pub fn figures(model: &dyn Rebuild, by: &Encoder, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<(Vec<Figure>, Vec<f64>)> {
    let mut all = Sums::new(by, model);
    for sums in blocks(model, by, frame, rows, ctx)? {
        all.add(&sums)
    }
    let usual = all.errors.iter().map(|(e, n)| if *n > 0 { e / n.real() } else { 1.0 }).collect();
    Ok((all.figures(by), usual))
}

/// The sums behind [`figures`], of blocks of rows.
///
/// # Errors
/// As [`figures`].
pub(super) fn blocks(model: &dyn Rebuild, by: &Encoder, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<Vec<Sums>> {
    let find = |e: &Encoder| e.inputs().iter().map(|i| frame.column(&i.name)).collect::<Result<Vec<_>>>();
    let (own, wanted) = (find(model.encoder())?, find(by)?);
    let place = |name: &str| model.encoder().inputs().iter().position(|i| i.name == name);
    let known: Vec<Option<usize>> = by.inputs().iter().map(|i| place(&i.name)).collect();
    let rows: Vec<u32> = rows.iter().step_by(rows.len().div_ceil(EVALUATED).max(1)).copied().collect();
    let size = (rows.len() / BLOCKS).clamp(1, BLOCK);
    let mut blocks: Vec<(&[u32], Result<Sums>)> = rows.chunks(size).map(|r| (r, Ok(Sums::new(by, model)))).collect();
    ctx.pool.each_mut(&mut blocks, |_, (rows, sums)| {
        if let Ok(s) = sums
            && let Err(e) = ctx.check().and_then(|()| block(model, by, &own, &wanted, &known, rows, s))
        {
            *sums = Err(e)
        }
    });
    blocks.into_iter().map(|(_, sums)| sums).collect()
}

fn block(
    model: &dyn Rebuild,
    by: &Encoder,
    own: &[&Column],
    wanted: &[&Column],
    known: &[Option<usize>],
    rows: &[u32],
    s: &mut Sums,
) -> Result<()> {
    let mut scratch = Scratch::default();
    let (mut truth, mut given) = (vec![0.0; by.width()], vec![0.0; by.width()]);
    for &r in rows {
        let cells: Vec<Cell<'_>> = own.iter().map(|c| c.values.cell(r.index())).collect();
        model.encode(&cells, &mut scratch)?;
        model.rebuild(&mut scratch);
        for (i, cell) in cells.iter().enumerate().filter(|(_, c)| **c != Cell::Missing) {
            s.errors[i].0 += model.error(i, cell, &scratch);
            s.errors[i].1 += 1;
        }
        for (i, column) in wanted.iter().enumerate() {
            let cell = column.values.cell(r.index());
            // Of free text no value comes back that could be evaluated.
            if cell == Cell::Missing || by.is_free_text(i) {
                continue;
            }
            let (places, evaluated) = (by.range(i), by.evaluated(i));
            let (truth, given) = (&mut truth[places.clone()], &mut given[places.clone()]);
            by.one(i, &cell, truth)?;
            s.seen[i] += 1;
            let back = known[i].map(|k| model.encoder().decode(k, model.numbers(k, &scratch)));
            match (by.levels(i), back) {
                (Some(_), None) => {}
                (Some(levels), Some(back)) => {
                    // A text without a name is right where the truth has none either.
                    let nameless = back == Decoded::Nothing && likeliest(truth) >= levels;
                    s.hits[i] += u64::from(nameless || back.cell() == cell);
                }
                (None, back) => {
                    given.fill(0.0);
                    if let Some(b) = back.filter(|b| *b != Decoded::Nothing) {
                        by.one(i, &b.cell(), given)?;
                    }
                    for (p, at) in (s.starts[i]..).zip(evaluated.start - places.start..evaluated.end - places.start) {
                        let (t, g) = (f64::from(truth[at]), f64::from(given[at]));
                        s.apart[p] += (t - g).powi(2);
                        s.sum[p] += t;
                        s.squares[p] += t * t;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The figure by which versions are compared: the mean over the columns, where a column that comes back worse than its mean counts as that.
pub fn evaluated(figures: &[Figure]) -> Option<f64> {
    let n = figures.len().real();
    (!figures.is_empty()).then(|| figures.iter().map(|f| f.value.clamp(0.0, 1.0) / n).sum())
}

/// Figures as a JSON object: `reconstruction` is [`evaluated`], `r2` and `accuracy` are means over the columns that have them.
pub fn object(figures: &[Figure]) -> Map<String, Value> {
    let round = |x: f64| json!((x * 1e5).round() / 1e5);
    let mut out = Map::new();
    out.extend(evaluated(figures).map(|x| ("reconstruction".to_owned(), round(x))));
    for metric in ["r2", "accuracy"] {
        let of: Vec<f64> = figures.iter().filter(|f| f.metric == metric).map(|f| f.value).collect();
        if !of.is_empty() {
            out.insert(metric.into(), round(of.iter().sum::<f64>() / of.len().real()));
        }
    }
    out
}

/// Evaluates a model on the held-out rows and fills in the report, with `simple` models beside it by name and the deployed version on the
/// same rows. Returns each input's mean error, on rows that teach where none are held out.
///
/// # Errors
/// [`Code::Cancelled`], [`Code::OutOfMemory`].
pub fn report(job: &mut Job<'_>, model: &dyn Rebuild, simple: &[(&str, &dyn Rebuild)], ctx: &Context<'_>) -> Result<Vec<f64>> {
    let (data, by) = (&job.data, model.encoder());
    let holdout = &data.parts.holdout;
    if holdout.is_empty() {
        return Ok(figures(model, by, data.frame, &data.parts.train, ctx)?.1);
    }
    let (own, usual) = figures(model, by, data.frame, holdout, ctx)?;
    let metrics = &mut job.report.metrics;
    *metrics = object(&own);
    metrics.insert("evaluated_by".into(), json!("reconstruction"));
    metrics.insert("rows".into(), json!(holdout.len()));
    metrics.insert("columns".into(), own.iter().map(|f| (f.column.clone(), json!((f.value * 1e5).round() / 1e5))).collect());
    let mut baseline = Map::new();
    for (name, other) in simple {
        baseline.insert((*name).into(), Value::Object(object(&figures(*other, by, data.frame, holdout, ctx)?.0)));
    }
    metrics.insert("baseline".into(), Value::Object(baseline));
    job.report.evaluated = evaluated(&own);
    if let Some(deployed) = job.incumbent {
        match incumbent(deployed, job, by, ctx)? {
            Ok(figure) => job.report.incumbent = figure,
            Err(why) => job.report.notices.push(format!("the deployed version was not evaluated on the held-out rows: {why}")),
        }
    }
    Ok(usual)
}

/// The deployed version's figure on the held-out rows, or why there is none.
fn incumbent(deployed: &dyn Incumbent, job: &Job<'_>, by: &Encoder, ctx: &Context<'_>) -> Result<std::result::Result<Option<f64>, String>> {
    let Some(model) = deployed.unseen() else { return Ok(Err("how it was before it saw them is not stored".into())) };
    if let Err(why) = same_side(deployed.split(), &job.data.split) {
        return Ok(Err(why));
    }
    match figures(model, by, job.data.frame, &job.data.parts.holdout, ctx) {
        Ok((f, _)) => Ok(Ok(evaluated(&f))),
        Err(e) if matches!(e.code, Code::UndefinedColumn | Code::WrongType | Code::ArrayLength) => Ok(Err(e.message)),
        Err(e) => Err(e),
    }
}
