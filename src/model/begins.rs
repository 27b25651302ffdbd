//! From when on a version knew nothing of the users by whom it was evaluated: an event that came before, it learned from, also where it has
//! become a user's last because later ones are gone. (Orders are cancelled, windows become shorter. A version that began from another where
//! each user's latest event had been deleted had an NDCG@20 of .053, on events where .028 is to be had.)

use crate::base::{Code, Error, Numbers, Result, Tensor};
use crate::dataset::{Event, Interactions};
use std::collections::BTreeMap;

/// The tensor's name.
const NAME: &str = "begins";

/// By a number that stands for the user's id, microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begins(BTreeMap<u64, i64>);

impl Begins {
    /// Of a training that held `held` out, users with their events, oldest first, and learned all events of `learned`.
    pub fn of(held: &[(u32, Vec<Event>)], learned: &[u32], data: &Interactions) -> Self {
        let held = held.iter().filter_map(|(u, events)| Some((*u, events.first()?.time)));
        // Anything that comes after the last event.
        let whole = learned.iter().filter_map(|u| Some((*u, data.history(*u).last()?.time.saturating_add(1))));
        Self(held.chain(whole).map(|(u, time)| (data.users.hash(u), time)).collect())
    }

    /// The same of a training that began from a version of which `before` tells: what that knew is known still, of users that there are.
    pub fn after(mut self, before: &Self, data: &Interactions) -> Self {
        for u in 0..data.users.len() as u32 {
            let id = data.users.hash(u);
            if let Some(then) = before.0.get(&id) {
                let own = self.0.entry(id).or_insert(*then);
                *own = (*own).max(*then);
            }
        }
        self
    }

    /// Whether an event of a user, whose `id` this is, at `time` was learned from.
    pub fn knew(&self, id: u64, time: i64) -> bool {
        self.0.get(&id).is_some_and(|begin| time < *begin)
    }

    /// As a tensor: users × (number, microseconds).
    pub fn to_tensor(&self) -> Tensor {
        let pairs = self.0.iter().flat_map(|(id, time)| [i64::from_ne_bytes(id.to_ne_bytes()), *time]).collect();
        Tensor { name: NAME.into(), shape: vec![self.0.len(), 2], numbers: Numbers::I64(pairs) }
    }

    /// Back from [`Begins::to_tensor`]; nothing where there is no such tensor, as in versions of 0.1.0.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(tensors: &[Tensor]) -> Result<Self> {
        let Some(t) = tensors.iter().find(|t| t.name == NAME) else { return Ok(Self::default()) };
        match (&t.numbers, t.shape.as_slice()) {
            (Numbers::I64(pairs), [n, 2]) if pairs.len() == n.saturating_mul(2) => {
                let pairs = pairs.as_chunks::<2>().0.iter();
                Ok(Self(pairs.map(|[id, time]| (u64::from_ne_bytes(id.to_ne_bytes()), *time)).collect()))
            }
            _ => Err(Error::new(Code::Corrupt, "stored weights are damaged").detail("When held-out events began is no table.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_back_and_what_is_none_does_not() {
        let begins = Begins([(u64::MAX, 5), (3, -7)].into());
        let t = begins.to_tensor();
        assert_eq!(Begins::from_tensors(std::slice::from_ref(&t)).unwrap(), begins);
        assert!(begins.knew(u64::MAX, 4) && !begins.knew(u64::MAX, 5) && !begins.knew(4, -8));
        assert_eq!(Begins::from_tensors(&[]).unwrap(), Begins::default());
        assert_eq!(Begins::from_tensors(&[Tensor { shape: vec![4], ..t }]).unwrap_err().code, Code::Corrupt);
    }
}
