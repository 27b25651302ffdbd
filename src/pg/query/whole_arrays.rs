//! A column of arrays of whole numbers, or of truth values, while it is read: vectors where all are of one length, otherwise sets of what
//! they hold.
//!
//! Three counts of a week are a vector, the ids of what was bought are a set: which of both a column is shows only when all rows are read.

use crate::base::memory::{reserve, reserve_slowly};
use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, hash, interrupts};
use crate::dataset::{MISSING_CODE, Values};
use crate::pg::datum::array_elements;
use crate::pg::datum::sift;
use crate::pg::datum::value_form::Form;
use crate::train::Family;
use pgrx::pg_sys;

/// The arrays so far.
pub(crate) struct Wholes {
    element: Form,
    /// Where the values of each row end, and whether the row has an array.
    ends: Vec<(usize, bool)>,
    values: Vec<i64>,
    /// The length of the first array.
    width: Option<usize>,
    /// The first row whose array is not as the first one is.
    uneven: Option<usize>,
    /// Values that memory is booked for.
    booked: usize,
}

/// Bytes of a value: itself, and what it becomes.
const VALUE: usize = 12;

impl Wholes {
    /// Of arrays whose elements `element` reads.
    pub(crate) const fn new(element: Form) -> Self {
        Self { element, ends: Vec::new(), values: Vec::new(), width: None, uneven: None, booked: 0 }
    }

    /// The bytes to book for the next `rows` rows, with the values that were read since the last call.
    pub(crate) fn next_block(&mut self, rows: usize) -> usize {
        let more = self.values.capacity() - std::mem::replace(&mut self.booked, self.values.capacity());
        // Beside the row itself what it becomes.
        rows * (size_of::<(usize, bool)>() + size_of::<usize>()) + more * VALUE
    }

    /// Room for `more` rows.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn reserve(&mut self, more: usize) -> Result<()> {
        reserve_slowly(&mut self.ends, more)
    }

    /// Adds an array; none for NULL.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] for too many elements; [`Code::OutOfMemory`].
    ///
    /// # Safety
    /// `datum` is a live array of what `element` reads.
    pub(crate) unsafe fn push(&mut self, datum: Option<pg_sys::Datum>) -> Result<()> {
        if let Some(datum) = datum {
            let before = self.values.len();
            // SAFETY: handed on from the caller.
            let plain = unsafe { array_elements::wholes(datum, self.element, &mut self.values)? };
            let length = self.values.len() - before;
            if !plain || length == 0 || *self.width.get_or_insert(length) != length {
                self.uneven.get_or_insert(self.ends.len());
            }
        }
        self.ends.push((self.values.len(), datum.is_some()));
        Ok(())
    }

    /// Forgets the rows that `kept` is false of. Which shape the column has stays as it showed.
    pub(crate) fn retain(&mut self, kept: &[bool]) {
        sift::runs(&mut self.ends, |row| &mut row.0, &mut self.values, kept);
    }

    /// The column: as sets or vectors where that is asked for, otherwise as what it is.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] where vectors are asked for and there are none of one length; [`Code::OutOfMemory`].
    pub(crate) fn finish(self, family: Option<Family>, name: &str) -> Result<Values> {
        match (family, self.uneven) {
            (Some(Family::Vector(_)), Some(row)) => {
                Err(Error::new(Code::ArrayLength, format!("column \"{name}\" has arrays of differing lengths"))
                    .detail(format!("Row {} of the scan has another length than those before it, or NULLs in it.", row + 1))
                    .hint("Make them equally long in a view, or train the model again."))
            }
            (Some(Family::Labels), _) | (_, Some(_)) => self.sets(),
            _ => self.vectors(),
        }
    }

    fn vectors(self) -> Result<Values> {
        let width = self.width.unwrap_or(1);
        let mut values: Vec<f32> = Vec::new();
        reserve(&mut values, self.ends.len() * width)?;
        let mut from = 0;
        for (row, (end, known)) in self.ends.iter().enumerate() {
            interrupts::check_at(row);
            if *known {
                values.extend(self.values[from..*end].iter().map(|x| x.single()));
            } else {
                values.resize(values.len() + width, f32::NAN);
            }
            from = *end;
        }
        Ok(Values::Vector { width, values })
    }

    fn sets(self) -> Result<Values> {
        let (mut ends, mut codes, mut levels) = (Vec::new(), Vec::new(), Vec::new());
        let mut index: hash::Map<i64, u32> = hash::Map::default();
        reserve(&mut ends, self.ends.len())?;
        reserve(&mut codes, self.values.len() + self.ends.len())?;
        let mut from = 0;
        for (row, (end, known)) in self.ends.iter().enumerate() {
            interrupts::check_at(row);
            for x in &self.values[from..*end] {
                let next = index.len() as u32;
                let code = *index.entry(*x).or_insert(next);
                if code == next {
                    reserve(&mut levels, 1)?;
                    levels.push(self.word(*x));
                }
                codes.push(code);
            }
            if !known {
                codes.push(MISSING_CODE);
            }
            ends.push(codes.len());
            from = *end;
        }
        Ok(Values::Labels { ends, codes, levels })
    }

    fn word(&self, x: i64) -> String {
        if self.element == Form::Bool { (x != 0).to_string() } else { x.to_string() }
    }
}
