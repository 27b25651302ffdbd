//! Whether the events that a recommender learned from are still like those that come.

use crate::base::interrupts::Looking;
use crate::base::number::AsReal;
use crate::base::{Budget, Code, Context, Error, Result};
use crate::dataset::{Id, Interactions};
use crate::model::recommender::{CommonParams, EVALUATED_AT};
use crate::pg::backend::progress_notices::telling;
use crate::pg::backend::{interrupts, settings};
use crate::pg::evaluate::drift_asked::{Asked, Record, condition};
use crate::pg::evaluate::recommender::{Next, cases};
use crate::pg::query::id_type::{IdType, Lookup};
use crate::pg::query::relation::Relation;
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::serving::{self, Ready};
use crate::pg::store::models::{self, ModelRow, Scope, VersionRow};
use crate::pg::store::source_access::Reader;
use crate::pg::store::weights;
use crate::serve::recommender::Recommender;
use crate::train::drift::Fact;
use crate::train::drift_events::{Known, of_events};
use crate::train::list_evaluation;
use serde_json::Value;
use std::rc::Rc;

/// The share of the users of before that is tried where all events take more memory than there is.
const LESS: f64 = 0.125;
/// Below this share it is not the number of users that takes the memory.
const LEAST: f64 = 1e-6;

/// The version that is asked about: the deployed one as it serves, or another.
enum Which {
    Serving(Rc<Ready>),
    Other { recommender: Box<Recommender>, items: Option<Lookup>, users: Option<Lookup> },
}

impl Which {
    fn of(model: &ModelRow, version: &VersionRow, source: &EventSource) -> Result<Self> {
        if model.deployed == Some(version.version) {
            return serving::ready(&model.name).map(Self::Serving);
        }
        let recommender = Box::new(Recommender::load(&version.state, &weights::serving(version)?.0)?);
        let typ = |r: &Option<_>| r.as_ref().map(IdType::recorded).transpose().map(Option::flatten);
        let items = typ(&source.item_type)?.map(|t| Lookup::new(t, recommender.items())).transpose()?;
        let users = typ(&source.user_type)?.zip(recommender.snapshot()).map(|(t, s)| Lookup::new(t, s.users())).transpose()?;
        Ok(Self::Other { recommender, items, users })
    }

    fn recommender(&self) -> &Recommender {
        match self {
            Self::Serving(ready) => ready.recommender(),
            Self::Other { recommender, .. } => recommender,
        }
    }

    fn find_item(&self, id: &Id) -> Result<Option<u32>> {
        match self {
            Self::Serving(ready) => ready.find_item(id),
            Self::Other { recommender, items, .. } => Lookup::index(items.as_ref(), id, recommender.items()),
        }
    }

    /// Whether it holds events of a user; none where it holds nobody's.
    fn knows_user(&self, id: &Id) -> Result<Option<bool>> {
        let Self::Other { recommender, users, .. } = self else {
            let Self::Serving(ready) = self else { return Ok(None) };
            return ready.knows_user(id);
        };
        let index = recommender.snapshot().map(|s| Lookup::index(users.as_ref(), id, s.users())).transpose()?;
        Ok(index.map(|i| i.is_some()))
    }
}

/// The facts of a version.
///
/// # Errors
/// Those of [`models::allow`], [`Reader::open`] and [`EventSource::read`]; [`Code::Data`] without events.
pub(crate) fn facts(model: &ModelRow, version: &VersionRow, record: &Record, asked: Asked) -> Result<Vec<Fact>> {
    models::allow(model, Scope::All, "figures")?;
    let source = serving::source(version)?.ok_or_else(|| Error::internal("A recommender without events."))?;
    let which = Which::of(model, version, &source)?;
    let (events, relation, reader) = events(model, version, &source, asked)?;
    let since = asked.since.map(|s| condition(&relation, source.time_col.as_deref(), s)).transpose()?;
    let budget = settings::budget();
    let (data, share) = read(&events, &relation, &reader, since.as_deref(), &budget)?;
    let _booked = budget.take(data.bytes() * 2, "the events")?;
    let items = indices(data.items.len(), |i| which.find_item(&data.items.id(i)))?;
    let known = indices(data.users.len(), |u| which.knows_user(&data.users.id(u)))?;
    let recommender = which.recommender();
    let strangers = recommender.snapshot().map(|_| known.iter().filter(|k| **k == Some(false)).count());
    let learned =
        Known { users: recommender.learned_users(), popularity: recommender.popularity(), items: &items, strangers, events: record.rows };
    let names = [&*relation.name, &*source.user_col, &*source.item_col];
    let work = |ctx: &Context<'_>| of_events(&data, share, &learned, names, ctx);
    let mut facts = interrupts::run(0, &budget, telling(&model.name, "comparing"), work)?;
    facts.push(figure(&which, record, (&data, &events, &relation), asked.since, &budget)?);
    Ok(facts)
}

