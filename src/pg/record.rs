//! A row argument read by hand: columns found by name once a plan, values read in place once a row.
//!
//! pgrx's way by name costs 5 to 8 µs a row of 24 columns, this one 0.1 µs.

use crate::base::{Code, Error, Result, names};
use crate::dataset::Cell;
use crate::pg::array;
use crate::pg::columns::{self, Form, Reader};
use crate::pg::text;
use crate::pg::tuple::Layout;
use crate::train::{Family, Input};
use pgrx::{PgTupleDesc, pg_sys};
use std::ffi::CStr;

/// How to read the columns that a model wants from rows of one type. Good for one statement: ALTER TABLE changes a type between two.
pub(crate) struct RowReader {
    typ: pg_sys::Oid,
    typmod: i32,
    layout: Layout,
    picks: Vec<Pick>,
}

struct Pick {
    attribute: usize,
    /// How the value is read without its reader, for the plain numbers that most rows are made of.
    plain: Option<Plain>,
    reader: Reader,
    family: Family,
}

/// Values that stand in the row as they are.
#[derive(Clone, Copy)]
enum Plain {
    Float4,
    Float8,
    Int2,
    Int4,
    Int8,
}

impl Plain {
    fn of(form: Form, family: Family) -> Option<Self> {
        match (form, family) {
            (Form::Float4, Family::Number) => Some(Self::Float4),
            (Form::Float8, Family::Number) => Some(Self::Float8),
            (Form::Int2, Family::Number) => Some(Self::Int2),
            (Form::Int4, Family::Number) => Some(Self::Int4),
            (Form::Int8, Family::Number) => Some(Self::Int8),
            _ => None,
        }
    }

    /// The value at `p`; NaN and the infinities are missing.
    ///
    /// # Safety
    /// `p` points at a value of this type.
    #[inline]
    unsafe fn read<'a>(self, p: *const u8) -> Cell<'a> {
        // SAFETY: the caller's promise; Postgres aligns the values of these types.
        let x = unsafe {
            match self {
                Self::Float4 => f64::from(p.cast::<f32>().read()),
                Self::Float8 => p.cast::<f64>().read(),
                Self::Int2 => f64::from(p.cast::<i16>().read()),
                Self::Int4 => f64::from(p.cast::<i32>().read()),
                Self::Int8 => p.cast::<i64>().read() as f64,
            }
        };
        if x.is_finite() { Cell::Number(x) } else { Cell::Missing }
    }
}

/// A row as it was handed over: a composite datum, detoasted.
pub(crate) struct Row {
    header: pg_sys::HeapTupleHeader,
    typ: pg_sys::Oid,
    typmod: i32,
}

impl Row {
    /// The row behind a datum of type `record` (or of a named row type).
    pub(crate) fn of(datum: pg_sys::Datum) -> Self {
        // SAFETY: the argument is declared record, so that the datum is a composite varlena, which always carries its type.
        // What is not plain (short, compressed, expanded) is copied into the context of the row.
        unsafe {
            let raw = datum.cast_mut_ptr::<pg_sys::varlena>();
            let plain = if pgrx::varatt_is_4b_u(raw) { raw } else { pg_sys::pg_detoast_datum(raw) };
            let header: pg_sys::HeapTupleHeader = plain.cast();
            let of = (*header).t_choice.t_datum;
            Self { header, typ: of.datum_typeid, typmod: of.datum_typmod }
        }
    }
}

