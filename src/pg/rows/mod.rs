//! Models of rows: trained on a relation, scored row by row.

pub(crate) mod fields;
pub(crate) mod generating;
pub(crate) mod input_columns;
pub(crate) mod planner_support;
pub(crate) mod record;
pub(crate) mod scoring;
pub(crate) mod train;
