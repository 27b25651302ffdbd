//! `cfgan`: a generator of purchase vectors and a discriminator that tells them from real ones (Chae, Kang, Kim & Lee 2018, "CFGAN: A
//! Generic Collaborative Filtering Framework based on Generative Adversarial Networks"). The generator turns a user's history, the
//! condition, into how likely each item is that user's; the discriminator sees that vector masked, and the condition. Partial masking and
//! zero reconstruction keep the generator from the trivial answer that every item is everybody's. A user that it has never seen is folded
//! in by one pass of the generator.
//!
//! Two things differ from the paper, so that it trains stably and finds what comes next, not what was there: a share of the condition is
//! hidden in every step (as in a denoising autoencoder), and the generator's loss is −ln D, which does not saturate while the discriminator
//! wins.

mod discriminator;
mod generator;
mod marks;
mod net;
mod score;
mod train;

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Result, Shared};
use crate::model::history_fit::{self, HistoryFit, Learned, Length};
use crate::model::item_rows::ItemRows;
use crate::model::linked::RECENCY;
use crate::model::network_tensors::{halves, recency};
use crate::model::recommender::{Job, Kind};
use crate::nn::Trainee;
use crate::nn::monitor::Evaluation;
use half::f16;
use marks::Drawn;
use net::{Shape, split};
use score::Layers;
use train::Training;

/// Parameters of the kind. (It finds .296 of MovieLens 100k's last events in lists of 20, NDCG@20 .131, with histories that fade; an EASE
/// that does not fade them .224 and .093.)
const SPECS: &[Spec] = &[
    Spec::new("hidden", ParamType::Integer, "300", "Width of the generator's hidden layer.").within(1.0, 1e9),
    Spec::new("discriminator", ParamType::Integer, "128", "Width of the discriminator's hidden layer.").within(1.0, 1e9),
    Spec::new("dropout", ParamType::Number, "0.5", "Share of a user's items that each step hides from the condition.").within(0.0, 0.95),
    Spec::new(
        "masked",
        ParamType::Number,
        "1",
        "Partial masking: items that a user has not for each that the user has, which the discriminator sees.",
    )
    .within(0.0, 100.0),
    Spec::new(
        "zeros",
        ParamType::Number,
        "8",
        "Zero reconstruction: items that a user has not for each that the user has, for which the generator learns to give 0.",
    )
    .within(0.0, 100.0),
    Spec::new("alpha", ParamType::Number, "0.1", "Weight of zero reconstruction beside the discriminator's evaluation.")
        .within(0.0, 1000.0),
    Spec::new("epochs", ParamType::Integer, "null", "Epochs; null: at most 200, chosen on held-out events (50 without any).")
        .within(1.0, 100_000.0),
    Spec::new("patience", ParamType::Integer, "20", "Epochs without a better one after which the choice of epochs ends; 0: never.")
        .within(0.0, 100_000.0),
    Spec::new("batch", ParamType::Integer, "null", "Users of a step; null: a thirtieth of all, from 32 to 500.").within(1.0, 100_000.0),
    Spec::new("learning_rate", ParamType::Number, "0.003", "Step size of the generator's Adam.").within(1e-9, 10.0),
    Spec::new("discriminator_rate", ParamType::Number, "0.001", "Step size of the discriminator's Adam.").within(1e-9, 10.0),
    Spec::new("weight_decay", ParamType::Number, "0", "Decoupled weight decay of both networks.").within(0.0, 10.0),
    Spec::new("history", ParamType::Integer, "500", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// Epochs when nothing says how many.
const EPOCHS: usize = 50;
/// Epochs at most when held-out events choose.
const MOST_EPOCHS: usize = 200;

/// `SPECS`, typed.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Params {
    hidden: usize,
    discriminator: usize,
    dropout: f32,
    masked: f64,
    zeros: f64,
    alpha: f32,
    epochs: Option<usize>,
    patience: usize,
    batch: Option<usize>,
    learning_rate: f32,
    discriminator_rate: f32,
    weight_decay: f32,
    history: usize,
}

impl Params {
    fn drawn(&self) -> Drawn {
        Drawn { masked: self.masked, zeros: self.zeros }
    }
}

/// The item side of a fitted CFGAN: its generator, the wide layers in half precision. The discriminator has done its work.
#[derive(Debug, Clone, PartialEq)]
pub struct Cfgan {
    width: usize,
    input: Shared<f16>,
    input_bias: Shared<f32>,
    output: Shared<f16>,
    output_bias: Shared<f32>,
    /// See [`RECENCY`].
    pub recency: f32,
}

/// The kind.
pub static KIND: Kind = history_fit::kind(
    "cfgan",
    "Whole histories through a generator that learns from a discriminator which items go with them.",
    SPECS,
    |job| Ok(history_fit::fitted(Cfgan::fit(job)?)),
    |s| Ok(Box::new(Cfgan::from_tensors(s.items, s.params, s.tensors)?)),
);

impl Cfgan {
    /// Learns from the events. With held-out events that are not among them and without a number of epochs, the epoch whose generator
    /// has the best NDCG on them is kept. Returns the model, its learning curve (of the generator's loss) and what was chosen.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`] before anything large is allocated; [`crate::base::Code::Cancelled`];
    /// [`crate::base::Code::Data`] when training diverges.
    pub fn fit(job: &Job<'_>) -> Result<Learned<Self>> {
        let Job { data, params: given, ctx, .. } = *job;
        let p: Params = params::typed(given)?;
        let shape = Shape { items: data.items.len(), hidden: p.hidden, discriminator: p.discriminator };
        let parameters = shape.parameters()?;
        let length =
            Length { epochs: p.epochs, most: [MOST_EPOCHS, EPOCHS], batch: p.batch, per: 30, bounds: [32, 500], patience: p.patience };
        let fit = HistoryFit::new(job, length);
        let most = fit.batch().saturating_mul(p.history.min(shape.items)).min(data.events().len());
        let bytes = Training::bytes(&shape, parameters, fit.batch(), most, p.drawn());
        let _booked = fit.book("CFGAN", parameters, bytes, ctx)?;
        let (pairs, popularity) = (fit.pairs(p.history, ctx)?, fit.popularity(ctx)?);
        let evaluate = |flat: &[f32]| -> Result<Option<Evaluation>> {
            let [input, input_bias, output, output_bias] = split(shape.generator(), flat);
            let layers = Layers { input: ItemRows::Single(input), input_bias, output: ItemRows::Single(output), output_bias };
            fit.evaluate(&popularity, ctx, |history, out| layers.score(history, f32::INFINITY, out))
        };
        let mut training = Training::new(shape, &p, &pairs, fit.batch(), Some(&evaluate), ctx.seed)?;
        let (epochs, chosen) = fit.run(&mut training, ctx)?;
        let [input, input_bias, output, output_bias] = split(shape.generator(), training.parameters());
        let model = Self {
            width: shape.hidden,
            input: halves(input)?,
            input_bias: input_bias.to_vec().into(),
            output: halves(output)?,
            output_bias: output_bias.to_vec().into(),
            recency: recency(given),
        };
        Ok((model, epochs, chosen))
    }
}

#[cfg(test)]
mod tests;
