//! Models that make a code of a row and the row of its code: what both ways are good for.

use crate::base::{Code, Error, Result};
use crate::dataset::encode::Decoded;
use crate::dataset::{Cell, Encoder, input};
use crate::model::autoencoder;

/// Buffers for rows one by one; one a thread, reused.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// The row as the model takes it.
    pub(super) encoded: Vec<f32>,
    /// Its code.
    pub(super) code: Vec<f32>,
    /// The row as the model gives it back, column after column.
    pub(super) rebuilt: Vec<f32>,
    /// Whatever else a kind needs on the way.
    pub(super) spare: Vec<f32>,
    /// Of a coded row: the places of its categories.
    pub(super) places: Vec<[u32; 2]>,
    /// Of a coded row: which inputs are missing.
    pub(super) missing: Vec<u8>,
    /// Of an autoencoder.
    pub(super) network: autoencoder::Scratch,
}

/// A model that encodes rows and gives them back.
pub trait Rebuild: Sync {
    /// How columns are read and written.
    fn encoder(&self) -> &Encoder;

    /// For each input the error that an average row has there.
    fn usual(&self) -> &[f64];

    /// Makes the code of a row, a value an input: `scratch.code`.
    ///
    /// # Errors
    /// As [`Encoder::row`].
    fn encode(&self, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<()>;

    /// Makes the row of the code in `scratch`, which [`Rebuild::encode`] left there for this very row: `scratch.rebuilt`.
    fn rebuild(&self, scratch: &mut Scratch);

    /// The numbers of input `i` in what [`Rebuild::rebuild`] made, as [`Encoder::decode`] reads them.
    fn numbers<'s>(&self, i: usize, scratch: &'s Scratch) -> &'s [f32];

    /// How far input `i` is from what it was before, 0 for the same; `cell` is not missing.
    fn error(&self, i: usize, cell: &Cell<'_>, scratch: &Scratch) -> f64;
}

/// The least that an average row's error counts as: what comes back nearly exactly may differ in its last digits.
const FLOOR: f64 = 1e-3;

/// Every column as the model gives it back, as a JSON object by name; also those that are missing in the row.
///
/// # Errors
/// As [`Rebuild::encode`].
pub fn reconstruct(model: &dyn Rebuild, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<String> {
    model.encode(row, scratch)?;
    model.rebuild(scratch);
    let encoder = model.encoder();
    let decoded: Vec<_> = (0..encoder.inputs().len()).map(|i| encoder.decode(i, model.numbers(i, scratch))).collect();
    Ok(input::object(encoder.inputs().iter().zip(decoded.iter().map(Decoded::cell))))
}

/// How badly a row comes back, and the column that does so worst: errors as multiples of those of an average row, the mean over the columns
/// that are not missing. None for a row without any value.
///
/// # Errors
/// As [`Rebuild::encode`].
pub fn anomaly<'m>(model: &'m dyn Rebuild, row: &[Cell<'_>], scratch: &mut Scratch) -> Result<Option<(f64, &'m str)>> {
    model.encode(row, scratch)?;
    model.rebuild(scratch);
    let (mut sum, mut known, mut worst) = (0.0, 0u32, None::<(f64, usize)>);
    for (i, cell) in row.iter().enumerate().filter(|(_, c)| **c != Cell::Missing) {
        let ratio = model.error(i, cell, scratch) / model.usual().get(i).copied().unwrap_or(1.0).max(FLOOR);
        sum += ratio;
        known += 1;
        if worst.is_none_or(|w| ratio > w.0) {
            worst = Some((ratio, i))
        }
    }
    Ok(worst.map(|(_, i)| (sum / f64::from(known.max(1)), model.encoder().inputs()[i].name.as_str())))
}

/// The fault of a state that does not belong to its kind.
pub(super) fn damaged(kind: &str, what: &str) -> Error {
    Error::new(Code::Corrupt, format!("stored state of this {kind} model is damaged")).detail(what)
}
