//! Named tensors: the form in which every model's weights leave the engine and come back.

use crate::base::error::{Code, Error, Result};
use crate::base::memory::reserve_slowly;
use crate::base::names;
use crate::base::shared::{Held, Shared};
use half::f16;
use std::ops::Range;

/// The numbers of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// 32-bit floats.
    F32(Shared<f32>),
    /// 16-bit floats: factors and weights that are read far more often than they are changed.
    F16(Shared<f16>),
    /// Integers: ids, offsets.
    I64(Shared<i64>),
    /// Bytes: text ids, joined.
    U8(Shared<u8>),
    /// Small integers: weights in steps.
    I8(Shared<i8>),
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
            Self::I8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name under which the type is stored: `f32`, `f16`, `i64`, `u8`, `i8`.
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "f32",
            Self::F16(_) => "f16",
            Self::I64(_) => "i64",
            Self::U8(_) => "u8",
            Self::I8(_) => "i8",
        }
    }

    /// Bytes of one number.
    fn size(&self) -> usize {
        match self {
            Self::F32(_) => 4,
            Self::F16(_) => 2,
            Self::I64(_) => 8,
            Self::U8(_) | Self::I8(_) => 1,
        }
    }

    /// Bytes of one number of type `dtype`.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for an unknown one.
    pub fn width(dtype: &str) -> Result<usize> {
        Ok(Self::none(dtype)?.size())
    }

    /// Their bytes as this machine has them, for files that no other machine reads.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::F32(v) => v.bytes(),
            Self::F16(v) => v.bytes(),
            Self::I64(v) => v.bytes(),
            Self::U8(v) => v,
            Self::I8(v) => v.bytes(),
        }
    }

    /// Numbers of type `dtype` that are those bytes of `held`; none where they are not ([`Shared::part`]).
    pub fn part(dtype: &str, held: Held, bytes: Range<usize>) -> Option<Self> {
        Some(match dtype {
            "f32" => Self::F32(Shared::part(held, bytes)?),
            "f16" => Self::F16(Shared::part(held, bytes)?),
            "i64" => Self::I64(Shared::part(held, bytes)?),
            "u8" => Self::U8(Shared::part(held, bytes)?),
            "i8" => Self::I8(Shared::part(held, bytes)?),
            _ => return None,
        })
    }

    /// How many little-endian bytes they are.
    pub fn byte_len(&self) -> usize {
        self.len() * self.size()
    }

    /// Calls `f` with the little-endian bytes in chunks of `size` (a multiple of 8), of which no more than one is held.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn each_chunk(&self, size: usize, mut f: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        fn each<const N: usize, T: Copy>(
            v: &[T],
            size: usize,
            bytes: impl Fn(T) -> [u8; N],
            f: &mut dyn FnMut(&[u8]) -> Result<()>,
        ) -> Result<()> {
            let mut chunk = Vec::with_capacity(size.min(v.len() * N));
            for part in v.chunks((size / N).max(1)) {
                chunk.clear();
                chunk.extend(part.iter().flat_map(|x| bytes(*x)));
                f(&chunk)?;
            }
            Ok(())
        }
        match self {
            Self::F32(v) => each(v, size, f32::to_le_bytes, &mut f),
            Self::F16(v) => each(v, size, f16::to_le_bytes, &mut f),
            Self::I64(v) => each(v, size, i64::to_le_bytes, &mut f),
            Self::U8(v) => v.chunks(size.max(1)).try_for_each(f),
            Self::I8(v) => each(v, size, i8::to_le_bytes, &mut f),
        }
    }

    /// Whether `bytes` are their little-endian bytes from byte `from` on, which is the first of a number.
    pub fn is_at(&self, from: usize, bytes: &[u8]) -> bool {
        fn same<const N: usize, T: Copy>(v: &[T], from: usize, bytes: &[u8], f: impl Fn(T) -> [u8; N]) -> bool {
            let (whole, rest) = bytes.as_chunks::<N>();
            let own = v.get(from / N..from / N + whole.len());
            from.is_multiple_of(N) && rest.is_empty() && own.is_some_and(|own| own.iter().zip(whole).all(|(x, b)| f(*x) == *b))
        }
        match self {
            Self::F32(v) => same(v, from, bytes, f32::to_le_bytes),
            Self::F16(v) => same(v, from, bytes, f16::to_le_bytes),
            Self::I64(v) => same(v, from, bytes, i64::to_le_bytes),
            Self::U8(v) => v.get(from..from + bytes.len()) == Some(bytes),
            Self::I8(v) => same(v, from, bytes, i8::to_le_bytes),
        }
    }

    /// No numbers yet, of type `dtype`.
    ///
    /// # Errors
    /// As [`Numbers::width`].
    pub fn none(dtype: &str) -> Result<Self> {
        Ok(match dtype {
            "f32" => Self::F32(Shared::default()),
            "f16" => Self::F16(Shared::default()),
            "i64" => Self::I64(Shared::default()),
            "u8" => Self::U8(Shared::default()),
            "i8" => Self::I8(Shared::default()),
            _ => {
                return Err(Error::new(Code::Corrupt, "stored weights are damaged")
                    .detail(format!("Unknown element type \"{}\".", names::shown(dtype))));
            }
        })
    }

    /// Adds the numbers of which these are the little-endian bytes.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when they are not whole numbers; [`Code::OutOfMemory`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        fn all<const N: usize, T>(v: &mut Vec<T>, bytes: &[u8], f: impl Fn([u8; N]) -> T) -> Result<()> {
            let (whole, rest) = bytes.as_chunks::<N>();
            if !rest.is_empty() {
                return Err(Error::new(Code::Corrupt, "stored weights are damaged")
                    .detail(format!("{} bytes found, which are not whole numbers of {N} bytes.", bytes.len())));
            }
            reserve_slowly(v, whole.len())?;
            v.extend(whole.iter().map(|c| f(*c)));
            Ok(())
        }
        match self {
            Self::F32(v) => all(v.own(), bytes, f32::from_le_bytes),
            Self::F16(v) => all(v.own(), bytes, f16::from_le_bytes),
            Self::I64(v) => all(v.own(), bytes, i64::from_le_bytes),
            Self::U8(v) => all(v.own(), bytes, |[b]: [u8; 1]| b),
            Self::I8(v) => all(v.own(), bytes, i8::from_le_bytes),
        }
    }

    /// Back from little-endian bytes. They may be hostile: their count is checked against `len` first.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for an unknown `dtype` or a wrong number of bytes.
    pub fn from_bytes(dtype: &str, bytes: &[u8], len: usize) -> Result<Self> {
        if len.checked_mul(Self::width(dtype)?) != Some(bytes.len()) {
            return Err(Error::new(Code::Corrupt, "stored weights are damaged")
                .detail(format!("{len} elements of {dtype} expected, {} bytes found.", bytes.len())));
        }
        let mut numbers = Self::none(dtype)?;
        numbers.append(bytes)?;
        Ok(numbers)
    }
}

