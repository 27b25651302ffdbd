//! Held-out events of recommenders: which they are, and how well a scorer finds them.

use crate::base::{Context, Result, rng::mix, zeros};
use crate::dataset::{Event, Interactions};
use crate::kernel::topk::top_k;
use crate::metric::ranking::Ranking;

/// Some users' last event each, taken out of the events that a model learns from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Held {
    /// (user, the event).
    pub events: Vec<(u32, Event)>,
}

/// The most users that a holdout has: beyond it the figures no longer sharpen, and judging costs a score of every item a user.
const MOST: usize = 10_000;

impl Held {
    /// Splits off the last event of a `share` of the users with two or more. A user is chosen by a hash of its id and `part`, so that it stays chosen over
    /// all retrains, and two parts never share a user when `from .. from + share` do not overlap.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn split(data: &Interactions, from: f64, share: f64) -> Result<(Interactions, Self)> {
        let at = |u: u32| (mix(data.users.hash(u) ^ 0x9d2c_5680_ca28_7e13) >> 11) as f64 / (1u64 << 53) as f64;
        // A chosen user's hash is below its part's end: the cut at MOST takes the smallest, again the same ones night after night.
        let mut chosen: Vec<(f64, u32)> = (0..data.users.len() as u32)
            .filter(|&u| data.history(u).len() > 1)
            .map(|u| (at(u), u))
            .filter(|(x, _)| *x >= from && *x < from + share)
            .collect();
        chosen.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        chosen.truncate(MOST);
        let mut is: Vec<bool> = zeros(data.users.len())?;
        chosen.iter().for_each(|&(_, u)| is[u as usize] = true);
        let last = |u: u32| data.history(u).len() - 1;
        let rest = data.filter(|u, at, _| !is[u as usize] || at != last(u))?;
        let mut events: Vec<(u32, Event)> = chosen.iter().map(|&(_, u)| (u, data.history(u)[last(u)])).collect();
        events.sort_by_key(|e| e.0);
        Ok((rest, Self { events }))
    }

    /// How well `score(history, now, out)` finds the held-out items among those that the user has not had, in lists of `k`. `data` is what is left after the
    /// split. A held-out item that the user had before, or that no event is left of, counts as ranking.py counts it: not at all.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn measure(
        &self,
        data: &Interactions,
        k: usize,
        tie: &[f32],
        ctx: &Context,
        score: impl Fn(&[Event], i64, &mut [f32]) + Sync + Send,
    ) -> Result<Ranking> {
        let items = data.items.len();
        const STEP: usize = 64;
        let mut parts: Vec<Result<Ranking>> = self.events.chunks(STEP).map(|_| Ok(Ranking::new(k, items))).collect();
        let run = |p: usize| -> Result<Ranking> {
            let mut sums = Ranking::new(k, items);
            let mut out: Vec<f32> = zeros(items)?;
            for (u, held) in &self.events[p * STEP..((p + 1) * STEP).min(self.events.len())] {
                ctx.check()?;
                let history = data.history(*u);
                if tie[held.item as usize] <= 0.0 || history.iter().any(|e| e.item == held.item) {
                    continue;
                }
                score(history, held.time, &mut out);
                history.iter().for_each(|e| out[e.item as usize] = f32::NEG_INFINITY);
                sums.add(&top_k(&out, k, Some(tie)), &[held.item]);
            }
            Ok(sums)
        };
        ctx.pool.each_mut(&mut parts, |p, part| *part = run(p));
        let mut all = Ranking::new(k, items);
        for part in parts {
            all.merge(&part?);
        }
        Ok(all)
    }
}
