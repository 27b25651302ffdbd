//! A recommender evaluated on events that it has not seen: each user's list against what the user had next.

use crate::base::number::AsIndex;
use crate::base::{Context, Result, Tensor, zeros};
use crate::dataset::{Event, Id, Interactions, Step};
use crate::kernel::topk::top_k;
use crate::metric::lists::{ListFigure, Lists};
use crate::model::holdout::Holdout;
use crate::model::popularity::Popularity;
use crate::serve::recommender::Recommender;
use crate::train::MetricRow;
use crate::train::verdict::Incumbent;
use serde_json::Value;

/// One user: what was known of it, and what came next.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Who.
    user: Id,
    /// Events that the model knows, oldest first.
    history: Vec<Event>,
    /// As of when the list is made, microseconds since 2000-01-01.
    now: i64,
    /// Indices of the items to be found; those that the model does not know have indices that no list shows.
    relevant: Vec<u32>,
}

impl Case {
    /// `user` with `history` (oldest first, item indices of `model`), who had the items `next` from `now` on. An item of the history is not
    /// to be found again but with `repeats`; one that the model does not know cannot be, and counts as missed. None where nothing is to be
    /// found.
    pub fn new(user: Id, history: Vec<Event>, next: &[Id], now: i64, model: &Recommender, repeats: bool) -> Option<Self> {
        let mut unknown = u32::MAX;
        let mut index = |id: &Id| {
            model.items().find(id).unwrap_or_else(|| {
                unknown -= 1;
                unknown
            })
        };
        let mut relevant: Vec<u32> = next.iter().map(&mut index).filter(|i| repeats || history.iter().all(|e| e.item != *i)).collect();
        relevant.sort_unstable();
        relevant.dedup();
        (!relevant.is_empty()).then_some(Self { user, history, now, relevant })
    }

    /// `user` as of `now`, of whom nothing is known that came later: there is a list to see, but none to evaluate.
    pub fn open(user: Id, history: Vec<Event>, now: i64) -> Self {
        Self { user, history, now, relevant: Vec::new() }
    }

    /// The user.
    pub fn user(&self) -> &Id {
        &self.user
    }

    /// The events that the list is made from, oldest first.
    pub fn history(&self) -> &[Event] {
        &self.history
    }

    /// As of when the list is made.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Indices of the items to be found, beyond the model's items for those that it does not know.
    pub fn relevant(&self) -> &[u32] {
        &self.relevant
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.history.len() * size_of::<Event>() + self.relevant.len() * 4 + size_of::<Self>()
    }
}

/// Users of a step of a thread: fixed, so that sums do not depend on how many threads there are.
const STEP: usize = 256;

/// The lists of `k` of the model for all cases, and those of popularity; with `repeats` they may hold items of the history.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn lists(model: &Recommender, cases: &[Case], repeats: bool, k: usize, ctx: &Context) -> Result<[Lists; 2]> {
    let items = model.items().len();
    let _booked = ctx.budget.take(items.saturating_mul(16 * (ctx.pool.threads() + cases.len().div_ceil(STEP))), "scores of all items")?;
    let popularity = model.popularity();
    let total: f64 = popularity.iter().map(|p| f64::from(*p)).sum();
    let surprise: Vec<f32> = popularity.iter().map(|p| (total.max(1.0) / f64::from(p.max(1.0))).log2() as f32).collect();
    let empty = Lists::new(k, items);
    let run = |cases: &[Case]| -> Result<[Lists; 2]> {
        let mut out = [empty.clone(), empty.clone()];
        let mut scores = zeros(items)?;
        for case in cases {
            ctx.check()?;
            model.score_history(&case.history, case.now, &mut scores);
            for (lists, popular) in out.iter_mut().zip([false, true]) {
                if popular {
                    scores.copy_from_slice(popularity);
                }
                if !repeats {
                    case.history.iter().for_each(|e| scores[e.item.index()] = f32::NEG_INFINITY);
                }
                lists.add(&top_k(&scores, k, Some(popularity)), &case.relevant, &surprise);
            }
        }
        Ok(out)
    };
    let mut parts: Vec<(&[Case], Result<[Lists; 2]>)> = cases.chunks(STEP).map(|c| (c, Ok([empty.clone(), empty.clone()]))).collect();
    ctx.pool.each_mut(&mut parts, |_, (cases, done)| *done = run(cases));
    let mut all = [empty.clone(), empty];
    for (_, part) in parts {
        all.iter_mut().zip(&part?).for_each(|(a, b)| a.merge(b));
    }
    Ok(all)
}

/// The figures of some lists as rows; `baseline` names the simple model that they are of.
pub fn rows(lists: &Lists, k: usize, baseline: Option<&str>, seed: u64) -> Vec<MetricRow> {
    let users = lists.users() as u64;
    let row = |f: ListFigure| MetricRow {
        baseline: baseline.map(str::to_owned),
        metric: f.name.to_owned(),
        k: u32::try_from(k).ok(),
        value: f.value,
        low: f.interval.map(|i| i.0),
        high: f.interval.map(|i| i.1),
        rows: users,
    };
    lists.figures(seed).into_iter().map(row).collect()
}

/// The model as it was before it saw its held-out events, and the users who gave these, out of `data`: the events as they are now. None
/// where the version was trained without a holdout. As in training, an item is not to be found of which no event is left.
///
/// # Errors
/// [`crate::base::Code::Corrupt`], [`crate::base::Code::OutOfMemory`].
pub fn held_out(state: &Value, tensors: &[Tensor], data: &Interactions, ctx: &Context) -> Result<Option<(Recommender, Vec<Case>)>> {
    let Some(twin) = Incumbent::load(state, tensors)? else { return Ok(None) };
    let shown = twin.recommender();
    let (rest, holdout, _) = Holdout::split_unseen(data, Step::of(data), shown.repeats(), (0.0, shown.held_share()), twin.begins(), ctx)?;
    let model = twin.into_recommender();
    let left = Popularity::plain(&rest, ctx)?.scores;
    let known = model.known(data);
    let case = |(user, events): &(u32, Vec<Event>)| {
        let next: Vec<Id> = events.iter().filter(|e| left[e.item.index()] > 0.0).map(|e| data.items.id(e.item)).collect();
        Case::new(data.users.id(*user), known.events(rest.history(*user)), &next, events.first()?.time, &model, model.repeats())
    };
    let cases = holdout.users().iter().filter_map(case).collect();
    Ok(Some((model, cases)))
}

/// Users whose lists are looked at where none can be evaluated.
const LOOKED_AT: usize = 2_000;

/// Some users of `data` with all their events, as of `now`: the first by hash of their ids.
pub fn open(model: &Recommender, data: &Interactions, now: i64) -> Vec<Case> {
    let mut users: Vec<u32> = (0..data.users.len() as u32).collect();
    users.sort_by_key(|u| (data.users.hash(*u), *u));
    users.truncate(LOOKED_AT);
    let known = model.known(data);
    users.into_iter().map(|u| Case::open(data.users.id(u), known.events(data.history(u)), now)).collect()
}
