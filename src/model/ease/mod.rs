//! `ease`: the linear item → item model with a closed form (Steck 2019, "Embarrassingly shallow autoencoders for sparse data"). The best of
//! the simple models where order matters little; exact, no epochs. Its cost grows with the cube of the items; large catalogues are learned
//! item by item. (On two threads a fit to a million events takes 5.3 s with 10,000 items; item by item 4.9 with 50,000 and 8.4 with
//! 200,000.)

mod dense;
mod sparse;

use crate::base::number::AsReal;
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Context, Result};
use crate::dataset::{Interactions, Pairs};
use crate::model::linked::{Linked, RECENCY};
use crate::model::local_regression::products;
use crate::model::recommender::{Fitted, Kind};
use serde_json::{Map, Value};

/// Parameters of the kind.
const SPECS: &[Spec] = &[
    Spec::new(
        "regularization",
        ParamType::Number,
        "null",
        "λ, added to each item's count of users: higher trusts rare pairs less; null: chosen on held-out events up to 5000 items, else 100.",
    )
    .within(0.1, 1e7),
    Spec::new("links", ParamType::Integer, "1000", "Weights that are kept of each item, the largest ones.").within(1.0, 1e6),
    Spec::new(
        "candidates",
        ParamType::Integer,
        "null",
        "Items among which the weights towards each item are sought, those that go with it most; null: all, or 100 beyond 20000 items.",
    )
    .within(1.0, 5000.0),
    Spec::new("history", ParamType::Integer, "1000", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// The kind.
pub static KIND: Kind = Kind {
    auto: Some(|data| cost(data) <= AUTO_MOST),
    regularizations,
    ..Kind::usual(
        "ease",
        "Whole histories through a linear model with a closed form: strong where order matters little.",
        SPECS,
        |job| Ok(Fitted::new(fit(job.data, job.params, job.ctx)?, Vec::new())),
        |s| Ok(Box::new(Linked::from_tensors(s.items, s.tensors, s.params, USUAL_RECENCY)?)),
    )
};

/// What `auto` lets it cost ([`cost`]): as much as 16,000 items and more users take. (Training on 12,101 items and 22,363 users, 1.8e12,
/// takes 19 s on two cores.)
pub const AUTO_MOST: f64 = 4.1e12;

fn regularizations(items: usize) -> &'static [f32] {
    if items <= TRIED_UP_TO { &REGULARIZATIONS } else { &[] }
}

/// The recency where none is given or chosen.
pub const USUAL_RECENCY: f32 = 20.0;

/// λ where none is given or chosen.
const USUAL_REGULARIZATION: f32 = 100.0;
/// The λ that are tried.
/// (In trials with standard tools 100 was best on Amazon Beauty, 250 on MovieLens, 100 to 250 on Complete Journey.)
pub const REGULARIZATIONS: [f32; 3] = [100.0, 250.0, 500.0];
/// Beyond so many items an inverse for each of them would take too long.
pub const TRIED_UP_TO: usize = 5000;

/// Items (or, where they are fewer, users) up to which all weights are sought at once: as many numbers as their square fit 1.6 GB.
const MOST: usize = 20_000;
/// Candidates of each item beyond it. (Of events held out of training, recall@20 on Amazon Beauty is .1235 with them, .1228 with all items
/// at once; on MovieLens .2604, with all .2678.)
const USUAL_CANDIDATES: usize = 100;

#[derive(serde::Deserialize)]
struct Params {
    regularization: Option<f32>,
    links: usize,
    candidates: Option<usize>,
    history: usize,
}

/// Products of numbers that a fit takes, about.
pub fn cost(data: &Interactions) -> f64 {
    let (users, items) = (data.users.len(), data.items.len());
    if at_once(users, items, data.events().len()) {
        return dense_cost(users, items, data.events().len());
    }
    let pairs: f64 = data.offsets().windows(2).map(|o| ((o[1] - o[0]).real()).powi(2)).sum();
    // A pair is an addition wherever it may lie, worth some ten products that stand side by side.
    10.0 * pairs + items.real() * products(USUAL_CANDIDATES)
}

/// The cube of the smaller side, and by users an item's row of links for each pair.
fn dense_cost(users: usize, items: usize, pairs: usize) -> f64 {
    if users < items { users.real().powi(3) + items.real() * pairs.real() } else { items.real().powi(3) }
}

/// Whether all weights are sought at once, where nothing else is asked for.
fn at_once(users: usize, items: usize, pairs: usize) -> bool {
    let numbers = if users < items { users.saturating_mul(users.saturating_add(items)) } else { items.saturating_mul(items) };
    numbers <= MOST * MOST && dense_cost(users, items, pairs) <= MOST.real().powi(3)
}

/// B = −P / diag P off the diagonal, P = (XᵀX + λ)⁻¹ (Steck's eq. 8); a list is the history times B.
///
/// Where users are fewer than items, (XXᵀ + λ)⁻¹ = A has the same: P = (1 − XᵀAX) / λ, so B = XᵀAX / (1 − diag XᵀAX) off the diagonal.
///
/// Where neither side is small, each column of B is sought among the items that go with its own most ([`sparse`]).
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`], [`crate::base::Code::Data`] for a λ too small for the data.
pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Linked> {
    let p: Params = params::typed(given)?;
    let lambda = p.regularization.unwrap_or(USUAL_REGULARIZATION);
    let by_user = Pairs::by_user(data, p.history, ctx)?;
    let by_item = by_user.transpose(ctx)?;
    let _booked = ctx.budget.take(by_user.bytes() + by_item.bytes(), "the pairs of users and items")?;
    let (users, items) = (by_user.rows(), by_item.rows());
    let candidates = p.candidates.or_else(|| (!at_once(users, items, by_user.columns.len())).then_some(USUAL_CANDIDATES));
    let links = match candidates {
        Some(candidates) => sparse::fit(&by_user, &by_item, lambda, candidates, p.links, ctx)?,
        None if users < items => dense::by_users(&by_user, &by_item, lambda, p.links, ctx)?,
        None => dense::by_items(&by_user, &by_item, lambda, p.links, ctx)?,
    };
    Ok(Linked::new(links, given, USUAL_RECENCY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::{Column, EventColumns, Frame, IdKind, Values};
    use serde_json::json;

    /// `events` of `users` and `items`, each drawn alike: pairs by user and by item.
    pub(super) fn random(users: usize, items: usize, events: usize) -> (Pairs, Pairs) {
        let mut rng = crate::base::Rng::new(1);
        let (u, i) = (0..events).map(|_| (rng.below(users) as u32, rng.below(items) as u32)).unzip();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let by_user = Pairs::by_user(&interactions(u, i), 100, &ctx).unwrap();
        let by_item = by_user.transpose(&ctx).unwrap();
        (by_user, by_item)
    }

    fn interactions(u: Vec<u32>, i: Vec<u32>) -> Interactions {
        let levels: Vec<String> = (0..1 + *u.iter().chain(&i).max().unwrap()).map(|s| s.to_string()).collect();
        let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
        let frame = Frame::new(vec![column("u", u), column("i", i)]).unwrap();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let columns = EventColumns { user: "u".into(), item: "i".into(), ..EventColumns::default() };
        Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap().0
    }

    #[test]
    fn weights_are_those_of_the_closed_form() {
        // Three users: {0, 1}, {0, 1}, {1, 2}.
        let data = interactions(vec![0, 0, 1, 1, 2, 2], vec![0, 1, 0, 1, 1, 2]);
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let given = json!({"regularization": 1.0, "links": 3, "history": 10, "recency": null});
        let e = fit(&data, given.as_object().unwrap(), &ctx).unwrap();
        // G + 1 = [3 2 0; 2 4 1; 0 1 2]; its determinant is 13, its cofactors by hand: P = [7 −4 2; −4 6 −3; 2 −3 8] / 13.
        let weights = |i| e.links.of(i).collect::<Vec<_>>();
        let near =
            |a: &[(u32, f32)], b: &[(u32, f32)]| a.iter().zip(b).all(|(x, y)| x.0 == y.0 && (x.1 - y.1).abs() < 1e-3) && a.len() == b.len();
        assert!(near(&weights(0), &[(1, 4.0 / 6.0), (2, -2.0 / 8.0)]), "{:?}", weights(0));
        assert!(near(&weights(1), &[(0, 4.0 / 7.0), (2, 3.0 / 8.0)]), "{:?}", weights(1));
    }

    #[test]
    fn what_is_sought_at_once_is_bounded_by_the_smaller_side() {
        assert!(at_once(1_000_000, 20_000, 10_000_000) && !at_once(1_000_000, 20_001, 10));
        assert!(at_once(2_500, 68_000, 1_000_000) && !at_once(19_000, 20_000, 1_000_000) && !at_once(2_000, 190_000, 1 << 40));
        assert!(!at_once(usize::MAX, usize::MAX, 0));
    }
}
