//! What a row counts: a number of 0 or more.

use crate::base::{Code, Error, Result};

/// `weight`, where it is one.
///
/// # Errors
/// [`Code::InvalidParameter`] below 0, and where it is not finite.
#[inline]
pub fn weight(weight: f64) -> Result<f64> {
    if (0.0..f64::INFINITY).contains(&weight) { Ok(weight) } else { Err(unfit(weight)) }
}

#[cold]
fn unfit(weight: f64) -> Error {
    Error::new(Code::InvalidParameter, "weight must be a number of 0 or more")
        .detail(format!("The weight {weight} was given."))
        .hint("Make it NULL where a row shall not count.")
}

/// `sum` of weights, where that is a number still.
///
/// # Errors
/// [`Code::Data`] where it is infinite.
pub fn sum(sum: f64) -> Result<f64> {
    if sum.is_finite() {
        return Ok(sum);
    }
    Err(Error::new(Code::Data, "weights are too large to be added").hint("Give smaller ones: only their ratios matter."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_numbers_of_zero_or_more() {
        assert_eq!((weight(0.0), weight(2.5)), (Ok(0.0), Ok(2.5)));
        for w in [-1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(weight(w).unwrap_err().code, Code::InvalidParameter);
        }
        assert_eq!((sum(3.0), sum(f64::INFINITY).unwrap_err().code), (Ok(3.0), Code::Data));
    }
}
