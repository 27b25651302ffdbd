//! A batch of histories: sparse rows, what dropout left of them as inputs, and both by item.

use crate::base::number::AsIndex;
use crate::base::{Result, Rng, memory::reserve};
use crate::dataset::Pairs;
use crate::kernel::sum_squares;

/// One entry of a batch, from its item's side.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Entry {
    /// Row of the batch.
    pub row: u32,
    /// What the first layer sees: value / length of the row, scaled up for the dropout; 0 where dropped.
    pub input: f32,
    /// What the loss asks for.
    pub target: f32,
}

/// The sparse rows of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// Where each row's entries begin; one more at the end.
    pub offsets: Vec<usize>,
    /// Items, row after row.
    pub columns: Vec<u32>,
    /// Inputs, row after row.
    pub inputs: Vec<f32>,
    /// Sum of each row's targets.
    pub totals: Vec<f32>,
    /// Where each item's entries begin; one more at the end.
    pub starts: Vec<usize>,
    /// Entries, item after item, by ascending row.
    pub by_item: Vec<Entry>,
}

impl Batch {
    /// Bytes for batches of at most `entries` entries over `items` items.
    pub fn bytes(entries: usize, items: usize) -> usize {
        entries.saturating_mul(20).saturating_add(items.saturating_mul(8))
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.totals.len()
    }

    /// The entries of an item, by ascending row.
    pub fn of(&self, item: usize) -> &[Entry] {
        &self.by_item[self.starts[item]..self.starts[item + 1]]
    }

    /// The items of row `row` that dropout left, with what the first layer sees of each.
    pub fn inputs_of(&self, row: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let at = self.offsets[row]..self.offsets[row + 1];
        let entries = self.columns[at.clone()].iter().zip(&self.inputs[at]).filter(|e| *e.1 != 0.0);
        entries.map(|(item, x)| (item.index(), *x))
    }

    /// Takes the rows `batch` of `pairs`: as inputs each is scaled to length 1 and its entries are dropped at `rate`
    /// (Liang et al. 2018, section 2.3), which `seed` fixes.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn take(&mut self, pairs: &Pairs, batch: &[u32], rate: f32, seed: u64) -> Result<()> {
        self.offsets.clear();
        self.columns.clear();
        self.inputs.clear();
        self.totals.clear();
        self.offsets.push(0);
        self.starts.clear();
        reserve(&mut self.starts, pairs.width() + 1)?;
        self.starts.resize(pairs.width() + 1, 0);
        let (below, keep) = ((rate * 65536.0) as u64, 1.0 / (1.0 - rate));
        for (place, row) in batch.iter().enumerate() {
            let at = pairs.offsets[row.index()]..pairs.offsets[row.index() + 1];
            let (columns, values) = (&pairs.columns[at.clone()], &pairs.values[at]);
            reserve(&mut self.columns, columns.len())?;
            reserve(&mut self.inputs, columns.len())?;
            let scale = keep / sum_squares(values).sqrt().max(f32::MIN_POSITIVE);
            let mut rng = Rng::stream(seed, place as u64);
            for values in values.chunks(4) {
                // Sixteen bits an entry: a draw serves four.
                let mut bits = rng.bits();
                for v in values {
                    self.inputs.push(if bits & 0xffff < below { 0.0 } else { v * scale });
                    bits >>= 16;
                }
            }
            self.columns.extend_from_slice(columns);
            self.offsets.push(self.columns.len());
            self.totals.push(values.iter().sum());
            columns.iter().for_each(|c| self.starts[c.index() + 1] += 1);
        }
        (1..self.starts.len()).for_each(|i| self.starts[i] += self.starts[i - 1]);
        self.by_item.clear();
        reserve(&mut self.by_item, self.columns.len())?;
        self.by_item.resize(self.columns.len(), Entry::default());
        let mut j = 0;
        for (place, row) in batch.iter().enumerate() {
            for (item, target) in pairs.row(row.index()) {
                // An item's start serves as its cursor, and ends up where the next item's entries begin.
                let at = &mut self.starts[item.index()];
                self.by_item[*at] = Entry { row: place as u32, input: self.inputs[j], target };
                *at += 1;
                j += 1;
            }
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
        Ok(())
    }
}
