//! `blend`: the scores of several kinds in one, each list brought to mean 0 and deviation 1 before it counts with its weight. Kinds that err in
//! different ways (what follows what, what goes together) find more together than the best of them alone.

mod weigh;

use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Context, Epoch, Error, Result, Tensor, Until, names};
use crate::dataset::{Event, Interactions};
use crate::kernel::axpy;
use crate::model::held::Held;
use crate::model::ranker;
use crate::model::recommender::{self as kinds, Model};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Parameters of the kind.
pub const SPECS: &[Spec] = &[
    Spec::new(
        "bases",
        ParamType::Objects,
        "{\"transition\": {}, \"ease\": {}}",
        "The kinds that are blended, each with parameters of its own.",
    ),
    Spec::new("weights", ParamType::Weights, "null", "What each of them counts; null: chosen on held-out events.").within(0.0, 1e6),
    ranker::CONTEXT,
];

/// One kind of a blend.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name.
    pub kind: &'static str,
    /// Above 0.
    pub weight: f32,
    /// The fitted kind.
    pub model: Model,
}

/// Several fitted kinds with their weights.
#[derive(Debug, Clone, PartialEq)]
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
    /// NDCG on the held-out events: of each base `alone`, of the `blend`, and what it loses `without` each; none where nothing was held out.
    pub told: Option<Map<String, Value>>,
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
pub fn check(resolved: &mut Map<String, Value>) -> Result<()> {
    let p: Params = params::typed(resolved)?;
    let mut bases = Map::new();
    for (name, given) in &p.bases {
        let info = kinds::kind(name)?;
        if info.name == "blend" {
            return Err(Error::new(Code::InvalidParameter, "a blend cannot be a base of a blend")
                .detail("Parameter \"bases\" names \"blend\".")
                .hint("For example: params => '{\"bases\": {\"ease\": {}, \"transition\": {}}}'."));
        }
        let own = params::resolve(name, info.specs, given)?;
        if own.get("context").and_then(Value::as_array).is_some_and(|c| !c.is_empty()) {
            return Err(Error::new(Code::InvalidParameter, "parameter \"context\" is the blend's, not a base's")
                .detail(format!("Base \"{name}\" names columns of the events, which are read once."))
                .hint("params => '{\"bases\": {\"ranker\": {}}, \"context\": [\"store\"]}'."));
        }
        bases.insert(name.clone(), Value::Object(own));
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

/// The share of the time in which bases are tried: whoever fits again to all events needs as much, and they are weighed and judged in between.
const TRYING: f64 = 0.4;

/// Fits every base, then weighs them: by `tune` where there is one and no weights are given, alike where not. After the first, a base that is not fitted within
/// [`TRYING`] of `time` is left out.
///
/// # Errors
/// As the bases' own fits.
pub fn fit(data: &Interactions, given: &Map<String, Value>, tune: Option<&Held>, time: Option<Duration>, ctx: &Context) -> Result<Blended> {
    let p: Params = params::typed(given)?;
    let end = time.map(|t| Instant::now() + t.mul_f64(TRYING));
    let (mut parts, mut epochs, mut bases, mut left_out) = (Vec::new(), Vec::new(), Map::new(), Vec::new());
    // The quickest first, as they stand in the list of kinds.
    for info in kinds::KINDS {
        let (name, Some(own)) = (info.name, p.bases.get(info.name)) else { continue };
        let weight = match &p.weights {
            Some(w) => w.get(name).and_then(Value::as_f64).unwrap_or(0.0) as f32,
            None => 1.0,
        };
        if weight <= 0.0 {
            continue;
        }
        let mut own = own.as_object().cloned().unwrap_or_default();
        let open = own.get("recency") == Some(&Value::Null);
        let watch = Until { watch: ctx.watch, end: end.filter(|_| !parts.is_empty()) };
        let fitted = match kinds::fit(name, &own, data, tune, &Context { watch: &watch, ..*ctx }) {
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
    let told = match tune {
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
    Ok(Blended { model, epochs, chosen, told, left_out })
}

impl Blend {
    /// Σ of weight × standardised scores. False when no base but popularity knows anything of the history.
    pub fn score(&self, history: &[Event], now: i64, out: &mut [f32]) -> bool {
        out.fill(0.0);
        let mut own = vec![0.0; out.len()];
        let mut known = false;
        for part in &self.parts {
            if part.model.score(history, now, &mut own) {
                known |= !matches!(part.model, Model::Popularity(_));
                standard(&mut own);
                axpy(part.weight, &own, out);
            }
        }
        known || self.parts.iter().all(|p| matches!(p.model, Model::Popularity(_)))
    }

    /// Σ of weight × likeness over its mean among the items that are like it. False when no base knows any.
    ///
    /// # Errors
    /// [`Code::Unsupported`] where no base knows likeness.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        out.fill(0.0);
        let mut own = vec![0.0; out.len()];
        let (mut can, mut any) = (None, false);
        for part in &self.parts {
            match part.model.similar(item, &mut own) {
                Ok(known) => {
                    can = Some(Ok(()));
                    let like = own.iter().enumerate().filter(|(i, x)| *i != item as usize && **x > 0.0).map(|x| *x.1);
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
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let of =
            |p: &Part| p.model.to_tensors().into_iter().map(|t| Tensor { name: format!("{}.{}", p.kind, t.name), ..t }).collect::<Vec<_>>();
        self.parts.iter().flat_map(of).collect()
    }

    /// Back from [`Blend::to_tensors`] and the stored parameters.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: String| Error::new(Code::Corrupt, "the stored state of the model is damaged").detail(what);
        let p: Params = params::typed(given).map_err(|_| damaged("The parameters are no blend's.".into()))?;
        let mut parts = Vec::new();
        for (name, weight) in p.weights.iter().flatten() {
            let info = kinds::kind(name).ok().filter(|k| k.name != "blend");
            let (Some(info), Some(Value::Object(own)), Some(weight)) = (info, p.bases.get(name), weight.as_f64().filter(|w| *w > 0.0))
            else {
                return Err(damaged(format!("Base \"{name}\" is none.")));
            };
            let mine: Vec<Tensor> = tensors
                .iter()
                .filter_map(|t| {
                    let rest = t.name.strip_prefix(name.as_str())?.strip_prefix('.')?;
                    Some(Tensor { name: rest.to_owned(), ..t.clone() })
                })
                .collect();
            parts.push(Part { kind: info.name, weight: weight as f32, model: Model::from_tensors(info.name, own, items, &mine)? });
        }
        if parts.is_empty() { Err(damaged("There is no base.".into())) } else { Ok(Self { parts }) }
    }
}

/// Brings `scores` to mean 0 and deviation 1; all equal ones to 0.
fn standard(scores: &mut [f32]) {
    let n = scores.len().max(1) as f64;
    let mean = scores.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = scores.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let scale = if variance > 0.0 && variance.is_finite() { 1.0 / variance.sqrt() } else { 0.0 } as f32;
    scores.iter_mut().for_each(|x| *x = (*x - mean as f32) * scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Numbers;
    use crate::model::popularity::Popularity;

    fn of_popularity(scores: &[f32]) -> Model {
        Model::Popularity(Popularity { scores: scores.to_vec() })
    }

    fn given(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn scores_count_by_weight_once_they_are_standard() {
        let (a, b) = (of_popularity(&[0.0, 2.0, 4.0, 2.0]), of_popularity(&[700.0, 500.0, 500.0, 700.0]));
        let parts = vec![Part { kind: "popularity", weight: 0.25, model: a }, Part { kind: "ease", weight: 0.75, model: b }];
        let blend = Blend { parts };
        let mut out = vec![9.0; 4];
        assert!(blend.score(&[], 0, &mut out));
        let s = 0.25 * std::f32::consts::SQRT_2;
        for (x, y) in out.iter().zip([0.75 - s, -0.75, s - 0.75, 0.75]) {
            assert!((x - y).abs() < 1e-6, "{out:?}");
        }
        // One that says the same of all items says nothing.
        let flat = Blend { parts: vec![Part { kind: "popularity", weight: 1.0, model: of_popularity(&[3.0; 4]) }] };
        assert!(flat.score(&[], 0, &mut out) && out == [0.0; 4]);
        assert_eq!(flat.similar(0, &mut out).unwrap_err().code, Code::Unsupported);
    }

    #[test]
    fn hostile_parameters_and_tensors_are_refused() {
        let stored = given(r#"{"bases": {"popularity": {"half_life": null}}, "weights": {"popularity": 0.5}}"#);
        let blend = Blend { parts: vec![Part { kind: "popularity", weight: 0.5, model: of_popularity(&[1.0, 2.0]) }] };
        let tensors = blend.to_tensors();
        assert_eq!(tensors[0].name, "popularity.popularity.score");
        assert_eq!(Blend::from_tensors(2, &stored, &tensors).unwrap(), blend);
        for bad in [
            r"{}",
            r#"{"bases": {}, "weights": {}}"#,
            r#"{"bases": {}, "weights": {"popularity": 1}}"#,
            r#"{"bases": {"blend": {"bases": {}}}, "weights": {"blend": 1}}"#,
            r#"{"bases": {"popularity": {}}, "weights": {"popularity": -1}}"#,
        ] {
            assert_eq!(Blend::from_tensors(2, &given(bad), &tensors).unwrap_err().code, Code::Corrupt, "{bad}");
        }
        let mut bad = tensors;
        bad[0].numbers = Numbers::F32(vec![1.0, f32::NAN]);
        assert_eq!(Blend::from_tensors(2, &stored, &bad).unwrap_err().code, Code::Corrupt);
    }

    #[test]
    fn bases_and_weights_must_belong_together() {
        let fault = |text: &str| check(&mut given(text)).unwrap_err();
        assert_eq!(fault(r#"{"bases": {"eas": {}}, "weights": null}"#).hint.as_deref(), Some("Did you mean \"ease\"?"));
        assert_eq!(fault(r#"{"bases": {"ease": {"regularisation": 1}}, "weights": null}"#).code, Code::InvalidParameter);
        assert_eq!(fault(r#"{"bases": {"blend": {}}, "weights": null}"#).message, "a blend cannot be a base of a blend");
        assert_eq!(fault(r#"{"bases": {}, "weights": null}"#).message, "parameter \"bases\" names no kind");
        let e = fault(r#"{"bases": {"ease": {}}, "weights": {"transition": 1}}"#);
        assert_eq!(e.message, "parameter \"weights\" names \"transition\", which is no base");
        assert_eq!(fault(r#"{"bases": {"ease": {}}, "weights": {"ease": 0}}"#).message, "parameter \"weights\" leaves no base");
        let mut good = given(r#"{"bases": {"ease": {}}, "weights": null}"#);
        check(&mut good).unwrap();
        assert_eq!(good["bases"]["ease"]["links"], json!(1000));
    }
}
