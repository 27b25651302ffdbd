//! Lists for the pages of a shop beside that for a user: what goes with a product.

use crate::base::{Code, Error, Result};
use crate::dataset::Id;
use crate::model::lift::Together;
use crate::pg::backend::text::{literal, quote};
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::serving::Ready;

impl Ready {
    /// The `k` items that are most surely in one basket with `item`; none for one that the model does not know.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that knows no baskets, said even for an item that it does not know.
    pub(crate) fn together(&self, item: Option<&Id>, k: usize) -> Result<Vec<Together>> {
        self.counts.call();
        let known = item.map_or(Ok(None), |item| self.find_item(item))?;
        // Whether the kind can is said even for an item that it does not know. A model has one item or more.
        let mut row = self.recommender().together(known.unwrap_or(0)).map_err(|e| self.another_kind(e, "baskets"))?;
        row.truncate(if known.is_some() { k } else { 0 });
        self.counts.list(row.len(), true, known.is_some());
        Ok(row)
    }

    /// `e` with the model and how one of `kind` is trained on the same events, where it says that the model's kind cannot.
    fn another_kind(&self, e: Error, kind: &str) -> Error {
        if e.code != Code::Unsupported {
            return e;
        }
        let (name, _) = self.name();
        e.detail(format!("Model \"{name}\" is of kind {}.", self.recommender().kind())).hint(format!(
            "SELECT affinity.train_recommender({}, {});",
            literal(&format!("{name} {kind}")),
            arguments(self.source(), kind)
        ))
    }
}

/// The arguments of a training on the same events after the model's name.
fn arguments(source: &EventSource, kind: &str) -> String {
    let relation = literal(&format!("{}.{}", quote(&source.schema), quote(&source.relation)));
    let named = [
        ("user_col", Some(&source.user_col)),
        ("item_col", Some(&source.item_col)),
        ("time_col", source.time_col.as_ref()),
        ("weight_col", source.weight_col.as_ref()),
        ("event_col", source.event_col.as_ref()),
    ];
    let named = named.into_iter().filter_map(|(name, column)| column.map(|c| format!(", {name} => {}", literal(c))));
    let weights = source.event_weights.as_ref().and_then(|w| serde_json::to_string(w).ok());
    let weights = weights.map(|w| format!(", event_weights => {}", literal(&w)));
    format!("{relation}, {}{}{}", literal(kind), named.collect::<String>(), weights.unwrap_or_default())
}
