//! `auto`: which kinds of recommender help on these events, and how much each counts.

use crate::base::{Context, Error, Result};
use crate::dataset::Interactions;
use crate::model::held::Held;
use crate::model::recommender::{Fitted, JUDGED_AT, Model};
use crate::model::tried::tried;
use crate::model::{blend, recommender as kinds};
use crate::train::Report;
use crate::train::recommender_params::check;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Fits the kind to `data`; for `auto` every fast kind, and the blend of those that help on `tune`, or the one that is as good alone. What was tried
/// and what each adds is said in `report`.
pub(super) fn fit(
    kind: &str,
    given: &Value,
    data: &Interactions,
    tune: Option<&Held>,
    report: &mut Report,
    ctx: &Context,
) -> Result<(&'static str, Map<String, Value>, Fitted)> {
    if kind != "auto" {
        let info = kinds::kind(kind)?;
        let resolved = check(kind, given)?;
        let fitted = kinds::fit(kind, &resolved, data, tune, ctx)?;
        return Ok((info.name, resolved, fitted));
    }
    let Some(tune) = tune else { return popularity(given, data, ctx) };
    let mut wanted = check("auto", given)?;
    // The other kinds do not know it.
    let time = wanted.remove("seconds").and_then(|s| s.as_f64()).unwrap_or_else(|| usual_seconds(data));
    let bases = tried(data).map(|k| (k.name.to_owned(), json!({})));
    wanted.insert("bases".into(), Value::Object(bases.collect()));
    let mut resolved = check("blend", &Value::Object(wanted))?;
    let mut blended = blend::fit(data, &resolved, Some(tune), Some(Duration::from_secs_f64(time)), ctx)?;
    let told = blended.told.take().unwrap_or_default();
    let name = if blended.model.parts.len() > 1 { "blend" } else { blended.model.parts.first().map_or("popularity", |p| p.kind) };
    report.notices.push(format!("auto chose kind {name}; ndcg@{JUDGED_AT} on held-out events: {}", Value::Object(told.clone())));
    report.metrics.insert("auto".into(), Value::Object(told));
    if !blended.left_out.is_empty() {
        let names = blended.left_out.join(", ");
        report
            .notices
            .push(format!("auto left out {names}: with them training would take longer than the {time} s of parameter \"seconds\""));
    }
    let epochs = blended.epochs;
    if name == "blend" {
        return Ok((name, resolved, Fitted { model: Model::Blend(blended.model), epochs, chosen: blended.chosen }));
    }
    let part = blended.model.parts.pop().ok_or_else(|| Error::internal("no kind to choose from"))?;
    resolved.remove("bases");
    resolved.remove("weights");
    if name != "ranker" {
        resolved.remove("context");
    }
    let chosen = match blended.chosen.get_mut("bases").and_then(|b| b.get_mut(name)) {
        Some(Value::Object(own)) => std::mem::take(own),
        _ => Map::new(),
    };
    Ok((name, resolved, Fitted { model: part.model, epochs, chosen }))
}

/// What training may take where nothing is said: two minutes up to 100,000 events, ten at most.
fn usual_seconds(data: &Interactions) -> f64 {
    (data.events().len() as f64 * 1.2e-3).clamp(120.0, 600.0).round()
}

/// What `auto` comes to where no kind is better: popularity, with what was `given` to `auto`.
pub(super) fn popularity(given: &Value, data: &Interactions, ctx: &Context) -> Result<(&'static str, Map<String, Value>, Fitted)> {
    let mut wanted = check("auto", given)?;
    wanted.remove("seconds");
    wanted.remove("context");
    let resolved = check("popularity", &Value::Object(wanted))?;
    let fitted = kinds::fit("popularity", &resolved, data, None, ctx)?;
    Ok(("popularity", resolved, fitted))
}
