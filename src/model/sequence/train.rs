//! The step of a sequence network: rows of items through the encoder, each row's loss, the way back, Adam.

use crate::base::number::{AsIndex, AsReal};
use crate::base::rng::mix;
use crate::base::{Context, Result, Rng, zeros};
use crate::kernel::{adam, axpy};
use crate::model::sequence::Params;
use crate::model::sequence::catalogue::Catalogue;
use crate::model::sequence::encoder::Work;
use crate::model::sequence::layout::{Layout, Parts};
use crate::model::sequence::negatives::{Foretold, Negatives, OfDrawn};
use crate::model::sequence::occurrences::{Occurrences, fill};
use crate::model::sequence::sequences::{Packed, Sequences};
use crate::nn::dropout::{Dropout, drop_out};
use crate::nn::moving_average::MovingAverage;
use crate::nn::{Adam, AdamSpec, Evaluation, Touch, Trainee, add_up, learn_rows};
use std::ops::Range;

/// Evaluates the parameters as they are, on users that were held out.
pub type Evaluate<'a> = dyn Fn(&[f32]) -> Result<Option<Evaluation>> + Sync + 'a;

/// Rows of a shard: enough that the weights are read rarely, few enough that what a row needs stays in the caches.
const SHARD: usize = 512;
/// Shards that are held at once; a longer step takes several waves.
const WAVE: usize = 8;

/// A sequence network that learns.
pub struct Training<'a> {
    layout: &'a Layout,
    catalogue: &'a Catalogue<'a>,
    sequences: &'a Sequences<'a>,
    evaluate: Option<&'a Evaluate<'a>>,
    dropout: f32,
    params: Vec<f32>,
    adam: Adam,
    packed: Packed,
    negatives: Negatives,
    shards: Vec<Shard>,
    /// Rows by which the catalogue learns, as [`Occurrences`] counts them.
    deltas: Vec<f32>,
    /// The same of biases, but those by what came in.
    by_bias: Vec<f32>,
    /// The gradient of what is not the catalogue's.
    rest: Vec<f32>,
    occurrences: Occurrences,
    average: MovingAverage,
}

/// What a shard of rows needs.
struct Shard {
    x: Vec<f32>,
    mask: Vec<f32>,
    work: Work,
    /// The rows and biases of what came next.
    next: Vec<f32>,
    next_bias: Vec<f32>,
    of_drawn: OfDrawn,
    rest: Vec<f32>,
    loss: f64,
}

/// A shard's sequences, and its own rows of what the step holds.
struct Part<'p> {
    sequences: Range<usize>,
    by_input: &'p mut [f32],
    states: &'p mut [f32],
    by_next: &'p mut [f32],
}

/// What all shards of a step read.
struct Shared<'s> {
    layout: &'s Layout,
    catalogue: &'s Catalogue<'s>,
    params: Parts<&'s [f32]>,
    packed: &'s Packed,
    negatives: &'s Negatives,
    dropout: f32,
}

impl<'a> Training<'a> {
    /// Bytes that [`Training::new`] takes, and what its steps of `batch` sequences do.
    pub fn bytes(layout: &Layout, p: &Params, items: usize, batch: usize, longest: usize) -> usize {
        let (width, rows, drawn) = (layout.width, batch.saturating_mul(longest), p.negatives(items));
        let own = SHARD + longest;
        let numbers = own * (3 * width + 1 + drawn) + layout.rest() + drawn * (width + 1);
        let shard = 4 * numbers + layout.encoder.room(own, longest);
        let parameters = layout.parameters().saturating_mul(16);
        parameters
            .saturating_add(shard * rows.div_ceil(SHARD).clamp(1, WAVE))
            .saturating_add(rows.saturating_mul(4 * (2 * width + 3 + layout.inputs.each())))
            .saturating_add(Occurrences::bytes(layout.rows, 2 * rows + drawn))
            .saturating_add(4 * (3 * drawn * width + layout.rest()))
    }

