//! Recommenders evaluated on events: those of a relation that the caller names, or those that training held out.

use crate::base::{Code, Context, Error, Result};
use crate::dataset::{Id, Interactions};
use crate::metric::lists::Lists;
use crate::model::popularity;
use crate::model::recommender::CommonParams;
use crate::pg::backend::progress_notices::telling;
use crate::pg::backend::{error, interrupts, settings};
use crate::pg::query::relation::Relation;
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::serving::{self, Ready};
use crate::pg::store::models::{ModelRow, Scope, VersionRow};
use crate::pg::store::source_access::Reader;
use crate::pg::store::weights;
use crate::report::Shown;
use crate::serve::recommender::Recommender;
use crate::train::MetricRow;
use crate::train::list_evaluation::{self, Case};
use pgrx::pg_sys;

/// Of more users the first by hash of their ids: the figures no longer sharpen.
const MOST: usize = 10_000;

/// What some users had next, by the rights of the caller.
pub(crate) struct Next {
    /// (user, when the first of the events was, the items).
    users: Vec<(Id, i64, Vec<Id>)>,
    /// Whether the events have times, so that a history ends where they begin.
    timed: bool,
    /// The relation that they were read from.
    relation: String,
    /// What its time column would be called.
    time_col: Option<String>,
}

impl Next {
    /// Whether the model called `name` can be evaluated by these events. Without times, a history is what is not to be found: that takes
    /// from a model that gives items again the very events that it goes by.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`] where it cannot.
    fn fit(&self, name: &str, repeats: bool) -> Result<()> {
        if self.timed || !repeats {
            return Ok(());
        }
        let detail = format!("Model \"{name}\" gives items again, and only times tell what a user had before from what is to be found.");
        Err(match &self.time_col {
            Some(time) => Error::new(Code::UndefinedColumn, format!("relation \"{}\" has no column \"{time}\"", self.relation))
                .detail(detail)
                .hint(format!("Give it the events' times as column \"{time}\".")),
            None => Error::new(Code::UndefinedColumn, format!("the events of \"{}\" have no times", self.relation))
                .detail(detail)
                .hint("Train with time_col, or with params => '{\"repeats\": false}'."),
        })
    }
}

impl Next {
    /// Of `data` the events from `from` on, of at most [`MOST`] users; `relation` and `time_col` are where they were read.
    pub(crate) fn from(data: &Interactions, from: i64, relation: String, time_col: String) -> Self {
        Self { users: users(data, from), timed: true, relation, time_col: Some(time_col) }
    }

    /// What is to be said where the model has learned from some of these events, or may have.
    pub(crate) fn taught(&self, model: &Recommender) -> Option<String> {
        let latest = model.latest().filter(|_| self.timed)?;
        let early = self.users.iter().filter(|u| u.1 <= latest).count();
        (early > 0).then(|| {
            format!(
                "of {early} of {} users the events begin before the newest one that the model learned from: where it learned from these, later ones are not found as well \
                 (without a relation, evaluate evaluates by what was held out)",
                self.users.len()
            )
        })
    }
}

/// The figures of the recommender called `name` on the events of `source`, whose columns are called as those of the events that it was
/// trained on; the baseline's after its own. Without a `source`: of the version as it was before it saw the events that training held out,
/// on these.
///
/// # Errors
/// What is wrong with the model, the relation or its columns; [`Code::Data`] where no user is left to evaluate by, [`Code::Unsupported`] for a version that was
/// trained without a holdout.
pub(crate) fn figures(name: &str, model: &ModelRow, version: &VersionRow, source: Option<pg_sys::Oid>, k: i32) -> Result<Vec<MetricRow>> {
    let k = length(k)?;
    let made = evaluate(name, model, version, source, |model, cases, repeats, ctx| list_evaluation::lists(model, cases, repeats, k, ctx))?;
    made.map(|lists| rows(&lists, k)).ok_or_else(|| {
        Error::new(Code::Unsupported, "the version has no held-out events to be evaluated on")
            .detail("It was trained with holdout 0, or no user had two events.")
            .hint("Name a relation of later events: affinity.evaluate(model, 'relation').")
    })
}

