//! One user's events, read in the query that asks: new ones count at once, by the snapshot of the statement and the rights of the model's owner.

use crate::base::Result;
use crate::dataset::{Cell, Event, Id, IdKind, Snapshot};
use crate::model::recommender::history_limit;
use crate::pg::columns::Reader;
use crate::pg::events::{EventSource, LiveQuery};
use crate::pg::relation::fill;
use crate::pg::spi::{Arg, Plan, Row};
use crate::pg::store::ModelRow;
use crate::pg::{reading, stream};
use crate::train::everyone::Asked;
use crate::train::recommender::Recommender;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// A user's events as a list is made from them.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Those of items that the model knows, and that count; oldest first.
    pub events: Vec<Event>,
    /// All known items among the events that were read, whether they count or not.
    pub seen: Vec<u32>,
    /// Whether any event was read at all.
    pub any: bool,
    /// Whether there may be more events than were read.
    pub cut: bool,
}

impl History {
    /// Of the user at `index` of those whom a version holds: all that there is.
    pub(crate) fn stored(snapshot: &Snapshot, index: u32) -> Self {
        let events = snapshot.history(index).to_vec();
        Self { any: !events.is_empty(), events, seen: snapshot.seen(index).collect(), cut: false }
    }
}

/// The reading of a model's events, ready for one user after another.
pub(crate) struct Live {
    source: EventSource,
    query: LiveQuery,
    limit: usize,
    plan: Rc<Plan>,
    /// As whom to read.
    reader: reading::Reader,
}

/// Plans that a backend keeps, at most this many.
const KEPT: usize = 200;

/// By text, types of the parameters, and by whose rights.
type Plans = HashMap<(String, Vec<pg_sys::Oid>, u32), Rc<Plan>>;

thread_local! {
    /// Postgres revalidates a plan when tables change, and checks rights at each run. Never dropped as a whole: at the end of
    /// the process Postgres could not be called to free them.
    static PLANS: RefCell<ManuallyDrop<Plans>> = RefCell::default();
}

impl Live {
    /// For `model`, whose call had `source` and whose version has `params`.
    ///
    /// # Errors
    /// Those of [`reading::Reader::open`]; missing columns, and those of types that cannot serve.
    pub(crate) fn open(model: &ModelRow, source: EventSource, params: &serde_json::Value) -> Result<Self> {
        let limit = history_limit(params.get("history_limit"));
        let (relation, reader) = reading::Reader::open(model, params, &source.search_path, &source.source())?;
        let query = source.live(&relation, limit)?;
        let plan = kept(&query.sql, &[query.user_type], &reader)?;
        Ok(Self { source, query, limit, plan, reader })
    }

    /// What user ids are now.
    pub(crate) fn users(&self) -> IdKind {
        self.query.users
    }

    /// Whether events are read with the caller's rights.
    pub(crate) fn as_caller(&self) -> bool {
        self.reader.is_caller()
    }

    /// The events of `user` that the model can use. A user that cannot exist has none.
    ///
    /// # Errors
    /// What the query raises is raised, rights among it.
    pub(crate) fn history(&self, user: &Id, model: &Recommender) -> Result<History> {
        let Some(arg) = self.user(user) else { return Ok(History::default()) };
        let mut history = History::default();
        let mut time = self.query.time.map(|t| Reader::new(t, self.source.time_col.as_deref().unwrap_or_default())).transpose()?;
        let mut read = 0;
        self.reader.run(|| {
            self.plan.select(&[arg], |row| {
                read += 1;
                let (item, event) = self.event(row, time.as_mut(), model)?;
                history.seen.extend(item);
                history.events.extend(event);
                Ok(())
            })
        })?;
        history.any = read > 0;
        history.cut = read >= self.limit;
        model.order(user, &mut history.events);
        Ok(history)
    }

    /// Every user in turn: the events that a list is made from, and all known items that the user ever had.
    ///
    /// # Errors
    /// Those of `each`; what the query raises is raised, rights among it.
    pub(crate) fn everyone(&self, model: &Recommender, mut each: impl FnMut(Asked) -> Result<()>) -> Result<()> {
        let mut time = self.query.time.map(|t| Reader::new(t, self.source.time_col.as_deref().unwrap_or_default())).transpose()?;
        let last = 2 + i32::from(time.is_some()) + i32::from(self.source.weight_col.is_some()) + i32::from(self.source.event_col.is_some());
        let last = last + i32::try_from(self.query.context.len()).unwrap_or(0);
        let mut user: Option<Id> = None;
        // Of the latest rows the events; a row that is none counts against the limit, as it does in the query of one user.
        let mut latest: VecDeque<Option<Event>> = VecDeque::new();
        let mut seen: Vec<u32> = Vec::new();
        let crowded = 4 * model.items().len() + 1024;
        self.reader.run(|| {
            let ended = |user: Id, latest: &mut VecDeque<Option<Event>>, seen: &mut Vec<u32>| {
                let any = !latest.is_empty();
                Asked { user, events: latest.drain(..).flatten().collect(), seen: std::mem::take(seen), any }
            };
            stream::rows(&self.query.everyone, |row| {
                let id = match self.query.users {
                    IdKind::Integer => row.big(last).map(Id::Integer),
                    _ => row.text(last).map(Id::Text),
                };
                if user != id
                    && let Some(before) = std::mem::replace(&mut user, id)
                {
                    each(ended(before, &mut latest, &mut seen))?;
                }
                if row.datum(1).is_none() || (time.is_some() && row.datum(2).is_none()) {
                    return Ok(());
                }
                let (item, event) = self.event(row, time.as_mut(), model)?;
                if latest.len() == self.limit {
                    latest.pop_front();
                }
                latest.push_back(event);
                seen.extend(item);
                if seen.len() > crowded {
                    seen.sort_unstable();
                    seen.dedup();
                }
                Ok(())
            })?;
            user.take().map_or(Ok(()), |user| each(ended(user, &mut latest, &mut seen)))
        })
    }

