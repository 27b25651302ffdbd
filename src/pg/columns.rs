//! Column types: which types a model can read, and how one value of each becomes a [`Cell`].
//!
//! A scan and a record argument read through the same [`Reader`], so a row means the same in training and in scoring.

use crate::base::{Code, Error, Result, memory};
use crate::dataset::{Cell, Labels};
use crate::pg::{array, numeric, text};
use crate::train::Family;
use half::f16;
use pgrx::pg_sys;
use std::collections::HashMap;
use std::ffi::CStr;

/// The most labels of one row: what a row is about is said in a few.
const MOST_LABELS: usize = 1 << 16;

/// How the datum of a type is read. Domains are read as their base type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// bool
    Bool,
    /// smallint
    Int2,
    /// int
    Int4,
    /// bigint
    Int8,
    /// real
    Float4,
    /// double precision
    Float8,
    /// numeric
    Numeric,
    /// text, varchar
    Text,
    /// char(n): its padding is no part of the value
    Padded,
    /// "char"
    Char,
    /// name
    Name,
    /// an enum
    Enum,
    /// uuid
    Uuid,
    /// date
    Date,
    /// timestamp, timestamptz
    Timestamp,
    /// real[]
    Floats,
    /// double precision[]
    Doubles,
    /// text[], varchar[]
    Texts,
    /// pgvector's vector
    Vector,
    /// pgvector's halfvec
    HalfVector,
}

impl Form {
    /// The form of a type; none for one that no model reads.
    pub(crate) fn of(typ: pg_sys::Oid) -> Option<Self> {
        // SAFETY: catalogue look-ups by oid; an unknown oid comes back as it is.
        let (base, kind) = unsafe {
            let base = pg_sys::getBaseType(typ);
            (base, pg_sys::get_typtype(base))
        };
        Some(match base {
            pg_sys::BOOLOID => Self::Bool,
            pg_sys::INT2OID => Self::Int2,
            pg_sys::INT4OID => Self::Int4,
            pg_sys::INT8OID => Self::Int8,
            pg_sys::FLOAT4OID => Self::Float4,
            pg_sys::FLOAT8OID => Self::Float8,
            pg_sys::NUMERICOID => Self::Numeric,
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Self::Text,
            pg_sys::BPCHAROID => Self::Padded,
            pg_sys::CHAROID => Self::Char,
            pg_sys::NAMEOID => Self::Name,
            pg_sys::UUIDOID => Self::Uuid,
            pg_sys::DATEOID => Self::Date,
            pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => Self::Timestamp,
            pg_sys::FLOAT4ARRAYOID => Self::Floats,
            pg_sys::FLOAT8ARRAYOID => Self::Doubles,
            pg_sys::TEXTARRAYOID | pg_sys::VARCHARARRAYOID => Self::Texts,
            _ if kind as u8 == pg_sys::TYPTYPE_ENUM => Self::Enum,
            _ => return of_pgvector(base),
        })
    }

    /// The family of the values. A vector's width is known only when one is read: 0 here.
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Bool => Family::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Float4 | Self::Float8 | Self::Numeric => Family::Number,
            Self::Text | Self::Padded | Self::Char | Self::Name | Self::Enum | Self::Uuid => Family::Text,
            Self::Date | Self::Timestamp => Family::Time,
            Self::Floats | Self::Doubles | Self::Vector | Self::HalfVector => Family::Vector(0),
            Self::Texts => Family::Labels,
        }
    }

    /// Whether reading a value may allocate Postgres memory (a detoasted copy).
    pub(crate) const fn allocates(self) -> bool {
        !matches!(
            self,
            Self::Bool
                | Self::Int2
                | Self::Int4
                | Self::Int8
                | Self::Float4
                | Self::Float8
                | Self::Char
                | Self::Name
                | Self::Uuid
                | Self::Date
                | Self::Timestamp
        )
    }
}

