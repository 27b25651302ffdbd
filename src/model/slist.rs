//! `slist`: the linear model of sessions with a closed form (Choi et al. 2021, "Session-aware linear item-item models for session-based
//! recommendation", SLIST): what goes together in a session, whatever the order, and what comes after what, in one regression.
//!
//! Each item's weights are sought among the items that lead to it most ([`crate::model::local_regression`]), so that the square of the items
//! is never held. Without the paper's bound on the diagonal: that an item is had again is learned as all else.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Result, memory, zeros};
use crate::dataset::Event;
use crate::model::gather::strongest;
use crate::model::linked::{Linked, RECENCY};
use crate::model::links::Links;
use crate::model::local_regression::{KNOWN, Regressions};
use crate::model::recommender::{Fitted, Job, Kind};
use crate::model::{auto_candidates, sessions};

/// Parameters of the kind. (Of sessions of Tmall held out of training, cut at a place drawn evenly, hit@20 and MRR@20 by these are .504 and
/// .319; with `together` 1 and 30 for λ .503 and .314, with 100 candidates more the same, with λ of 3 .492 and .319.)
const SPECS: &[Spec] = &[
    Spec::new("together", ParamType::Number, "0.8", "Share of what goes together in a session; the rest is what comes after what.")
        .within(0.01, 1.0),
    Spec::new("distance", ParamType::Number, "1", "Events before or after a moment at which one counts 1/e for what comes after what.")
        .within(0.1, 1000.0),
    Spec::new("regularization", ParamType::Number, "10", "λ, added to each item's count of sessions: higher trusts rare pairs less.")
        .within(0.1, 1e7),
    Spec::new(
        "candidates",
        ParamType::Integer,
        "100",
        "Items among which the weights towards each are sought, those that lead to it most.",
    )
    .within(1.0, 5000.0),
    Spec::new("links", ParamType::Integer, "1000", "Weights that are kept of each item, the largest ones.").within(1.0, 1e6),
    sessions::LATEST,
    sessions::LENGTH,
    RECENCY,
];

#[derive(Debug, Clone, serde::Deserialize)]
struct Params {
    together: f32,
    distance: f32,
    regularization: f32,
    candidates: usize,
    links: usize,
    sessions: usize,
    length: usize,
}

/// The recency where none is given or chosen.
const USUAL_RECENCY: f32 = 30.0;

/// The kind.
pub static KIND: Kind = Kind {
    auto: Some(auto_candidates::for_sessions),
    ..Kind::usual(
        "slist",
        "Short visits of many, by a linear model with a closed form.",
        SPECS,
        |job| Ok(Fitted::new(fit(job)?, Vec::new())),
        |s| Ok(Box::new(Linked::from_tensors(s.items, s.tensors, s.params, USUAL_RECENCY)?)),
    )
};

/// The sessions, cut to what counts of them, one after another, and where each item occurs.
struct Sessions {
    /// Each event's item, and whether it is the first of that item in its session.
    events: Vec<(u32, bool)>,
    /// Where the occurrences of each item begin.
    offsets: Vec<usize>,
    /// Each with the bounds of its session.
    occurrences: Vec<Occurrence>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Occurrence {
    start: usize,
    at: usize,
    end: usize,
}

/// What pairs of events add to the elements of SᵀS and SᵀT. Every moment of a session but its ends is one row of S and T: S holds each event
/// before it by exp(−events between / distance), T each one after it alike.
struct Weigh {
    /// exp(−n / distance).
    fade: Vec<f32>,
    /// Σ of fade² over the first n.
    squares: Vec<f32>,
    together: f32,
}

impl Sessions {
    fn of(job: &Job<'_>, p: &Params) -> Result<Self> {
        let breaks = sessions::tell(job.data, job.ctx)?;
        let latest = sessions::latest(job.data, breaks, p.sessions, job.ctx)?;
        let cut = || latest.iter().map(|(_, s)| &s[s.len().saturating_sub(p.length)..]);
        let (mut offsets, mut events): (Vec<usize>, Vec<(u32, bool)>) = (zeros(job.data.items.len() + 1)?, Vec::new());
        let mut occurrences: Vec<Occurrence> = Vec::new();
        let all = cut().map(<[Event]>::len).sum();
        memory::reserve(&mut events, all)?;
        memory::reserve(&mut occurrences, all)?;
        occurrences.resize(all, Occurrence::default());
        cut().flatten().looking().for_each(|e| offsets[e.item.index() + 1] += 1);
        (1..offsets.len()).for_each(|i| offsets[i] += offsets[i - 1]);
        let mut next = offsets.clone();
        for (session, step) in cut().zip(0..) {
            job.ctx.check_at(step)?;
            let (start, end) = (events.len(), events.len() + session.len());
            for (at, e) in (start..end).zip(session) {
                let next = &mut next[e.item.index()];
                // The occurrence before it, where that is one of the same item.
                let first = *next == offsets[e.item.index()] || occurrences[*next - 1].start != start;
                events.push((e.item, first));
                occurrences[*next] = Occurrence { start, at, end };
                *next += 1;
            }
        }
        Ok(Self { events, offsets, occurrences })
    }

