//! Text over the border: the engine speaks UTF-8, the database its own encoding. Whatever text comes in or goes out passes here.
//!
//! In a database whose encoding is SQL_ASCII nobody says what bytes beyond ASCII mean. What is UTF-8 is read as such; any other byte `b` is
//! the character U+EF00 + `b` of the private use area while it is inside, and the byte again on its way out. So is each byte of a text that
//! holds these very characters.

use crate::base::{Code, Error, Result, memory};
use crate::pg::backend::sqlstate;
use pgrx::pg_sys;
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicI32, Ordering};

const UTF8: i32 = pg_sys::pg_enc::PG_UTF8 as i32;
const SQL_ASCII: i32 = pg_sys::pg_enc::PG_SQL_ASCII as i32;

/// What stands for bytes 0x80 to 0xFF that are no UTF-8, less the byte.
const BYTES: u32 = 0xEF00;

/// The database's encoding, which a backend never changes.
fn encoding() -> i32 {
    static KNOWN: AtomicI32 = AtomicI32::new(-1);
    match KNOWN.load(Ordering::Relaxed) {
        -1 => {
            // SAFETY: reads a global, which is set before a function can be called.
            let encoding = unsafe { pg_sys::GetDatabaseEncoding() };
            KNOWN.store(encoding, Ordering::Relaxed);
            encoding
        }
        known => known,
    }
}

/// Whether the database's encoding is the engine's.
pub(crate) fn is_utf8() -> bool {
    encoding() == UTF8
}

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

/// Calls `f` with the text of a datum in lower case, as citext compares it: by the database's collation, whatever the column's.
///
/// # Safety
/// `datum` is a valid datum of a type that is stored as text is.
pub(crate) unsafe fn with_lower<R>(datum: pg_sys::Datum, f: impl FnOnce(&str) -> R) -> R {
    // SAFETY: the caller vouches for the datum; lower(text) gives a copy, which is freed.
    unsafe {
        let lowered = pg_sys::OidFunctionCall1Coll(pg_sys::Oid::from(pg_sys::F_LOWER_TEXT), pg_sys::DEFAULT_COLLATION_OID, datum);
        let result = with_text(lowered, f);
        pg_sys::pfree(lowered.cast_mut_ptr());
        result
    }
}

/// Calls `f` with a value as its type writes it.
///
/// # Safety
/// `datum` is a live value of type `typ`.
pub(crate) unsafe fn with_value<R>(datum: pg_sys::Datum, typ: pg_sys::Oid, f: impl FnOnce(&str) -> R) -> R {
    // SAFETY: the output function of the value's own type gives a NUL-terminated copy, which is freed.
    unsafe {
        let (mut output, mut varlena) = (pg_sys::InvalidOid, false);
        pg_sys::getTypeOutputInfo(typ, &raw mut output, &raw mut varlena);
        let written = pg_sys::OidOutputFunctionCall(output, datum);
        let result = with_utf8(CStr::from_ptr(written).to_bytes(), f);
        pg_sys::pfree(written.cast());
        result
    }
}

/// The value of type `typ` that is written so, in the current memory context; Postgres raises what is none.
///
/// # Safety
/// `written` is a live C string in the database's encoding, which lives on where Postgres raises an error.
pub(crate) unsafe fn value(written: *mut c_char, typ: pg_sys::Oid) -> pg_sys::Datum {
    // SAFETY: the input function of a type reads a C string.
    unsafe {
        let (mut input, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        pg_sys::getTypeInputInfo(typ, &raw mut input, &raw mut parameter);
        pg_sys::OidInputFunctionCall(input, written, parameter, -1)
    }
}

/// Calls `f` with bytes in the database's encoding as UTF-8. A byte that the encoding has no character for is raised by Postgres (22021,
/// 22P05).
pub(crate) fn with_utf8<R>(bytes: &[u8], f: impl FnOnce(&str) -> R) -> R {
    // Every encoding that a server may have contains ASCII.
    if let Ok(text) = std::str::from_utf8(bytes)
        && (is_utf8() || bytes.is_ascii())
    {
        return f(text);
    }
    match encoding() {
        SQL_ASCII => f(&of_bytes(bytes)),
        UTF8 => f(&String::from_utf8_lossy(bytes)),
        _ => {
            let Ok(length) = i32::try_from(bytes.len()) else { return f("") };
            // SAFETY: Postgres converts (or raises an error) and gives a NUL-terminated copy in the current context, since the encodings
            // differ and there are bytes; `bytes` is not kept.
            unsafe {
                let converted = pg_sys::pg_server_to_any(bytes.as_ptr().cast(), length, UTF8);
                let result = f(&CStr::from_ptr(converted).to_string_lossy());
                pg_sys::pfree(converted.cast());
                result
            }
        }
    }
}

/// A "char": a byte, of which one beyond ASCII is a character of its own only where all characters are bytes; elsewhere it is written as
/// Postgres 16 does.
pub(crate) fn with_byte<R>(byte: u8, f: impl FnOnce(&str) -> R) -> R {
    // SAFETY: reads a global.
    if byte.is_ascii() || (encoding() != SQL_ASCII && unsafe { pg_sys::pg_database_encoding_max_length() } == 1) {
        return with_utf8(&[byte], f);
    }
    f(&format!("\\{byte:03o}"))
}

/// A text datum in the current memory context, in the database's encoding. A character that this lacks is raised by Postgres (22P05).
pub(crate) fn datum(text: &str) -> pg_sys::Datum {
    let bytes = server(text, Lacking::Raise);
    let Ok(length) = i32::try_from(bytes.len()) else {
        sqlstate::raise_ascii(Error::new(Code::OutOfMemory, "text is too long for Postgres"))
    };
    // SAFETY: pointer and length are those of `bytes`; Postgres copies.
    pg_sys::Datum::from(unsafe { pg_sys::cstring_to_text_with_len(bytes.as_ptr().cast(), length) })
}

/// A C string for Postgres, in the database's encoding.
///
/// # Errors
/// [`Code::InvalidText`] when the text holds a NUL.
pub(crate) fn c(text: &str) -> Result<CString> {
    CString::new(server(text, Lacking::Raise))
        .map_err(|_| Error::new(Code::InvalidText, "a name or text with a NUL character cannot be used"))
}

/// A message for Postgres, in the database's encoding: what this lacks is a question mark, for a message must come through.
pub(crate) fn message(text: &str) -> CString {
    let mut bytes = server(text, Lacking::Mark).into_owned();
    bytes.retain(|b| *b != 0);
    CString::new(bytes).unwrap_or_default()
}

/// What becomes of a character that the database's encoding lacks. Of the signs that the engine's own words use each has a plain form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacking {
    /// An error.
    Raise,
    /// A question mark.
    Mark,
}

