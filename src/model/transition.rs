//! `transition`: which item follows which. Pairs in a user's history count by the distance between them, forward and a share backward; a
//! list is made from the last events. Trains in seconds; where what comes next depends on what came last it is the strongest simple model.

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Context, Result, memory, zeros};
use crate::dataset::Interactions;
use crate::model::gather::look;
use crate::model::linked::{Linked, RECENCY};
use crate::model::links::Links;
use crate::model::recommender::{Fitted, Kind};
use serde_json::{Map, Value};

/// Parameters of the kind. (Found in a trial with standard tools: .126 of Amazon Beauty's last events are in lists of 20, NDCG@20 .070, in
/// less than a second; EASE finds .108 and .051. This kind finds .126 and .070, too.)
const SPECS: &[Spec] = &[
    Spec::new("window", ParamType::Integer, "30", "Events apart that still make a pair.").within(1.0, 10_000.0),
    Spec::new("distance", ParamType::Number, "10", "Events apart at which a pair counts 1/e.").within(0.1, 1e6),
    Spec::new("backward", ParamType::Number, "0.3", "What a pair counts against the order of time.").within(0.0, 1.0),
    Spec::new("damping", ParamType::Number, "0.6", "Exponent of the history item's count of events; the other item has 1 minus it.")
        .within(0.0, 1.0),
    Spec::new("shrinkage", ParamType::Number, "20", "Added below the fraction: links seen rarely count less.").within(0.0, 1e6),
    Spec::new("neighbours", ParamType::Integer, "500", "Links that are kept of each item.").within(1.0, 100_000.0),
    RECENCY,
];

/// The kind.
pub static KIND: Kind = Kind {
    auto: Some(|_| true),
    ..Kind::usual(
        "transition",
        "What follows what: next purchases, sessions.",
        SPECS,
        |job| Ok(Fitted::new(fit(job.data, job.params, job.ctx)?, Vec::new())),
        |s| Ok(Box::new(Linked::from_tensors(s.items, s.tensors, s.params, USUAL_RECENCY)?)),
    )
};

/// The recency where none is given or chosen.
pub const USUAL_RECENCY: f32 = 2.0;

#[derive(serde::Deserialize)]
struct Params {
    window: usize,
    distance: f32,
    backward: f32,
    damping: f32,
    shrinkage: f32,
    neighbours: usize,
}

/// t(a → b) = Σ over pairs of exp(−distance / δ) (× `backward` where b came first) / (n_a^d n_b^(1−d) + shrinkage), n the items' counts of
/// events.
///
/// Counts the pairs.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Linked> {
    let p: Params = params::typed(given)?;
    let (items, events, heaviest) = (data.items.len(), data.events(), data.heaviest());
    let _booked = ctx.budget.take(events.len() * 16 + items * 16, "where each item occurs")?;
    // Every event's place, item after item, with the bounds of its user's history.
    let mut offsets: Vec<usize> = zeros(items + 1)?;
    events.iter().for_each(|e| offsets[e.item.index() + 1] += 1);
    (1..offsets.len()).for_each(|i| offsets[i] += offsets[i - 1]);
    let mut next = offsets.clone();
    let mut places: Vec<(usize, u32)> = Vec::new();
    memory::reserve(&mut places, events.len())?;
    places.resize(events.len(), (0, 0));
    let mut n: Vec<f32> = zeros(items)?;
    for u in 0..data.users.len() as u32 {
        ctx.check_at(u.index())?;
        let start = data.offsets()[u.index()];
        for (at, e) in data.history(u).iter().enumerate() {
            let i = e.item.index();
            places[next[i]] = (start + at, u);
            next[i] += 1;
            n[i] += e.weight / heaviest;
        }
    }
    let fade: Vec<f32> = (0..=p.window).map(|d| (-d.single() / p.distance).exp()).collect();
    let links = Links::build(
        items,
        p.neighbours,
        ctx,
        |a, gather| {
            for (step, &(at, u)) in places[offsets[a.index()]..offsets[a.index() + 1]].iter().enumerate() {
                look(step);
                let own = events[at].weight / heaviest;
                let (start, end) = (data.offsets()[u.index()], data.offsets()[u.index() + 1]);
                for (d, e) in events[at + 1..end.min(at + 1 + p.window)].iter().enumerate() {
                    gather.add(e.item, own * e.weight / heaviest * fade[d + 1]);
                }
                if p.backward > 0.0 {
                    for (d, e) in events[at.saturating_sub(p.window).max(start)..at].iter().rev().enumerate() {
                        gather.add(e.item, p.backward * own * e.weight / heaviest * fade[d + 1]);
                    }
                }
            }
        },
        |a, b, sum| sum / (n[a.index()].powf(p.damping) * n[b.index()].powf(1.0 - p.damping) + p.shrinkage),
    )?;
    Ok(Linked::new(links, given, USUAL_RECENCY))
}