impl RowReader {
    /// A reader of `inputs`, in that order, from rows like `row`.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`] when the row lacks one, [`Code::WrongType`] when a column's type cannot serve.
    pub(crate) fn new(row: &Row, inputs: &[Input]) -> Result<Self> {
        // SAFETY: the type of a composite datum is known to the type cache; the descriptor's reference is given back when it is dropped.
        let desc = unsafe { PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(row.typ, row.typmod)) };
        let mut picks = Vec::with_capacity(inputs.len());
        for input in inputs {
            let found = desc.iter().enumerate().find(|(_, a)| !a.attisdropped && name(a) == input.name);
            let (attribute, a) = found.ok_or_else(|| missing(&input.name, &desc))?;
            let reader = Reader::new(a.atttypid, &input.name)?;
            if !serves(reader.form().family(), input.family) {
                return Err(wrong_type(input, a.atttypid));
            }
            let plain = Plain::of(reader.form(), input.family);
            picks.push(Pick { attribute, plain, reader, family: input.family });
        }
        let wanted = picks.iter().map(|p| p.attribute + 1).max().unwrap_or(0);
        Ok(Self { typ: row.typ, typmod: row.typmod, layout: Layout::new(&desc, wanted), picks })
    }

    /// Whether `row` is of the type that this reader was made for.
    pub(crate) fn fits(&self, row: &Row) -> bool {
        self.typ == row.typ && self.typmod == row.typmod
    }

    /// Reads the wanted values of `row` into `cells`, which borrow from the row and from this reader.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a row of another type; whatever a value can be wrong in.
    pub(crate) fn read<'a>(&'a mut self, row: &'a Row, cells: &mut Vec<Cell<'a>>) -> Result<()> {
        if !self.fits(row) {
            return Err(Error::internal("A row of another type than its reader's."));
        }
        cells.reserve(self.picks.len());
        // SAFETY: the header is a whole tuple, of the type whose layout this is.
        let found = unsafe { self.layout.walk(row.header) };
        for p in &mut self.picks {
            cells.push(match (found.at(p.attribute), p.plain) {
                (None, _) => Cell::Missing,
                // SAFETY: a value of the attribute's type, for which `plain` was chosen.
                (Some(at), Some(plain)) => unsafe { plain.read(at) },
                // SAFETY: a live datum of the attribute's type, for which the reader was made.
                (Some(at), None) => unsafe { fit(p.reader.cell(found.datum(p.attribute, at))?, p.family)? },
            });
        }
        Ok(())
    }
}

/// Whether values of family `have` can be given where a model was trained on `want`: numbers and truth values stand for each other.
const fn serves(have: Family, want: Family) -> bool {
    use Family::{Bool, Number, Text, Time, Vector};
    matches!((have, want), (Number | Bool, Number | Bool) | (Text, Text) | (Time, Time) | (Vector(_), Vector(_)))
}

/// A value as the family that the model was trained on.
#[inline]
fn fit(cell: Cell<'_>, family: Family) -> Result<Cell<'_>> {
    match (cell, family) {
        (Cell::Number(x), Family::Bool) => Ok(Cell::Bool(x != 0.0)),
        (Cell::Bool(b), Family::Number) => Ok(Cell::Number(f64::from(u8::from(b)))),
        (Cell::Vector(v), Family::Vector(width)) if v.len() != width as usize => Err(array::wrong_length(v.len(), width as usize)),
        _ => Ok(cell),
    }
}

/// The error for a column whose type cannot serve.
fn wrong_type(input: &Input, typ: pg_sys::Oid) -> Error {
    let want = match input.family {
        Family::Number => "a number",
        Family::Bool => "a boolean or a number",
        Family::Text => "text",
        Family::Time => "a date or a timestamp",
        Family::Vector(_) => "an array of numbers",
    };
    Error::new(Code::WrongType, format!("column \"{}\" is of type {}", input.name, columns::type_name(typ)))
        .detail(format!("The model was trained on {want} there."))
        .hint("Cast the column in a sub-select, or train the model again.")
}

/// The name of an attribute, in the engine's encoding.
fn name(a: &pg_sys::FormData_pg_attribute) -> String {
    // SAFETY: a name is a NUL-terminated array.
    unsafe { text::with_utf8(CStr::from_ptr(a.attname.data.as_ptr()).to_bytes(), str::to_owned) }
}

/// The error for a row without a column that the model needs.
fn missing(wanted: &str, desc: &PgTupleDesc) -> Error {
    let have: Vec<_> = desc.iter().filter(|a| !a.attisdropped).map(name).collect();
    let e = Error::new(Code::UndefinedColumn, format!("row has no column \"{wanted}\""))
        .detail(format!("The row's columns are: {}.", have.join(", ")));
    if have.iter().enumerate().all(|(i, n)| *n == format!("f{}", i + 1)) {
        return e.hint("ROW(…) has no column names; name the columns with a sub-select: (SELECT r FROM (SELECT 1 AS a, 2 AS b) r).");
    }
    match names::nearest(wanted, have.iter().map(String::as_str)) {
        Some(near) => e.hint(format!("Did you mean \"{near}\"? Rename it in a sub-select, or train the model again.")),
        None => e.hint("The model was trained with that column; add it to the row with a sub-select, or train the model again."),
    }
}
