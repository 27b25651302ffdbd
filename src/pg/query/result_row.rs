//! One row of a query's result, its values read as the types that they are of.

use crate::base::{Code, Error, Result};
use crate::pg::backend::{compat, error, text};
use crate::pg::datum::array;
use crate::pg::datum::value_form::type_name;
use pgrx::pg_sys;

/// The bytes of a uuid.
pub(crate) type Uuid = [u8; 16];

/// One row of a result; columns count from 1.
pub(crate) struct Row {
    values: Values,
    desc: pg_sys::TupleDesc,
}

/// Where the values of a row lie.
enum Values {
    /// In a tuple of an SPI result.
    Tuple(pg_sys::HeapTuple),
    /// Side by side, as the executor has them: values and whether they are NULL.
    Slot(*const pg_sys::Datum, *const bool),
}

impl Row {
    /// The row of an SPI result.
    ///
    /// # Safety
    /// The tuple is of that type, and both live while the row is used.
    pub(crate) unsafe fn in_result(tuple: pg_sys::HeapTuple, desc: pg_sys::TupleDesc) -> Self {
        Self { values: Values::Tuple(tuple), desc }
    }

    /// The row that the executor has in `slot`, all columns deformed.
    ///
    /// # Safety
    /// The slot is live, and stays as it is while the row is used.
    pub(crate) unsafe fn of(slot: *mut pg_sys::TupleTableSlot) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self { values: Values::Slot((*slot).tts_values, (*slot).tts_isnull), desc: (*slot).tts_tupleDescriptor } }
    }

    /// The raw datum and its type; none for NULL. It dies with the row.
    pub(crate) fn datum(&self, column: i32) -> Option<(pg_sys::Oid, pg_sys::Datum)> {
        let mut null = false;
        // SAFETY: tuple and descriptor are those of the live SPI result, for which SPI checks the column number; a slot has as many values
        // as its row type has columns.
        unsafe {
            let d = match self.values {
                Values::Tuple(tuple) => pg_sys::SPI_getbinval(tuple, self.desc, column, &raw mut null),
                Values::Slot(values, nulls) => {
                    let at = usize::try_from(column - 1).ok().filter(|_| column <= (*self.desc).natts)?;
                    null = *nulls.add(at);
                    *values.add(at)
                }
            };
            (!null).then(|| (compat::attribute(self.desc, usize::try_from(column).unwrap_or(1) - 1).atttypid, d))
        }
    }

    /// Any value in its text form.
    pub(crate) fn text(&self, column: i32) -> Option<String> {
        let (typ, datum) = self.datum(column)?;
        if typ == pg_sys::TEXTOID {
            // SAFETY: a text of the live row; a detoasted copy is freed.
            return Some(unsafe { text::with_text(datum, str::to_owned) });
        }
        // SAFETY: the datum is of the type that the row's description says.
        Some(unsafe { text::with_value(datum, typ, str::to_owned) })
    }

    /// The datum of a column that is of one of `types`; none for NULL. What is of another type is read as none of them: the tables are
    /// those that the script made, but a datum that is taken for a pointer and is none would end the server.
    fn typed(&self, column: i32, types: &[pg_sys::Oid]) -> Option<pg_sys::Datum> {
        let (typ, datum) = self.datum(column)?;
        if types.contains(&typ) {
            return Some(datum);
        }
        error::raise(
            Error::new(Code::Corrupt, "a table of the store is not as the extension made it")
                .detail(format!("Column {column} of a query has type {}, not {}.", type_name(typ), type_name(types[0])))
                .hint("DROP EXTENSION pg_affinity CASCADE; CREATE EXTENSION pg_affinity; and restore the models from a backup."),
        )
    }

    /// smallint, int or bigint.
    pub(crate) fn big(&self, column: i32) -> Option<i64> {
        let (typ, d) = self.datum(column)?;
        Some(match typ {
            pg_sys::INT2OID => i64::from(d.value() as i16),
            pg_sys::INT4OID => i64::from(d.value() as i32),
            _ => self.typed(column, &[pg_sys::INT8OID])?.value() as i64,
        })
    }

    /// int
    pub(crate) fn int(&self, column: i32) -> Option<i32> {
        self.typed(column, &[pg_sys::INT4OID]).map(|d| d.value() as i32)
    }

    /// boolean
    pub(crate) fn bool(&self, column: i32) -> Option<bool> {
        self.typed(column, &[pg_sys::BOOLOID]).map(|d| d.value() & 1 == 1)
    }

    /// oid, regclass, regtype, regrole …
    pub(crate) fn oid(&self, column: i32) -> Option<pg_sys::Oid> {
        let types = [pg_sys::OIDOID, pg_sys::REGCLASSOID, pg_sys::REGTYPEOID, pg_sys::REGROLEOID];
        self.typed(column, &types).map(|d| pg_sys::Oid::from(d.value() as u32))
    }

    /// uuid
    pub(crate) fn uuid(&self, column: i32) -> Option<Uuid> {
        // SAFETY: a uuid of the live row is 16 bytes.
        self.typed(column, &[pg_sys::UUIDOID]).map(|d| unsafe { d.cast_mut_ptr::<Uuid>().read_unaligned() })
    }

    /// double precision
    pub(crate) fn double(&self, column: i32) -> Option<f64> {
        self.typed(column, &[pg_sys::FLOAT8OID]).map(|d| f64::from_bits(d.value() as u64))
    }

    /// Calls `f` with the bytes of a bytea.
    pub(crate) fn bytes<R>(&self, column: i32, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let d = self.typed(column, &[pg_sys::BYTEAOID])?;
        // SAFETY: a bytea datum of the live result; a detoasted copy is freed after use.
        unsafe {
            let raw = d.cast_mut_ptr::<pg_sys::varlena>();
            let flat = pg_sys::pg_detoast_datum_packed(raw);
            let result = f(pgrx::varlena::varlena_to_byte_slice(flat));
            if !std::ptr::eq(flat, raw) {
                pg_sys::pfree(flat.cast());
            }
            Some(result)
        }
    }

    /// text[]; NULL elements are left out.
    pub(crate) fn texts(&self, column: i32) -> Vec<String> {
        let Some(d) = self.typed(column, &[pg_sys::TEXTARRAYOID]) else { return Vec::new() };
        let mut out = Vec::new();
        // SAFETY: a text[] of the live result; the copies are Rust's own.
        if let Err(e) = unsafe { array::texts(d, usize::MAX, &mut out) } {
            error::raise(e)
        }
        out
    }

    /// oid[]; NULL elements are none.
    pub(crate) fn oids(&self, column: i32) -> Vec<pg_sys::Oid> {
        let Some(d) = self.typed(column, &[pg_sys::OIDARRAYOID]) else { return Vec::new() };
        // SAFETY: an oid[] of the live result; the copies are Rust's own.
        let items = unsafe { <Vec<Option<pg_sys::Oid>> as pgrx::FromDatum>::from_datum(d, false) };
        items.unwrap_or_default().into_iter().map(|o| o.unwrap_or(pg_sys::InvalidOid)).collect()
    }

    /// A document.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when it cannot be read.
    pub(crate) fn json(&self, column: i32) -> Result<serde_json::Value> {
        let text = self.text(column).unwrap_or_else(|| "null".into());
        serde_json::from_str(&text).map_err(|e| Error::new(Code::Corrupt, "a stored document cannot be read").detail(format!("{e}.")))
    }
}
