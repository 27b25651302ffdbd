//! Histories cut into baskets, and the same by item.

use crate::base::interrupts::Looking;
use crate::base::number::AsIndex;
use crate::base::{Context, Result, memory, zeros};
use crate::dataset::{Event, Interactions, SESSION_GAP};

/// Lists one after another: of each basket its items, or of each item its baskets, ascending and each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    offsets: Vec<usize>,
    values: Vec<u32>,
}

impl Lists {
    /// How many.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// List `i`.
    pub fn of(&self, i: u32) -> &[u32] {
        &self.values[self.offsets[i.index()]..self.offsets[i.index() + 1]]
    }

    /// The baskets of each of `items` items, of lists of items.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn turned(&self, items: usize, ctx: &Context<'_>) -> Result<Self> {
        let (mut offsets, mut values): (Vec<usize>, Vec<u32>) = (zeros(items + 1)?, zeros(self.values.len())?);
        self.values.iter().looking().for_each(|i| offsets[i.index() + 1] += 1);
        (1..offsets.len()).for_each(|i| offsets[i] += offsets[i - 1]);
        let mut next = memory::copy(&offsets)?;
        for basket in 0..self.len() {
            ctx.check_at(basket)?;
            for item in self.of(basket as u32) {
                values[next[item.index()]] = basket as u32;
                next[item.index()] += 1;
            }
        }
        Ok(Self { offsets, values })
    }
}

/// The longest time between two events of one basket, in microseconds, as the events have it: none, where at least half of those that a user
/// has within half an hour of the one before are of its very moment, as the lines of an order are; else that half hour. (Where events have
/// no times they are all of one moment: a user's events are one basket then.)
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn within(data: &Interactions, ctx: &Context<'_>) -> Result<i64> {
    let (mut near, mut at_once) = (0usize, 0usize);
    for u in 0..data.users.len() as u32 {
        ctx.check_at(u.index())?;
        for pair in data.history(u).windows(2) {
            let apart = pair[1].time.saturating_sub(pair[0].time);
            near += usize::from(apart <= SESSION_GAP);
            at_once += usize::from(apart == 0);
        }
    }
    Ok(if 2 * at_once >= near { 0 } else { SESSION_GAP })
}

/// The items of each basket: a user's events between which no more than `within` microseconds pass. Of a larger basket the `length` last
/// items, which are any where its events are of one moment ([`crate::dataset::event::order`]).
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn baskets(data: &Interactions, within: i64, length: usize, ctx: &Context<'_>) -> Result<Lists> {
    let apart = |a: &Event, b: &Event| b.time.saturating_sub(a.time) > within;
    let (mut offsets, mut values) = (vec![0], Vec::new());
    // At most as many baskets, and items in them, as events.
    memory::reserve(&mut offsets, data.events().len())?;
    memory::reserve(&mut values, data.events().len())?;
    // In which basket each item was last, from 1.
    let mut last: Vec<usize> = zeros(data.items.len())?;
    for u in 0..data.users.len() as u32 {
        ctx.check_at(u.index())?;
        for basket in data.history(u).chunk_by(|a, b| !apart(a, b)) {
            let (start, number) = (values.len(), offsets.len());
            for e in basket.iter().rev().looking() {
                if values.len() - start == length {
                    break;
                }
                if std::mem::replace(&mut last[e.item.index()], number) != number {
                    values.push(e.item);
                }
            }
            values[start..].sort_unstable();
            offsets.push(values.len());
        }
    }
    Ok(Lists { offsets, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;
    use crate::model::test_events::{events, with};

    #[test]
    fn a_basket_is_a_moment_or_a_visit() {
        // Two orders of user 0, a day apart, one of user 1; item 2 twice in one of them.
        let orders = events([(0, 0, 5), (0, 1, 5), (0, 2, 1445), (0, 2, 1445), (0, 3, 1445), (1, 1, 5)].into_iter(), [2, 4]);
        assert_eq!(with(1, |ctx| within(&orders, ctx)).unwrap(), 0);
        let cut = with(1, |ctx| baskets(&orders, 0, 100, ctx)).unwrap();
        assert_eq!((cut.len(), cut.of(0), cut.of(1), cut.of(2)), (3, &[0, 1][..], &[2, 3][..], &[1][..]));
        let by_item = with(1, |ctx| cut.turned(4, ctx)).unwrap();
        assert_eq!((by_item.len(), by_item.of(1), by_item.of(2)), (4, &[0, 2][..], &[1][..]));
        // Clicks some minutes apart, one of them twice at once.
        let visits = events([(0, 0, 5), (0, 1, 15), (0, 2, 30), (0, 2, 30), (0, 3, 400)].into_iter(), [1, 4]);
        assert_eq!(with(1, |ctx| within(&visits, ctx)).unwrap(), SESSION_GAP);
        let cut = with(1, |ctx| baskets(&visits, SESSION_GAP, 100, ctx)).unwrap();
        assert_eq!((cut.len(), cut.of(0), cut.of(1)), (2, &[0, 1, 2][..], &[3][..]));
        // Without times, and without anything near.
        let untimed = events([(0, 0, 0), (0, 1, 0)].into_iter(), [1, 2]);
        let far = events([(0, 0, 1), (0, 1, 5000)].into_iter(), [1, 2]);
        assert_eq!(with(1, |ctx| (within(&untimed, ctx).unwrap(), within(&far, ctx).unwrap())), (0, 0));
        assert_eq!(with(1, |ctx| baskets(&untimed, 0, 100, ctx)).unwrap().of(0), [0, 1]);
    }

    #[test]
    fn a_large_basket_is_cut() {
        let wholesale = events((0..500).map(|i| (0, i, 7)), [1, 500]);
        let cut = with(1, |ctx| baskets(&wholesale, 0, 100, ctx)).unwrap();
        assert_eq!((cut.len(), cut.of(0).len()), (1, 100));
        assert!(cut.of(0).is_sorted_by(|a, b| a < b));
        let budget = crate::base::Budget::unlimited();
        let stop = crate::base::Pool::single();
        struct Cancelled;
        impl crate::base::Watch for Cancelled {
            fn cancelled(&self) -> bool {
                true
            }
            fn epoch(&self, _: &crate::base::Epoch) {}
        }
        let ctx = Context { seed: 0, pool: &stop, budget: &budget, watch: &Cancelled };
        assert_eq!(baskets(&wholesale, 0, 100, &ctx).unwrap_err().code, Code::Cancelled);
        assert_eq!(within(&wholesale, &ctx).unwrap_err().code, Code::Cancelled);
    }
}