/// `text` in the database's encoding.
fn server(text: &str, lacking: Lacking) -> Cow<'_, [u8]> {
    if is_utf8() || text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    if encoding() == SQL_ASCII {
        return Cow::Owned(to_bytes(text));
    }
    // Few characters are longer in another encoding, and none by more than a third.
    let mut out = room(text.len() + text.len() / 3 + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let piece = &rest[..rest.floor_char_boundary(PIECE)];
        let done = convert(piece, &mut out);
        rest = &rest[done..];
        if done == piece.len() {
            continue;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { break };
        match (plain(c), lacking) {
            (Some(p), _) => out.extend_from_slice(p.as_bytes()),
            (None, Lacking::Mark) => out.push(b'?'),
            (None, Lacking::Raise) => raise(&rest[..c.len_utf8()]),
        }
        rest = chars.as_str();
    }
    Cow::Owned(out)
}

/// Room for so many bytes.
fn room(bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    memory::reserve(&mut out, bytes).unwrap_or_else(|e| sqlstate::raise_ascii(e));
    out
}

/// Bytes that are converted at a time.
const PIECE: usize = 1 << 14;

/// Converts `piece` as far as the database's encoding has its characters; returns how many bytes that were.
fn convert(piece: &str, out: &mut Vec<u8>) -> usize {
    // No character becomes longer than four times what it is in another encoding.
    let room = 4 * piece.len() + 1;
    let mut buffer = vec![0u8; room];
    // The converters take what ends with a zero byte.
    let source = [piece.as_bytes(), b"\0"].concat();
    let lengths = (i32::try_from(piece.len()), i32::try_from(room));
    let (Ok(length), Ok(room)) = lengths else { return 0 };
    // SAFETY: a catalogue look-up; the converter reads `length` bytes, and writes at most `room` with a zero byte at the end.
    let done = unsafe {
        let converter = pg_sys::FindDefaultConversionProc(UTF8, encoding());
        if converter == pg_sys::InvalidOid {
            return 0;
        }
        let (from, to) = (source.as_ptr().cast_mut(), buffer.as_mut_ptr());
        pg_sys::pg_do_encoding_conversion_buf(converter, UTF8, encoding(), from, length, to, room, true)
    };
    out.extend_from_slice(CStr::from_bytes_until_nul(&buffer).unwrap_or_default().to_bytes());
    usize::try_from(done).unwrap_or(0)
}

/// Has Postgres say that its encoding lacks a character.
fn raise(character: &str) -> ! {
    // SAFETY: as many bytes as are said.
    unsafe { pg_sys::pg_any_to_server(character.as_ptr().cast(), i32::try_from(character.len()).unwrap_or(0), UTF8) };
    sqlstate::raise_ascii(
        Error::new(Code::InvalidText, "a character has no equivalent in the database's encoding")
            .detail(format!("It is U+{:04X}.", character.chars().next().map_or(0, u32::from))),
    )
}

/// A sign of the engine's own words in ASCII.
const fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '…' => "...",
        '–' | '—' | '−' => "-",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '×' => "x",
        '·' => "*",
        '≤' => "<=",
        '≥' => ">=",
        _ => return None,
    })
}

/// Bytes of a database that does not say what they mean; see above.
fn of_bytes(bytes: &[u8]) -> String {
    let stand_in = |b: &u8| char::from_u32(BYTES + u32::from(*b));
    let each = |f: &mut dyn FnMut(char)| {
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                if is_stand_in(c) { c.encode_utf8(&mut [0; 4]).as_bytes().iter().filter_map(stand_in).for_each(&mut *f) } else { f(c) }
            }
            chunk.invalid().iter().filter_map(stand_in).for_each(&mut *f);
        }
    };
    let mut length = 0;
    each(&mut |c| length += c.len_utf8());
    let mut out = String::new();
    if out.try_reserve_exact(length).is_err() {
        sqlstate::raise_ascii(Error::new(Code::OutOfMemory, "out of memory"))
    }
    each(&mut |c| out.push(c));
    out
}

/// Back from [`of_bytes`].
fn to_bytes(text: &str) -> Vec<u8> {
    let mut out = room(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(BYTES)) {
            Ok(b) if is_stand_in(c) => out.push(b),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

fn is_stand_in(c: char) -> bool {
    (BYTES + 0x80..=BYTES + 0xFF).contains(&u32::from(c))
}

/// An identifier in double quotes.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal, the same whatever standard_conforming_strings says.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}
