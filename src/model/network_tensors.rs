//! What the networks of histories have in common on their way into a version and back: half precision, tensors that may be hostile, the
//! recency.

use crate::base::interrupts::{self, STEPS};
use crate::base::number::AsReal;
use crate::base::tensor::find;
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor, zeros};
use crate::kernel::to_f16;
use half::f16;
use serde_json::{Map, Value};

/// `x` in half precision.
///
/// # Errors
/// [`Code::OutOfMemory`].
pub fn halves(x: &[f32]) -> Result<Shared<f16>> {
    let mut out = zeros(x.len())?;
    for (x, out) in x.chunks(STEPS * 64).zip(out.chunks_mut(STEPS * 64)) {
        interrupts::check();
        to_f16(x, out);
    }
    Ok(out.into())
}

/// Whether the floats are finite: looked at, but of a file, whose writer did.
pub fn finite(x: &Shared<f32>) -> bool {
    x.is_part() || x.iter().all(|x| x.is_finite())
}

/// The same of half precision.
pub fn finite_halves(x: &Shared<f16>) -> bool {
    x.is_part() || x.iter().all(|x| x.is_finite())
}

/// The finite floats of the tensor `name`, which has this shape.
///
/// # Errors
/// [`Code::Corrupt`].
pub fn floats(tensors: &[Tensor], name: &str, shape: &[usize]) -> Result<Shared<f32>> {
    match find(tensors, name, shape)? {
        Numbers::F32(v) if finite(v) => Ok(v.clone()),
        _ => Err(Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{name}\" holds no finite floats."))),
    }
}

/// The stored recency; where nothing chose it, hardly any fading, as in the papers.
pub fn recency(given: &Map<String, Value>) -> f32 {
    given.get("recency").and_then(Value::as_f64).map_or(200.0, |x| x.clamp(0.1, 1e6).single())
}

/// The tensors of a model, which may be hostile.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its name in a sentence.
    pub model: &'a str,
    /// As they were read.
    pub tensors: &'a [Tensor],
}

impl Stored<'_> {
    /// The error of a model that `what`.
    pub fn damaged(&self, what: &str) -> Error {
        Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("The {} {what}.", self.model))
    }

    /// The finite 32-bit floats of the tensor `name`, which has this shape.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn single(&self, name: &str, shape: &[usize]) -> Result<Shared<f32>> {
        match find(self.tensors, name, shape)? {
            Numbers::F32(v) if finite(v) => Ok(v.clone()),
            _ => Err(self.damaged(&format!("has a tensor \"{name}\" that does not hold finite 32-bit numbers"))),
        }
    }

    /// The same of 16-bit floats.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn half(&self, name: &str, shape: &[usize]) -> Result<Shared<f16>> {
        match find(self.tensors, name, shape)? {
            Numbers::F16(v) if finite_halves(v) => Ok(v.clone()),
            _ => Err(self.damaged(&format!("has a tensor \"{name}\" that does not hold finite 16-bit numbers"))),
        }
    }
}
