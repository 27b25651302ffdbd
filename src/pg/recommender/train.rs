//! The road of `affinity.train_recommender`: a relation's events in, a version of a model out; and the same again by a recorded call.

use crate::base::{Code, Error, Result, Tensor};
use crate::dataset::{Event, Id, Vocabulary};
use crate::model::recommender::history_limit;
use crate::pg::backend::text::literal;
use crate::pg::backend::{allocator, compat, error, interrupts, settings};
use crate::pg::datum::value_form::Form;
use crate::pg::query::id_type::{IdType, Lookup, Recorded};
use crate::pg::query::owner::{self, Acting};
use crate::pg::query::relation::{Attribute, Relation, Source};
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::item_attributes::ItemSource;
use crate::pg::recommender::{index_advice, serving};
use crate::pg::store::models::{self, ModelRow, VersionRow};
use crate::pg::store::progress::Progress;
use crate::pg::store::publish::{Again, Deploy, Published, Training, publish};
use crate::pg::store::source_access::Reader;
use crate::pg::store::weights;
use crate::serve::recommender::Recommender;
use crate::train::verdict::Incumbent;
use crate::train::{Family, recommender, recommender_params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;

/// The name of the function that a recorded call repeats.
pub(crate) const FUNCTION: &str = "train_recommender";

/// Users that a version is checked with before it can be deployed.
const CHECKED: u32 = 64;

/// A call of `affinity.train_recommender`, as it is recorded with the version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// [`FUNCTION`].
    pub function: String,
    /// Where the events are.
    pub events: EventSource,
    /// What describes the items, where anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemSource>,
    /// The kind of model.
    pub kind: String,
    /// The parameters that were given.
    pub params: Value,
    /// The seed.
    pub seed: i64,
    /// When to deploy.
    pub deploy: String,
}

/// A relation and who reads it.
pub(crate) type Read = (Relation, Reader);

