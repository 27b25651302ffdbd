//! `item_knn`: items that the same users chose (Sarwar et al. 2001, "Item-based collaborative filtering"), cosine with shrinkage and damped
//! popularity.

use crate::base::number::AsIndex;
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Context, Result};
use crate::dataset::{Interactions, Pairs};
use crate::model::gather::look;
use crate::model::linked::{Linked, RECENCY};
use crate::model::links::Links;
use crate::model::recommender::{Fitted, Kind};
use serde_json::{Map, Value};

/// Parameters of the kind.
const SPECS: &[Spec] = &[
    Spec::new("neighbours", ParamType::Integer, "200", "Links that are kept of each item.").within(1.0, 100_000.0),
    // This and the next as a validation part of Amazon Beauty chose them for an item-kNN in numpy (benches/peers).
    Spec::new("shrinkage", ParamType::Number, "20", "Added below the fraction: links seen in few users count less.").within(0.0, 1e6),
    Spec::new("damping", ParamType::Number, "0.6", "Exponent of the history item's count of users; the other item has 1 minus it.")
        .within(0.0, 1.0),
    Spec::new("history", ParamType::Integer, "500", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// The kind.
pub static KIND: Kind = Kind {
    auto: Some(|_| true),
    ..Kind::usual(
        "item_knn",
        "Items that the same users chose: simple, fast, explainable.",
        SPECS,
        |job| Ok(Fitted::new(fit(job.data, job.params, job.ctx)?, Vec::new())),
        |s| Ok(Box::new(Linked::from_tensors(s.items, s.tensors, s.params, USUAL_RECENCY)?)),
    )
};

/// The recency where none is given or chosen.
pub const USUAL_RECENCY: f32 = 20.0;

#[derive(serde::Deserialize)]
struct Params {
    neighbours: usize,
    shrinkage: f32,
    damping: f32,
    history: usize,
}

/// sim(a → b) = Σ_u x_ua x_ub / (n_a^d n_b^(1−d) + shrinkage), n the items' Σ x².
///
/// Counts co-occurrence.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Linked> {
    let p: Params = params::typed(given)?;
    let by_user = Pairs::by_user(data, p.history, ctx)?;
    let by_item = by_user.transpose(ctx)?;
    let _booked = ctx.budget.take(by_user.bytes() + by_item.bytes(), "the pairs of users and items")?;
    let n: Vec<f32> = (0..by_item.rows()).map(|i| by_item.row(i).map(|(_, x)| x * x).sum()).collect();
    let links = Links::build(
        data.items.len(),
        p.neighbours,
        ctx,
        |a, gather| {
            for (step, (u, xa)) in by_item.row(a.index()).enumerate() {
                look(step);
                by_user.row(u.index()).for_each(|(b, xb)| gather.add(b, xa * xb));
            }
        },
        |a, b, sum| sum / (n[a.index()].powf(p.damping) * n[b.index()].powf(1.0 - p.damping) + p.shrinkage),
    )?;
    Ok(Linked::new(links, given, USUAL_RECENCY))
}
