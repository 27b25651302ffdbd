//! The road of a recommender: events in, the item side of a model and a report out; and back: a user's history in, a list out.

use crate::base::params::{self, Spec};
use crate::base::{Code, Context, Error, Result, Tensor};
use crate::dataset::event::order;
use crate::dataset::{Circumstances, Event, Id, IdKind, Interactions, Snapshot, Step, Vocabulary};
use crate::kernel::topk::top_k;
use crate::model::Kind;
use crate::model::factors::Factors;
use crate::model::held::{ENOUGH, Held};
use crate::model::links::Links;
use crate::model::popularity::Popularity;
use crate::model::recommender::{self as kinds, JUDGED_AT, Model, history_limit};
use crate::model::tried::AUTO;
use crate::model::tune::chooses;
use crate::train::known::Known;
use crate::train::verdict::{self, Incumbent, Verdict};
use crate::train::{Report, Trained, choose};
use serde_json::{Map, Value, json};

/// Tensors of the model that has not seen its held-out events have this before their names.
pub(super) const HOLDOUT: &str = "holdout.";

/// What a version says of itself beside its tensors.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct State {
    /// The kind that was fitted; never `auto`.
    kind: String,
    items: usize,
    item_ids: IdKind,
    user_ids: IdKind,
    /// Of the order of equal times.
    seed: u64,
    params: Map<String, Value>,
    /// Of the context that the model learned from; none where it did not.
    #[serde(default, skip_serializing_if = "Circumstances::is_empty")]
    context: Circumstances,
    /// How many users' events the version holds; none where they are read live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    users: Option<usize>,
    /// The share of the users whose last events were held out, which is more than was asked for where users are few.
    #[serde(default)]
    held_share: f64,
    /// When the last event was; none where events have no times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest: Option<i64>,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Recommender {
    state: State,
    items: Vocabulary,
    popularity: Vec<f32>,
    model: Model,
    snapshot: Option<Snapshot>,
}

/// The parameters of `kind`; of `auto`, its own and those that all kinds share.
///
/// # Errors
/// [`Code::UndefinedObject`] for an unknown kind.
pub fn specs(kind: &str) -> Result<Vec<Spec>> {
    if kind == "auto" {
        return Ok(AUTO.iter().chain(kinds::COMMON).copied().collect());
    }
    let known = kinds::kind(kind).map_err(|e| match Kind::parse(kind) {
        Ok(_) => e.hint(format!("Kind {kind} learns from rows: affinity.train('model', 'relation', …, kind => '{kind}').")),
        Err(_) => e,
    });
    known.map(kinds::specs)
}

/// Checks parameters before anything is read.
///
/// # Errors
/// [`Code::InvalidParameter`], [`Code::UndefinedObject`].
pub fn check(kind: &str, given: &Value) -> Result<Map<String, Value>> {
    let mut resolved = params::resolve(kind, &specs(kind)?, given)?;
    kinds::check(kind, &mut resolved)?;
    let is = |name: &str, word: &str| resolved.get(name).and_then(Value::as_str) == Some(word);
    if is("users", "snapshot") && is("read_as", "caller") {
        return Err(Error::new(Code::InvalidParameter, "parameter \"read_as\" needs users \"live\"")
            .detail("A snapshot holds what training could read, and shows it to all who may use the model.")
            .hint("Leave out one of the two."));
    }
    Ok(resolved)
}

/// Without times, this share of events with items had already is worth a word.
const OFTEN: f64 = 0.2;

