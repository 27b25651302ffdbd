//! A trained model of rows at work: encoders, networks, calibration; from a frame or one row at a time.

use crate::base::memory::Taken;
use crate::base::number::{AsIndex, AsReal};
use crate::base::tensor_names::{BASELINE, HOLDOUT};
use crate::base::{Code, Context, Error, Result, Tensor};
use crate::dataset::encode::Grams;
use crate::dataset::{Cell, Encoder, Frame, Input, Texts};
use crate::model::mlp::{self, Inputs, Mlp, MlpSpec};
use crate::nn::Loss;
use crate::serve::calibration::Calibration;
use crate::serve::row_split::Split;
use crate::serve::{Outcome, outcome};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::Range;

/// What is stored with a version beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The fitted encoders.
    pub encoder: Encoder,
    /// What is predicted.
    pub outcome: Outcome,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// How many networks are averaged.
    pub ensemble: usize,
    /// For classes.
    pub calibration: Calibration,
    /// Where parts of the rows took turns at evaluating: that of each turn, which is made of the rows of the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turn_calibrations: Vec<Calibration>,
    /// Where no row told classes apart: what every row is given in place of what the networks say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// For values: the mean of the training rows, which becomes 0.
    pub center: f64,
    /// For values: their standard deviation, which becomes 1.
    pub spread: f64,
    /// What each class counts, see [`outcome::best`]; empty: all alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<f64>,
    /// Whether the networks learned from the held-out rows too; their twins, under `holdout.`, did not.
    pub refit: bool,
    /// How rows were held out.
    pub split: Split,
}

/// One score for every row: the share of each class among the rows that taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Of the version.
    pub served: Vec<f64>,
    /// Of rows that it is evaluated by: theirs are left out where there is one turn.
    pub unseen: Vec<f64>,
}

/// A model that scores.
#[derive(Debug, Clone)]
pub struct Scorer {
    state: State,
    networks: Vec<Mlp>,
    /// The networks that never saw the held-out rows; where parts of the rows took turns, one for each turn, none where nothing could be
    /// learned.
    twins: Vec<Option<Mlp>>,
    /// The same of the model without a hidden layer; none where the one that serves never saw those rows either.
    simple_twins: Vec<Option<Mlp>>,
    baseline: Option<Mlp>,
}

/// Rows of a frame as the networks take them, with the booking of their memory.
pub struct Encoded<'a> {
    dense: Array2<f32>,
    texts: Option<Texts>,
    _held: [Taken<'a>; 2],
}

impl<'a> Encoded<'a> {
    /// The rows `rows`, encoded.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::ArrayLength`], [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn new(encoder: &Encoder, frame: &Frame, rows: &[u32], ctx: &Context<'a>) -> Result<Self> {
        let holdout = ctx.budget.take(encoder.bytes(rows.len()), "Encoding the rows")?;
        let dense = encoder.frame(frame, rows, ctx)?;
        let (texts, also) = encoder.texts(frame, rows, ctx)?;
        Ok(Self { dense, texts: (encoder.text_width() > 0).then_some(texts), _held: [holdout, also] })
    }

    /// Some of them.
    pub fn inputs(&self, range: Range<usize>) -> Inputs<'_> {
        let texts = self.texts.as_ref().map(|t| t.from(range.start));
        Inputs { dense: self.dense.slice(s![range, ..]), texts }
    }
}

/// Buffers for scoring row by row; one a thread, reused.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    encoded: Vec<f32>,
    grams: Grams,
    texts: Vec<(usize, f32)>,
    network: mlp::Scratch,
    logits: Vec<f64>,
    scores: Vec<f64>,
}

/// Rows that are scored between two looks at whether to stop: a few milliseconds, and enough for all threads.
/// (Without these looks a timeout of 1.5 s over a million rows was answered after 3.8.)
const BLOCK: usize = 1 << 14;

/// The prefix of the tensors of network `i`.
pub fn prefix(i: usize) -> String {
    if i == 0 { String::new() } else { format!("network{}.", i + 1) }
}

/// The prefix of the network that never saw the rows of turn `turn`.
pub fn turn_prefix(turn: u32) -> String {
    format!("{HOLDOUT}turn{turn}.")
}

