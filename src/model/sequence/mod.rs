//! `sequence`: what comes next, read off a history as a sequence.

mod catalogue;
mod encoder;
mod inputs;
mod layout;
mod negatives;
mod occurrences;
mod score;
mod sequences;
mod train;

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Error, Result, Shared};
use crate::model::auto_candidates;
use crate::model::history_fit::{self, HistoryFit, Learned, Length};
use crate::model::item_rows::ItemRows;
use crate::model::ranker::CONTEXT;
use crate::model::recommender::{Job, Kind, Kinds};
use crate::nn::Trainee;
use crate::nn::monitor::Evaluation;
use catalogue::Catalogue;
use encoder::{Encoder, Mixing};
use half::f16;
use inputs::Inputs;
use layout::Layout;
use score::{Reader, folded};
use sequences::Sequences;
use serde_json::{Map, Value};
use train::Training;

const SPECS: &[Spec] = &[
    Spec::new("encoder", ParamType::Choice(&["transformer", "gru", "cnn"]), "\"transformer\"", "What reads a history."),
    Spec::new("width", ParamType::Integer, "64", "Numbers of an item's row.").within(1.0, 4096.0),
    Spec::new("blocks", ParamType::Integer, "null", "Layers of the encoder; null: 1, of cnn 3.").within(1.0, 32.0),
    Spec::new("heads", ParamType::Integer, "1", "Heads of attention, which share a row's numbers evenly.").within(1.0, 64.0),
    Spec::new("length", ParamType::Integer, "50", "A user's latest events that are read.").within(1.0, 10_000.0),
    // Chosen on each user's event before the last. MovieLens wants less (.2: NDCG@20 .136, .4: .125), Amazon Beauty more (512 drawn: .2 .067, .3 .071).
    Spec::new("dropout", ParamType::Number, "0.3", "Share of numbers that sit out each step.").within(0.0, 0.9),
    // On Amazon Beauty 512 find .0785, 2,048 .0817, and all 12,101, in four times the time, .0838.
    Spec::new("sampled", ParamType::Integer, "2048", "Items that a step tells what came next from.").within(1.0, 1e9),
    Spec::new("attributes", ParamType::Bool, "true", "Whether items share what their attributes' groups have learned."),
    CONTEXT,
    Spec::new("epochs", ParamType::Integer, "null", "Epochs; null: at most 200, chosen on held-out events (40 without any).")
        .within(1.0, 100_000.0),
    Spec::new("patience", ParamType::Integer, "10", "Epochs without a better one after which the choice of epochs ends; 0: never.")
        .within(0.0, 100_000.0),
    Spec::new("batch", ParamType::Integer, "null", "Users of a step; null: a thirtieth of all, from 16 to 128.").within(1.0, 100_000.0),
    Spec::new("learning_rate", ParamType::Number, "0.002", "Step size of Adam.").within(1e-9, 10.0),
    Spec::new("weight_decay", ParamType::Number, "0", "Decoupled weight decay.").within(0.0, 10.0),
];

const EPOCHS: usize = 40;
const MOST_EPOCHS: usize = 200;

/// `SPECS`, typed.
#[derive(Debug, Clone, serde::Deserialize)]
struct Params {
    encoder: Mixing,
    width: usize,
    blocks: Option<usize>,
    heads: usize,
    length: usize,
    dropout: f32,
    sampled: usize,
    attributes: bool,
    epochs: Option<usize>,
    patience: usize,
    batch: Option<usize>,
    learning_rate: f32,
    weight_decay: f32,
}

impl Params {
    /// Items that a step draws of so many.
    fn negatives(&self, items: usize) -> usize {
        self.sampled.min(items).max(1)
    }

    /// Of so many rows of items and groups.
    fn layout(&self, rows: usize, inputs: Inputs) -> Result<Layout> {
        let blocks = self.blocks.unwrap_or(if self.encoder == Mixing::Cnn { 3 } else { 1 });
        Layout { rows, width: self.width, inputs, encoder: Encoder::new(self.encoder, self.width, self.heads, blocks)? }.checked()
    }
}

/// Checks that the heads share a row evenly.
fn check(_: &Kinds, params: &mut Map<String, Value>) -> Result<()> {
    let p: Params = params::typed(params)?;
    if p.width.is_multiple_of(p.heads) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidParameter, "parameter \"heads\" does not divide \"width\"")
        .detail(format!("{} numbers are not shared evenly by {} heads.", p.width, p.heads))
        .hint(format!("For instance: params => '{{\"width\": {}, \"heads\": {}}}'.", p.width.next_multiple_of(p.heads), p.heads)))
}

/// A fitted network.
#[derive(Debug, Clone)]
struct Sequence {
    width: usize,
    /// Whether the items' rows have those of attributes' groups in them.
    attributes: bool,
    inputs: Inputs,
    encoder: Encoder,
    items: Shared<f16>,
    bias: Shared<f32>,
    tables: Shared<f32>,
    weights: Shared<f32>,
}

/// The kind.
pub static KIND: Kind = Kind {
    check,
    auto: Some(auto_candidates::for_sequences),
    ..history_fit::kind(
        "sequence",
        "What comes next: strong where the order of events tells.",
        SPECS,
        |job| Ok(history_fit::fitted(Sequence::fit(job)?)),
        |s| Ok(Box::new(Sequence::from_tensors(s.items, s.params, s.tensors)?)),
    )
};

impl Sequence {
    /// Learns from the events.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] before anything large is allocated; [`Code::Cancelled`]; [`Code::Data`] when training diverges.
    fn fit(job: &Job<'_>) -> Result<Learned<Self>> {
        let Job { data, params: given, ctx, .. } = *job;
        let p: Params = params::typed(given)?;
        let catalogue = Catalogue::new(data.items.len(), if p.attributes { &data.attributes } else { &[] });
        let layout = p.layout(catalogue.rows(), Inputs::of(data, p.length))?;
        let sequences = Sequences::new(data, p.length, ctx)?;
        // Of MovieLens' 943 users 31 a step find more than 128 do (NDCG@20 of the inner split .142, .136).
        let (most, bounds) = ([MOST_EPOCHS, EPOCHS], [16, 128]);
        let length = Length { epochs: p.epochs, most, batch: p.batch, per: 30, bounds, patience: p.patience };
        let fit = HistoryFit::new(job, length).over(sequences.len());
        let bytes = Training::bytes(&layout, &p, catalogue.items(), fit.batch(), sequences.longest());
        let _booked = fit.book("sequence network", layout.parameters(), bytes, ctx)?;
        let popularity = fit.popularity(ctx)?;
        let evaluate = |flat: &[f32]| -> Result<Option<Evaluation>> {
            let l = layout.split(flat);
            let (rows, bias) = folded(&catalogue, layout.width, l.rows, l.bias)?;
            let Layout { width, inputs, encoder, .. } = &layout;
            let (items, width) = (ItemRows::Single(&rows), *width);
            let reader = Reader { inputs, encoder, width, items, bias: &bias, tables: l.tables, weights: l.encoder };
            fit.evaluate(&popularity, ctx, |history, out| reader.score(history, out))
        };
        let mut training = Training::new((&layout, &catalogue), &p, &sequences, fit.batch(), (&popularity, Some(&evaluate)), ctx.seed)?;
        let (epochs, chosen) = fit.run(&mut training, ctx)?;
        Ok((Self::new(layout.clone(), &catalogue, training.parameters())?, epochs, chosen))
    }
}

#[cfg(test)]
mod tests;
