//! What anybody would say of a row without looking at it: the model beneath which no version is worth having.

use super::tags::TagSets;
use crate::train::Outcome;

/// One score for every row, from some rows' answers: the share of each class or tag, the mean of values. (The log loss of the shares is the entropy of the answers, the
/// R² of the mean is 0.) A class that none of them has counts as one row: the rarest is not impossible.
pub fn scores(outcome: &Outcome, answers: &[f64], tags: Option<&TagSets>) -> Vec<f64> {
    let mut n = answers.len().max(1) as f64;
    let mut out = vec![0.0; outcome.width()];
    match (outcome, tags) {
        (Outcome::Tags(_), Some(tags)) => {
            for row in answers {
                tags.of(*row as usize).iter().for_each(|t| out[*t as usize] += 1.0);
            }
        }
        (Outcome::Classes(_), _) => {
            for y in answers {
                if let Some(share) = out.get_mut(*y as usize) {
                    *share += 1.0;
                }
            }
        }
        _ => out[0] = answers.iter().sum(),
    }
    match outcome {
        Outcome::Classes(_) => {
            let unseen = out.iter_mut().filter(|count| **count == 0.0);
            n += unseen.map(|count| *count = 1.0).count() as f64;
        }
        Outcome::Binary { .. } if out[0] == 0.0 => (out[0], n) = (1.0, n + 1.0),
        Outcome::Binary { .. } if out[0] == n => n += 1.0,
        Outcome::Binary { .. } | Outcome::Value | Outcome::Tags(_) => {}
    }
    // Counted, then divided: a sum of shares passes 1 where every row has the tag, and is no probability.
    out.iter_mut().for_each(|x| *x /= n);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_means() {
        let two = Outcome::Binary { negative: "no".into(), positive: "yes".into() };
        assert_eq!(scores(&two, &[0.0, 1.0, 0.0, 0.0], None), [0.25]);
        let three = Outcome::Classes(vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!(scores(&three, &[2.0, 0.0, 2.0, 3.0], None), [0.2, 0.2, 0.4]);
        assert_eq!(scores(&Outcome::Value, &[1.0, 4.0], None), [2.5]);
        assert_eq!(scores(&Outcome::Value, &[], None), [0.0]);
        assert_eq!(scores(&three, &[1.0; 318], None), [1.0 / 320.0, 318.0 / 320.0, 1.0 / 320.0]);
        assert_eq!((scores(&two, &[0.0; 3], None), scores(&two, &[1.0; 3], None)), (vec![0.25], vec![0.75]));
    }
}
