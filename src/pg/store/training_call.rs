//! The call that trained a model, as SQL to be run again: for the hints of errors that say to do so.

use crate::base::Result;
use crate::pg::backend::text::{literal, quote};
use crate::pg::query::owner::as_extension;
use crate::pg::query::relation::Source;
use crate::pg::query::spi::{self, Arg};
use crate::pg::store::models::ModelRow;
use serde_json::Value;

/// Bytes of a call that a hint shows.
const LONGEST: usize = 4000;

/// The call of the version that was trained last, deployed whatever it is evaluated: what it is held against learned from what is no longer
/// so. In the place of the relation `gone`, which is no longer there, stands the mark of an omission. For one who is not the model's owner
/// no more than the function's name. Literals alone: nothing of it is anything but a text to who runs it.
pub(crate) fn call(model: &ModelRow, gone: Option<&Source>) -> String {
    let call = latest(model).ok().flatten().unwrap_or_default();
    // A row that somebody has restored may say anything: it is one of two words, never its own.
    let events = call.get("events");
    let function = if events.is_some() { "train_recommender" } else { "train" };
    let short = format!("affinity.{function}(…, deploy => 'always')");
    if !model.owner.held() {
        return short;
    }
    let text = |part: &Value, key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
    let relation = |part: &Value| {
        let name = text(part, "relation").or_else(|| text(part, "name"))?;
        let schema = text(part, "schema")?;
        let there = gone.is_none_or(|g| g.schema != schema || g.name != name);
        Some(if there { literal(&format!("{}.{}", quote(&schema), quote(&name))) } else { "'…'".into() })
    };
    let mut arguments = vec![literal(&model.name)];
    arguments.extend(events.or(call.get("source")).and_then(relation));
    let mut named = |name: &str, value: Option<String>| arguments.extend(value.map(|v| format!("{name} => {v}")));
    named("kind", text(&call, "kind").map(|k| literal(&k)));
    for key in ["target", "time_col", "group_col"] {
        named(key, text(&call, key).map(|v| literal(&v)));
    }
    if let Some(events) = events {
        for (key, usual) in [("user_col", "user_id"), ("item_col", "item_id"), ("time_col", ""), ("weight_col", ""), ("event_col", "")] {
            named(key, text(events, key).filter(|v| v != usual).map(|v| literal(&v)));
        }
        named("event_weights", events.get("event_weights").filter(|w| !w.is_null()).map(|w| literal(&w.to_string())));
        named("items", call.get("items").and_then(relation));
    }
    let given = |p: &&Value| p.as_object().is_some_and(|p| !p.is_empty());
    named("params", call.get("params").filter(given).map(|p| literal(&p.to_string())));
    let whole = format!("SELECT affinity.{function}({}, deploy => 'always')", arguments.join(", "));
    if whole.len() > LONGEST { short } else { whole }
}

fn latest(model: &ModelRow) -> Result<Option<Value>> {
    const CALL: &str = "SELECT v.call FROM affinity.stored_versions v WHERE v.model_id OPERATOR(pg_catalog.=) $1 AND v.owner_oid OPERATOR(pg_catalog.=) $2 \
         ORDER BY v.version DESC LIMIT 1";
    as_extension(|| spi::first(CALL, &[Arg::Uuid(model.id), Arg::Oid(model.owner.oid)], |r| r.json(1)))
}
