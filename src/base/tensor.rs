//! Named tensors: the form in which every model's weights leave the engine and come back.

use crate::base::error::{Code, Error, Result};
use crate::base::names;
use half::f16;

/// The numbers of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats: factors and weights that are read far more often than they are changed.
    F16(Vec<f16>),
    /// Integers: ids, offsets.
    I64(Vec<i64>),
    /// Bytes: text ids, joined.
    U8(Vec<u8>),
}

/// A tensor with its name and shape; the product of the shape is the number of elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// `layer1.weight`, unique in its version.
    pub name: String,
    /// Rows first.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub numbers: Numbers,
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name under which the type is stored: `f32`, `f16`, `i64`, `u8`.
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "f32",
            Self::F16(_) => "f16",
            Self::I64(_) => "i64",
            Self::U8(_) => "u8",
        }
    }

    /// Little-endian bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::U8(v) => v.clone(),
        }
    }

    /// Back from [`Numbers::to_bytes`]. The bytes may be hostile: their count is checked against `len` first.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for an unknown `dtype` or a wrong number of bytes.
    pub fn from_bytes(dtype: &str, bytes: &[u8], len: usize) -> Result<Self> {
        fn all<const N: usize, T>(bytes: &[u8], f: impl Fn([u8; N]) -> T) -> Vec<T> {
            bytes.as_chunks::<N>().0.iter().map(|c| f(*c)).collect()
        }
        let width = match dtype {
            "f32" => 4,
            "f16" => 2,
            "i64" => 8,
            "u8" => 1,
            _ => {
                return Err(Error::new(Code::Corrupt, "stored weights are damaged")
                    .detail(format!("Unknown element type \"{}\".", names::shown(dtype))));
            }
        };
        if len.checked_mul(width) != Some(bytes.len()) {
            return Err(Error::new(Code::Corrupt, "stored weights are damaged")
                .detail(format!("{len} elements of {dtype} expected, {} bytes found.", bytes.len())));
        }
        Ok(match dtype {
            "f32" => Self::F32(all(bytes, f32::from_le_bytes)),
            "f16" => Self::F16(all(bytes, f16::from_le_bytes)),
            "i64" => Self::I64(all(bytes, i64::from_le_bytes)),
            _ => Self::U8(bytes.to_vec()),
        })
    }
}

impl Tensor {
    /// A tensor of 32-bit floats.
    pub fn f32(name: impl Into<String>, shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        let t = Self { name: name.into(), shape: shape.into(), numbers: Numbers::F32(values) };
        debug_assert_eq!(t.shape.iter().product::<usize>(), t.numbers.len());
        t
    }
}

/// The tensor called `name`, with the shape that the model expects.
///
/// # Errors
/// [`Code::Corrupt`] when it is missing or of another shape.
pub fn find<'a>(tensors: &'a [Tensor], name: &str, shape: &[usize]) -> Result<&'a Numbers> {
    let t = tensors
        .iter()
        .find(|t| t.name == name)
        .ok_or_else(|| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("Tensor \"{name}\" is missing.")))?;
    if t.shape != shape || t.numbers.len() != shape.iter().product::<usize>() {
        return Err(Error::new(Code::Corrupt, "stored weights are damaged")
            .detail(format!("Tensor \"{name}\" has shape {:?}, {shape:?} expected.", t.shape)));
    }
    Ok(&t.numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_out_and_come_back() {
        for n in [
            Numbers::F32(vec![1.5, -0.0, f32::NAN]),
            Numbers::F16(vec![f16::from_f32(2.5); 3]),
            Numbers::I64(vec![i64::MIN, 0, i64::MAX]),
            Numbers::U8(vec![0, 7, 255]),
        ] {
            let back = Numbers::from_bytes(n.dtype(), &n.to_bytes(), 3).unwrap();
            assert_eq!(back.to_bytes(), n.to_bytes());
            assert_eq!(Numbers::from_bytes(n.dtype(), &n.to_bytes(), 4).unwrap_err().code, Code::Corrupt);
        }
        assert_eq!(Numbers::from_bytes("f32", &[], usize::MAX).unwrap_err().code, Code::Corrupt);
        assert_eq!(Numbers::from_bytes("f99", &[], 0).unwrap_err().code, Code::Corrupt);
    }
}
