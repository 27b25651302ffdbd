//! Lists for many users at once, spread over the threads: to each what a list of its own would hold.

use crate::base::{Context, Result, zeros};
use crate::dataset::{Event, Id};
use crate::train::recommender::{Recommender, Source};

/// A user to make a list for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The user.
    pub user: Id,
    /// The events that the list is made from, items that the model knows, in any order.
    pub events: Vec<Event>,
    /// The known items that the user ever had, in any order.
    pub seen: Vec<u32>,
    /// Whether the user has events at all, known to the model or not.
    pub any: bool,
}

/// One user's list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// Where it comes from.
    pub source: Source,
    /// Items and their scores, best first.
    pub items: Vec<(u32, f32)>,
}

impl Asked {
    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.events.capacity() * size_of::<Event>() + self.seen.capacity() * 4 + size_of::<Self>()
    }
}

/// Users that a thread takes at a time.
const STEP: usize = 16;

/// The best `k` items for each of `asked`, as of `now` (microseconds since 2000-01-01); with `exclude_seen` without those that the user had.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn lists(model: &Recommender, asked: &mut [Asked], k: usize, exclude_seen: bool, now: i64, ctx: &Context) -> Result<Vec<List>> {
    let items = model.items().len();
    let _booked = ctx.budget.take(items.saturating_mul(4 * ctx.pool.threads()), "scores of all items")?;
    let run = |asked: &mut [Asked]| -> Result<Vec<List>> {
        let mut scores = zeros(items)?;
        let mut lists = Vec::with_capacity(asked.len());
        for one in asked {
            ctx.check()?;
            model.order(&one.user, &mut one.events);
            let source = model.score_history(&one.events, now, &mut scores);
            if exclude_seen {
                one.seen.iter().for_each(|&i| scores[i as usize] = f32::NEG_INFINITY);
            }
            lists.push(List { source, items: model.best(&scores, k).collect() });
        }
        Ok(lists)
    };
    let mut parts: Vec<(&mut [Asked], Result<Vec<List>>)> = asked.chunks_mut(STEP).map(|part| (part, Ok(Vec::new()))).collect();
    ctx.pool.each_mut(&mut parts, |_, (part, lists)| *lists = run(part));
    let mut all = Vec::with_capacity(parts.len() * STEP);
    for (_, lists) in parts {
        all.extend(lists?);
    }
    Ok(all)
}
