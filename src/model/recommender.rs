//! The kinds that learn from events, joined: one line a kind in [`KINDS`] and one arm in each method.

use crate::base::params::{ParamType, Spec};
use crate::base::{Code, Context, Epoch, Error, Result, Tensor, names};
use crate::dataset::{Event, Interactions};
use crate::model::ease;
use crate::model::held::Held;
use crate::model::item_knn;
use crate::model::linked::Linked;
use crate::model::mult_vae::{self, MultVae};
use crate::model::popularity::{self, Popularity};
use crate::model::transition;
use serde_json::{Map, Value, json};

/// A kind, as `affinity.kinds()` shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindInfo {
    /// `item_knn`.
    pub name: &'static str,
    /// What it is good for, a sentence.
    pub for_what: &'static str,
    /// Its own parameters; [`COMMON`] come to them.
    pub specs: &'static [Spec],
    /// `auto` tries it for up to as many items: kinds that train in seconds.
    pub auto_up_to: usize,
}

/// Every kind that learns from events.
pub const KINDS: &[KindInfo] = &[
    KindInfo {
        name: "popularity",
        for_what: "What most users chose: the baseline, and what an unknown user gets.",
        specs: popularity::SPECS,
        auto_up_to: usize::MAX,
    },
    KindInfo {
        name: "item_knn",
        for_what: "Items that the same users chose: simple, fast, explainable.",
        specs: item_knn::SPECS,
        auto_up_to: usize::MAX,
    },
    KindInfo {
        name: "transition",
        for_what: "What follows what: next purchases, sessions.",
        specs: transition::SPECS,
        auto_up_to: usize::MAX,
    },
    KindInfo {
        name: "ease",
        for_what: "Whole histories through a linear model with a closed form: strong where order matters little.",
        specs: ease::SPECS,
        auto_up_to: 4000,
    },
    KindInfo {
        name: "mult_vae",
        for_what: "Whole histories through a network: strong where users have many events.",
        specs: mult_vae::SPECS,
        auto_up_to: 0,
    },
];

/// The list length at which recommenders are judged.
pub const JUDGED_AT: usize = 20;

/// Parameters that every kind of recommender has.
pub const COMMON: &[Spec] = &[
    Spec::new("holdout", ParamType::Number, "0.2", "Share of users whose last event is held out to judge the model; 0: not judged.")
        .within(0.0, 0.9),
    Spec::new("refit", ParamType::Bool, "true", "Whether to train again on all events after judging."),
    Spec::new("history_limit", ParamType::Integer, "500", "A user's latest events that a list is made from.").within(1.0, 100_000.0),
    Spec::new(
        "users",
        ParamType::Choice(&["live", "snapshot"]),
        "\"live\"",
        "Whether a user's events are read in each query, or stored with the version as they are at training.",
    ),
    Spec::new("read_as", ParamType::Choice(&["owner", "caller"]), "\"owner\"", "With whose rights a user's events are read live."),
    Spec::new("keep", ParamType::Integer, "3", "Versions that are kept.").within(1.0, 1000.0),
];

/// A fitted recommender's item side.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// See [`Popularity`].
    Popularity(Popularity),
    /// `item_knn`, `transition` and `ease`.
    Linked(Linked),
    /// See [`MultVae`].
    MultVae(MultVae),
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

/// The kind called `name`.
///
/// # Errors
/// [`Code::UndefinedObject`], with "did you mean".
pub fn kind(name: &str) -> Result<&'static KindInfo> {
    KINDS.iter().find(|k| k.name == name).ok_or_else(|| {
        let known = KINDS.iter().map(|k| k.name);
        let e = Error::new(Code::UndefinedObject, format!("unknown kind \"{name}\" of recommender"))
            .detail(format!("Kinds are: auto, {}.", known.clone().collect::<Vec<_>>().join(", ")));
        match names::nearest(name, known) {
            Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
            None => e.hint("See: SELECT * FROM affinity.kinds()."),
        }
    })
}

/// All parameters of a kind.
pub fn specs(kind: &KindInfo) -> Vec<Spec> {
    kind.specs.iter().chain(COMMON).copied().collect()
}

