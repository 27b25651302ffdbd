//! `mult_vae`: an autoencoder of whole histories (Liang, Krishnan, Hoffman & Jebara 2018, "Variational Autoencoders for Collaborative
//! Filtering"): a user's items go through a bottleneck and come back as a probability of every item. A user that it has never seen is
//! folded in by one pass. The first layer reads sparse rows; no matrix of users × items is ever made.
//!
//! Three refinements of Shenbin, Alekseev, Tutubalina, Malykh & Nikolenko 2020 ("RecVAE") are parameters: a composite prior that holds what
//! the encoder gave before, a KL term by how much a user has, and turns of the encoder and the decoder.

pub(super) mod batch;
mod codes;
mod earlier;
pub(super) mod input;
mod output;
mod sample;
pub(super) mod score;
pub(super) mod shape;
mod train;
mod warm;

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Result, Shared};
use crate::model::history_fit::{self, HistoryFit, Learned, Length};
use crate::model::item_rows::ItemRows;
use crate::model::linked::RECENCY;
use crate::model::network_tensors::{halves, recency};
use crate::model::recommender::{Job, Kind};
use crate::nn::monitor::Evaluation;
use half::f16;
use output::{Output, Room};
use sample::Sample;
use score::Codec;
use shape::Shape;
use train::Training;

/// Parameters of the kind: widths and what holds back as in the paper, the best of five settings on validation users. `prior`, `gamma` and
/// `alternate` are off: on MovieLens 100k the composite prior took NDCG@20 from .137 to .141 (mean of three orders of the ties), the two
/// others from .131 to .124 and .116 (one order).
const SPECS: &[Spec] = &[
    Spec::new("hidden", ParamType::Integer, "600", "Width of the layers before and after the bottleneck.").within(1.0, 1e9),
    Spec::new("latent", ParamType::Integer, "200", "Width of the bottleneck.").within(1.0, 1e9),
    Spec::new("dropout", ParamType::Number, "0.5", "Share of a user's items that each step hides.").within(0.0, 0.95),
    Spec::new("beta", ParamType::Number, "0.2", "Weight of the KL term once it has risen.").within(0.0, 10.0),
    Spec::new("anneal", ParamType::Number, "50", "Epochs over which that weight rises from 0.").within(0.0, 1e6),
    Spec::new(
        "gamma",
        ParamType::Number,
        "null",
        "Weight of the KL term for each of a user's items, in place of beta; null: beta, whoever the user.",
    )
    .within(0.0, 10.0),
    Spec::new(
        "prior",
        ParamType::Choice(&["normal", "composite"]),
        "\"normal\"",
        "What codes are drawn to: a normal distribution, or a mixture of it with the code of the encoder an epoch before, and a wide one.",
    ),
    Spec::new(
        "alternate",
        ParamType::Integer,
        "0",
        "Epochs of the encoder alone before one of the decoder alone; 0: both learn in every step.",
    )
    .within(0.0, 100.0),
    Spec::new("epochs", ParamType::Integer, "null", "Epochs; null: at most 200, chosen on held-out events (50 without any).")
        .within(1.0, 100_000.0),
    Spec::new("patience", ParamType::Integer, "20", "Epochs without a better one after which the choice of epochs ends; 0: never.")
        .within(0.0, 100_000.0),
    Spec::new("batch", ParamType::Integer, "null", "Users of a step; null: a tenth of all, from 50 to 500.").within(1.0, 100_000.0),
    Spec::new("learning_rate", ParamType::Number, "0.001", "Step size of Adam.").within(1e-9, 10.0),
    Spec::new("weight_decay", ParamType::Number, "0", "Decoupled weight decay.").within(0.0, 10.0),
    Spec::new(
        "softmax",
        ParamType::Choice(&["whole", "blocked", "sampled"]),
        "null",
        "Whether a step keeps its users' logits of all items, or makes them again block by block (the same weights, less memory, a third slower), or is over its \
         users' items and a draw from the rest (about as good, in a time that the catalogue hardly lengthens); null: sampled where they would take more than 64 MB \
         and what its users usually have, with the draw, is at most half of all, blocked where they would take more than 128 MB, else whole.",
    ),
    Spec::new("sampled", ParamType::Integer, "4096", "Items that a step draws beside those of its users, where softmax is sampled.")
        .within(1.0, 1e9),
    Spec::new("history", ParamType::Integer, "500", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// Logits of a step up to which all are made whatever its users have: 64 MB.
/// (An epoch over 50,000 items, of which users have 20, takes 7.7 s whole and 1.7 s sampled.)
const WHOLE: usize = Output::KEPT / 2;
/// Epochs when nothing says how many.
const EPOCHS: usize = 50;
/// Epochs at most when held-out events choose.
const MOST_EPOCHS: usize = 200;

/// `SPECS`, typed.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Params {
    hidden: usize,
    latent: usize,
    dropout: f32,
    beta: f32,
    anneal: f32,
    gamma: Option<f32>,
    prior: Prior,
    alternate: u64,
    epochs: Option<usize>,
    patience: usize,
    batch: Option<usize>,
    learning_rate: f32,
    weight_decay: f32,
    softmax: Option<Softmax>,
    sampled: usize,
    history: usize,
}

/// What codes are drawn to.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Prior {
    Normal,
    Composite,
}

