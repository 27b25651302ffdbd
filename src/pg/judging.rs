//! Recommenders judged on events: those of a relation that the caller names, or those that training held out.

use crate::base::{Code, Error, Result};
use crate::dataset::{Id, Interactions};
use crate::metric::lists::Lists;
use crate::pg::events::EventSource;
use crate::pg::recommending::{self, Ready};
use crate::pg::relation::Relation;
use crate::pg::store::{ModelRow, VersionRow};
use crate::pg::{interrupts, owner, settings, weights};
use crate::train::MetricRow;
use crate::train::judged::{self, Case};
use pgrx::pg_sys;

/// Of more users the first by hash of their ids: the figures no longer sharpen.
const MOST: usize = 10_000;

/// What some users had next, by the rights of the caller.
struct Next {
    /// (user, when the first of the events was, the items).
    users: Vec<(Id, i64, Vec<Id>)>,
    /// Whether the events have times, so that a history ends where they begin.
    timed: bool,
}

/// The figures of the recommender called `name` on the events of `source`, whose columns are called as those of the events that it was trained on; the
/// baseline's after its own. Without a `source`: of the version as it was before it saw the events that training held out, on these.
///
/// # Errors
/// What is wrong with the model, the relation or its columns; [`Code::Data`] where no user is left to judge by, [`Code::Unsupported`] for a version that was
/// trained without a holdout.
pub(crate) fn figures(name: &str, model: &ModelRow, version: &VersionRow, source: Option<pg_sys::Oid>, k: i32) -> Result<Vec<MetricRow>> {
    let k = length(k)?;
    let budget = settings::budget();
    let ready = recommending::ready(name)?;
    let [own, popularity] = match source {
        Some(source) => {
            let repeats = ready.recommender().repeats();
            let cases = cases(&ready, &next(source, ready.source())?, repeats)?;
            if cases.is_empty() {
                return Err(nothing(&Relation::open(source)?.name));
            }
            let recommender = ready.recommender();
            ready.supply(None)?;
            interrupts::run(0, &budget, |_| {}, |ctx| judged::lists(recommender, &cases, repeats, k, ctx))?
        }
        None => {
            let tensors = weights::tensors(version)?;
            let seed = version.call.get("seed").and_then(serde_json::Value::as_i64).unwrap_or(0);
            let data = all(model, version, ready.source(), seed as u64)?;
            interrupts::run(
                0,
                &budget,
                |_| {},
                |ctx| {
                    let _booked = ctx.budget.take(data.bytes() * 2, "the events")?;
                    match judged::held_out(&version.state, &version.params, &tensors, &data)? {
                        Some((twin, cases)) if !cases.is_empty() => judged::lists(&twin, &cases, twin.repeats(), k, ctx),
                        _ => Err(Error::new(Code::Unsupported, "the version has no held-out events to be judged on")
                            .detail("It was trained with holdout 0, or no user had two events.")
                            .hint("Name a relation of later events: affinity.evaluate(model, 'relation').")),
                    }
                },
            )?
        }
    };
    let mut rows = judged::rows(&own, k, None, 0);
    rows.extend(judged::rows(&popularity, k, Some("popularity"), 0));
    Ok(rows)
}

/// A figure of one of several models on the same users.
pub(crate) struct Compared {
    /// The model's name.
    pub model: String,
    /// The figure.
    pub figure: MetricRow,
    /// By how much it is above the first model's, with the paired 95 % interval; none for the first model, and for what is no mean over users.
    pub above: Option<(f64, f64, f64)>,
}

