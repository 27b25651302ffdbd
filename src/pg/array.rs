//! A `real[]` argument, read in place.

use crate::base::{Code, Error, Result, interrupts, memory};
use crate::dataset::Cell;
use crate::dataset::profile::Span;
use crate::pg::answer::Answer;
use crate::pg::text;
use crate::train::{Family, Input};
use pgrx::pg_sys;
use std::borrow::Cow;

/// The largest datum that Postgres makes, in bytes.
const LARGEST: usize = 0x3fff_ffff;

/// The elements of a `real[]` datum: a slice into it, or a copy with NaN where an element is NULL.
///
/// # Errors
/// [`Code::ArrayLength`] for more than one dimension.
///
/// # Safety
/// `datum` is a live datum of type `real[]` and outlives the result; a toasted one is copied into the current memory context.
pub(crate) unsafe fn floats<'a>(datum: pg_sys::Datum) -> Result<Cow<'a, [f32]>> {
    // SAFETY: the caller's promise. An array of one dimension: header (16 bytes), its length, its lower bound, then (at `dataoffset`
    // when there are NULLs, behind their bitmap) the elements that are not NULL. `varlena` arrays are aligned to 4 bytes at least.
    unsafe {
        let raw = datum.cast_mut_ptr::<pg_sys::varlena>();
        let plain = if pgrx::varatt_is_4b_u(raw) { raw } else { pg_sys::pg_detoast_datum(raw) };
        let array = plain.cast::<pg_sys::ArrayType>();
        match (*array).ndim {
            0 => return Ok(Cow::Borrowed(&[])),
            1 => {}
            n => {
                return Err(
                    Error::new(Code::ArrayLength, "an array of one dimension is needed").detail(format!("This one has {n} dimensions."))
                );
            }
        }
        let header = array.cast::<u8>().cast_const();
        let length = usize::try_from(header.add(16).cast::<i32>().read()).unwrap_or(0);
        if (*array).dataoffset == 0 {
            return Ok(Cow::Borrowed(std::slice::from_raw_parts(header.add(24).cast::<f32>(), length)));
        }
        let bitmap = header.add(24);
        let mut element = header.add(usize::try_from((*array).dataoffset).unwrap_or(0)).cast::<f32>();
        let mut values = Vec::new();
        memory::reserve(&mut values, length)?;
        for i in 0..length {
            interrupts::check_at(i);
            if *bitmap.add(i / 8) & (1 << (i % 8)) == 0 {
                values.push(f32::NAN);
            } else {
                values.push(element.read());
                element = element.add(1);
            }
        }
        Ok(Cow::Owned(values))
    }
}

/// A `real[]` datum of these elements, in the current memory context. Written by hand: Postgres's builder takes a call an element.
pub(crate) fn datum(elements: &[f32]) -> Answer {
    const HEADER: usize = 24;
    let bytes = HEADER + elements.len() * 4;
    let (Ok(length), true) = (i32::try_from(elements.len()), bytes <= LARGEST) else {
        crate::pg::error::raise(
            Error::new(Code::OutOfMemory, "array is too long for Postgres").detail(format!("It has {} elements.", elements.len())),
        )
    };
    // SAFETY: a fresh piece of memory of that size, written in whole: the header of an array of one dimension without NULLs (its size, one
    // dimension, no bitmap, the type, the length, the lower bound), then the elements. palloc aligns to 8 bytes and raises what is too large.
    unsafe {
        let p = pg_sys::palloc(bytes).cast::<u8>();
        pgrx::set_varsize_4b(p.cast(), i32::try_from(bytes).unwrap_or(i32::MAX));
        p.add(4).cast::<[i32; 2]>().write([1, 0]);
        p.add(12).cast::<pg_sys::Oid>().write(pg_sys::FLOAT4OID);
        p.add(16).cast::<[i32; 2]>().write([length, 1]);
        std::ptr::copy_nonoverlapping(elements.as_ptr(), p.add(HEADER).cast::<f32>(), elements.len());
        Answer(pg_sys::Datum::from(p))
    }
}

/// The elements of an `interval[]` datum of at most `most`.
///
/// # Errors
/// [`Code::ArrayLength`] for more elements, or more than one dimension; [`Code::InvalidParameter`] for a NULL among them.
///
/// # Safety
/// `datum` is a live datum of type `interval[]`; a toasted one is copied into the current memory context.
pub(crate) unsafe fn intervals(datum: pg_sys::Datum, most: usize) -> Result<Vec<Span>> {
    // SAFETY: the caller's promise. The layout is that of `floats`; an interval is 16 bytes, aligned to 8, and so are those behind the
    // header of 24 bytes of an array of one dimension.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        match (*array).ndim {
            0 => return Ok(Vec::new()),
            1 => {}
            n => {
                return Err(
                    Error::new(Code::ArrayLength, "an array of one dimension is needed").detail(format!("This one has {n} dimensions."))
                );
            }
        }
        if (*array).dataoffset != 0 {
            return Err(Error::new(Code::InvalidParameter, "an array of intervals holds a NULL").hint("Leave it out."));
        }
        let header = array.cast::<u8>().cast_const();
        let length = usize::try_from(header.add(16).cast::<i32>().read()).unwrap_or(0);
        if length > most {
            return Err(too_long(length, most));
        }
        let elements = header.add(24).cast::<pg_sys::Interval>();
        Ok((0..length).map(|i| elements.add(i).read()).map(|i| Span { months: i.month, days: i.day, micros: i.time }).collect())
    }
}

