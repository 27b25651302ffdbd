//! `item_knn`: items that the same users chose (Sarwar et al. 2001, "Item-based collaborative filtering"), cosine with shrinkage and damped popularity.

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Context, Result, Tensor};
use crate::dataset::{Event, Interactions, Pairs};
use crate::model::links::Links;
use serde_json::{Map, Value};

/// Parameters of the kind.
pub const SPECS: &[Spec] = &[
    Spec::new("neighbours", ParamType::Integer, "200", "Links that are kept of each item.").within(1.0, 100_000.0),
    Spec::new("shrinkage", ParamType::Number, "20", "Added below the fraction: links seen in few users count less.").within(0.0, 1e6),
    Spec::new("damping", ParamType::Number, "0.6", "Exponent of the history item's count of users; the other item has 1 minus it.")
        .within(0.0, 1.0),
    Spec::new("history", ParamType::Integer, "500", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// How fast a user's older events fade when a list is made; shared by the kinds that score from links.
pub const RECENCY: Spec =
    Spec::new("recency", ParamType::Number, "null", "Events after which one of the history counts 1/e; null: chosen on held-out events.")
        .within(0.1, 1e6);

/// sim(a → b) = Σ_u x_ua x_ub / (n_a^d n_b^(1−d) + shrinkage), n the items' Σ x².
#[derive(Debug, Clone, PartialEq)]
pub struct ItemKnn {
    links: Links,
    /// See [`RECENCY`].
    pub recency: f32,
}

#[derive(serde::Deserialize)]
struct Params {
    neighbours: usize,
    shrinkage: f32,
    damping: f32,
    history: usize,
    recency: Option<f32>,
}

impl ItemKnn {
    /// Counts co-occurrence.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Self> {
        let p: Params = params::typed(given)?;
        let by_user = Pairs::by_user(data, p.history)?;
        let by_item = by_user.transpose()?;
        let _booked = ctx.budget.take(by_user.bytes() + by_item.bytes(), "the pairs of users and items")?;
        let n: Vec<f32> = (0..by_item.rows()).map(|i| by_item.row(i).map(|(_, x)| x * x).sum()).collect();
        let links = Links::build(
            data.items.len(),
            p.neighbours,
            ctx,
            |a, gather| {
                for (u, xa) in by_item.row(a as usize) {
                    by_user.row(u as usize).for_each(|(b, xb)| gather.add(b, xa * xb));
                }
            },
            |a, b, sum| sum / (n[a as usize].powf(p.damping) * n[b as usize].powf(1.0 - p.damping) + p.shrinkage),
        )?;
        Ok(Self { links, recency: p.recency.unwrap_or(20.0) })
    }

    /// See [`Links::score`].
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        self.links.score(history, self.recency, out)
    }

    /// See [`Links::similar`].
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        self.links.similar(item, out)
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        self.links.to_tensors()
    }

    /// Back from [`ItemKnn::to_tensors`]; `given` are the stored parameters, the chosen ones filled in.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        Ok(Self { links: Links::from_tensors(items, tensors)?, recency: recency(given) })
    }
}

/// The stored recency.
pub fn recency(given: &Map<String, Value>) -> f32 {
    given.get("recency").and_then(Value::as_f64).map_or(20.0, |x| x.clamp(0.1, 1e6) as f32)
}
