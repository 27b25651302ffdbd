//! A recommender that is a matrix of links and a recency: what `item_knn`, `transition` and `ease` learn, each in its own way, and score
//! with alike.

use crate::base::number::AsReal;
use crate::base::params::{ParamType, Spec};
use crate::base::{Result, Tensor};
use crate::dataset::Event;
use crate::model::fading::fading;
use crate::model::links::Links;
use serde_json::{Map, Value};

/// How fast a user's older events fade when a list is made. (In a trial with standard tools it took EASE on Amazon Beauty from a recall@20
/// of .108 to .119 and an NDCG@20 of .051 to .059. To find the last event but one of MovieLens, `cfgan` and `ease` have .140 and .138 with
/// it, .113 and .117 without.)
pub const RECENCY: Spec =
    Spec::new("recency", ParamType::Number, "null", "Events after which one of the history counts 1/e; null: chosen on held-out events.")
        .within(0.1, 1e6);

/// Links between items, and how fast a history fades.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked {
    /// From each item to others.
    pub links: Links,
    /// See [`RECENCY`].
    pub recency: f32,
}

impl Linked {
    /// `given` are the kind's parameters, stored or not; `usual` is the recency where none is given or chosen.
    pub fn new(links: Links, given: &Map<String, Value>, usual: f32) -> Self {
        let recency = given.get("recency").and_then(Value::as_f64).map_or(usual, |x| x.clamp(0.1, 1e6).single());
        Self { links, recency }
    }

    /// See [`Links::score`].
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        self.links.score(history, self.recency, out)
    }

    /// See [`Links::similar`].
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        self.links.similar(item, out)
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        self.links.to_tensors()
    }

    /// Back from [`Linked::to_tensors`]; the rest as [`Linked::new`].
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn from_tensors(items: usize, tensors: &[Tensor], given: &Map<String, Value>, usual: f32) -> Result<Self> {
        Ok(Self::new(Links::from_tensors(items, tensors)?, given, usual))
    }
}

fading!(Linked {
    fn laid_out(&self) -> Vec<Tensor> {
        self.links.laid_out()
    }

    fn links(&self) -> Option<&Links> {
        Some(&self.links)
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Context, Pool, Quiet};
    use serde_json::json;

    #[test]
    fn what_is_read_back_fades_as_what_was_stored() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let links = Links::build(2, 1, &ctx, |a, gather| gather.add(1 - a, 1.0), |_, _, sum| sum).unwrap();
        for (given, recency) in [(json!({"recency": null}), 2.0), (json!({"recency": 7.5}), 7.5), (json!({}), 2.0)] {
            let given = given.as_object().unwrap();
            let fitted = Linked::new(links.clone(), given, 2.0);
            assert_eq!(fitted.recency, recency);
            assert_eq!(Linked::from_tensors(2, &fitted.to_tensors(), given, 2.0).unwrap(), fitted);
        }
    }
}