    /// A network with new weights that `seed` fixes, to learn from `sequences` in steps of `batch` of them. Where there are none
    /// it knows nothing but the `popularity` of each item.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(
        (layout, catalogue): (&'a Layout, &'a Catalogue<'a>),
        p: &Params,
        sequences: &'a Sequences<'a>,
        batch: usize,
        (popularity, evaluate): (&[f32], Option<&'a Evaluate<'a>>),
        seed: u64,
    ) -> Result<Self> {
        let mut params = zeros(layout.parameters())?;
        layout.init(&mut params, &mut Rng::stream(seed, 1));
        if sequences.len() == 0 {
            // Nothing is to be learned of what follows what: how popular items are is all it knows.
            let l = layout.split_mut(&mut params);
            l.rows.fill(0.0);
            l.bias[..popularity.len()].copy_from_slice(popularity);
        }
        let average = MovingAverage::new(&params)?;
        let (width, longest, drawn) = (layout.width, sequences.longest(), p.negatives(catalogue.items()));
        let own = SHARD + longest;
        let shard = |_| {
            Ok(Shard {
                x: zeros(own * width)?,
                mask: zeros(own * width)?,
                work: layout.encoder.work(own, longest, true)?,
                next: zeros(own * width)?,
                next_bias: zeros(own)?,
                of_drawn: OfDrawn::new(own, drawn, width)?,
                rest: zeros(layout.rest())?,
                loss: 0.0,
            })
        };
        let shards = (0..(batch * longest).div_ceil(SHARD).clamp(1, WAVE)).map(shard).collect::<Result<_>>()?;
        let spec = AdamSpec { learning_rate: p.learning_rate, weight_decay: p.weight_decay, beta2: 0.98, ..AdamSpec::default() };
        Ok(Self {
            layout,
            catalogue,
            sequences,
            evaluate,
            dropout: p.dropout,
            adam: Adam::new(spec, params.len())?,
            params,
            packed: Packed::default(),
            negatives: Negatives::new(drawn, width)?,
            shards,
            deltas: Vec::new(),
            by_bias: Vec::new(),
            rest: zeros(layout.rest())?,
            occurrences: Occurrences::default(),
            average,
        })
    }

    /// The gradients of the step's rows, shard by shard, into `deltas`, `by_bias` and `rest`; the loss.
    fn gradients(&mut self, seed: u64, ctx: &Context<'_>) -> Result<f64> {
        let (rows, width, drawn) = (self.packed.items.len(), self.layout.width, self.negatives.items.len());
        fill(&mut self.deltas, (2 * rows + drawn) * width)?;
        fill(&mut self.by_bias, rows + drawn)?;
        let (mut by_input, rest) = self.deltas.split_at_mut(rows * width);
        let (mut states, by_rows) = rest.split_at_mut(rows * width);
        let (mut by_next, by_bias) = self.by_bias.split_at_mut(rows);
        let mut parts = Vec::new();
        for sequences in self.packed.shards(SHARD) {
            let n = self.packed.rows[sequences.end - 1].end - self.packed.rows[sequences.start].start;
            let (a, b, c);
            (a, by_input) = std::mem::take(&mut by_input).split_at_mut(n * width);
            (b, states) = std::mem::take(&mut states).split_at_mut(n * width);
            (c, by_next) = std::mem::take(&mut by_next).split_at_mut(n);
            parts.push(Part { sequences, by_input: a, states: b, by_next: c });
        }
        let shared = Shared {
            layout: self.layout,
            catalogue: self.catalogue,
            params: self.layout.split(&self.params),
            packed: &self.packed,
            negatives: &self.negatives,
            dropout: self.dropout,
        };
        let mut loss = 0.0;
        for (wave, parts) in parts.chunks_mut(WAVE).enumerate() {
            let used = parts.len();
            let mut work: Vec<_> = parts.iter_mut().zip(&mut self.shards).collect();
            ctx.pool.each_mut(&mut work, |i, (part, shard)| shard.run(&shared, part, Rng::stream(seed, 1 + (wave * WAVE + i) as u64)));
            ctx.check()?;
            let shards = &self.shards[..used];
            loss += shards.iter().map(|s| s.loss).sum::<f64>();
            add_up(&mut self.rest, shards, |s| &s.rest, wave > 0, ctx);
            add_up(by_rows, shards, |s| &s.of_drawn.by_rows, wave > 0, ctx);
            add_up(by_bias, shards, |s| &s.of_drawn.by_bias, wave > 0, ctx);
        }
        Ok(loss)
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, users: &[u32], _next: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let seed = mix(ctx.seed ^ mix(step));
        self.packed.take(self.sequences, &self.layout.inputs, users)?;
        let rows = self.packed.items.len();
        let l = self.layout.split(&self.params);
        self.negatives.draw(self.catalogue, l.rows, l.bias, &mut Rng::stream(seed, 0));
        let loss = self.gradients(seed, ctx)?;
        self.occurrences.take(self.catalogue, &self.packed, &self.negatives.items, &self.by_bias[..rows])?;

        let s = self.adam.begin(1.0 / rows.max(1).single());
        let (first, second) = self.adam.moments();
        let (w, m, v) = (self.layout.split_mut(&mut self.params), self.layout.split_mut(first), self.layout.split_mut(second));
        let of = &self.occurrences;
        // Every row, whether it occurs or not: with those alone that do, NDCG@20 was .065 where it is .071 (Amazon Beauty, inner split).
        learn_rows(|row| of.of(row), Touch::All, &self.deltas, self.layout.width, s, [w.rows, m.rows, v.rows], ctx)?;
        learn_rows(|row| of.of_bias(row), Touch::All, &self.by_bias, 1, s, [w.bias, m.bias, v.bias], ctx)?;
        let (tables, encoder) = self.rest.split_at(self.layout.tables());
        adam(s, tables, m.tables, v.tables, w.tables);
        adam(s, encoder, m.encoder, v.encoder, w.encoder);
        self.average.follow(&self.params, step, ctx);
        Ok(loss / rows.max(1).real() * users.len().real())
    }

