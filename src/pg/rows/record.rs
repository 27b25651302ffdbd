//! A row argument read by hand: columns found by name once a plan, values read in place once a row.
//!
//! pgrx's way by name costs 5 to 8 µs a row of 24 columns, this one 0.1 µs.

use crate::base::{Code, Error, Result};
use crate::dataset::Cell;
use crate::pg::backend::text;
use crate::pg::datum::tuple::Layout;
use crate::pg::datum::value_form::type_name;
use crate::pg::rows::input_columns::{Given, Pick, Plain, numbers, picks};
use crate::train::Input;
use pgrx::{PgTryBuilder, PgTupleDesc, pg_sys};
use std::ffi::CStr;
use std::panic::AssertUnwindSafe;

/// How to read the columns that a model wants from rows of one type, kept for one statement.
///
/// The type may change meanwhile. A table that the statement reads cannot be altered: other sessions wait for its lock, and the own one is
/// refused (CheckTableNotInUse). But nothing locks a free-standing composite type, and a function that the statement calls can ALTER TYPE
/// between two rows, and make rows of the old and of the new form. ALTER ATTRIBUTE … TYPE changes what the bytes mean; read as what they
/// were, a number would be a pointer. So a reader is for rows of one form, by three rules:
///
/// - [`RowReader::fits`] compares type and typmod. Of `record` the typmod names a descriptor that never changes. Of a named type, newer minor
///   releases (15.20 is one) write the type's version into the typmod and the tuple's ctid, so rows of two forms differ; older ones write −1.
/// - It also asks whether the type cache still has the descriptor that the reader was made from ([`Watch`]): no row of another form can be made
///   before that has changed.
/// - A reader is made by way of heap_deform_tuple, which on those newer releases refuses a row that is older than its type's last change.
///   On older ones such a row, kept by a sort or a CTE over an ALTER TYPE of the own session, is misread by Postgres's own functions too.
pub(crate) struct RowReader {
    typ: pg_sys::Oid,
    form: Form,
    watch: Watch,
    layout: Layout,
    picks: Vec<Pick>,
    /// Where all are plain numbers: [`numbers`]. They go without cells, to scales that one kernel applies (see [`crate::kernel::linear`]).
    numbers: Option<Vec<(usize, Plain)>>,
}

/// What tells the forms of rows of one type apart: the typmod, and the ctid, which holds the rest of a version. Rows that some foreign data
/// wrapper gave a ctid of its own differ each; they only cost a reader each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Form {
    typmod: i32,
    version: [u16; 3],
}

/// The descriptor of a named row type as it was when it was last asked for.
struct Watch {
    /// Null for `record`.
    entry: *const pg_sys::TypeCacheEntry,
    identifier: u64,
}

impl Watch {
    fn of(typ: pg_sys::Oid) -> Self {
        if typ == pg_sys::RECORDOID {
            return Self { entry: std::ptr::null(), identifier: 0 };
        }
        // SAFETY: any type may be asked for; an entry lives as long as the backend.
        unsafe {
            let entry = pg_sys::lookup_type_cache(typ, pg_sys::TYPECACHE_TUPDESC as i32).cast_const();
            Self { entry, identifier: (*entry).tupDesc_identifier }
        }
    }

    /// Whether nothing has changed: Postgres sets the identifier to 0 when it hears of a change, for those who watch it.
    #[inline]
    fn same(&self) -> bool {
        // SAFETY: null, or an entry, which lives as long as the backend.
        unsafe { self.entry.as_ref().is_none_or(|e| e.tupDesc_identifier == self.identifier) }
    }
}

/// A row as it was handed over: a composite datum, detoasted.
pub(crate) struct Row {
    header: pg_sys::HeapTupleHeader,
    typ: pg_sys::Oid,
    form: Form,
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
            // The three parts of a ctid: of a record, and of a row without a version, they say nothing.
            let ctid = (*header).t_ctid;
            let named = of.datum_typeid != pg_sys::RECORDOID && of.datum_typmod != -1;
            let version = if named { [ctid.ip_blkid.bi_hi, ctid.ip_blkid.bi_lo, ctid.ip_posid] } else { [0; 3] };
            Self { header, typ: of.datum_typeid, form: Form { typmod: of.datum_typmod, version } }
        }
    }
}

impl Row {
    /// Has Postgres take the row apart by `desc`, which fails for a row of an earlier form.
    ///
    /// # Errors
    /// [`Code::WrongState`].
    fn check(&self, desc: &PgTupleDesc) -> Result<()> {
        let mut values = vec![pg_sys::Datum::null(); desc.len()];
        let mut nulls = vec![true; desc.len()];
        // SAFETY: a whole tuple with its own length; values and nulls have an element for each attribute. The values point into the tuple
        // and are not used.
        PgTryBuilder::new(AssertUnwindSafe(|| unsafe {
            let mut tuple: pg_sys::HeapTupleData = std::mem::zeroed();
            tuple.t_len = pgrx::varsize_4b(self.header.cast()) as u32;
            tuple.t_data = self.header;
            pg_sys::heap_deform_tuple(&raw mut tuple, desc.as_ptr(), values.as_mut_ptr(), nulls.as_mut_ptr());
            Ok(())
        }))
        .catch_others(|_| {
            Err(Error::new(Code::WrongState, "row is of an earlier form of its type")
                .detail(format!("Type {} was altered after the row had been made.", type_name(self.typ)))
                .hint("Run the statement again, so that it makes the row after the change."))
        })
        .execute()
    }
}

impl RowReader {
    /// A reader of `inputs`, in that order, from rows like `row`.
    ///
    /// # Errors
    /// Those of [`picks`]; [`Code::WrongState`] for a row that is older than its type's last change, where the server can tell.
    pub(crate) fn new(row: &Row, inputs: &[Input]) -> Result<Self> {
        let watch = Watch::of(row.typ);
        // SAFETY: the type of a composite datum is known to the type cache; the descriptor's reference is given back when it is dropped.
        let desc = unsafe { PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(row.typ, row.form.typmod)) };
        row.check(&desc)?;
        let live = desc.iter().enumerate().filter(|(_, a)| !a.attisdropped);
        let given: Vec<_> = live.map(|(place, a)| Given { name: name(a), typ: a.atttypid, place }).collect();
        let picks = picks(&given, inputs)?;
        let wanted = picks.iter().map(|p| p.place + 1).max().unwrap_or(0);
        let numbers = numbers(&picks);
        Ok(Self { typ: row.typ, form: row.form, watch, layout: Layout::new(&desc, wanted), picks, numbers })
    }

    /// Whether `row` is of the type and the form that this reader was made for.
    #[inline]
    pub(crate) fn fits(&self, row: &Row) -> bool {
        self.typ == row.typ && self.form == row.form && self.watch.same()
    }

    /// Reads the wanted values of `row` into `out` if they are plain numbers all, NaN for NULL; otherwise says false.
    ///
    /// # Errors
    /// As [`RowReader::read`].
    pub(crate) fn numbers(&mut self, row: &Row, out: &mut Vec<f64>) -> Result<bool> {
        self.check(row)?;
        let Some(numbers) = &self.numbers else { return Ok(false) };
        // SAFETY: the header is a whole tuple, of the type and form whose layout this is, by the rules of `RowReader`.
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
        // SAFETY: the header is a whole tuple, of the type and form whose layout this is, by the rules of `RowReader`.
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
