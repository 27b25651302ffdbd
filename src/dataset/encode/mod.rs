//! Typed columns into the inputs of a network: fitted on training rows, stored with the version, the same for a frame and for one row.

mod category;
mod coded;
mod decode;
mod free;
mod grams;
pub mod normal;
mod numbers;
mod part;
mod scale;
mod sketch;
pub mod text;
mod time;

use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result};
use crate::dataset::{Cell, Family, Frame, Input, Values, input};
pub use category::keep_most;
pub use coded::{Coded, Field, NONE};
pub use decode::{Decoded, likeliest};
pub use grams::Grams;
use ndarray::Array2;
use numbers::Numbers;
use part::{Part, Places};
pub use scale::Scaling;
use serde::{Deserialize, Serialize};

/// How columns are encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How numbers are scaled.
    pub numbers: Scaling,
    /// A value of a category needs so many rows for a column of its own.
    pub min_count: usize,
    /// The most such values; beyond, values are hashed.
    pub max_levels: usize,
    /// Inputs that values without one of their own are hashed into: for models that give rows back so many, otherwise sparse ones, at most
    /// so many.
    pub buckets: usize,
    /// Numbers with so many values at most get an input for each besides; 0: none do.
    pub number_levels: usize,
    /// Whether scales of numbers, times and arrays that are lines go on beyond the training values: for models that are lines themselves.
    pub open: bool,
    /// For models that give rows back: no indicators of what is missing, in each category a place for what is rare, free text as a few
    /// numbers.
    pub whole: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { numbers: Scaling::Quantile, min_count: 10, max_levels: 256, buckets: 4096, number_levels: 0, open: false, whole: false }
    }
}

/// Fitted encoders of all inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Encoder {
    inputs: Vec<Input>,
    parts: Vec<Part>,
    /// Where each part begins in a row; one more than parts, the last is the width.
    starts: Vec<usize>,
    text_width: usize,
    /// The same once more, where all are plain numbers.
    numbers: Option<Numbers>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    inputs: Vec<Input>,
    parts: Vec<Part>,
}

/// The columns that are read as free text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreeTexts<'a> {
    /// Their names.
    pub names: &'a [&'a str],
    /// The logarithm of the number of buckets that each is hashed into, from 8 to 16.
    pub bits: u32,
}

/// Rows that a thread encodes at a time.
const BLOCK: usize = 4096;

