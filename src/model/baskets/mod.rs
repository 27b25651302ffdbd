//! `baskets`: what is bought together, which is another question than what is alike: batteries are not like the torch. Pairs of items in one
//! basket, by how many times as often as by chance they are in one ([`crate::model::lift`]).

mod cut;
mod pairs;

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Result, Shared, Tensor};
use crate::dataset::Event;
use crate::model::fading::fading;
use crate::model::lift::{Counts, Together};
use crate::model::linked::RECENCY;
use crate::model::network_tensors::recency;
use crate::model::recommender::{Fitted, Job, Kind};
use pairs::Pairs;
use serde_json::json;

/// Parameters of the kind.
const SPECS: &[Spec] = &[
    Spec::new(
        "within",
        ParamType::Number,
        "null",
        "Seconds between two events of a user that are still one basket, 0: of one moment. null: as the events say, that or 30 minutes.",
    )
    .within(0.0, 1e7),
    Spec::new("length", ParamType::Integer, "100", "Items of a basket that count; of a larger one, the last.").within(2.0, 1000.0),
    Spec::new("at_least", ParamType::Integer, "3", "Baskets that must hold both items of a pair.").within(1.0, 1e6),
    Spec::new("neighbours", ParamType::Integer, "100", "Items that are kept of each, those that go with it most surely.")
        .within(1.0, 10_000.0),
    RECENCY,
];

#[derive(Debug, Clone, serde::Deserialize)]
struct Params {
    within: Option<f64>,
    length: usize,
    at_least: u32,
    neighbours: usize,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
struct Baskets {
    /// How many baskets hold each item, and behind them all: items + 1.
    holding: Shared<i64>,
    pairs: Pairs,
    recency: f32,
}

/// Microseconds of a second.
const SECOND: f64 = 1e6;

/// The kind.
pub static KIND: Kind = Kind::usual(
    "baskets",
    "What is bought together: in one basket more often than by chance. For affinity.bought_together.",
    SPECS,
    fit,
    |s| Ok(Box::new(Baskets::from_tensors(s.items, s.tensors, recency(s.params))?)),
);

fn fit(job: &Job<'_>) -> Result<Fitted> {
    let Job { data, params: given, ctx, .. } = *job;
    ctx.check()?;
    let p: Params = params::typed(given)?;
    let (events, items) = (data.events().len(), data.items.len());
    let _booked = ctx.budget.take(events.saturating_mul(16).saturating_add(items.saturating_mul(32)), "baskets and where items occur")?;
    let within = match p.within {
        Some(seconds) => (seconds * SECOND) as i64,
        None => cut::within(data, ctx)?,
    };
    let baskets = cut::baskets(data, within, p.length, ctx)?;
    let by_item = baskets.turned(items, ctx)?;
    let pairs = Pairs::count(&baskets, &by_item, (p.at_least, p.neighbours), ctx)?;
    let holding = (0..items as u32).map(|i| by_item.of(i).len()).chain([baskets.len()]).map(|n| n as i64).collect();
    let mut fitted = Fitted::new(Baskets { holding, pairs, recency: recency(given) }, Vec::new());
    fitted.chosen.insert("within".into(), json!(within.real() / SECOND));
    Ok(fitted)
}

impl Baskets {
    fn to_tensors(&self) -> Vec<Tensor> {
        pairs::tensors(&self.holding, &self.pairs)
    }

    fn from_tensors(items: usize, tensors: &[Tensor], recency: f32) -> Result<Self> {
        let (holding, pairs) = pairs::read(items, tensors)?;
        Ok(Self { holding, pairs, recency })
    }

    fn counts(&self, one: u32, other: u32, both: u32) -> Counts {
        let of = |i: usize| self.holding[i] as u32;
        Counts { both, one: of(one.index()), other: of(other.index()), all: of(self.holding.len() - 1) }
    }

    /// The items that go with `item`, the surest first.
    fn row(&self, item: u32) -> impl Iterator<Item = (u32, Counts)> + '_ {
        self.pairs.of(item).map(move |(other, both)| (other, self.counts(item, other, both)))
    }

    /// Σ over the history of weight × recency × the logarithm of the lower end of the lift: of a basket, how much more likely it makes an item,
    /// were its items independent of one another.
    fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        out.fill(0.0);
        let mut any = false;
        for (age, e) in history.iter().rev().enumerate() {
            // As in `Links::score`.
            if age.single() > 16.0 * self.recency {
                break;
            }
            let strength = e.weight * (-age.single() / self.recency).exp();
            for (other, counts) in self.row(e.item) {
                out[other.index()] += strength * counts.low().max(f64::MIN_POSITIVE).ln().single();
                any = true;
            }
        }
        any
    }

    /// What goes with `item`, the surest first.
    fn together(&self, item: u32) -> Vec<Together> {
        let pair =
            |(item, counts): (u32, Counts)| Together { item, together: u64::from(counts.both), lift: counts.lift(), low: counts.low() };
        self.row(item).map(pair).collect()
    }

    fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        out.fill(0.0);
        self.row(item).for_each(|(other, counts)| out[other.index()] = counts.low().single());
        self.row(item).next().is_some()
    }
}

fading!(Baskets {
    fn together(&self, item: u32) -> Result<Vec<Together>> {
        Ok(self.together(item))
    }
});

#[cfg(test)]
mod tests;
