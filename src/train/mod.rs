//! Training, without Postgres: rows or events in, named tensors and how it went out.

mod auto;
pub mod class_weights;
pub mod features;
mod hold;
pub mod judged;
pub mod recommender;
pub mod recommender_params;
mod report;
pub mod row_model;
pub mod rows;
mod unheard;
pub mod verdict;

pub use crate::dataset::{Family, Input};
pub use report::{MetricRow, Report, Trained};