impl Encoder {
    /// Encoders for the columns `names` of `frame`, fitted on `rows`. Columns that do not vary there are left out: see [`Encoder::inputs`].
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`]; [`Code::Cancelled`].
    pub fn fit(frame: &Frame, names: &[&str], rows: &[u32], options: &Options, ctx: &Context<'_>) -> Result<Self> {
        Self::fit_with_texts(frame, names, &FreeTexts { names: &[], bits: 0 }, rows, options, ctx)
    }

    /// [`Encoder::fit`], with the columns `texts` read as free text.
    ///
    /// # Errors
    /// As [`Encoder::fit`].
    pub fn fit_with_texts(
        frame: &Frame,
        names: &[&str],
        texts: &FreeTexts<'_>,
        rows: &[u32],
        options: &Options,
        ctx: &Context<'_>,
    ) -> Result<Self> {
        let columns = names.iter().map(|n| frame.column(n)).collect::<Result<Vec<_>>>()?;
        let mut fitted: Vec<Result<Option<Part>>> = columns.iter().map(|_| Ok(None)).collect();
        ctx.pool.each_mut(&mut fitted, |i, out| {
            *out = ctx.check().and_then(|()| {
                let bits = texts.names.contains(&names[i]).then_some(texts.bits);
                Part::fit(columns[i], rows, options, bits, ctx)
            });
        });
        let (mut inputs, mut parts) = (Vec::new(), Vec::new());
        for (column, part) in columns.iter().zip(fitted) {
            if let Some(p) = part? {
                inputs.push(Input::of(frame, column, rows));
                parts.push(p);
            }
        }
        Ok(Self::new(inputs, parts))
    }

    fn new(inputs: Vec<Input>, parts: Vec<Part>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for p in &parts {
            end += p.width();
            starts.push(end);
        }
        let text_width = parts.iter().map(Part::sparse).sum();
        let numbers = Numbers::of(&parts);
        Self { inputs, parts, starts, text_width, numbers }
    }

    /// The columns that are read, in the order in which a row brings them.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Numbers a row becomes.
    pub fn width(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Sparse inputs that free texts and rare values become, beside [`Encoder::width`] numbers; 0 without such columns.
    #[inline]
    pub fn text_width(&self) -> usize {
        self.text_width
    }

    /// Encodes one row: `row[i]` is the value of input `i`, `out` has [`Encoder::width`] places.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a value of another family, [`Code::ArrayLength`] for an array or a row of another length.
    pub fn row(&self, row: &[Cell<'_>], out: &mut [f32]) -> Result<()> {
        if row.len() != self.parts.len() || out.len() != self.width() {
            return Err(self.wrong_count(row.len()));
        }
        out.fill(0.0);
        for (i, part) in self.parts.iter().enumerate() {
            if !part.write(&row[i], &mut out[self.starts[i]..self.starts[i + 1]]) {
                return Err(mismatch(&self.inputs[i], &row[i]));
            }
        }
        Ok(())
    }

    /// Whether every input is a number, so that [`Encoder::numbers`] serves.
    pub fn takes_numbers(&self) -> bool {
        self.inputs.iter().all(|i| i.family == Family::Number)
    }

    /// [`Encoder::row`] for a row of numbers, of which those that are not finite are missing.
    ///
    /// # Errors
    /// As [`Encoder::row`].
    pub fn numbers(&self, row: &[f64], out: &mut [f32]) -> Result<()> {
        if row.len() != self.parts.len() || out.len() != self.width() {
            return Err(self.wrong_count(row.len()));
        }
        if let Some(n) = &self.numbers {
            n.write(row, out);
            return Ok(());
        }
        out.fill(0.0);
        for (i, part) in self.parts.iter().enumerate() {
            let cell = Cell::Number(row[i]);
            if !part.write(&cell, &mut out[self.starts[i]..self.starts[i + 1]]) {
                return Err(mismatch(&self.inputs[i], &cell));
            }
        }
        Ok(())
    }

    fn wrong_count(&self, values: usize) -> Error {
        Error::new(Code::ArrayLength, format!("{values} values where the model reads {}", self.parts.len()))
            .detail(format!("Its inputs are: {}.", self.inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", ")))
    }

    /// Bytes that [`Encoder::frame`] returns for so many rows; for the caller to book.
    pub fn bytes(&self, rows: usize) -> usize {
        rows.saturating_mul(self.width()).saturating_mul(4)
    }

    /// The columns of the inputs, of the families that they had in training.
    fn columns<'f>(&self, frame: &'f Frame) -> Result<Vec<&'f Values>> {
        let columns = self.inputs.iter().map(|i| frame.column(&i.name).map(|c| &c.values)).collect::<Result<Vec<_>>>()?;
        for (input, values) in self.inputs.iter().zip(&columns) {
            let other = Family::of(values);
            if other != input.family {
                let code = if matches!((other, input.family), (Family::Vector(_), Family::Vector(_))) {
                    Code::ArrayLength
                } else {
                    Code::WrongType
                };
                return Err(wrong(code, input).detail(format!(
                    "It holds {}; the model was trained on {}.",
                    other.plural(),
                    input.family.plural()
                )));
            }
        }
        Ok(columns)
    }

    /// Encodes the rows `rows` of a frame, columns found by name: a matrix of rows × width.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::ArrayLength`], [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn frame(&self, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<Array2<f32>> {
        let columns = self.columns(frame)?;
        let places: Vec<Places> = self.parts.iter().zip(&columns).map(|(p, v)| p.places(v)).collect();
        let width = self.width();
        let mut out: Vec<f32> = crate::base::zeros(rows.len().saturating_mul(width))?;
        let mut blocks: Vec<(&mut [f32], Result<()>)> = match width {
            0 => Vec::new(),
            _ => out.chunks_mut(BLOCK * width).map(|b| (b, Ok(()))).collect(),
        };
        ctx.pool.each_mut(&mut blocks, |b, (out, done)| {
            *done = ctx.check();
            if done.is_ok() {
                let rows = &rows[b * BLOCK..(b * BLOCK + out.len() / width)];
                *done = self.block(&columns, &places, rows, out);
            }
        });
        blocks.into_iter().try_for_each(|(_, done)| done)?;
        Array2::from_shape_vec((rows.len(), width), out).map_err(|e| Error::internal(format!("encoded rows: {e}")))
    }

    /// Column by column, so that one column's tables stay in the cache.
    fn block(&self, columns: &[&Values], places: &[Places], rows: &[u32], out: &mut [f32]) -> Result<()> {
        let width = self.width();
        for (i, part) in self.parts.iter().enumerate() {
            let (from, to) = (self.starts[i], self.starts[i + 1]);
            for (&r, line) in rows.iter().zip(out.chunks_exact_mut(width)) {
                let line = &mut line[from..to];
                if let Some(place) = places[i].of(columns[i], r) {
                    part.write_place(place, line);
                    continue;
                }
                let cell = columns[i].cell(r.index());
                if !part.write(&cell, line) {
                    return Err(mismatch(&self.inputs[i], &cell));
                }
            }
        }
        Ok(())
    }
}

fn wrong(code: Code, input: &Input) -> Error {
    let what = if code == Code::ArrayLength { "length" } else { "type" };
    Error::new(code, format!("column \"{}\" has the wrong {what}", input.name)).hint(format!(
        "Cast or rename it in a sub-select or view, so that \"{}\" holds {}.",
        input.name,
        input.family.plural()
    ))
}

fn mismatch(input: &Input, cell: &Cell<'_>) -> Error {
    let code = if matches!((cell, input.family), (Cell::Vector(_), Family::Vector(_))) { Code::ArrayLength } else { Code::WrongType };
    wrong(code, input).detail(format!("It is {}; the model was trained on {}.", input::describe(cell), input.family.plural()))
}

impl TryFrom<Stored> for Encoder {
    type Error = String;
    fn try_from(s: Stored) -> std::result::Result<Self, String> {
        if s.inputs.len() == s.parts.len() && s.inputs.iter().zip(&s.parts).all(|(i, p)| p.takes(i.family)) {
            Ok(Self::new(s.inputs, s.parts))
        } else {
            Err("inputs and encoders do not agree".into())
        }
    }
}

impl From<Encoder> for Stored {
    fn from(e: Encoder) -> Self {
        Self { inputs: e.inputs, parts: e.parts }
    }
}

#[cfg(test)]
mod tests;
