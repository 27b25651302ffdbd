//! `blend`: the scores of several kinds in one, each list brought to mean 0 and deviation 1 before it counts with its weight. Kinds that
//! err in different ways (what follows what, what goes together) find more together than the best of them alone. (In a trial with standard
//! tools, recall@20 on Amazon Beauty: .126 by what follows what, .119 by a faded EASE, .131 by half of each.)

mod weigh;

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Context, Epoch, Error, Result, Tensor, Until, names};
use crate::dataset::Event;
use crate::kernel::axpy;
use crate::model::links::Links;
use crate::model::ranker;
use crate::model::recommender::{Fitted, ItemScorer, Job, Kind, Kinds, Model, Stored, find};
use crate::model::tune;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Parameters of the kind.
const SPECS: &[Spec] = &[
    Spec::new(
        "bases",
        ParamType::Objects,
        "{\"transition\": {}, \"ease\": {}}",
        "The kinds that are blended, each with parameters of its own.",
    ),
    Spec::new("weights", ParamType::Weights, "null", "What each of them counts; null: chosen on held-out events.").within(0.0, 1e6),
    ranker::CONTEXT,
];

/// The kind.
pub static KIND: Kind = Kind {
    tunes: true,
    check,
    ..Kind::usual(
        "blend",
        "Several of the kinds above in one, weighted by what each adds on held-out events.",
        SPECS,
        |job| {
            let blended = fit(job, None)?;
            Ok(Fitted { chosen: blended.chosen, ..Fitted::new(blended.model, blended.epochs) })
        },
        |s| Ok(Box::new(Blend::from_tensors(s)?)),
    )
};

/// One kind of a blend.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub kind: &'static str,
    /// Above 0.
    pub weight: f32,
    /// The fitted kind.
    pub model: Model,
}

/// Several fitted kinds with their weights.
#[derive(Debug)]
pub struct Blend {
    /// At least one.
    pub parts: Vec<Part>,
}

/// A fitted blend.
#[derive(Debug)]
pub struct Blended {
    /// The bases that have a weight.
    pub model: Blend,
    /// The learning curve of the base that has one.
    pub epochs: Vec<Epoch>,
    /// `bases` and `weights` as chosen.
    pub chosen: Map<String, Value>,
    /// NDCG on the held-out events: of each base `alone`, of the `blend`, and what it loses `without` each; none where nothing was held
    /// out.
    pub figures: Option<Map<String, Value>>,
    /// Bases that were left out for want of time.
    pub left_out: Vec<&'static str>,
}

#[derive(serde::Deserialize)]
struct Params {
    bases: Map<String, Value>,
    weights: Option<Map<String, Value>>,
}

/// Fills in what `bases` leave out and checks that bases and weights belong together.
///
/// # Errors
/// [`Code::InvalidParameter`], [`Code::UndefinedObject`].
fn check(kinds: &Kinds, resolved: &mut Map<String, Value>) -> Result<()> {
    let p: Params = params::typed(resolved)?;
    let mut bases = Map::new();
    for (name, given) in &p.bases {
        let info = find(kinds, name)?;
        if info.name == KIND.name || info.describes {
            return Err(Error::new(Code::InvalidParameter, format!("kind {name} cannot be a base of a blend"))
                .detail(format!("Parameter \"bases\" names \"{name}\"."))
                .hint("For example: params => '{\"bases\": {\"ease\": {}, \"transition\": {}}}'."));
        }
        bases.insert(name.clone(), Value::Object(own_params(info, given)?));
    }
    if bases.is_empty() {
        return Err(Error::new(Code::InvalidParameter, "parameter \"bases\" names no kind")
            .hint("For example: params => '{\"bases\": {\"ease\": {}, \"transition\": {}}}'."));
    }
    if let Some(weights) = &p.weights {
        if let Some(stranger) = weights.keys().find(|w| !bases.contains_key(*w)) {
            return Err(Error::new(
                Code::InvalidParameter,
                format!("parameter \"weights\" names \"{}\", which is no base", names::shown(stranger)),
            )
            .detail(format!("Bases are: {}.", bases.keys().cloned().collect::<Vec<_>>().join(", ")))
            .hint("Name it in \"bases\", too."));
        }
        if weights.values().all(|w| w.as_f64().unwrap_or(0.0) <= 0.0) {
            return Err(Error::new(Code::InvalidParameter, "parameter \"weights\" leaves no base")
                .detail("No weight is above 0.")
                .hint("Leave \"weights\" out: then they are chosen."));
        }
    }
    resolved.insert("bases".into(), Value::Object(bases));
    Ok(())
}

