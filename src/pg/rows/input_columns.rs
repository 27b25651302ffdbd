//! Columns of a row that a model reads: each found by name once, with a reader for its type.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result, names};
use crate::dataset::Cell;
use crate::pg::call::numbers;
use crate::pg::datum::types::{self, Reader};
use crate::pg::datum::value_form::{self, Form};
use crate::pg::datum::value_type::{self, Cast};
use crate::train::{Family, Input};
use pgrx::pg_sys;

/// A column that a row brings.
pub(crate) struct Given {
    /// Its name, in the engine's encoding.
    pub name: String,
    /// Its type.
    pub typ: pg_sys::Oid,
    /// Where the row has it.
    pub place: usize,
}

/// One input of a model: where a row has it, and how it is read.
pub(crate) struct Pick {
    /// [`Given::place`].
    pub place: usize,
    /// How the value is read without its reader, for the plain numbers that most rows are made of.
    plain: Option<Plain>,
    reader: Reader,
    family: Family,
    /// How a date or time is read as one of the type that the model learned.
    cast: Option<Cast>,
}

/// The picks for `inputs`, in that order, from rows with the columns `given`.
///
/// # Errors
/// [`Code::UndefinedColumn`] when the row lacks one, [`Code::WrongType`] when a column's type cannot serve.
pub(crate) fn picks(given: &[Given], inputs: &[Input]) -> Result<Vec<Pick>> {
    let pick = |input: &Input| {
        let wanted = input.key.as_ref().map_or(&input.name, |k| &k.column);
        let column = given.iter().find(|g| g.name == *wanted).ok_or_else(|| missing(wanted, given, inputs))?;
        if let Some(key) = &input.key {
            let reader = Reader::of_key(column.typ, key, Some(input.family))?;
            return Ok(Pick { place: column.place, plain: None, reader, family: input.family, cast: None });
        }
        let reader = Reader::new(column.typ, &input.name)?.reading(input.family);
        let given = value_type::of(column.typ, -1);
        if !reader.form().serves(input.family) || !given.serves(input.value_type) {
            return Err(wrong_type(input, column.typ));
        }
        let cast = Cast::between(given, input.value_type);
        Ok(Pick { place: column.place, plain: Plain::of(reader.form(), input.family), reader, family: input.family, cast })
    };
    inputs.iter().map(pick).collect()
}

/// Where a row has its numbers and how they are read, side by side; none where not all picks are plain numbers.
pub(crate) fn numbers(picks: &[Pick]) -> Option<Vec<(usize, Plain)>> {
    picks.iter().map(|p| Some((p.place, p.plain?))).collect()
}

impl Pick {
    /// The value of a datum that is not NULL. Plain numbers go without their reader: readers took a quarter of the time of `encode` on 40
    /// columns (1.7 µs a row, now 1.04).
    ///
    /// # Errors
    /// Whatever a value can be wrong in.
    ///
    /// # Safety
    /// `datum` is a live datum of the column's type and outlives the result.
    #[inline]
    pub(crate) unsafe fn cell(&mut self, datum: pg_sys::Datum) -> Result<Cell<'_>> {
        if let Some(plain) = self.plain {
            return Ok(types::number(plain.of_datum(datum)));
        }
        // SAFETY: handed on from the caller.
        let cell = unsafe { self.reader.cell(datum)? };
        fit(self.cast.map_or(Ok(cell), |c| c.cell(cell))?, self.family)
    }
}

/// Values that stand in the row as they are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Plain {
    Float4,
    Float8,
    Int2,
    Int4,
    Int8,
}

impl Plain {
    fn of(form: Form, family: Family) -> Option<Self> {
        match (form, family) {
            (Form::Float4, Family::Number) => Some(Self::Float4),
            (Form::Float8, Family::Number) => Some(Self::Float8),
            (Form::Int2, Family::Number) => Some(Self::Int2),
            (Form::Int4, Family::Number) => Some(Self::Int4),
            (Form::Int8, Family::Number) => Some(Self::Int8),
            _ => None,
        }
    }