/// Of which items a batch's logits are made, and how they are held.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Softmax {
    Whole,
    Blocked,
    Sampled,
}

impl Params {
    fn composite(&self) -> bool {
        self.prior == Prior::Composite
    }

    /// With a softmax chosen, where none was asked for, for steps of `rows` users that usually have `entries` items.
    fn settled(self, shape: &Shape, rows: usize, entries: usize) -> Self {
        let logits = rows.saturating_mul(shape.items);
        // Where users have many items a sample saves little and may cost quality: on 68,509 products, two seeds, NDCG@20 was .0365 and
        // .0390 over all, .0356 and .0365 over a sample, in .62 of the time.
        let few = Sample::most(shape.items, entries, self.sampled) <= shape.items / 2;
        let softmax = self.softmax.unwrap_or(if logits > WHOLE && few {
            Softmax::Sampled
        } else if logits > Output::KEPT {
            Softmax::Blocked
        } else {
            Softmax::Whole
        });
        Self { softmax: Some(softmax), ..self }
    }

    /// How many items a step draws beside those of its users; none where it goes over all.
    fn drawn(&self) -> Option<usize> {
        (self.softmax == Some(Softmax::Sampled)).then_some(self.sampled)
    }

    /// What the last layer needs for steps of at most `rows` users with `entries` items.
    fn room(&self, shape: &Shape, rows: usize, entries: usize) -> Room {
        let Shape { items, hidden, .. } = *shape;
        let kept = match self.softmax {
            None | Some(Softmax::Whole) => usize::MAX,
            Some(Softmax::Blocked) => 0,
            Some(Softmax::Sampled) => Output::KEPT,
        };
        let drawn = self.drawn();
        Room { items: drawn.map_or(items, |drawn| Sample::most(items, entries, drawn)), hidden, rows, kept, sampled: drawn.is_some() }
    }
}

/// The item side of a fitted Mult-VAE. The wide layers are kept in half precision; of the encoder only what gives the means.
#[derive(Debug, Clone, PartialEq)]
pub struct MultVae {
    shape: Shape,
    input: Shared<f16>,
    input_bias: Shared<f32>,
    encode: Shared<f32>,
    encode_bias: Shared<f32>,
    decode: Shared<f32>,
    decode_bias: Shared<f32>,
    output: Shared<f16>,
    output_bias: Shared<f32>,
    /// See [`RECENCY`].
    pub recency: f32,
}

