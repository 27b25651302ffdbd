//! An argument of numbers as callers write them: an array of any numbers, a vector of pgvector's, an array's literal.
//!
//! Such an argument is declared `anycompatible`, so that it resolves whatever is passed: overloads for `real[]` and `double precision[]`
//! would leave an `int[]` between them, and a parameter that a driver sends without a type between all.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result, memory};
use crate::dataset::Cell;
use crate::pg::backend::text;
use crate::pg::call::arguments::Call;
use crate::pg::datum::value_form::{Form, type_name};
use crate::pg::datum::{array, array_elements, types};
use crate::train::{Family, Input};
use pgrx::pg_sys;
use std::borrow::Cow;

/// Numbers, NaN where an element is NULL.
pub(crate) struct Numbers<'a> {
    /// As the nearest reals.
    pub reals: Cow<'a, [f32]>,
    /// As they were; empty where they were reals.
    doubles: Vec<f64>,
}

impl Numbers<'_> {
    fn wide(doubles: Vec<f64>) -> Result<Self> {
        let mut reals = Vec::new();
        memory::reserve(&mut reals, doubles.len())?;
        reals.extend(doubles.iter().map(|x| x.single()));
        Ok(Self { reals: Cow::Owned(reals), doubles })
    }

    /// Number `i`.
    pub(crate) fn get(&self, i: usize) -> f64 {
        self.doubles.get(i).copied().unwrap_or_else(|| f64::from(self.reals[i]))
    }
}

/// Reads the numbers of one place of a query, whose type stays the same.
pub(crate) struct NumbersReader {
    argument: Argument,
    way: Way,
}

/// What an argument is, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Argument {
    /// Its name.
    name: &'static str,
    /// What it takes.
    needs: &'static str,
    /// What to do.
    hint: &'static str,
}

/// The row that is scored.
pub(crate) const ROW: Argument = Argument {
    name: "row",
    needs: "a row or an array of numbers",
    hint: "Pass the row: SELECT affinity.predict('…', t) FROM … t. An alias that is named like a column of its table means the column: give the table \
         another one.",
};

/// A vector of an aggregate.
const VECTOR: Argument = Argument { name: "vector", needs: "an array of numbers", hint: "Cast it: affinity.profile(…::real[])." };

enum Way {
    Reals,
    Array(Form),
    Vector(types::Reader),
    Literal,
}

impl Argument {
    fn wrong(self, typ: pg_sys::Oid) -> Error {
        Error::new(Code::WrongType, format!("{} must be {}", self.name, self.needs))
            .detail(format!("It is of type {}.", type_name(typ)))
            .hint(self.hint)
    }
}

/// What an array literal begins with: its elements, or the bounds of its dimensions.
const OPENING: [char; 2] = ['{', '['];

impl NumbersReader {
    /// A reader for `argument`, which is of type `typ`.
    ///
    /// # Errors
    /// [`Code::WrongType`].
    pub(crate) fn new(typ: pg_sys::Oid, argument: Argument) -> Result<Self> {
        // SAFETY: catalogue look-ups by oid.
        let (base, element) = unsafe {
            let base = pg_sys::getBaseType(typ);
            (base, pg_sys::get_element_type(base))
        };
        let way = match Form::of(base) {
            Some(Form::Floats) => Way::Reals,
            Some(Form::Text | Form::Padded) => Way::Literal,
            Some(Form::Vector | Form::HalfVector) => Way::Vector(types::Reader::new(base, argument.name)?),
            _ => match (element != pg_sys::InvalidOid).then(|| Form::of(element)).flatten() {
                Some(form) if form.is_number() || form == Form::Bool => Way::Array(form),
                _ => return Err(argument.wrong(typ)),
            },
        };
        Ok(Self { argument, way })
    }

