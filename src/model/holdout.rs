//! Held-out events of recommenders: which they are, and how well a scorer finds them.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, rng::mix, zeros};
use crate::dataset::{Event, Interactions, Step};
use crate::kernel::topk::top_k;
use crate::metric::ranking::{Ranking, list_figures};
use crate::model::begins::Begins;
use crate::model::figures::Figures;
use crate::nn::Evaluation;

/// The latest step or steps of some users, taken out of the events that a model learns from: to be found from all that came before them.
///
/// Several steps of a user count as one, and are not found one after another, so that every list is made from a history that ends where
/// training's does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holdout {
    /// (user, the events of the step).
    users: Vec<(u32, Vec<Event>)>,
    /// Whether items that the user had before are to be found, too.
    repeats: bool,
}

/// What a user is asked by.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The events before those that are held out, oldest first.
    pub history: &'a [Event],
    /// When these were.
    pub now: i64,
    /// The events of items that are not to be listed.
    pub had: &'a [Event],
    /// The items to be found, ascending.
    pub relevant: &'a [u32],
}

/// What lists are measured on, and how.
#[derive(Clone, Copy)]
pub struct Lists<'a> {
    /// The events that are left after the split: the histories, and what is not to be listed.
    pub data: &'a Interactions,
    /// Items of a list.
    pub k: usize,
    /// One an item: the order of items with equal scores. One of 0 is not to be found.
    pub popularity: &'a [f32],
    /// Threads, memory, who stops.
    pub ctx: &'a Context<'a>,
}

/// How well several scorers find what was held out.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The figures of each.
    pub rankings: Vec<Ranking>,
    /// The NDCG of each for each user.
    pub ndcg: Figures,
}

/// The most users that a holdout has: beyond it the figures no longer sharpen, and evaluating costs a score of every item a user.
const MOST: usize = 10_000;
/// The most scores of an item for a user that evaluating costs: 10,000 users of 40,000 items, 1,000 of 400,000.
const SCORES: usize = 400_000_000;
/// Users below which figures are too rough to choose by: fewer give more than a step each, where their histories are long.
pub const ENOUGH: usize = 2_000;
/// The most steps that a user gives.
const STEPS: usize = 3;