impl State {
    /// The shape of a network.
    pub fn spec(&self, hidden: &[usize]) -> MlpSpec {
        let loss = match self.outcome {
            Outcome::Binary { .. } | Outcome::Tags(_) => Loss::Bce,
            Outcome::Classes(_) => Loss::SoftmaxCe,
            Outcome::Value => Loss::Mse,
        };
        MlpSpec {
            hidden: hidden.to_vec(),
            sparse: self.encoder.text_width(),
            class_weights: self.class_weights.iter().map(|w| w.single()).collect(),
            to_shares: self.outcome != Outcome::Value,
            ..MlpSpec::new(self.encoder.width(), self.outcome.width(), loss)
        }
    }

    /// Logits into scores.
    #[inline]
    pub fn finish(&self, logits: &[f64], scores: &mut [f64]) {
        self.finish_with(&self.calibration, logits, scores)
    }

    /// [`State::finish`] with another calibration.
    #[inline]
    pub fn finish_with(&self, c: &Calibration, logits: &[f64], scores: &mut [f64]) {
        if let Some(shares) = &self.shares {
            return scores.copy_from_slice(&shares.served);
        }
        match self.outcome {
            Outcome::Binary { .. } => scores[0] = c.probability(logits[0]),
            Outcome::Classes(_) => c.probabilities(logits.iter().copied(), scores),
            Outcome::Value => scores[0] = self.center + self.spread * logits[0],
            Outcome::Tags(_) => logits.iter().zip(scores).for_each(|(z, s)| *s = c.probability(*z)),
        }
    }

    /// Rows of logits into rows of scores, in place; `of` says which of `calibrations` is that of a row.
    ///
    /// # Errors
    /// [`Code::Cancelled`].
    pub fn finish_all(
        &self,
        rows: &mut Array2<f64>,
        (calibrations, of): (&[Calibration], impl Fn(usize) -> usize),
        ctx: &Context<'_>,
    ) -> Result<()> {
        let (mut logits, mut scores) = (vec![0.0; rows.ncols()], vec![0.0; rows.ncols()]);
        for (i, mut line) in rows.rows_mut().into_iter().enumerate() {
            if i % BLOCK == 0 {
                ctx.check()?;
            }
            logits.iter_mut().zip(&line).for_each(|(z, x)| *z = *x);
            self.finish_with(&calibrations[of(i)], &logits, &mut scores);
            line.iter_mut().zip(&scores).for_each(|(o, s)| *o = *s);
        }
        Ok(())
    }
}

/// One below the other.
///
/// # Errors
/// [`Code::Internal`] for different widths.
pub fn joined<'a>(parts: impl Iterator<Item = ArrayView2<'a, f64>>) -> Result<Array2<f64>> {
    concatenate(Axis(0), &parts.collect::<Vec<_>>()).map_err(|e| Error::internal(format!("scores: {e}")))
}

/// The scores of rows of a frame, some by each scorer, one below the other.
///
/// # Errors
/// As [`Encoded::new`].
pub fn score_parts(parts: &[(&Scorer, &[u32])], frame: &Frame, ctx: &Context<'_>) -> Result<Array2<f64>> {
    let one = |(scorer, rows): &(&Scorer, &[u32])| {
        let x = Encoded::new(&scorer.state.encoder, frame, rows, ctx)?;
        scorer.score_encoded(x.inputs(0..rows.len()), ctx)
    };
    let scores = parts.iter().map(one).collect::<Result<Vec<_>>>()?;
    joined(scores.iter().map(|s| s.view()))
}

