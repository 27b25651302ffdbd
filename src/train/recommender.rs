//! The training of a recommender: events in, the item side of a model and how it went out.

use crate::base::number::AsReal;
use crate::base::tensor_names::{HOLDOUT, ITEM_VALUES, ITEMS, POPULARITY};
use crate::base::{Context, Error, Result, Shared, Tensor};
use crate::dataset::{EventContext, Interactions, Snapshot, Step};
use crate::model::begins::Begins;
use crate::model::holdout::{ENOUGH, Holdout};
use crate::model::kinds::KINDS;
use crate::model::popularity::{self, Popularity};
use crate::model::recommender::{CommonParams, EVALUATED_AT, ItemScorer, Job, Kind, Users};
use crate::model::tune::{self, chooses};
use crate::model::{ranker, sequence};
use crate::serve::recommender::{Recommender, State};
use crate::train::recommender_params::Request;
use crate::train::verdict::{self, Incumbent, Verdict};
use crate::train::warm_start::WarmStart;
use crate::train::{Report, Trained, auto};
use serde_json::{Value, json};

/// Without times, this share of events with items had already is worth a word.
const OFTEN: f64 = 0.2;

/// Fits what is asked for to `data`: evaluated on the last events (or sessions, where events come in such) of some users, beside popularity
/// and the `incumbent` (the deployed version) on the same events, then fitted again to all. `auto` takes the kind that is best on held-out
/// events of other users. `skipped` rows were left out when the events were read.
///
/// # Errors
/// [`crate::base::Code::InvalidParameter`], [`crate::base::Code::Data`], [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn fit(data: &Interactions, asked: &Request, skipped: u64, incumbent: Option<&Incumbent>, ctx: &Context) -> Result<Trained> {
    fit_from(data, asked, skipped, (incumbent, None), ctx)
}

/// [`fit`] that begins, where `warm` is given, from that version, whose `incumbent` it is: its weights, and what it had chosen.
///
/// # Errors
/// As [`fit`]; [`crate::base::Code::Corrupt`] for a version that is damaged.
pub fn fit_from(
    data: &Interactions,
    asked: &Request,
    skipped: u64,
    (incumbent, warm): (Option<&Incumbent>, Option<&Recommender>),
    ctx: &Context,
) -> Result<Trained> {
    let warm = warm.map(|whole| WarmStart::new(whole, incumbent, data)).transpose()?;
    let asked = &match &warm {
        Some(warm) => warm.close(asked)?,
        None => asked.clone(),
    };
    let _booked = ctx.budget.take(data.bytes() * 2, "the events")?;
    let mut report = Report { rows_used: data.events().len() as u64, rows_skipped: skipped, ..Report::default() };
    let repeats = repeats(data, asked, &mut report);
    let parts = Parts::of(data, asked, (repeats, warm.is_some()), incumbent, ctx)?;
    let Evaluated { choice, verdict, popularity } = evaluated(&parts, asked, (incumbent, warm.as_ref()), &mut report, ctx)?;
    let auto::Choice { kind, params: mut resolved, fitted } = choice;
    resolved.extend(fitted.chosen);
    resolved.insert("repeats".into(), json!(repeats));
    report.epochs = fitted.epochs;
    report.unknown = incumbent.filter(|i| i.held_out(parts.share)).map(|i| i.unknown(data));
    match &verdict {
        Some(v) => v.report_to(kind.name, &mut report),
        None if parts.evaluate.is_empty() => {
            report.notices.push("no user has two events to hold the last one out, so this version is not evaluated".into())
        }
        None => report.notices.push(
            "what was held out is new to all or known to its users, so there is nothing to find and this version is not evaluated".into(),
        ),
    }
    let mut tensors = Vec::new();
    if !parts.evaluate.is_empty() {
        tensors.extend(fitted.model.to_tensors());
        tensors.push(popularity_tensor(popularity));
        let begins = Begins::of(parts.evaluate.users(), &parts.seen, data);
        // What a version that it began from had learned, it has learned.
        let before = incumbent.filter(|_| warm.is_some() && parts.may == Some(Ok(())));
        let begins = match before {
            Some(i) => begins.after(i.begins(), data),
            None => begins,
        };
        tensors.push(begins.to_tensor());
        tensors.iter_mut().for_each(|t| t.name.insert_str(0, HOLDOUT));
    }
    let model = if asked.common.refit && !parts.learned_all() {
        let warm = warm.as_ref().map(WarmStart::whole);
        tune::fit(kind, &Job { data, params: &resolved, tune: None, kinds: KINDS, warm, ctx })?.model
    } else {
        fitted.model
    };
    unused(data, kind, &*model, &mut report);
    let context = if model.uses_context() { data.context.clone() } else { EventContext::default() };
    tensors.extend(model.to_tensors());
    tensors.extend(data.items.to_tensors(ITEMS));
    let described = data.described.as_ref().filter(|_| kind.describes).map(|d| &d.columns);
    tensors.extend(described.iter().flat_map(|d| d.to_tensors(ITEM_VALUES)));
    tensors.push(popularity_tensor(Popularity::plain(data, ctx)?.scores));
    let snapshot = snapshot(data, &asked.common, ctx)?;
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
        described: described.map(|d| d.state().clone()),
        users: snapshot.map(|s| s.len()),
        learned_users: Some(data.users.len()),
        held_share: parts.share,
        latest: Some(data.latest()).filter(|_| data.span() > 0),
    };
    let state = serde_json::to_value(state).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok(Trained { params: Value::Object(resolved), state, tensors, report })
}