/// Fits `kind` to `data`: judged on the last events (or sessions, where events come in such) of some users, beside popularity and the `incumbent` (the deployed version) on the same events, then
/// fitted again to all. `auto` takes the kind that is best on held-out events of other users. `skipped` rows were left out when the events were read.
///
/// # Errors
/// [`Code::InvalidParameter`], [`Code::Data`], [`Code::Cancelled`], [`Code::OutOfMemory`].
pub fn fit(data: &Interactions, kind: &str, given: &Value, skipped: u64, incumbent: Option<&Incumbent>, ctx: &Context) -> Result<Trained> {
    let common = check(kind, given)?;
    let _booked = ctx.budget.take(data.bytes() * 2, "the events")?;
    let asked = common.get("holdout").and_then(Value::as_f64).unwrap_or(0.0);
    let refit = common.get("refit").and_then(Value::as_bool).unwrap_or(true);
    let step = Step::of(data);
    let mut report = Report { rows_used: data.events().len() as u64, rows_skipped: skipped, ..Report::default() };
    let (asked_for, untimed) = (common.get("repeats").and_then(Value::as_bool), data.span() == 0);
    let repeats = asked_for.unwrap_or_else(|| data.repeats() || (kind == "repeat" && untimed));
    if untimed && asked_for.is_none() && !repeats {
        report.notices.extend(had_again(data));
    }
    let share = verdict::share(data, step, asked, refit);
    let (rest, judge) = Held::split(data, step, repeats, 0.0, share)?;
    // What a kind leaves open is chosen on other users than those it is judged by, or, where they are few, on what those did before, too.
    let least = if share > 0.0 { share.min(1.0 - share) / 2.0 } else { 0.1 };
    let enough = ENOUGH as f64 / data.users.len() as f64;
    let (from, tune_share) = if enough > 1.0 - share { (0.0, 1.0) } else { (share, enough.max(least)) };
    let open = chooses(kind, &common, data.items.len());
    let split = open.then(|| Held::split(&rest, step, repeats, from, tune_share)).transpose()?.filter(|(_, tune)| !tune.is_empty());
    let (seen, tune) = split.as_ref().map_or((&rest, None), |(seen, tune)| (seen, Some(tune)));

    let auto = kind == "auto";
    let (mut kind, mut resolved, mut fitted) = choose::fit(kind, given, seen, tune, &mut report, ctx)?;

    let deployed = incumbent;
    let incumbent = deployed.filter(|i| i.held_out(share));
    if deployed.is_some() && incumbent.is_none() {
        report.notices.push("the deployed version was not judged on the held-out events: it learned from some of these events".into());
    }
    let popularity = Popularity::plain(&rest)?.scores;
    ctx.watch.phase("judging");
    let mut verdict = verdict::judge(&fitted.model, &popularity, &rest, &judge, incumbent, ctx)?;
    let chosen_by = || match tune {
        Some(tune) => verdict::judge(&fitted.model, &Popularity::plain(seen)?.scores, seen, tune, None, ctx),
        None => Ok(None),
    };
    if let (true, Some(v)) = (auto, &verdict)
        && v.gives_way(chosen_by, ctx.seed)?
    {
        report.notices.push(format!(
            "auto chose popularity: on {} held-out lists kind {kind} has an ndcg@{JUDGED_AT} of {:.5}, popularity of {:.5}",
            v.own.users, v.own.ndcg, v.popularity.ndcg
        ));
        verdict = verdict.map(Verdict::of_popularity);
        (kind, resolved, fitted) = choose::popularity(given, &rest, ctx)?;
    }
    resolved.extend(fitted.chosen);
    resolved.insert("repeats".into(), json!(repeats));
    report.epochs = fitted.epochs;
    report.unknown = incumbent.map(|i| i.unknown(data));
    match &verdict {
        Some(v) => v.tell(kind, &mut report),
        None if judge.is_empty() => {
            report.notices.push("no user has two events to hold the last one out, so this version is not judged".into())
        }
        None => report.notices.push(
            "what was held out is new to all or known to its users, so there is nothing to find and this version is not judged".into(),
        ),
    }

    let mut tensors = Vec::new();
    if !judge.is_empty() {
        tensors.extend(fitted.model.to_tensors());
        tensors.push(popularity_tensor(popularity));
        tensors.iter_mut().for_each(|t| t.name.insert_str(0, HOLDOUT));
    }
    // Where nothing was held out, all events were learned from already.
    let whole = judge.is_empty() && tune.is_none();
    let model = if refit && !whole { kinds::fit(kind, &resolved, data, None, ctx)?.model } else { fitted.model };
    if !data.attributes.is_empty() && !model.uses_attributes() {
        report.notices.push(format!("kind {kind} does not learn from items; ranker does, where users have things again"));
    }
    if !data.context.is_empty() && !model.uses_context() {
        report.notices.push(format!("kind {kind} does not learn from the events' context; ranker does, where users have things again"));
    }
    let context = if model.uses_context() { data.context.clone() } else { Circumstances::default() };
    tensors.extend(model.to_tensors());
    tensors.extend(data.items.to_tensors("items"));
    tensors.push(popularity_tensor(Popularity::plain(data)?.scores));
    let snapshot = snapshot(data, &resolved, ctx)?;
    if let Some(s) = &snapshot {
        tensors.extend(s.to_tensors());
    }
    let state = State {
        kind: kind.to_owned(),
        items: data.items.len(),
        item_ids: data.items.kind(),
        user_ids: data.users.kind(),
        seed: ctx.seed,
        params: resolved.clone(),
        context,
        users: snapshot.map(|s| s.len()),
        held_share: share,
        latest: Some(data.latest()).filter(|_| data.span() > 0),
    };
    let state = serde_json::to_value(state).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok(Trained { params: Value::Object(resolved), state, tensors, report })
}

