//! A trained model that describes rows, of whichever kind.

use super::autoencoder::Network;
use super::evaluation;
use super::generative::Generative;
use super::incumbent::Incumbent;
use super::pca::Principal;
use super::rebuild::{self, Rebuild, Scratch};
use super::segments::Segments;
use super::traits::Apart;
use crate::base::{Code, Context, Error, Result, Tensor};
use crate::dataset::{Cell, Frame, Input};
use crate::model::RowKind;
use crate::serve::Outcome;
use crate::serve::row_split::Split;
use crate::train::MetricRow;
use serde_json::Value;

/// One of the kinds that learn from rows without a target.
#[derive(Debug, Clone)]
pub enum Features {
    /// Principal components.
    Pca(Box<Principal>),
    /// An autoencoder.
    Autoencoder(Box<Network>),
    /// Groups of rows.
    Segments(Box<Segments>),
    /// A generator and its critic.
    Gan(Box<Generative>),
}

impl Features {
    /// The model that a training stored. Tensors named `holdout.*` and `baseline.*` may be left out.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when state or tensors are not what a training of this kind stores.
    pub fn load(kind: &str, state: &Value, tensors: &[Tensor]) -> Result<Self> {
        match RowKind::parse(kind)? {
            RowKind::Pca => Principal::load(state, tensors).map(Box::new).map(Self::Pca),
            RowKind::Autoencoder => Network::load(state, tensors).map(Box::new).map(Self::Autoencoder),
            RowKind::Segments => Segments::load(state, tensors).map(Box::new).map(Self::Segments),
            RowKind::Gan => Generative::load(state, tensors).map(Box::new).map(Self::Gan),
            RowKind::Mlp | RowKind::Logistic | RowKind::Linear => Err(Error::internal(format!("kind {kind} predicts"))),
        }
    }

    /// The tensors that [`Features::load`] takes without a copy where they are parts of a file.
    pub fn laid_out(&self) -> Vec<Tensor> {
        match self {
            Self::Pca(m) => m.laid_out(),
            Self::Autoencoder(m) => m.laid_out(),
            Self::Segments(m) => m.laid_out(),
            Self::Gan(m) => m.gan().laid_out(),
        }
    }

    /// The columns that a row must bring, in this order.
    pub fn inputs(&self) -> &[Input] {
        match self {
            Self::Pca(m) => m.encoder().inputs(),
            Self::Autoencoder(m) => m.encoder().inputs(),
            Self::Segments(m) => m.encoder().inputs(),
            Self::Gan(m) => m.inputs(),
        }
    }

    /// The numbers that describe a row.
    ///
    /// # Errors
    /// [`Code::WrongType`] and [`Code::ArrayLength`] for values that are not like those of training.
    pub fn encode<'s>(&self, row: &[Cell<'_>], scratch: &'s mut Scratch) -> Result<&'s [f32]> {
        match self {
            Self::Pca(m) => m.encode(row, scratch)?,
            Self::Autoencoder(m) => m.encode(row, scratch)?,
            Self::Segments(m) => m.encode(row, scratch)?,
            Self::Gan(m) => scratch.code = m.look(row)?.0,
        }
        Ok(&scratch.code)
    }

    /// Every column as the model gives it back from the numbers that describe the row, as a JSON object by name; also those that are
    /// missing in the row.
    ///
    /// # Errors
    /// As [`Features::encode`]; [`Code::Unsupported`] for a kind that gives no rows back.
    pub fn reconstruct(&self, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<String> {
        rebuild::reconstruct(self.rebuilds()?, row, scratch)
    }

    /// How badly a row comes back, 1 being usual, and the column that does so worst; none for a row without values.
    ///
    /// # Errors
    /// As [`Features::reconstruct`].
    pub fn anomaly(&self, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<Option<(f64, &str)>> {
        rebuild::anomaly(self.rebuilds()?, row, scratch)
    }

    /// What sets each segment apart.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a kind that makes no segments.
    pub fn apart(&self) -> Result<Vec<Apart>> {
        match self {
            Self::Segments(m) => Ok(m.apart()),
            Self::Pca(_) | Self::Autoencoder(_) | Self::Gan(_) => Err(Error::new(Code::Unsupported, "the model makes no segments")
                .hint("Train one that does: affinity.train('model', 'source', kind => 'segments').")),
        }
    }

    /// What kind of class a row is given, and the scores of `row` for it; none for a kind that gives none.
    ///
    /// # Errors
    /// As [`Features::encode`].
    pub fn classify<'m>(&'m self, row: &[Cell<'_>], scratch: &mut Scratch, scores: &mut Vec<f64>) -> Result<Option<&'m Outcome>> {
        let Self::Segments(m) = self else { return Ok(None) };
        m.encode(row, scratch)?;
        m.scores(scratch, scores);
        Ok(Some(m.outcome()))
    }

    /// How well rows of `frame` come back, or how like them generated rows are; then the same of something simple.
    ///
    /// # Errors
    /// Those of [`evaluation::evaluate`] and of [`Generative::evaluate`].
    pub fn evaluate(&self, frame: &Frame, ctx: &Context<'_>) -> Result<Vec<MetricRow>> {
        match self {
            Self::Gan(m) => m.evaluate(frame, ctx),
            _ => evaluation::evaluate(self.rebuilds()?, frame, ctx),
        }
    }

    /// The columns by which [`Features::known`] tells rows.
    pub fn told_by(&self) -> &[String] {
        &self.split().inputs.0
    }

    /// Which share of the rows of a frame taught the model, by what it learns from.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn known(&self, frame: &Frame) -> Result<f64> {
        let rows: Vec<u32> = (0..frame.rows() as u32).collect();
        self.split().alike(frame, &rows)
    }

    fn rebuilds(&self) -> Result<&dyn Rebuild> {
        match self {
            Self::Pca(m) => Ok(&**m),
            Self::Autoencoder(m) => Ok(&**m),
            Self::Segments(m) => Ok(&**m),
            Self::Gan(_) => Err(Error::new(Code::Unsupported, "the model generates rows; it gives none back")
                .hint("Use affinity.generate for new rows, affinity.realism for how real a row looks.")),
        }
    }

    /// The model as one that generates rows.
    ///
    /// # Errors
    /// [`Code::Unsupported`] where it does not.
    pub fn generates(&self) -> Result<&Generative> {
        match self {
            Self::Gan(m) => Ok(m),
            _ => Err(Error::new(Code::Unsupported, "the model generates no rows")
                .hint("Train one that does: affinity.train('model', 'source', kind => 'gan').")),
        }
    }
}

impl Incumbent for Features {
    fn split(&self) -> &Split {
        match self {
            Self::Pca(m) => m.split(),
            Self::Autoencoder(m) => m.split(),
            Self::Segments(m) => m.split(),
            Self::Gan(m) => m.split(),
        }
    }

    fn unseen(&self) -> Option<&dyn Rebuild> {
        match self {
            Self::Pca(m) => m.unseen().map(|m| m as &dyn Rebuild),
            Self::Autoencoder(m) => m.unseen().map(|m| m as &dyn Rebuild),
            // It never learns from the held-out rows.
            Self::Segments(m) => Some(&**m),
            Self::Gan(_) => None,
        }
    }

    fn generative(&self) -> Option<&Generative> {
        match self {
            Self::Gan(m) => Some(m),
            _ => None,
        }
    }
}
