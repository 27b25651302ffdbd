//! Rows for networks with embeddings: the numbers of a row side by side, and for each category the places of its value.

use super::category::Place;
use super::part::Part;
use super::{BLOCK, Encoder, mismatch};
use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result, zeros};
use crate::dataset::{Cell, Frame, Values};
use std::ops::Range;

/// Where an input of a coded row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// These of the row's numbers.
    Numbers(Range<usize>),
    /// This of the row's categories.
    Category {
        /// Which, from 0.
        at: usize,
        /// Values with a place of their own; the class of all others is this number.
        levels: usize,
        /// Places in all: of values, of what is rare, of what is hashed.
        places: usize,
    },
}

/// No place, or no class.
pub const NONE: u32 = u32::MAX;

/// Rows as networks with embeddings take them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coded {
    /// Rows × numbers; what is missing counts as the middle.
    pub numbers: Vec<f32>,
    /// Rows × categories: one place, or two of a hashed value, of which the second is else [`NONE`]; both [`NONE`] for a missing one.
    pub places: Vec<[u32; 2]>,
    /// Rows × inputs: 1 where the row has no value.
    pub missing: Vec<u8>,
}

impl Encoder {
    /// Where each input is in a coded row. For encoders that were fitted for rows as a whole ([`super::Options::whole`]).
    pub fn fields(&self) -> Vec<Field> {
        let (mut numbers, mut categories) = (0, 0);
        let one = |p: &Part| match p {
            Part::Category(c) => {
                categories += 1;
                Field::Category { at: categories - 1, levels: c.levels().len(), places: c.width() }
            }
            _ => {
                numbers += p.width();
                Field::Numbers(numbers - p.width()..numbers)
            }
        };
        self.parts.iter().map(one).collect()
    }

    /// Bytes that [`Encoder::coded`] returns for so many rows; for the caller to book.
    pub fn coded_bytes(&self, rows: usize) -> usize {
        let (numbers, categories) = self.counts();
        rows.saturating_mul(4 * numbers + 8 * categories + self.parts.len())
    }

    /// How many numbers and how many categories a coded row has.
    pub fn counts(&self) -> (usize, usize) {
        let categories = self.parts.iter().filter(|p| matches!(p, Part::Category(_))).count();
        (self.parts.iter().filter(|p| !matches!(p, Part::Category(_))).map(Part::width).sum(), categories)
    }

    /// Codes one row into the places of one row of `out`, which are `numbers`, `places` and `missing`.
    ///
    /// # Errors
    /// As [`Encoder::row`].
    #[inline]
    pub fn coded_row(&self, row: &[Cell<'_>], numbers: &mut [f32], places: &mut [[u32; 2]], missing: &mut [u8]) -> Result<()> {
        if row.len() != self.parts.len() || missing.len() != self.parts.len() {
            return Err(Error::new(Code::ArrayLength, format!("{} values where the model reads {}", row.len(), self.parts.len()))
                .detail(format!("Its inputs are: {}.", self.inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", "))));
        }
        let (mut at, mut category) = (0, 0);
        for (i, part) in self.parts.iter().enumerate() {
            let cell = &row[i];
            missing[i] = u8::from(matches!(cell, Cell::Missing));
            if let Part::Category(c) = part {
                places[category] = match cell {
                    Cell::Missing => [NONE; 2],
                    Cell::Text(t) => pair(c.place(Some(t))),
                    _ => return Err(mismatch(&self.inputs[i], cell)),
                };
                category += 1;
                continue;
            }
            let end = at + part.width();
            let out = &mut numbers[at..end];
            if out.len() > 1 {
                out.fill(0.0);
            }
            if !part.write(cell, out) {
                return Err(mismatch(&self.inputs[i], cell));
            }
            at = end;
        }
        Ok(())
    }

