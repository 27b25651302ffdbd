//! One user's events, read in the query that asks: new ones count at once, by the snapshot of the statement and the rights of the model's
//! owner.

use crate::base::Result;
use crate::base::number::AsReal;
use crate::dataset::{Cell, Event, Id, IdKind, Snapshot};
use crate::model::recommender::CommonParams;
use crate::pg::datum::array;
use crate::pg::datum::types::Reader;
use crate::pg::datum::value_form::Form;
use crate::pg::query::id_type::{self, IdType, Lookup};
use crate::pg::query::spi::{Arg, Plan, Row};
use crate::pg::query::stream;
use crate::pg::recommender::events::{EventSource, LiveQuery};
use crate::pg::recommender::user_range::UserRange;
use crate::pg::store::models::ModelRow;
use crate::pg::store::source_access;
use crate::serve::batch::Asked;
use crate::serve::recommender::Recommender;
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
    /// Finds the model's items by their type, where that takes more than their text.
    lookup: Option<Rc<Lookup>>,
    /// As whom to read.
    reader: source_access::Reader,
}

/// Plans that a backend keeps, at most this many.
const KEPT: usize = 200;

/// By text, types of the parameters, and by whose rights.
type Plans = HashMap<(String, Vec<pg_sys::Oid>, u32), Rc<Plan>>;

thread_local! {
    /// Postgres revalidates a plan when tables change, and checks rights at each run. Dropped where there are too many, but not at the end
    /// of the process, when Postgres could not be called to free them.
    static PLANS: RefCell<ManuallyDrop<Plans>> = RefCell::default();
}

impl Live {
    /// For `model`, whose call had `source` and whose version has these parameters; `lookup` finds its items by a type.
    ///
    /// # Errors
    /// Those of [`source_access::Reader::open`] and of `lookup`; missing columns, and those of types that cannot serve.
    pub(crate) fn open(
        model: &ModelRow,
        source: EventSource,
        common: &CommonParams,
        lookup: impl FnOnce(IdType) -> Result<Rc<Lookup>>,
    ) -> Result<Self> {
        let limit = common.history_limit;
        let (relation, reader) = source_access::Reader::open(model, common.read_as, &source.search_path, &source.source())?;
        let query = source.live(&relation, limit)?;
        let plan = kept(&query.sql, &[query.user_type], &reader)?;
        let lookup = query.items_as.map(lookup).transpose()?;
        Ok(Self { source, query, limit, plan, lookup, reader })
    }

    /// Finds the model's items by the type that they have in the relation now, where that takes more than their text.
    pub(crate) fn lookup(&self) -> Option<&Rc<Lookup>> {
        self.lookup.as_ref()
    }

    /// What user ids are now.
    pub(crate) fn users(&self) -> IdKind {
        self.query.users
    }

    /// Whether events are read with the caller's rights.
    pub(crate) fn as_caller(&self) -> bool {
        self.reader.is_caller()
    }

    /// Whether times are numbers, of which nobody says what they count from.
    pub(crate) fn has_numbers_for_times(&self) -> bool {
        self.query.time.and_then(Form::of).is_some_and(Form::is_number)
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
        // Ties go by the id as the relation has it: one answer, however the caller spells it.
        let mut spelled = None;
        let _pinned = self.query.users_as.map(|_| id_type::pinned());
        self.reader.run(|| {
            self.plan.select(&[arg], |row| {
                if read == 0 && self.query.users_as.is_some() {
                    spelled = row.text(self.after()).map(Id::Text);
                }
                read += 1;
                let (item, event) = self.event(row, time.as_mut(), model)?;
                history.seen.extend(item);
                history.events.extend(event);
                Ok(())
            })
        })?;
        history.any = read > 0;
        history.cut = read >= self.limit;
        model.order(spelled.as_ref().unwrap_or(user), &mut history.events);
        Ok(history)
    }

