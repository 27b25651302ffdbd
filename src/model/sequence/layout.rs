//! The parameters of a sequence network in one flat vector: the rows and biases of the catalogue, the tables of what else comes in, the
//! encoder's.

use crate::base::{Code, Error, Result, Rng};
use crate::model::sequence::encoder::Encoder;
use crate::model::sequence::inputs::Inputs;

/// The sizes.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Rows of the catalogue: items, and groups of their attributes.
    pub rows: usize,
    /// Numbers of a row.
    pub width: usize,
    /// What comes in beside the items.
    pub inputs: Inputs,
    /// What is between the rows and what they foretell.
    pub encoder: Encoder,
}

/// The parts of the parameters.
#[derive(Debug)]
pub struct Parts<T> {
    /// Rows × width: what comes in, and what is foretold.
    pub rows: T,
    /// One a row.
    pub bias: T,
    /// Rows of [`Inputs`] × width.
    pub tables: T,
    /// The encoder's.
    pub encoder: T,
}

/// Deviation of rows to begin with.
const BEGIN: f32 = 0.02;

impl Layout {
    /// Checks that the parameters can be counted.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn checked(self) -> Result<Self> {
        let rows = self.rows.checked_add(self.inputs.rows()).and_then(|n| n.checked_mul(self.width + 1));
        if rows.and_then(|n| n.checked_add(self.encoder.parameters())).is_none_or(|n| n > usize::MAX / 256) {
            return Err(Error::new(Code::OutOfMemory, "the network is too large")
                .detail(format!(
                    "{} rows of items and {} of inputs × {} numbers do not fit any memory.",
                    self.rows,
                    self.inputs.rows(),
                    self.width
                ))
                .hint("Use smaller values of width and length."));
        }
        Ok(self)
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.rows * (self.width + 1) + self.rest()
    }

    /// Those that are not the catalogue's.
    pub fn rest(&self) -> usize {
        self.tables() + self.encoder.parameters()
    }

    /// Numbers of the tables.
    pub fn tables(&self) -> usize {
        self.inputs.rows() * self.width
    }

    /// The parts of a flat vector.
    pub fn split<'p>(&self, all: &'p [f32]) -> Parts<&'p [f32]> {
        let (rows, rest) = all.split_at(self.rows * self.width);
        let (bias, rest) = rest.split_at(self.rows);
        let (tables, encoder) = rest.split_at(self.tables());
        Parts { rows, bias, tables, encoder }
    }

    /// The same to change.
    pub fn split_mut<'p>(&self, all: &'p mut [f32]) -> Parts<&'p mut [f32]> {
        let (rows, rest) = all.split_at_mut(self.rows * self.width);
        let (bias, rest) = rest.split_at_mut(self.rows);
        let (tables, encoder) = rest.split_at_mut(self.tables());
        Parts { rows, bias, tables, encoder }
    }

    /// Rows normal with a small deviation, biases 0, the encoder as it begins.
    pub fn init(&self, all: &mut [f32], rng: &mut Rng) {
        let p = self.split_mut(all);
        p.bias.fill(0.0);
        p.rows.iter_mut().chain(p.tables).for_each(|x| *x = BEGIN * rng.normal() as f32);
        self.encoder.init(p.encoder, rng);
    }
}
