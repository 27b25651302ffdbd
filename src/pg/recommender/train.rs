//! The road of `affinity.train_recommender`: a relation's events in, a version of a model out; and the same again by a recorded call.

use crate::base::{Budget, Error, Result, Tensor};
use crate::dataset::{Attribute, DescribedItems, Event, Id, Interactions, Skipped, Vocabulary};
use crate::model::cold_start;
use crate::model::recommender::{ReadAs, Users};
use crate::pg::backend::text::literal;
use crate::pg::backend::{error, interrupts};
use crate::pg::datum::value_form::Form;
use crate::pg::query::id_type::{IdType, Lookup, Recorded};
use crate::pg::query::owner::{self, Acting};
use crate::pg::query::relation::{self, Relation, Source};
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::item_attributes::ItemSource;
use crate::pg::recommender::{index_advice, serving};
use crate::pg::store::models::{ModelRow, VersionRow};
use crate::pg::store::publish::Again;
use crate::pg::store::source_access::Reader;
use crate::pg::store::training::{self, Begun, Learning, Storing};
use crate::serve::recommender::Recommender;
use crate::train::recommender_params::Request;
use crate::train::verdict::Incumbent;
use crate::train::{Family, recommender};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

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

/// Reads for a version of `model` by `call`, whose kind and parameters `asked` holds, the events of a relation, whose items another
/// describes. What is stored then is the current role's, who owns the model or will.
///
/// # Errors
/// For the call: those of [`EventSource::live`]; for the model: those of [`Begun::lock`] and of publishing; for the
/// events: [`crate::base::Code::Data`].
pub(crate) fn read(
    model: &str,
    (call, asked): (Call, Request),
    (relation, reader): &Read,
    items: Option<&Read>,
    again: Option<Again>,
) -> Result<Learning> {
    let begun = Begun::new(c"affinity.train_recommender()", &call.deploy, again)?;
    // Says what is wrong with the columns before anything is read.
    call.events.live(relation, 1)?;
    let describes = asked.kind.is_some_and(|k| k.describes);
    if describes && items.is_none() {
        return Err(cold_start::needs_items(&call.kind));
    }
    let mut run = begun.lock(model, &call.kind)?;
    let warm = again.is_some_and(|a| a.warm);
    let deployed = run.incumbent(same_family, |version, tensors| Deployed::load(version, tensors, warm))?;
    let seed = call.seed as u64;
    let (mut data, skipped) = reader.run(|| call.events.read(relation, seed, again.is_some(), &run.budget))?;
    tell_events(&call, relation, &skipped);
    let typ = call.events.items_as(relation)?;
    if let Some(deployed) = &deployed {
        deployed.known_by(&mut data.items, typ)?;
    }
    if let Some(items) = items {
        if describes {
            data.described = Some(Arc::new(described(items, &call, &data, typ, &run.budget)?));
        } else {
            data.attributes = attributes(items, &call, &data, typ, &run.budget)?;
        }
    }
    for (_, name) in call.events.context.iter().enumerate().filter(|(c, _)| data.context.says_nothing(*c)) {
        error::notice(&format!("column \"{name}\" of the context is the same in all events and tells nothing"));
    }
    // One user's events are looked up in the relation only where they are read live.
    if asked.common.users == Users::Live {
        let last = u32::try_from(data.users.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let users = [0, last].map(|u| data.users.id(u).to_string());
        let advice = reader.run(|| index_advice::advice(&call.events, relation, [&users[0], &users[1]], asked.common.history_limit))?;
        for sentence in advice {
            error::notice(&sentence);
        }
    }
    let source = call.events.clone().typed(relation)?;
    run.progress.rows(data.events().len());
    Ok(Learning::new(move || {
        let progress = &mut run.progress;
        progress.phase("training");
        let mut trained = interrupts::run(
            seed,
            &run.budget,
            |shown| progress.show(&shown),
            |ctx| recommender::fit_from(&data, &asked, skipped.rows, deployed.as_ref().map_or((None, None), Deployed::parts), ctx),
        )?;
        let users = 0..CHECKED.min(u32::try_from(data.users.len()).unwrap_or(CHECKED));
        let sample: Vec<_> = users.map(|u| (data.users.id(u), data.history(u).to_vec())).collect();
        let now = data.latest();
        drop((data, deployed));
        record_source(&mut trained.state, source, call.items.as_ref().filter(|_| describes))?;
        let kind = trained.state.get("kind").and_then(Value::as_str).unwrap_or(&call.kind).to_owned();
        let check = move |row: &VersionRow, tensors: &[Tensor]| {
            let model = Recommender::load(&row.state, tensors)?;
            finite_lists(&model, &sample, now).map(|()| model.laid_out())
        };
        Ok(Storing::new(move || run.publish(&kind, &call, trained, check)))
    }))
}

/// Says what of the events is left out, or not made use of.
fn tell_events(call: &Call, relation: &Relation, skipped: &Skipped) {
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
}

/// What the relation of the items says of those of the events.
fn attributes((items, reader): &Read, call: &Call, data: &Interactions, typ: Option<IdType>, budget: &Budget) -> Result<Vec<Attribute>> {
    let described = reader.run(|| ItemSource::read(items, &call.events.item_col, &data.items, typ, budget))?;
    tell_items(described.attributes.iter().map(|a| a.name.as_str()), &described.left_out, described.repeated);
    Ok(described.attributes)
}

/// What the relation of the items says that these share, by the values of its columns.
fn described((items, reader): &Read, call: &Call, data: &Interactions, typ: Option<IdType>, budget: &Budget) -> Result<DescribedItems> {
    let (described, repeated) = reader.run(|| ItemSource::read_values(items, &call.events.item_col, &data.items, typ, budget))?;
    tell_items(described.columns.names(), &described.left_out, repeated);
    Ok(described)
}

/// Says which columns of the items are made use of.
fn tell_items<'a>(used: impl Iterator<Item = &'a str>, left_out: &[String], repeated: u64) {
    if !left_out.is_empty() {
        let used = used.collect::<Vec<_>>().join(", ");
        error::notice(&format!("of the items, {used} are learned from; left out are {}", left_out.join(", ")));
    }
    if repeated > 0 {
        error::notice(&format!("{repeated} rows of items repeat an id; the first one counts"));
    }
}