impl Scorer {
    /// A scorer from what a training stored. `kind` is for the messages. Tensors named `holdout.*` and `baseline.*` may be left out.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when state or tensors are not what a training of this kind stores.
    pub fn load(kind: &str, state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: String| Error::new(Code::Corrupt, format!("stored state of this {kind} model is damaged")).detail(what);
        let state = State::deserialize(state).map_err(|e| damaged(format!("{e}.")))?;
        if !(1..=32).contains(&state.ensemble) || state.outcome.width() == 0 || !(1..=10).contains(&state.split.turns) {
            let State { ensemble, outcome, split, .. } = &state;
            return Err(damaged(format!("It tells of {ensemble} networks, {} scores and {} turns.", outcome.width(), split.turns)));
        }
        let weights = &state.class_weights;
        let classes = outcome::classes(&state.outcome).map_or(0, |c| c.len());
        if !weights.is_empty() && (weights.len() != classes || !weights.iter().all(|w| *w > 0.0 && w.is_finite())) {
            return Err(damaged(format!("It tells of {} weights of {classes} classes.", weights.len())));
        }
        if let Some(Shares { served, unseen }) = &state.shares
            && [served, unseen].iter().any(|s| s.len() != state.outcome.width() || !s.iter().all(|p| (0.0..=1.0).contains(p)))
        {
            return Err(damaged(format!("It tells of the shares {served:?} and {unseen:?}.")));
        }
        for c in state.turn_calibrations.iter().chain([&state.calibration]) {
            if !c.shifts.is_empty() && c.shifts.len() != state.outcome.width() {
                return Err(damaged(format!("It tells of {} shifts of {} scores.", c.shifts.len(), state.outcome.width())));
            }
        }
        let load = |part: &str, hidden: &[usize]| Mlp::from_tensors(part, &state.spec(hidden), tensors);
        let there = |part: &str| tensors.iter().any(|t| t.name.starts_with(part));
        let kept = |part: String, hidden: &[usize]| there(&part).then(|| load(&part, hidden)).transpose();
        let networks = (0..state.ensemble).map(|i| load(&prefix(i), &state.hidden)).collect::<Result<_>>()?;
        let (twins, simple_twins) = match state.split.turns {
            _ if !there(HOLDOUT) => Default::default(),
            1 => (
                (0..state.ensemble).map(|i| load(&format!("{HOLDOUT}{}", prefix(i)), &state.hidden).map(Some)).collect::<Result<_>>()?,
                Vec::new(),
            ),
            turns => (
                (0..turns).map(|t| kept(turn_prefix(t), &state.hidden)).collect::<Result<_>>()?,
                (0..turns).map(|t| kept(format!("{}{BASELINE}", turn_prefix(t)), &[])).collect::<Result<_>>()?,
            ),
        };
        let baseline = kept(BASELINE.into(), &[])?;
        Ok(Self { twins, simple_twins, ..Self::new(state, networks, baseline) })
    }

    /// The tensors that [`Scorer::load`] takes without a copy where they are parts of a file: those that score.
    pub fn laid_out(&self) -> Vec<Tensor> {
        self.networks.iter().enumerate().map(|(i, n)| n.laid_out(&prefix(i))).collect()
    }

    /// Of networks that have just learned; the twins that know nothing of held-out rows are stored by the training, and come with
    /// [`Scorer::load`].
    pub fn new(state: State, networks: Vec<Mlp>, baseline: Option<Mlp>) -> Self {
        Self { state, networks, twins: Vec::new(), simple_twins: Vec::new(), baseline }
    }

    /// The columns that a row must bring, in this order.
    pub fn inputs(&self) -> &[Input] {
        self.state.encoder.inputs()
    }

    /// What is predicted.
    pub fn outcome(&self) -> &Outcome {
        &self.state.outcome
    }

    /// What each class counts where one is chosen; empty: all alike.
    pub fn class_weights(&self) -> &[f64] {
        &self.state.class_weights
    }

    /// How rows were held out in training.
    pub fn split(&self) -> &Split {
        &self.state.split
    }

    /// What is stored beside the tensors.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same model as it was before it learned from the rows of turn `turn`, which are all held-out rows where there is one turn; none
    /// where that was not kept.
    pub fn unseen(&self, turn: u32) -> Option<Self> {
        let (networks, baseline) = match (self.state.refit, self.state.split.turns) {
            (false, _) => (self.networks.clone(), self.baseline.clone()),
            (true, 1) => (self.twins.iter().cloned().collect::<Option<_>>()?, self.baseline.clone()),
            (true, _) => {
                let of = |twins: &[Option<Mlp>]| twins.get(turn.index()).cloned().flatten();
                (vec![of(&self.twins)?], of(&self.simple_twins))
            }
        };
        let calibration = self.state.turn_calibrations.get(turn.index()).unwrap_or(&self.state.calibration).clone();
        let shares = self.state.shares.as_ref().map(|s| Shares { served: s.unseen.clone(), unseen: s.unseen.clone() });
        let state = State { ensemble: networks.len(), calibration, shares, ..self.state.clone() };
        (!networks.is_empty()).then(|| Self::new(state, networks, baseline))
    }

