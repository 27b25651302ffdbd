//! Data on its way to a model: typed columns, encoders, splits, interactions.

pub mod frame;

pub use frame::{Cell, Column, Frame, MISSING_CODE, MISSING_TIME, Values};
