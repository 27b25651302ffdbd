//! The parameters that all kinds share which learn from rows without a target.

use crate::base::params::{ParamType, Spec};
use crate::dataset::encode::{Options, Scaling};
use serde::Deserialize;

/// Resolved parameters that all of these kinds have.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Common {
    /// How numbers are scaled.
    #[serde(default)]
    pub numbers: String,
    /// See `dataset::encode::Options`.
    pub min_count: usize,
    /// See `dataset::encode::Options`.
    pub max_levels: usize,
    /// See `dataset::encode::Options`.
    #[serde(default)]
    pub buckets: usize,
    /// Columns of free text; none: those that look like it. A kind that takes none has no such parameter.
    #[serde(default)]
    pub text: Option<Vec<String>>,
    /// Columns to leave out.
    pub exclude: Vec<String>,
    /// Columns to keep although each row has its own value.
    pub include: Vec<String>,
    /// Whether rows that agree in all columns count once.
    pub distinct: bool,
    /// Share of the evaluation rows.
    pub holdout: f64,
    /// Share of the other rows that say when to stop.
    #[serde(default)]
    pub validation: f64,
    /// Whether the model is fitted again to all rows once it is evaluated.
    #[serde(default)]
    pub refit: bool,
}

impl Common {
    /// How columns are encoded for a model that gives rows back.
    pub fn options(&self) -> Options {
        Options {
            numbers: Scaling::named(&self.numbers),
            min_count: self.min_count,
            max_levels: self.max_levels,
            buckets: self.buckets,
            number_levels: 0,
            open: false,
            whole: true,
        }
    }
}

/// How many numbers a row becomes.
pub(super) const WIDTH: Spec = Spec::new("width", ParamType::Integer, "16", "Numbers that a row becomes.").within(1.0, 4096.0);
/// Rare values of a category share a place.
pub(super) const MIN_COUNT: Spec =
    Spec::new("min_count", ParamType::Integer, "5", "Rows that a category's value needs for a place of its own.").within(1.0, 1e9);
/// Categories of very many values.
pub(super) const MAX_LEVELS: Spec =
    Spec::new("max_levels", ParamType::Integer, "1000", "Values of a category with a place of their own; others are hashed.")
        .within(1.0, 100_000.0);
/// Where those others go.
pub(super) const BUCKETS: Spec =
    Spec::new("buckets", ParamType::Integer, "64", "Inputs that values are hashed into.").within(2.0, 100_000.0);
/// The second fit.
pub(super) const REFIT: Spec = Spec::new("refit", ParamType::Bool, "true", "Whether to fit again to all rows once it is evaluated.");