    /// Codes the rows `rows` of a frame, columns found by name.
    ///
    /// # Errors
    /// As [`Encoder::frame`].
    pub fn coded(&self, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<Coded> {
        let columns = self.columns(frame)?;
        let tables: Vec<Vec<[u32; 2]>> = self.parts.iter().zip(&columns).map(|(p, v)| table(p, v)).collect();
        let ((numbers, categories), inputs) = (self.counts(), self.parts.len());
        let n = rows.len();
        let mut out = Coded { numbers: zeros(n * numbers)?, places: zeros(n * categories)?, missing: zeros(n * inputs)? };
        let mut done: Vec<Result<()>> = Vec::new();
        done.resize_with(n.div_ceil(BLOCK), || Ok(()));
        // Chunks of no length cannot be cut: a table may have no numbers, or no categories.
        let (mut a, mut b, mut c) = (&mut out.numbers[..], &mut out.places[..], &mut out.missing[..]);
        let mut blocks = Vec::with_capacity(done.len());
        for (rows, done) in rows.chunks(BLOCK).zip(&mut done) {
            let (x, y, z);
            (x, a) = a.split_at_mut(rows.len() * numbers);
            (y, b) = b.split_at_mut(rows.len() * categories);
            (z, c) = c.split_at_mut(rows.len() * inputs);
            blocks.push((rows, x, y, z, done));
        }
        ctx.pool.each_mut(&mut blocks, |_, (rows, x, y, z, done)| {
            **done = ctx.check().and_then(|()| {
                for (k, r) in rows.iter().enumerate() {
                    let (x, y) = (&mut x[k * numbers..][..numbers], &mut y[k * categories..][..categories]);
                    self.coded_line(&columns, &tables, r.index(), x, y, &mut z[k * inputs..][..inputs])?;
                }
                Ok(())
            })
        });
        drop(blocks);
        done.into_iter().collect::<Result<()>>()?;
        Ok(out)
    }

    fn coded_line(
        &self,
        columns: &[&Values],
        tables: &[Vec<[u32; 2]>],
        row: usize,
        numbers: &mut [f32],
        places: &mut [[u32; 2]],
        missing: &mut [u8],
    ) -> Result<()> {
        let (mut at, mut category) = (0, 0);
        for (i, part) in self.parts.iter().enumerate() {
            if let (Part::Category(_), Values::Category { codes, .. }) = (part, columns[i]) {
                places[category] = tables[i].get(codes[row].index()).copied().unwrap_or([NONE; 2]);
                missing[i] = u8::from(places[category][0] == NONE);
                category += 1;
                continue;
            }
            let cell = columns[i].cell(row);
            missing[i] = u8::from(cell == Cell::Missing);
            let end = at + part.width();
            if !part.write(&cell, &mut numbers[at..end]) {
                return Err(mismatch(&self.inputs[i], &cell));
            }
            at = end;
        }
        Ok(())
    }
}

/// What the distinct texts of a frame's column become; empty for other columns.
fn table(part: &Part, values: &Values) -> Vec<[u32; 2]> {
    match (part, values) {
        (Part::Category(c), Values::Category { levels, .. }) => levels.iter().map(|t| pair(c.place(Some(t)))).collect(),
        _ => Vec::new(),
    }
}

fn pair(place: Place) -> [u32; 2] {
    match place {
        Place::One(i) => [i, NONE],
        Place::Two(i, j) => [i, j],
        Place::Average => [NONE; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::encode::Options;
    use crate::dataset::{Column, MISSING_CODE};

    #[test]
    fn a_row_is_coded_as_the_frame_is() {
        let n = 5000;
        let levels = vec!["a".to_owned(), "b".into(), "rare".into()];
        let codes = (0..n).map(|i| if i == 9 { 2 } else { [0, 1, MISSING_CODE][i % 3] }).collect();
        let c = |name: &str, values| Column { name: name.into(), values };
        let f = Frame::new(vec![
            c("x", Values::Double((0..n).map(|i| if i % 10 == 0 { f64::NAN } else { (i % 77) as f64 }).collect())),
            c("k", Values::Category { codes, levels }),
            c(
                "many",
                Values::Category { codes: (0..n as u32).map(|i| i % 90).collect(), levels: (0..90).map(|i| i.to_string()).collect() },
            ),
            c("v", Values::Vector { width: 2, values: (0..2 * n).map(|i| (i % 13) as f32).collect() }),
        ])
        .unwrap();
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let rows: Vec<u32> = (0..n as u32).rev().collect();
        let o = Options { whole: true, max_levels: 50, buckets: 8, ..Options::default() };
        let e = Encoder::fit(&f, &["x", "k", "many", "v"], &rows, &o, &ctx).unwrap();
        let category = |at, levels, places| Field::Category { at, levels, places };
        assert_eq!(e.fields(), [Field::Numbers(0..1), category(0, 2, 3), category(1, 50, 58), Field::Numbers(1..3)]);
        let all = e.coded(&f, &rows, &ctx).unwrap();
        assert_eq!(all.numbers.len() * 4 + all.places.len() * 8 + all.missing.len(), e.coded_bytes(n));
        let (mut x, mut p, mut m) = ([9.0; 3], [[9; 2]; 2], [9; 4]);
        for (k, r) in rows.iter().enumerate() {
            let row: Vec<Cell<'_>> = f.columns().iter().map(|c| c.values.cell(*r as usize)).collect();
            e.coded_row(&row, &mut x, &mut p, &mut m).unwrap();
            assert_eq!((&x[..], &p[..], &m[..]), (&all.numbers[k * 3..][..3], &all.places[k * 2..][..2], &all.missing[k * 4..][..4]));
        }
        // the rare one has the place behind the values; a hashed one has two, a missing one none
        let at = |r: usize| &all.places[(n - 1 - r) * 2..][..2];
        assert_eq!(at(9)[0], [2, NONE]);
        assert_eq!(at(2)[0], [NONE; 2]);
        assert!((0..90).any(|r| at(r)[1][1] != NONE));
        assert_eq!(e.coded_row(&[Cell::Missing; 3], &mut x, &mut p, &mut m).unwrap_err().code, Code::ArrayLength);
        let wrong = [Cell::Missing, Cell::Number(1.0), Cell::Missing, Cell::Missing];
        assert_eq!(e.coded_row(&wrong, &mut x, &mut p, &mut m).unwrap_err().code, Code::WrongType);
    }
}
