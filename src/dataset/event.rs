//! One event, and the order in which a user's stand.

use crate::base::rng::mix;
use crate::dataset::Codes;

/// One event of a user's history.
// Laid out as C does, without gaps: a file holds them as they are.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Event {
    /// Microseconds since 2000-01-01 (UTC); a numeric time column counts as seconds of that. 0 throughout without a time column.
    pub time: i64,
    /// Index into the item vocabulary.
    pub item: u32,
    /// Above 0: how much the event says.
    pub weight: f32,
    /// Under which circumstances, as [`crate::dataset::Interactions::context`] codes them.
    pub context: Codes,
}

impl Event {
    /// An event of which no circumstances are known.
    pub fn new(time: i64, item: u32, weight: f32) -> Self {
        Self { time, item, weight, context: Codes::default() }
    }
}

/// Orders one user's events by time, ties by a hash of the ids that `seed` shuffles: a live history gets the order that training gave it.
pub fn order(events: &mut [Event], seed: u64, user_hash: u64, item_hash: impl Fn(u32) -> u64) {
    let tie = |e: &Event| mix(seed ^ user_hash ^ item_hash(e.item).rotate_left(17));
    events.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| tie(a).cmp(&tie(b))).then_with(|| a.weight.total_cmp(&b.weight)));
}
