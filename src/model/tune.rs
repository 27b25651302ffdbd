//! Settings that a kind leaves open, chosen on held-out events.

use crate::base::number::AsReal;
use crate::base::{Context, Result};
use crate::dataset::Interactions;
use crate::model::figures::Figures;
use crate::model::holdout::{Holdout, Lists};
use crate::model::popularity::Popularity;
use crate::model::recommender::{EVALUATED_AT, Fitted, ItemScorer, Job, Kind, Model};
use serde_json::{Map, Value, json};

/// The recencies that are tried where none is given.
pub const RECENCIES: [f32; 8] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 200.0, 1000.0];

/// Whether a fit of `kind` to so many items leaves anything to be chosen on held-out events; if not, it learns nothing from them.
pub fn chooses(kind: &Kind, params: &Map<String, Value>, items: usize) -> bool {
    let open = |name: &str| params.get(name) == Some(&Value::Null);
    kind.tunes || open("recency") || open("regularization") && !(kind.regularizations)(items).is_empty()
}

/// Fits a kind; what it leaves open (how much is held back, how fast a history fades, how long to train) is chosen on the held-out events
/// of the job.
///
/// # Errors
/// As the kind's own fit.
pub fn fit(kind: &Kind, job: &Job<'_>) -> Result<Fitted> {
    let tried = (kind.regularizations)(job.data.items.len());
    if let (Some(tune), Some(Value::Null), false) = (job.tune, job.params.get("regularization"), tried.is_empty()) {
        return choose_regularization(kind, tried, job, tune);
    }
    job.ctx.watch.phase(&format!("fitting {}", kind.name));
    let mut fitted = (kind.fit)(job)?;
    if let (Some(tune), Some(Value::Null)) = (job.tune, job.params.get("recency")) {
        fitted.chosen.insert("recency".into(), json!(choose_recency(&mut fitted.model, job.data, tune, job.ctx)?));
    }
    Ok(fitted)
}

/// Gives the model the recency that finds most of the held-out events, and returns it. It acts when scoring only, so no fit is repeated.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
fn choose_recency(model: &mut Model, data: &Interactions, tune: &Holdout, ctx: &Context) -> Result<f64> {
    ctx.watch.phase("choosing recency");
    let mut tried = 0;
    let each = RECENCIES.map(|recency| {
        model.set_recency(recency);
        let figures = ndcg(&**model, data, tune, ctx);
        tried += 1;
        ctx.watch.done(tried, RECENCIES.len() as u64);
        figures
    });
    let chosen = side_by_side(each.into_iter().collect::<Result<_>>()?).setting(&RECENCIES, ctx.seed);
    model.set_recency(chosen.single());
    Ok(chosen)
}

/// The kind with that λ of those `tried` that finds most of the held-out events. Where the recency is open, too, it is chosen once, with the one in the middle:
/// it acts on the history, whatever held the weights back, and choosing it walks over the users eight times. (With one for each λ `als` walked 44 times, now
/// 12. Of 400,000 items it walked for 12 minutes where it learned for 2; of 378,626 it now chooses the recency in 21 s of 101.)
///
/// # Errors
/// As [`fit`].
fn choose_regularization(kind: &Kind, tried: &[f32], job: &Job<'_>, tune: &Holdout) -> Result<Fitted> {
    let with = |given: &mut Map<String, Value>, lambda: f64| {
        given.insert("regularization".into(), json!(lambda));
        fit(kind, &Job { params: given, ..*job })
    };
    let mut given = job.params.clone();
    let middle = tried.len() / 2;
    let first = with(&mut given, f64::from(tried[middle]))?;
    let recency = first.chosen.get("recency").cloned();
    given.extend(recency.iter().map(|r| ("recency".to_owned(), r.clone())));
    let mut each = vec![ndcg(&*first.model, job.data, tune, job.ctx)?];
    drop(first);
    for (at, lambda) in tried.iter().enumerate().filter(|(at, _)| *at != middle) {
        let figures = ndcg(&*with(&mut given, f64::from(*lambda))?.model, job.data, tune, job.ctx)?;
        each.insert(at.min(each.len()), figures);
    }
    let chosen = side_by_side(each).setting(tried, job.ctx.seed);
    let mut fitted = with(&mut given, chosen)?;
    fitted.chosen.extend(recency.map(|r| ("recency".to_owned(), r)));
    fitted.chosen.insert("regularization".into(), json!(chosen));
    Ok(fitted)
}

/// Figures of one way each, of the same users, as figures of several.
pub fn side_by_side(each: Vec<Figures>) -> Figures {
    let users = each.iter().map(Figures::users).min().unwrap_or(0);
    Figures { n: each.len(), values: (0..users).flat_map(|u| each.iter().map(move |f| f.values[u])).collect() }
}

fn ndcg(model: &dyn ItemScorer, data: &Interactions, tune: &Holdout, ctx: &Context) -> Result<Figures> {
    let popularity = Popularity::plain(data, ctx)?.scores;
    tune.compare(&Lists { data, k: EVALUATED_AT, popularity: &popularity, ctx }, 1, |history, now, outs| {
        if !model.score(history, now, &mut outs[0]) {
            outs[0].copy_from_slice(&popularity);
        }
    })
}
