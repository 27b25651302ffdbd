//! Who will most likely want something: for one item, or any of several, the users in the place of the items.
//!
//! A user's score of several items is the mean over those that count. Scores are taken as they are, so a lively user stands above a quiet one of
//! the same taste: who buys more is more likely to buy this, too. What was tried, on Complete Journey (the products that 60 households or more had
//! up to October, to find who had one in November or December for the first time; recall of the first 20 by links of item-kNN and of EASE,
//! hardly fading): the score as it is .0524 and .0513, over the root of the user's items .0472 and .0219, standardised over the user's items
//! .0122 and .0175, by the rank in the user's list .0123 and .0145. For any of a type of product: the mean .138 and .136, the largest .133 and
//! .119, the sum of five .128 and .129.

use crate::base::number::AsReal;
use crate::base::{Context, Error, Result, zeros};
use crate::dataset::{Event, Id};
use crate::serve::batch::{Asked, shared_out};
use crate::serve::recommender::{Recommender, Source};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Users that a thread takes at a time.
const STEP: usize = 64;

/// Which of the items that are asked about count for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those that the user never had.
    New,
    /// Those that the user had.
    Had,
    /// All.
    All,
}

impl Among {
    /// Whether an item that the user had, or had not, counts.
    fn counts(self, had: bool) -> bool {
        match self {
            Self::New => !had,
            Self::Had => had,
            Self::All => true,
        }
    }
}

/// How much each of `asked` wants what is `wanted` (items, ascending, each once), as of `now` (microseconds since 2000-01-01): the mean of the
/// scores of those `among` them that count. None of a user for whom none counts, of whom the model knows nothing, or for whom nothing leads there (a
/// score of 0).
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn wants(
    model: &Recommender,
    asked: &mut [Asked],
    wanted: &[u32],
    among: Among,
    now: i64,
    ctx: &Context<'_>,
) -> Result<Vec<Option<f32>>> {
    let items = model.items().len();
    let products = model.model().products();
    let each = products.map_or(items, |p| p.width) * 4 + wanted.len() * 4;
    let _booked = ctx.budget.take(each.saturating_mul(ctx.pool.threads()), "scores of users")?;
    let run = |asked: &mut [Asked]| -> Result<Vec<Option<f32>>> {
        let mut scores: Vec<f32> = zeros(products.map_or(items, |p| p.width))?;
        let mut folder = match products {
            Some(_) => Some(model.model().folder().ok_or_else(|| Error::internal("A model of products makes no users' vectors."))?),
            None => None,
        };
        let mut known = |history: &[Event], scores: &mut [f32]| match &mut folder {
            Some(folder) => !history.is_empty() && folder.user(history, scores),
            None => model.score_history(history, now, scores) == Source::History,
        };
        let mut found = Vec::with_capacity(asked.len());
        let mut open: Vec<u32> = Vec::new();
        for one in asked {
            ctx.check()?;
            one.seen.sort_unstable();
            open.clear();
            open.extend(wanted.iter().filter(|i| among.counts(one.seen.binary_search(i).is_ok())));
            if open.is_empty() {
                found.push(None);
                continue;
            }
            model.order(&one.user, &mut one.events);
            if !known(&one.events, &mut scores) {
                found.push(None);
                continue;
            }
            let score = |item: u32| products.map_or_else(|| scores[item as usize], |p| p.one(&scores, item));
            let sum: f64 = open.iter().map(|i| f64::from(score(*i))).sum();
            found.push(Some((sum / open.len().real()).single()).filter(|mean| *mean != 0.0 && mean.is_finite()));
        }
        Ok(found)
    };
    shared_out(asked, STEP, ctx, run)
}

/// A user with a score, the least first: the smaller score, then the larger id.
#[derive(Debug, Clone, PartialEq)]
struct Least(f32, Id);

impl Eq for Least {}

impl PartialOrd for Least {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Least {
    fn cmp(&self, other: &Self) -> Ordering {
        // A heap gives its greatest.
        other.0.total_cmp(&self.0).then_with(|| self.1.cmp(&other.1))
    }
}

/// The best `k` users of all that come, in any order; equal scores: the smaller id.
#[derive(Debug)]
pub struct Audience {
    k: usize,
    heap: BinaryHeap<Least>,
}

impl Audience {
    /// Of none yet.
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    /// Adds a user, where the score is among the best so far; by how many bytes more is held then.
    pub fn add(&mut self, user: Id, score: f32) -> usize {
        let text = |id: &Id| if let Id::Text(t) = id { t.capacity() } else { 0 };
        // A heap that grows has room for up to as many again.
        let bytes = 2 * size_of::<Least>() + text(&user);
        let new = Least(score, user);
        if self.heap.len() < self.k {
            self.heap.push(new);
            return bytes;
        }
        match self.heap.peek_mut() {
            Some(mut least) if new < *least => {
                let before = text(&least.1);
                let more = text(&new.1).saturating_sub(before);
                *least = new;
                more
            }
            _ => 0,
        }
    }

    /// The users and their scores, best first.
    pub fn into_list(self) -> Vec<(Id, f32)> {
        self.heap.into_sorted_vec().into_iter().map(|Least(score, user)| (user, score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn the_best_users_are_those_of_a_sorted_list_in_whatever_order_they_come() {
        let mut r = Rng::new(3);
        let all: Vec<(Id, f32)> = (0..500).map(|u| (Id::Integer(u), r.below(40) as f32 - 20.0)).collect();
        let mut sorted = all.clone();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for k in [0, 1, 7, 499, 500, usize::MAX] {
            for backwards in [false, true] {
                let mut audience = Audience::new(k);
                let mut order: Vec<_> = all.iter().collect();
                if backwards {
                    order.reverse();
                }
                let bytes: usize = order.into_iter().map(|(id, s)| audience.add(id.clone(), *s)).sum();
                assert_eq!(bytes, 2 * size_of::<Least>() * k.min(500));
                assert_eq!(audience.into_list(), sorted[..k.min(500)]);
            }
        }
    }

    #[test]
    fn longer_ids_are_counted() {
        let mut audience = Audience::new(1);
        let text = |n: usize| Id::Text("x".repeat(n));
        assert_eq!(audience.add(text(3), 1.0), 2 * size_of::<Least>() + 3);
        assert_eq!((audience.add(text(10), 2.0), audience.add(text(90), 1.0)), (7, 0));
        assert_eq!(audience.into_list(), [(text(10), 2.0)]);
    }
}