impl Tensor {
    /// A tensor of 32-bit floats.
    pub fn f32(name: impl Into<String>, shape: impl Into<Vec<usize>>, values: impl Into<Shared<f32>>) -> Self {
        let t = Self { name: name.into(), shape: shape.into(), numbers: Numbers::F32(values.into()) };
        debug_assert_eq!(t.shape.iter().product::<usize>(), t.numbers.len());
        t
    }
}

/// The bytes of a tensor called `name` as other numbers, where it is a part of a file that holds a model as it is used ([`Shared::part`]).
/// Never of tensors that were stored, whatever they are called.
pub fn laid<T: bytemuck::Pod>(tensors: &[Tensor], name: &str) -> Option<Shared<T>> {
    fn part<A: bytemuck::Pod + Send + Sync, B: bytemuck::Pod>(v: &Shared<A>) -> Option<Shared<B>> {
        if v.is_part() { v.cast() } else { None }
    }
    match &tensors.iter().find(|t| t.name == name)?.numbers {
        Numbers::F32(v) => part(v),
        Numbers::F16(v) => part(v),
        Numbers::I64(v) => part(v),
        Numbers::U8(v) => part(v),
        Numbers::I8(v) => part(v),
    }
}

/// Stored places, where they are a part of a file, without a copy. (Elsewhere than in 64 bits they are copied.)
pub fn laid_places(stored: &Shared<i64>) -> Option<Shared<usize>> {
    if stored.is_part() && size_of::<usize>() == size_of::<i64>() { stored.cast() } else { None }
}

/// Places as they are stored; in 64 bits the same memory.
pub fn stored_places(places: &Shared<usize>) -> Shared<i64> {
    let same = if size_of::<usize>() == size_of::<i64>() { places.cast() } else { None };
    same.unwrap_or_else(|| places.iter().map(|&p| p as i64).collect())
}

/// `numbers` as a tensor of their bytes, to be found by [`laid`]: the same memory.
pub fn lay<T: bytemuck::Pod + Send + Sync>(name: impl Into<String>, numbers: &Shared<T>) -> Tensor {
    // Numbers always fit as bytes.
    let bytes: Shared<u8> = numbers.cast().unwrap_or_default();
    Tensor { name: name.into(), shape: vec![bytes.len()], numbers: Numbers::U8(bytes) }
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
            Numbers::F32(vec![1.5, -0.0, f32::NAN].into()),
            Numbers::F16(vec![f16::from_f32(2.5); 3].into()),
            Numbers::I64(vec![i64::MIN, 0, i64::MAX].into()),
            Numbers::U8(vec![0, 7, 255].into()),
            Numbers::I8(vec![-128, 0, 127].into()),
        ] {
            let mut bytes = Vec::new();
            n.each_chunk(8, |chunk| {
                assert!(chunk.len() <= 8);
                bytes.extend_from_slice(chunk);
                Ok(())
            })
            .unwrap();
            assert_eq!(bytes.len(), n.byte_len());
            let back = Numbers::from_bytes(n.dtype(), &bytes, 3).unwrap();
            assert_eq!(format!("{back:?}"), format!("{n:?}"));
            let width = Numbers::width(n.dtype()).unwrap();
            assert!(n.is_at(0, &bytes) && n.is_at(width, &bytes[width..]) && !n.is_at(width, &bytes) && !n.is_at(0, &vec![1; 3 * width]));
            assert_eq!(Numbers::from_bytes(n.dtype(), &bytes, 4).unwrap_err().code, Code::Corrupt);
        }
        assert_eq!(Numbers::F32(Vec::new().into()).append(&[0; 5]).unwrap_err().code, Code::Corrupt);
        assert_eq!(Numbers::from_bytes("f32", &[], usize::MAX).unwrap_err().code, Code::Corrupt);
        assert_eq!(Numbers::from_bytes("f99", &[], 0).unwrap_err().code, Code::Corrupt);
    }
}
