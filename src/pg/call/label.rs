//! A label as callers write it: a truth value, a number that is 0 or 1, or a text that says as much; and how relevant something is: one of
//! these, or a larger number.
//!
//! The argument is declared `anycompatible`, as one of numbers is (`numbers.rs`): NULL and a parameter without a type resolve like any
//! other.

use crate::base::{Code, Error, Result, names};
use crate::dataset::{Cell, Family};
use crate::metric::{self, Asked};
use crate::pg::backend::text::literal;
use crate::pg::call::arguments::Call;
use crate::pg::datum::types::Reader;
use crate::pg::datum::value_form::{Form, type_name};
use pgrx::pg_sys;

/// The reader of one place of a query.
struct LabelReader(Reader);

/// The truth value in argument `i`; none for NULL.
///
/// # Errors
/// [`Code::WrongType`], [`Code::InvalidParameter`] for another number, [`Code::InvalidText`] for another text.
#[inline]
pub(crate) fn label(call: Call<'_>, i: usize, asked: Asked) -> Result<Option<bool>> {
    read(call, i, asked, |number| metric::truth(number, asked), |yes| yes)
}

/// How relevant argument `i` says that something is, as a number of which 0 is not at all; none for NULL.
///
/// # Errors
/// [`Code::WrongType`], [`Code::InvalidText`] for a text that is neither a number nor a truth value.
pub(crate) fn relevance(call: Call<'_>, i: usize) -> Result<Option<f64>> {
    read(call, i, RELEVANCE, Ok, |yes| f64::from(u8::from(yes)))
}

const RELEVANCE: Asked = Asked { name: "relevance", example: "what is relevant, or a number, as in affinity.ndcg(score, rating, 10)" };

/// The argument by `number`, where it is one, or by `truth`.
#[inline]
fn read<T>(call: Call<'_>, i: usize, asked: Asked, number: impl Fn(f64) -> Result<T>, truth: impl Fn(bool) -> T) -> Result<Option<T>> {
    let Some(datum) = call.datum(i) else { return Ok(None) };
    let mut reader = match call.kept::<LabelReader>() {
        Some(reader) => reader,
        None => call.keep(reader(call.argument_type(i), asked)?),
    };
    if reader.0.form() == Form::Bool {
        return Ok(Some(truth(datum.value() & 1 == 1)));
    }
    // SAFETY: the reader was made for the argument's type, which stays the same at one place of a query; the datum lives as long as the
    // call.
    match unsafe { reader.0.cell(datum)? } {
        Cell::Number(x) => number(x),
        Cell::Text(t) => match truth_of(t) {
            Some(yes) => Ok(truth(yes)),
            None => t.trim().parse().map_err(|_| unclear(t, asked)).and_then(&number),
        },
        // What is no number, as a number.
        _ => number(f64::NAN),
    }
    .map(Some)
}

/// Whether argument `predicted`, a class by its name, is what argument `actual` says: a text, or a number, truth value or enum as a
/// training names it. None where one is NULL.
///
/// # Errors
/// [`Code::WrongType`].
pub(crate) fn same_class(call: Call<'_>, predicted: usize, actual: usize) -> Result<Option<bool>> {
    let (Some(_), Some(datum)) = (call.datum(predicted), call.datum(actual)) else { return Ok(None) };
    let mut reader = match call.kept::<LabelReader>() {
        Some(reader) => reader,
        None => call.keep(class_reader(call.argument_type(actual))?),
    };
    // SAFETY: the reader was made for the argument's type, which stays the same at one place of a query; the datum lives as long as the
    // call.
    let cell = unsafe { reader.0.cell(datum)? };
    Ok(call.with_text(predicted, |name| match cell {
        Cell::Text(t) => name == t,
        Cell::Bool(yes) => name == if yes { "true" } else { "false" },
        Cell::Number(x) => name == x.to_string(),
        _ => false,
    }))
}

#[cold]
fn class_reader(typ: pg_sys::Oid) -> Result<LabelReader> {
    let form = Form::of(typ).filter(|f| f.is_number() || matches!(f.family(), Family::Text | Family::Bool));
    match form {
        Some(_) => Reader::new(typ, "actual").map(LabelReader),
        None => Err(Error::new(Code::WrongType, "actual must be a class: a text, number, truth value or enum")
            .detail(format!("It is of type {}.", type_name(typ)))
            .hint("Cast it to text, as in affinity.accuracy(predicted, actual::text).")),
    }
}

#[cold]
fn reader(typ: pg_sys::Oid, asked: Asked) -> Result<LabelReader> {
    let form = Form::of(typ).filter(|f| f.is_number() || matches!(f, Form::Text | Form::Bool));
    match form {
        Some(_) => Reader::new(typ, asked.name).map(LabelReader),
        None => Err(Error::new(Code::WrongType, format!("{} must be a truth value or a number", asked.name))
            .detail(format!("It is of type {}.", type_name(typ)))
            .hint(format!("Make it a boolean that says {}.", asked.example))),
    }
}

fn truth_of(text: &str) -> Option<bool> {
    let mut value = false;
    // SAFETY: the pointer and length are those of the text; the value is written where it is one.
    let read = unsafe { pg_sys::parse_bool_with_len(text.trim().as_ptr().cast(), text.trim().len(), &raw mut value) };
    read.then_some(value)
}

#[cold]
fn unclear(text: &str, asked: Asked) -> Error {
    Error::new(Code::InvalidText, format!("{} is no truth value", asked.name))
        .detail(format!("It is the text \"{}\".", names::shown(text)))
        .hint(format!("Make it a boolean: {} = {}, for instance.", asked.name, literal(&names::shown(text))))
}
