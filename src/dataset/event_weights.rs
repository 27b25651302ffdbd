//! What an event counts by its type: `{"view": 1, "cart": 3, "purchase": 10}`. Data, not code: every shop has its own types.

use crate::base::{Code, Error, Result, names};
use serde_json::Value;
use std::collections::BTreeMap;

/// The weights of `given`, by type.
///
/// # Errors
/// [`Code::InvalidParameter`] for what is no object of numbers from 0 to 10⁹; `name` is what the caller calls it.
pub fn event_weights(given: &Value, name: &str) -> Result<BTreeMap<String, f64>> {
    let wrong = |detail: String| {
        Error::new(Code::InvalidParameter, format!("{name} must be an object of numbers of 0 or more"))
            .detail(detail)
            .hint(format!("For example: {name} => '{{\"view\": 1, \"purchase\": 10}}'."))
    };
    let given = given.as_object().ok_or_else(|| wrong(format!("It is {}.", names::shown_json(given))))?;
    given
        .iter()
        .map(|(kind, value)| match value.as_f64().filter(|w| (0.0..=1e9).contains(w)) {
            Some(w) => Ok((kind.clone(), w)),
            None => Err(wrong(format!("\"{}\" is {}.", names::shown(kind), names::shown_json(value)))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn weights_are_numbers_by_type() {
        let w = event_weights(&json!({"view": 0.1, "buy": 10}), "weights").unwrap();
        assert_eq!((w["view"], w["buy"]), (0.1, 10.0));
        for bad in [json!([1]), json!({"view": "1"}), json!({"view": -1}), json!({"view": 1e10}), json!(null)] {
            let e = event_weights(&bad, "weights").unwrap_err();
            assert_eq!((e.code, e.message.as_str()), (Code::InvalidParameter, "weights must be an object of numbers of 0 or more"));
        }
    }
}
