//! Arrays: a `real[]` read in place, arrays of other types, their literals.

use crate::base::{Code, Error, Result, interrupts, memory};
use crate::dataset::profile::Span;
use crate::pg::backend::text;
use crate::pg::datum::returned::Answer;
use pgrx::pg_sys;
use std::borrow::Cow;
use std::ffi::CStr;

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
        let length = one_dimension(array)?;
        if length == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let header = array.cast::<u8>().cast_const();
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

/// How many elements an array of one dimension has.
///
/// # Errors
/// [`Code::ArrayLength`] for more dimensions.
///
/// # Safety
/// `array` is a live, detoasted array.
unsafe fn one_dimension(array: *mut pg_sys::ArrayType) -> Result<usize> {
    // SAFETY: the caller's promise.
    let (dimensions, elements) = unsafe { ((*array).ndim, length(array)) };
    match dimensions {
        0 | 1 => Ok(elements),
        n => Err(Error::new(Code::ArrayLength, "an array of one dimension is needed").detail(format!("This one has {n} dimensions."))),
    }
}

/// The elements of an array, each of which takes `N` bytes, as `element` reads them; NaN for NULL.
///
/// # Errors
/// [`Code::ArrayLength`] for more than one dimension, [`Code::OutOfMemory`].
///
/// # Safety
/// `datum` is a live array of a type whose values take `N` bytes and are aligned to as many; a toasted one is copied into the current memory context.
pub(crate) unsafe fn fixed<const N: usize>(datum: pg_sys::Datum, element: impl Fn([u8; N]) -> f64) -> Result<Vec<f64>> {
    // SAFETY: the caller's promise. The layout is that of `floats`: without gaps, as the elements' size is their alignment.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let length = one_dimension(array)?;
        let mut values = Vec::new();
        memory::reserve(&mut values, length)?;
        let header = array.cast::<u8>().cast_const();
        let nulls = (*array).dataoffset != 0;
        let mut next = header.add(if nulls { usize::try_from((*array).dataoffset).unwrap_or(0) } else { 24 });
        for i in 0..length {
            interrupts::check_at(i);
            if nulls && *header.add(24 + i / 8) & (1 << (i % 8)) == 0 {
                values.push(f64::NAN);
            } else {
                values.push(element(next.cast::<[u8; N]>().read()));
                next = next.add(N);
            }
        }
        Ok(values)
    }
}

/// The elements of an array of any type as `element` reads them; NaN for NULL.
///
/// # Errors
/// As [`fixed`].
///
/// # Safety
/// `datum` is a live array; a toasted one is copied into the current memory context.
pub(crate) unsafe fn any(datum: pg_sys::Datum, element: impl Fn(pg_sys::Datum) -> f64) -> Result<Vec<f64>> {
    // SAFETY: the caller's promise.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let mut values = Vec::new();
        memory::reserve(&mut values, one_dimension(array)?)?;
        each(array, |datum| {
            values.push(datum.map_or(f64::NAN, &element));
            Ok(())
        })?;
        Ok(values)
    }
}

/// The longest literal of an array, in bytes: Postgres reads one without a look at interrupts.
const LITERAL: usize = 1 << 20;

/// The array of type `typ` that a literal stands for, in the current memory context; `name` and an `example` of the argument are for
/// messages.
///
/// # Errors
/// [`Code::InvalidParameter`] when it is too long; a malformed one is raised by Postgres.
///
/// # Safety
/// `literal` is a live C string in the database's encoding, `typ` an array type.
pub(crate) unsafe fn literal(literal: *mut std::ffi::c_char, typ: pg_sys::Oid, name: &str, example: &str) -> Result<pg_sys::Datum> {
    // SAFETY: the caller's promise: the input function of a type reads a C string.
    unsafe {
        let bytes = CStr::from_ptr(literal).count_bytes();
        if bytes > LITERAL {
            return Err(Error::new(Code::InvalidParameter, format!("{name} is too long for a literal"))
                .detail(format!("It has {}, {} are allowed.", memory::size(bytes), memory::size(LITERAL)))
                .hint(format!("Pass an array: {example}.")));
        }
        Ok(text::value(literal, typ))
    }
}