/// Several recommenders on the same users of `source`: the figures of each, and how far they are above those of the first.
///
/// # Errors
/// As [`figures`].
pub(crate) fn compare(names: &[String], source: pg_sys::Oid, k: i32) -> Result<Vec<Compared>> {
    let length = length(k)?;
    let budget = settings::budget();
    let mut first: Option<Lists> = None;
    let (mut out, mut repeats) = (Vec::new(), None);
    // Models of the same events read the relation once.
    let mut read: Option<(EventSource, Next)> = None;
    for name in names {
        let ready = recommending::ready(name)?;
        // Whether items of the history are to be found is for all what it is for the first: the same users, the same items.
        let repeats = *repeats.get_or_insert(ready.recommender().repeats());
        let next = match &mut read {
            Some((events, next)) if events == ready.source() => next,
            other => &mut other.insert((ready.source().clone(), next(source, ready.source())?)).1,
        };
        let cases = cases(&ready, next, repeats)?;
        if cases.is_empty() {
            return Err(nothing(&Relation::open(source)?.name));
        }
        let recommender = ready.recommender();
        ready.supply(None)?;
        let [own, _] = interrupts::run(0, &budget, |_| {}, |ctx| judged::lists(recommender, &cases, repeats, length, ctx))?;
        let above = match &first {
            None => Vec::new(),
            Some(f) => own.above(f, 0).ok_or_else(|| {
                Error::new(Code::Data, "the models do not judge by the same users")
                    .detail(format!("Model \"{name}\" has {} users with something to find, the first has {}.", own.users(), f.users()))
                    .hint("Compare models that were trained on the same events.")
            })?,
        };
        for figure in judged::rows(&own, length, None, 0) {
            let paired = above.iter().find(|a| a.name == figure.metric).and_then(|a| a.interval.map(|(low, high)| (a.value, low, high)));
            out.push(Compared { model: name.clone(), figure, above: paired });
        }
        first.get_or_insert(own);
    }
    Ok(out)
}

fn length(k: i32) -> Result<usize> {
    usize::try_from(k)
        .ok()
        .filter(|k| (1..=10_000).contains(k))
        .ok_or_else(|| Error::new(Code::InvalidParameter, "k must be between 1 and 10000").detail(format!("It is {k}.")).hint("k => 20"))
}

fn nothing(name: &str) -> Error {
    Error::new(Code::Data, format!("relation \"{name}\" has nothing to find"))
        .detail("It has no events with a user and an item, or only of items that their users had before.")
        .hint("Name a relation of events that are later than those of training.")
}

/// The events of `source` by user, at most those of [`MOST`] users.
fn next(source: pg_sys::Oid, events: &EventSource) -> Result<Next> {
    let relation = Relation::open(source)?;
    let timed = events.time_col.clone().filter(|t| relation.columns.iter().any(|c| c.name == *t));
    let columns = EventSource {
        schema: relation.schema.clone(),
        relation: relation.name.clone(),
        owner: relation.owner.clone(),
        user_col: events.user_col.clone(),
        item_col: events.item_col.clone(),
        time_col: timed,
        weight_col: None,
        event_col: None,
        event_weights: None,
    };
    let budget = settings::budget();
    let (data, _) = columns.read(&relation, 0, &budget).map_err(|e| if e.code == Code::Data { nothing(&relation.name) } else { e })?;
    let mut users: Vec<u32> = (0..data.users.len() as u32).collect();
    users.sort_by_key(|u| (data.users.hash(*u), *u));
    users.truncate(MOST);
    let one = |u: u32| {
        let history = data.history(u);
        let first = history.iter().map(|e| e.time).min().unwrap_or(0);
        (data.users.id(u), first, history.iter().map(|e| data.items.id(e.item)).collect())
    };
    Ok(Next { users: users.into_iter().map(one).collect(), timed: columns.time_col.is_some() })
}

/// The users of `next` as the model sees them: their events, less those that are to be found.
fn cases(ready: &Ready, next: &Next, repeats: bool) -> Result<Vec<Case>> {
    let (model, mut cases) = (ready.recommender(), Vec::new());
    let budget = settings::budget();
    let mut booked = Vec::new();
    for (user, first, items) in &next.users {
        pgrx::check_for_interrupts!();
        let mut events = ready.history(user)?.events;
        if next.timed {
            events.retain(|e| e.time < *first);
        } else {
            let held: Vec<u32> = items.iter().filter_map(|i| model.items().find(i)).collect();
            events.retain(|e| !held.contains(&e.item));
        }
        let now = if next.timed { *first } else { recommending::now() };
        if let Some(case) = Case::new(events, items, now, model, repeats) {
            booked.push(budget.take(case.bytes(), "the users' events")?);
            cases.push(case);
        }
    }
    Ok(cases)
}

/// All events of a model, with the rights with which it reads them.
fn all(model: &ModelRow, version: &VersionRow, source: &EventSource, seed: u64) -> Result<Interactions> {
    let budget = settings::budget();
    let read = || source.open().and_then(|relation| source.read(&relation, seed, &budget)).map(|(data, _)| data);
    if version.params.get("read_as").and_then(serde_json::Value::as_str) == Some("caller") {
        return read();
    }
    let role = owner::of_model(&model.owner)?;
    source.open()?.readable_for(&model.owner)?;
    owner::as_owner(role, read)
}
