//! What anybody would say of a row without looking at it: the model beneath which no version is worth having.

use super::tags::TagSets;
use crate::base::number::AsReal;
use crate::serve::Outcome;
use crate::train::MetricRow;

/// One score for every row, from some rows' answers: the share of each class or tag, the mean of values. (The log loss of the shares is the
/// entropy of the answers, the R² of the mean is 0.) A class that none of them has counts as one row: the rarest is not impossible.
pub fn scores(outcome: &Outcome, answers: &[f64], tags: Option<&TagSets>) -> Vec<f64> {
    let mut n = answers.len().max(1).real();
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
            n += unseen.map(|count| *count = 1.0).count().real();
        }
        Outcome::Binary { .. } if out[0] == 0.0 => (out[0], n) = (1.0, n + 1.0),
        Outcome::Binary { .. } if out[0] == n => n += 1.0,
        Outcome::Binary { .. } | Outcome::Value | Outcome::Tags(_) => {}
    }
    // Counted, then divided: a sum of shares passes 1 where every row has the tag, and is no probability.
    out.iter_mut().for_each(|x| *x /= n);
    out
}

/// Whether held-out rows tell nothing for a version: its log loss is no lower than that of the shares, and it ranks or tells classes apart
/// no better than chance. (A version may rank well and yet be too sure of itself where rows are few, or times changed: that alone is no
/// reason. Values and tags have no figure of that kind, so theirs are left as they are, with a notice. Of 240 random tables of few
/// combinations one was worse on fresh rows than the constant before: a rate of .01 in all of them, log loss .06426 against .06268. None is
/// since.)
pub fn tells_nothing(outcome: &Outcome, own: &[MetricRow], average: &[MetricRow]) -> bool {
    let find = |of: &'_ [MetricRow], metric: &str| of.iter().find(|f| f.metric == metric).map(|f| (f.value, f.low));
    let (Some((loss, _)), Some((constant, _))) = (find(own, "log_loss"), find(average, "log_loss")) else { return false };
    let chance = match outcome {
        // Where it has no interval the evaluation rows are of one class, or too few to tell.
        Outcome::Binary { .. } => find(own, "auc").is_none_or(|(value, low)| low.unwrap_or(0.0) <= 0.5 || value <= 0.5),
        Outcome::Classes(_) => match (find(own, "accuracy"), find(average, "accuracy")) {
            (Some((_, low)), Some((usual, _))) => low.unwrap_or(0.0) <= usual,
            _ => false,
        },
        Outcome::Value | Outcome::Tags(_) => false,
    };
    chance && loss >= constant
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

    #[test]
    fn nothing_is_told_by_rows_that_neither_loss_nor_order_speaks_for() {
        let row = |metric: &str, value: f64, low: Option<f64>| MetricRow {
            baseline: None,
            metric: metric.into(),
            k: None,
            value,
            low,
            high: None,
            rows: 9,
        };
        let two = Outcome::Binary { negative: "no".into(), positive: "yes".into() };
        let of = |loss, auc, low| tells_nothing(&two, &[row("log_loss", loss, None), row("auc", auc, low)], &[row("log_loss", 0.3, None)]);
        assert!(of(0.31, 0.52, Some(0.44)) && of(0.3, 0.45, Some(0.4)) && of(0.31, 0.6, None));
        // too sure of itself, but in the right order; or better than the average
        assert!(!of(0.31, 0.6, Some(0.53)) && !of(0.29, 0.52, Some(0.44)));
        let three = Outcome::Classes(vec!["a".into(), "b".into(), "c".into()]);
        let of = |loss, right, low| {
            tells_nothing(
                &three,
                &[row("log_loss", loss, None), row("accuracy", right, low)],
                &[row("log_loss", 1.0, None), row("accuracy", 0.5, None)],
            )
        };
        assert!(of(1.1, 0.51, Some(0.47)) && !of(1.1, 0.6, Some(0.55)) && !of(0.9, 0.5, Some(0.46)));
        assert!(!tells_nothing(&Outcome::Value, &[row("rmse", 2.0, None)], &[row("rmse", 1.0, None)]));
    }
}
