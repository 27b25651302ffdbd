//! A trained recommender at work: a user's history in, a score for each item out.

use crate::base::number::AsIndex;
use crate::base::tensor_names::{ITEM_VALUES, ITEMS, POPULARITY};
use crate::base::{Code, Error, Result, Shared, Tensor};
use crate::dataset::event::order;
use crate::dataset::{Event, EventContext, Id, IdKind, Interactions, ItemColumns, ItemColumnsState, ItemValues, Snapshot, Vocabulary};
use crate::kernel::topk::top_k;
use crate::model::factors::Factors;
use crate::model::kinds::{self, KINDS};
use crate::model::lift::Together;
use crate::model::links::Links;
use crate::model::recommender::{CommonParams, ItemScorer, Model, Stored};
use crate::serve::known_events::Known;
use serde_json::{Map, Value};

/// What a version says of itself beside its tensors.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct State {
    /// The kind that was fitted; never `auto`.
    pub kind: String,
    /// How many items the model knows.
    pub items: usize,
    /// What item ids are.
    pub item_ids: IdKind,
    /// What user ids are.
    pub user_ids: IdKind,
    /// Of the order of equal times.
    pub seed: u64,
    /// The parameters, resolved, with what was chosen on held-out events.
    pub params: Map<String, Value>,
    /// Of the context that the model learned from; none where it did not.
    #[serde(default, skip_serializing_if = "EventContext::is_empty")]
    pub context: EventContext,
    /// The columns that describe items, of a kind that knows items without events; none of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<ItemColumnsState>,
    /// How many users' events the version holds; none where they are read live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<usize>,
    /// How many users it learned from; none of versions of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_users: Option<usize>,
    /// The share of the users whose last events were held out, which is more than was asked for where users are few.
    #[serde(default)]
    pub held_share: f64,
    /// When the last event was; none where events have no times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<i64>,
}

/// Where a list comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From the user's history, by the model's kind.
    History,
    /// The user has no events that the caller or owner can see.
    NoEvents,
    /// The user's events say nothing to the model: items that it never saw, or without links.
    NothingKnown,
}

/// The item side of a version, ready to score any history; with the users' events where the version holds them.
#[derive(Debug)]
pub struct Recommender {
    state: State,
    items: Vocabulary,
    popularity: Shared<f32>,
    described: Option<ItemColumns>,
    model: Model,
    snapshot: Option<Snapshot>,
    common: CommonParams,
}

/// The model's scores; popularity's where it knows nothing of the history.
pub fn with_fallback(model: &dyn ItemScorer, popularity: &[f32], history: &[Event], now: i64, out: &mut [f32]) {
    if history.is_empty() || !model.score(history, now, out) {
        out.copy_from_slice(popularity);
    }
}

impl Recommender {
    /// From what a training stored.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when state and tensors do not fit each other.
    pub fn load(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let mut loaded = Self::item_side(state, tensors)?;
        let s = &loaded.state;
        loaded.snapshot = s.users.map(|users| Snapshot::from_tensors(s.user_ids, users, s.items, tensors)).transpose()?;
        Ok(loaded)
    }

    /// The tensors that [`Recommender::load`] takes without a copy where they are parts of a file. No row of links may be lacking.
    pub fn laid_out(&self) -> Vec<Tensor> {
        let mut all = self.items.to_tensors(ITEMS);
        all.push(Tensor::f32(POPULARITY, [self.popularity.len()], self.popularity.clone()));
        all.extend(self.described.iter().flat_map(|d| d.to_tensors(ITEM_VALUES)));
        all.extend(self.model.laid_out());
        all.extend(self.snapshot.iter().flat_map(Snapshot::laid_out));
        all
    }

    /// Without the users' events, should there be any.
    pub fn item_side(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let state: State = serde_json::from_value(state.clone())
            .map_err(|e| Error::new(Code::Corrupt, "the stored state of the model is damaged").detail(format!("{e}.")))?;
        let items = Vocabulary::from_tensors(ITEMS, state.item_ids, state.items, tensors)?;
        state.context.check()?;
        let popularity = crate::model::network_tensors::floats(tensors, POPULARITY, &[state.items])?;
        let described = state.described.clone().map(|d| ItemColumns::from_tensors(ITEM_VALUES, d, tensors)).transpose()?;
        let stored = Stored { items: state.items, params: &state.params, tensors, kinds: KINDS };
        let model = (kinds::kind(&state.kind)?.load)(&stored)?;
        let common = CommonParams::of(&state.params)?;
        Ok(Self { state, items, popularity, described, model, snapshot: None, common })
    }

    /// The columns that describe items, where the model knows items without events by them.
    pub fn described(&self) -> Option<&ItemColumns> {
        self.described.as_ref()
    }

