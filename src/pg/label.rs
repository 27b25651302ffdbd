//! A label as callers write it: a truth value, a number that is 0 or 1, or a text that says as much.
//!
//! The argument is declared `anycompatible`, as one of numbers is (`numbers.rs`): NULL and a parameter without a type resolve like any other.

use crate::base::{Code, Error, Result, names};
use crate::dataset::Cell;
use crate::metric;
use crate::pg::call::Call;
use crate::pg::columns::{Reader, type_name};
use crate::pg::form::Form;
use pgrx::pg_sys;

/// The reader of one place of a query.
struct LabelReader(Reader);

/// The label in argument `i`; none for NULL.
///
/// # Errors
/// [`Code::WrongType`], [`Code::InvalidParameter`] for another number, [`Code::InvalidText`] for another text.
#[inline]
pub(crate) fn label(call: Call<'_>, i: usize) -> Result<Option<bool>> {
    let Some(datum) = call.datum(i) else { return Ok(None) };
    let mut reader = match call.kept::<LabelReader>() {
        Some(reader) => reader,
        None => call.keep(reader(call.argument_type(i))?),
    };
    if reader.0.form() == Form::Bool {
        return Ok(Some(datum.value() & 1 == 1));
    }
    // SAFETY: the reader was made for the argument's type, which stays the same at one place of a query; the datum lives as long as the call.
    match unsafe { reader.0.cell(datum)? } {
        Cell::Number(x) => metric::label(x),
        Cell::Text(t) => truth(t),
        // What is no number, as a number.
        _ => metric::label(f64::NAN),
    }
    .map(Some)
}

#[cold]
fn reader(typ: pg_sys::Oid) -> Result<LabelReader> {
    let form = Form::of(typ).filter(|f| f.is_number() || matches!(f, Form::Text | Form::Bool));
    match form {
        Some(_) => Reader::new(typ, "label").map(LabelReader),
        None => Err(Error::new(Code::WrongType, "label must be a truth value or a number")
            .detail(format!("It is of type {}.", type_name(typ)))
            .hint("Make it a boolean that says which rows are positive, as in affinity.auc(score, label > 0).")),
    }
}

fn truth(text: &str) -> Result<bool> {
    let mut value = false;
    // SAFETY: the pointer and length are those of the text; the value is written where it is one.
    let read = unsafe { pg_sys::parse_bool_with_len(text.trim().as_ptr().cast(), text.trim().len(), &raw mut value) };
    if read {
        return Ok(value);
    }
    Err(Error::new(Code::InvalidText, "label is no truth value")
        .detail(format!("It is the text \"{}\".", names::shown(text)))
        .hint("Make it a boolean that says which rows are positive, as in affinity.auc(score, label = 'yes')."))
}
