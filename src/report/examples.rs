//! What the lists of a recommender look like: some users beside their histories, and how often lists show each item.

use crate::base::{Context, Result, zeros};
use crate::dataset::Id;
use crate::serve::recommender::{Recommender, Source};
use crate::train::list_evaluation::Case;

/// Users whose lists are counted, at most: what is shown how often no longer changes.
const COUNTED: usize = 2_000;
/// Users whose lists are shown.
const SHOWN: usize = 6;
/// Items of a history or a list that are shown.
const LENGTH: usize = 10;
/// Users that a thread takes at a time.
const STEP: usize = 32;

/// One user's list beside what it is made from and, where that is known, what came next.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The user.
    pub user: Id,
    /// Items of the history with the number of times each was had, the latest first; the first ten.
    pub history: Vec<(u32, usize)>,
    /// How many different items the whole history has.
    pub items: usize,
    /// The list, best first; the first ten.
    pub list: Vec<Listed>,
    /// What the user had next, of items that the model knows, those of the list first; the first ten.
    pub next: Vec<u32>,
    /// What the user had next in all, unknown items among it; 0 where nothing is known of it.
    pub relevant: usize,
    /// Where the list comes from.
    pub source: Source,
}

/// An item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The item.
    pub item: u32,
    /// Whether it is in the user's history.
    pub had: bool,
    /// Whether the user had it next.
    pub found: bool,
}

/// A list, and where it comes from.
type Made = (Source, Vec<u32>);

/// Examples, and how often each item was shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shown {
    /// Some users, evenly spread over those that were counted.
    pub examples: Vec<Example>,
    /// In how many of the lists each item is.
    pub shown: Vec<u32>,
    /// How many users have each item.
    pub popularity: Vec<f32>,
    /// How many lists were counted.
    pub lists: usize,
    /// Their length.
    pub k: usize,
}

impl Shown {
    /// Lists of `k` for some of `cases`, evenly spread; with `repeats` they may hold items of the history.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn of(model: &Recommender, cases: &[Case], repeats: bool, k: usize, ctx: &Context) -> Result<Self> {
        let counted: Vec<&Case> = spread(cases.len(), COUNTED).map(|i| &cases[i]).collect();
        let items = model.items().len();
        let _booked = ctx.budget.take(items.saturating_mul(4 * ctx.pool.threads() + 8), "scores of all items")?;
        let mut parts: Vec<(&[&Case], Result<Vec<Made>>)> = counted.chunks(STEP).map(|c| (c, Ok(Vec::new()))).collect();
        ctx.pool.each_mut(&mut parts, |_, (cases, lists)| {
            *lists = zeros(items).and_then(|mut scores| {
                let one = |case: &&Case| ctx.check().map(|()| list(model, case, repeats, k, &mut scores));
                cases.iter().map(one).collect()
            });
        });
        let mut shown: Vec<u32> = zeros(items)?;
        let mut lists = Vec::with_capacity(counted.len());
        for (_, part) in parts {
            lists.extend(part?);
        }
        lists.iter().flat_map(|l| &l.1).for_each(|&i| shown[i as usize] += 1);
        let examples = spread(counted.len(), SHOWN).map(|i| example(counted[i], &lists[i], items)).collect();
        Ok(Self { examples, shown, popularity: model.popularity().to_vec(), lists: counted.len(), k })
    }

    /// The items of the examples, each once.
    pub fn items(&self) -> Vec<u32> {
        let of = |e: &Example| {
            e.history.iter().map(|h| h.0).chain(e.list.iter().map(|l| l.item)).chain(e.next.iter().copied()).collect::<Vec<_>>()
        };
        let mut all: Vec<u32> = self.examples.iter().flat_map(of).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// `most` places of `n`, evenly spread.
fn spread(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let take = n.min(most);
    (0..take).map(move |i| i * n / take)
}

fn list(model: &Recommender, case: &Case, repeats: bool, k: usize, scores: &mut [f32]) -> Made {
    let source = model.score_history(case.history(), case.now(), scores);
    if !repeats {
        case.history().iter().for_each(|e| scores[e.item as usize] = f32::NEG_INFINITY);
    }
    (source, model.best(scores, k).map(|b| b.0).collect())
}

fn example(case: &Case, (source, list): &Made, items: usize) -> Example {
    let mut history: Vec<(u32, usize)> = Vec::new();
    for e in case.history().iter().rev() {
        match history.iter_mut().find(|h| h.0 == e.item) {
            Some(h) => h.1 += 1,
            None => history.push((e.item, 1)),
        }
    }
    let different = history.len();
    history.truncate(LENGTH);
    let listed = |&item: &u32| Listed { item, had: case.history().iter().any(|e| e.item == item), found: case.relevant().contains(&item) };
    let list: Vec<Listed> = list.iter().take(LENGTH).map(listed).collect();
    let mut next: Vec<u32> = case.relevant().iter().copied().filter(|&i| (i as usize) < items).collect();
    next.sort_by_key(|i| !list.iter().any(|l| l.item == *i));
    next.truncate(LENGTH);
    Example { user: case.user().clone(), history, items: different, list, next, relevant: case.relevant().len(), source: *source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_evenly() {
        assert_eq!(spread(3, 6).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spread(12, 4).collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert_eq!(spread(0, 4).count(), 0);
    }
}