/// Whether lists hold what a user had: as asked, else as the events say.
fn repeats(data: &Interactions, asked: &Request, report: &mut Report) -> bool {
    let untimed = data.span() == 0;
    let repeats = asked.common.repeats.unwrap_or_else(|| data.repeats() || (untimed && asked.kind.is_some_and(|k| k.repeats)));
    if untimed && asked.common.repeats.is_none() && !repeats {
        report.notices.extend(had_again(data));
    }
    repeats
}

/// The events by what they are for.
struct Parts {
    /// The share of the users whose last events are held out.
    share: f64,
    /// What the held-out events leave.
    rest: Interactions,
    /// The held-out events.
    evaluate: Holdout,
    /// Users who are not asked, since the deployed version learned from what is their last step now.
    seen: Vec<u32>,
    /// Whether the deployed version may be evaluated, or why not; none without one.
    may: Option<std::result::Result<(), &'static str>>,
    /// Where the kind leaves anything open: what to learn from, and the events of other users that decide it.
    split: Option<(Interactions, Holdout)>,
}

impl Parts {
    fn of(
        data: &Interactions,
        asked: &Request,
        (repeats, closed): (bool, bool),
        deployed: Option<&Incumbent>,
        ctx: &Context,
    ) -> Result<Self> {
        let step = Step::of(data);
        let share = verdict::share(data, step, asked.common.holdout, asked.common.refit);
        let mut may = deployed.map(|i| i.may_be_evaluated(share, data));
        let nothing = Begins::default();
        let begun = deployed.filter(|_| may == Some(Ok(()))).map_or(&nothing, Incumbent::begins);
        let (mut rest, mut evaluate, mut seen) = Holdout::split_unseen(data, step, repeats, (0.0, share), begun, ctx)?;
        if seen.len() > evaluate.users().len() {
            may = Some(Err("it learned from what are the last events of most users now"));
            (rest, evaluate, seen) = Holdout::split_unseen(data, step, repeats, (0.0, share), &nothing, ctx)?;
        }
        // What a kind leaves open is chosen on other users than those it is evaluated by, or, where they are few, on what those did before,
        // too.
        let least = if share > 0.0 { share.min(1.0 - share) / 2.0 } else { 0.1 };
        let enough = ENOUGH.real() / data.users.len().real();
        let (from, tune_share) = if enough > 1.0 - share { (0.0, 1.0) } else { (share, enough.max(least)) };
        let open = !closed && asked.kind.is_none_or(|k| chooses(k, &asked.params, data.items.len()));
        let split = open.then(|| Holdout::split(&rest, step, repeats, from, tune_share, ctx)).transpose()?;
        Ok(Self { rest, evaluate, seen, may, split: split.filter(|(_, tune)| !tune.is_empty()), share })
    }

