//! Models held against data: figures for `affinity.evaluate` and `compare`, the facts of `affinity.drift`, the page of `affinity.report`.

pub(crate) mod drift;
pub(crate) mod drift_asked;
mod drift_events;
pub(crate) mod recommender;
pub(crate) mod report;
pub(crate) mod rows;
