//! Values of columns: how one of each type that a model reads becomes a [`Cell`].
//!
//! A scan and a record argument read through the same [`Reader`], so a row means the same in training and in scoring.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, memory, names};
use crate::dataset::{Cell, Key, Labels, ValueType};
use crate::pg::backend::text;
use crate::pg::datum::json_keys::{self, KeyReader};
use crate::pg::datum::value_form::{self, Form, type_name};
use crate::pg::datum::{array_elements, money, numeric};
use crate::train::Family;
use pgrx::pg_sys;
use std::collections::HashMap;
use std::ffi::CStr;

/// Whether the values of a type are rows.
pub(crate) fn is_row(typ: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid; an unknown oid comes back as it is.
    unsafe {
        let base = pg_sys::getBaseType(typ);
        base == pg_sys::RECORDOID || pg_sys::get_typtype(base) as u8 == pg_sys::TYPTYPE_COMPOSITE
    }
}

/// Reads the values of one column, one at a time; owns the room that a value may need until the next is read.
#[derive(Debug)]
pub(crate) struct Reader {
    form: Form,
    typ: pg_sys::Oid,
    /// Reads the elements of an array that is no array of floats.
    element: Option<Box<Self>>,
    /// Whether an array of whole numbers is read as a set.
    set: bool,
    /// Of jsonb: the key that is read.
    key: Option<KeyReader>,
    /// Of money: what one unit is divided into.
    divisor: f64,
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
        let element = match form {
            Form::Numerics | Form::Wholes | Form::Texts | Form::Members => {
                value_form::element(typ).map(|e| Self::new(e, column)).transpose()?.map(Box::new)
            }
            _ => None,
        };
        let divisor = if form == Form::Money { money::divisor() } else { 1.0 };
        Ok(Self { element, divisor, ..Self::plain(form, typ) })
    }

    /// Of a value that is no array, no money and stands under no key.
    fn plain(form: Form, typ: pg_sys::Oid) -> Self {
        let (text, floats, texts, labels) = (String::new(), Vec::new(), Vec::new(), HashMap::new());
        Self { form, typ, element: None, set: false, key: None, divisor: 1.0, text, floats, texts, labels }
    }

    /// A reader of what stands under `key` in a column of jsonb: a number, a truth value or a text, as `family` says where it is known.
    ///
    /// # Errors
    /// [`Code::WrongType`] for another type than jsonb.
    pub(crate) fn of_key(typ: pg_sys::Oid, key: &Key, family: Option<Family>) -> Result<Self> {
        if !json_keys::is_jsonb(typ) {
            return Err(Error::new(Code::WrongType, format!("column \"{}\" has type {}, which has no keys", key.column, type_name(typ)))
                .detail(format!("Key \"{}\" is read from it.", names::shown(&key.key)))
                .hint("Only a column of type jsonb has keys: cast it in a view."));
        }
        let key = Some(KeyReader::new(&key.key, family)?);
        Ok(Self { key, ..Self::plain(Form::Key, typ) })
    }

    /// The same, with arrays of whole numbers read as what `family` says: vectors or sets.
    pub(crate) fn reading(mut self, family: Family) -> Self {
        self.set = family == Family::Labels;
        self
    }

    /// The form that is read.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// The form of the elements; that of the values themselves where they are no array that is read element by element.
    pub(crate) fn element_form(&self) -> Form {
        self.element.as_ref().map_or(self.form, |e| e.form)
    }

    /// The value of a datum that is not NULL. A number or instant that is none (NaN, infinity) is missing.
    ///
    /// Detoasted copies are left to the current memory context.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] for a vector of more than one dimension and for a set of too many members, [`Code::Corrupt`] for a vector that is not what its
    /// header says.
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
            _ => unsafe { self.other(datum)? },
        })
    }

    unsafe fn other<'a>(&'a mut self, datum: pg_sys::Datum) -> Result<Cell<'a>> {
        // SAFETY: the caller vouches for the type, so each layout below is the one that Postgres gave it.
        unsafe {
            match self.form {
                Form::Numeric => return Ok(number(numeric::to_f64(datum))),
                Form::Money => return Ok(Cell::Number(datum.value() as i64 as f64 / self.divisor)),
                Form::Interval => return Ok(seconds(&datum.cast_mut_ptr::<pg_sys::Interval>().read())),
                Form::Clock => return Ok(Cell::Time(clock(datum.value() as i64, 0))),
                Form::ZonedClock => {
                    let t = datum.cast_mut_ptr::<pg_sys::TimeTzADT>().read();
                    return Ok(Cell::Time(clock(t.time, t.zone)));
                }
                Form::Enum => return Ok(Cell::Text(label(&mut self.labels, self.typ, datum))),
                Form::Key => {
                    let Some(key) = &self.key else { return Err(Error::internal("A key without its reader.")) };
                    return key.cell(datum, &mut self.text);
                }
                Form::Wholes if self.set => return self.members(datum),
                Form::Texts | Form::Members => return self.members(datum),
                Form::Floats | Form::Doubles | Form::Numerics | Form::Wholes | Form::Vector | Form::HalfVector => {
                    return self.vector(datum);
                }
                _ => self.word(datum)?,
            }
        }
        Ok(Cell::Text(&self.text))
    }

    /// Leaves a value in `text`: as it is written, in the form in which equal values are the same.
    unsafe fn word(&mut self, datum: pg_sys::Datum) -> Result<()> {
        let (out, bits) = (&mut self.text, datum.value());
        let mut put = |t: &str| memory::replace(out, t);
        // SAFETY: the caller vouches for the type.
        unsafe {
            match self.form {
                Form::Text => text::with_text(datum, put),
                Form::Folded => text::with_lower(datum, put),
                Form::Padded => text::with_text(datum, |t| put(t.trim_end_matches(' '))),
                Form::Char => text::with_byte(bits as u8, put),
                Form::Name => {
                    let name = CStr::from_ptr(datum.cast_mut_ptr());
                    text::with_utf8(name.to_bytes(), put)
                }
                Form::Uuid => {
                    uuid(&*datum.cast_mut_ptr::<[u8; 16]>(), out);
                    Ok(())
                }
                Form::Bool => put(if bits & 1 == 1 { "true" } else { "false" }),
                Form::Int2 => put(&(bits as i16).to_string()),
                Form::Int4 => put(&(bits as i32).to_string()),
                Form::Int8 => put(&(bits as i64).to_string()),
                // Infinite days have no place in the calendar, and names of their own.
                Form::Date => match date(bits as i32) {
                    Some(t) => put(&ValueType::Date.text(t)),
                    None => put(if bits as i32 == i32::MIN { "-infinity" } else { "infinity" }),
                },
                Form::Enum => put(label(&mut self.labels, self.typ, datum)),
                _ => text::with_value(datum, self.typ, put),
            }
        }
    }

    /// The members of an array, in words.
    unsafe fn members(&mut self, datum: pg_sys::Datum) -> Result<Cell<'_>> {
        let Some(element) = &mut self.element else { return Err(Error::internal("An array without a reader of its elements.")) };
        // SAFETY: the elements of an array of the reader's type are of the type of their own reader.
        unsafe {
            array_elements::texts(datum, &mut self.texts, |e, out| {
                element.word(e)?;
                memory::replace(out, &element.text)
            })?;
        }
        Ok(Cell::Labels(Labels::Texts(&self.texts)))
    }

    unsafe fn vector(&mut self, datum: pg_sys::Datum) -> Result<Cell<'_>> {
        // SAFETY: a varlena of the form's type.
        unsafe { array_elements::vector(datum, self.form, self.element_form(), &mut self.floats)? };
        let usable = !self.floats.is_empty() && self.floats.iter().all(|x| x.is_finite());
        Ok(if usable { Cell::Vector(&self.floats) } else { Cell::Missing })
    }
}

