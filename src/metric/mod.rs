//! Figures of quality, as mergeable states: an aggregate of a query, a parallel worker's share and a training's report are the same code.

pub mod binary;
pub mod bootstrap;
pub mod calibration;
pub mod confusion;
pub mod gain;
mod given;
pub mod lists;
pub mod moved;
pub mod multiclass;
pub mod predicted_actual;
pub mod psi;
pub mod ranked;
pub mod ranking;
pub mod regression;
mod scores;
mod state;
pub mod two_sample;

pub use binary::{Auc, AveragePrecision, Brier, LogLoss};
pub use bootstrap::Estimate;
pub use given::{Asked, LABEL, RELEVANT, truth};
pub use multiclass::Accuracy;
pub use psi::{Psi, PsiOfCategories};
pub use ranked::{Mrr, Ndcg, RecallAt};
pub use regression::{Mae, R2, Rmse};
pub use state::{Mean, State};

/// Whether less of the figure called `name` is better: of losses, errors, and of how far generated rows are from real ones.
pub fn less_is_better(name: &str) -> bool {
    let losses = [LogLoss::NAME, Brier::NAME, Rmse::NAME, Mae::NAME, Psi::NAME];
    let distances = ["distance", "ks", "tv", "joint_tv", "correlation"];
    losses.contains(&name) || distances.contains(&name) || name.starts_with("two_sample") || name.ends_with("loss")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_direction_is_that_of_the_states() {
        fn agrees<S: State>() {
            assert_eq!(less_is_better(S::NAME), !S::HIGHER_IS_BETTER, "{}", S::NAME);
        }
        agrees::<Auc>();
        agrees::<Psi>();
        agrees::<AveragePrecision>();
        agrees::<LogLoss>();
        agrees::<Brier>();
        agrees::<Accuracy>();
        agrees::<Rmse>();
        agrees::<Mae>();
        agrees::<R2>();
        assert!(less_is_better("two_sample_auc") && less_is_better("valid_loss") && !less_is_better("ndcg@20"));
    }
}