/// Calls `f` with each element of an array, whatever its dimensions; none for NULL. Looks at interrupts on its way, and holds one element at a time.
///
/// # Errors
/// Those of `f`.
///
/// # Safety
/// `array` is a live, detoasted array.
pub(crate) unsafe fn each(array: *mut pg_sys::ArrayType, mut f: impl FnMut(Option<pg_sys::Datum>) -> Result<()>) -> Result<()> {
    // SAFETY: the caller's promise; the iterator reads inside the array, whose own element type says how. It lies in the current memory context.
    unsafe {
        let iterator = pg_sys::array_create_iterator(array, 0, std::ptr::null_mut());
        let (mut value, mut null) = (pg_sys::Datum::from(0), false);
        let mut step = 0;
        while pg_sys::array_iterate(iterator, &raw mut value, &raw mut null) {
            step += 1;
            interrupts::check_at(step);
            f((!null).then_some(value))?;
        }
        pg_sys::array_free_iterator(iterator);
    }
    Ok(())
}

/// How many elements a detoasted array has, NULLs among them.
///
/// # Safety
/// `array` is such.
pub(crate) unsafe fn length(array: *mut pg_sys::ArrayType) -> usize {
    // SAFETY: the caller's promise: the lengths of its dimensions stand behind the header of 16 bytes.
    let items = unsafe { pg_sys::ArrayGetNItems((*array).ndim, array.cast::<u8>().add(16).cast::<i32>()) };
    usize::try_from(items).unwrap_or(0)
}

/// The elements of a `text[]` or `varchar[]` datum that are not NULL, whatever its dimensions, into `out`.
///
/// # Errors
/// [`Code::ArrayLength`] for more than `most` elements; [`Code::OutOfMemory`].
///
/// # Safety
/// `datum` is a live datum of such a type; copies are left to the current memory context.
pub(crate) unsafe fn texts(datum: pg_sys::Datum, most: usize, out: &mut Vec<String>) -> Result<()> {
    // SAFETY: the caller's promise: the elements are texts.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let count = length(array);
        if count > most {
            return Err(too_long(count, most));
        }
        let mut used = 0;
        each(array, |element| {
            let Some(element) = element else { return Ok(()) };
            if out.len() == used {
                out.push(String::new());
            }
            used += 1;
            text::with_text(element, |t| memory::replace(&mut out[used - 1], t))
        })?;
        out.truncate(used);
    }
    Ok(())
}

/// The error for an array of `have` elements where `most` can be.
fn too_long(have: usize, most: usize) -> Error {
    Error::new(Code::ArrayLength, "array has too many elements").detail(format!("It has {have}, {most} are allowed."))
}

/// The elements as the values of `inputs`: one for a number or a truth value, as many as it is wide for a vector.
///
/// # Errors
/// [`Code::WrongType`] when the model reads text or times, [`Code::ArrayLength`] for another number of elements than it reads.
pub(crate) fn cells<'a>(elements: &'a [f32], inputs: &[Input], out: &mut Vec<Cell<'a>>) -> Result<()> {
    let mut at = 0;
    for input in inputs {
        let end = at + width(input)?;
        let Some(part) = elements.get(at..end) else { return Err(wrong_elements(elements.len(), total(inputs)?)) };
        out.push(match input.family {
            Family::Vector(_) if part.iter().all(|x| x.is_finite()) => Cell::Vector(part),
            Family::Vector(_) => Cell::Missing,
            _ if !part[0].is_finite() => Cell::Missing,
            Family::Bool => Cell::Bool(part[0] != 0.0),
            _ => Cell::Number(f64::from(part[0])),
        });
        at = end;
    }
    if at != elements.len() {
        return Err(wrong_elements(elements.len(), at));
    }
    Ok(())
}

fn total(inputs: &[Input]) -> Result<usize> {
    inputs.iter().map(width).sum()
}

fn width(input: &Input) -> Result<usize> {
    match input.family {
        Family::Number | Family::Bool => Ok(1),
        Family::Vector(n) => Ok(n as usize),
        Family::Text | Family::Time | Family::Labels => Err(Error::new(Code::WrongType, "model needs a row, not an array")
            .detail(format!("It reads column \"{}\", which is no number.", input.name))
            .hint(format!("Pass the row: SELECT affinity.predict('…', t) FROM … t. {ALIAS}"))),
    }
}

const ORDER: &str = "The elements stand in the order of the training relation's columns.";
/// Said where a column may have been taken for the row that was meant.
pub(crate) const ALIAS: &str = "An alias that is named like a column of its table means the column: give the table another one.";

/// [`wrong_length`] of an array in the place of a row.
fn wrong_elements(have: usize, want: usize) -> Error {
    wrong_length(have, want).hint(format!("{ORDER} {ALIAS}"))
}

/// The error for an array of `have` elements where `want` are needed.
pub(crate) fn wrong_length(have: usize, want: usize) -> Error {
    Error::new(Code::ArrayLength, format!("array has {have} elements, {want} expected"))
        .detail(format!("The model was trained on {want}."))
        .hint(ORDER)
}
