//! A trained model of rows of either family: one that predicts a column, or one that describes the row.

use super::features::{self, Features};
use crate::base::{Code, Error, Result, Tensor};
use crate::dataset::{Cell, Input};
use crate::model::RowKind;
use crate::serve::Outcome;
use crate::serve::scorer::{self, Scorer};
use serde_json::Value;

/// A model that reads rows.
#[derive(Debug, Clone)]
pub enum RowModel {
    /// It predicts a column from the others.
    Predicts(Box<Scorer>),
    /// It describes the row.
    Describes(Features),
}

/// Buffers for rows one by one; one a thread, reused.
#[derive(Debug, Clone, Default)]
pub struct RowScratch {
    rows: scorer::Scratch,
    features: features::Scratch,
    numbers: Vec<f64>,
}

impl RowScratch {
    /// The buffers of [`RowModel::Predicts`].
    pub fn predicting(&mut self) -> &mut scorer::Scratch {
        &mut self.rows
    }
}

impl RowModel {
    /// The model that a training stored.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`] for an unknown kind; [`Code::Corrupt`] when state or tensors are not what a training of this kind stores.
    pub fn load(kind: &str, state: &Value, tensors: &[Tensor]) -> Result<Self> {
        if RowKind::parse(kind)?.needs_target() {
            Scorer::load(kind, state, tensors).map(Box::new).map(Self::Predicts)
        } else {
            Features::load(kind, state, tensors).map(Self::Describes)
        }
    }

    /// The tensors that [`RowModel::load`] takes without a copy where they are parts of a file: those that score.
    pub fn laid_out(&self) -> Vec<Tensor> {
        match self {
            Self::Predicts(m) => m.laid_out(),
            Self::Describes(m) => m.laid_out(),
        }
    }

    /// The columns that a row must bring, in this order.
    pub fn inputs(&self) -> &[Input] {
        match self {
            Self::Predicts(m) => m.inputs(),
            Self::Describes(m) => m.inputs(),
        }
    }

    /// What the model says of a row in numbers, whichever it is: enough to tell whether it works and whether two are the same.
    ///
    /// # Errors
    /// As [`Scorer::score`] and [`Features::encode`].
    pub fn numbers<'s>(&self, row: &[Cell<'_>], scratch: &'s mut RowScratch) -> Result<&'s [f64]> {
        match self {
            Self::Predicts(m) => m.score(row, &mut scratch.rows),
            Self::Describes(m) => {
                let code = m.encode(row, &mut scratch.features)?;
                scratch.numbers.clear();
                scratch.numbers.extend(code.iter().map(|x| f64::from(*x)));
                Ok(&scratch.numbers)
            }
        }
    }

    /// What the model predicts of a row, its scores (for segments 1 for the row's own), and what each class counts where one is chosen.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when it gives a row no class; as [`Scorer::score`].
    pub fn scores<'m>(&'m self, row: &[Cell<'_>], scratch: &'m mut RowScratch) -> Result<(&'m Outcome, &'m [f64], &'m [f64])> {
        if let Self::Describes(m) = self
            && let Some(outcome) = m.classify(row, &mut scratch.features, &mut scratch.numbers)?
        {
            return Ok((outcome, &scratch.numbers, &[]));
        }
        let (scorer, scratch) = self.predicts(scratch)?;
        Ok((scorer.outcome(), scorer.score(row, scratch)?, scorer.class_weights()))
    }

    /// The model as one that predicts, with its buffers.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when it describes rows.
    pub fn predicts<'m>(&'m self, scratch: &'m mut RowScratch) -> Result<(&'m Scorer, &'m mut scorer::Scratch)> {
        match self {
            Self::Predicts(m) => Ok((m, &mut scratch.rows)),
            Self::Describes(_) => Err(Error::new(Code::Unsupported, "the model describes rows; it predicts no column")
                .hint("Use affinity.encode, affinity.reconstruct or affinity.anomaly.")),
        }
    }

    /// The model as one that describes rows, with its buffers.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when it predicts.
    pub fn describes<'m>(&'m self, scratch: &'m mut RowScratch) -> Result<(&'m Features, &'m mut features::Scratch)> {
        match self {
            Self::Describes(m) => Ok((m, &mut scratch.features)),
            Self::Predicts(_) => Err(Error::new(Code::Unsupported, "the model predicts a column; it does not describe rows")
                .hint("Use affinity.predict; kinds that describe rows: SELECT * FROM affinity.kinds() WHERE learns_from = 'rows'.")),
        }
    }
}
