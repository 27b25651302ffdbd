//! The whole road without Postgres: rows or events in, named tensors and a report out.

mod report;

pub use report::{Family, Input, MetricRow, Outcome, Report, Trained};
