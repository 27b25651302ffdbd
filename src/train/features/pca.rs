//! `kind => 'pca'`: principal components over encoded columns.

use super::figures;
use super::prepare::Job;
use super::rebuild::damaged;
use super::rebuild::{Rebuild, Scratch};
use crate::base::tensor_names::HOLDOUT;
use crate::base::{Context, Error, Result, Tensor, params};
use crate::dataset::{Cell, Encoder, Frame};
use crate::model::RowKind;
use crate::model::pca::{Moments, PCA, Params, Pca};
use crate::serve::row_split::Split;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is stored with a version beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    encoder: Encoder,
    width: usize,
    /// Each input's mean error on held-out rows.
    usual: Vec<f64>,
    /// Whether the components were fitted to the held-out rows too; their twin, under `holdout.`, was not.
    refit: bool,
    split: Split,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Principal {
    state: State,
    pca: Pca,
    /// The model that never saw the held-out rows.
    twin: Option<Box<Principal>>,
}

/// Rows that are encoded at a time.
const BLOCK: usize = 4096;
/// Turns in which what is missing is filled with what the components make of the rest (Roweis 1998, EM for PCA, its E-step).
const FILL: usize = 10;
/// Fits to the rows that teach, evaluates, and fits again to all.
///
/// # Errors
/// Those of [`super::fit`].
pub fn fit(job: &mut Job<'_>, ctx: &Context<'_>) -> Result<(Value, Vec<Tensor>)> {
    let own: Params = params::typed(job.params)?;
    let data = &job.data;
    let encoder = data.encoder(&job.common, &mut job.report.notices, ctx)?;
    let _held = ctx.budget.take(Moments::bytes(encoder.width()), "The covariance of the encoded columns").map_err(|e| {
        e.hint("Raise it (SET affinity.memory = '4GB'), or give categories fewer places: params => '{\"max_levels\": 32}'.")
    })?;
    let weight = weight(&encoder, own.categories);
    let seen = data.seen();
    let pca = components(&encoder, data.frame, &seen, own.width, &weight, ctx)?;
    let width = pca.width();
    if width < own.width {
        job.report.notices.push(format!("the columns have {width} places in all: a row becomes so many numbers, not {}", own.width));
    }
    job.params.insert("width".into(), json!(width));
    let state = State { encoder, width, usual: Vec::new(), refit: false, split: data.split.clone() };
    let mut model = Principal { pca, state, twin: None };
    let mean = model.mean();
    model.state.usual = figures::report(job, &model, &[("mean", &mean)], ctx)?;

    let mut tensors = Vec::new();
    if job.common.refit && !job.data.parts.holdout.is_empty() {
        tensors.extend(model.pca.to_tensors(HOLDOUT));
        let all = [&seen[..], &job.data.parts.holdout[..]].concat();
        model.pca = components(&model.state.encoder, job.data.frame, &all, width, &weight, ctx)?;
        model.state.refit = true;
    }
    tensors.extend(model.pca.to_tensors(""));
    let state = serde_json::to_value(&model.state).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok((state, tensors))
}

/// What each place of an encoded row weighs.
fn weight(encoder: &Encoder, categories: f32) -> Vec<f32> {
    let one = |i: usize| std::iter::repeat_n(if encoder.levels(i).is_some() { categories } else { 1.0 }, encoder.range(i).len());
    (0..encoder.inputs().len()).flat_map(one).collect()
}

/// The components of some rows, which are encoded block by block.
fn components(encoder: &Encoder, frame: &Frame, rows: &[u32], width: usize, weight: &[f32], ctx: &Context<'_>) -> Result<Pca> {
    let mut moments = Moments::new(encoder.width())?;
    for rows in rows.chunks(BLOCK) {
        moments.add(encoder.frame(frame, rows, ctx)?.view(), ctx)?;
    }
    moments.components(width, weight, ctx)
}

/// A baseline may not take longer than the model that it stands beside: from so many places on there is none.
const BESIDE: usize = 4096;

