//! Keys of jsonb objects as columns: a number, a truth value or a text in each row.

use crate::base::memory::{self, reserve, reserve_slowly};
use crate::base::number::AsIndex;
use crate::base::{Code, Error, Result, interrupts};
use crate::dataset::{Cell, Key, MISSING_CODE, Values};
use crate::pg::backend::text;
use crate::pg::datum::levels::Levels;
use crate::pg::datum::numeric;
use crate::pg::datum::sift;
use crate::train::Family;
use pgrx::pg_sys;
use std::ffi::CString;
use std::fmt::Write;

/// Whether a type, or what a domain is over, is jsonb.
pub(crate) fn is_jsonb(typ: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up by oid; an unknown oid comes back as it is.
    unsafe { pg_sys::getBaseType(typ) == pg_sys::JSONBOID }
}

/// The keys that the parameters of a training name, column by column.
pub(crate) fn of(params: &serde_json::Value) -> Vec<Key> {
    let columns = params.get("keys").and_then(serde_json::Value::as_object).into_iter().flatten();
    let each = |(column, keys): (&String, &serde_json::Value)| {
        let keys = keys.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        keys.map(|key| Key { column: column.clone(), key: key.to_owned() }).collect::<Vec<_>>()
    };
    columns.flat_map(each).collect()
}

/// Reads what stands under a key.
#[derive(Debug)]
pub(crate) struct KeyReader {
    /// In the database's encoding.
    key: CString,
    family: Option<Family>,
}

impl KeyReader {
    /// For a key whose values a model learned as `family`.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for a key with a NUL.
    pub(crate) fn new(key: &str, family: Option<Family>) -> Result<Self> {
        Ok(Self { key: text::c(key)?, family })
    }

    /// The value of an object under the key, as what was learned; missing for what is no such value, and where there is no such key, or no
    /// object. `out` is room for a text.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    ///
    /// # Safety
    /// `datum` is a live jsonb; a copy of a toasted one is left to the current memory context.
    pub(crate) unsafe fn cell<'a>(&self, datum: pg_sys::Datum, out: &'a mut String) -> Result<Cell<'a>> {
        // SAFETY: the caller's promise. Only an object is searched; what is found lies in the document, or in the value that is passed to
        // be filled. The field of its union is the one that its type says.
        unsafe {
            let document = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::Jsonb>();
            let root = &raw mut (*document).root;
            if (*root).header & pg_sys::JB_FOBJECT == 0 {
                return Ok(Cell::Missing);
            }
            let mut value: pg_sys::JsonbValue = std::mem::zeroed();
            let length = i32::try_from(self.key.as_bytes().len()).unwrap_or(0);
            let found = pg_sys::getKeyJsonValueFromContainer(root, self.key.as_ptr(), length, &raw mut value);
            let Some(found) = found.as_ref() else { return Ok(Cell::Missing) };
            match found.type_ {
                pg_sys::jbvType::jbvNumeric => {
                    let x = numeric::to_f64(pg_sys::Datum::from(found.val.numeric));
                    self.number(x, out)
                }
                pg_sys::jbvType::jbvBool => self.truth(found.val.boolean, out),
                pg_sys::jbvType::jbvString if matches!(self.family, None | Some(Family::Text)) => {
                    let s = found.val.string;
                    let bytes = std::slice::from_raw_parts(s.val.cast::<u8>().cast_const(), usize::try_from(s.len).unwrap_or(0));
                    text::with_utf8(bytes, |t| memory::replace(out, t))?;
                    Ok(Cell::Text(out))
                }
                _ => Ok(Cell::Missing),
            }
        }
    }

    fn number<'a>(&self, x: f64, out: &'a mut String) -> Result<Cell<'a>> {
        match self.family {
            None | Some(Family::Number) => Ok(if x.is_finite() { Cell::Number(x) } else { Cell::Missing }),
            Some(Family::Text) => {
                out.clear();
                write!(out, "{x}").map_err(|_| Error::new(Code::OutOfMemory, "out of memory"))?;
                Ok(Cell::Text(out))
            }
            _ => Ok(Cell::Missing),
        }
    }

    fn truth<'a>(&self, b: bool, out: &'a mut String) -> Result<Cell<'a>> {
        match self.family {
            None | Some(Family::Bool) => Ok(Cell::Bool(b)),
            Some(Family::Text) => {
                memory::replace(out, if b { "true" } else { "false" })?;
                Ok(Cell::Text(out))
            }
            _ => Ok(Cell::Missing),
        }
    }
}

/// The values of a key while they are read: numbers where all are numbers, truth values where all are such, otherwise texts.
#[derive(Default)]
pub(crate) struct Scalars {
    /// NaN for what is no number.
    numbers: Vec<f64>,
    /// [`MISSING_CODE`] for a number, and for what is missing.
    codes: Vec<u32>,
    levels: Levels,
    any_number: bool,
    any_truth: bool,
    any_text: bool,
}

impl Scalars {
    /// The bytes to book for the next `rows` rows, with the texts that were met since the last call.
    pub(crate) fn next_block(&mut self, rows: usize) -> usize {
        rows * (size_of::<f64>() + size_of::<u32>()) + self.levels.fresh()
    }

    /// Room for `more` rows.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn reserve(&mut self, more: usize) -> Result<()> {
        reserve_slowly(&mut self.numbers, more)?;
        reserve_slowly(&mut self.codes, more)
    }

    /// Adds a value.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn push(&mut self, cell: Cell<'_>) -> Result<()> {
        let (mut number, mut code) = (f64::NAN, MISSING_CODE);
        match cell {
            Cell::Number(x) => {
                number = x;
                self.any_number = true;
            }
            Cell::Bool(b) => {
                code = self.levels.code(if b { "true" } else { "false" })?;
                self.any_truth = true;
            }
            Cell::Text(t) => {
                code = self.levels.code(t)?;
                self.any_text = true;
            }
            _ => {}
        }
        self.numbers.push(number);
        self.codes.push(code);
        Ok(())
    }

    /// Forgets the rows that `kept` is false of. What kinds of values there were stays known.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn retain(&mut self, kept: &[bool]) -> Result<()> {
        sift::rows(&mut self.numbers, kept);
        sift::rows(&mut self.codes, kept);
        self.levels.keep_used(&mut self.codes)
    }

    /// The column; as `family` where that is asked for.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn finish(mut self, family: Option<Family>) -> Result<Values> {
        let own = match (self.any_number, self.any_truth, self.any_text) {
            (_, false, false) => Family::Number,
            (false, true, false) => Family::Bool,
            _ => Family::Text,
        };
        match family.unwrap_or(own) {
            Family::Number => Ok(Values::Double(self.numbers)),
            Family::Bool => {
                let texts = self.levels.texts();
                let mut out = Vec::new();
                reserve(&mut out, self.codes.len())?;
                out.extend(self.codes.iter().map(|c| texts.get(c.index()).map_or(2, |t| u8::from(t == "true"))));
                Ok(Values::Bool(out))
            }
            _ => {
                for (row, x) in self.numbers.iter().enumerate() {
                    interrupts::check_at(row);
                    if x.is_finite() {
                        self.codes[row] = self.levels.code(&x.to_string())?;
                    }
                }
                Ok(Values::Category { codes: self.codes, levels: self.levels.into_texts() })
            }
        }
    }
}
