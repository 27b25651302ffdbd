//! `kind => 'autoencoder'`: a network that squeezes rows into a few numbers and back.

use super::figures;
use super::pca::{self, Principal};
use super::prepare::Job;
use super::rebuild::damaged;
use super::rebuild::{Rebuild, Scratch};
use crate::base::tensor_names::HOLDOUT;
use crate::base::{Context, Error, Result, Tensor, params};
use crate::dataset::encode::Coded;
use crate::dataset::{Cell, Encoder};
use crate::model::RowKind;
use crate::model::autoencoder::train::Rows;
use crate::model::autoencoder::{Autoencoder, Params};
use crate::serve::row_split::Split;
use crate::train::silent::Silent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is stored with a version beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    encoder: Encoder,
    hidden: Vec<usize>,
    width: usize,
    variational: bool,
    /// Each input's mean error on held-out rows.
    usual: Vec<f64>,
    /// Whether the network learned from the held-out rows too; its twin, under `holdout.`, did not.
    refit: bool,
    split: Split,
}

/// A trained model.
#[derive(Debug, Clone)]
pub struct Network {
    state: State,
    network: Autoencoder,
    /// The network that never saw the held-out rows.
    twin: Option<Box<Network>>,
}

/// Trains on the rows that teach, evaluates beside principal components of the same width, and trains again on all.
///
/// # Errors
/// Those of [`super::fit`].
pub fn fit(job: &mut Job<'_>, ctx: &Context<'_>) -> Result<(Value, Vec<Tensor>)> {
    let own: Params = params::typed(job.params)?;
    let encoder = job.data.encoder(&job.common, &mut job.report.notices, ctx)?;
    let fields = encoder.fields();
    let parts = &job.data.parts;
    let rows = [&parts.train[..], &parts.valid[..], &parts.holdout[..]].concat();
    let _held = ctx.budget.take(encoder.coded_bytes(rows.len()), "Encoding the rows to learn from")?;
    let coded = encoder.coded(job.data.frame, &rows, ctx)?;
    let (train, valid) = (parts.train.len(), parts.valid.len());
    let holdout = part(&coded, &encoder, train..train + valid, rows.len());
    let blank = blank(&encoder)?;
    let of = |count| Rows { coded: &coded, count };
    let stop = (valid > 0).then_some(Rows { coded: &holdout, count: valid });
    let (network, curve, epochs) = Autoencoder::fit(&fields, of(train), stop, &blank, &own, ctx)?;
    job.report.epochs = curve;
    job.params.insert("epochs".into(), json!(epochs));
    let (hidden, width, variational) = (own.hidden.clone(), own.width, own.variational > 0.0);
    let state = State { encoder, hidden, width, variational, usual: Vec::new(), refit: false, split: job.data.split.clone() };
    let mut model = Network { state, network, twin: None };

    let simple = pca::beside(job, &model.state.encoder, own.width, ctx)?;
    let mean = simple.as_ref().map(Principal::mean);
    let beside = simple.as_ref().zip(mean.as_ref()).map(|(p, m)| [(RowKind::Pca.name(), p as &dyn Rebuild), ("mean", m as &dyn Rebuild)]);
    model.state.usual = figures::report(job, &model, beside.as_ref().map_or(&[], |b| &b[..]), ctx)?;
    let mut tensors = Vec::new();
    if job.common.refit && train < rows.len() {
        tensors.extend(model.network.to_tensors(HOLDOUT));
        let quiet = Silent(ctx.watch);
        let silent = Context { watch: &quiet, ..*ctx };
        let again = Params { epochs: Some(epochs), ..own };
        model.network = Autoencoder::fit(&fields, of(rows.len()), None, &blank, &again, &silent)?.0;
        model.state.refit = true;
    }
    tensors.extend(model.network.to_tensors(""));
    let state = serde_json::to_value(&model.state).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok((state, tensors))
}

/// Some of `count` coded rows.
fn part(all: &Coded, encoder: &Encoder, rows: std::ops::Range<usize>, count: usize) -> Coded {
    let cut = |len: usize| {
        let wide = len.checked_div(count).unwrap_or(0);
        rows.start * wide..rows.end * wide
    };
    let columns = encoder.inputs().len();
    Coded {
        numbers: all.numbers[cut(all.numbers.len())].to_vec(),
        places: all.places[cut(all.places.len())].to_vec(),
        missing: all.missing[rows.start * columns..rows.end * columns].to_vec(),
    }
}

/// The numbers of a row without values.
fn blank(encoder: &Encoder) -> Result<Vec<f32>> {
    let mut s = Scratch::default();
    code(encoder, &vec![Cell::Missing; encoder.inputs().len()], &mut s)?;
    Ok(s.encoded)
}

/// Codes a row into `encoded`, `places` and `missing`.
fn code(encoder: &Encoder, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<()> {
    let (numbers, categories) = encoder.counts();
    scratch.encoded.resize(numbers, 0.0);
    scratch.places.resize(categories, [0; 2]);
    scratch.missing.resize(encoder.inputs().len(), 0);
    encoder.coded_row(row, &mut scratch.encoded, &mut scratch.places, &mut scratch.missing)
}

impl Network {
    /// From what a training stored.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn load(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let state = State::deserialize(state).map_err(|e| damaged(RowKind::Autoencoder.name(), &format!("{e}.")))?;
        let inputs = state.encoder.inputs().len();
        if state.usual.len() != inputs || inputs == 0 || state.width == 0 || state.hidden.contains(&0) {
            return Err(damaged(
                RowKind::Autoencoder.name(),
                &format!("It tells of {} errors and a code of {}.", state.usual.len(), state.width),
            ));
        }
        let fields = state.encoder.fields();
        let read = |prefix| Autoencoder::from_tensors(prefix, &fields, &state.hidden, state.width, state.variational, tensors);
        let network = read("")?;
        let there = tensors.iter().any(|t| t.name.starts_with(HOLDOUT));
        let twin = if there { Some(Box::new(Self { state: state.clone(), network: read(HOLDOUT)?, twin: None })) } else { None };
        Ok(Self { state, network, twin })
    }

    /// See [`super::Features::laid_out`].
    pub fn laid_out(&self) -> Vec<Tensor> {
        self.network.laid_out()
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

impl Rebuild for Network {
    fn encoder(&self) -> &Encoder {
        &self.state.encoder
    }

    fn usual(&self) -> &[f64] {
        &self.state.usual
    }

    fn encode(&self, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<()> {
        code(&self.state.encoder, row, scratch)?;
        let Scratch { encoded, places, missing, network, code, .. } = scratch;
        code.resize(self.state.width, 0.0);
        self.network.encode(encoded, places, missing, network, code);
        Ok(())
    }

    fn rebuild(&self, scratch: &mut Scratch) {
        self.network.decode(&scratch.code, &mut scratch.network, &mut scratch.rebuilt)
    }

    fn numbers<'s>(&self, i: usize, scratch: &'s Scratch) -> &'s [f32] {
        &scratch.rebuilt[self.network.part(i)]
    }

    fn error(&self, i: usize, _: &Cell<'_>, scratch: &Scratch) -> f64 {
        self.network.error(i, &scratch.encoded, &scratch.places, &scratch.rebuilt)
    }
}