/// Principal components beside another kind's model, over the columns that it reads, fitted to the same rows; none where the columns have
/// too many places.
///
/// # Errors
/// Those of [`super::fit`].
pub fn beside(job: &Job<'_>, encoder: &Encoder, width: usize, ctx: &Context<'_>) -> Result<Option<Principal>> {
    if encoder.width() > BESIDE {
        return Ok(None);
    }
    let defaults: Params = params::typed(&params::resolve(RowKind::Pca.name(), PCA, &Value::Null)?)?;
    let _held = ctx.budget.take(Moments::bytes(encoder.width()), "The covariance of the encoded columns")?;
    let weight = weight(encoder, defaults.categories);
    let pca = components(encoder, job.data.frame, &job.data.seen(), width, &weight, ctx)?;
    let usual = vec![1.0; encoder.inputs().len()];
    let state = State { encoder: encoder.clone(), width: pca.width(), usual, refit: false, split: job.data.split.clone() };
    Ok(Some(Principal { state, pca, twin: None }))
}

impl Principal {
    /// The model that gives every row back as the average.
    pub fn mean(&self) -> Self {
        Self { pca: self.pca.average(), state: self.state.clone(), twin: None }
    }

    /// From what a training stored.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn load(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let state = State::deserialize(state).map_err(|e| damaged(RowKind::Pca.name(), &format!("{e}.")))?;
        let columns = state.encoder.width();
        if state.usual.len() != state.encoder.inputs().len() || state.width == 0 || state.width > columns {
            return Err(damaged(RowKind::Pca.name(), &format!("It tells of {} errors and {} components.", state.usual.len(), state.width)));
        }
        let pca = Pca::from_tensors("", state.width, columns, tensors)?;
        let twin = if tensors.iter().any(|t| t.name.starts_with(HOLDOUT)) {
            let pca = Pca::from_tensors(HOLDOUT, state.width, columns, tensors)?;
            Some(Box::new(Self { state: state.clone(), pca, twin: None }))
        } else {
            None
        };
        Ok(Self { state, pca, twin })
    }

    /// See [`super::Features::laid_out`].
    pub fn laid_out(&self) -> Vec<Tensor> {
        self.pca.to_tensors("")
    }

    /// How its training held rows out.
    pub fn split(&self) -> &Split {
        &self.state.split
    }

    /// The same as it was before it saw the held-out rows.
    pub fn unseen(&self) -> Option<&Self> {
        if self.state.refit { self.twin.as_deref() } else { Some(self) }
    }
}

impl Rebuild for Principal {
    fn encoder(&self) -> &Encoder {
        &self.state.encoder
    }

    fn usual(&self) -> &[f64] {
        &self.state.usual
    }

    fn encode(&self, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<()> {
        let Scratch { encoded, code, rebuilt, spare, .. } = scratch;
        let (encoder, columns) = (&self.state.encoder, self.pca.columns());
        for buffer in [&mut *encoded, rebuilt, spare] {
            buffer.resize(columns, 0.0)
        }
        code.resize(self.pca.width(), 0.0);
        encoder.row(row, encoded)?;
        spare.copy_from_slice(encoded);
        self.pca.encode(spare, code);
        if row.contains(&Cell::Missing) {
            for _ in 0..FILL {
                self.pca.decode(code, rebuilt);
                for (i, _) in row.iter().enumerate().filter(|(_, c)| **c == Cell::Missing) {
                    let places = encoder.range(i);
                    encoded[places.clone()].copy_from_slice(&rebuilt[places]);
                }
                spare.copy_from_slice(encoded);
                self.pca.encode(spare, code);
            }
        }
        Ok(())
    }

    fn rebuild(&self, scratch: &mut Scratch) {
        self.pca.decode(&scratch.code, &mut scratch.rebuilt)
    }

    fn numbers<'s>(&self, i: usize, scratch: &'s Scratch) -> &'s [f32] {
        &scratch.rebuilt[self.state.encoder.range(i)]
    }

    fn error(&self, i: usize, _: &Cell<'_>, scratch: &Scratch) -> f64 {
        let places = self.state.encoder.range(i);
        scratch.encoded[places.clone()].iter().zip(&scratch.rebuilt[places]).map(|(x, y)| f64::from(x - y).powi(2)).sum()
    }
}
