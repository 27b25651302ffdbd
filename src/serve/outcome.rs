//! What the scores of a row say, by what the model predicts.

use crate::base::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a model of rows predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One of two: the score is the probability of `positive`.
    Binary {
        /// The other one, as text: `false`, `0`, `no`.
        negative: String,
        /// The one whose probability is predicted, as text: `true`, `1`, `yes`.
        positive: String,
    },
    /// One of several: the scores are the probabilities in this order.
    Classes(Vec<String>),
    /// A number.
    Value,
    /// Any number of tags: the scores are the probabilities of these, each by itself.
    Tags(Vec<String>),
}

impl Outcome {
    /// Whether a row has one of several classes.
    pub fn is_class(&self) -> bool {
        matches!(self, Self::Binary { .. } | Self::Classes(_))
    }

    /// How many scores a row gets.
    pub fn width(&self) -> usize {
        match self {
            Self::Classes(names) | Self::Tags(names) => names.len(),
            _ => 1,
        }
    }
}

/// The classes in the order of their weights; none where there are none.
pub fn classes(outcome: &Outcome) -> Option<Vec<&str>> {
    match outcome {
        Outcome::Binary { negative, positive } => Some(vec![negative, positive]),
        Outcome::Classes(names) => Some(names.iter().map(String::as_str).collect()),
        Outcome::Value | Outcome::Tags(_) => None,
    }
}

/// The place of the greatest score, times its weight where there are weights; of equal ones the first.
pub fn best(scores: impl Iterator<Item = f64>, weights: &[f64]) -> usize {
    let weighted = scores.enumerate().map(|(i, p)| (i, p * weights.get(i).copied().unwrap_or(1.0)));
    weighted.fold((0, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best }).0
}

impl Outcome {
    /// One number: the probability of the positive class, or the predicted value. `scores` is what the scorer gave, [`Outcome::width`]
    /// long.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for several classes and for tags: they have no single number.
    pub fn number(&self, scores: &[f64]) -> Result<f64> {
        match (self, scores) {
            (Self::Binary { .. } | Self::Value, [x]) => Ok(*x),
            (Self::Classes(names), _) => Err(Error::new(Code::Unsupported, format!("the model chooses between {} classes", names.len()))
                .detail("A single number is predicted for two classes and for numbers.")
                .hint("Use affinity.predict_class for the likeliest class, affinity.predict_proba for all probabilities.")),
            (Self::Tags(_), _) => Err(tells_tags()),
            _ => Err(Error::internal(format!("{} scores.", scores.len()))),
        }
    }

    /// Whether a row of two classes is positive, whose probability of that is `p`: where it is the likelier one, each by its weight
    /// (negative, positive; none: alike).
    pub fn is_positive(&self, p: f64, weights: &[f64]) -> bool {
        match weights {
            [negative, positive] => p * positive >= (1.0 - p) * negative,
            _ => p >= 0.5,
        }
    }

    /// The class of the greatest probability, times its weight where there are `weights`; of equal ones the first, and the positive one of
    /// two.
    ///
    /// # Errors
    /// [`Code::Unsupported`] where numbers are predicted, or tags.
    pub fn class(&self, scores: &[f64], weights: &[f64]) -> Result<&str> {
        match (self, scores) {
            (Self::Binary { negative, positive }, [p]) => Ok(if self.is_positive(*p, weights) { positive } else { negative }),
            (Self::Classes(names), _) if names.len() == scores.len() => {
                let best = best(scores.iter().copied(), weights);
                names.get(best).map(String::as_str).ok_or_else(|| Error::internal("A model of no classes."))
            }
            (Self::Value, _) => Err(predicts_numbers()),
            (Self::Tags(_), _) => Err(tells_tags()),
            _ => Err(Error::internal(format!("{} scores.", scores.len()))),
        }
    }

    /// The probability of each class or tag, by name.
    ///
    /// # Errors
    /// [`Code::Unsupported`] where numbers are predicted.
    pub fn probabilities(&self, scores: &[f64]) -> Result<Map<String, Value>> {
        match (self, scores) {
            (Self::Binary { negative, positive }, [p]) => {
                Ok([(negative.clone(), Value::from(1.0 - p)), (positive.clone(), Value::from(*p))].into_iter().collect())
            }
            (Self::Classes(names) | Self::Tags(names), _) if names.len() == scores.len() => {
                Ok(names.iter().cloned().zip(scores.iter().map(|p| Value::from(*p))).collect())
            }
            (Self::Value, _) => Err(predicts_numbers()),
            _ => Err(Error::internal(format!("{} scores.", scores.len()))),
        }
    }

