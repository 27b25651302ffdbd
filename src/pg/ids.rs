//! Ids as callers write them: integers, text, uuid, literals, arrays of any of them; and back into the columns of a result.

use crate::base::{Code, Error, Result};
use crate::dataset::{Id, IdKind};
use crate::pg::call::Call;
use crate::pg::columns::{self, type_name};
use crate::pg::text;
use pgrx::pg_sys;
use std::ffi::CStr;

/// A text argument; none for NULL.
pub(crate) fn text(call: Call<'_>, i: usize) -> Option<String> {
    // SAFETY: the argument is declared text; its copy is freed.
    call.datum(i).map(|d| unsafe { text::with_text(d, str::to_owned) })
}

/// An id given as a datum of type `typ`, as an id of `kind`; none when it does not fit that kind, for then it names nobody.
pub(crate) fn id(datum: pg_sys::Datum, typ: pg_sys::Oid, kind: IdKind) -> Option<Id> {
    // SAFETY: a catalogue look-up.
    let base = unsafe { pg_sys::getBaseType(typ) };
    match base {
        pg_sys::INT2OID => kind.from_integer(i64::from(datum.value() as i16)),
        pg_sys::INT4OID => kind.from_integer(i64::from(datum.value() as i32)),
        pg_sys::INT8OID => kind.from_integer(datum.value() as i64),
        // SAFETY: a text datum of the call; its copy is freed.
        pg_sys::TEXTOID | pg_sys::VARCHAROID => unsafe { text::with_text(datum, |t| kind.parse(t)) },
        // SAFETY: as above; padding is no part of the value.
        pg_sys::BPCHAROID => unsafe { text::with_text(datum, |t| kind.parse(t.trim_end_matches(' '))) },
        pg_sys::UUIDOID => {
            let mut out = String::new();
            // SAFETY: a uuid is 16 bytes.
            columns::uuid(unsafe { &*datum.cast_mut_ptr::<[u8; 16]>() }, &mut out);
            kind.parse(&out)
        }
        // SAFETY: a literal that no context gave a type arrives as a C string.
        pg_sys::UNKNOWNOID => unsafe { text::with_utf8(CStr::from_ptr(datum.cast_mut_ptr()).to_bytes(), |t| kind.parse(t)) },
        _ => kind.parse(&output(datum, typ)),
    }
}

/// Any datum in its text form.
fn output(datum: pg_sys::Datum, typ: pg_sys::Oid) -> String {
    // SAFETY: the output function of the datum's own type gives a NUL-terminated copy.
    unsafe {
        let (mut function, mut varlena) = (pg_sys::InvalidOid, false);
        pg_sys::getTypeOutputInfo(typ, &raw mut function, &raw mut varlena);
        let out = pg_sys::OidOutputFunctionCall(function, datum);
        text::with_utf8(CStr::from_ptr(out).to_bytes(), str::to_owned)
    }
}

/// The ids of an array argument (or of an array literal); none for NULL. NULL elements and ids that do not fit `kind` are left out: they name nothing.
///
/// # Errors
/// [`Code::WrongType`] when the argument is no array; a malformed literal is raised by Postgres.
pub(crate) fn list(call: Call<'_>, i: usize, name: &str, kind: IdKind) -> Result<Option<Vec<Id>>> {
    let Some(datum) = call.datum(i) else { return Ok(None) };
    let typ = call.argument_type(i);
    let literal = matches!(typ, pg_sys::UNKNOWNOID | pg_sys::TEXTOID | pg_sys::VARCHAROID);
    // SAFETY: the datum is of type `typ`; the literal goes through the input function of text[], which raises what is malformed. The arrays
    // of deconstruct_array have `count` elements.
    unsafe {
        let (array, element) = if literal {
            let string = if typ == pg_sys::UNKNOWNOID { datum.cast_mut_ptr() } else { pg_sys::text_to_cstring(datum.cast_mut_ptr()) };
            let (mut input, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            pg_sys::getTypeInputInfo(pg_sys::TEXTARRAYOID, &raw mut input, &raw mut parameter);
            (pg_sys::OidInputFunctionCall(input, string, parameter, -1), pg_sys::TEXTOID)
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
        let (mut length, mut by_value, mut align) = (0i16, false, 0);
        pg_sys::get_typlenbyvalalign(element, &raw mut length, &raw mut by_value, &raw mut align);
        let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        pg_sys::deconstruct_array(array, element, i32::from(length), by_value, align, &raw mut values, &raw mut nulls, &raw mut count);
        let count = usize::try_from(count).unwrap_or(0);
        Ok(Some((0..count).filter(|&j| !*nulls.add(j)).filter_map(|j| id(*values.add(j), element, kind)).collect()))
    }
}
