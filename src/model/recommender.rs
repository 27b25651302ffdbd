//! What a kind that learns from events is: one value of [`Kind`], and what its fit gives is an [`ItemScorer`].
//!
//! A kind's file exports its `KIND`; [`crate::model::kinds`] lists them. Nothing else names one, but hints that show a call.

use crate::base::number::AsIndex;
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Context, Epoch, Error, Result, Tensor, names};
use crate::dataset::{Event, Interactions, ItemValues};
use crate::model::factors::Factors;
use crate::model::holdout::Holdout;
use crate::model::lift::Together;
use crate::model::links::Links;
use crate::model::products::{Folder, Products};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt::Debug;

/// All kinds, in the order in which they are shown and tried.
pub type Kinds = [&'static Kind];

/// A kind of recommender: what is said of it, and what it does.
#[derive(Debug)]
pub struct Kind {
    /// As in `kind => …`.
    pub name: &'static str,
    /// What it is good for, a sentence.
    pub for_what: &'static str,
    /// Its own parameters; [`COMMON`] come to them.
    pub specs: &'static [Spec],
    /// Whether `auto` tries it on these events: where it can be of use and trains in minutes; none: it never does.
    pub auto: Option<fn(&Interactions) -> bool>,
    /// Whether a fit leaves something open that held-out events decide, whatever the parameters: when to stop, what counts how much.
    pub tunes: bool,
    /// Whether it learns from what describes the items and knows those, too, that nobody had yet: then the call must name such a relation.
    pub describes: bool,
    /// Whether it is for what is had again: then lists hold what a user had where events have no times, too.
    pub repeats: bool,
    /// The values of its parameter `regularization` that are tried for so many items where none is given; none for a kind without.
    pub regularizations: fn(usize) -> &'static [f32],
    /// Checks its own parameters beyond types and ranges, and fills in what they leave out.
    pub check: fn(&Kinds, &mut Map<String, Value>) -> Result<()>,
    /// Learns.
    pub fit: fn(&Job<'_>) -> Result<Fitted>,
    /// Back from the tensors of [`ItemScorer::to_tensors`] or [`ItemScorer::laid_out`].
    pub load: fn(&Stored<'_>) -> Result<Model>,
}

impl Kind {
    /// A kind that `auto` never tries, and that leaves nothing open but its recency; the others say what is otherwise.
    pub const fn usual(
        name: &'static str,
        for_what: &'static str,
        specs: &'static [Spec],
        fit: fn(&Job<'_>) -> Result<Fitted>,
        load: fn(&Stored<'_>) -> Result<Model>,
    ) -> Self {
        Self {
            name,
            for_what,
            specs,
            auto: None,
            tunes: false,
            describes: false,
            repeats: false,
            regularizations: |_| &[],
            check: |_, _| Ok(()),
            fit,
            load,
        }
    }

    /// All its parameters.
    pub fn all_specs(&self) -> Vec<Spec> {
        self.specs.iter().chain(COMMON).copied().collect()
    }

    /// Whether it has a parameter called so beside [`COMMON`].
    pub fn takes(&self, parameter: &str) -> bool {
        self.specs.iter().any(|s| s.name == parameter)
    }
}

/// In the place of a kind: those that suit the events are tried, and the best, or the blend of them, is what is trained.
pub const AUTO: &str = "auto";

/// The kind of `kinds` that is called `name`.
///
/// # Errors
/// [`Code::UndefinedObject`], with "did you mean".
pub fn find(kinds: &Kinds, name: &str) -> Result<&'static Kind> {
    if let Some(known) = kinds.iter().copied().find(|k| k.name == name) {
        return Ok(known);
    }
    names::check("kind", name)?;
    let known = kinds.iter().map(|k| k.name);
    let e = Error::new(Code::UndefinedObject, format!("unknown kind \"{name}\" of recommender"))
        .detail(format!("Kinds are: {AUTO}, {}.", known.clone().collect::<Vec<_>>().join(", ")));
    Err(match names::nearest(name, known) {
        Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
        None => e.hint("See: SELECT * FROM affinity.kinds()."),
    })
}

/// What a fit gets.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The events to learn from.
    pub data: &'a Interactions,
    /// The parameters, resolved.
    pub params: &'a Map<String, Value>,
    /// Held-out events that are not in `data`, where there are any: what the kind leaves open is chosen on them.
    pub tune: Option<&'a Holdout>,
    /// The kinds that there are, for one that is made of others.
    pub kinds: &'static Kinds,
    /// A fitted model of the kind to begin from; a kind that cannot begins anew.
    pub warm: Option<Warm<'a>>,
    /// Threads, memory, seed, who watches.
    pub ctx: &'a Context<'a>,
}

/// A fitted model that a fit begins from: few epochs lead from the weights of yesterday to those of today.
#[derive(Debug, Clone, Copy)]
pub struct Warm<'a> {
    /// It.
    pub model: &'a dyn ItemScorer,
    /// Its parameters.
    pub params: &'a Map<String, Value>,
    /// How many items it knows.
    pub known: usize,
    /// Its number of each item of the events; none for those that are new.
    pub items: &'a [Option<u32>],
}

impl Warm<'_> {
    /// Calls `copy(item, its item)` for each item that the model knows.
    pub fn each_known(&self, mut copy: impl FnMut(usize, usize)) {
        self.items.iter().enumerate().for_each(|(item, own)| {
            if let Some(own) = own {
                copy(item, own.index())
            }
        });
    }
}

/// What a version stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// How many items.
    pub items: usize,
    /// The stored parameters.
    pub params: &'a Map<String, Value>,
    /// The tensors, the kind's among them.
    pub tensors: &'a [Tensor],
    /// The kinds that there are.
    pub kinds: &'static Kinds,
}

