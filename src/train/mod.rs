//! The whole road without Postgres: rows or events in, named tensors and a report out.

mod choose;
pub mod class_weights;
pub mod everyone;
pub mod features;
mod hold;
pub mod judged;
mod known;
mod outcome;
pub mod page;
pub mod recommender;
mod report;
pub mod rerank;
pub mod row_model;
pub mod rows;
mod unheard;
pub mod verdict;

pub use crate::dataset::{Family, Input};
pub use report::{MetricRow, Outcome, Report, Trained};
