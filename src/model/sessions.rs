//! Sessions: a user's history cut where a visit ends.

use crate::base::number::AsIndex;
use crate::base::params::{ParamType, Spec};
use crate::base::{Context, Result, memory};
use crate::dataset::{Event, Interactions, SESSION_GAP};

/// How many sessions are learned from.
pub const LATEST: Spec =
    Spec::new("sessions", ParamType::Integer, "1000000", "The latest sessions that are learned from.").within(1.0, 1e8);

/// How much of each.
pub const LENGTH: Spec = Spec::new("length", ParamType::Integer, "50", "The latest events of a session that count.").within(2.0, 1000.0);

/// Whether half of the events are of visits with two items or more. Where users hardly ever want two things at a visit, what they wanted over
/// all of them is what can be alike.
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn tell(data: &Interactions, ctx: &Context) -> Result<bool> {
    let mut telling = 0;
    for u in 0..data.users.len() as u32 {
        ctx.check_at(u.index())?;
        let telling_ones = of(data.history(u), true).filter(|v| v.iter().any(|e| e.item != v[0].item));
        telling += telling_ones.map(<[Event]>::len).sum::<usize>();
    }
    Ok(2 * telling >= data.events().len())
}

/// The sessions of a history, oldest first.
pub fn of(history: &[Event], breaks: bool) -> impl Iterator<Item = &[Event]> {
    history.chunk_by(move |a, b| !breaks || b.time.saturating_sub(a.time) <= SESSION_GAP)
}

/// The latest sessions, each with the time of its last event, from the latest back; those of a moment in the order of their users.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn latest<'d>(data: &'d Interactions, breaks: bool, most: usize, ctx: &Context) -> Result<Vec<(i64, &'d [Event])>> {
    let mut all = Vec::new();
    for u in 0..data.users.len() as u32 {
        ctx.check_at(u.index())?;
        for session in of(data.history(u), breaks) {
            memory::reserve_slowly(&mut all, 1)?;
            all.push((session.last().map_or(0, |e| e.time), session));
        }
    }
    all.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    all.truncate(most);
    Ok(all)
}