/// Fits a kind to `data`. `tune`, where given, are held-out events that are not in `data`: what the kind leaves open (how long to train, how fast a history
/// fades) is chosen on them.
///
/// # Errors
/// As the kind's own fit.
pub fn fit(kind: &str, params: &Map<String, Value>, data: &Interactions, tune: Option<&Held>, ctx: &Context) -> Result<Fitted> {
    let (mut epochs, mut chosen) = (Vec::new(), Map::new());
    let mut model = match kind {
        "popularity" => Model::Popularity(Popularity::fit(data, params)?),
        "item_knn" => Model::Linked(item_knn::fit(data, params, ctx)?),
        "transition" => Model::Linked(transition::fit(data, params, ctx)?),
        "ease" => Model::Linked(ease::fit(data, params, ctx)?),
        "mult_vae" => {
            let fitted = MultVae::fit(data, params, tune, ctx)?;
            (epochs, chosen) = (fitted.1, fitted.2);
            Model::MultVae(fitted.0)
        }
        other => return Err(self::kind(other).err().unwrap_or_else(|| Error::internal(format!("kind {other} has no fit")))),
    };
    if let (Some(tune), Some(Value::Null)) = (tune, params.get("recency")) {
        chosen.insert("recency".into(), json!(choose_recency(&mut model, data, tune, ctx)?));
    }
    Ok(Fitted { model, epochs, chosen })
}

/// The recency with the best NDCG on the held-out events; the model has it afterwards. It acts when scoring only, so no fit is repeated.
fn choose_recency(model: &mut Model, data: &Interactions, tune: &Held, ctx: &Context) -> Result<f32> {
    let tie = Popularity::plain(data)?.scores;
    let mut best = (f64::NEG_INFINITY, model.recency().unwrap_or(20.0));
    for recency in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 200.0] {
        model.set_recency(recency);
        let figures = tune.measure(data, JUDGED_AT, &tie, ctx, |history, now, out| {
            if !model.score(history, now, out) {
                out.copy_from_slice(&tie);
            }
        })?;
        let ndcg = figures.means().map_or(0.0, |m| m.ndcg);
        if ndcg > best.0 {
            best = (ndcg, recency);
        }
    }
    model.set_recency(best.1);
    Ok(best.1)
}

impl Model {
    /// Back from [`Model::to_tensors`]; `params` are the stored ones, `items` the number of items.
    ///
    /// # Errors
    /// [`Code::Corrupt`], [`Code::UndefinedObject`] for an unknown kind.
    pub fn from_tensors(kind: &str, params: &Map<String, Value>, items: usize, tensors: &[Tensor]) -> Result<Self> {
        Ok(match kind {
            "popularity" => Self::Popularity(Popularity::from_tensors(items, tensors)?),
            "item_knn" => Self::Linked(Linked::from_tensors(items, tensors, params, item_knn::USUAL_RECENCY)?),
            "transition" => Self::Linked(Linked::from_tensors(items, tensors, params, transition::USUAL_RECENCY)?),
            "ease" => Self::Linked(Linked::from_tensors(items, tensors, params, ease::USUAL_RECENCY)?),
            "mult_vae" => Self::MultVae(MultVae::from_tensors(items, params, tensors)?),
            other => return Err(self::kind(other).err().unwrap_or_else(|| Error::internal(format!("kind {other} cannot be read")))),
        })
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        match self {
            Self::Popularity(m) => m.to_tensors(),
            Self::Linked(m) => m.to_tensors(),
            Self::MultVae(m) => m.to_tensors(),
        }
    }

    /// Scores every item for a history (oldest first, known items only) as of `now`. False when the kind can say nothing about it; `out` is then undefined.
    pub fn score(&self, history: &[Event], _now: i64, out: &mut [f32]) -> bool {
        match self {
            Self::Popularity(m) => m.score(history, out),
            Self::Linked(m) => m.score(history, out),
            Self::MultVae(m) => m.score(history, out),
        }
    }

    /// Scores every item by its likeness to `item`. False when nothing is known of it.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no likeness.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        match self {
            Self::Popularity(_) => Err(Error::new(Code::Unsupported, "a popularity model knows no similar items")
                .hint("Train with kind => 'item_knn' or another kind that relates items.")),
            Self::Linked(m) => Ok(m.similar(item, out)),
            Self::MultVae(m) => Ok(m.similar(item, out)),
        }
    }

    fn recency(&self) -> Option<f32> {
        match self {
            Self::Linked(m) => Some(m.recency),
            Self::MultVae(m) => Some(m.recency),
            Self::Popularity(_) => None,
        }
    }

    fn set_recency(&mut self, recency: f32) {
        match self {
            Self::Linked(m) => m.recency = recency,
            Self::MultVae(m) => m.recency = recency,
            Self::Popularity(_) => {}
        }
    }
}