    fn evaluate(&mut self, _ctx: &Context<'_>) -> Result<Option<Evaluation>> {
        self.evaluate.map_or(Ok(None), |e| e(self.average.weights()))
    }

    fn parameters(&mut self) -> &mut [f32] {
        self.average.weights()
    }
}

impl Shard {
    fn run(&mut self, s: &Shared<'_>, part: &mut Part<'_>, rng: Rng) {
        let (layout, l, width) = (s.layout, &s.params, s.layout.width);
        let first = s.packed.rows[part.sequences.start].start;
        let sequences: Vec<Range<usize>> = s.packed.rows[part.sequences.clone()].iter().map(|r| r.start - first..r.end - first).collect();
        let (n, each) = (part.by_next.len(), layout.inputs.each());
        let (items, next) = (&s.packed.items[first..][..n], &s.packed.next[first..][..n]);
        let inputs = &s.packed.inputs[first * each..][..n * each];
        let x = &mut self.x[..n * width];
        for ((x, item), inputs) in x.chunks_exact_mut(width).zip(items).zip(inputs.chunks_exact(each)) {
            s.catalogue.gather(l.rows, *item, x);
            inputs.iter().for_each(|row| axpy(1.0, &l.tables[row.index() * width..][..width], x));
        }
        let mask = &mut self.mask[..n * width];
        let mut dropout = (s.dropout > 0.0).then_some(Dropout { rate: s.dropout, rng });
        if let Some(d) = &mut dropout {
            drop_out(x, mask, d.rate, &mut d.rng);
        }
        part.states.copy_from_slice(layout.encoder.forward(l.encoder, x, &sequences, &mut self.work, dropout.as_mut()));

        let (rows, bias) = (&mut self.next[..n * width], &mut self.next_bias[..n]);
        for ((next, row), bias) in next.iter().zip(rows.chunks_exact_mut(width)).zip(bias.chunks_exact_mut(1)) {
            s.catalogue.gather(l.rows, *next, row);
            s.catalogue.gather(l.bias, *next, bias);
        }
        let foretold = Foretold { states: part.states, next, rows, bias };
        self.loss = s.negatives.loss(foretold, &mut self.of_drawn, part.by_next, part.by_input);

        let (by_tables, by_encoder) = self.rest.split_at_mut(layout.tables());
        layout.encoder.backward(l.encoder, &sequences, &mut self.work, dropout.is_some(), part.by_input, by_encoder);
        if dropout.is_some() {
            part.by_input.iter_mut().zip(mask).for_each(|(d, m)| *d *= *m);
        }
        by_tables.fill(0.0);
        for (inputs, d) in inputs.chunks_exact(each).zip(part.by_input.chunks_exact(width)) {
            inputs.iter().for_each(|row| axpy(1.0, d, &mut by_tables[row.index() * width..][..width]));
        }
    }
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod train_tests;