    fn of_item(&self, item: u32) -> impl Iterator<Item = &Occurrence> {
        self.occurrences[self.offsets[item.index()]..self.offsets[item.index() + 1]].iter().looking()
    }
}

impl Weigh {
    fn new(p: &Params) -> Result<Self> {
        let (mut fade, mut squares) = (zeros(p.length)?, zeros(p.length)?);
        for n in 0..p.length {
            fade[n] = (-n.single() / p.distance).exp();
            squares[n] = if n == 0 { 0.0 } else { squares[n - 1] + fade[n - 1] * fade[n - 1] };
        }
        Ok(Self { fade, squares, together: p.together })
    }

    /// What the items of two events of a session, the first of their items there or not, have in common as what is together.
    fn together(&self, both_first: bool) -> f32 {
        if both_first { self.together } else { 0.0 }
    }

    /// What the occurrence `o` and each event of its session add to the row of SᵀS of its item.
    fn known<'s>(&'s self, all: &'s Sessions, o: &'s Occurrence) -> impl Iterator<Item = (u32, f32)> {
        (o.start..o.end).map(|b| {
            // Of the moments after both, from the one right after the later event on.
            let moments = self.fade[o.at.abs_diff(b)] * self.squares[o.end - 1 - o.at.max(b)];
            let (item, first) = all.events[b];
            (item, self.together(first && all.events[o.at].1) + (1.0 - self.together) * moments)
        })
    }

    /// What they add to the column of SᵀT of its item.
    fn towards<'s>(&'s self, all: &'s Sessions, o: &'s Occurrence) -> impl Iterator<Item = (u32, f32)> {
        (o.start..o.end).map(|a| {
            // Wherever the moment lies between the two, what lies between them lies on one of its sides.
            let n = o.at.saturating_sub(a);
            let moments = if n > 0 { n.single() * self.fade[n - 1] } else { 0.0 };
            let (item, first) = all.events[a];
            (item, self.together(first && all.events[o.at].1) + (1.0 - self.together) * moments)
        })
    }
}

