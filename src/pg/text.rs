//! Text over the border: the engine speaks UTF-8, the database its own encoding.

use crate::base::{Code, Error, Result};
use pgrx::pg_sys;
use std::ffi::CString;

/// Calls `f` with the text of a `text`, `varchar` or `bpchar` datum; a detoasted copy is freed afterwards.
///
/// # Safety
/// `datum` is a valid datum of such a type.
pub(crate) unsafe fn with_text<R>(datum: pg_sys::Datum, f: impl FnOnce(&str) -> R) -> R {
    // SAFETY: the caller vouches for the datum; the slice lives until the copy is freed below.
    unsafe {
        let raw = datum.cast_mut_ptr::<pg_sys::varlena>();
        let flat = pg_sys::pg_detoast_datum_packed(raw);
        let bytes = pgrx::varlena::varlena_to_byte_slice(flat);
        let result = with_utf8(bytes, f);
        if !std::ptr::eq(flat, raw) {
            pg_sys::pfree(flat.cast());
        }
        result
    }
}

/// Calls `f` with bytes in the database's encoding as UTF-8.
pub(crate) fn with_utf8<R>(bytes: &[u8], f: impl FnOnce(&str) -> R) -> R {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // A database in UTF-8, or plain ASCII: every encoding that a server may have contains ASCII. Others need a look at the encoding.
        // SAFETY: reads a global.
        if bytes.is_ascii() || unsafe { pg_sys::GetDatabaseEncoding() } == pg_sys::pg_enc::PG_UTF8 as i32 {
            return f(text);
        }
    }
    let Ok(length) = i32::try_from(bytes.len()) else { return f("") };
    // SAFETY: Postgres converts (or raises an error) and gives a NUL-terminated copy in the current context; `bytes` is not kept.
    unsafe {
        let converted = pg_sys::pg_server_to_any(bytes.as_ptr().cast(), length, pg_sys::pg_enc::PG_UTF8 as i32);
        if std::ptr::eq(converted.cast::<u8>(), bytes.as_ptr()) {
            return f(&String::from_utf8_lossy(bytes));
        }
        let result = f(&std::ffi::CStr::from_ptr(converted).to_string_lossy());
        pg_sys::pfree(converted.cast());
        result
    }
}

/// A text datum in the current memory context, in the database's encoding.
pub(crate) fn datum(text: &str) -> pg_sys::Datum {
    let Ok(length) = i32::try_from(text.len()) else {
        crate::pg::error::raise(Error::new(Code::OutOfMemory, "text is too long for Postgres"))
    };
    // SAFETY: the pointer and length are those of `text`; Postgres copies.
    unsafe {
        let server = pg_sys::pg_any_to_server(text.as_ptr().cast(), length, pg_sys::pg_enc::PG_UTF8 as i32);
        if std::ptr::eq(server.cast::<u8>(), text.as_ptr()) {
            return pg_sys::Datum::from(pg_sys::cstring_to_text_with_len(text.as_ptr().cast(), length));
        }
        pg_sys::Datum::from(pg_sys::cstring_to_text(server))
    }
}

/// A C string for Postgres, in the database's encoding.
///
/// # Errors
/// [`Code::InvalidText`] when the text holds a NUL.
pub(crate) fn c(text: &str) -> Result<CString> {
    let bytes = if text.is_ascii() { text.as_bytes().to_vec() } else { server_bytes(text) };
    CString::new(bytes).map_err(|_| Error::new(Code::InvalidText, "a name or text with a NUL character cannot be used"))
}

/// `text` in the database's encoding.
fn server_bytes(text: &str) -> Vec<u8> {
    // SAFETY: the datum is a fresh, flat varlena of the current context.
    unsafe {
        let flat = datum(text).cast_mut_ptr::<pg_sys::varlena>();
        let bytes = pgrx::varlena::varlena_to_byte_slice(flat).to_vec();
        pg_sys::pfree(flat.cast());
        bytes
    }
}