    /// Every user of a range in turn: the events that a list is made from, and all known items that the user ever had.
    ///
    /// # Errors
    /// Those of `each`; what the query raises is raised, rights among it.
    pub(crate) fn everyone(&self, range: &UserRange, model: &Recommender, mut each: impl FnMut(Asked) -> Result<()>) -> Result<()> {
        let mut time = self.query.time.map(|t| Reader::new(t, self.source.time_col.as_deref().unwrap_or_default())).transpose()?;
        let last = self.after();
        let mut user: Option<Id> = None;
        // Of the latest rows the events; a row that is none counts against the limit, as it does in the query of one user.
        let mut latest: VecDeque<Option<Event>> = VecDeque::new();
        let mut seen: Vec<u32> = Vec::new();
        let crowded = 4 * model.items().len() + 1024;
        let everyone = self.query.everyone(range)?;
        let _pinned = self.query.users_as.map(|_| id_type::pinned());
        self.reader.run(|| {
            let ended = |user: Id, latest: &mut VecDeque<Option<Event>>, seen: &mut Vec<u32>| {
                let any = !latest.is_empty();
                Asked { user, events: latest.drain(..).flatten().collect(), seen: std::mem::take(seen), any }
            };
            stream::rows(&everyone, |row| {
                let id = match self.query.users {
                    IdKind::Integer => row.big(last).map(Id::Integer),
                    _ => row.text(last).map(Id::Text),
                };
                if !self.same_user(user.as_ref(), id.as_ref())?
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
        let array = array::of_texts(items.iter().map(|&i| model.items().id(i).to_string()));
        let plan = kept(&self.query.seen, &[self.query.user_type, pg_sys::TEXTOID], &self.reader)?;
        let found = self.reader.run(|| plan.select(&[arg, Arg::Text(&array)], |row| self.item(row, model)))?;
        Ok(found.into_iter().flatten().collect())
    }

    fn user<'u>(&self, user: &'u Id) -> Option<Arg<'u>> {
        match user {
            Id::Integer(i) => Some(Arg::Big(*i)),
            // An id that is no number would be an error of the cast: it names nobody.
            Id::Text(t) if self.query.numeric_user && !id_type::decimal(t) => None,
            Id::Text(t) if t.contains('\0') => None,
            Id::Text(t) => Some(Arg::Text(t)),
        }
    }

    /// The column after those of an event.
    fn after(&self) -> i32 {
        let optional = [&self.source.time_col, &self.source.weight_col, &self.source.event_col];
        let event = 2 + optional.iter().filter(|c| c.is_some()).count() + self.query.context.len();
        i32::try_from(event).unwrap_or(i32::MAX)
    }

    fn same_user(&self, a: Option<&Id>, b: Option<&Id>) -> Result<bool> {
        match (self.query.users_as, a, b) {
            (Some(t), Some(Id::Text(a)), Some(Id::Text(b))) => t.alike(a, b),
            _ => Ok(a == b),
        }
    }

    fn item(&self, row: &Row, model: &Recommender) -> Result<Option<u32>> {
        let items = model.items();
        Ok(match (&self.lookup, self.query.items) {
            (Some(lookup), _) => match row.datum(1) {
                // SAFETY: a value of the items' column, of whose type the lookup is.
                Some((_, datum)) => unsafe { lookup.find(datum, items)? },
                None => None,
            },
            (None, IdKind::Integer) => row.big(1).and_then(|i| items.find_integer(i)),
            (None, _) => row.text(1).and_then(|t| items.find_text(&t)),
        })
    }

    /// The item of a row where the model knows it, and the event where it counts.
    fn event(&self, row: &Row, time: Option<&mut Reader>, model: &Recommender) -> Result<(Option<u32>, Option<Event>)> {
        let Some(item) = self.item(row, model)? else { return Ok((None, None)) };
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
            event.weight = w.single();
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

fn kept(sql: &str, types: &[pg_sys::Oid], reader: &source_access::Reader) -> Result<Rc<Plan>> {
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
