//! What is known at a moment, whoever the user: of each item, of what goes together, of groups of items, of what goes with circumstances.

use crate::base::{Context, Result};
use crate::dataset::Interactions;
use crate::kernel::top_k;
use crate::model::ease;
use crate::model::links::Links;
use crate::model::ranker::Params;
use crate::model::ranker::context_features::ContextFeatures;
use crate::model::ranker::groups::Groups;
use crate::model::ranker::item_features::ItemFeatures;
use serde_json::{Map, json};

/// Items that come into question because many have them.
const CURRENT: usize = 100;

/// The items as of a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemSnapshot {
    /// Of each item.
    pub item_features: ItemFeatures,
    /// A linear model of what goes together; none of `repeat`.
    pub links: Option<Links>,
    /// One an attribute of the items; none of `repeat`.
    pub groups: Vec<Groups>,
    /// One a column of the events' context; none of `repeat`.
    pub settings: Vec<ContextFeatures>,
    /// Items that are had most at the moment, best first.
    pub current: Vec<u32>,
}

impl ItemSnapshot {
    /// From all events of `data`, as of `now`.
    ///
    /// # Errors
    /// As [`ease::fit`] and [`ItemFeatures::of`].
    pub fn of(data: &Interactions, now: i64, p: &Params, repeat: bool, ctx: &Context) -> Result<Self> {
        let item_features = ItemFeatures::of(data, now, ctx)?;
        let (mut links, mut groups, mut settings) = (None, Vec::new(), Vec::new());
        if !repeat {
            let own = json!({"regularization": p.regularization, "links": p.links, "history": p.history, "recency": 1000});
            links = Some(ease::fit(data, own.as_object().unwrap_or(&Map::new()), ctx)?.links);
            groups = Groups::all(data, now, ctx)?;
            settings = ContextFeatures::all(data, ctx)?;
        }
        Ok(Self::with(item_features, links, groups, settings, data.items.len()))
    }

    /// Of its parts, for `items` items.
    pub fn with(
        item_features: ItemFeatures,
        links: Option<Links>,
        groups: Vec<Groups>,
        settings: Vec<ContextFeatures>,
        items: usize,
    ) -> Self {
        let scores: Vec<f32> = (0..items as u32).map(|i| item_features.current(i)).collect();
        Self { current: top_k(&scores, CURRENT, None), item_features, links, groups, settings }
    }
}