/// Notes in a version's state where its events are. Columns that the model makes no use of need not be there when it serves.
fn record_source(state: &mut Value, mut events: EventSource, items: Option<&ItemSource>) -> Result<()> {
    let Some(state) = state.as_object_mut() else { return Ok(()) };
    if !state.contains_key("context") {
        events.context.clear();
    }
    let unrecorded = |e| Error::internal(format!("The source cannot be recorded: {e}."));
    state.insert("events".into(), serde_json::to_value(&events).map_err(unrecorded)?);
    if let Some(items) = items {
        state.insert(serving::DESCRIBED_BY.into(), serde_json::to_value(items).map_err(unrecorded)?);
    }
    Ok(())
}

/// What the column of times that is there and not named would bring.
fn untimed(events: &EventSource, relation: &Relation) -> Option<String> {
    let is_time = |c: &&relation::Attribute| c.form.map(Form::family) == Some(Family::Time);
    let column = relation.columns.iter().find(is_time).filter(|_| events.time_col.is_none())?;
    Some(format!(
        "without time_col the events of a user have no order: neither what follows what nor what fades is learned, and what is held out is no later event \
         (time_col => {} names the column of times)",
        literal(&column.name)
    ))
}

/// Reads for a recorded call with the rights of the model's owner.
///
/// # Errors
/// As [`Request::new`], [`read`] and [`Reader::open`].
pub(crate) fn read_again(model: &ModelRow, call: &Value, again: Again) -> Result<Learning> {
    let call: Call = training::recorded(call, FUNCTION)?;
    let open = |source: &Source| Reader::open(model, ReadAs::Owner, &call.events.search_path, source);
    let events = open(&call.events.source())?;
    let items = call.items.as_ref().map(|i| open(&i.source())).transpose()?;
    let asked = Request::new(&call.kind, &call.params)?;
    owner::as_role(&Acting::as_role(model.owner.oid, &[])?, || read(&model.name, (call, asked), &events, items.as_ref(), Some(again)))
}

/// The deployed version, beside which the new one is evaluated.
struct Deployed {
    /// As it was before it saw its held-out events, where that was kept.
    incumbent: Option<Incumbent>,
    /// As it serves, where the new one is to begin from it.
    whole: Option<Recommender>,
    /// The type of its items' ids, where that says which are equal.
    spelled: Option<Recorded>,
}

impl Deployed {
    fn load(version: &VersionRow, tensors: &[Tensor], whole: bool) -> Result<Self> {
        let spelled = serving::source(version)?.and_then(|s| s.item_type);
        let whole = whole.then(|| Recommender::item_side(&version.state, tensors)).transpose()?;
        Ok(Self { incumbent: Incumbent::load(&version.state, tensors)?, whole, spelled })
    }

    fn parts(&self) -> (Option<&Incumbent>, Option<&Recommender>) {
        (self.incumbent.as_ref(), self.whole.as_ref())
    }

    /// Gives `items`, of type `typ`, also the spellings of this version: it knows an item all of whose events are rewritten in another
    /// spelling of the same id.
    fn known_by(&self, items: &mut Vocabulary, typ: Option<IdType>) -> Result<()> {
        let own = self.incumbent.as_ref().map(Incumbent::items).or(self.whole.as_ref().map(Recommender::items));
        let (Some(ids), Some(typ), Some(spelled)) = (own, typ, &self.spelled) else { return Ok(()) };
        if typ.record()? != *spelled {
            return Ok(());
        }
        let texts: Vec<String> = (0..ids.len() as u32).map(|i| ids.id(i).to_string()).collect();
        let found = Lookup::new(typ, items)?.find_texts(&texts, items)?;
        items.spell(texts, &found);
        Ok(())
    }
}

/// That the deployed version learns from events.
fn same_family(model: &ModelRow, version: &VersionRow) -> Result<()> {
    match serving::source(version)? {
        Some(_) => Ok(()),
        None => Err(training::other_family(model, version, "events")),
    }
}

/// Scores users with the model as it was stored: all finite.
fn finite_lists(model: &Recommender, sample: &[(Id, Vec<Event>)], now: i64) -> Result<()> {
    let mut scores: Vec<f32> = crate::base::zeros(model.items().len())?;
    for (user, history) in sample {
        model.score_history(history, now, &mut scores);
        if scores.iter().any(|v| !v.is_finite()) {
            let hint = "Train with other parameters, or leave out events of extreme weight.";
            return Err(training::no_numbers(format!("User \"{user}\" has one."), hint));
        }
    }
    Ok(())
}