    /// The number at `p`.
    ///
    /// # Safety
    /// `p` points at a value of this type.
    #[inline]
    pub(crate) unsafe fn at(self, p: *const u8) -> f64 {
        // SAFETY: the caller's promise; Postgres aligns the values of these types.
        unsafe {
            match self {
                Self::Float4 => f64::from(p.cast::<f32>().read()),
                Self::Float8 => p.cast::<f64>().read(),
                Self::Int2 => f64::from(p.cast::<i16>().read()),
                Self::Int4 => f64::from(p.cast::<i32>().read()),
                Self::Int8 => p.cast::<i64>().read().real(),
            }
        }
    }

    /// The number in a datum of this type, which is passed by value.
    #[inline(always)]
    fn of_datum(self, datum: pg_sys::Datum) -> f64 {
        let bits = datum.value();
        match self {
            Self::Float4 => f64::from(f32::from_bits(bits as u32)),
            Self::Float8 => f64::from_bits(bits as u64),
            Self::Int2 => f64::from(bits as i16),
            Self::Int4 => f64::from(bits as i32),
            Self::Int8 => bits as i64 as f64,
        }
    }

    /// Adds the numbers in datums of this type; NaN for NULL.
    #[inline]
    pub(crate) fn of_arguments(self, arguments: &[pg_sys::NullableDatum], out: &mut Vec<f64>) {
        /// With a loop of its own for each type, which is known where this is called.
        #[inline(always)]
        fn each(plain: Plain, arguments: &[pg_sys::NullableDatum], out: &mut Vec<f64>) {
            out.extend(arguments.iter().map(|a| if a.isnull { f64::NAN } else { plain.of_datum(a.value) }))
        }
        match self {
            Self::Float4 => each(Self::Float4, arguments, out),
            Self::Float8 => each(Self::Float8, arguments, out),
            Self::Int2 => each(Self::Int2, arguments, out),
            Self::Int4 => each(Self::Int4, arguments, out),
            Self::Int8 => each(Self::Int8, arguments, out),
        }
    }
}

/// A value as the family that the model was trained on.
#[inline]
fn fit(cell: Cell<'_>, family: Family) -> Result<Cell<'_>> {
    match (cell, family) {
        (Cell::Number(x), Family::Bool) => Ok(Cell::Bool(x != 0.0)),
        (Cell::Bool(b), Family::Number) => Ok(Cell::Number(f64::from(u8::from(b)))),
        (Cell::Vector(v), Family::Vector(width)) if v.len() != width.index() => Err(numbers::wrong_length(v.len(), width.index())),
        _ => Ok(cell),
    }
}

/// The error for a column whose type cannot serve.
pub(crate) fn wrong_type(input: &Input, typ: pg_sys::Oid) -> Error {
    let want = match input.family {
        _ if let Some(noun) = input.value_type.noun() => noun,
        Family::Number => "a number",
        Family::Bool => "a boolean or a number",
        Family::Text => "text",
        Family::Time => "a date or a timestamp",
        Family::Vector(_) => "an array of numbers",
        Family::Labels => "an array of text",
    };
    Error::new(Code::WrongType, format!("column \"{}\" is of type {}", input.name, value_form::type_name(typ)))
        .detail(format!("The model was trained on {want} there."))
        .hint("Cast the column in a sub-select, or train the model again.")
}

/// The error for a row without a column that the model needs.
fn missing(wanted: &str, given: &[Given], inputs: &[Input]) -> Error {
    let have: Vec<&str> = given.iter().map(|g| g.name.as_str()).collect();
    let e = Error::new(Code::UndefinedColumn, format!("row has no column \"{wanted}\""))
        .detail(format!("The row's columns are: {}.", have.join(", ")));
    if have.iter().enumerate().all(|(i, n)| *n == format!("f{}", i + 1)) {
        return e.hint("ROW(…) has no column names; name the columns with a sub-select: (SELECT r FROM (SELECT 1 AS a, 2 AS b) r).");
    }
    // A column that the model reads itself is no slip for another.
    let own = |n: &&str| inputs.iter().any(|i| i.name == *n);
    match names::nearest(wanted, have.iter().copied().filter(|n| !own(n))) {
        // Nothing is as it should be: the row is another.
        _ if inputs.iter().all(|i| !have.contains(&i.name.as_str())) => e.hint(format!("Is it the row that was meant? {}", numbers::ALIAS)),
        Some(near) => e.hint(format!("Did you mean \"{near}\"? Rename it in a sub-select, or train the model again.")),
        None => e.hint("The model was trained with that column; add it to the row with a sub-select, or train the model again."),
    }
}
