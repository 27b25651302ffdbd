//! A list for a user: the model, the user's events (live, or those that the version holds), what may be shown, the best k.

use crate::base::memory::{self, Taken};
use crate::base::number::AsIndex;
use crate::base::{Budget, Code, Error, Result, Tensor, interrupts, tensor_names};
use crate::dataset::{Id, IdKind, Snapshot, Vocabulary};
use crate::model::recommender::CommonParams;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::backend::text::literal;
use crate::pg::query::id_type::{IdType, Lookup};
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::item_attributes::ItemSource;
use crate::pg::recommender::later_items::{self, LaterItems};
use crate::pg::recommender::live_history::{History, Live};
use crate::pg::store::cache::{self, Found, Kept};
use crate::pg::store::link_rows;
use crate::pg::store::models::{self, Scope, VersionRow};
use crate::pg::store::shared_model::{self, Model};
use crate::pg::store::use_counts::{self, Counts};
use crate::pg::store::weights::{self, Index};
use crate::serve::recommender::{Recommender, Source};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// A model as the running statement sees it, ready to serve users.
pub(crate) struct Ready {
    found: Rc<Found>,
    /// What is asked of it is counted here.
    pub counts: Rc<Counts>,
    loaded: Rc<Loaded>,
    /// The version with the items that came later, where it knows such.
    extended: Option<Rc<Extended>>,
    /// What the current role may ask.
    scope: Scope,
    /// None where the version holds the users' events itself.
    live: Option<Live>,
    /// Finds items by their type, where that takes more than their text.
    items: Option<Rc<Lookup>>,
    /// The same of users, where the version holds them.
    users: Option<Rc<Lookup>>,
}

/// Said of a list for a history without events.
pub(crate) const NO_EVENTS: &str = "popularity: no visible events";

/// A version as a backend keeps it.
struct Loaded {
    recommender: Recommender,
    /// By which the rows are known that are read when they are needed.
    index: Index,
    source: EventSource,
    /// Of the version's row: what `affinity.versions` shows is what holds.
    common: CommonParams,
    /// What finds items and the users of a snapshot by their type, once it was asked for.
    items: RefCell<Option<Rc<Lookup>>>,
    users: RefCell<Option<Rc<Lookup>>>,
    /// Where items are described, of a kind that knows items without events.
    described_by: Option<ItemSource>,
    /// With the items that the latest statement saw.
    extended: RefCell<Option<Rc<Extended>>>,
}

/// A version with items that came later.
struct Extended {
    later: LaterItems,
    recommender: Recommender,
    /// As of [`Loaded`].
    items: RefCell<Option<Rc<Lookup>>>,
}

impl Loaded {
    /// With the items that the running statement sees and the version does not know.
    fn extended(&self, found: &Found) -> Result<Option<Rc<Extended>>> {
        let Some(items) = &self.described_by else { return Ok(None) };
        let later = later_items::read(&found.model, &self.recommender, (&self.source, self.common.read_as), items)?;
        let Some(later) = later.filter(|l| !l.ids.is_empty()) else { return Ok(None) };
        if let Some(kept) = self.extended.borrow().as_ref().filter(|e| e.later == later) {
            return Ok(Some(kept.clone()));
        }
        let extended = self.recommender.extended(later.ids.iter().map(String::as_str), &later.values)?;
        let extended = extended.map(|recommender| Rc::new(Extended { later, recommender, items: RefCell::default() }));
        self.extended.borrow_mut().clone_from(&extended);
        Ok(extended)
    }
}

/// What `kept` holds, of type `typ`, or else what finds the ids of `vocabulary` by it, to be kept.
fn lookup(kept: &RefCell<Option<Rc<Lookup>>>, typ: IdType, vocabulary: &Vocabulary) -> Result<Rc<Lookup>> {
    if let Some(lookup) = kept.borrow().as_ref().filter(|l| l.typ() == typ) {
        return Ok(lookup.clone());
    }
    let made = Rc::new(Lookup::new(typ, vocabulary)?);
    *kept.borrow_mut() = Some(made.clone());
    Ok(made)
}