    /// Those of `items` that the user had at any time.
    ///
    /// # Errors
    /// As [`Live::history`].
    pub(crate) fn had(&self, user: &Id, items: &[u32], model: &Recommender) -> Result<Vec<u32>> {
        let Some(arg) = self.user(user) else { return Ok(Vec::new()) };
        let array = array(items.iter().map(|&i| model.items().id(i).to_string()));
        let cast = if self.query.items == IdKind::Integer { "$2::pg_catalog.int8[]" } else { "$2::pg_catalog.text[]" };
        let plan = kept(&fill(&self.query.seen, "$2", cast), &[self.query.user_type, pg_sys::TEXTOID], &self.reader)?;
        let found = self.reader.run(|| plan.select(&[arg, Arg::Text(&array)], |row| Ok(self.item(row, model))))?;
        Ok(found.into_iter().flatten().collect())
    }

    fn user<'u>(&self, user: &'u Id) -> Option<Arg<'u>> {
        match user {
            Id::Integer(i) => Some(Arg::Big(*i)),
            // An id that is no number would be an error of the cast: it names nobody.
            Id::Text(t) if self.query.numeric_user && !decimal(t) => None,
            Id::Text(t) if t.contains('\0') => None,
            Id::Text(t) => Some(Arg::Text(t)),
        }
    }

    fn item(&self, row: &Row, model: &Recommender) -> Option<u32> {
        match self.query.items {
            IdKind::Integer => model.items().find_integer(row.big(1)?),
            _ => model.items().find_text(&row.text(1)?),
        }
    }

    /// The item of a row where the model knows it, and the event where it counts.
    fn event(&self, row: &Row, time: Option<&mut Reader>, model: &Recommender) -> Result<(Option<u32>, Option<Event>)> {
        let Some(item) = self.item(row, model) else { return Ok((None, None)) };
        let seen = (Some(item), None);
        let mut column = 2;
        let mut event = Event::new(0, item, 1.0);
        if let Some(reader) = time {
            let Some((_, datum)) = row.datum(column) else { return Ok(seen) };
            // SAFETY: a datum of the column's type, alive as long as the row.
            event.time = match unsafe { reader.cell(datum)? } {
                Cell::Time(t) => t,
                Cell::Number(x) if x.abs() < 9e12 => (x * 1e6).round() as i64,
                _ => return Ok(seen),
            };
            column += 1;
        }
        if self.source.weight_col.is_some() {
            let Some(w) = row.double(column) else { return Ok(seen) };
            event.weight = w as f32;
            column += 1;
        }
        if self.source.event_col.is_some() {
            let Some(kind) = row.text(column) else { return Ok(seen) };
            if let Some(weights) = &self.source.event_weights {
                let Some(w) = weights.get(&kind) else { return Ok(seen) };
                event.weight *= w;
            }
            column += 1;
        }
        for (c, (code, measure)) in event.context.iter_mut().zip(&self.query.context).enumerate() {
            *code = match measure {
                true => row.double(column).map_or(0, |x| model.context().number(c, x)),
                false => row.text(column).map_or(0, |t| model.context().text(c, &t)),
            };
            column += 1;
        }
        Ok((Some(item), (event.weight > 0.0 && event.weight.is_finite()).then_some(event)))
    }
}

/// Texts as Postgres writes an array of them.
pub(crate) fn array(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let quoted = texts.map(|t| format!("\"{}\"", t.as_ref().replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

/// Whether `text` is a number that `numeric` reads, in plain notation.
fn decimal(text: &str) -> bool {
    let t = text.trim().trim_start_matches(['+', '-']);
    !t.is_empty()
        && t.len() < 1000
        && t.bytes().any(|b| b.is_ascii_digit())
        && t.bytes().filter(|&b| b == b'.').count() < 2
        && t.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn kept(sql: &str, types: &[pg_sys::Oid], reader: &reading::Reader) -> Result<Rc<Plan>> {
    // The text stays where the type of the user's column changes.
    let key = (sql.to_owned(), types.to_vec(), reader.role().to_u32());
    if let Some(plan) = PLANS.with_borrow(|p| p.get(&key).cloned()) {
        return Ok(plan);
    }
    let plan = Rc::new(reader.run(|| Plan::new(sql, types))?);
    PLANS.with_borrow_mut(|p| {
        if p.len() >= KEPT {
            p.clear();
        }
        p.insert(key, plan.clone());
    });
    Ok(plan)
}
