//! A row as the result of a function.

use crate::base::{Error, Result};
use crate::pg::answer::Answer;
use crate::pg::call::Call;
use crate::pg::text;
use pgrx::pg_sys;

/// The row (score, column) of `affinity.oddity`, which the function of `call` is declared to return.
///
/// # Errors
/// [`crate::base::Code::Internal`] when it is declared otherwise.
pub(crate) fn oddity(call: Call, score: f64, column: &str) -> Result<Answer> {
    let mut values = [pg_sys::Datum::from(score.to_bits()), text::datum(column)];
    let mut nulls = [false; 2];
    // SAFETY: the call is the one under way; values and nulls have an element for each attribute of the blessed descriptor, and the tuple
    // is a fresh one of the current memory context.
    unsafe {
        let mut desc = std::ptr::null_mut();
        let class = pg_sys::get_call_result_type(call.raw(), std::ptr::null_mut(), &mut desc);
        if class != pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE || (*desc).natts != 2 {
            return Err(Error::internal("The function is not declared to return a score and a column."));
        }
        let tuple = pg_sys::heap_form_tuple(pg_sys::BlessTupleDesc(desc), values.as_mut_ptr(), nulls.as_mut_ptr());
        Ok(Answer(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data)))
    }
}