/// What a fit gives.
#[derive(Debug)]
pub struct Fitted {
    /// The item side.
    pub model: Model,
    /// The learning curve, for kinds that have one.
    pub epochs: Vec<Epoch>,
    /// Parameters that were chosen on the held-out events; a fit that is given them chooses no more.
    pub chosen: Map<String, Value>,
}

impl Job<'_> {
    /// Of a kind that asks for no other kinds.
    #[cfg(test)]
    pub fn alone<'a>(data: &'a Interactions, params: &'a Map<String, Value>, tune: Option<&'a Holdout>, ctx: &'a Context<'a>) -> Job<'a> {
        Job { data, params, tune, kinds: &[], warm: None, ctx }
    }
}

impl Fitted {
    /// Of a kind that has a learning curve, or an empty one, and chose nothing.
    pub fn new(model: impl ItemScorer + 'static, epochs: Vec<Epoch>) -> Self {
        Self { model: Box::new(model), epochs, chosen: Map::new() }
    }
}

/// The list length at which recommenders are evaluated.
pub const EVALUATED_AT: usize = 20;

/// Parameters that every kind of recommender has.
pub const COMMON: &[Spec] = &[
    Spec::new("holdout", ParamType::Number, "0.2", "Share of users whose last event is held out to evaluate the model; 0: not evaluated.")
        .within(0.0, 0.9),
    Spec::new(
        "repeats",
        ParamType::Bool,
        "null",
        "Whether lists may hold what the user had; null: as the events say, where a fifth are of such items.",
    ),
    Spec::new("refit", ParamType::Bool, "true", "Whether to train again on all events after evaluating."),
    Spec::new("history_limit", ParamType::Integer, "2000", "A user's latest events that a list is made from.").within(1.0, 100_000.0),
    Spec::new(
        "users",
        ParamType::Choice(&["live", "snapshot"]),
        "\"live\"",
        "Whether a user's events are read in each query, or stored with the version as they are at training.",
    ),
    Spec::new("read_as", ParamType::Choice(&["owner", "caller"]), "\"owner\"", "With whose rights a user's events are read live."),
    Spec::new("keep", ParamType::Integer, "3", "Versions that are kept.").within(1.0, 1000.0),
];

/// The values of [`COMMON`]; what a version lacks is as [`COMMON`] has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct CommonParams {
    /// Share of users whose last event is held out.
    pub holdout: f64,
    /// Whether lists may hold what the user had; none: as the events say.
    pub repeats: Option<bool>,
    /// Whether to train again on all events after evaluating.
    pub refit: bool,
    /// A user's latest events that a list is made from.
    pub history_limit: usize,
    /// Where a user's events are when a list is made.
    pub users: Users,
    /// With whose rights they are read live.
    pub read_as: ReadAs,
}

/// Where users' events are when a list is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Users {
    /// In the relation, as they are then.
    Live,
    /// With the version, as they were at training.
    Snapshot,
}

/// With whose rights events are read live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadAs {
    /// The model's owner's.
    Owner,
    /// Those of who asks.
    Caller,
}

impl Default for CommonParams {
    fn default() -> Self {
        Self { holdout: 0.2, repeats: None, refit: true, history_limit: 2000, users: Users::Live, read_as: ReadAs::Owner }
    }
}

impl CommonParams {
    /// Of a version's stored parameters, or of resolved ones.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for values that [`params::resolve`] has not made.
    pub fn of(params: &Map<String, Value>) -> Result<Self> {
        params::typed(params)
    }
}