/// The figures of a model's lists, and of popularity's.
fn rows([own, popularity]: &[Lists; 2], k: usize) -> Vec<MetricRow> {
    let mut rows = list_evaluation::rows(own, k, None, 0);
    rows.extend(list_evaluation::rows(popularity, k, Some(popularity::KIND.name), 0));
    rows
}

/// As [`figures`], with what the lists look like; of a version that cannot be evaluated no figures, but the lists of its users as they are
/// now.
///
/// # Errors
/// As [`figures`].
pub(crate) fn seen(
    name: &str,
    model: &ModelRow,
    version: &VersionRow,
    source: Option<pg_sys::Oid>,
    k: i32,
) -> Result<(Vec<MetricRow>, Shown)> {
    let k = length(k)?;
    let made = evaluate(name, model, version, source, |model, cases, repeats, ctx| {
        Ok((rows(&list_evaluation::lists(model, cases, repeats, k, ctx)?, k), Shown::of(model, cases, repeats, k, ctx)?))
    })?;
    if let Some(made) = made {
        return Ok(made);
    }
    let (ready, budget) = (serving::ready(name)?, settings::budget());
    let (recommender, data) = (ready.recommender(), all(model, version, ready.source(), 0)?);
    let _links = ready.supply_all(&budget)?;
    let cases = list_evaluation::open(recommender, &data, serving::now());
    drop(data);
    let _booked = budget.take(cases.iter().map(Case::bytes).sum(), "the users' events")?;
    let shown =
        interrupts::run(0, &budget, telling(name, "evaluating"), |ctx| Shown::of(recommender, &cases, recommender.repeats(), k, ctx))?;
    Ok((Vec::new(), shown))
}

/// Hands the recommender called `name` and the users to evaluate it by to `work`: those of `source` and the version itself; without a
/// `source` those that training held out, and the version as it was before it saw them. None where training held out nothing.
fn evaluate<R: Send>(
    name: &str,
    model: &ModelRow,
    version: &VersionRow,
    source: Option<pg_sys::Oid>,
    work: impl FnOnce(&Recommender, &[Case], bool, &Context<'_>) -> Result<R> + Send,
) -> Result<Option<R>> {
    let budget = settings::budget();
    let ready = serving::ready(name)?;
    ready.allow(Scope::All, "figures")?;
    if let Some(source) = source {
        let recommender = ready.recommender();
        let repeats = recommender.repeats();
        let next = next(source, ready.source())?;
        next.fit(name, repeats)?;
        let cases = cases(&ready, &next, repeats)?;
        if cases.is_empty() {
            return Err(nothing(&Relation::open(source)?.name));
        }
        if let Some(sentence) = next.taught(recommender) {
            error::notice(&sentence);
        }
        let _links = ready.supply_all(&budget)?;
        return interrupts::run(0, &budget, telling(name, "evaluating"), |ctx| work(recommender, &cases, repeats, ctx)).map(Some);
    }
    let tensors = weights::tensors(version)?;
    let seed = version.call.get("seed").and_then(serde_json::Value::as_i64).unwrap_or(0);
    let data = all(model, version, ready.source(), seed as u64)?;
    let evaluated = |ctx: &Context<'_>| {
        let _booked = ctx.budget.take(data.bytes() * 2, "the events")?;
        match list_evaluation::held_out(&version.state, &tensors, &data, ctx)? {
            Some((twin, cases)) if !cases.is_empty() => work(&twin, &cases, twin.repeats(), ctx).map(Some),
            _ => Ok(None),
        }
    };
    interrupts::run(0, &budget, telling(name, "evaluating"), evaluated)
}

