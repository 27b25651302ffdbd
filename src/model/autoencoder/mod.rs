//! The autoencoder: a network that squeezes a row of mixed columns into a few numbers and makes the row from them again. Plain; denoising
//! (Vincent et al. 2008), where columns are hidden in training and must be filled in; or variational (Kingma & Welling 2014).

mod input;
mod loss;
mod shape;
pub mod train;

use super::describe::{BUCKETS, MAX_LEVELS, MIN_COUNT, REFIT, WIDTH};
use super::rows::{DISTINCT, EXCLUDE, HOLDOUT, INCLUDE, KEEP, KEYS, MAX_ROWS, NUMBERS, TEXT};
use crate::base::number::AsIndex;
use crate::base::params::{ParamType, Spec};
use crate::base::tensor::{find, laid};
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor};
use crate::dataset::encode::{Field, NONE};
use crate::kernel::{axpy, dense_row, softmax};
use crate::model::network_tensors::finite;
use serde::Deserialize;
use shape::{Output, Shape};

// Widths, layer norm, SiLU and one cycle of the rate as in a trial with standard tools on Complete Journey's products.
const HIDDEN: Spec =
    Spec::new("hidden", ParamType::Integers, "[512, 256]", "Widths of the layers from the row to its code; the same back.")
        .within(1.0, 65_536.0);
const NOISE: Spec =
    Spec::new("noise", ParamType::Number, "0.03", "Share of a row's columns that are hidden in each step and must be filled in; 0: plain.")
        .within(0.0, 0.9);
const VARIATIONAL: Spec =
    Spec::new("variational", ParamType::Number, "0", "What the code's divergence from a standard normal weighs; 0: not variational.")
        .within(0.0, 100.0);
// In a trial with standard tools R² of numbers, accuracy of categories and of types were .916, .79, .67 at 1, .891, .83, .75 at .5, .850,
// .92, .88 at .3. With the decay of weights below, .6 of it, they are .907, .906 and .824 at .7.
const BALANCE: Spec = Spec::new(
    "balance",
    ParamType::Number,
    "0.5",
    "What the squared error of a column of numbers weighs against the cross-entropy of a category: more keeps more of the numbers.",
)
.within(1e-3, 1e3);
const EPOCHS: Spec =
    Spec::new("epochs", ParamType::Integer, "null", "Passes over the rows; null: by the number of rows.").within(1.0, 10_000.0);
const BATCH: Spec = Spec::new("batch", ParamType::Integer, "256", "Rows of a step.").within(1.0, 100_000.0);
const RATE: Spec = Spec::new("learning_rate", ParamType::Number, "0.002", "The highest step size of the cycle.").within(1e-6, 1.0);
// Far more than networks that predict need: with a hundredth of it a few thousand products came back with .84 of their categories in place
// of .92, at the same R² of their numbers (products.py's validation part).
const DECAY: Spec = Spec::new("weight_decay", ParamType::Number, "0.5", "Decay of the weights beside Adam (AdamW).").within(0.0, 10.0);
const VALIDATION: Spec =
    Spec::new("validation", ParamType::Number, "0.1", "Share of the other rows that say which epoch is the best.").within(0.0, 0.9);

/// The parameters of `autoencoder`.
pub const AUTOENCODER: &[Spec] = &[
    WIDTH,
    HIDDEN,
    NOISE,
    VARIATIONAL,
    BALANCE,
    EPOCHS,
    BATCH,
    RATE,
    DECAY,
    NUMBERS,
    MIN_COUNT,
    MAX_LEVELS,
    BUCKETS,
    TEXT,
    EXCLUDE,
    INCLUDE,
    KEYS,
    DISTINCT,
    HOLDOUT,
    VALIDATION,
    REFIT,
    MAX_ROWS,
    KEEP,
];

/// What `autoencoder` has beside what all kinds share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Params {
    /// Numbers of a code.
    pub width: usize,
    /// Widths of the layers from the row to its code.
    pub hidden: Vec<usize>,
    /// Share of a row's columns that are hidden in each step.
    pub noise: f32,
    /// Weight of the code's divergence from a standard normal; 0 for a code without chance.
    pub variational: f32,
    /// Weight of a column of numbers.
    pub balance: f32,
    /// Passes over the rows.
    pub epochs: Option<usize>,
    /// Rows of a step.
    pub batch: usize,
    /// The highest step size.
    pub learning_rate: f32,
    /// Decay of the weights.
    pub weight_decay: f32,
}

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoencoder {
    shape: Shape,
    params: Shared<f32>,
    /// What the squared error of each number of a row weighs.
    weight: Shared<f32>,
}

/// Buffers for rows one by one; they grow on first use.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    a: Vec<f32>,
    b: Vec<f32>,
    sum: Vec<f32>,
}

impl Autoencoder {
    /// Numbers of a code.
    pub fn width(&self) -> usize {
        self.shape.width
    }

    /// Numbers and categories of a coded row.
    pub fn row(&self) -> (usize, usize) {
        (self.shape.numbers, self.shape.embeddings.len())
    }