    /// The model without a hidden layer that was trained beside this one.
    pub fn simple(&self) -> Option<Self> {
        let baseline = self.baseline.clone()?;
        let state = State { calibration: Calibration::default(), shares: None, hidden: Vec::new(), ensemble: 1, ..self.state.clone() };
        Some(Self::new(state, vec![baseline], None))
    }

    /// The scores of one row: the probability of the positive class, those of all classes or tags, or the value.
    ///
    /// # Errors
    /// [`Code::WrongType`] and [`Code::ArrayLength`] for values that are not like those of training.
    pub fn score<'s>(&self, row: &[Cell<'_>], scratch: &'s mut Scratch) -> Result<&'s [f64]> {
        scratch.encoded.resize(self.state.encoder.width(), 0.0);
        self.state.encoder.row(row, &mut scratch.encoded)?;
        if self.state.encoder.text_width() > 0 {
            self.state.encoder.row_texts(row, &mut scratch.grams, &mut scratch.texts);
        }
        Ok(self.of_encoded(scratch))
    }

    /// Whether every input is a number, so that [`Scorer::score_numbers`] serves.
    pub fn takes_numbers(&self) -> bool {
        self.state.encoder.takes_numbers()
    }

    /// [`Scorer::score`] for a row of numbers, of which those that are not finite are missing.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn score_numbers<'s>(&self, row: &[f64], scratch: &'s mut Scratch) -> Result<&'s [f64]> {
        scratch.encoded.resize(self.state.encoder.width(), 0.0);
        self.state.encoder.numbers(row, &mut scratch.encoded)?;
        Ok(self.of_encoded(scratch))
    }

    /// The scores of the row that was encoded into `scratch`.
    #[inline]
    fn of_encoded<'s>(&self, scratch: &'s mut Scratch) -> &'s [f64] {
        let Scratch { encoded, texts, network, logits, scores, .. } = scratch;
        let free_text = self.state.encoder.text_width() > 0;
        logits.clear();
        logits.resize(self.state.outcome.width(), 0.0);
        scores.resize(logits.len(), 0.0);
        for n in &self.networks {
            let z = if free_text { n.logits_row_sparse(encoded, texts, network) } else { n.logits_row(encoded, network) };
            for (sum, z) in logits.iter_mut().zip(z) {
                *sum += f64::from(*z)
            }
        }
        if self.networks.len() > 1 {
            logits.iter_mut().for_each(|z| *z /= self.networks.len().real());
        }
        self.state.finish(logits, scores);
        scores
    }

    /// The scores of all rows of a frame: rows × scores a row.
    ///
    /// # Errors
    /// As [`Scorer::score`]; [`Code::UndefinedColumn`], [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn score_frame(&self, frame: &Frame, ctx: &Context<'_>) -> Result<Array2<f64>> {
        let rows: Vec<u32> = (0..frame.rows() as u32).collect();
        let x = Encoded::new(&self.state.encoder, frame, &rows, ctx)?;
        self.score_encoded(x.inputs(0..rows.len()), ctx)
    }

    /// The mean of the networks' outputs for encoded rows.
    pub fn logits(&self, x: Inputs<'_>, ctx: &Context<'_>) -> Result<Array2<f64>> {
        let mut sum: Array2<f64> = Array2::zeros((x.dense.nrows(), self.state.outcome.width()));
        for n in &self.networks {
            let blocks = x.dense.axis_chunks_iter(Axis(0), BLOCK).enumerate();
            for (mut sum, (i, dense)) in sum.axis_chunks_iter_mut(Axis(0), BLOCK).zip(blocks) {
                ctx.check()?;
                let x = Inputs { dense, texts: x.texts.map(|t| t.skip(i * BLOCK)) };
                sum.zip_mut_with(&n.logits(x, ctx.pool)?, |s, z| *s += f64::from(*z));
            }
        }
        sum /= self.networks.len().real();
        Ok(sum)
    }

    /// Rows × scores of encoded rows, as [`Scorer::score`] gives them one by one.
    ///
    /// # Errors
    /// Those of [`Scorer::logits`].
    pub fn score_encoded(&self, x: Inputs<'_>, ctx: &Context<'_>) -> Result<Array2<f64>> {
        let mut all = self.logits(x, ctx)?;
        self.state.finish_all(&mut all, (std::slice::from_ref(&self.state.calibration), |_| 0), ctx)?;
        Ok(all)
    }
}
