//! `kind => 'segments'`: rows in groups that are alike.

use super::figures;
use super::prepare::Job;
use super::rebuild::damaged;
use super::rebuild::{Rebuild, Scratch};
use super::traits::{Apart, Traits};
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Result, Rng, Tensor, params};
use crate::dataset::{Cell, Encoder, Family, Frame};
use crate::model::RowKind;
use crate::model::segments::{Centres, Params, choose};
use crate::serve::Outcome;
use crate::serve::row_split::Split;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is stored with a version beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    encoder: Encoder,
    k: usize,
    /// What a category weighs against a number, above 0.
    categories: f32,
    /// Each input's mean error on held-out rows.
    usual: Vec<f64>,
    /// Rows of each segment.
    sizes: Vec<u64>,
    traits: Traits,
    split: Split,
}

/// Fitted segments, numbered from 1, the largest first.
#[derive(Debug, Clone)]
pub struct Segments {
    state: State,
    /// In the scale of the weighted places.
    centres: Centres,
    /// Of each place of an encoded row.
    weight: Vec<f32>,
    outcome: Outcome,
}

/// Rows that teach at most: centres move no more for further ones.
const TAUGHT: usize = 100_000;
/// Rows by which the number of segments is chosen: it takes time with their square.
const CHOSEN_BY: usize = 2_000;

/// Fits to the rows that teach, evaluates, and describes each segment by all rows.
///
/// # Errors
/// Those of [`super::fit`]; [`Code::InvalidParameter`] for more segments than rows, [`Code::Data`] for rows that are all alike.
pub fn fit(job: &mut Job<'_>, ctx: &Context<'_>) -> Result<(Value, Vec<Tensor>)> {
    let own: Params = params::typed(job.params)?;
    let encoder = job.data.encoder(&job.common, &mut job.report.notices, ctx)?;
    let seen = job.data.seen();
    if let Some(k) = own.k.filter(|k| *k > seen.len()) {
        return Err(Error::new(Code::InvalidParameter, "k is larger than the number of rows")
            .detail(format!("{k} segments were asked for; {} rows teach.", seen.len()))
            .hint("Ask for fewer, or leave k out: it is then chosen."));
    }
    let (width, weight) = (encoder.width(), weight(&encoder, own.categories));
    let taught = sample(&seen, TAUGHT, ctx.seed);
    // Beside the rows themselves, each one's nearest centre; and what chooses their number.
    let bytes = encoder.bytes(taught.len() + CHOSEN_BY) + 16 * taught.len();
    let _held = ctx.budget.take(bytes, "The encoded rows")?;
    let weighted = |rows: &[u32]| -> Result<Vec<f32>> {
        let mut x = encoder.frame(job.data.frame, rows, ctx)?.into_raw_vec_and_offset().0;
        x.chunks_exact_mut(width).for_each(|row| weigh(row, &weight));
        Ok(x)
    };
    let (k, silhouettes) = match own.k {
        Some(k) => (k, Vec::new()),
        None => choose(&weighted(&sample(&seen, CHOSEN_BY, ctx.seed))?, width, own.max_k, own.starts, ctx)?,
    };
    let x = weighted(&taught)?;
    let (centres, _) = Centres::fit(&x, width, k, own.starts, ctx)?;
    let (average, _) = Centres::fit(&x, width, 1, 1, ctx)?;
    drop(x);
    if centres.k() < 2 {
        return Err(Error::new(Code::Data, "the rows are all alike").detail("No column tells any two of them apart."));
    }
    if centres.k() < k {
        job.report.notices.push(format!("only {} rows differ: there are so many segments, not {k}", centres.k()));
    }
    let k = centres.k();
    job.params.insert("k".into(), json!(k));
    let (categories, traits, split) = (own.categories, Traits::of(&encoder, k), job.data.split.clone());
    let state = State { encoder, k, categories, usual: Vec::new(), sizes: vec![0; k], traits, split };
    let mut model = Segments { state, centres, weight, outcome: outcome(k) };
    model.count(job.data.frame, &[&seen[..], &job.data.parts.holdout[..]].concat(), ctx)?;
    let mean = Segments { centres: average, ..model.clone() };
    model.state.usual = figures::report(job, &model, &[("mean", &mean)], ctx)?;
    let metrics = &mut job.report.metrics;
    metrics.insert("segments".into(), json!(k));
    if !silhouettes.is_empty() {
        let by = silhouettes.iter().enumerate().map(|(i, s)| ((i + 2).to_string(), json!((s * 1e4).round() / 1e4)));
        metrics.insert("silhouettes".into(), Value::Object(by.collect()));
    }
    let state = serde_json::to_value(&model.state).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok((state, model.centres.to_tensors()))
}

/// At most so many of `rows`, in their order.
fn sample(rows: &[u32], most: usize, seed: u64) -> Vec<u32> {
    let mut some = rows.to_vec();
    if rows.len() > most {
        Rng::stream(seed, 0x5e6).shuffle(&mut some);
        some.truncate(most);
        some.sort_unstable();
    }
    some
}

fn outcome(k: usize) -> Outcome {
    Outcome::Classes((1..=k).map(|i| i.to_string()).collect())
}