/// What is to be said where events without times are often of items that their user has in others.
fn had_again(data: &Interactions) -> Option<String> {
    let again = data.again();
    (again >= OFTEN).then(|| {
        format!(
            "{:.0} % of the events are of items that their user has in other events, too; as they have no times, lists leave out what a user had \
             (params => '{{\"repeats\": true}}' keeps it in them)",
            100.0 * again
        )
    })
}

/// How many users have each item.
fn popularity_tensor(scores: Vec<f32>) -> Tensor {
    Tensor::f32("items.popularity", [scores.len()], scores)
}

/// The users' latest events, where the version is to hold them.
fn snapshot(data: &Interactions, params: &Map<String, Value>, ctx: &Context) -> Result<Option<Snapshot>> {
    if params.get("users").and_then(Value::as_str) != Some("snapshot") {
        return Ok(None);
    }
    let limit = history_limit(params.get("history_limit"));
    // At most as much as the events themselves, and again as tensors.
    let _booked = ctx.budget.take((data.bytes() - data.items.bytes()) * 2, "the snapshot of the users' events")?;
    Snapshot::of(data, limit, ctx).map(Some)
}

/// The model's scores; popularity's where it knows nothing of the history.
pub(super) fn with_fallback(model: &Model, popularity: &[f32], history: &[Event], now: i64, out: &mut [f32]) {
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

    /// Without the users' events, should there be any.
    pub(super) fn item_side(state: &Value, tensors: &[Tensor]) -> Result<Self> {
        let state: State = serde_json::from_value(state.clone())
            .map_err(|e| Error::new(Code::Corrupt, "the stored state of the model is damaged").detail(format!("{e}.")))?;
        let items = Vocabulary::from_tensors("items", state.item_ids, state.items, tensors)?;
        state.context.check()?;
        let popularity = crate::model::popularity::floats(tensors, "items.popularity", &[state.items])?;
        let model = Model::from_tensors(&state.kind, &state.params, state.items, tensors)?;
        Ok(Self { state, items, popularity, model, snapshot: None })
    }

    /// The kind that was fitted.
    pub fn kind(&self) -> &str {
        &self.state.kind
    }

    /// Whether lists hold what the user had, unless they are asked not to.
    pub fn repeats(&self) -> bool {
        self.state.params.get("repeats").and_then(Value::as_bool).unwrap_or(false)
    }

    /// How the events of `data` become this model's.
    pub(super) fn known(&self, data: &Interactions) -> Known {
        Known::new(data, &self.items, &self.state.context)
    }

    /// The share of the users whose last events were held out when the version was trained.
    pub(super) fn held_share(&self) -> f64 {
        self.state.held_share
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
    pub fn context(&self) -> &Circumstances {
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

    /// Scores every item for a user's events (any order among equal times, oldest first), as of `now` (microseconds since 2000-01-01). `out` has one an item.
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

    /// The vector of `item`; none for one that the events say nothing of.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without vectors.
    pub fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        self.model.item_vector(item)
    }

    /// The vector of a user with this history (oldest first), whose product with an item's is the item's score; none when nothing of it counts.
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

    /// See [`Model::rows`].
    pub fn rows(&self) -> Vec<(String, &Links)> {
        self.model.rows()
    }

    /// See [`Model::likeness`].
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no likeness.
    pub fn likeness(&self, item: u32, others: &[u32], scratch: &mut [f32], out: &mut [f32]) -> Result<()> {
        self.model.likeness(item, others, scratch, out)
    }

    /// The best `k` items of `scores`; a score of −∞ is left out. Equal scores: the more popular item, then the smaller id.
    pub fn best<'s>(&self, scores: &'s [f32], k: usize) -> impl Iterator<Item = (u32, f32)> + use<'s> {
        top_k(scores, k, Some(&self.popularity)).into_iter().map(|i| (i, scores[i as usize]))
    }

    /// [`Recommender::best`] with the items' ids.
    pub fn top(&self, scores: &[f32], k: usize) -> Vec<(u32, Id, f32)> {
        self.best(scores, k).map(|(i, score)| (i, self.items.id(i), score)).collect()
    }
}
