//! Rows of a tag and its probability: what `affinity.tags` returns.

use crate::base::{Code, Error, Result};
use crate::pg::backend::{compat, text};
use crate::pg::call::arguments::Call;
use pgrx::pg_sys;

/// How many tags are asked for by argument `i`: at least 0.
///
/// # Errors
/// [`Code::InvalidParameter`].
pub(crate) fn count(call: Call<'_>, i: usize) -> Result<usize> {
    let k = call.datum(i).map_or(5, |d| d.value() as i64);
    usize::try_from(k).map_err(|_| {
        Error::new(Code::InvalidParameter, "k must not be negative").detail(format!("It is {k}.")).hint("For example: k => 5.")
    })
}

/// Hands rows to the executor.
///
/// # Errors
/// [`Code::Unsupported`] where a set is not expected.
pub(crate) fn set(call: Call<'_>, rows: &[(&str, f64)]) -> Result<()> {
    // SAFETY: resultinfo is what the executor passed; the function is declared to return rows of (text, double precision), whose type it
    // expects; the tuplestore and a copy of the type live in the query's memory. Values and nulls have one element a column.
    unsafe {
        let info = (*call.raw()).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let materialise = pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32;
        if info.is_null() || (*info).type_ != pg_sys::NodeTag::T_ReturnSetInfo || (*info).allowedModes & materialise == 0 {
            return Err(Error::new(Code::Unsupported, "a set of rows is returned where none can be taken")
                .hint("Call it in FROM: SELECT t.* FROM products p, affinity.tags('…', p) t."));
        }
        let before = pg_sys::MemoryContextSwitchTo((*(*info).econtext).ecxt_per_query_memory);
        let desc = compat::two_columns((c"tag", pg_sys::TEXTOID), (c"probability", pg_sys::FLOAT8OID));
        let store = pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem);
        pg_sys::MemoryContextSwitchTo(before);
        for (tag, probability) in rows {
            let mut values = [text::datum(tag), pg_sys::Datum::from(probability.to_bits())];
            pg_sys::tuplestore_putvalues(store, desc, values.as_mut_ptr(), [false; 2].as_mut_ptr());
        }
        (*info).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
        (*info).setResult = store;
        (*info).setDesc = desc;
        (*call.raw()).isnull = true;
    }
    Ok(())
}
