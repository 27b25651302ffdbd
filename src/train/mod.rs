//! The whole road without Postgres: rows or events in, named tensors and a report out.

mod outcome;
pub mod recommender;
mod report;
pub mod rows;

pub use crate::dataset::{Family, Input};
pub use report::{MetricRow, Outcome, Report, Trained};
