//! What a figure is given: whether a number is a probability, or a label.

use crate::base::{Code, Error, Result};

pub(super) fn probability(p: f64, name: &str) -> Result<f64> {
    if (0.0..=1.0).contains(&p) || p.is_nan() {
        return Ok(p);
    }
    Err(Error::new(Code::InvalidParameter, format!("{name} needs probabilities"))
        .detail(format!("The value {p} is not between 0 and 1."))
        .hint("For scores of any scale use affinity.auc or affinity.average_precision."))
}

/// A label that is kept as a number: 1 is the positive class, 0 the negative one.
///
/// # Errors
/// [`Code::InvalidParameter`] for any other number.
pub fn label(number: f64) -> Result<bool> {
    if number == 1.0 || number == 0.0 {
        return Ok(number == 1.0);
    }
    Err(Error::new(Code::InvalidParameter, "label is neither 0 nor 1")
        .detail(format!("The label {number} was given."))
        .hint("Make it a boolean that says which rows are positive, as in affinity.auc(score, label > 0)."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_zero_or_one() {
        assert_eq!((label(0.0), label(1.0)), (Ok(false), Ok(true)));
        for x in [2.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
            assert_eq!(label(x).unwrap_err().code, Code::InvalidParameter);
        }
    }
}
