//! On which events a kind is worth trying: what several kinds ask of them. Measured on two cores, where `auto` is to end in minutes.

use crate::base::number::AsReal;
use crate::dataset::Interactions;
use crate::model::popularity::DAY;

/// The fewest users that vectors or a network can learn anything from.
const FEWEST: usize = 200;

/// Whether things are had again over a month or more, the shortest past from which habits can be learnt.
pub fn habits(data: &Interactions) -> bool {
    const MONTH: f64 = 30.0 * DAY;
    data.repeats() && data.span().real() >= MONTH
}

/// Whether vectors are worth learning, and learnt in some minutes.
pub fn for_vectors(data: &Interactions) -> bool {
    const EVENTS: usize = 1_000_000;
    !habits(data) && data.users.len() >= FEWEST && data.events().len() <= EVENTS
}

/// Whether a network over whole histories is worth learning, and learns in less than a minute: by users × items.
pub fn for_networks(data: &Interactions) -> bool {
    const CELLS: f64 = 6e6;
    !habits(data) && data.users.len() >= FEWEST && data.users.len().real() * data.items.len().real() <= CELLS
}