/// A fitted recommender's item side.
pub type Model = Box<dyn ItemScorer>;

/// What every fitted kind can do: score all items for a history. What only some can has a body here, which says that this one cannot.
pub trait ItemScorer: Debug + Send + Sync {
    /// The weights by name.
    fn to_tensors(&self) -> Vec<Tensor>;

    /// The same as [`Kind::load`] takes them without a copy where they are parts of a file; by other names where a score reads them in
    /// another form than that in which they are stored ([`crate::base::tensor::laid`]).
    fn laid_out(&self) -> Vec<Tensor> {
        self.to_tensors()
    }

    /// Scores every item for a history (oldest first, known items only) as of `now` (microseconds since 2000-01-01). False when the kind
    /// can say nothing about it; `out`, one an item, is then undefined.
    fn score(&self, history: &[Event], now: i64, out: &mut [f32]) -> bool;

    /// Scores every item by its likeness to `item`. False when nothing is known of it.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no likeness.
    fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool>;

    /// How like `item` each of `others` is, into `out`: a cosine. Of kinds with links that of the items' rows of links
    /// ([`Links::cosines`]), of others that of [`ItemScorer::similar`]. `scratch` has one an item, all 0, and is so again afterwards.
    ///
    /// # Errors
    /// As [`ItemScorer::similar`].
    fn likeness(&self, item: u32, others: &[u32], scratch: &mut [f32], out: &mut [f32]) -> Result<()> {
        if let Some(links) = self.links() {
            links.cosines(item, others, scratch, out);
            return Ok(());
        }
        let known = self.similar(item, scratch);
        out.iter_mut().zip(others).for_each(|(o, i)| *o = if matches!(known, Ok(true)) { scratch[i.index()] } else { 0.0 });
        scratch.fill(0.0);
        known.map(|_| ())
    }

    /// What is in one basket with `item` more often than by chance, the surest first.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no baskets.
    fn together(&self, _item: u32) -> Result<Vec<Together>> {
        Err(Error::new(Code::Unsupported, "the model knows no baskets"))
    }

    /// The vector of `item`; none for one that the events say nothing of.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without vectors.
    fn item_vector(&self, _item: u32) -> Result<Option<Vec<f32>>> {
        Err(Error::new(Code::Unsupported, "the model has no item vectors")
            .hint("Train one that has: affinity.train_recommender(…, kind => 'als') or 'item_vectors'."))
    }

    /// The vector of a user with this history, whose product with an item's is the item's score; none when nothing of it counts.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without such vectors.
    fn user_vector(&self, _history: &[Event]) -> Result<Option<Vec<f32>>> {
        Err(Error::new(Code::Unsupported, "the model has no vectors of users")
            .hint("Train one that has: affinity.train_recommender(…, kind => 'als')."))
    }

    /// The vectors, of kinds whose score is a product of two.
    fn factors(&self) -> Option<&Factors> {
        None
    }

    /// The items of kinds whose score is a product with a user's vector, with or without a number of the item's own.
    fn products(&self) -> Option<Products<'_>> {
        None
    }

    /// What makes the users' vectors of [`ItemScorer::products`].
    fn folder(&self) -> Option<Box<dyn Folder + '_>> {
        None
    }

    /// The links between items, of kinds that have them.
    fn links(&self) -> Option<&Links> {
        None
    }

    /// The links of the model and its bases, by the names of the tensors that hold their rows.
    fn rows(&self) -> Vec<(String, &Links)> {
        self.links().map(|l| ("links.row".to_owned(), l)).into_iter().collect()
    }

    /// Events after which one of a history counts 1/e, for kinds that fade histories.
    fn recency(&self) -> Option<f32> {
        None
    }

    /// Sets [`ItemScorer::recency`] where there is one.
    fn set_recency(&mut self, _recency: f32) {}

    /// Whether its scores depend on the history.
    fn reads_history(&self) -> bool {
        true
    }

    /// Whether it learned from the attributes of the items.
    fn uses_attributes(&self) -> bool {
        false
    }

    /// The same model with further items after those that it knows, each with values that it learned of; none for a kind that knows no item
    /// without events.
    fn extended(&self, _later: &ItemValues) -> Option<Model> {
        None
    }

    /// Whether it learned from the events' context.
    fn uses_context(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_lacks_is_as_the_specs_have_it() {
        let resolved = params::resolve("any", COMMON, &Value::Null).unwrap();
        assert_eq!(CommonParams::of(&resolved).unwrap(), CommonParams::default());
        assert_eq!(CommonParams::of(&Map::new()).unwrap(), CommonParams::default());
    }
}