/// Whether the values of a type are rows.
pub(crate) fn is_row(typ: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid; an unknown oid comes back as it is.
    unsafe {
        let base = pg_sys::getBaseType(typ);
        base == pg_sys::RECORDOID || pg_sys::get_typtype(base) as u8 == pg_sys::TYPTYPE_COMPOSITE
    }
}

/// pgvector's types are known by their name and by the extension that they belong to: another type called `vector` has another layout.
fn of_pgvector(base: pg_sys::Oid) -> Option<Form> {
    // SAFETY: catalogue look-ups; the names are NUL-terminated copies or NULL.
    unsafe {
        let extension = pg_sys::getExtensionOfObject(pg_sys::TypeRelationId, base);
        if extension == pg_sys::InvalidOid {
            return None;
        }
        let name = pg_sys::get_extension_name(extension);
        if name.is_null() || CStr::from_ptr(name) != c"vector" {
            return None;
        }
        match CStr::from_ptr(pg_sys::format_type_be(base)).to_bytes().rsplit(|&b| b == b'.').next() {
            Some(b"vector") => Some(Form::Vector),
            Some(b"halfvec") => Some(Form::HalfVector),
            _ => None,
        }
    }
}

/// Reads the values of one column, one at a time; owns the room that a value may need until the next is read.
#[derive(Debug)]
pub(crate) struct Reader {
    form: Form,
    typ: pg_sys::Oid,
    text: String,
    floats: Vec<f32>,
    texts: Vec<String>,
    labels: HashMap<u32, String>,
}

impl Reader {
    /// A reader for a type.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a type that no model reads; `column` is for the message.
    pub(crate) fn new(typ: pg_sys::Oid, column: &str) -> Result<Self> {
        let form = Form::of(typ).ok_or_else(|| {
            Error::new(Code::WrongType, format!("column \"{column}\" has type {}, which no model reads", type_name(typ)))
                .hint("Cast it to a number, text, a date or an array of real in a view, or leave it out.")
        })?;
        Ok(Self { form, typ, text: String::new(), floats: Vec::new(), texts: Vec::new(), labels: HashMap::new() })
    }

