//! What figures are called means: a line each, and which way is better.

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// It depends on what is wanted.
    Neither,
}

impl Better {
    /// An arrow, and the same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Higher => "\u{2191} higher is better",
            Self::Lower => "\u{2193} lower is better",
            Self::Neither => "\u{2194} neither way is better",
        }
    }

    /// Whether `a` is better than `b`.
    pub fn prefers(self, a: f64, b: f64) -> bool {
        match self {
            Self::Higher => a > b,
            Self::Lower => a < b,
            Self::Neither => false,
        }
    }
}

use Better::{Higher, Lower, Neither};

/// Name, which way is better, what it is.
const METRICS: &[(&str, Better, &str)] = &[
    (
        "log_loss",
        Lower,
        "How surprised the probabilities are by what happened: the mean of -ln of the probability given to it. Sure and wrong costs most.",
    ),
    ("auc", Higher, "The chance that a positive row is scored above a negative one: 0.5 is guessing, 1 is perfect."),
    (
        "average_precision",
        Higher,
        "Precision, averaged over all cuts of the list from the likeliest down: the share of positive rows is guessing, 1 is perfect.",
    ),
    (
        "macro_average_precision",
        Higher,
        "Average precision of each tag by itself, then the mean: rare tags count as much as frequent ones.",
    ),
    ("brier", Lower, "The mean squared distance of the probability from what happened (0 or 1)."),
    ("accuracy", Higher, "The share of rows whose class is told rightly."),
    (
        "balanced_accuracy",
        Higher,
        "The share of rows told rightly in each class, then the mean: rare classes count as much as frequent ones.",
    ),
    ("rmse", Lower, "The usual size of an error, in units of the target; great errors count more (root of the mean squared error)."),
    ("mae", Lower, "The mean size of an error, in units of the target."),
    ("r2", Higher, "The share of the variance that is explained: 0 is as good as the mean, 1 is exact; below 0 is worse than the mean."),
    ("precision", Higher, "Of what the list shows, the share that is right."),
    ("recall", Higher, "Of what is to be found, the share that is in the list."),
    ("recall_capped", Higher, "Recall, by what a list of this length can hold: 1 can be reached."),
    ("ndcg", Higher, "As recall, but places at the top of the list count more: 1 is the best order."),
    ("mrr", Higher, "1 / the place of the first hit, in the mean: 1 where the first place always hits."),
    ("map", Higher, "Precision at the place of each hit, in the mean (mean average precision)."),
    ("hit_rate", Higher, "The share of users with at least one hit in their list."),
    ("coverage", Higher, "The share of all items that are in any list."),
    ("gini", Neither, "How unevenly lists show items: 0 is all alike, 1 is a single item everywhere. Lower is more variety."),
    ("novelty", Neither, "How rare the items in the lists are, in bits: each one more is half as popular."),
    ("reconstruction", Higher, "How well rows come back from their few numbers, in the mean over columns: 1 is exact."),
    ("two_sample_auc", Lower, "How well a classifier tells generated rows from real ones: 0.5 is not at all, 1 is always."),
    ("nearest", Higher, "The distance of a generated row to the nearest real one, over that of real rows: near 1 is no copy."),
    ("copies", Neither, "The share of rows that are copies of rows that taught; that of held-out rows stands beside it."),
    ("silhouettes", Higher, "For so many segments: how much nearer rows are to their own segment than to the next (silhouette)."),
    ("columns", Higher, "How well this column comes back: 1 is exact."),
    ("distance", Lower, "How far generated values of this column are from real ones: 0 is alike, 1 is nothing in common."),
    (
        "ks",
        Lower,
        "How far generated numbers are from real ones: the greatest distance of their distributions (Kolmogorov-Smirnov); 0 is alike.",
    ),
    ("tv", Lower, "How far the shares of generated categories are from real ones (total variation distance); 0 is alike."),
    ("joint_tv", Lower, "As tv, for pairs of columns at once; 0 is alike."),
    ("correlation", Lower, "How far the correlations of generated columns are from those of real ones."),
];

/// What the figure called `metric` means, and which way is better. Figures of a column are called by what they are, a dot and the column.
pub fn explain(metric: &str) -> Option<(Better, &'static str)> {
    let of = |name: &str| METRICS.iter().find(|m| m.0 == name).map(|m| (m.1, m.2));
    let metric = metric.split_once('@').map_or(metric, |m| m.0);
    of(metric).or_else(|| of(metric.split_once('.')?.0))
}

/// Whether a figure is a share or a correlation, which can stand on one axis with others of them; errors have a scale each.
pub fn shares_axis(metric: &str) -> bool {
    let error = explain(metric).is_some_and(|m| m.0 == Lower);
    !error && !["novelty", "nearest"].contains(&metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_those_by_which_versions_are_compared() {
        for (name, better, _) in METRICS {
            assert_eq!(crate::metric::less_is_better(name), *better == Lower, "{name}");
        }
    }

    #[test]
    fn figures_are_found_by_their_names() {
        assert_eq!(explain("log_loss").unwrap().0, Lower);
        assert_eq!((explain("ndcg@20"), explain("precision@3").map(|m| m.0)), (explain("ndcg"), Some(Higher)));
        assert_eq!((explain("r2.price"), explain("auc.price.x"), explain("other")), (explain("r2"), explain("auc"), None));
        assert!(
            shares_axis("auc") && shares_axis("r2.log_loss") && !shares_axis("log_loss") && !shares_axis("rmse") && !shares_axis("novelty")
        );
        assert!(Lower.prefers(0.1, 0.2) && Higher.prefers(0.2, 0.1) && !Neither.prefers(0.2, 0.1) && !Higher.prefers(f64::NAN, 0.1));
    }
}