/// Trains a version of `model` on the events of a relation, whose items another describes, with the rights of the current role, who owns the model or will.
///
/// # Errors
/// For the call: [`Code::InvalidParameter`], [`Code::UndefinedObject`], [`Code::UndefinedColumn`], [`Code::WrongType`]; for the model:
/// [`Code::Privilege`], [`Code::InUse`], [`Code::WrongState`]; for the events: [`Code::Data`].
pub(crate) fn train(model: &str, call: &Call, (relation, reader): &Read, items: Option<&Read>, again: Option<Again>) -> Result<Published> {
    let start = Instant::now();
    compat::must_be_writable(c"affinity.train_recommender()");
    let deploy = Deploy::of(again, &call.deploy)?;
    let resolved = recommender_params::check(&call.kind, &call.params)?;
    // Says what is wrong with the columns before anything is read.
    call.events.live(relation, 1)?;
    let before = models::lock_training(model)?;
    let budget = settings::budget();
    let incumbent = before.as_ref().map(incumbent).transpose()?.flatten();
    budget.check()?;
    let seed = call.seed as u64;
    let mut progress = Progress::begin(model);
    let (mut data, skipped) = reader.run(|| call.events.read(relation, seed, again.is_some(), &budget))?;
    if let Some(sentence) = untimed(&call.events, relation) {
        error::notice(&sentence);
    }
    if let (Some(column), None) = (&call.events.event_col, &call.events.event_weights) {
        error::notice(&format!("without event_weights events of every type count the same, and \"{column}\" is not read"));
    }
    if !skipped.unlisted.is_empty() {
        error::notice(&format!("events of types that event_weights does not list are left out: {}", skipped.unlisted.join(", ")));
    }
    if !skipped.absent.is_empty() {
        error::notice(&format!("no event is of a type that event_weights names: {}", skipped.absent.join(", ")));
    }
    let typ = call.events.items_as(relation)?;
    let incumbent = incumbent.map(|(i, spelled)| known_by(&mut data.items, typ, &i, spelled).map(|()| i)).transpose()?;
    if let Some((items, reader)) = items {
        let described = reader.run(|| ItemSource::read(items, &call.events.item_col, &data.items, typ, &budget))?;
        let names = |all: Vec<&str>| all.join(", ");
        if !described.left_out.is_empty() {
            let used = names(described.attributes.iter().map(|a| a.name.as_str()).collect());
            let left_out = names(described.left_out.iter().map(String::as_str).collect());
            error::notice(&format!("of the items, {used} are learned from; left out are {left_out}"));
        }
        if described.repeated > 0 {
            error::notice(&format!("{} rows of items repeat an id; the first one counts", described.repeated));
        }
        data.attributes = described.attributes;
    }
    for (_, name) in call.events.context.iter().enumerate().filter(|(c, _)| data.context.says_nothing(*c)) {
        error::notice(&format!("column \"{name}\" of the context is the same in all events and tells nothing"));
    }
    // One user's events are looked up in the relation only where they are read live.
    if resolved.get("users").and_then(Value::as_str) != Some("snapshot") {
        let limit = history_limit(resolved.get("history_limit"));
        let last = u32::try_from(data.users.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let users = [0, last].map(|u| data.users.id(u).to_string());
        let advice = reader.run(|| index_advice::advice(&call.events, relation, [&users[0], &users[1]], limit))?;
        for sentence in advice {
            error::notice(&sentence);
        }
    }
    progress.phase("training");
    let mut trained = interrupts::run(
        seed,
        &budget,
        |shown| progress.show(&shown),
        |ctx| recommender::fit(&data, &call.kind, &call.params, skipped.rows, incumbent.as_ref(), ctx),
    )?;
    // What judged the incumbent and what was learned from are not needed to save.
    let users = 0..CHECKED.min(u32::try_from(data.users.len()).unwrap_or(CHECKED));
    let sample: Vec<_> = users.map(|u| (data.users.id(u), data.history(u).to_vec())).collect();
    let now = data.latest();
    drop((data, incumbent));
    allocator::trim();
    if let Some(state) = trained.state.as_object_mut() {
        // Columns that the model makes no use of need not be there when it serves.
        let context = if state.contains_key("context") { call.events.context.clone() } else { Vec::new() };
        let events = EventSource { context, ..call.events.clone() }.typed(relation)?;
        let events = serde_json::to_value(&events).map_err(|e| Error::internal(format!("The source cannot be recorded: {e}.")))?;
        state.insert("events".into(), events);
    }
    if let Some(megabytes) = compat::peak_megabytes() {
        trained.report.metrics.insert("peak_memory_mb".into(), json!(megabytes));
    }
    let recorded = serde_json::to_value(call).map_err(|e| Error::internal(format!("The call cannot be recorded: {e}.")))?;
    let kind = trained.state.get("kind").and_then(Value::as_str).unwrap_or(&call.kind).to_owned();
    let seconds = start.elapsed().as_secs_f64();
    progress.phase("saving");
    let training = Training { model, kind: &kind, call: &recorded, trained: &trained, seconds, deploy };
    publish(&training, |row| {
        let _booked = budget.take(trained.bytes(), "the model as it is loaded")?;
        finite_lists(&Recommender::load(&row.state, &trained.tensors)?, &sample, now)
    })
}

/// What the column of times that is there and not named would bring.
fn untimed(events: &EventSource, relation: &Relation) -> Option<String> {
    let is_time = |c: &&Attribute| c.form.map(Form::family) == Some(Family::Time);
    let column = relation.columns.iter().find(is_time).filter(|_| events.time_col.is_none())?;
    Some(format!(
        "without time_col the events of a user have no order: neither what follows what nor what fades is learned, and what is held out is no later event \
         (time_col => {} names the column of times)",
        literal(&column.name)
    ))
}

/// Repeats a recorded call with the rights of the model's owner.
///
/// # Errors
/// As [`train`] and [`Reader::open`].
pub(crate) fn retrain(model: &ModelRow, call: &Value, again: Again) -> Result<Published> {
    let call = Call::deserialize(call).map_err(|e| {
        Error::new(Code::Corrupt, "the recorded call cannot be read").detail(format!("{e}.")).hint("Train with affinity.train_recommender.")
    })?;
    let open = |source: &Source| Reader::open(model, &Value::Null, &call.events.search_path, source);
    let events = open(&call.events.source())?;
    let items = call.items.as_ref().map(|i| open(&i.source())).transpose()?;
    owner::as_role(&Acting::as_role(model.owner.oid, &[])?, || train(&model.name, &call, &events, items.as_ref(), Some(again)))
}

/// Gives `items`, of type `typ`, also the spellings of the deployed version, whose ids were of the type `spelled`: it knows an item all of whose events are
/// rewritten in another spelling of the same id.
fn known_by(items: &mut Vocabulary, typ: Option<IdType>, incumbent: &Incumbent, spelled: Option<Recorded>) -> Result<()> {
    let (Some(typ), Some(spelled)) = (typ, spelled) else { return Ok(()) };
    if typ.record()? != spelled {
        return Ok(());
    }
    let ids = incumbent.items();
    let texts: Vec<String> = (0..ids.len() as u32).map(|i| ids.id(i).to_string()).collect();
    let found = Lookup::new(typ, items)?.find_texts(&texts, items)?;
    items.spell(texts, &found);
    Ok(())
}

/// The deployed version, to be judged beside the new one, and the type of its items' ids where that says which are equal. One that cannot be read does not keep a
/// better one from being trained.
fn incumbent(model: &ModelRow) -> Result<Option<(Incumbent, Option<Recorded>)>> {
    let Some(number) = model.deployed else { return Ok(None) };
    let version = models::fresh_version(model.id, number)?;
    let Some(source) = serving::source(&version)? else {
        return Err(Error::new(Code::WrongState, format!("model \"{}\" does not learn from events", model.name))
            .detail(format!("Its deployed version is of kind {}.", version.kind))
            .hint("Choose another name, or drop the model first: affinity.drop_model."));
    };
    match load(&version).and_then(|tensors| Incumbent::load(&version.state, &tensors)) {
        Ok(incumbent) => Ok(incumbent.map(|i| (i, source.item_type))),
        Err(e) if e.code == Code::Corrupt => {
            error::notice(&format!("the deployed version {number} is not judged: {e}"));
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

fn load(version: &VersionRow) -> Result<Vec<Tensor>> {
    weights::fresh_tensors(version)
}

/// Scores users with the model as it was stored: all finite.
fn finite_lists(model: &Recommender, sample: &[(Id, Vec<Event>)], now: i64) -> Result<()> {
    let mut scores: Vec<f32> = crate::base::zeros(model.items().len())?;
    for (user, history) in sample {
        model.score_history(history, now, &mut scores);
        if scores.iter().any(|v| !v.is_finite()) {
            return Err(Error::new(Code::WrongState, "the trained model gives scores that are no numbers")
                .detail(format!("User \"{user}\" has one."))
                .hint("Train with other parameters, or leave out events of extreme weight."));
        }
    }
    Ok(())
}