    /// The form that is read.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// The value of a datum that is not NULL. A number or instant that is none (NaN, infinity) is missing.
    ///
    /// Detoasted copies are left to the current memory context.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] for an array of more than one dimension, [`Code::Corrupt`] for a vector that is not what its header says.
    ///
    /// # Safety
    /// `datum` is a live datum of the reader's type and outlives the result.
    #[inline]
    pub(crate) unsafe fn cell<'a>(&'a mut self, datum: pg_sys::Datum) -> Result<Cell<'a>> {
        let bits = datum.value();
        Ok(match self.form {
            Form::Bool => Cell::Bool(bits & 1 == 1),
            Form::Int2 => Cell::Number(f64::from(bits as i16)),
            Form::Int4 => Cell::Number(f64::from(bits as i32)),
            Form::Int8 => Cell::Number(bits as i64 as f64),
            Form::Float4 => number(f64::from(f32::from_bits(bits as u32))),
            Form::Float8 => number(f64::from_bits(bits as u64)),
            Form::Date => date(bits as i32).map_or(Cell::Missing, Cell::Time),
            Form::Timestamp => instant(bits as i64).map_or(Cell::Missing, Cell::Time),
            // SAFETY: handed on from the caller.
            _ => unsafe { self.by_reference(datum)? },
        })
    }

    unsafe fn by_reference<'a>(&'a mut self, datum: pg_sys::Datum) -> Result<Cell<'a>> {
        // SAFETY: the caller vouches for the type, so each layout below is the one that Postgres gave it.
        unsafe {
            match self.form {
                Form::Numeric => return Ok(number(numeric::to_f64(datum))),
                Form::Text => text::with_text(datum, |t| memory::replace(&mut self.text, t))?,
                Form::Padded => text::with_text(datum, |t| memory::replace(&mut self.text, t.trim_end_matches(' ')))?,
                Form::Char => text::with_byte(datum.value() as u8, |t| memory::replace(&mut self.text, t))?,
                Form::Name => {
                    let name = CStr::from_ptr(datum.cast_mut_ptr());
                    text::with_utf8(name.to_bytes(), |t| memory::replace(&mut self.text, t))?;
                }
                Form::Uuid => uuid(&*datum.cast_mut_ptr::<[u8; 16]>(), &mut self.text),
                Form::Enum => return Ok(Cell::Text(self.label(datum))),
                Form::Texts => {
                    array::texts(datum, MOST_LABELS, &mut self.texts)?;
                    return Ok(Cell::Labels(Labels::Texts(&self.texts)));
                }
                _ => return self.vector(datum),
            }
        }
        Ok(Cell::Text(&self.text))
    }

    /// The label of an enum value, looked up once a reader.
    unsafe fn label(&mut self, datum: pg_sys::Datum) -> &str {
        let typ = self.typ;
        self.labels.entry(datum.value() as u32).or_insert_with(|| {
            // SAFETY: a value of this enum type.
            unsafe { text::with_value(datum, typ, str::to_owned) }
        })
    }

    unsafe fn vector(&mut self, datum: pg_sys::Datum) -> Result<Cell<'_>> {
        self.floats.clear();
        // SAFETY: a varlena of the form's type; reads stay inside the size of its header.
        unsafe {
            let raw = datum.cast_mut_ptr::<pg_sys::varlena>();
            let flat = pg_sys::pg_detoast_datum(raw);
            let whole = pgrx::varlena::varlena_to_byte_slice(flat);
            let read = match self.form {
                Form::Floats => array::<4>(whole, &mut self.floats, f32::from_ne_bytes),
                Form::Doubles => array::<8>(whole, &mut self.floats, |b| f64::from_ne_bytes(b) as f32),
                Form::Vector => pgvector::<4>(whole, &mut self.floats, f32::from_ne_bytes),
                _ => pgvector::<2>(whole, &mut self.floats, |b| f16::from_ne_bytes(b).to_f32()),
            };
            if !std::ptr::eq(flat, raw) {
                pg_sys::pfree(flat.cast());
            }
            read?;
        }
        let usable = !self.floats.is_empty() && self.floats.iter().all(|x| x.is_finite());
        Ok(if usable { Cell::Vector(&self.floats) } else { Cell::Missing })
    }
}

/// The elements of a one-dimensional array; `bytes` begin after the varlena header. A NULL element makes the whole value missing.
fn array<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, element: impl Fn([u8; N]) -> f32) -> Result<()> {
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

#[inline]
const fn number<'a>(x: f64) -> Cell<'a> {
    if x.is_finite() { Cell::Number(x) } else { Cell::Missing }
}

/// Days since 2000-01-01 as microseconds; none for ±infinity and for what does not fit.
pub(crate) const fn date(days: i32) -> Option<i64> {
    if days == i32::MIN || days == i32::MAX { None } else { (days as i64).checked_mul(86_400_000_000) }
}

/// Microseconds since 2000-01-01; none for ±infinity.
pub(crate) const fn instant(micros: i64) -> Option<i64> {
    if micros == i64::MIN || micros == i64::MAX { None } else { Some(micros) }
}

/// The usual text form of a uuid.
pub(crate) fn uuid(bytes: &[u8; 16], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.clear();
    for (i, b) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(HEX[usize::from(b >> 4)]));
        out.push(char::from(HEX[usize::from(b & 15)]));
    }
}

/// The name of a type for messages.
pub(crate) fn type_name(typ: pg_sys::Oid) -> String {
    // SAFETY: format_type_be gives a NUL-terminated copy for any oid.
    unsafe {
        let name = pg_sys::format_type_be(typ);
        text::with_utf8(CStr::from_ptr(name).to_bytes(), str::to_owned)
    }
}
