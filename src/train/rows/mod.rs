//! Learning from rows with a target column: columns chosen, split, encoded, networks fitted, calibrated, evaluated, and fitted again on
//! all.
//!
//! Where rows or groups are few, parts of the rows take turns at being held out; what follows is one turn.
//!
//! ```text
//! rows ─ split ─┬─ train ──── encoders, network ─────────┐
//!               ├─ validation ─ when to stop, calibration ├─ refit with the epochs found ─ the version
//!               └─ holdout ── figures, the deployed version on the same rows ┘
//! ```

mod average;
mod cross_fit;
mod diagnosis;
mod evaluate;
mod fit;
mod importance;
pub(super) mod inputs;
mod plan;
mod prepare;
mod row_metrics;
mod tags;
mod target;
mod turns;
mod verdict;

pub use crate::serve::Outcome;
pub use crate::train::{Family, Input};
pub use diagnosis::Diagnosis;
pub use evaluate::{Evaluated, FRESH, diagnose, evaluate, taught};
pub use fit::fit;
pub use importance::{Importance, Importances, REPEATS};

use crate::base::{Result, params};
use crate::model::RowKind;
use crate::model::rows::Params;
use serde_json::{Map, Value};

/// What is to be learned, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct RowsSpec {
    /// `mlp`, `logistic` or `linear`.
    pub kind: String,
    /// The column that is learned.
    pub target: String,
    /// Rows are held out by this column's time, the newest. No input.
    pub time_col: Option<String>,
    /// Rows with one value of this column stay on one side of the split. No input. With `time_col`, time decides.
    pub group_col: Option<String>,
    /// Parameters of the kind, a JSON object.
    pub params: Value,
}

impl RowsSpec {
    /// Checks what can be checked before any row is read; returns the resolved parameters.
    ///
    /// # Errors
    /// [`crate::base::Code::UndefinedObject`] for an unknown kind, [`crate::base::Code::InvalidParameter`].
    pub fn check(&self) -> Result<Map<String, Value>> {
        let kind = RowKind::parse(&self.kind)?;
        params::resolve(kind.name(), kind.params(), &self.params)
    }

    fn parsed(&self) -> Result<(RowKind, Map<String, Value>, Params)> {
        let resolved = self.check()?;
        let parsed = params::typed(&resolved)?;
        Ok((RowKind::parse(&self.kind)?, resolved, parsed))
    }
}

#[cfg(test)]
mod diagnosis_tests;
#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod nothing_tests;
#[cfg(test)]
mod tag_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;