/// The kind.
pub static KIND: Kind = history_fit::kind(
    "mult_vae",
    "Whole histories through a network: strong where users have many events.",
    SPECS,
    |job| Ok(history_fit::fitted(MultVae::fit(job)?)),
    |s| Ok(Box::new(MultVae::from_tensors(s.items, s.params, s.tensors)?)),
);

impl MultVae {
    /// Learns from the events. With held-out events that are not among them and without a number of epochs, the epoch with the best
    /// NDCG on them is kept. Returns the model, its learning curve and what was chosen.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`] before anything large is allocated; [`crate::base::Code::Cancelled`];
    /// [`crate::base::Code::Data`] when training diverges.
    pub fn fit(job: &Job<'_>) -> Result<Learned<Self>> {
        let Job { data, params: given, ctx, .. } = *job;
        let mut p: Params = params::typed(given)?;
        let shape = Shape { items: data.items.len(), hidden: p.hidden, latent: p.latent };
        let begun = job.warm.filter(|w| warm::fits(w, &shape));
        if begun.is_some() {
            (p.epochs, p.anneal) = (Some(warm::epochs(p.epochs.unwrap_or(EPOCHS))), 0.0);
        }
        let (sizes, parameters) = (shape.sizes()?, shape.parameters()?);
        let length =
            Length { epochs: p.epochs, most: [MOST_EPOCHS, EPOCHS], batch: p.batch, per: 10, bounds: [50, 500], patience: p.patience };
        let fit = HistoryFit::new(job, length);
        let (users, rows) = (data.users.len(), fit.batch());
        let lengths = || (0..users as u32).map(|u| data.history(u).len().min(p.history));
        let most = train::most_entries(lengths(), rows);
        let usual = lengths().sum::<usize>().saturating_mul(rows) / users.max(1);
        let p = p.settled(&shape, rows, usual);
        let _booked = fit.book("Mult-VAE", parameters, Training::bytes(&shape, &p, rows, most)?, ctx)?;
        let (pairs, popularity) = (fit.pairs(p.history, ctx)?, fit.popularity(ctx)?);
        let evaluate = |flat: &[f32]| -> Result<Option<Evaluation>> {
            let l = shape.split(&sizes, flat);
            let codec = Codec {
                shape,
                input: ItemRows::Single(l.input),
                input_bias: l.input_bias,
                encode: l.encode,
                encode_bias: l.encode_bias,
                decode: l.decode,
                decode_bias: l.decode_bias,
                output: ItemRows::Single(l.output),
                output_bias: l.output_bias,
            };
            fit.evaluate(&popularity, ctx, |history, out| codec.score(history, f32::INFINITY, out))
        };
        let mut training = Training::new(shape, &p, &pairs, rows, Some(&evaluate), ctx.seed)?;
        if let Some(warm) = &begun {
            training.begin_from(|flat| warm::begin(warm, &shape, &sizes, flat))?;
        }
        let (epochs, chosen) = fit.run(&mut training, ctx)?;
        let model = Self::from_flat(shape, crate::nn::Trainee::parameters(&mut training), recency(given))?;
        Ok((model, epochs, chosen))
    }

    fn from_flat(shape: Shape, flat: &[f32], recency: f32) -> Result<Self> {
        let sizes = shape.sizes()?;
        let l = shape.split(&sizes, flat);
        let means = |x: &[f32]| x.chunks(2 * shape.latent).flat_map(|r| r[..shape.latent].iter().copied()).collect();
        Ok(Self {
            shape,
            input: halves(l.input)?,
            input_bias: l.input_bias.to_vec().into(),
            encode: means(l.encode),
            encode_bias: means(l.encode_bias),
            decode: l.decode.to_vec().into(),
            decode_bias: l.decode_bias.to_vec().into(),
            output: halves(l.output)?,
            output_bias: l.output_bias.to_vec().into(),
            recency,
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
