//! The kinds that learn from events, joined: one line a kind in [`KINDS`] and one arm in each method.

use crate::base::params::{ParamType, Spec};
use crate::base::{Code, Context, Epoch, Error, Result, Tensor, names};
use crate::dataset::{Event, Interactions};
use crate::model::als;
use crate::model::blend::{self, Blend};
use crate::model::bpr;
use crate::model::cfgan::{self, Cfgan};
use crate::model::ease;
use crate::model::factors::Factors;
use crate::model::held::Held;
use crate::model::item_knn;
use crate::model::item_vectors::{self, ItemVectors};
use crate::model::linked::Linked;
use crate::model::links::Links;
use crate::model::mult_vae::{self, MultVae};
use crate::model::popularity::{self, Popularity};
use crate::model::ranker::{self, Ranker};
use crate::model::transition;
use crate::model::tune::{choose_recency, choose_regularization, regularizations};
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
    /// Whether `auto` tries it, where the events are such that it can be of use and trains in minutes.
    pub auto: bool,
}

/// Every kind that learns from events.
pub const KINDS: &[KindInfo] = &[
    KindInfo {
        name: "popularity",
        for_what: "What most users chose: the baseline, and what an unknown user gets.",
        specs: popularity::SPECS,
        auto: true,
    },
    KindInfo {
        name: "item_knn",
        for_what: "Items that the same users chose: simple, fast, explainable.",
        specs: item_knn::SPECS,
        auto: true,
    },
    KindInfo { name: "transition", for_what: "What follows what: next purchases, sessions.", specs: transition::SPECS, auto: true },
    KindInfo {
        name: "ease",
        for_what: "Whole histories through a linear model with a closed form: strong where order matters little.",
        specs: ease::SPECS,
        auto: true,
    },
    KindInfo {
        name: "repeat",
        for_what: "What a user has again: groceries, consumables. Needs the time of the events.",
        specs: ranker::REPEAT,
        auto: true,
    },
    KindInfo {
        name: "ranker",
        for_what: "Habits, what is in demand and what goes together, weighed by a network: things had again and new ones. Needs time.",
        specs: ranker::RANKER,
        auto: true,
    },
    KindInfo {
        name: "als",
        for_what: "A vector for each item and user whose product is the score: large catalogues, search by vector index.",
        specs: als::SPECS,
        auto: true,
    },
    KindInfo {
        name: "bpr",
        for_what: "Vectors as with als, learnt from pairs: what a user chose ranks above what the user did not.",
        specs: bpr::SPECS,
        auto: true,
    },
    KindInfo {
        name: "item_vectors",
        for_what: "A vector for each item from what is chosen together: to describe items by, as columns of other models and for search.",
        specs: item_vectors::SPECS,
        auto: false,
    },
    KindInfo {
        name: "mult_vae",
        for_what: "Whole histories through a network: strong where users have many events.",
        specs: mult_vae::SPECS,
        auto: true,
    },
    KindInfo {
        name: "cfgan",
        for_what: "Whole histories through a generator that learns from a discriminator which items go with them.",
        specs: cfgan::SPECS,
        auto: true,
    },
    KindInfo {
        name: "blend",
        for_what: "Several of the kinds above in one, weighted by what each adds on held-out events.",
        specs: blend::SPECS,
        auto: false,
    },
];

/// The list length at which recommenders are judged.
pub const JUDGED_AT: usize = 20;

/// Parameters that every kind of recommender has.
pub const COMMON: &[Spec] = &[
    Spec::new("holdout", ParamType::Number, "0.2", "Share of users whose last event is held out to judge the model; 0: not judged.")
        .within(0.0, 0.9),
    Spec::new(
        "repeats",
        ParamType::Bool,
        "null",
        "Whether lists may hold what the user had; null: as the events say, where a fifth are of such items.",
    ),
    Spec::new("refit", ParamType::Bool, "true", "Whether to train again on all events after judging."),
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

/// How many of a user's latest events a list is made from, by the `stored` parameter of the name; where a version lacks it, as [`COMMON`] has it.
pub fn history_limit(stored: Option<&Value>) -> usize {
    stored.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(2000)
}

/// A fitted recommender's item side.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// See [`Popularity`].
    Popularity(Popularity),
    /// `item_knn`, `transition` and `ease`.
    Linked(Linked),
    /// See [`MultVae`].
    MultVae(MultVae),
    /// See [`Cfgan`].
    Cfgan(Cfgan),
    /// `repeat` and `ranker`.
    Ranker(Ranker),
    /// `als` and `bpr`.
    Factors(Factors),
    /// See [`ItemVectors`].
    ItemVectors(ItemVectors),
    /// See [`Blend`].
    Blend(Blend),
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
    if let Some(known) = KINDS.iter().find(|k| k.name == name) {
        return Ok(known);
    }
    names::check("kind", name)?;
    let known = KINDS.iter().map(|k| k.name);
    let e = Error::new(Code::UndefinedObject, format!("unknown kind \"{name}\" of recommender"))
        .detail(format!("Kinds are: auto, {}.", known.clone().collect::<Vec<_>>().join(", ")));
    Err(match names::nearest(name, known) {
        Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
        None => e.hint("See: SELECT * FROM affinity.kinds()."),
    })
}