    /// The numbers of a datum that is not NULL.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] for more than one dimension, [`Code::WrongType`] for a text that is no literal of an array; one that is malformed is raised
    /// by Postgres.
    ///
    /// # Safety
    /// `datum` is a live datum of the reader's type and outlives the result; a toasted one is copied into the current memory context.
    pub(crate) unsafe fn read<'a>(&mut self, datum: pg_sys::Datum) -> Result<Numbers<'a>> {
        // SAFETY: the caller's promise; the literal is a text, and its array is made in the current memory context.
        unsafe {
            match &mut self.way {
                Way::Reals => Ok(Numbers { reals: array::floats(datum)?, doubles: Vec::new() }),
                Way::Vector(reader) => match reader.cell(datum)? {
                    Cell::Vector(v) => Ok(Numbers { reals: Cow::Owned(memory::copy(v)?), doubles: Vec::new() }),
                    _ => Ok(Numbers { reals: Cow::Borrowed(&[]), doubles: Vec::new() }),
                },
                Way::Array(form) => array_elements::doubles(datum, *form).and_then(Numbers::wide),
                Way::Literal => {
                    if !text::with_text(datum, |t| t.trim_start().starts_with(OPENING)) {
                        return Err(self.argument.wrong(pg_sys::TEXTOID));
                    }
                    let literal = pg_sys::text_to_cstring(datum.cast_mut_ptr());
                    let array = array::literal(literal, pg_sys::FLOAT8ARRAYOID, self.argument.name, "ARRAY[1.5, 2]")?;
                    array_elements::doubles(array, Form::Float8).and_then(Numbers::wide)
                }
            }
        }
    }
}

/// The numbers of argument `i` of an aggregate; none for NULL.
///
/// # Errors
/// Those of [`NumbersReader`].
pub(crate) fn vector(call: Call<'_>, i: usize) -> Result<Option<Numbers<'_>>> {
    let Some(datum) = call.datum(i) else { return Ok(None) };
    let mut reader = match call.kept::<NumbersReader>() {
        Some(reader) => reader,
        None => call.keep(NumbersReader::new(call.argument_type(i), VECTOR)?),
    };
    // SAFETY: the reader was made for the argument's type, which stays the same at one place of a query; the datum lives as long as the
    // call.
    unsafe { reader.read(datum) }.map(Some)
}

/// Numbers as the values of `inputs`: one for a number or a truth value, as many as it is wide for a vector.
///
/// # Errors
/// [`Code::WrongType`] when the model reads text or times, [`Code::ArrayLength`] for another number of elements than it reads.
pub(crate) fn cells<'a>(numbers: &'a Numbers<'_>, inputs: &[Input], out: &mut Vec<Cell<'a>>) -> Result<()> {
    let elements = &*numbers.reals;
    let mut at = 0;
    for input in inputs {
        let end = at + width(input)?;
        let Some(part) = elements.get(at..end) else { return Err(wrong_elements(elements.len(), total(inputs)?)) };
        out.push(match input.family {
            Family::Vector(_) if part.iter().all(|x| x.is_finite()) => Cell::Vector(part),
            Family::Vector(_) => Cell::Missing,
            _ if !numbers.get(at).is_finite() => Cell::Missing,
            Family::Bool => Cell::Bool(numbers.get(at) != 0.0),
            _ => Cell::Number(numbers.get(at)),
        });
        at = end;
    }
    if at != elements.len() {
        return Err(wrong_elements(elements.len(), at));
    }
    Ok(())
}

fn total(inputs: &[Input]) -> Result<usize> {
    inputs.iter().map(width).sum()
}

fn width(input: &Input) -> Result<usize> {
    match input.family {
        Family::Number | Family::Bool => Ok(1),
        Family::Vector(n) => Ok(n.index()),
        Family::Text | Family::Time | Family::Labels => Err(Error::new(Code::WrongType, "model needs a row, not an array")
            .detail(format!("It reads column \"{}\", which is no number.", input.name))
            .hint(format!("Pass the row: SELECT affinity.predict('…', t) FROM … t. {ALIAS}"))),
    }
}

const ORDER: &str = "The elements stand in the order of the training relation's columns.";
/// Said where a column may have been taken for the row that was meant.
pub(crate) const ALIAS: &str = "An alias that is named like a column of its table means the column: give the table another one.";

/// [`wrong_length`] of an array in the place of a row.
fn wrong_elements(have: usize, want: usize) -> Error {
    wrong_length(have, want).hint(format!("{ORDER} {ALIAS}"))
}

/// The error for an array of `have` elements where `want` are needed.
pub(crate) fn wrong_length(have: usize, want: usize) -> Error {
    Error::new(Code::ArrayLength, format!("array has {have} elements, {want} expected"))
        .detail(format!("The model was trained on {want}."))
        .hint(ORDER)
}