    /// The same with items that came later, by the texts of their ids and their values; without the users' events, should there be any. None
    /// of a kind that knows no item without events.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for an id of another kind.
    pub fn extended<'t>(&self, ids: impl Iterator<Item = &'t str>, values: &ItemValues) -> Result<Option<Self>> {
        let Some(model) = self.model.extended(values) else { return Ok(None) };
        let items = self.items.with_later(ids)?;
        let mut popularity = crate::base::zeros(items.len())?;
        popularity[..self.popularity.len()].copy_from_slice(&self.popularity);
        let (state, common) = (self.state.clone(), self.common.clone());
        Ok(Some(Self { state, items, popularity: popularity.into(), described: None, model, snapshot: None, common }))
    }

    /// The fitted kind.
    pub fn model(&self) -> &dyn ItemScorer {
        &*self.model
    }

    /// The parameters, with what was chosen on held-out events.
    pub fn params(&self) -> &Map<String, Value> {
        &self.state.params
    }

    /// The kind that was fitted.
    pub fn kind(&self) -> &str {
        &self.state.kind
    }

    /// Whether scores depend on the history.
    pub fn reads_history(&self) -> bool {
        self.model.reads_history()
    }

    /// Whether lists hold what the user had, unless they are asked not to.
    pub fn repeats(&self) -> bool {
        self.common.repeats.unwrap_or(false)
    }

    /// Whether its scores tell what of a user's items is had again: of a kind for repeats, and of others whose lists hold what a user had and
    /// that read what that is.
    pub fn foresees_repeats(&self) -> bool {
        kinds::kind(&self.state.kind).is_ok_and(|k| k.repeats) || (self.repeats() && self.reads_history())
    }

    /// Whether a list follows from one item of a history; not where the history is not read, or is itself what lists are of.
    pub fn follows(&self) -> bool {
        self.reads_history() && kinds::kind(&self.state.kind).is_ok_and(|k| !k.repeats)
    }

    /// Whether scores are sums of links, of which those below 0 say that two items do not go together.
    pub fn adds_links(&self) -> bool {
        self.model.links().is_some() && self.model.recency().is_some()
    }

    /// How the events of `data` become this model's.
    pub fn known(&self, data: &Interactions) -> Known {
        Known::new(data, &self.items, &self.state.context)
    }

    /// The share of the users whose last events were held out when the version was trained.
    pub fn held_share(&self) -> f64 {
        self.state.held_share
    }

    /// How many users it learned from, where that was stored.
    pub fn learned_users(&self) -> Option<usize> {
        self.state.learned_users
    }

    /// When the last event of the training was; none where events have no times.
    pub fn latest(&self) -> Option<i64> {
        self.state.latest
    }

    /// What user ids are.
    pub fn user_ids(&self) -> IdKind {
        self.state.user_ids
    }

    /// The users' events of training, where the version holds them; none where they are read live.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// How the columns of the events' context become the codes of an event; none where the model does not know any.
    pub fn context(&self) -> &EventContext {
        &self.state.context
    }

    /// A user's events, in any order, into the order in which training saw them.
    pub fn order(&self, user: &Id, events: &mut [Event]) {
        order(events, self.state.seed, user.hash(), |i| self.items.hash(i));
    }

    /// The items.
    pub fn items(&self) -> &Vocabulary {
        &self.items
    }

    /// Users of each item, the ties' order.
    pub fn popularity(&self) -> &[f32] {
        &self.popularity
    }

    /// Scores every item for a user's events (any order among equal times, oldest first), as of `now` (microseconds since 2000-01-01).
    /// `out` has one an item.
    pub fn score_history(&self, history: &[Event], now: i64, out: &mut [f32]) -> Source {
        if !history.is_empty() && self.model.score(history, now, out) {
            return Source::History;
        }
        out.copy_from_slice(&self.popularity);
        if history.is_empty() { Source::NoEvents } else { Source::NothingKnown }
    }

    /// Scores every item by its likeness to `item`; false when nothing is known of it.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no likeness.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        self.model.similar(item, out)
    }

    /// See [`ItemScorer::together`].
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no baskets.
    pub fn together(&self, item: u32) -> Result<Vec<Together>> {
        self.model.together(item)
    }

    /// The vector of `item`; none for one that the events say nothing of.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without vectors.
    pub fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        self.model.item_vector(item)
    }

    /// The vector of a user with this history (oldest first), whose product with an item's is the item's score; none when nothing of it
    /// counts.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without such vectors.
    pub fn user_vector(&self, history: &[Event]) -> Result<Option<Vec<f32>>> {
        self.model.user_vector(history)
    }

    /// The vectors, of kinds whose score is a product of two.
    pub fn factors(&self) -> Option<&Factors> {
        self.model.factors()
    }

    /// See [`ItemScorer::rows`].
    pub fn rows(&self) -> Vec<(String, &Links)> {
        self.model.rows()
    }

    /// See [`ItemScorer::likeness`].
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no likeness.
    pub fn likeness(&self, item: u32, others: &[u32], scratch: &mut [f32], out: &mut [f32]) -> Result<()> {
        self.model.likeness(item, others, scratch, out)
    }

    /// The best `k` items of `scores`; a score of −∞ is left out. Equal scores: the more popular item, then the smaller id.
    pub fn best<'s>(&self, scores: &'s [f32], k: usize) -> impl Iterator<Item = (u32, f32)> + use<'s> {
        top_k(scores, k, Some(&self.popularity)).into_iter().map(|i| (i, scores[i.index()]))
    }

    /// [`Recommender::best`] with the items' ids.
    pub fn top(&self, scores: &[f32], k: usize) -> Vec<(u32, Id, f32)> {
        self.best(scores, k).map(|(i, score)| (i, self.items.id(i), score)).collect()
    }
}