impl Holdout {
    /// Splits off the last step of a `share` of the users with two or more (up to three, at most a quarter of a history, of users who are
    /// few). A user is chosen by a hash of its id, so that it stays chosen over all retrains, and two parts never share a user when `from
    /// .. from + share` do not overlap. With `repeats` items that the user had are to be found, too.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn split(data: &Interactions, step: Step, repeats: bool, from: f64, share: f64, ctx: &Context) -> Result<(Interactions, Self)> {
        Self::split_unseen(data, step, repeats, (from, share), &Begins::default(), ctx).map(|(rest, holdout, _)| (rest, holdout))
    }

    /// [`Holdout::split`] without the users whose step a version knew that was evaluated before, by what it tells; they come last.
    ///
    /// # Errors
    /// As [`Holdout::split`].
    pub fn split_unseen(
        data: &Interactions,
        step: Step,
        repeats: bool,
        (from, share): (f64, f64),
        begun: &Begins,
        ctx: &Context,
    ) -> Result<(Interactions, Self, Vec<u32>)> {
        let at = |u: u32| (mix(data.users.hash(u) ^ 0x9d2c_5680_ca28_7e13) >> 11) as f64 / (1u64 << 53).real();
        // A chosen user's hash is below its part's end: the cut takes the smallest, again the same ones night after night.
        let mut chosen: Vec<(f64, u32)> = (0..data.users.len() as u32)
            .map(|u| (at(u), u))
            .filter(|&(x, u)| x >= from && x < from + share && step.starts(data.history(u)).len() > 1)
            .collect();
        chosen.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        chosen.truncate((SCORES / data.items.len().max(1)).clamp(ENOUGH / 2, MOST));
        // Where the last step or steps of each begin; 0 for a user who was not chosen.
        let mut begins: Vec<usize> = zeros(data.users.len())?;
        let most = ENOUGH.div_ceil(chosen.len().max(1)).min(STEPS);
        let mut seen = Vec::new();
        chosen.retain(|&(_, u)| {
            let starts = step.starts(data.history(u));
            let begin = starts[starts.len() - (starts.len() / 4).clamp(1, most)];
            let knew = begun.knew(data.users.hash(u), data.history(u)[begin].time);
            if knew {
                seen.push(u);
            } else {
                begins[u.index()] = begin;
            }
            !knew
        });
        let rest = data.filter(ctx, |u, at, _| begins[u.index()] == 0 || at < begins[u.index()])?;
        let mut users: Vec<(u32, Vec<Event>)> = chosen.iter().map(|&(_, u)| (u, data.history(u)[begins[u.index()]..].to_vec())).collect();
        users.sort_by_key(|h| h.0);
        Ok((rest, Self { users, repeats }, seen))
    }

    /// The users, each with the events of its last step or steps, oldest first.
    pub fn users(&self) -> &[(u32, Vec<Event>)] {
        &self.users
    }

    /// Whether nothing was held out.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// How well `score(history, now, out)` finds the held-out items among those that the user has not had (all, with repeats), in lists of
    /// `k`. A held-out item that is not to be found, or that no event is left of, counts as
    /// ranking.py counts it: not at all.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn measure(&self, lists: &Lists<'_>, score: impl Fn(&[Event], i64, &mut [f32]) + Sync + Send) -> Result<Ranking> {
        let one = |history: &[Event], now: i64, outs: &mut [Vec<f32>]| score(history, now, &mut outs[0]);
        let measured = self.measure_each(lists, 1, one)?;
        Ok(measured.rankings.into_iter().next().unwrap_or_else(|| Ranking::new(lists.k, lists.data.items.len())))
    }

    /// [`Holdout::measure`] of `n` scorers on the same users, and the NDCG of each for each user: `score(history, now, outs)` fills one
    /// list of scores for each.
    ///
    /// # Errors
    /// As [`Holdout::measure`].
    pub fn measure_each(
        &self,
        lists: &Lists<'_>,
        n: usize,
        score: impl Fn(&[Event], i64, &mut [Vec<f32>]) + Sync + Send,
    ) -> Result<Measured> {
        let _booked = lists.ctx.budget.take(self.users.len().saturating_mul(n * 4), "the figures of each user")?;
        let start = (vec![Ranking::new(lists.k, lists.data.items.len()); n], Vec::new());
        let add = |(rankings, ndcg): &mut (Vec<Ranking>, Vec<f32>), i: usize, top: &[u32], relevant: &[u32]| {
            ndcg.push(rankings[i].add(top, relevant).map_or(0.0, |f| f.ndcg.single()));
        };
        let (mut rankings, mut values) = start.clone();
        for (part, ndcg) in self.walk(lists, n, &start, score, add)? {
            rankings.iter_mut().zip(&part).for_each(|(all, part)| all.merge(part));
            values.extend(ndcg);
        }
        Ok(Measured { rankings, ndcg: Figures { n, values } })
    }

    /// What a network that learns is evaluated by: the NDCG of its lists of `k`, in the order of `popularity` where `score(history, out)`
    /// knows nothing.
    ///
    /// # Errors
    /// As [`Holdout::measure`].
    pub fn evaluation(&self, lists: &Lists<'_>, score: impl Fn(&[Event], &mut [f32]) -> bool + Sync + Send) -> Result<Evaluation> {
        let figures = self.measure(lists, |history, _, out| {
            if !score(history, out) {
                out.copy_from_slice(lists.popularity);
            }
        })?;
        let ndcg = figures.means().map_or(0.0, |m| m.ndcg);
        Ok(Evaluation { loss: 1.0 - ndcg, metric: Some((format!("ndcg@{}", lists.k), ndcg)) })
    }

    /// The NDCG alone of [`Holdout::measure_each`], for so many scorers that a [`Ranking`] of each for every run of users would be too
    /// much.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn compare(&self, lists: &Lists<'_>, n: usize, score: impl Fn(&[Event], i64, &mut [Vec<f32>]) + Sync + Send) -> Result<Figures> {
        let _booked = lists.ctx.budget.take(self.users.len().saturating_mul(n * 4), "the figures of each user")?;
        let add = |values: &mut Vec<f32>, _: usize, top: &[u32], relevant: &[u32]| {
            values.push(list_figures(top, relevant, lists.k).map_or(0.0, |f| f.ndcg.single()));
        };
        Ok(Figures { n, values: self.walk(lists, n, &Vec::new(), score, add)?.concat() })
    }

    /// Calls `add(state, scorer, list, relevant items)` for each user and scorer, with one state, a copy of `start`, for a run of users;
    /// the states in order.
    fn walk<S: Clone + Send + Sync>(
        &self,
        lists: &Lists<'_>,
        n: usize,
        start: &S,
        score: impl Fn(&[Event], i64, &mut [Vec<f32>]) + Sync + Send,
        add: impl Fn(&mut S, usize, &[u32], &[u32]) + Sync + Send,
    ) -> Result<Vec<S>> {
        let Lists { data, k, popularity, ctx } = *lists;
        let items = data.items.len();
        let _booked = ctx.budget.take(items.saturating_mul(4 * (n + 4) * ctx.pool.threads()), "scores of all items")?;
        let room = || (0..n).map(|_| zeros(items)).collect::<Result<Vec<Vec<f32>>>>();
        self.each_user(lists, start, room, |state, outs, asked| {
            score(asked.history, asked.now, outs);
            for (i, out) in outs.iter_mut().enumerate() {
                asked.had.iter().for_each(|e| out[e.item.index()] = f32::NEG_INFINITY);
                add(state, i, &top_k(out, k, Some(popularity)), asked.relevant);
            }
        })
    }

    /// Calls `f(state, room, user)` for each user who has something to be found, with one state, a copy of `start`, and one `room` for a
    /// run of users; the states in order.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`]; those of `room`.
    pub fn each_user<S: Clone + Send + Sync, R>(
        &self,
        lists: &Lists<'_>,
        start: &S,
        room: impl Fn() -> Result<R> + Sync + Send,
        f: impl Fn(&mut S, &mut R, &Asked<'_>) + Sync + Send,
    ) -> Result<Vec<S>> {
        const STEP: usize = 64;
        let Lists { data, popularity, ctx, .. } = *lists;
        let mut parts: Vec<Result<S>> = self.users.chunks(STEP).map(|_| Ok(start.clone())).collect();
        let run = |p: usize| -> Result<S> {
            let (mut state, mut room) = (start.clone(), room()?);
            for (user, events) in &self.users[p * STEP..((p + 1) * STEP).min(self.users.len())] {
                ctx.check()?;
                let history = data.history(*user);
                let found = |i: u32| popularity[i.index()] > 0.0 && (self.repeats || history.iter().all(|e| e.item != i));
                let mut relevant: Vec<u32> = events.iter().map(|e| e.item).filter(|&i| found(i)).collect();
                relevant.sort_unstable();
                relevant.dedup();
                if relevant.is_empty() {
                    continue;
                }
                let had = if self.repeats { &[] } else { history };
                f(&mut state, &mut room, &Asked { history, now: events[0].time, had, relevant: &relevant });
            }
            Ok(state)
        };
        ctx.pool.each_mut(&mut parts, |p, part| *part = run(p));
        parts.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::{Column, EventColumns, Frame, IdKind, Values};

    /// `users` who had the items 0 .. 8 one after another; the item is the time in hours, two of them an hour.
    fn events(users: usize) -> Interactions {
        let levels: Vec<String> = (0..users.max(8)).map(|i| format!("{i}")).collect();
        let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
        let frame = Frame::new(vec![
            column("u", (0..users * 8).map(|r| (r / 8) as u32).collect()),
            column("i", (0..users * 8).map(|r| (r % 8) as u32).collect()),
            Column {
                name: "t".into(),
                values: Values::Time((0..users * 8).map(|r| (r % 8 / 2 * 60 + r % 2) as i64 * 60_000_000).collect()),
            },
        ])
        .unwrap();
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
        Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap().0
    }

    #[test]
    fn the_last_steps_are_found_from_what_came_before() {
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let popularity = vec![1.0; 8];
        let nothing = events(1);
        let lists = Lists { data: &nothing, k: 1, popularity: &popularity, ctx: &ctx };
        // The first names the item after the last one; the second always item 6.
        let found = |users: usize, step: Step, whole: bool| {
            let data = events(users);
            let (rest, holdout) = Holdout::split(&data, step, false, 0.0, 1.0, &ctx).unwrap();
            let name = |history: &[Event], now: i64, outs: &mut [Vec<f32>]| {
                assert!(history.iter().all(|e| e.time <= now));
                outs.iter_mut().for_each(|o| o.fill(f32::NEG_INFINITY));
                outs[0][history.len() % 8] = 1.0;
                outs[1][6] = 1.0;
            };
            let left = if whole { &data } else { &rest };
            let figures = holdout.compare(&Lists { data: left, ..lists }, 2, name).unwrap();
            let six = |_: &[Event], _: i64, out: &mut [f32]| {
                out.fill(f32::NEG_INFINITY);
                out[6] = 1.0;
            };
            let one = holdout.measure(&Lists { data: left, ..lists }, six).unwrap();
            (figures.users(), figures.means(), one.means().map(|m| (m.users as usize, m.recall)))
        };
        assert_eq!(found(ENOUGH, Step::Event, false), (ENOUGH, vec![1.0, 0.0], Some((ENOUGH, 0.0))));
        // Few users give two steps of eight; a session is two events anyway. Either is half of what is relevant, and a perfect list of one.
        assert_eq!(found(20, Step::Event, false), (20, vec![1.0, 1.0], Some((20, 0.5))));
        assert_eq!(found(ENOUGH, Step::Session, false), (ENOUGH, vec![1.0, 1.0], Some((ENOUGH, 0.5))));
        // What is in the history cannot be found.
        assert_eq!(found(20, Step::Event, true), (0, vec![0.0, 0.0], None));
        // But where users have items again.
        let data = events(20);
        let (_, holdout) = Holdout::split(&data, Step::Event, true, 0.0, 1.0, &ctx).unwrap();
        let figures = holdout
            .measure(&Lists { data: &data, ..lists }, |_, _, out| out.copy_from_slice(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0]))
            .unwrap();
        assert_eq!(figures.means().map(|m| (m.users, m.recall)), Some((20, 0.5)));
    }

    #[test]
    fn parts_share_no_user_and_a_session_goes_as_one() {
        let data = events(400);
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let (rest, evaluate) = Holdout::split(&data, Step::Session, false, 0.0, 0.3, &ctx).unwrap();
        let (_, tune) = Holdout::split(&rest, Step::Session, false, 0.3, 0.7, &ctx).unwrap();
        assert!(evaluate.users.iter().all(|a| tune.users.iter().all(|b| a.0 != b.0)));
        assert_eq!(evaluate.users.len() + tune.users.len(), 400);
        assert_eq!(Step::of(&data), Step::Session);
        assert!(evaluate.users.iter().chain(&tune.users).all(|(_, events)| events.len() == 2 && events[0].item == 6));
        // Nobody with one step gives it.
        let one = data.filter(&ctx, |_, at, _| at < 2).unwrap();
        assert!(Holdout::split(&one, Step::Session, false, 0.0, 1.0, &ctx).unwrap().1.is_empty());
    }
}