/// One user's scores.
pub(crate) struct Scored {
    /// One an item.
    pub scores: Vec<f32>,
    /// Where they come from.
    pub source: String,
    /// Whether that is the model, and not popularity in its place.
    pub known: bool,
    /// The events that they are for.
    pub history: History,
}

#[derive(Default)]
struct Here {
    stamp: Option<Stamp>,
    ready: HashMap<String, Rc<Ready>>,
}

thread_local! {
    /// What the running statement has looked up. Never dropped at the end of the process, where Postgres could not be called to free plans.
    static HERE: RefCell<ManuallyDrop<Here>> = RefCell::default();
}

/// The model called `name` for the running statement.
///
/// # Errors
/// Those of [`cache::find`] and [`Live::open`]; [`Code::Unsupported`] for a model that recommends nothing.
pub(crate) fn ready(name: &str) -> Result<Rc<Ready>> {
    let stamp = Stamp::now();
    let known = HERE.with_borrow_mut(|h| {
        if h.stamp != stamp || stamp.is_none() {
            h.ready.clear();
            h.stamp = stamp;
        }
        h.ready.get(name).cloned()
    });
    if let Some(ready) = known {
        return Ok(ready);
    }
    let found = cache::find(name, stamp)?;
    let loaded = cache::weights(&found, |version| load(name, version))?;
    let extended = loaded.extended(&found)?;
    let of_items = |typ| match &extended {
        Some(e) => lookup(&e.items, typ, e.recommender.items()),
        None => lookup(&loaded.items, typ, loaded.recommender.items()),
    };
    let (live, items, users) = match loaded.recommender.snapshot() {
        Some(snapshot) => {
            let of = |r: &Option<_>| r.as_ref().map(IdType::recorded).transpose().map(Option::flatten);
            let items = of(&loaded.source.item_type)?.map(of_items).transpose()?;
            let users = of(&loaded.source.user_type)?.map(|typ| lookup(&loaded.users, typ, snapshot.users())).transpose()?;
            (None, items, users)
        }
        None => {
            let live = Live::open(&found.model, loaded.source.clone(), &loaded.common, of_items)?;
            let items = live.lookup().cloned();
            (Some(live), items, None)
        }
    };
    let scope = models::scope(&found.model).unwrap_or(Scope::Score);
    let counts = use_counts::of(found.model.id);
    let ready = Rc::new(Ready { found, counts, loaded: loaded.clone(), extended, scope, live, items, users });
    HERE.with_borrow_mut(|h| {
        // Not where the look-up itself brought about another state.
        if h.stamp == stamp {
            h.ready.insert(name.to_owned(), ready.clone());
        }
    });
    Ok(ready)
}

fn load(name: &str, version: &VersionRow) -> Result<Kept<Loaded>> {
    let source = source(version)?.ok_or_else(|| {
        Error::new(Code::Unsupported, format!("model \"{name}\" scores rows; it recommends nothing"))
            .detail(format!("Its kind is {}.", version.kind))
            .hint(format!("SELECT affinity.predict({}, t) FROM … t;", literal(name)))
    })?;
    let mut bytes = version.state_text.len();
    let own = || -> Result<_> {
        let (mut tensors, index) = weights::serving(version)?;
        let recommender = Recommender::load(&version.state, &tensors)?;
        tensors.retain(|t| !tensor_names::is_of_users(&t.name));
        let users = recommender.snapshot().map_or(0, Snapshot::bytes);
        // Rows that are read later count as if they were there.
        let of = |t: &Tensor| t.shape.iter().fold(4usize, |n, d| n.saturating_mul(*d));
        bytes = tensors.iter().map(of).fold(bytes + users, usize::saturating_add);
        Ok((recommender, index))
    };
    let laid_out = |(recommender, index): &(Recommender, Index)| -> Result<_> {
        // The rows, and once more one after another.
        memory::room(recommender.rows().iter().map(|(_, links)| 2 * links.lacking()).sum())?;
        link_rows::supply(recommender, index, (version.model_id, version.version), None)?;
        Ok(recommender.laid_out())
    };
    let load = |tensors: &[Tensor]| -> Result<_> { Ok((Recommender::load(&version.state, tensors)?, Index::default())) };
    let Model { model: (recommender, index), shared } = shared_model::load(version, own, laid_out, load)?;
    let (items, users) = Default::default();
    let common = version.params.as_object().map(CommonParams::of).transpose()?.unwrap_or_default();
    let bytes = if shared { version.state_text.len() } else { bytes };
    let described_by = recorded(version, DESCRIBED_BY)?;
    let extended = RefCell::default();
    Ok(Kept { model: Loaded { recommender, index, source, common, items, users, described_by, extended }, bytes, shared })
}

