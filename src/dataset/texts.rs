//! The texts of rows as sparse numbers: kept once for each distinct text, however many rows have it.

use crate::base::Result;
use crate::base::memory::reserve;
use crate::base::number::AsIndex;
use crate::dataset::MISSING_CODE;

/// The sparse inputs of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    columns: Vec<Levels>,
    width: usize,
    rows: usize,
}

/// One column's distinct texts, and which of them each row has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Levels {
    /// The input that the column's first is.
    first: u32,
    /// The text of each row; [`MISSING_CODE`] for none.
    rows: Vec<u32>,
    /// Where the entries of each text begin; one more at the end.
    starts: Vec<usize>,
    /// The input of each entry, from `first` on.
    inputs: Vec<u16>,
    numbers: Vec<f32>,
}

/// Some rows in a row of [`Texts`].
#[derive(Debug, Clone, Copy)]
pub struct TextRows<'a> {
    texts: &'a Texts,
    first: usize,
}

impl Levels {
    /// A column whose rows have the texts `rows`.
    pub fn new(rows: Vec<u32>) -> Self {
        Self { rows, starts: vec![0], ..Self::default() }
    }

    /// The next text's entries: inputs below 65,536 and their numbers.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn push(&mut self, entries: impl ExactSizeIterator<Item = (u32, f32)>) -> Result<()> {
        reserve(&mut self.inputs, entries.len())?;
        reserve(&mut self.numbers, entries.len())?;
        reserve(&mut self.starts, 1)?;
        for (i, x) in entries {
            self.inputs.push(i as u16);
            self.numbers.push(x);
        }
        self.starts.push(self.inputs.len());
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.rows.capacity() * 4 + self.starts.capacity() * 8 + self.inputs.capacity() * 2 + self.numbers.capacity() * 4
    }
}

impl Texts {
    /// Texts of `rows` rows without a column yet.
    pub fn new(rows: usize) -> Self {
        Self { columns: Vec::new(), width: 0, rows }
    }

    /// Adds a column of `width` inputs after those before it.
    pub fn add(&mut self, mut column: Levels, width: usize) {
        column.first = self.width as u32;
        self.width += width;
        self.columns.push(column);
    }

    /// Sparse inputs of all columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows from `first` on.
    pub fn from(&self, first: usize) -> TextRows<'_> {
        TextRows { texts: self, first }
    }
}

impl<'a> TextRows<'a> {
    /// Sparse inputs.
    pub fn width(&self) -> usize {
        self.texts.width
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.texts.rows.saturating_sub(self.first)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows from `first` of these on.
    #[must_use]
    pub fn skip(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    /// The entries of row `row` of these: inputs, each once, and their numbers.
    #[inline]
    pub fn entries(self, row: usize) -> impl Iterator<Item = (usize, f32)> + 'a {
        let row = self.first + row;
        self.texts.columns.iter().flat_map(move |c| {
            let code = c.rows[row].index();
            let at = if code == MISSING_CODE.index() { 0..0 } else { c.starts[code]..c.starts[code + 1] };
            c.inputs[at.clone()].iter().zip(&c.numbers[at]).map(|(i, x)| (c.first.index() + usize::from(*i), *x))
        })
    }
}
