//! The way back: what the numbers that a model gives for a column mean as a value of that column.

use super::part::Part;
use super::{Encoder, mismatch};
use crate::base::Result;
use crate::base::number::AsReal;
use crate::dataset::{Cell, Labels};
use std::ops::Range;

/// A value as a model gives it back.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded<'a> {
    /// The model says nothing, or means a text too rare to have a name.
    Nothing,
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A text that training knew.
    Text(&'a str),
    /// Microseconds since 2000-01-01 (UTC).
    Time(i64),
    /// An array.
    Vector(Vec<f32>),
    /// An array of texts.
    Labels(Vec<&'a str>),
}

impl Decoded<'_> {
    /// The same as a cell of a row.
    pub fn cell(&self) -> Cell<'_> {
        match self {
            Self::Nothing => Cell::Missing,
            Self::Number(x) => Cell::Number(*x),
            Self::Bool(b) => Cell::Bool(*b),
            Self::Text(t) => Cell::Text(t),
            Self::Time(t) => Cell::Time(*t),
            Self::Vector(v) => Cell::Vector(v),
            Self::Labels(l) => Cell::Labels(Labels::Names(l)),
        }
    }
}

impl Encoder {
    /// Where input `i` lies in an encoded row.
    pub fn range(&self, i: usize) -> Range<usize> {
        self.starts[i]..self.starts[i + 1]
    }

    /// Those of [`Encoder::range`] by which it is evaluated how well a value comes back: of times the age alone, as weekdays and months
    /// follow from it in no way that a model could learn.
    pub fn evaluated(&self, i: usize) -> Range<usize> {
        let all = self.range(i);
        match &self.parts[i] {
            Part::Time(t) => t.aged().map_or(all.clone(), |at| all.start + at..all.start + at + 1),
            _ => all,
        }
    }

    /// For a category the number of its values with a place of their own; the place after these is that of all others. None for columns
    /// that are not text.
    pub fn levels(&self, i: usize) -> Option<usize> {
        match &self.parts[i] {
            Part::Category(c) => Some(c.levels().len()),
            _ => None,
        }
    }

    /// The values of a text or of an array of texts with a place of their own, the most frequent first; none of other columns.
    pub fn values(&self, i: usize) -> &[String] {
        match &self.parts[i] {
            Part::Category(c) | Part::Labels(c) => c.levels(),
            _ => &[],
        }
    }

    /// Whether input `i` is free text, of which no value comes back.
    pub fn is_free_text(&self, i: usize) -> bool {
        matches!(self.parts[i], Part::Text(_) | Part::Sketch(_))
    }

    /// Encodes the value `cell` of input `i` into `out`, which has the places of [`Encoder::range`].
    ///
    /// # Errors
    /// As [`Encoder::row`].
    pub fn one(&self, i: usize, cell: &Cell<'_>, out: &mut [f32]) -> Result<()> {
        out.fill(0.0);
        if self.parts[i].write(cell, out) { Ok(()) } else { Err(mismatch(&self.inputs[i], cell)) }
    }

    /// What `numbers` mean for input `i`: the places of [`Encoder::range`], those of a category in any scale in which more is likelier, and
    /// those behind its values as one or several.
    pub fn decode(&self, i: usize, numbers: &[f32]) -> Decoded<'_> {
        match &self.parts[i] {
            Part::Number { scale, range, .. } => {
                let seen = |x: f64| range.map_or(x, |[low, high]| x.max(low).min(high));
                numbers.first().map_or(Decoded::Nothing, |y| Decoded::Number(seen(scale.back(*y))))
            }
            Part::Bool { .. } => numbers.first().map_or(Decoded::Nothing, |y| Decoded::Bool(*y >= 0.5)),
            Part::Category(c) => c.levels().get(likeliest(numbers)).map_or(Decoded::Nothing, |t| Decoded::Text(t)),
            Part::Labels(c) => {
                Decoded::Labels(c.levels().iter().zip(numbers).filter(|(_, y)| **y >= 0.5).map(|(t, _)| t.as_str()).collect())
            }
            // Hashed words give no text back.
            Part::Text(_) | Part::Sketch(_) => Decoded::Nothing,
            Part::Time(t) => t.back(numbers).map_or(Decoded::Nothing, Decoded::Time),
            Part::Vector { scales, .. } => {
                Decoded::Vector(numbers.iter().zip(scales).map(|(y, s)| s.as_ref().map_or(0.0, |s| s.back(*y).single())).collect())
            }
        }
    }
}

/// The first of the greatest numbers.
pub fn likeliest(numbers: &[f32]) -> usize {
    let mut best = 0;
    for (i, x) in numbers.iter().enumerate() {
        if *x > numbers[best] {
            best = i
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equals_the_first_is_the_likeliest() {
        assert_eq!((likeliest(&[1.0, 3.0, 3.0]), likeliest(&[f32::NAN, 1.0]), likeliest(&[])), (1, 0, 0));
    }
}