/// What `find` says of each of `n` ids.
fn indices<T>(n: usize, find: impl FnMut(u32) -> Result<T>) -> Result<Vec<T>> {
    (0..n as u32).looking().map(find).collect()
}

/// Where the events are: those of the training, or of the relation that is asked for, by the names that the columns had.
fn events(model: &ModelRow, version: &VersionRow, source: &EventSource, asked: Asked) -> Result<(EventSource, Relation, Reader)> {
    let Some(given) = asked.source else {
        let common: CommonParams = version.params.as_object().map(CommonParams::of).transpose()?.unwrap_or_default();
        let (relation, reader) = Reader::open(model, common.read_as, &source.search_path, &source.source())?;
        return Ok((EventSource { context: Vec::new(), ..source.clone() }, relation, reader));
    };
    let relation = Relation::open(given)?;
    let there = |c: &Option<String>| c.clone().filter(|name| relation.columns.iter().any(|c| c.name == *name));
    let event_col = there(&source.event_col);
    let events = EventSource {
        schema: relation.schema.clone(),
        relation: relation.name.clone(),
        owner: relation.owner.clone(),
        time_col: there(&source.time_col),
        weight_col: there(&source.weight_col),
        event_weights: source.event_weights.clone().filter(|_| event_col.is_some()),
        event_col,
        search_path: Vec::new(),
        context: Vec::new(),
        ..source.clone()
    };
    Ok((events, relation, Reader::default()))
}

/// The events, where memory allows of all users, else of a share of them.
fn read(events: &EventSource, relation: &Relation, reader: &Reader, since: Option<&str>, budget: &Budget) -> Result<(Interactions, f64)> {
    let mut share = 1.0;
    loop {
        let mut conditions: Vec<String> = since.map(str::to_owned).into_iter().collect();
        if share < 1.0 {
            conditions.push(events.of_some_users(relation, share)?);
        }
        match reader.run(|| events.read_some(relation, &conditions, (0, true), budget)) {
            Ok((data, _)) => return Ok((data, share)),
            Err(e) if e.code == Code::OutOfMemory && share * LESS > LEAST => share *= LESS,
            Err(e) if e.code == Code::Data => {
                let which = if since.is_some() { " since then" } else { "" };
                return Err(Error::new(Code::Data, format!("relation \"{}\" has no events{which}", relation.name))
                    .detail("There is nothing to compare.")
                    .hint("Name a relation of events with a user and an item, or choose an earlier since."));
            }
            Err(e) => return Err(e),
        }
    }
}

/// How well the lists do that users would have had before their newest events: those since then, or those that are newer than what the
/// version learned from.
fn figure(
    which: &Which,
    record: &Record,
    (data, events, relation): (&Interactions, &EventSource, &Relation),
    since: Option<i64>,
    budget: &Budget,
) -> Result<Fact> {
    let name = format!("ndcg@{EVALUATED_AT}");
    let unknown = |why: &str| Ok(Fact::unknown("figure", &name, "value", why));
    let Some(then) = record.metrics.get(&name).and_then(Value::as_f64) else {
        return unknown("no events were held out to evaluate the version by");
    };
    let Which::Serving(ready) = which else { return unknown("of the deployed version alone lists are made") };
    let recommender = ready.recommender();
    let (Some(time_col), Some(latest)) = (&events.time_col, recommender.latest()) else {
        return unknown("without times nothing tells new events from those of the training");
    };
    let next = Next::from(data, since.unwrap_or(latest.saturating_add(1)), relation.name.clone(), time_col.clone());
    let repeats = recommender.repeats();
    let cases = cases(ready, &next, repeats)?;
    if cases.is_empty() {
        return unknown("no event is newer than those of the training, of an item to be found");
    }
    let lists = record.metrics.get("lists").and_then(Value::as_f64).unwrap_or(cases.len().real());
    let work = |ctx: &Context<'_>| list_evaluation::lists(recommender, &cases, repeats, EVALUATED_AT, ctx);
    let made = ready.supply_all(budget).and_then(|_links| interrupts::run(0, budget, telling(ready.name().0, "evaluating"), work));
    let [own, _] = match made {
        Err(e) if e.code == Code::OutOfMemory => return unknown(&e.message),
        made => made?,
    };
    let row = list_evaluation::rows(&own, EVALUATED_AT, None, 0).into_iter().find(|r| r.metric == "ndcg");
    match row {
        Some(row) => Ok(Fact::figure(&name, (then, lists), &row).minding(next.taught(recommender))),
        None => unknown("these events do not give it"),
    }
}