/// The parameters of a base, filled in: those of its kind alone.
///
/// # Errors
/// [`Code::InvalidParameter`].
pub fn own_params(kind: &Kind, given: &Value) -> Result<Map<String, Value>> {
    let own = params::resolve(kind.name, kind.specs, given)?;
    if own.get("context").and_then(Value::as_array).is_some_and(|c| !c.is_empty()) {
        return Err(Error::new(Code::InvalidParameter, "parameter \"context\" is the model's, not a base's")
            .detail(format!("Base \"{}\" names columns of the events, which are read once.", kind.name))
            .hint("params => '{\"bases\": {\"ranker\": {}}, \"context\": [\"store\"]}'."));
    }
    Ok(own)
}

/// The share of the time in which bases are tried: whoever fits again to all events needs as much, and they are weighed and evaluated in
/// between.
const TRYING: f64 = 0.4;

/// Fits every base, then weighs them: by `tune` where there is one and no weights are given, alike where not. After the first, a base that
/// is not fitted within [`TRYING`] of `time` is left out.
///
/// # Errors
/// As the bases' own fits.
pub fn fit(job: &Job<'_>, time: Option<Duration>) -> Result<Blended> {
    let Job { data, tune, ctx, .. } = *job;
    let p: Params = params::typed(job.params)?;
    let end = time.map(|t| Instant::now() + t.mul_f64(TRYING));
    let (mut parts, mut epochs, mut bases, mut left_out) = (Vec::new(), Vec::new(), Map::new(), Vec::new());
    // The quickest first, as they stand in the list of kinds.
    for info in job.kinds {
        let (name, Some(own)) = (info.name, p.bases.get(info.name)) else { continue };
        let weight = match &p.weights {
            Some(w) => w.get(name).and_then(Value::as_f64).unwrap_or(0.0).single(),
            None => 1.0,
        };
        if weight <= 0.0 {
            continue;
        }
        let mut own = own.as_object().cloned().unwrap_or_default();
        let open = own.get("recency") == Some(&Value::Null);
        let watch = Until { watch: ctx.watch, end: end.filter(|_| !parts.is_empty()) };
        let fitted = match tune::fit(info, &Job { params: &own, warm: None, ctx: &Context { watch: &watch, ..*ctx }, ..*job }) {
            Err(e) if e.code == Code::Cancelled && !ctx.watch.cancelled() => {
                left_out.push(name);
                continue;
            }
            fitted => fitted?,
        };
        own.extend(fitted.chosen);
        if !fitted.epochs.is_empty() {
            epochs = fitted.epochs;
        }
        bases.insert(name.to_owned(), Value::Object(own));
        parts.push((Part { kind: name, weight, model: fitted.model }, open));
    }
    parts.sort_by_key(|(p, _)| p.kind);
    let (parts, open): (Vec<Part>, Vec<bool>) = parts.into_iter().unzip();
    let mut model = Blend { parts };
    let figures = match tune {
        Some(tune) if p.weights.is_none() => {
            ctx.watch.phase("weighing");
            Some(weigh::choose(&mut model, &open, data, tune, ctx)?)
        }
        _ => None,
    };
    let mut weights = Map::new();
    for part in &model.parts {
        weights.insert(part.kind.into(), json!((f64::from(part.weight) * 1e4).round() / 1e4));
        if let (Some(Value::Object(own)), Some(recency)) = (bases.get_mut(part.kind), part.model.recency()) {
            // As it was chosen, to three digits.
            own.insert("recency".into(), serde_json::from_str(&recency.to_string()).unwrap_or(json!(recency)));
        }
    }
    bases.retain(|name, _| weights.contains_key(name));
    let chosen = Map::from_iter([("bases".to_owned(), Value::Object(bases)), ("weights".to_owned(), Value::Object(weights))]);
    Ok(Blended { model, epochs, chosen, figures, left_out })
}

