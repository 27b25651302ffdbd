//! Training, without Postgres: rows or events in, named tensors and how it went out.

mod auto;
pub mod class_weights;
pub mod drift;
pub mod drift_events;
pub mod features;
mod holdout;
pub mod list_evaluation;
pub mod recommender;
pub mod recommender_params;
mod report;
pub mod row_model;
pub mod rows;
mod silent;
pub mod verdict;
mod warm_start;

pub use crate::dataset::{Family, Input};
pub use report::{MetricRow, Report, Trained};
