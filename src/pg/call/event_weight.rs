//! `affinity.event_weight`: the weights are the same for all rows of a query, so they are read once.

use crate::base::Result;
use crate::dataset::event_weights;
use crate::pg::call::arguments::Call;
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
    let Some(given) = call.json(1) else { return Ok(None) };
    given.check_size("weights")?;
    let Some(bytes) = call.bytes(1) else { return Ok(None) };
    let mut kept = match call.kept::<Kept>() {
        Some(kept) => kept,
        None => call.keep(Kept::default()),
    };
    if kept.bytes != bytes {
        kept.weights = event_weights(&given.read("weights")?, "weights")?;
        kept.bytes = bytes.to_vec();
    }
    Ok(call.with_text(0, |kind| kept.weights.get(kind).copied()).flatten())
}
