//! `cold_start`: products that nobody had yet, in one list with the others. What the events know is scored by a base, a kind of its own; what
//! they do not by networks that learned from hidden items: a tenth at a time is taken for new, and from what its users had beside it the
//! networks learn whom it suits (the episodes of Vartak et al. 2017, "A meta-learning perspective on cold-start recommendations for items";
//! Volkovs et al. 2017, DropoutNet, hide ratings to the same end). Learning to foresee the vectors of a factor model by the values finds
//! less than their plain match (NDCG@20 .075 against .099 in a trial on Complete Journey).

mod content;
mod lists;
mod merge;
mod score;

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Epoch, Error, Result, Shared};
use crate::dataset::DescribedItems;
use crate::model::popularity::Popularity;
use crate::model::recommender::{Fitted, Job, Kind, Kinds, Stored, find};
use crate::model::{blend, listwise, tune};
use crate::nn::{Activation, Stack};
use content::Content;
use score::{ColdStart, Merge, Networks, standardise};
use serde_json::{Map, Value, json};

/// Parameters of the kind.
const SPECS: &[Spec] = &[
    Spec::new("base", ParamType::Objects, "{\"ease\": {}}", "The kind that scores what events know, with parameters of its own."),
    Spec::new("merge", ParamType::Weights, "null", "What makes scores of old and new items comparable; null: learned of held-out events."),
    Spec::new("candidates", ParamType::Integer, "1000", "New items that the networks rank, those whose values the history has most of.")
        .within(1.0, 1e6),
    Spec::new("hidden", ParamType::Integers, "[64, 32]", "Widths of the hidden layers.").within(1.0, 1e4),
    Spec::new("ensemble", ParamType::Integer, "3", "Networks whose scores are averaged.").within(1.0, 100.0),
    Spec::new("epochs", ParamType::Integer, "null", "Passes over the lists; null: four, and more where lists are few.")
        .within(1.0, 10_000.0),
];

/// The kind.
pub static KIND: Kind = Kind {
    tunes: true,
    describes: true,
    check,
    ..Kind::usual(
        "cold_start",
        "Products without events beside those that have some, by what describes them. Needs items.",
        SPECS,
        fit,
        |s| Ok(Box::new(load(s)?)),
    )
};

#[derive(serde::Deserialize)]
struct Params {
    base: Map<String, Value>,
    merge: Option<Merge>,
    candidates: usize,
    hidden: Vec<usize>,
    ensemble: usize,
    epochs: Option<usize>,
}

/// Lists, passes counted, that a network sees at least.
const SEEN: usize = 10_000;

/// Fills in what the base leaves out; one base, that learns from events alone.
fn check(kinds: &Kinds, resolved: &mut Map<String, Value>) -> Result<()> {
    let example = "For example: params => '{\"base\": {\"als\": {}}}'.";
    let given = resolved.get("base").and_then(Value::as_object).cloned().unwrap_or_default();
    let (Some((name, own)), 1) = (given.iter().next(), given.len()) else {
        return Err(Error::new(Code::InvalidParameter, "parameter \"base\" must name one kind")
            .detail(format!("It names {}.", given.len()))
            .hint(example));
    };
    let kind = find(kinds, name)?;
    if kind.describes {
        return Err(Error::new(Code::InvalidParameter, format!("kind {name} cannot be a base of itself"))
            .detail("A base scores the items that events know.")
            .hint(example));
    }
    let mut own = blend::own_params(kind, own)?;
    (kind.check)(kinds, &mut own)?;
    resolved.insert("base".into(), json!({kind.name: own}));
    let merge = resolved.get("merge").filter(|m| !m.is_null());
    if let Some(merge) = merge.filter(|m| serde_json::from_value::<Merge>((*m).clone()).is_err()) {
        return Err(Error::new(Code::InvalidParameter, "parameter \"merge\" must have old, old_rise, new and new_rise")
            .detail(format!("It is {merge}."))
            .hint("Leave \"merge\" out: then it is learned."));
    }
    Ok(())
}

/// That the call names a relation of items, in words.
///
/// # Errors
/// [`Code::InvalidParameter`].
pub fn needs_items(kind: &str) -> Error {
    Error::new(Code::InvalidParameter, format!("kind {kind} needs items"))
        .detail("It knows products without events by what describes them.")
        .hint("items => 'products': a relation with a row an item, its id in a column of the same name as in the events.")
}

