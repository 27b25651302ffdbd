//! Learning what rows have in common, without a target: each row becomes a few numbers that describe it, and comes back from them.
//!
//! ```text
//! rows ─ split ─┬─ the rows that teach ── encoders, the kind's model ── refit on all rows ── the version
//!               └─ holdout ── how well each column comes back, the deployed version on the same rows
//! ```

mod autoencoder;
mod compare;
mod described;
mod evaluation;
mod figures;
mod gan;
mod generative;
mod incumbent;
mod nearest;
mod pca;
mod prepare;
mod rebuild;
mod segments;
mod traits;

pub use described::Features;
pub use generative::{Generative, Rows};
pub use rebuild::Scratch;
pub use traits::Apart;

use crate::base::{Context, Error, Result, params};
use crate::dataset::Frame;
use crate::model::RowKind;
use crate::model::describe::Common;
use crate::train::{Report, Trained};
use incumbent::Incumbent;
use serde_json::{Map, Value};

/// What is to be learned, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct FeaturesSpec {
    /// A kind that learns from rows without a target.
    pub kind: String,
    /// Rows are held out by this column's time, the newest. No input.
    pub time_col: Option<String>,
    /// Rows with one value of this column stay on one side of the split. No input. With `time_col`, time decides.
    pub group_col: Option<String>,
    /// Parameters of the kind, a JSON object.
    pub params: Value,
}

impl FeaturesSpec {
    /// Checks what can be checked before any row is read; returns the resolved parameters.
    ///
    /// # Errors
    /// [`crate::base::Code::UndefinedObject`] for an unknown kind, [`crate::base::Code::InvalidParameter`].
    pub fn check(&self) -> Result<Map<String, Value>> {
        let kind = RowKind::parse(&self.kind)?;
        params::resolve(kind.name(), kind.params(), &self.params)
    }
}

/// Trains a model on the rows of `frame`, which holds the split columns and the inputs. `incumbent` is the deployed version, which is
/// evaluated on the same held-out rows as it was before it saw them.
///
/// # Errors
/// [`crate::base::Code::UndefinedObject`] and [`crate::base::Code::InvalidParameter`] for the call;
/// [`crate::base::Code::UndefinedColumn`]; [`crate::base::Code::WrongType`] for a time column of a type that cannot serve;
/// [`crate::base::Code::Data`] when there are no rows, or no column with values; [`crate::base::Code::OutOfMemory`];
/// [`crate::base::Code::Cancelled`].
pub fn fit(frame: &Frame, spec: &FeaturesSpec, incumbent: Option<&Features>, ctx: &Context<'_>) -> Result<Trained> {
    let kind = RowKind::parse(&spec.kind)?;
    let mut resolved = spec.check()?;
    let common: Common = params::typed(&resolved)?;
    let mut report = Report::default();
    let data =
        prepare::prepare(frame, spec, (&common, resolved.contains_key("text")), incumbent.map(|i| i.split()), &mut report.notices, ctx)?;
    report.rows_used = data.rows() as u64;
    report.rows_skipped = data.skipped as u64;
    let mut job =
        prepare::Job { data, common, params: &mut resolved, incumbent: incumbent.map(|i| i as &dyn Incumbent), report: &mut report };
    let (mut state, tensors) = match kind {
        RowKind::Pca => pca::fit(&mut job, ctx)?,
        RowKind::Autoencoder => autoencoder::fit(&mut job, ctx)?,
        RowKind::Segments => segments::fit(&mut job, ctx)?,
        RowKind::Gan => gan::fit(&mut job, ctx)?,
        RowKind::Mlp | RowKind::Logistic | RowKind::Linear => return Err(Error::internal(format!("kind {} needs a target", kind.name()))),
    };
    job.data.reference.put(&mut state)?;
    Ok(Trained { params: Value::Object(resolved), state, tensors, report })
}

#[cfg(test)]
mod gan_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;
