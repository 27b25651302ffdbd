//! Where the rows of the catalogue occur in a step, so that each learns by all of these at once.

use crate::base::number::AsIndex;
use crate::base::{Result, memory};
use crate::model::sequence::catalogue::Catalogue;
use crate::model::sequence::sequences::Packed;

/// Of each row of the catalogue the rows of the step's gradients that it learns by. These lie one after another: those by what came in (one a
/// row of the step), the states (as many: what came next learns by the state that foretold it), those by the drawn items.
#[derive(Debug, Default)]
pub struct Occurrences {
    offsets: Vec<u32>,
    /// Each with what it counts.
    rows: Vec<(u32, f32)>,
    next: Vec<u32>,
    /// Rows of the step.
    step: u32,
}

impl Occurrences {
    /// Bytes of so many entries, of a catalogue of so many rows.
    pub fn bytes(rows: usize, entries: usize) -> usize {
        rows.saturating_mul(8).saturating_add(entries.saturating_mul(8))
    }

    /// Those of `packed`, of the items that were `drawn`, and of what came next, which counts `by_next`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn take(&mut self, catalogue: &Catalogue<'_>, packed: &Packed, drawn: &[u32], by_next: &[f32]) -> Result<()> {
        let (n, rows) = (packed.items.len() as u32, catalogue.rows());
        self.step = n;
        fill(&mut self.offsets, rows + 1)?;
        self.offsets.fill(0);
        let all = || {
            let inputs = packed.items.iter().zip(0..).map(|(i, at)| (*i, at, 1.0));
            let next = packed.next.iter().zip(n..).zip(by_next).map(|((i, at), by)| (*i, at, *by));
            let drawn = drawn.iter().zip(2 * n..).map(|(i, at)| (*i, at, 1.0));
            inputs.chain(next).chain(drawn)
        };
        for (item, ..) in all() {
            catalogue.rows_of(item).for_each(|row| self.offsets[row + 1] += 1);
        }
        for i in 0..rows {
            self.offsets[i + 1] += self.offsets[i];
        }
        fill(&mut self.rows, self.offsets[rows].index())?;
        fill(&mut self.next, rows)?;
        self.next.copy_from_slice(&self.offsets[..rows]);
        for (item, at, by) in all() {
            for row in catalogue.rows_of(item) {
                let next = &mut self.next[row];
                self.rows[next.index()] = (at, by);
                *next += 1;
            }
        }
        Ok(())
    }

    fn slice(&self, row: usize) -> &[(u32, f32)] {
        &self.rows[self.offsets[row].index()..self.offsets[row + 1].index()]
    }

    /// Those of a row.
    pub fn of(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
        self.slice(row).iter().map(|(at, by)| (at.index(), *by))
    }

    /// The same for its bias, which what came in does not teach: places count from the first of what came next, whose gradient by the bias
    /// is what it counts.
    pub fn of_bias(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
        self.slice(row).iter().filter(|(at, _)| *at >= self.step).map(|(at, _)| ((at - self.step).index(), 1.0))
    }
}

/// So many values, whatever they are.
pub fn fill<T: Clone + Default>(v: &mut Vec<T>, n: usize) -> Result<()> {
    if v.len() < n {
        memory::reserve(v, n - v.len())?;
    }
    v.resize(n, T::default());
    Ok(())
}
