//! One row of a composite type, as the result of a function.

use crate::base::{Error, Result};
use crate::pg::backend::{compat, text};
use crate::pg::call::arguments::Call;
use crate::pg::datum::returned::Answer;
use pgrx::pg_sys;

/// A field of the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field<'a> {
    /// double precision; none is NULL.
    Float(Option<f64>),
    /// bigint.
    Integer(i64),
    /// text.
    Text(&'a str),
}

impl Field<'_> {
    const fn typ(&self) -> pg_sys::Oid {
        match self {
            Self::Float(_) => pg_sys::FLOAT8OID,
            Self::Integer(_) => pg_sys::INT8OID,
            Self::Text(_) => pg_sys::TEXTOID,
        }
    }
}

/// The row of `fields`, which are those of the type that the function of `call` is declared to return.
///
/// # Errors
/// [`crate::base::Code::Internal`] when it is declared otherwise.
pub(crate) fn row(call: Call<'_>, fields: &[Field<'_>]) -> Result<Answer> {
    let mut values: Vec<pg_sys::Datum> = fields
        .iter()
        .map(|f| match *f {
            Field::Float(x) => pg_sys::Datum::from(x.unwrap_or_default().to_bits()),
            Field::Integer(x) => pg_sys::Datum::from(x),
            Field::Text(t) => text::datum(t),
        })
        .collect();
    let mut nulls: Vec<bool> = fields.iter().map(|f| *f == Field::Float(None)).collect();
    // SAFETY: the call is the one under way; values and nulls have an element for each attribute of the blessed descriptor, of its type
    // (that of a dropped one is 0), and the tuple is a fresh one of the current memory context.
    unsafe {
        let mut desc = std::ptr::null_mut();
        let class = pg_sys::get_call_result_type(call.raw(), std::ptr::null_mut(), &mut desc);
        let count = fields.len();
        if class != pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE
            || usize::try_from((*desc).natts) != Ok(count)
            || !fields.iter().enumerate().all(|(i, f)| compat::attribute(desc, i).atttypid == f.typ())
        {
            return Err(Error::internal(format!("The function is not declared to return a row of {} fields.", fields.len())));
        }
        let tuple = pg_sys::heap_form_tuple(pg_sys::BlessTupleDesc(desc), values.as_mut_ptr(), nulls.as_mut_ptr());
        Ok(Answer(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data)))
    }
}