/// Whether `name` is a kind that learns from events: one of [`KINDS`], or `auto`.
pub fn learns_from_events(name: &str) -> bool {
    name == "auto" || KINDS.iter().any(|k| k.name == name)
}

/// All parameters of a kind.
pub fn specs(kind: &KindInfo) -> Vec<Spec> {
    kind.specs.iter().chain(COMMON).copied().collect()
}

/// The parameters of `kind` that are its own, checked beyond types and ranges.
///
/// # Errors
/// [`Code::InvalidParameter`], [`Code::UndefinedObject`].
pub fn check(kind: &str, resolved: &mut Map<String, Value>) -> Result<()> {
    if kind == "blend" { blend::check(resolved) } else { Ok(()) }
}

/// Fits a kind to `data`. `tune`, where given, are held-out events that are not in `data`: what the kind leaves open (how long to train, how fast a history
/// fades) is chosen on them.
///
/// # Errors
/// As the kind's own fit.
pub fn fit(kind: &str, params: &Map<String, Value>, data: &Interactions, tune: Option<&Held>, ctx: &Context) -> Result<Fitted> {
    let tried = regularizations(kind, data.items.len());
    if let (Some(tune), Some(Value::Null), false) = (tune, params.get("regularization"), tried.is_empty()) {
        return choose_regularization(kind, tried, params, data, tune, ctx);
    }
    ctx.watch.phase(&format!("fitting {kind}"));
    let (mut epochs, mut chosen) = (Vec::new(), Map::new());
    let mut model = match kind {
        "popularity" => Model::Popularity(Popularity::fit(data, params)?),
        "item_knn" => Model::Linked(item_knn::fit(data, params, ctx)?),
        "transition" => Model::Linked(transition::fit(data, params, ctx)?),
        "ease" => Model::Linked(ease::fit(data, params, ctx)?),
        "als" | "bpr" => {
            let fitted = if kind == "als" { als::fit(data, params, ctx)? } else { bpr::fit(data, params, ctx)? };
            epochs = fitted.1;
            Model::Factors(fitted.0)
        }
        "item_vectors" => Model::ItemVectors(ItemVectors::fit(data, params, ctx)?),
        "mult_vae" => {
            let fitted = MultVae::fit(data, params, tune, ctx)?;
            (epochs, chosen) = (fitted.1, fitted.2);
            Model::MultVae(fitted.0)
        }
        "cfgan" => {
            let fitted = Cfgan::fit(data, params, tune, ctx)?;
            (epochs, chosen) = (fitted.1, fitted.2);
            Model::Cfgan(fitted.0)
        }
        "repeat" | "ranker" => {
            let fitted = Ranker::fit(data, params, kind == "repeat", ctx)?;
            epochs = fitted.1;
            Model::Ranker(fitted.0)
        }
        "blend" => {
            let fitted = blend::fit(data, params, tune, None, ctx)?;
            (epochs, chosen) = (fitted.epochs, fitted.chosen);
            Model::Blend(fitted.model)
        }
        other => return Err(self::kind(other).err().unwrap_or_else(|| Error::internal(format!("kind {other} has no fit")))),
    };
    if let (Some(tune), Some(Value::Null)) = (tune, params.get("recency")) {
        chosen.insert("recency".into(), json!(choose_recency(&mut model, data, tune, ctx)?));
    }
    Ok(Fitted { model, epochs, chosen })
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
            "als" | "bpr" => {
                let (width, rule, recency) = if kind == "als" { als::stored(params)? } else { bpr::stored(params)? };
                Self::Factors(Factors::from_tensors(items, width, rule, recency, tensors)?)
            }
            "item_vectors" => Self::ItemVectors(ItemVectors::from_tensors(items, params, tensors)?),
            "mult_vae" => Self::MultVae(MultVae::from_tensors(items, params, tensors)?),
            "cfgan" => Self::Cfgan(Cfgan::from_tensors(items, params, tensors)?),
            "repeat" | "ranker" => Self::Ranker(Ranker::from_tensors(items, params, kind == "repeat", tensors)?),
            "blend" => Self::Blend(Blend::from_tensors(items, params, tensors)?),
            other => return Err(self::kind(other).err().unwrap_or_else(|| Error::internal(format!("kind {other} cannot be read")))),
        })
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        match self {
            Self::Popularity(m) => m.to_tensors(),
            Self::Linked(m) => m.to_tensors(),
            Self::MultVae(m) => m.to_tensors(),
            Self::Cfgan(m) => m.to_tensors(),
            Self::Ranker(m) => m.to_tensors(),
            Self::Factors(m) => m.to_tensors(),
            Self::ItemVectors(m) => m.to_tensors(),
            Self::Blend(m) => m.to_tensors(),
        }
    }

    /// Scores every item for a history (oldest first, known items only) as of `now`. False when the kind can say nothing about it; `out` is then undefined.
    pub fn score(&self, history: &[Event], now: i64, out: &mut [f32]) -> bool {
        match self {
            Self::Popularity(m) => m.score(history, out),
            Self::Linked(m) => m.score(history, out),
            Self::MultVae(m) => m.score(history, out),
            Self::Cfgan(m) => m.score(history, out),
            Self::Ranker(m) => m.score(history, now, out),
            Self::Factors(m) => m.score(history, out),
            Self::ItemVectors(m) => m.score(history, out),
            Self::Blend(m) => m.score(history, now, out),
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
            Self::Cfgan(m) => Ok(m.similar(item, out)),
            Self::Ranker(m) => m.similar(item, out),
            Self::Factors(m) => Ok(m.similar(item, out)),
            Self::ItemVectors(m) => Ok(m.similar(item, out)),
            Self::Blend(m) => m.similar(item, out),
        }
    }

    /// Whether it learned from the attributes of the items.
    pub fn uses_attributes(&self) -> bool {
        self.ranks(Ranker::uses_attributes)
    }

    /// Whether it learned from the events' context.
    pub fn uses_context(&self) -> bool {
        self.ranks(Ranker::uses_context)
    }

    /// Whether it is a ranker, or has one among its bases, of which this is so.
    fn ranks(&self, so: fn(&Ranker) -> bool) -> bool {
        match self {
            Self::Ranker(m) => so(m),
            Self::Blend(m) => m.parts.iter().any(|p| p.model.ranks(so)),
            Self::Popularity(_) | Self::Linked(_) | Self::MultVae(_) | Self::Cfgan(_) | Self::Factors(_) | Self::ItemVectors(_) => false,
        }
    }

    /// The links of the model and its bases, by the names of the tensors that hold their rows.
    pub fn rows(&self) -> Vec<(String, &Links)> {
        match self {
            Self::Blend(m) => {
                m.parts.iter().flat_map(|p| p.model.rows().into_iter().map(|(name, l)| (format!("{}.{name}", p.kind), l))).collect()
            }
            other => other.links().map(|l| ("links.row".to_owned(), l)).into_iter().collect(),
        }
    }

    /// The links between items, of kinds that have them.
    pub fn links(&self) -> Option<&Links> {
        match self {
            Self::Linked(m) => Some(&m.links),
            Self::Ranker(m) => m.links(),
            _ => None,
        }
    }

    /// Events after which one of a history counts 1/e, for kinds that fade histories.
    pub fn recency(&self) -> Option<f32> {
        match self {
            Self::Linked(m) => Some(m.recency),
            Self::MultVae(m) => Some(m.recency),
            Self::Cfgan(m) => Some(m.recency),
            Self::Factors(m) => Some(m.recency),
            Self::ItemVectors(m) => Some(m.recency),
            Self::Popularity(_) | Self::Ranker(_) | Self::Blend(_) => None,
        }
    }

    /// Sets [`Model::recency`] where there is one.
    pub fn set_recency(&mut self, recency: f32) {
        match self {
            Self::Linked(m) => m.recency = recency,
            Self::MultVae(m) => m.recency = recency,
            Self::Cfgan(m) => m.recency = recency,
            Self::Factors(m) => m.recency = recency,
            Self::ItemVectors(m) => m.recency = recency,
            Self::Popularity(_) | Self::Ranker(_) | Self::Blend(_) => {}
        }
    }
}