/// A figure of one of several models on the same users.
pub(crate) struct Compared {
    /// The model's name.
    pub model: String,
    /// The figure.
    pub figure: MetricRow,
    /// By how much it is above the first model's, with the paired 95 % interval; none for the first model, and for what is no mean over
    /// users.
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
        let ready = serving::ready(name)?;
        ready.allow(Scope::All, "figures")?;
        // Whether items of the history are to be found is for all what it is for the first: the same users, the same items.
        let repeats = *repeats.get_or_insert(ready.recommender().repeats());
        let next = match &mut read {
            Some((events, next)) if events == ready.source() => next,
            other => &mut other.insert((ready.source().clone(), next(source, ready.source())?)).1,
        };
        next.fit(name, repeats)?;
        let cases = cases(&ready, next, repeats)?;
        if cases.is_empty() {
            return Err(nothing(&Relation::open(source)?.name));
        }
        let recommender = ready.recommender();
        let _links = ready.supply_all(&budget)?;
        let [own, _] = interrupts::run(0, &budget, telling(name, "evaluating"), |ctx| {
            list_evaluation::lists(recommender, &cases, repeats, length, ctx)
        })?;
        let above = match &first {
            None => Vec::new(),
            Some(f) => own.above(f, 0).ok_or_else(|| {
                Error::new(Code::Data, "the models do not evaluate by the same users")
                    .detail(format!("Model \"{name}\" has {} users with something to find, the first has {}.", own.users(), f.users()))
                    .hint("Compare models that were trained on the same events.")
            })?,
        };
        for figure in list_evaluation::rows(&own, length, None, 0) {
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
        search_path: Vec::new(),
        context: Vec::new(),
        user_type: None,
        item_type: None,
    };
    let budget = settings::budget();
    let (data, _) =
        columns.read(&relation, 0, true, &budget).map_err(|e| if e.code == Code::Data { nothing(&relation.name) } else { e })?;
    Ok(Next {
        users: users(&data, i64::MIN),
        timed: columns.time_col.is_some(),
        relation: relation.name,
        time_col: events.time_col.clone(),
    })
}

/// Of users who have events from `from` on, at most [`MOST`] by a hash of their ids: when the first of these was, and their items.
fn users(data: &Interactions, from: i64) -> Vec<(Id, i64, Vec<Id>)> {
    let mut users: Vec<u32> = (0..data.users.len() as u32).filter(|u| data.history(*u).iter().any(|e| e.time >= from)).collect();
    users.sort_by_key(|u| (data.users.hash(*u), *u));
    users.truncate(MOST);
    let one = |u: u32| {
        let events = || data.history(u).iter().filter(|e| e.time >= from);
        let first = events().map(|e| e.time).min().unwrap_or(0);
        (data.users.id(u), first, events().map(|e| data.items.id(e.item)).collect())
    };
    users.into_iter().map(one).collect()
}

/// The users of `next` as the model sees them: their events, less those that are to be found.
///
/// # Errors
/// What reading their events raises; [`Code::OutOfMemory`].
pub(crate) fn cases(ready: &Ready, next: &Next, repeats: bool) -> Result<Vec<Case>> {
    let (model, mut cases) = (ready.recommender(), Vec::new());
    let budget = settings::budget();
    let mut booked = Vec::new();
    for (user, first, items) in &next.users {
        pgrx::check_for_interrupts!();
        // As the model spells them.
        let spelled = |i: &Id| Ok(ready.find_item(i)?.map_or_else(|| i.clone(), |known| model.items().id(known)));
        let items = &items.iter().map(spelled).collect::<Result<Vec<_>>>()?;
        let mut events = ready.history(user)?.events;
        if next.timed {
            events.retain(|e| e.time < *first);
        } else {
            let held: Vec<u32> = items.iter().filter_map(|i| model.items().find(i)).collect();
            events.retain(|e| !held.contains(&e.item));
        }
        let now = if next.timed { *first } else { serving::now() };
        if let Some(case) = Case::new(user.clone(), events, items, now, model, repeats) {
            booked.push(budget.take(case.bytes(), "the users' events")?);
            cases.push(case);
        }
    }
    Ok(cases)
}

/// All events of a model, with the rights with which it reads them.
fn all(model: &ModelRow, version: &VersionRow, source: &EventSource, seed: u64) -> Result<Interactions> {
    let budget = settings::budget();
    let common: CommonParams = version.params.as_object().map(CommonParams::of).transpose()?.unwrap_or_default();
    let (relation, reader) = Reader::open(model, common.read_as, &source.search_path, &source.source())?;
    reader.run(|| source.read(&relation, seed, true, &budget)).map(|(data, _)| data)
}
