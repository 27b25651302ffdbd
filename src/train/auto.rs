//! `auto`: which kinds of recommender help on these events, and how much each counts.

use crate::base::number::AsReal;
use crate::base::{Context, Error, Result};
use crate::dataset::Interactions;
use crate::model::holdout::Holdout;
use crate::model::kinds::{self, KINDS, auto_candidates};
use crate::model::recommender::{AUTO, EVALUATED_AT, Fitted, Job, Kind, Warm};
use crate::model::{blend, popularity, tune};
use crate::train::Report;
use crate::train::recommender_params::Request;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A fitted kind, with the parameters that it was fitted by.
pub(super) struct Choice {
    pub kind: &'static Kind,
    pub params: Map<String, Value>,
    pub fitted: Fitted,
}

/// Fits what is asked for to `data`; for `auto` every fast kind, and the blend of those that help on `tune`, or the one that is as good
/// alone. What was tried and what each adds is said in `report`.
pub(super) fn fit(
    asked: &Request,
    data: &Interactions,
    tune: Option<&Holdout>,
    warm: Option<Warm<'_>>,
    report: &mut Report,
    ctx: &Context,
) -> Result<Choice> {
    if let Some(kind) = asked.kind {
        let params = asked.params.clone();
        let fitted = tune::fit(kind, &Job { data, params: &params, tune, kinds: KINDS, warm, ctx })?;
        return Ok(Choice { kind, params, fitted });
    }
    if tune.is_none() {
        return popularity(asked, data, ctx);
    }
    let mut wanted = asked.params.clone();
    // The other kinds do not know it.
    let time = wanted.remove("seconds").and_then(|s| s.as_f64()).unwrap_or_else(|| usual_seconds(data));
    let bases = auto_candidates(data).map(|k| (k.name.to_owned(), json!({})));
    wanted.insert("bases".into(), Value::Object(bases.collect()));
    let mut params = Request::new(blend::KIND.name, &Value::Object(wanted))?.params;
    let job = Job { data, params: &params, tune, kinds: KINDS, warm: None, ctx };
    let mut blended = blend::fit(&job, Some(Duration::from_secs_f64(time)))?;
    let figures = blended.figures.take().unwrap_or_default();
    let kind = match &blended.model.parts[..] {
        [] => &popularity::KIND,
        [only] => kinds::kind(only.kind)?,
        _ => &blend::KIND,
    };
    report.notices.push(format!(
        "auto chose kind {}; ndcg@{EVALUATED_AT} on held-out events: {}",
        kind.name,
        Value::Object(figures.clone())
    ));
    report.metrics.insert(AUTO.into(), Value::Object(figures));
    if !blended.left_out.is_empty() {
        let names = blended.left_out.join(", ");
        report
            .notices
            .push(format!("auto left out {names}: with them training would take longer than the {time} s of parameter \"seconds\""));
    }
    let epochs = blended.epochs;
    if blended.model.parts.len() > 1 {
        let fitted = Fitted { chosen: blended.chosen, ..Fitted::new(blended.model, epochs) };
        return Ok(Choice { kind, params, fitted });
    }
    let part = blended.model.parts.pop().ok_or_else(|| Error::internal("no kind to choose from"))?;
    params.remove("bases");
    params.remove("weights");
    if !kind.takes("context") {
        params.remove("context");
    }
    let chosen = match blended.chosen.get_mut("bases").and_then(|b| b.get_mut(kind.name)) {
        Some(Value::Object(own)) => std::mem::take(own),
        _ => Map::new(),
    };
    Ok(Choice { kind, params, fitted: Fitted { model: part.model, epochs, chosen } })
}

/// What training may take where nothing is said: two minutes up to 100,000 events, ten at most. (On two cores all kinds that suit are
/// through in 99 s on Amazon Beauty, in 41 on 71,355 events of Complete Journey: what is of that size is tried whole.)
fn usual_seconds(data: &Interactions) -> f64 {
    (data.events().len().real() * 1.2e-3).clamp(120.0, 600.0).round()
}

/// What `auto` comes to where no kind is better: popularity, with what was asked of `auto`.
pub(super) fn popularity(asked: &Request, data: &Interactions, ctx: &Context) -> Result<Choice> {
    let mut wanted = asked.params.clone();
    wanted.remove("seconds");
    wanted.remove("context");
    let kind = &popularity::KIND;
    let params = Request::new(kind.name, &Value::Object(wanted))?.params;
    let fitted = tune::fit(kind, &Job { data, params: &params, tune: None, kinds: KINDS, warm: None, ctx })?;
    Ok(Choice { kind, params, fitted })
}