/// The label of an enum value, looked up once a reader.
///
/// # Safety
/// `datum` is a value of the enum `typ`.
unsafe fn label(labels: &mut HashMap<u32, String>, typ: pg_sys::Oid, datum: pg_sys::Datum) -> &str {
    // SAFETY: the caller's promise.
    labels.entry(datum.value() as u32).or_insert_with(|| unsafe { text::with_value(datum, typ, str::to_owned) })
}

/// A number; missing where it is none.
#[inline]
pub(crate) const fn number<'a>(x: f64) -> Cell<'a> {
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

/// What an interval counts as, in seconds; missing where it is infinite, which Postgres has from 17 on.
fn seconds<'a>(i: &pg_sys::Interval) -> Cell<'a> {
    const MONTH: i64 = 30;
    match (i.month, i.day, i.time) {
        (i32::MIN, i32::MIN, i64::MIN) | (i32::MAX, i32::MAX, i64::MAX) => Cell::Missing,
        (months, days, micros) => {
            let days = i64::from(months) * MONTH + i64::from(days);
            Cell::Number(days.real() * 86_400.0 + micros.real() / 1e6)
        }
    }
}

/// A time of day as an instant of the day that instants are counted from; `west` are the seconds that its zone is behind UTC. The end of a
/// day, 24:00, stays in it.
fn clock(micros: i64, west: i32) -> i64 {
    const DAY: i64 = 86_400_000_000;
    match west {
        0 => micros.clamp(0, DAY - 1),
        _ => (micros + i64::from(west) * 1_000_000).rem_euclid(DAY),
    }
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