/// What each place of an encoded row weighs: a column counts as one, whatever the number of its places.
fn weight(encoder: &Encoder, categories: f32) -> Vec<f32> {
    let one = |(i, input): (usize, &crate::dataset::Input)| {
        let places = encoder.range(i).len();
        let weight = match input.family {
            Family::Number => 1.0,
            // Two values of a category are apart by √2.
            Family::Bool => categories * std::f32::consts::SQRT_2,
            // Its places vary as much as those of a category that weigh twice.
            Family::Text if encoder.is_free_text(i) => 0.5,
            Family::Text | Family::Labels => categories,
            Family::Time | Family::Vector(_) => 1.0 / (places.max(1).single()).sqrt(),
        };
        std::iter::repeat_n(weight, places)
    };
    encoder.inputs().iter().enumerate().flat_map(one).collect()
}

fn weigh(row: &mut [f32], weight: &[f32]) {
    row.iter_mut().zip(weight).for_each(|(x, w)| *x *= w)
}

impl Segments {
    /// From what a training stored.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn load(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let state = State::deserialize(state).map_err(|e| damaged(RowKind::Segments.name(), &format!("{e}.")))?;
        let weighty = state.categories > 0.0 && state.categories.is_finite();
        if state.usual.len() != state.encoder.inputs().len() || state.k < 2 || state.sizes.len() != state.k || !weighty {
            return Err(damaged(RowKind::Segments.name(), &format!("It tells of {} errors and {} segments.", state.usual.len(), state.k)));
        }
        state.traits.check(state.k).map_err(|what| damaged(RowKind::Segments.name(), what))?;
        let centres = Centres::from_tensors(state.k, state.encoder.width(), tensors)?;
        let (weight, outcome) = (weight(&state.encoder, state.categories), outcome(state.k));
        Ok(Self { state, centres, weight, outcome })
    }

    /// See [`super::Features::laid_out`].
    pub fn laid_out(&self) -> Vec<Tensor> {
        self.centres.to_tensors()
    }

    /// How its training held rows out.
    pub fn split(&self) -> &Split {
        &self.state.split
    }

    /// What it says of a row: one of the segments.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What sets each segment apart, the strongest first.
    pub fn apart(&self) -> Vec<Apart> {
        self.state.traits.apart(&self.state.sizes)
    }

    /// The segment of the row in `scratch`, from 0.
    fn place(scratch: &Scratch) -> usize {
        let nearest = scratch.code.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        nearest.map_or(0, |(i, _)| i)
    }

    /// 1 for the segment of a row that [`Rebuild::encode`] has seen, 0 for the others.
    pub fn scores(&self, scratch: &Scratch, out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.state.k, 0.0);
        if let Some(s) = out.get_mut(Self::place(scratch)) {
            *s = 1.0
        }
    }

    /// Counts rows into segments, sums what describes them, and puts the largest first.
    fn count(&mut self, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<()> {
        let columns = self.state.encoder.inputs().iter().map(|i| frame.column(&i.name)).collect::<Result<Vec<_>>>()?;
        let mut sums = self.state.traits.sums();
        let mut scratch = Scratch::default();
        let mut cells: Vec<Cell<'_>> = Vec::new();
        for (turn, r) in rows.iter().enumerate() {
            if turn % 1024 == 0 {
                ctx.check()?
            }
            cells.clear();
            cells.extend(columns.iter().map(|c| c.values.cell(r.index())));
            self.encode(&cells, &mut scratch)?;
            let segment = Self::place(&scratch);
            self.state.sizes[segment] += 1;
            self.state.traits.add(&mut sums, segment, &cells);
        }
        let sizes = &self.state.sizes;
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(sizes[*i]));
        self.centres = self.centres.ordered(&order);
        self.state.sizes = order.iter().map(|i| sizes[*i]).collect();
        self.state.traits.end(&sums, &order);
        Ok(())
    }
}

impl Rebuild for Segments {
    fn encoder(&self) -> &Encoder {
        &self.state.encoder
    }

    fn usual(&self) -> &[f64] {
        &self.state.usual
    }

    /// The code is the row's distance to each centre.
    fn encode(&self, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<()> {
        scratch.encoded.resize(self.weight.len(), 0.0);
        scratch.code.resize(self.centres.k(), 0.0);
        self.state.encoder.row(row, &mut scratch.encoded)?;
        weigh(&mut scratch.encoded, &self.weight);
        self.centres.distances(&scratch.encoded, &mut scratch.code);
        Ok(())
    }

    /// A row comes back as the centre of its segment.
    fn rebuild(&self, scratch: &mut Scratch) {
        let centre = self.centres.centre(Self::place(scratch));
        scratch.rebuilt.clear();
        scratch.rebuilt.extend(centre.iter().zip(&self.weight).map(|(c, w)| c / w));
    }

    fn numbers<'s>(&self, i: usize, scratch: &'s Scratch) -> &'s [f32] {
        &scratch.rebuilt[self.state.encoder.range(i)]
    }

    fn error(&self, i: usize, _: &Cell<'_>, scratch: &Scratch) -> f64 {
        let places = self.state.encoder.range(i);
        let of = |p: usize| scratch.encoded[p] - scratch.rebuilt[p] * self.weight[p];
        places.map(|p| f64::from(of(p)).powi(2)).sum()
    }
}

#[cfg(test)]
#[path = "segments_tests.rs"]
mod tests;
