//! Arrays as models read them: vectors of numbers, sets of members.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, memory};
use crate::pg::datum::value_form::Form;
use crate::pg::datum::{array, numeric};
use half::f16;
use pgrx::pg_sys;

/// The most members of one row's set: what a row is about is said in a few.
const MOST: usize = 1 << 16;

/// The members of an array that are not NULL, as `write` puts them into words.
///
/// # Errors
/// [`Code::ArrayLength`] for too many; those of `write`.
///
/// # Safety
/// `datum` is a live array; copies are left to the current memory context.
pub(crate) unsafe fn texts(
    datum: pg_sys::Datum,
    out: &mut Vec<String>,
    write: impl FnMut(pg_sys::Datum, &mut String) -> Result<()>,
) -> Result<()> {
    // SAFETY: handed on from the caller.
    unsafe { array::words(datum, MOST, out, write) }
}

/// The numbers of a vector, whose elements are read by `element`; nothing where one of them is NULL.
///
/// # Errors
/// [`Code::ArrayLength`] for more than one dimension; [`Code::Corrupt`] for one that is shorter than its header says.
///
/// # Safety
/// `datum` is a live datum of a type that `form` reads; a copy may be left to the current memory context.
pub(crate) unsafe fn vector(datum: pg_sys::Datum, form: Form, element: Form, out: &mut Vec<f32>) -> Result<()> {
    out.clear();
    // SAFETY: the caller's promise; reads stay inside the size of the varlena's header.
    unsafe {
        if matches!(form, Form::Numerics | Form::Wholes) {
            let wide = doubles(datum, element)?;
            memory::reserve(out, wide.len())?;
            out.extend(wide.iter().map(|x| x.single()));
            return Ok(());
        }
        let raw = datum.cast_mut_ptr::<pg_sys::varlena>();
        let flat = pg_sys::pg_detoast_datum(raw);
        let whole = pgrx::varlena::varlena_to_byte_slice(flat);
        let read = match form {
            Form::Floats => flat_array::<4>(whole, out, f32::from_ne_bytes),
            Form::Doubles => flat_array::<8>(whole, out, |b| f64::from_ne_bytes(b).single()),
            Form::Vector => pgvector::<4>(whole, out, f32::from_ne_bytes),
            _ => pgvector::<2>(whole, out, |b| f16::from_ne_bytes(b).to_f32()),
        };
        if !std::ptr::eq(flat, raw) {
            pg_sys::pfree(flat.cast());
        }
        read
    }
}

/// The elements of an array of a type that is read by `form`; NaN for NULL.
///
/// # Errors
/// [`Code::ArrayLength`] for more than one dimension.
///
/// # Safety
/// `datum` is a live datum of such a type.
pub(crate) unsafe fn doubles(datum: pg_sys::Datum, form: Form) -> Result<Vec<f64>> {
    // SAFETY: the caller's promise; the values of each form take as many bytes as are read, and are aligned to as many.
    unsafe {
        match form {
            Form::Bool => array::fixed(datum, |[byte]| f64::from(byte)),
            Form::Int2 => array::fixed(datum, |b| f64::from(i16::from_ne_bytes(b))),
            Form::Int4 => array::fixed(datum, |b| f64::from(i32::from_ne_bytes(b))),
            Form::Int8 => array::fixed(datum, |b| i64::from_ne_bytes(b).real()),
            Form::Float4 => array::fixed(datum, |b| f64::from(f32::from_ne_bytes(b))),
            Form::Float8 => array::fixed(datum, f64::from_ne_bytes),
            _ => array::any(datum, |d| numeric::to_f64(d)),
        }
    }
}

/// Whole numbers and truth values of an array as they are, and whether it is one of a row: of one dimension at most, without NULLs, which
/// are left out.
///
/// # Errors
/// [`Code::ArrayLength`] for too many; [`Code::OutOfMemory`].
///
/// # Safety
/// `datum` is a live array of values that `element` reads; copies are left to the current memory context.
pub(crate) unsafe fn wholes(datum: pg_sys::Datum, element: Form, out: &mut Vec<i64>) -> Result<bool> {
    // SAFETY: the caller's promise: the elements are passed by value.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let count = array::length(array);
        if count > MOST {
            return Err(array::too_long(count, MOST));
        }
        memory::reserve_slowly(out, count)?;
        let mut plain = (*array).ndim <= 1;
        array::each(array, |e| {
            let Some(bits) = e.map(|e| e.value()) else {
                plain = false;
                return Ok(());
            };
            out.push(match element {
                Form::Bool => (bits & 1) as i64,
                Form::Int2 => i64::from(bits as i16),
                Form::Int4 => i64::from(bits as i32),
                _ => bits as i64,
            });
            Ok(())
        })?;
        Ok(plain)
    }
}

/// The elements of a one-dimensional array; `bytes` begin after the varlena header. A NULL element makes the whole value missing.
fn flat_array<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, element: impl Fn([u8; N]) -> f32) -> Result<()> {
    let int = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, i32::from_ne_bytes);
    let (dimensions, nulls_until) = (int(0), int(4));
    match dimensions {
        0 => return Ok(()),
        1 => {}
        n => {
            return Err(
                Error::new(Code::ArrayLength, "an array of one dimension is needed").detail(format!("This one has {n} dimensions."))
            );
        }
    }
    if nulls_until != 0 {
        return Ok(());
    }
    // ndim, dataoffset, elemtype, one length, one lower bound; the header's 4 bytes bring the data to a multiple of 8.
    elements(bytes.get(20..).unwrap_or_default(), usize::try_from(int(12)).unwrap_or(0), out, element)
}

/// The elements of pgvector's types: a 16-bit length, 16 unused bits, the elements.
fn pgvector<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, element: impl Fn([u8; N]) -> f32) -> Result<()> {
    let length = bytes.get(..2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_ne_bytes);
    elements(bytes.get(4..).unwrap_or_default(), usize::from(length), out, element)
}

fn elements<const N: usize>(bytes: &[u8], length: usize, out: &mut Vec<f32>, element: impl Fn([u8; N]) -> f32) -> Result<()> {
    let chunks = bytes.as_chunks::<N>().0;
    let chunks = chunks.get(..length).ok_or_else(|| Error::new(Code::Corrupt, "an array is shorter than its header says"))?;
    memory::reserve(out, chunks.len())?;
    out.extend(chunks.iter().map(|c| element(*c)));
    Ok(())
}
