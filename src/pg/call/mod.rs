//! The arguments and results of our SQL functions.

pub(crate) mod aggregate;
pub(crate) mod arguments;
pub(crate) mod composite;
pub(crate) mod event_weight;
pub(crate) mod ids;
pub(crate) mod label;
pub(crate) mod numbers;
pub(crate) mod prototype;
pub(crate) mod tag_rows;
pub(crate) mod window;
