//! Figures of quality, as mergeable states: an aggregate of a query, a parallel worker's share and a training's report are the same code.

pub mod binary;
pub mod bootstrap;
pub mod calibration;
pub mod confusion;
pub mod gain;
mod given;
pub mod lists;
pub mod multiclass;
pub mod predicted_actual;
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
pub use ranked::{Mrr, Ndcg, RecallAt};
pub use regression::{Mae, R2, Rmse};
pub use state::{Mean, State};
