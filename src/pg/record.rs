//! A row argument read by hand: columns found by name once a plan, values read in place once a row.
//!
//! pgrx's way by name costs 5 to 8 µs a row of 24 columns, this one 0.1 µs.

use crate::base::{Error, Result};
use crate::dataset::Cell;
use crate::pg::picks::{Given, Pick, Plain, numbers, picks};
use crate::pg::text;
use crate::pg::tuple::Layout;
use crate::train::Input;
use pgrx::{PgTupleDesc, pg_sys};
use std::ffi::CStr;

/// How to read the columns that a model wants from rows of one type. Good for one statement: ALTER TABLE changes a type between two.
pub(crate) struct RowReader {
    typ: pg_sys::Oid,
    typmod: i32,
    layout: Layout,
    picks: Vec<Pick>,
    /// Where all are plain numbers: [`numbers`].
    numbers: Option<Vec<(usize, Plain)>>,
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
    /// Those of [`picks`].
    pub(crate) fn new(row: &Row, inputs: &[Input]) -> Result<Self> {
        // SAFETY: the type of a composite datum is known to the type cache; the descriptor's reference is given back when it is dropped.
        let desc = unsafe { PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(row.typ, row.typmod)) };
        let live = desc.iter().enumerate().filter(|(_, a)| !a.attisdropped);
        let given: Vec<_> = live.map(|(place, a)| Given { name: name(a), typ: a.atttypid, place }).collect();
        let picks = picks(&given, inputs)?;
        let wanted = picks.iter().map(|p| p.place + 1).max().unwrap_or(0);
        let numbers = numbers(&picks);
        Ok(Self { typ: row.typ, typmod: row.typmod, layout: Layout::new(&desc, wanted), picks, numbers })
    }

    /// Whether `row` is of the type that this reader was made for.
    pub(crate) fn fits(&self, row: &Row) -> bool {
        self.typ == row.typ && self.typmod == row.typmod
    }

    /// Reads the wanted values of `row` into `out` if they are plain numbers all, NaN for NULL; otherwise says false.
    ///
    /// # Errors
    /// As [`RowReader::read`].
    pub(crate) fn numbers(&mut self, row: &Row, out: &mut Vec<f64>) -> Result<bool> {
        self.check(row)?;
        let Some(numbers) = &self.numbers else { return Ok(false) };
        // SAFETY: the header is a whole tuple, of the type whose layout this is.
        let found = unsafe { self.layout.walk(row.header) };
        out.clear();
        out.extend(numbers.iter().map(|(place, plain)| match found.at(*place) {
            // SAFETY: a value of the column's type, for which `plain` was chosen.
            Some(at) => unsafe { plain.at(at) },
            None => f64::NAN,
        }));
        Ok(true)
    }

    /// Reads the wanted values of `row` into `cells`, which borrow from the row and from this reader.
    ///
    /// # Errors
    /// [`crate::base::Code::Internal`] for a row of another type; whatever a value can be wrong in.
    pub(crate) fn read<'a>(&'a mut self, row: &'a Row, cells: &mut Vec<Cell<'a>>) -> Result<()> {
        self.check(row)?;
        // SAFETY: the header is a whole tuple, of the type whose layout this is.
        let found = unsafe { self.layout.walk(row.header) };
        for p in &mut self.picks {
            cells.push(match found.at(p.place) {
                None => Cell::Missing,
                // SAFETY: a live datum of the column's type.
                Some(at) => unsafe { p.cell(found.datum(p.place, at))? },
            });
        }
        Ok(())
    }

    fn check(&self, row: &Row) -> Result<()> {
        if self.fits(row) { Ok(()) } else { Err(Error::internal("A row of another type than its reader's.")) }
    }
}

/// The name of an attribute, in the engine's encoding.
pub(crate) fn name(a: &pg_sys::FormData_pg_attribute) -> String {
    // SAFETY: a name is a NUL-terminated array.
    unsafe { text::with_utf8(CStr::from_ptr(a.attname.data.as_ptr()).to_bytes(), str::to_owned) }
}