impl Blend {
    /// Back from [`Blend::to_tensors`] and the stored parameters.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    fn from_tensors(stored: &Stored<'_>) -> Result<Self> {
        let damaged = |what: String| Error::new(Code::Corrupt, "the stored state of the model is damaged").detail(what);
        let p: Params = params::typed(stored.params).map_err(|_| damaged("The parameters are no blend's.".into()))?;
        let mut parts = Vec::new();
        for (name, weight) in p.weights.iter().flatten() {
            let info = find(stored.kinds, name).ok().filter(|k| k.name != KIND.name);
            let (Some(info), Some(Value::Object(own)), Some(weight)) = (info, p.bases.get(name), weight.as_f64().filter(|w| *w > 0.0))
            else {
                return Err(damaged(format!("Base \"{name}\" is none.")));
            };
            let mine: Vec<Tensor> = stored
                .tensors
                .iter()
                .filter_map(|t| {
                    let rest = t.name.strip_prefix(name.as_str())?.strip_prefix('.')?;
                    Some(Tensor { name: rest.to_owned(), ..t.clone() })
                })
                .collect();
            parts.push(Part {
                kind: info.name,
                weight: weight.single(),
                model: (info.load)(&Stored { params: own, tensors: &mine, ..*stored })?,
            });
        }
        if parts.is_empty() { Err(damaged("There is no base.".into())) } else { Ok(Self { parts }) }
    }

    /// What `of` gives of each base, each after the base's own name and a dot.
    fn tensors(&self, of: fn(&dyn ItemScorer) -> Vec<Tensor>) -> Vec<Tensor> {
        let named = |p: &Part, t: Tensor| Tensor { name: format!("{}.{}", p.kind, t.name), ..t };
        self.parts.iter().flat_map(|p| of(&*p.model).into_iter().map(move |t| named(p, t))).collect()
    }
}

impl ItemScorer for Blend {
    /// Σ of weight × standardised scores. False when no base but popularity knows anything of the history.
    fn score(&self, history: &[Event], now: i64, out: &mut [f32]) -> bool {
        out.fill(0.0);
        let mut own = vec![0.0; out.len()];
        let mut known = false;
        for part in &self.parts {
            if part.model.score(history, now, &mut own) {
                known |= part.model.reads_history();
                standard(&mut own);
                axpy(part.weight, &own, out);
            }
        }
        known || self.parts.iter().all(|p| !p.model.reads_history())
    }

    /// Σ of weight × likeness over its mean among the items that are like it. False when no base knows any.
    fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        out.fill(0.0);
        let mut own = vec![0.0; out.len()];
        let (mut can, mut any) = (None, false);
        for part in &self.parts {
            match part.model.similar(item, &mut own) {
                Ok(known) => {
                    can = Some(Ok(()));
                    let like = own.iter().enumerate().filter(|(i, x)| *i != item.index() && **x > 0.0).map(|x| *x.1);
                    let (n, sum) = like.fold((0.0, 0.0), |(n, sum), x| (n + 1.0, sum + x));
                    if known && sum > 0.0 {
                        any = true;
                        out.iter_mut().zip(&own).for_each(|(o, x)| *o += part.weight * x.max(0.0) * n / sum);
                    }
                }
                Err(e) => can = can.or(Some(Err(e))),
            }
        }
        can.transpose()?;
        Ok(any)
    }

    /// The bases' weights by name, each after the base's own and a dot.
    fn to_tensors(&self) -> Vec<Tensor> {
        self.tensors(|model| model.to_tensors())
    }

    fn laid_out(&self) -> Vec<Tensor> {
        self.tensors(|model| model.laid_out())
    }

    fn likeness(&self, item: u32, others: &[u32], scratch: &mut [f32], out: &mut [f32]) -> Result<()> {
        out.fill(0.0);
        let (mut own, mut weights, mut fault) = (vec![0.0; others.len()], 0.0, None);
        for part in &self.parts {
            match part.model.likeness(item, others, scratch, &mut own) {
                Ok(()) => {
                    weights += part.weight;
                    out.iter_mut().zip(&own).for_each(|(o, x)| *o += part.weight * x);
                }
                Err(e) => fault = fault.or(Some(e)),
            }
        }
        if weights > 0.0 {
            out.iter_mut().for_each(|o| *o /= weights);
            return Ok(());
        }
        fault.map_or(Ok(()), Err)
    }

    fn rows(&self) -> Vec<(String, &Links)> {
        self.parts.iter().flat_map(|p| p.model.rows().into_iter().map(|(name, l)| (format!("{}.{name}", p.kind), l))).collect()
    }

    fn uses_attributes(&self) -> bool {
        self.parts.iter().any(|p| p.model.uses_attributes())
    }

    fn uses_context(&self) -> bool {
        self.parts.iter().any(|p| p.model.uses_context())
    }
}

/// Brings `scores` to mean 0 and deviation 1; all equal ones to 0.
fn standard(scores: &mut [f32]) {
    let n = scores.len().max(1).real();
    let mean = scores.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = scores.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let scale = if variance > 0.0 && variance.is_finite() { 1.0 / variance.sqrt() } else { 0.0 } as f32;
    scores.iter_mut().for_each(|x| *x = (*x - mean.single()) * scale);
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod weigh_tests;