/// A `real[]` datum of these elements, in the current memory context. Written by hand: Postgres's builder takes a call an element.
pub(crate) fn datum(elements: &[f32]) -> Answer {
    const HEADER: usize = 24;
    let bytes = HEADER + elements.len() * 4;
    let (Ok(length), true) = (i32::try_from(elements.len()), bytes <= LARGEST) else {
        crate::pg::backend::error::raise(
            Error::new(Code::OutOfMemory, "array is too long for Postgres").detail(format!("It has {} elements.", elements.len())),
        )
    };
    // SAFETY: a fresh piece of memory of that size, written in whole: the header of an array of one dimension without NULLs (its size, one
    // dimension, no bitmap, the type, the length, the lower bound), then the elements. palloc aligns to 8 bytes and raises what is too
    // large.
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
        let length = one_dimension(array)?;
        if (*array).dataoffset != 0 {
            return Err(Error::new(Code::InvalidParameter, "an array of intervals holds a NULL").hint("Leave it out."));
        }
        if length > most {
            return Err(too_long(length, most));
        }
        let elements = array.cast::<u8>().cast_const().add(24).cast::<pg_sys::Interval>();
        Ok((0..length).map(|i| elements.add(i).read()).map(|i| Span { months: i.month, days: i.day, micros: i.time }).collect())
    }
}

/// Calls `f` with each element of an array, whatever its dimensions; none for NULL. Looks at interrupts on its way, and holds one element
/// at a time.
///
/// # Errors
/// Those of `f`.
///
/// # Safety
/// `array` is a live, detoasted array.
pub(crate) unsafe fn each(array: *mut pg_sys::ArrayType, mut f: impl FnMut(Option<pg_sys::Datum>) -> Result<()>) -> Result<()> {
    // SAFETY: the caller's promise; the iterator reads inside the array, whose own element type says how. It lies in the current memory
    // context.
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

/// The elements of an array that are not NULL, whatever its dimensions, into `out` as `write` puts them into words.
///
/// # Errors
/// [`Code::ArrayLength`] for more than `most` elements; [`Code::OutOfMemory`]; those of `write`.
///
/// # Safety
/// `datum` is a live array; copies are left to the current memory context.
pub(crate) unsafe fn words(
    datum: pg_sys::Datum,
    most: usize,
    out: &mut Vec<String>,
    mut write: impl FnMut(pg_sys::Datum, &mut String) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's promise.
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
            write(element, &mut out[used - 1])
        })?;
        out.truncate(used);
    }
    Ok(())
}

/// The elements of a `text[]` or `varchar[]` datum: see [`words`].
///
/// # Errors
/// As [`words`].
///
/// # Safety
/// `datum` is a live datum of such a type; copies are left to the current memory context.
pub(crate) unsafe fn texts(datum: pg_sys::Datum, most: usize, out: &mut Vec<String>) -> Result<()> {
    // SAFETY: the caller's promise: the elements are texts.
    unsafe { words(datum, most, out, |element, out| text::with_text(element, |t| memory::replace(out, t))) }
}

/// The error for an array of `have` elements where `most` can be.
pub(crate) fn too_long(have: usize, most: usize) -> Error {
    Error::new(Code::ArrayLength, "array has too many elements").detail(format!("It has {have}, {most} are allowed."))
}

/// The numbers of an integer array in Postgres's text form.
///
/// # Errors
/// [`Code::Corrupt`] for anything else: NULLs, more dimensions, what does not fit.
pub(crate) fn integers<T: std::str::FromStr>(text: &str) -> Result<Vec<T>> {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let bad =
        || Error::new(Code::Corrupt, "a stored array cannot be read").detail(format!("It reads {}.", crate::base::names::shown(text)));
    let inner = inner.ok_or_else(bad)?;
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    inner.split(',').map(|n| n.parse().map_err(|_| bad())).collect()
}

/// Texts as Postgres writes an array of them.
pub(crate) fn of_texts(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let quoted = texts.map(|t| format!("\"{}\"", t.as_ref().replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}