    /// The code of a coded row into `code`, which has [`Autoencoder::width`] places: of a variational one its mean.
    pub fn encode(&self, numbers: &[f32], places: &[[u32; 2]], missing: &[u8], scratch: &mut Scratch, code: &mut [f32]) {
        let Scratch { a, b, sum } = scratch;
        let (shape, params) = (&self.shape, &self.params[..]);
        for buffer in [&mut *a, &mut *b] {
            if buffer.len() < shape.encoder.buffer() {
                buffer.resize(shape.encoder.buffer(), 0.0)
            }
        }
        let first = |out: &mut [f32]| {
            let l = &shape.encoder.layers()[0];
            let weight = &params[l.weight.clone()];
            let line = |i: usize| &weight[i * l.outputs..][..l.outputs];
            dense_row(numbers, &weight[..numbers.len() * l.outputs], &params[l.bias.clone()], out, false);
            for flag in shape.flags.iter().zip(missing).filter(|(_, m)| **m != 0).filter_map(|(f, _)| *f) {
                axpy(1.0, line(flag), out);
            }
            for (e, place) in shape.embeddings.iter().zip(places) {
                let row = |p: u32| &params[e.table.clone()][p.index() * e.width..][..e.width];
                sum.clear();
                sum.extend_from_slice(row(if place[0] == NONE { e.places as u32 - 1 } else { place[0] }));
                if place[1] != NONE {
                    axpy(1.0, row(place[1]), sum);
                }
                for (i, x) in e.input.clone().zip(&*sum) {
                    axpy(*x, line(i), out);
                }
            }
        };
        let in_a = shape.encoder.row(params, first, a, b);
        code.copy_from_slice(&(if in_a { a } else { b })[..shape.width]);
    }

    /// The row of a code, as it leaves the network: numbers as they are scaled, logits of categories. See [`Autoencoder::part`].
    pub fn decode(&self, code: &[f32], scratch: &mut Scratch, out: &mut Vec<f32>) {
        let Scratch { a, b, .. } = scratch;
        let (shape, params) = (&self.shape, &self.params[..]);
        for buffer in [&mut *a, &mut *b] {
            if buffer.len() < shape.decoder.buffer() {
                buffer.resize(shape.decoder.buffer(), 0.0)
            }
        }
        let l = &shape.decoder.layers()[0];
        let first = |out: &mut [f32]| dense_row(code, &params[l.weight.clone()], &params[l.bias.clone()], out, false);
        let in_a = shape.decoder.row(params, first, a, b);
        out.clear();
        out.extend_from_slice(&(if in_a { a } else { b })[..shape.outputs()]);
    }

    /// Where input column `i` is in what [`Autoencoder::decode`] gives.
    pub fn part(&self, i: usize) -> std::ops::Range<usize> {
        match &self.shape.outputs[i] {
            Output::Numbers { at, .. } | Output::Category { at, .. } => at.clone(),
        }
    }

    /// The loss of input column `i` of a coded row that came back as `out`.
    pub fn error(&self, i: usize, numbers: &[f32], places: &[[u32; 2]], out: &[f32]) -> f64 {
        match &self.shape.outputs[i] {
            Output::Numbers { at, of } => {
                let apart = out[at.clone()].iter().zip(&numbers[of.clone()]).zip(&self.weight[of.clone()]);
                apart.map(|((y, x), w)| f64::from(w * (y - x) * (y - x))).sum()
            }
            Output::Category { at, category } => {
                let mut logits = out[at.clone()].to_vec();
                let Some(class) = loss::class(places[*category], logits.len()) else { return 0.0 };
                let own = logits[class];
                f64::from(softmax(&mut logits) - own)
            }
        }
    }

    /// The parameters as tensors `{prefix}embedding1`, `{prefix}encoder1.weight` (inputs × outputs) …, and `{prefix}error.weight`.
    pub fn to_tensors(&self, prefix: &str) -> Vec<Tensor> {
        let own = self.shape.tensors().into_iter();
        let mut out: Vec<_> =
            own.map(|(name, shape, at)| Tensor::f32(format!("{prefix}{name}"), shape, self.params[at].to_vec())).collect();
        out.push(Tensor::f32(format!("{prefix}error.weight"), [self.weight.len()], self.weight.clone()));
        out
    }

    /// The weights that score as they are used.
    pub fn laid_out(&self) -> Vec<Tensor> {
        [(ALL, &self.params), ("error.weight", &self.weight)].map(|(name, v)| Tensor::f32(name, [v.len()], v.clone())).into()
    }

    /// Back from [`Autoencoder::to_tensors`], which may be hostile, or from [`Autoencoder::laid_out`]. `fields` are those of the encoder.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when a tensor is missing, of another shape or type, or not finite.
    pub fn from_tensors(
        prefix: &str,
        fields: &[Field],
        hidden: &[usize],
        width: usize,
        variational: bool,
        tensors: &[Tensor],
    ) -> Result<Self> {
        let shape = Shape::new(fields, hidden, width, variational)?;
        let read = |name: &str, of: &[usize]| {
            let name = format!("{prefix}{name}");
            let corrupt = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{name}\" {what}."));
            let Numbers::F32(v) = find(tensors, &name, of)? else { return Err(corrupt("does not hold 32-bit floats")) };
            if finite(v) { Ok(v) } else { Err(corrupt("holds infinite numbers or NaN")) }
        };
        let weight = read("error.weight", &[shape.numbers])?.clone();
        if let Some(params) = laid::<f32>(tensors, &format!("{prefix}{ALL}")).filter(|all| all.len() == shape.parameters()) {
            return Ok(Self { shape, params, weight });
        }
        // The tensors are there before room is made for as much as the state tells of.
        let parts = shape.tensors().into_iter().map(|(name, of, at)| Ok((read(&name, &of)?, at))).collect::<Result<Vec<_>>>()?;
        let mut params: Vec<f32> = crate::base::zeros(shape.parameters())?;
        for (values, at) in parts {
            params[at].copy_from_slice(values);
        }
        Ok(Self { shape, params: params.into(), weight })
    }
}

/// What the tensor of all weights is called, as they are used.
const ALL: &str = "weights";