fn fit(job: &Job<'_>) -> Result<Fitted> {
    let Job { data, ctx, .. } = *job;
    let p: Params = params::typed(job.params)?;
    let Some(described) = data.described.as_deref() else { return Err(needs_items(KIND.name)) };
    let Some((name, given)) = p.base.iter().next() else { return Err(Error::internal("no base")) };
    let mut own = given.as_object().cloned().unwrap_or_default();
    let kind = find(job.kinds, name)?;
    let base = tune::fit(kind, &Job { params: &own, warm: None, ..*job })?;
    own.extend(base.chosen);
    let mut chosen = Map::from_iter([("base".to_owned(), json!({kind.name: own}))]);
    ctx.watch.phase("learning from hidden items");
    let users = Popularity::plain(data, ctx)?.scores;
    let content = Content::of(data, described, &users, |_| false)?;
    let (networks, epochs) = learn(&p, &content, (described, &users), job)?;
    let model = ColdStart::new(base.model, content, networks, p.merge.unwrap_or_default());
    let model = match job.tune.filter(|_| p.merge.is_none()) {
        Some(tune) => {
            ctx.watch.phase("merging old and new");
            let merge = merge::learn(&model, &users, tune, job)?;
            chosen.insert("merge".into(), json!(merge));
            model.with_merge(merge)
        }
        None => model,
    };
    Ok(Fitted { chosen, ..Fitted::new(model, epochs) })
}

fn learn(p: &Params, content: &Content, (described, users): (&DescribedItems, &[f32]), job: &Job<'_>) -> Result<(Networks, Vec<Epoch>)> {
    let Job { data, ctx, .. } = *job;
    let mut lists = lists::lists(data, described, users, ctx)?;
    let (mean, deviation) = listwise::scale(&lists);
    standardise(&mut lists.x, &mean, &deviation);
    let stack = stack(&p.hidden, content.inputs())?;
    let mut networks = Networks {
        stack,
        weights: Vec::new(),
        mean: mean.into(),
        deviation: deviation.into(),
        scale: [0.0, 1.0],
        candidates: p.candidates,
    };
    let count = lists.bounds.len() - 1;
    if count == 0 {
        return Ok((networks, Vec::new()));
    }
    let passes = p.epochs.unwrap_or((SEEN / count).clamp(4, 60));
    let (mut epochs, mut weights): (_, Vec<Shared<f32>>) = (Vec::new(), Vec::new());
    for network in 0..p.ensemble {
        let (own, curve) = listwise::fit(&networks.stack, &lists, passes, 0xc01d + network as u64, ctx)?;
        weights.push(own.into());
        epochs = curve;
    }
    networks.weights = weights;
    let mut scores = Vec::new();
    for rows in lists.x.chunks(content.inputs().max(1) * 4096) {
        ctx.check()?;
        scores.extend(networks.raw(rows)?);
    }
    let (mean, deviation) = score::standard(&scores);
    networks.scale = [mean, deviation];
    Ok((networks, epochs))
}

fn stack(hidden: &[usize], inputs: usize) -> Result<Stack> {
    let widths: Vec<usize> = [inputs].into_iter().chain(hidden.iter().copied()).chain([1]).collect();
    Stack::new(&widths, Activation::Relu, Activation::Identity)
}

fn load(stored: &Stored<'_>) -> Result<ColdStart> {
    let damaged = |what: &str| Error::new(Code::Corrupt, "the stored state of the model is damaged").detail(format!("{what}."));
    let p: Params = params::typed(stored.params).map_err(|_| damaged("The parameters are none of cold_start"))?;
    let base = p.base.iter().next().and_then(|(name, own)| Some((find(stored.kinds, name).ok()?, own.as_object()?)));
    let Some((kind, own)) = base.filter(|(k, _)| !k.describes) else { return Err(damaged("The base is none")) };
    let tensors = ColdStart::of_base(stored.tensors);
    let base = (kind.load)(&Stored { params: own, tensors: &tensors, ..*stored })?;
    let content = Content::from_tensors(stored.items, stored.tensors)?;
    let stack = stack(&p.hidden, content.inputs()).map_err(|_| damaged("The network is too large"))?;
    ColdStart::from_tensors(base, content, (stack, p.candidates), p.merge.unwrap_or_default(), stored.tensors)
}

#[cfg(test)]
mod tests;
