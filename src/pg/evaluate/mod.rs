//! Models held against data: figures for `affinity.evaluate` and `compare`, the page of `affinity.report`.

pub(crate) mod recommender;
pub(crate) mod report;
pub(crate) mod rows;