/// B = (SᵀS + λ)⁻¹ SᵀT; a list is the history, by [`RECENCY`], times B.
fn fit(job: &Job<'_>) -> Result<Linked> {
    let Job { data, params: given, ctx, .. } = *job;
    let p: Params = params::typed(given)?;
    let (n, lambda) = (data.items.len(), p.regularization);
    let _booked = ctx.budget.take(data.events().len().saturating_mul(48).saturating_add(n * 20), "sessions and where items occur")?;
    let (all, weigh) = (Sessions::of(job, &p)?, Weigh::new(&p)?);
    let mut own: Vec<f32> = zeros(n)?;
    let itself = |a: u32| all.of_item(a).flat_map(|o| weigh.known(&all, o)).filter(|(b, _)| *b == a).map(|(_, w)| w).sum();
    ctx.pool.each_mut(&mut own, |a, own| *own = itself(a as u32));
    let candidates = p.candidates.min(n);
    // What nobody had before anything else tells of nothing.
    let alone = |a: u32, sum: f32| if own[a.index()] > 0.0 { sum / (own[a.index()] + lambda) } else { 0.0 };
    let square = strongest(
        n,
        KNOWN.saturating_mul(candidates),
        "the pairs of items",
        ctx,
        |a, gather| all.of_item(a).flat_map(|o| weigh.known(&all, o)).for_each(|(b, w)| gather.add(b, w)),
        |a, b, sum| if a == b { 0.0 } else { alone(b, sum) },
        |w| w,
    )?;
    // Twice, and to the end: what was gathered in parts and then joined, the allocator keeps.
    let _square = ctx.budget.take(square.bytes() * 2, "the pairs of items")?;
    let towards = strongest(
        n,
        candidates,
        "what leads to the items",
        ctx,
        |b, gather| all.of_item(b).flat_map(|o| weigh.towards(&all, o)).for_each(|(a, w)| gather.add(a, w)),
        |_, a, sum| alone(a, sum),
        |w| w,
    )?;
    let _towards = ctx.budget.take(towards.bytes() * 2, "what leads to the items")?;
    let from = Regressions { square: &square, towards: &towards, candidates, own: &own, lambda }.solved(ctx)?;
    drop((square, towards));
    let _weights = ctx.budget.take(from.bytes(), "the weights of the items")?;
    let links = Links::build_with_own(n, p.links, ctx, |a, gather| from.add_row(a, gather), |_, _, w| w)?;
    Ok(Linked::new(links, given, USUAL_RECENCY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Code, Context, Pool, Quiet};
    use crate::dataset::Interactions;
    use crate::model::test_events::{sessions, with};
    use serde_json::{Value, json};

    fn given(more: &Value) -> serde_json::Map<String, Value> {
        params::resolve(KIND.name, SPECS, more).unwrap()
    }

    fn links(data: &Interactions, more: &Value, threads: usize) -> Links {
        with(threads, |ctx| fit(&Job::alone(data, &given(more), None, ctx))).unwrap().links
    }

    /// (SᵀS + λ)⁻¹ SᵀT with both written out, by elimination.
    fn exact(of: &[&[u32]], n: usize, [together, distance, lambda]: [f64; 3]) -> Vec<f64> {
        let (mut square, mut right) = (vec![0.0; n * n], vec![0.0; n * n]);
        let mut rows: Vec<[Vec<f64>; 2]> = Vec::new();
        for session in of {
            let mut whole = vec![0.0; n];
            session.iter().for_each(|i| whole[*i as usize] = together.sqrt());
            rows.push([whole.clone(), whole]);
            for moment in 1..session.len() {
                let [mut before, mut after] = [vec![0.0; n], vec![0.0; n]];
                let weight = |d: usize| (1.0 - together).sqrt() * (-(d as f64) / distance).exp();
                (0..moment).for_each(|p| before[session[p] as usize] += weight(moment - 1 - p));
                (moment..session.len()).for_each(|p| after[session[p] as usize] += weight(p - moment));
                rows.push([before, after]);
            }
        }
        for [s, t] in &rows {
            for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))) {
                square[a * n + b] += s[a] * s[b];
                right[a * n + b] += s[a] * t[b];
            }
        }
        (0..n).for_each(|a| square[a * n + a] += lambda);
        for k in 0..n {
            let pivot = square[k * n + k];
            for a in (0..n).filter(|a| *a != k) {
                let by = square[a * n + k] / pivot;
                (0..n).for_each(|b| square[a * n + b] -= by * square[k * n + b]);
                (0..n).for_each(|b| right[a * n + b] -= by * right[k * n + b]);
            }
        }
        (0..n * n).map(|at| right[at] / square[at / n * n + at / n]).collect()
    }

    #[test]
    fn weights_are_those_of_the_closed_form() {
        let of: &[&[u32]] = &[&[0, 1, 2, 1], &[1, 0, 3], &[2, 3, 3, 0, 4], &[4, 4], &[1, 2, 0, 4, 3], &[2]];
        for settings in [[0.5, 1.0, 2.0], [1.0, 1.0, 0.5], [0.1, 3.0, 1.0]] {
            let expected = exact(of, 5, settings);
            let [together, distance, regularization] = settings;
            let more = json!({"together": together, "distance": distance, "regularization": regularization});
            let links = links(&sessions(of, 5), &more, 2);
            for a in 0..5 {
                let mut row = [0.0; 5];
                links.of(a).for_each(|(b, w)| row[b as usize] = f64::from(w));
                for (got, expected) in row.iter().zip(&expected[a as usize * 5..]) {
                    assert!((got - expected).abs() < 2e-3, "{settings:?}, {a}: {row:?}, {expected:?}");
                }
            }
            // What is had again is no likeness of others.
            let mut alike = [9.0; 5];
            assert!(links.similar(4, &mut alike) && alike[4] == 0.0);
        }
    }

    #[test]
    fn long_and_many_sessions_are_cut_whatever_the_threads() {
        let long: Vec<u32> = (0..30).collect();
        let data = sessions(&[&[31, 30], &long, &[30, 31]], 32);
        // The latest two events of the long one.
        let cut = links(&data, &json!({"length": 2}), 1);
        assert_eq!((cut.of(27).count(), cut.of(28).map(|l| l.0).collect::<Vec<_>>()), (0, vec![29, 28]));
        assert_eq!(cut, links(&data, &json!({"length": 2}), 3));
        // The latest session alone leads from 30 to 31 more than back.
        let latest = links(&data, &json!({"sessions": 1, "together": 0.01}), 1);
        let towards = |a: u32, b: u32| latest.of(a).find(|l| l.0 == b).map_or(0.0, |l| l.1);
        assert!(towards(30, 31) > 2.0 * towards(31, 30) && latest.of(28).next().is_none());
        let few = links(&data, &json!({"candidates": 1, "links": 1}), 1);
        assert!((0..32).all(|a| few.of(a).count() <= 1) && few.count() > 20);
    }

    #[test]
    fn memory_is_bounded() {
        let long: Vec<u32> = (0..40).collect();
        let data = sessions(&[&long[..]; 20], 40);
        let (pool, given) = (Pool::single(), given(&json!({})));
        for bytes in [1_000, 45_000, 90_000] {
            let budget = Budget::new(bytes);
            let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
            assert_eq!(fit(&Job::alone(&data, &given, None, &ctx)).unwrap_err().code, Code::OutOfMemory, "{bytes}");
        }
    }
}