/// Where a version's events are; none for one that learns from rows.
///
/// # Errors
/// [`Code::Corrupt`].
pub(crate) fn source(version: &VersionRow) -> Result<Option<EventSource>> {
    recorded(version, "events")
}

/// Where a version's state says how its items are described.
pub(crate) const DESCRIBED_BY: &str = "described_by";

/// What a version's state has under `key`.
fn recorded<T: serde::de::DeserializeOwned>(version: &VersionRow, key: &str) -> Result<Option<T>> {
    version
        .state
        .get(key)
        .map(|s| serde_json::from_value(s.clone()))
        .transpose()
        .map_err(|e| Error::new(Code::Corrupt, "the stored state of the model is damaged").detail(format!("{e}.")))
}

/// Now, as the transaction sees it: microseconds since 2000-01-01.
pub(crate) fn now() -> i64 {
    // SAFETY: reads a global of the transaction.
    unsafe { pg_sys::GetCurrentTransactionStartTimestamp() }
}

impl Ready {
    /// The item side.
    pub(crate) fn recommender(&self) -> &Recommender {
        self.extended.as_ref().map_or(&self.loaded.recommender, |e| &e.recommender)
    }

    /// Refuses what the current role may not ask: [`models::allow`].
    ///
    /// # Errors
    /// [`Code::Privilege`].
    pub(crate) fn allow(&self, needed: Scope, what: &str) -> Result<()> {
        if self.scope >= needed { Ok(()) } else { models::allow(&self.found.model, needed, what) }
    }

    /// Whether the current role has the rights of the model's owner.
    pub(crate) fn is_owner(&self) -> bool {
        self.found.model.owner.held()
    }

    /// Whether lists leave out what a user had: as asked, which takes the whole scope where it is not as the model does it, since what two
    /// lists differ in is what the user had.
    ///
    /// # Errors
    /// [`Code::Privilege`].
    pub(crate) fn exclude_seen(&self, asked: Option<bool>) -> Result<bool> {
        let usual = !self.recommender().repeats();
        self.allow(Scope::Lists, "lists for users")?;
        match asked {
            Some(other) if other != usual => self.allow(Scope::All, &format!("lists with exclude_seen => {other}")).map(|()| other),
            _ => Ok(usual),
        }
    }

    /// How many of a user's latest events count.
    pub(crate) fn history_limit(&self) -> usize {
        self.loaded.common.history_limit
    }

    /// Where the events of training were.
    pub(crate) fn source(&self) -> &EventSource {
        &self.loaded.source
    }

