//! A training that begins where the deployed version stands: what that chose on held-out events stays chosen, and its weights are what the
//! fit begins from.
//!
//! Nothing that evaluates is seen: the fit that is evaluated begins from the version as it was before it saw its held-out events, which are of
//! the same users still ([`Incumbent`]); only the fit to all events begins from the version itself.

use crate::base::Result;
use crate::dataset::Interactions;
use crate::model::kinds;
use crate::model::recommender::{COMMON, Warm};
use crate::serve::recommender::Recommender;
use crate::train::recommender_params::Request;
use crate::train::verdict::Incumbent;
use serde_json::Value;

/// The deployed version, to begin from.
pub(super) struct WarmStart<'a> {
    whole: &'a Recommender,
    unseen: Option<&'a Recommender>,
    /// The numbers of the events' items in each.
    items: [Vec<Option<u32>>; 2],
}

impl<'a> WarmStart<'a> {
    /// `incumbent` is the version before it saw its held-out events.
    pub(super) fn new(whole: &'a Recommender, incumbent: Option<&'a Incumbent>, data: &Interactions) -> Result<Self> {
        let unseen = incumbent.map(Incumbent::recommender);
        let items = [whole.known(data).items, unseen.map_or_else(Vec::new, |r| r.known(data).items)];
        Ok(Self { whole, unseen, items })
    }

    /// What is asked for, with what the version had chosen in the place of what is open. Of `auto` the kind that it took.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`] for a version of a kind that there is not.
    pub(super) fn close(&self, asked: &Request) -> Result<Request> {
        let (kind, stored) = (kinds::kind(self.whole.kind())?, self.whole.params());
        let Some(wanted) = asked.kind else {
            let mut params = stored.clone();
            // What all kinds share is as it is asked for now.
            params.extend(COMMON.iter().filter_map(|s| asked.params.get(s.name).map(|v| (s.name.to_owned(), v.clone()))));
            return Ok(Request { kind: Some(kind), params, common: asked.common.clone() });
        };
        if wanted.name != kind.name {
            return Ok(asked.clone());
        }
        let mut closed = asked.clone();
        closed.params.iter_mut().filter(|(name, _)| name.as_str() != "repeats").for_each(|(name, value)| fill(value, stored.get(name)));
        Ok(closed)
    }

    /// What the fit to all events begins from.
    pub(super) fn whole(&self) -> Warm<'_> {
        Self::of(self.whole, &self.items[0])
    }

    /// What the fit that is evaluated begins from: the version before it saw its held-out events where those are held out `still`; where
    /// none are, the version itself.
    pub(super) fn evaluated(&self, still: bool, none: bool) -> Option<Warm<'_>> {
        if none {
            return Some(self.whole());
        }
        self.unseen.filter(|_| still).map(|r| Self::of(r, &self.items[1]))
    }

    fn of<'w>(version: &'w Recommender, items: &'w [Option<u32>]) -> Warm<'w> {
        Warm { model: version.model(), params: version.params(), known: version.items().len(), items }
    }
}

/// Puts what was chosen in the place of what is open; of the parameters of a base, too.
fn fill(value: &mut Value, chosen: Option<&Value>) {
    match (value, chosen) {
        (value @ Value::Null, Some(chosen)) => value.clone_from(chosen),
        (Value::Object(of), Some(Value::Object(chosen))) => of.iter_mut().for_each(|(name, value)| fill(value, chosen.get(name))),
        _ => {}
    }
}
