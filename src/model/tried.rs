//! `auto`: which kinds it tries on given events, and what a caller may say of it.

use crate::base::params::{ParamType, Spec};
use crate::dataset::Interactions;
use crate::model::ease;
use crate::model::popularity::DAY;
use crate::model::ranker;
use crate::model::recommender::{KINDS, KindInfo};

/// Parameters of `auto` beside [`COMMON`](crate::model::recommender::COMMON).
pub const AUTO: &[Spec] = &[
    Spec::new(
        "seconds",
        ParamType::Number,
        "null",
        "What training may take: kinds that would take longer are left out. null: 120 up to 100,000 events, more with more, 600 at most.",
    )
    .within(0.0, 1e9),
    ranker::CONTEXT,
];

/// The kinds that `auto` tries on these events.
pub fn tried(data: &Interactions) -> impl Iterator<Item = &'static KindInfo> {
    /// As much as 16,000 items and more users take: two minutes on two cores.
    const MOST: f64 = 4.1e12;
    /// Users × items that a network learns from in less than a minute, and the fewest users that it can learn anything from.
    const CELLS: f64 = 6e6;
    const FEWEST: usize = 200;
    /// As many events as vectors are learnt from in some minutes.
    const EVENTS: usize = 1_000_000;
    /// The shortest past from which habits can be learnt.
    const MONTH: f64 = 30.0 * DAY;
    let again = data.repeats() && data.span() as f64 >= MONTH;
    KINDS.iter().filter(move |k| match k.name {
        "ease" => ease::cost(data) <= MOST,
        "als" | "bpr" => !again && data.users.len() >= FEWEST && data.events().len() <= EVENTS,
        "mult_vae" | "cfgan" => !again && data.users.len() >= FEWEST && data.users.len() as f64 * data.items.len() as f64 <= CELLS,
        "repeat" => again,
        "ranker" => again && ease::cost(data) <= MOST / 4.0,
        _ => k.auto,
    })
}