    /// Reads the stored rows of `items` that this backend lacks, none: of all, before the model is asked about them.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub(crate) fn supply(&self, items: Option<&[u32]>) -> Result<()> {
        // What came later has no row.
        let known = |items: &[u32]| items.iter().copied().filter(|i| i.index() < self.loaded.recommender.items().len()).collect::<Vec<_>>();
        let items = items.map(known);
        link_rows::supply(&self.loaded.recommender, &self.loaded.index, (self.found.model.id, self.found.version), items.as_deref())
    }

    /// As [`Ready::supply`] of all rows, which are booked until what comes back is dropped.
    ///
    /// # Errors
    /// [`Code::Corrupt`]; [`Code::OutOfMemory`] when the budget does not have them.
    pub(crate) fn supply_all<'b>(&self, budget: &'b Budget) -> Result<Taken<'b>> {
        let bytes = self.loaded.recommender.rows().iter().map(|(_, links)| links.lacking()).sum();
        let booked = budget.take(bytes, "the links of all items")?;
        self.supply(None).map(|()| booked)
    }

    /// The index of an item's id, as its type compares.
    ///
    /// # Errors
    /// Postgres raises what is no value of that type.
    pub(crate) fn find_item(&self, id: &Id) -> Result<Option<u32>> {
        Lookup::index(self.items.as_deref(), id, self.recommender().items())
    }

    /// The indices of the ids that are known, in the order of `ids`.
    ///
    /// # Errors
    /// As [`Ready::find_item`]; [`Code::OutOfMemory`].
    pub(crate) fn known_items(&self, ids: &[Id]) -> Result<Vec<u32>> {
        let mut known = Vec::new();
        for (step, id) in ids.iter().enumerate() {
            interrupts::check_at(step);
            if let Some(index) = self.find_item(id)? {
                memory::reserve(&mut known, 1)?;
                known.push(index);
            }
        }
        Ok(known)
    }

    /// What user ids are: in the relation now, or in the snapshot.
    pub(crate) fn users(&self) -> IdKind {
        self.live.as_ref().map_or(self.loaded.recommender.user_ids(), Live::users)
    }

    /// The type by which the users of a snapshot are equal, where it is not by their text.
    pub(crate) fn users_as(&self) -> Option<IdType> {
        self.users.as_ref().map(|lookup| lookup.typ())
    }

    /// The reading of the users' events; none where the version holds them.
    pub(crate) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// The model's name and version.
    pub(crate) fn name(&self) -> (&str, i32) {
        (&self.found.model.name, self.found.version)
    }

    /// Every item's score for a user's `history`.
    pub(crate) fn scored(&self, history: History) -> Result<Scored> {
        let none = if self.live.is_some() { NO_EVENTS } else { "popularity: not in the snapshot" };
        let (scores, source, known) = self.score_of(&history, none)?;
        Ok(Scored { scores, source, known, history })
    }

    /// The events of `user`, from where this version has them.
    ///
    /// # Errors
    /// What reading them raises.
    pub(crate) fn history(&self, user: &Id) -> Result<History> {
        match &self.live {
            Some(live) => live.history(user, self.recommender()),
            None => {
                let Some(snapshot) = self.loaded.recommender.snapshot() else { return Ok(History::default()) };
                let index = Lookup::index(self.users.as_deref(), user, snapshot.users())?;
                Ok(index.map_or_else(History::default, |u| History::stored(snapshot, u)))
            }
        }
    }

    /// Whether the version holds events of `user`; none where it holds nobody's.
    ///
    /// # Errors
    /// As [`Ready::find_item`].
    pub(crate) fn knows_user(&self, user: &Id) -> Result<Option<bool>> {
        let Some(snapshot) = self.loaded.recommender.snapshot() else { return Ok(None) };
        Lookup::index(self.users.as_deref(), user, snapshot.users()).map(|u| Some(u.is_some()))
    }

    /// Every item's score for `history`, where they come from (`none` where the history has nothing), and whether that is the model.
    pub(crate) fn score_of(&self, history: &History, none: &str) -> Result<(Vec<f32>, String, bool)> {
        let items: Vec<u32> = history.events.iter().map(|e| e.item).collect();
        self.supply(Some(&items))?;
        let mut scores = crate::base::zeros(self.recommender().items().len())?;
        let source = self.recommender().score_history(&history.events, now(), &mut scores);
        Ok((scores, self.said(source, history.any, none).to_owned(), source == Source::History))
    }

    /// What is said of where a list comes from: `none` where there were no events at all.
    pub(crate) fn said<'a>(&'a self, source: Source, any: bool, none: &'a str) -> &'a str {
        match source {
            Source::History => self.loaded.recommender.kind(),
            Source::NoEvents if !any => none,
            Source::NoEvents | Source::NothingKnown => "popularity: no known items among the events",
        }
    }
}
