//! `affinity.train_recommender`.

use crate::api::train::{Row, model_name, needed, row, word};
use crate::base::Result;
use crate::base::number::AsReal;
use crate::dataset::event_weights;
use crate::pg::backend::error::sql;
use crate::pg::datum::argument_types::{Name, Regclass, Text};
use crate::pg::datum::json::Json;
use crate::pg::query::owner;
use crate::pg::query::relation::Relation;
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::item_attributes::ItemSource;
use crate::pg::recommender::train::{self, Call};
use crate::pg::store::source_access::Reader;
use crate::train::recommender_params::Request;
use pgrx::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Trains a recommender on events.
#[pg_extern]
#[allow(clippy::too_many_arguments)]
fn train_recommender(
    model: Option<Text>,
    events: Option<Regclass>,
    kind: Option<Text>,
    user_col: Option<Name>,
    item_col: Option<Name>,
    time_col: Option<Name>,
    weight_col: Option<Name>,
    event_col: Option<Name>,
    event_weights: Option<Json>,
    items: Option<Regclass>,
    params: Option<Json>,
    seed: Option<i64>,
    deploy: Option<Text>,
) -> Row {
    sql(|| {
        let relation = Relation::open(needed(events, "events")?.0)?;
        let items = items.map(|i| Relation::open(i.0).map(|r| (r, Reader::default()))).transpose()?;
        let params = params.map_or_else(|| Ok(json!({})), |p| p.read("params"))?;
        let kind = word(kind, "kind")?;
        let asked = Request::new(&kind, &params)?;
        let call = Call {
            function: train::FUNCTION.into(),
            events: EventSource {
                schema: relation.schema.clone(),
                relation: relation.name.clone(),
                owner: relation.owner.clone(),
                user_col: needed(user_col, "user_col")?.0,
                item_col: needed(item_col, "item_col")?.0,
                time_col: time_col.map(|n| n.0),
                weight_col: weight_col.map(|n| n.0),
                event_col: event_col.map(|n| n.0),
                event_weights: event_weights.map(|w| weights(&w.read("event_weights")?)).transpose()?,
                search_path: owner::search_path(),
                context: asked.context(),
                user_type: None,
                item_type: None,
            },
            items: items.as_ref().map(|i| ItemSource::of(&i.0)),
            kind,
            params,
            seed: seed.unwrap_or(0),
            deploy: word(deploy, "deploy")?,
        };
        train::read(&model_name(model)?, (call, asked), &(relation, Reader::default()), items.as_ref(), None)?.finish().map(row)
    })
}

/// `{"view": 1, "purchase": 10}`.
fn weights(given: &Value) -> Result<BTreeMap<String, f32>> {
    Ok(event_weights(given, "event_weights")?.into_iter().map(|(kind, w)| (kind, w.single())).collect())
}
