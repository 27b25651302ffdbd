//! Lists for the pages of a shop beside that for a user: what goes with a product, what is bought again, who wants it.

use crate::base::{Code, Error, Result};
use crate::dataset::Id;
use crate::model::lift::Together;
use crate::pg::backend::text::{literal, quote};
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::live_history::Live;
use crate::pg::recommender::serve_all;
use crate::pg::recommender::serving::{Ready, now};
use crate::pg::store::models::Scope;
use crate::serve::audience::Among;
use crate::serve::due::{Due, due};

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

    /// The `k` items that `user` had and will have again, those that are due first, and where the scores come from.
    ///
    /// # Errors
    /// [`Code::Privilege`] for one who may not know what users had; [`Code::Unsupported`] for a model of things that are had once, and where
    /// events have no times, or such as are no instants; what reading the events raises.
    pub(crate) fn buy_again(&self, user: Option<&Id>, k: usize) -> Result<(Vec<Due>, String)> {
        self.allow(Scope::All, "what users had")?;
        self.counts.call();
        let (name, model) = (self.name().0, self.recommender());
        if !model.foresees_repeats() {
            return Err(self.another_kind(Error::new(Code::Unsupported, "the model does not foresee what is had again"), "repeat"));
        }
        if self.source().time_col.is_none() || self.live().is_some_and(Live::has_numbers_for_times) {
            return Err(Error::new(Code::Unsupported, format!("the events of model \"{name}\" have no dates to say when by"))
                .detail(match &self.source().time_col {
                    None => "Its training named no time_col.".to_owned(),
                    Some(column) => format!("Column \"{column}\" holds numbers."),
                })
                .hint("Train with time_col => a column of dates or timestamps; of seconds a view makes them: to_timestamp(…)."));
        }
        let history = user.map(|u| self.history(u)).transpose()?.unwrap_or_default();
        let any = history.any;
        let scored = self.scored(history)?;
        let list = due(&scored.history.events, &scored.scores, now(), k)?;
        self.counts.list(list.len(), any, scored.known);
        Ok((list, scored.source))
    }

    /// The `k` users who will most likely want one of these items, best first; with `exclude_seen` an item does not count for those who had it.
    ///
    /// # Errors
    /// [`Code::Privilege`] for one who may not know what users had; [`Code::Unsupported`] for a kind that does not tell users apart, and of one
    /// for repeats for those who never had the item; what reading the events raises.
    pub(crate) fn audience(&self, mut items: Vec<u32>, k: usize, exclude_seen: bool) -> Result<Vec<(Id, f32)>> {
        self.allow(Scope::All, "what users had")?;
        let model = self.recommender();
        let unsupported = |message: &str| {
            let e = Error::new(Code::Unsupported, message.to_owned());
            e.detail(format!("Model \"{}\" is of kind {}.", self.name().0, model.kind()))
        };
        let among = match (model.follows(), exclude_seen) {
            (true, true) => Among::New,
            (true, false) => Among::All,
            (false, _) if !model.reads_history() => {
                return Err(unsupported("the model does not tell users apart")
                    .hint("Train with kind => 'als', 'ease' or another kind that reads histories."));
            }
            (false, true) => {
                return Err(unsupported("the model knows nothing of who never had an item")
                    .hint("Say exclude_seen => false: who will have it again."));
            }
            (false, false) => Among::Had,
        };
        items.sort_unstable();
        items.dedup();
        serve_all::audience(self, &items, among, k)
    }

    /// `e` with the model and how one of `kind` is trained on the same events, where it says that the model's kind cannot. One who is not the
    /// model's owner is not told what these are.
    fn another_kind(&self, e: Error, kind: &str) -> Error {
        if e.code != Code::Unsupported {
            return e;
        }
        let (name, _) = self.name();
        let whole =
            format!("SELECT affinity.train_recommender({}, {});", literal(&format!("{name} {kind}")), arguments(self.source(), kind));
        let short = || format!("SELECT affinity.train_recommender(…, kind => '{kind}');");
        let told = self.is_owner() && whole.len() <= LONGEST && name.len() + kind.len() < 63;
        e.detail(format!("Model \"{name}\" is of kind {}.", self.recommender().kind())).hint(if told { whole } else { short() })
    }
}

/// Bytes of a call that a hint shows.
const LONGEST: usize = 4000;

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
