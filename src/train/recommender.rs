//! The road of a recommender: events in, the item side of a model and a report out; and back: a user's history in, a list out.

use crate::base::{Context, Error, Result, Tensor};
use crate::dataset::{Circumstances, Interactions, Snapshot, Step};
use crate::model::held::{ENOUGH, Held};
use crate::model::kinds::KINDS;
use crate::model::popularity::Popularity;
use crate::model::recommender::{AUTO, JUDGED_AT, Job, history_limit};
use crate::model::tune::{self, chooses};
use crate::model::{kinds, popularity, ranker};
use crate::serve::recommender::{HOLDOUT, State};
use crate::train::recommender_params::check;
use crate::train::verdict::{self, Incumbent, Verdict};
use crate::train::{Report, Trained, auto};
use serde_json::{Map, Value, json};

/// Without times, this share of events with items had already is worth a word.
const OFTEN: f64 = 0.2;

/// Fits `kind` to `data`: judged on the last events (or sessions, where events come in such) of some users, beside popularity and the `incumbent` (the deployed version) on the same events, then
/// fitted again to all. `auto` takes the kind that is best on held-out events of other users. `skipped` rows were left out when the events were read.
///
/// # Errors
/// [`Code::InvalidParameter`], [`Code::Data`], [`Code::Cancelled`], [`Code::OutOfMemory`].
pub fn fit(data: &Interactions, kind: &str, given: &Value, skipped: u64, incumbent: Option<&Incumbent>, ctx: &Context) -> Result<Trained> {
    let common = check(kind, given)?;
    let asked_kind = if kind == AUTO { None } else { Some(kinds::kind(kind)?) };
    let _booked = ctx.budget.take(data.bytes() * 2, "the events")?;
    let asked = common.get("holdout").and_then(Value::as_f64).unwrap_or(0.0);
    let refit = common.get("refit").and_then(Value::as_bool).unwrap_or(true);
    let step = Step::of(data);
    let mut report = Report { rows_used: data.events().len() as u64, rows_skipped: skipped, ..Report::default() };
    let (asked_for, untimed) = (common.get("repeats").and_then(Value::as_bool), data.span() == 0);
    let repeats = asked_for.unwrap_or_else(|| data.repeats() || (untimed && asked_kind.is_some_and(|k| k.repeats)));
    if untimed && asked_for.is_none() && !repeats {
        report.notices.extend(had_again(data));
    }
    let share = verdict::share(data, step, asked, refit);
    let (rest, judge) = Held::split(data, step, repeats, 0.0, share)?;
    // What a kind leaves open is chosen on other users than those it is judged by, or, where they are few, on what those did before, too.
    let least = if share > 0.0 { share.min(1.0 - share) / 2.0 } else { 0.1 };
    let enough = ENOUGH as f64 / data.users.len() as f64;
    let (from, tune_share) = if enough > 1.0 - share { (0.0, 1.0) } else { (share, enough.max(least)) };
    let open = asked_kind.is_none_or(|k| chooses(k, &common, data.items.len()));
    let split = open.then(|| Held::split(&rest, step, repeats, from, tune_share)).transpose()?.filter(|(_, tune)| !tune.is_empty());
    let (seen, tune) = split.as_ref().map_or((&rest, None), |(seen, tune)| (seen, Some(tune)));

    let auto::Choice { mut kind, params: mut resolved, mut fitted } = auto::fit(asked_kind, given, seen, tune, &mut report, ctx)?;

    let deployed = incumbent;
    let incumbent = deployed.filter(|i| i.held_out(share));
    if deployed.is_some() && incumbent.is_none() {
        report.notices.push("the deployed version was not judged on the held-out events: it learned from some of these events".into());
    }
    let popularity = Popularity::plain(&rest)?.scores;
    ctx.watch.phase("judging");
    let mut verdict = verdict::judge(&*fitted.model, &popularity, &rest, &judge, incumbent, ctx)?;
    let chosen_by = || match tune {
        Some(tune) => verdict::judge(&*fitted.model, &Popularity::plain(seen)?.scores, seen, tune, None, ctx),
        None => Ok(None),
    };
    if let (None, Some(v)) = (asked_kind, &verdict)
        && v.gives_way(chosen_by, ctx.seed)?
    {
        report.notices.push(format!(
            "auto chose {}: on {} held-out lists kind {} has an ndcg@{JUDGED_AT} of {:.5}, popularity of {:.5}",
            popularity::KIND.name,
            v.own.users,
            kind.name,
            v.own.ndcg,
            v.popularity.ndcg
        ));
        verdict = verdict.map(Verdict::of_popularity);
        auto::Choice { kind, params: resolved, fitted } = auto::popularity(given, &rest, ctx)?;
    }
    resolved.extend(fitted.chosen);
    resolved.insert("repeats".into(), json!(repeats));
    report.epochs = fitted.epochs;
    report.unknown = incumbent.map(|i| i.unknown(data));
    match &verdict {
        Some(v) => v.tell(kind.name, &mut report),
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
    let model = if refit && !whole {
        tune::fit(kind, &Job { data, params: &resolved, tune: None, kinds: KINDS, ctx })?.model
    } else {
        fitted.model
    };
    if !data.attributes.is_empty() && !model.uses_attributes() {
        report.notices.push(format!(
            "kind {} does not learn from items; {} does, where users have things again",
            kind.name,
            ranker::RANKER.name
        ));
    }
    if !data.context.is_empty() && !model.uses_context() {
        report.notices.push(format!(
            "kind {} does not learn from the events' context; {} does, where users have things again",
            kind.name,
            ranker::RANKER.name
        ));
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
        kind: kind.name.to_owned(),
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
