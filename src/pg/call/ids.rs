//! Ids as callers write them: integers, text, uuid, literals, arrays of any of them; and back into the columns of a result.

use crate::base::{Code, Error, Result, memory};
use crate::dataset::{Id, IdKind};
use crate::pg::backend::{settings, text};
use crate::pg::call::arguments::Call;
use crate::pg::datum::value_form::type_name;
use crate::pg::datum::{array, numeric, types};
use pgrx::pg_sys;
use std::ffi::CStr;

/// The longest id, in bytes: no index of a relation's ids takes a longer one, and what is longer names nobody.
const LONGEST: usize = 8 << 10;

/// An id given as a datum of type `typ`, as an id of `kind`; none when it does not fit that kind, for then it names nobody.
pub(crate) fn id(datum: pg_sys::Datum, typ: pg_sys::Oid, kind: IdKind) -> Option<Id> {
    // SAFETY: a catalogue look-up.
    let base = unsafe { pg_sys::getBaseType(typ) };
    match base {
        pg_sys::INT2OID => kind.from_integer(i64::from(datum.value() as i16)),
        pg_sys::INT4OID => kind.from_integer(i64::from(datum.value() as i32)),
        pg_sys::INT8OID => kind.from_integer(datum.value() as i64),
        // 5.0 is 5; what has a fraction, or more digits than an integer, names nobody.
        // SAFETY: a numeric datum of the call.
        pg_sys::NUMERICOID if kind == IdKind::Integer => unsafe { numeric::integer(datum) }.map(Id::Integer),
        pg_sys::FLOAT4OID if kind == IdKind::Integer => integer(f64::from(f32::from_bits(datum.value() as u32))),
        pg_sys::FLOAT8OID if kind == IdKind::Integer => integer(f64::from_bits(datum.value() as u64)),
        // SAFETY: a text datum of the call; its copy is freed.
        pg_sys::TEXTOID | pg_sys::VARCHAROID => unsafe { text::with_text(datum, |t| parse(kind, t)) },
        // SAFETY: as above; padding is no part of the value.
        pg_sys::BPCHAROID => unsafe { text::with_text(datum, |t| parse(kind, t.trim_end_matches(' '))) },
        pg_sys::UUIDOID => {
            let mut out = String::new();
            // SAFETY: a uuid is 16 bytes.
            types::uuid(unsafe { &*datum.cast_mut_ptr::<[u8; 16]>() }, &mut out);
            kind.parse(&out)
        }
        // SAFETY: a literal that no context gave a type arrives as a C string.
        pg_sys::UNKNOWNOID => unsafe { text::with_utf8(CStr::from_ptr(datum.cast_mut_ptr()).to_bytes(), |t| parse(kind, t)) },
        _ => in_words(datum, typ, kind),
    }
}

/// The integer that a double is; none for one with a fraction, and from 2⁵³ on, where it stands for several.
fn integer(x: f64) -> Option<Id> {
    (x.fract() == 0.0 && x.abs() < 9_007_199_254_740_992.0).then_some(Id::Integer(x as i64))
}

fn parse(kind: IdKind, text: &str) -> Option<Id> {
    if text.len() > LONGEST { None } else { kind.parse(text) }
}

/// The id that any datum is in its text form.
fn in_words(datum: pg_sys::Datum, typ: pg_sys::Oid, kind: IdKind) -> Option<Id> {
    // SAFETY: a datum of type `typ`; a varlena has its uncompressed size in its header or its toast pointer.
    unsafe {
        // An array or a document may take seconds to be put in words, in which Postgres looks at no interrupt.
        if pg_sys::get_typlen(typ) == -1 && pg_sys::toast_raw_datum_size(datum) > LONGEST {
            return None;
        }
        text::with_value(datum, typ, |t| parse(kind, t))
    }
}

/// The ids of an array argument (or of an array literal); none for NULL. NULL elements and ids that do not fit `kind` are left out: they
/// name nothing.
///
/// # Errors
/// [`Code::WrongType`] when the argument is no array, [`Code::OutOfMemory`] beyond what a call may use; a malformed literal is raised by Postgres.
pub(crate) fn list(call: Call<'_>, i: usize, name: &str, kind: IdKind) -> Result<Option<Vec<Id>>> {
    let Some(datum) = call.datum(i) else { return Ok(None) };
    let typ = call.argument_type(i);
    let literal = matches!(typ, pg_sys::UNKNOWNOID | pg_sys::TEXTOID | pg_sys::VARCHAROID);
    // SAFETY: the datum is of type `typ`; the literal goes through the input function of text[], which raises what is malformed. The arrays
    // of deconstruct_array have `count` elements.
    unsafe {
        let (array, element) = if literal {
            let string = if typ == pg_sys::UNKNOWNOID { datum.cast_mut_ptr() } else { pg_sys::text_to_cstring(datum.cast_mut_ptr()) };
            let example = format!("{name} => (SELECT array_agg(item_id) FROM …)");
            (array::literal(string, pg_sys::TEXTARRAYOID, name, &example)?, pg_sys::TEXTOID)
        } else {
            let element = pg_sys::get_element_type(pg_sys::getBaseType(typ));
            if element == pg_sys::InvalidOid {
                return Err(Error::new(Code::WrongType, format!("{name} must be an array of item ids"))
                    .detail(format!("It is of type {}.", type_name(typ)))
                    .hint(format!("For example: {name} => ARRAY[1, 2, 3].")));
            }
            (datum, element)
        };
        let array = pg_sys::pg_detoast_datum(array.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let budget = settings::budget();
        let bytes = array::length(array).saturating_mul(size_of::<Id>()).saturating_add(pgrx::varsize_any(array.cast()));
        let _booked = budget.take(bytes, name)?;
        let mut ids = Vec::new();
        array::each(array, |element_datum| {
            if let Some(id) = element_datum.and_then(|d| id(d, element, kind)) {
                if ids.len() == ids.capacity() {
                    let more = ids.len().max(16);
                    memory::reserve(&mut ids, more)?;
                }
                ids.push(id);
            }
            Ok(())
        })?;
        Ok(Some(ids))
    }
}
