//! What a training hands back, and how a trained model describes itself.

use crate::base::{Epoch, Tensor};
use crate::metric::Estimate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A trained model, ready to be stored: the tensors and two documents, from which scoring starts again without the training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The parameters with every default filled in.
    pub params: Value,
    /// Fitted encoders, inputs, classes, calibration, vocabularies.
    pub state: Value,
    /// The weights, by name.
    pub tensors: Vec<Tensor>,
    /// How it went.
    pub report: Report,
}

impl Trained {
    /// Bytes of the tensors.
    pub fn bytes(&self) -> usize {
        self.tensors.iter().map(|t| t.numbers.byte_len()).sum()
    }
}

/// How a training went.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Rows or events that were learned from, the held-out ones among them.
    pub rows_used: u64,
    /// Rows or events left out because their target, user, item or time is missing.
    pub rows_skipped: u64,
    /// Figures on the held-out part by name; `baseline` holds those of the simple model.
    pub metrics: Map<String, Value>,
    /// The learning curve.
    pub epochs: Vec<Epoch>,
    /// What the caller should know: columns left out, suspected leakage. Sentences, without a full stop.
    pub notices: Vec<String>,
    /// The figure by which versions are compared, on held-out rows; higher is better. None without held-out rows.
    pub evaluated: Option<f64>,
    /// The same figure of the deployed version on the same rows. None without a deployed version, or where it cannot score these rows.
    pub incumbent: Option<f64>,
    /// How far the new version is above the deployed one on the same users; none where it was not measured.
    pub gap: Option<Estimate>,
    /// The share of the newest events whose items the deployed version does not know; none where events are not what is learned from.
    pub unknown: Option<f64>,
}

/// One figure of [`crate::train`]'s evaluations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// None: the model itself. Otherwise the name of the simple model beside it (`popularity`, `logistic`, `most frequent`).
    pub baseline: Option<String>,
    /// `auc`, `log_loss`, `recall` …
    pub metric: String,
    /// The length of the list, for metrics of ranked lists.
    pub k: Option<u32>,
    /// The figure.
    pub value: f64,
    /// Lower end of its 95 % interval, where there is one.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Rows or users it was measured on.
    pub rows: u64,
}
