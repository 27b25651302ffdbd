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

/// What a truth value is called where it is asked for, and how to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The argument's name.
    pub name: &'static str,
    /// How to make one of something else, behind "Make it a boolean that says".
    pub example: &'static str,
}

/// The label of a row.
pub const LABEL: Asked = Asked { name: "label", example: "which rows are positive, as in affinity.auc(score, label > 0)" };
/// Whether an entry of a list is relevant.
pub const RELEVANT: Asked = Asked { name: "relevant", example: "what is relevant, as in affinity.mrr(score, rating >= 4)" };

/// A truth value that is kept as a number: 1 is true, 0 false.
///
/// # Errors
/// [`Code::InvalidParameter`] for any other number.
pub fn truth(number: f64, asked: Asked) -> Result<bool> {
    if number == 1.0 || number == 0.0 {
        return Ok(number == 1.0);
    }
    Err(Error::new(Code::InvalidParameter, format!("{} is neither 0 nor 1", asked.name))
        .detail(format!("The {} {number} was given.", asked.name))
        .hint(format!("Make it a boolean that says {}.", asked.example)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_zero_or_one() {
        assert_eq!((truth(0.0, LABEL), truth(1.0, LABEL)), (Ok(false), Ok(true)));
        for x in [2.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
            assert_eq!(truth(x, RELEVANT).unwrap_err().code, Code::InvalidParameter);
        }
    }
}