    fn seen(&self) -> &Interactions {
        self.split.as_ref().map_or(&self.rest, |(seen, _)| seen)
    }

    fn tune(&self) -> Option<&Holdout> {
        self.split.as_ref().map(|(_, tune)| tune)
    }

    /// Whether nothing was held out: then all events were learned from already.
    fn learned_all(&self) -> bool {
        self.evaluate.is_empty() && self.split.is_none()
    }
}

/// What was fitted to a part of the events, and how it did on the others.
struct Evaluated {
    choice: auto::Choice,
    verdict: Option<Verdict>,
    /// Popularity among [`Parts::rest`].
    popularity: Shared<f32>,
}

fn evaluated(
    parts: &Parts,
    asked: &Request,
    (deployed, warm): (Option<&Incumbent>, Option<&WarmStart<'_>>),
    report: &mut Report,
    ctx: &Context,
) -> Result<Evaluated> {
    let incumbent = deployed.filter(|_| parts.may == Some(Ok(())));
    let warm = warm.and_then(|w| w.evaluated(incumbent.is_some(), parts.evaluate.is_empty()));
    let mut choice = auto::fit(asked, parts.seen(), parts.tune(), warm, report, ctx)?;
    if !parts.seen.is_empty() {
        report.notices.push(format!(
            "{} of {} users are not asked: later events of theirs are gone, and the deployed version learned from what are their last ones now",
            parts.seen.len(),
            parts.seen.len() + parts.evaluate.users().len()
        ));
    }
    if let Some(Err(why)) = parts.may {
        report.notices.push(format!("the deployed version was not evaluated on the held-out events: {why}"));
    }
    let popularity = Popularity::plain(&parts.rest, ctx)?.scores;
    ctx.watch.phase("evaluating");
    let mut verdict = verdict::evaluate(&*choice.fitted.model, &popularity, &parts.rest, &parts.evaluate, incumbent, ctx)?;
    let chosen_by = || match parts.tune() {
        Some(tune) => {
            verdict::evaluate(&*choice.fitted.model, &Popularity::plain(parts.seen(), ctx)?.scores, parts.seen(), tune, None, ctx)
        }
        None => Ok(None),
    };
    if let (None, Some(v)) = (asked.kind, &verdict)
        && v.gives_way(chosen_by, ctx.seed)?
    {
        report.notices.push(format!(
            "auto takes {} in its place: on {} other held-out lists kind {} has an ndcg@{EVALUATED_AT} of {:.5}, popularity of {:.5}",
            popularity::KIND.name,
            v.own.users,
            choice.kind.name,
            v.own.ndcg,
            v.popularity.ndcg
        ));
        verdict = verdict.map(Verdict::of_popularity);
        choice = auto::popularity(asked, &parts.rest, ctx)?;
    }
    Ok(Evaluated { choice, verdict, popularity })
}

/// Says what was given that the kind does not learn from.
fn unused(data: &Interactions, kind: &Kind, model: &dyn ItemScorer, report: &mut Report) {
    let do_so = format!("{} does, and {} where users have things again", sequence::KIND.name, ranker::RANKER.name);
    if !data.attributes.is_empty() && !model.uses_attributes() {
        report.notices.push(format!("kind {} does not learn from items; {do_so}", kind.name));
    }
    if !data.context.is_empty() && !model.uses_context() {
        report.notices.push(format!("kind {} does not learn from the events' context; {do_so}", kind.name));
    }
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
fn popularity_tensor(scores: Shared<f32>) -> Tensor {
    Tensor::f32(POPULARITY, [scores.len()], scores)
}

/// The users' latest events, where the version is to hold them.
fn snapshot(data: &Interactions, common: &CommonParams, ctx: &Context) -> Result<Option<Snapshot>> {
    if common.users == Users::Live {
        return Ok(None);
    }
    // At most as much as the events themselves, and again as tensors.
    let _booked = ctx.budget.take((data.bytes() - data.items.bytes()) * 2, "the snapshot of the users' events")?;
    Snapshot::of(data, common.history_limit, ctx).map(Some)
}
