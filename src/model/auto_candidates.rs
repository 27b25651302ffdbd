//! On which events a kind is worth trying: what several kinds ask of them. Measured on two cores, where `auto` is to end in minutes.

use crate::base::number::AsReal;
use crate::dataset::Interactions;
use crate::model::popularity::DAY;

/// The fewest users that vectors or a network can learn anything from. (500 left out MovieLens by sessions, with 381 users: there
/// `mult_vae` among the bases takes the recall@20 of sessions held out of training from .182 to .198.)
const FEWEST: usize = 200;

/// Whether things are had again over a month or more, the shortest past from which habits can be learnt.
pub fn habits(data: &Interactions) -> bool {
    const MONTH: f64 = 30.0 * DAY;
    data.repeats() && data.span().real() >= MONTH
}

/// Whether vectors are worth learning, and learnt in some minutes. (With `als`, `bpr` and `cfgan` among the bases, and those that are left
/// weighed once more, NDCG@20 of events held out of training rose from .083 to .089 on Amazon Beauty, from .185 and .199 to .202 and .209
/// on MovieLens.)
pub fn for_vectors(data: &Interactions) -> bool {
    // Two epochs of 64 factors over a million events take `als` .8 to 1.0 s on two threads; it learns for ten of 128, with each of four λ.
    const EVENTS: usize = 1_000_000;
    !habits(data) && data.users.len() >= FEWEST && data.events().len() <= EVENTS
}

/// Whether users come for short visits, of which there are many alike: ten events a user at most.
pub fn for_sessions(data: &Interactions) -> bool {
    !habits(data) && data.users.len() >= FEWEST && data.events().len() <= 10 * data.users.len()
}

/// Whether a network over histories in their order is worth learning, and learns in some minutes: by the events. (An epoch over the 131,000
/// of Amazon Beauty takes .75 s on two threads, forty to eighty are enough.)
pub fn for_sequences(data: &Interactions) -> bool {
    const EVENTS: usize = 1_000_000;
    !habits(data) && data.span() > 0 && data.users.len() >= FEWEST && data.events().len() <= EVENTS
}

/// Whether a network over whole histories is worth learning, and learns in less than a minute: by users × items.
pub fn for_networks(data: &Interactions) -> bool {
    const CELLS: f64 = 6e6;
    !habits(data) && data.users.len() >= FEWEST && data.users.len().real() * data.items.len().real() <= CELLS
}
