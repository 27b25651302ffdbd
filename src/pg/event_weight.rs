//! `affinity.event_weight`: the weights are the same for all rows of a query, so they are read once.

use crate::base::Result;
use crate::dataset::event_weights;
use crate::pg::call::Call;
use crate::pg::text;
use pgrx::datum::{FromDatum, JsonB};
use pgrx::pg_sys;
use std::collections::BTreeMap;

/// The weights that were read last, and the bytes that they were read from.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    weights: BTreeMap<String, f64>,
}

/// The weight of the type that argument 0 (text) names by argument 1 (jsonb); none for one that is not listed.
///
/// # Errors
/// As [`event_weights`].
pub(crate) fn event_weight(call: Call<'_>) -> Result<Option<f64>> {
    let (Some(kind), Some(datum), Some(bytes)) = (call.datum(0), call.datum(1), call.bytes(1)) else { return Ok(None) };
    let mut kept = match call.kept::<Kept>() {
        Some(kept) => kept,
        None => call.keep(Kept::default()),
    };
    if kept.bytes != bytes {
        // SAFETY: the argument is declared jsonb.
        let given = unsafe { JsonB::from_polymorphic_datum(datum, false, pg_sys::JSONBOID) };
        let Some(JsonB(given)) = given else { return Ok(None) };
        kept.weights = event_weights(&given, "weights")?;
        kept.bytes = bytes;
    }
    // SAFETY: the argument is declared text; its copy is freed.
    Ok(unsafe { text::with_text(kind, |kind| kept.weights.get(kind).copied()) })
}
