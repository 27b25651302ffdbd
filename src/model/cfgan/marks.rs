//! What the two networks are shown of a batch: each user's own items, and items that the user has not, drawn anew in every step.
//!
//! The outputs of the generator are computed for these alone, so that no row of all items is ever made.

use crate::base::number::AsIndex;
use crate::base::{Context, Result, Rng, memory::reserve};
use crate::dataset::Pairs;

/// Users whose rows a thread takes at a time: fixed, so that the result does not depend on the number of threads.
pub const ROWS: usize = 32;

/// How many items that a user has not are drawn for each that the user has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// Those that the discriminator sees: partial masking (Chae et al. 2018, section 4.2).
    pub masked: f64,
    /// Those for which the generator must give 0: zero reconstruction (section 4.1).
    pub zeros: f64,
}

/// An entry from its item's side.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Place {
    /// Row of the batch.
    pub row: u32,
    /// Where the entry stands.
    pub at: usize,
}

/// The entries of a batch, row after row: of each its own items, then those drawn for the discriminator, then those for zero
/// reconstruction.
#[derive(Debug, Default)]
pub struct Marks {
    /// Where each row's entries begin; one more at the end.
    pub offsets: Vec<usize>,
    /// Where each row's own items end, and what the discriminator sees.
    pub ends: Vec<[usize; 2]>,
    /// Items.
    pub items: Vec<u32>,
    /// Of own items their value, in (0, 1]; 0 for the others.
    pub real: Vec<f32>,
    starts: Vec<usize>,
    by_item: Vec<Place>,
    /// Of each item the last row that has it, from 1.
    taken: Vec<u32>,
}

impl Marks {
    /// Entries of `rows` users at most who have `own` items together, of `items`.
    pub fn most(rows: usize, own: usize, items: usize, drawn: Drawn) -> usize {
        let all = own as f64 * (1.0 + drawn.masked + drawn.zeros) + 2.0 * rows as f64;
        (all as usize).min(rows.saturating_mul(items))
    }

    /// Bytes for at most `entries` entries of `rows` rows.
    pub fn bytes(entries: usize, rows: usize, items: usize) -> usize {
        entries.saturating_mul(24).saturating_add(rows.saturating_mul(24)).saturating_add(items.saturating_mul(12))
    }

    /// Takes the rows `batch` of `pairs`, and draws for each, which `seed` fixes. Each item stands in a row once; where a user has nearly
    /// all items, what is left is drawn.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn take(&mut self, pairs: &Pairs, batch: &[u32], drawn: Drawn, seed: u64, ctx: &Context<'_>) -> Result<()> {
        let items = pairs.width();
        for v in [&mut self.items, &mut self.taken] {
            v.clear();
        }
        self.offsets.clear();
        self.ends.clear();
        self.real.clear();
        self.starts.clear();
        reserve(&mut self.taken, items)?;
        self.taken.resize(items, 0);
        reserve(&mut self.starts, items + 1)?;
        self.starts.resize(items + 1, 0);
        self.offsets.push(0);
        let mut rng = Rng::stream(seed, 2 << 32);
        for (place, row) in batch.iter().enumerate() {
            ctx.check()?;
            let own = pairs.offsets[*row as usize + 1] - pairs.offsets[*row as usize];
            let masked = ((own as f64 * drawn.masked).ceil() as usize).min(items - own);
            let zeros = ((own as f64 * drawn.zeros).ceil() as usize).min(items - own - masked);
            reserve(&mut self.items, own + masked + zeros)?;
            reserve(&mut self.real, own + masked + zeros)?;
            for (item, value) in pairs.row(row.index()) {
                self.taken[item.index()] = place as u32 + 1;
                self.items.push(item);
                self.real.push(value);
            }
            let end = self.items.len();
            self.ends.push([end, end + masked]);
            while self.items.len() < end + masked + zeros {
                let item = rng.below(items);
                if self.taken[item] != place as u32 + 1 {
                    self.taken[item] = place as u32 + 1;
                    self.items.push(item as u32);
                    self.real.push(0.0);
                }
            }
            self.offsets.push(self.items.len());
        }
        self.items.iter().for_each(|i| self.starts[i.index() + 1] += 1);
        (1..self.starts.len()).for_each(|i| self.starts[i] += self.starts[i - 1]);
        self.by_item.clear();
        reserve(&mut self.by_item, self.items.len())?;
        self.by_item.resize(self.items.len(), Place::default());
        for row in 0..batch.len() {
            for at in self.offsets[row]..self.offsets[row + 1] {
                // An item's start serves as its cursor, and ends up where the next item's entries begin.
                let start = &mut self.starts[self.items[at].index()];
                self.by_item[*start] = Place { row: row as u32, at };
                *start += 1;
            }
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
        Ok(())
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The entries of an item, by ascending row.
    pub fn of(&self, item: usize) -> &[Place] {
        &self.by_item[self.starts[item]..self.starts[item + 1]]
    }

    /// `numbers`, one an entry, by runs of [`ROWS`] rows.
    pub fn parts<'a>(&self, numbers: &'a mut [f32]) -> Vec<&'a mut [f32]> {
        let mut rest = numbers;
        let ends = (0..self.rows()).step_by(ROWS).map(|first| [first, (first + ROWS).min(self.rows())]);
        ends.map(|[first, end]| {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(self.offsets[end] - self.offsets[first]);
            rest = after;
            own
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::model::mult_vae::tests::pairs;

    #[test]
    fn every_row_has_its_own_items_and_others_once() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let pairs = pairs(40, 30);
        let users: Vec<u32> = (0..40).collect();
        let mut marks = Marks::default();
        // The last asks for more than there are.
        for (masked, zeros) in [(1.0, 0.5), (0.0, 0.0), (0.3, 9.0)] {
            marks.take(&pairs, &users, Drawn { masked, zeros }, 5, &ctx).unwrap();
            assert_eq!(marks.rows(), 40);
            for row in 0..40 {
                let (start, [own, seen], end) = (marks.offsets[row], marks.ends[row], marks.offsets[row + 1]);
                let count = pairs.row(row).count();
                assert!(own - start == count && marks.real[start..own].iter().all(|x| *x > 0.0));
                assert!(marks.real[own..end].iter().all(|x| *x == 0.0));
                assert_eq!(seen - own, (count as f64 * masked).ceil() as usize);
                assert_eq!(end - seen, ((count as f64 * zeros).ceil() as usize).min(30 - (seen - start)));
                let mut items = marks.items[start..end].to_vec();
                items.sort_unstable();
                items.dedup();
                assert_eq!(items.len(), end - start);
            }
            assert!(marks.items.len() <= Marks::most(40, *pairs.offsets.last().unwrap(), 30, Drawn { masked, zeros }));
            for item in 0..30 {
                for place in marks.of(item) {
                    assert!(marks.items[place.at] as usize == item && marks.offsets[place.row as usize] <= place.at);
                }
            }
            assert_eq!((0..30).map(|i| marks.of(i).len()).sum::<usize>(), marks.items.len());
        }
    }
}
