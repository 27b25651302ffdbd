//! The vectors of the kinds that have them: whose product is the score, or that describe an item.

use crate::base::{Code, Error, Result};
use crate::dataset::Event;
use crate::model::recommender::Model;

impl Model {
    /// The vector of `item`; none for one that the events say nothing of.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without vectors.
    pub fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        match self {
            Self::Factors(m) => Ok(m.vector(item)),
            Self::ItemVectors(m) => Ok(Some(m.vector(item)).filter(|v| v.iter().any(|x| *x != 0.0)).map(<[f32]>::to_vec)),
            _ => Err(Error::new(Code::Unsupported, "the model has no item vectors")
                .hint("Train one that has: affinity.train_recommender(…, kind => 'als') or 'item_vectors'.")),
        }
    }

    /// The vector of a user with this history, whose product with an item's is the item's score; none when nothing of it counts.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind without such vectors.
    pub fn user_vector(&self, history: &[Event]) -> Result<Option<Vec<f32>>> {
        match self {
            Self::Factors(m) => Ok(m.user(history)),
            Self::ItemVectors(_) => Err(Error::new(Code::Unsupported, "kind item_vectors has no vectors of users")
                .hint("Make them of the items': SELECT affinity.profile(affinity.item_vector(…)) …, or train with kind => 'als'.")),
            _ => Err(Error::new(Code::Unsupported, "the model has no vectors of users")
                .hint("Train one that has: affinity.train_recommender(…, kind => 'als').")),
        }
    }
}