    /// The `k` likeliest classes or tags with their probabilities, the likeliest first, of equally likely ones the first by name.
    ///
    /// # Errors
    /// [`Code::Unsupported`] where numbers are predicted.
    pub fn likeliest(&self, scores: &[f64], k: usize) -> Result<Vec<(&str, f64)>> {
        let mut all: Vec<(&str, f64)> = match (self, scores) {
            (Self::Binary { negative, positive }, [p]) => vec![(negative, 1.0 - p), (positive, *p)],
            (Self::Classes(names) | Self::Tags(names), _) if names.len() == scores.len() => {
                names.iter().map(String::as_str).zip(scores.iter().copied()).collect()
            }
            (Self::Value, _) => return Err(predicts_numbers()),
            _ => return Err(Error::internal(format!("{} scores.", scores.len()))),
        };
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(k);
        Ok(all)
    }
}

fn tells_tags() -> Error {
    Error::new(Code::Unsupported, "the model tells tags, of which a row may have any number")
        .hint("Use affinity.tags for the likeliest, affinity.predict_proba for all probabilities.")
}

fn predicts_numbers() -> Error {
    Error::new(Code::Unsupported, "the model predicts a number, not a class").hint("Use affinity.predict.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_says_what_it_can() {
        let two = Outcome::Binary { negative: "no".into(), positive: "yes".into() };
        assert_eq!((two.number(&[0.25]), two.class(&[0.25], &[]), two.class(&[0.5], &[])), (Ok(0.25), Ok("no"), Ok("yes")));
        assert_eq!(Value::from(two.probabilities(&[0.25]).unwrap()).to_string(), r#"{"no":0.75,"yes":0.25}"#);
        let three = Outcome::Classes(vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!(three.class(&[0.2, 0.4, 0.4], &[]), Ok("b"));
        // by probability times weight
        assert_eq!((two.class(&[0.25], &[1.0, 3.0]), two.class(&[0.24], &[1.0, 3.0])), (Ok("yes"), Ok("no")));
        assert_eq!((three.class(&[0.2, 0.4, 0.4], &[3.0, 1.0, 1.0]), three.class(&[0.2, 0.4, 0.4], &[1.0, 1.0, 1.5])), (Ok("a"), Ok("c")));
        assert_eq!(three.probabilities(&[0.2, 0.5, 0.3]).unwrap()["c"], 0.3);
        assert_eq!(three.number(&[0.2, 0.5, 0.3]).unwrap_err().code, Code::Unsupported);
        assert_eq!(three.likeliest(&[0.3, 0.4, 0.3], 2), Ok(vec![("b", 0.4), ("a", 0.3)]));
        assert_eq!(two.likeliest(&[0.25], 9), Ok(vec![("no", 0.75), ("yes", 0.25)]));
        let tags = Outcome::Tags(vec!["a".into(), "b".into()]);
        assert_eq!(tags.likeliest(&[0.7, 0.8], 5), Ok(vec![("b", 0.8), ("a", 0.7)]));
        assert_eq!(Value::from(tags.probabilities(&[0.7, 0.8]).unwrap()).to_string(), r#"{"a":0.7,"b":0.8}"#);
        assert_eq!(
            (tags.class(&[0.7, 0.8], &[]).unwrap_err().code, tags.number(&[0.7, 0.8]).unwrap_err().code),
            (Code::Unsupported, Code::Unsupported)
        );
        assert_eq!(Outcome::Value.likeliest(&[7.5], 1).unwrap_err().code, Code::Unsupported);
        assert_eq!(Outcome::Value.number(&[7.5]), Ok(7.5));
        assert_eq!(Outcome::Value.class(&[7.5], &[]).unwrap_err().code, Code::Unsupported);
        assert_eq!(Outcome::Value.probabilities(&[7.5]).unwrap_err().code, Code::Unsupported);
    }

    #[test]
    fn scores_of_another_width_are_a_bug_and_not_a_panic() {
        let two = Outcome::Binary { negative: "no".into(), positive: "yes".into() };
        assert_eq!(two.number(&[]).unwrap_err().code, Code::Internal);
        assert_eq!(Outcome::Classes(Vec::new()).class(&[], &[]).unwrap_err().code, Code::Internal);
        assert_eq!(Outcome::Classes(vec!["a".into()]).class(&[0.1, 0.9], &[]).unwrap_err().code, Code::Internal);
    }
}
