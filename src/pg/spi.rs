//! SQL from Rust: one thin module over raw SPI. Reading assigns no transaction id, so it works on a standby and in a parallel worker
//! (pgrx's own Spi does not keep to that and is not used here).
//!
//! The SQL texts are fixed and schema-qualified; their plans are kept per backend, keyed by the text.

use crate::base::{Code, Error, Result};
use crate::pg::columns::type_name;
use crate::pg::{compat, error, text};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;

/// An argument of a statement, with its type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    /// NULL of a type.
    Null(pg_sys::Oid),
    /// int
    Int(i32),
    /// bigint
    Big(i64),
    /// double precision
    Double(f64),
    /// text; `$1::pg_catalog.jsonb` in the statement makes it a document
    Text(&'a str),
    /// bytea
    Bytes(&'a [u8]),
    /// oid
    Oid(pg_sys::Oid),
    /// uuid
    Uuid(Uuid),
}

/// The bytes of a uuid.
pub(crate) type Uuid = [u8; 16];

impl Arg<'_> {
    /// `text`, or NULL of type text.
    pub(crate) fn text_or_null(text: Option<&str>) -> Arg<'_> {
        text.map_or(Arg::Null(pg_sys::TEXTOID), Arg::Text)
    }

    /// The type.
    pub(crate) const fn oid(&self) -> pg_sys::Oid {
        match self {
            Self::Null(t) => *t,
            Self::Int(_) => pg_sys::INT4OID,
            Self::Big(_) => pg_sys::INT8OID,
            Self::Double(_) => pg_sys::FLOAT8OID,
            Self::Text(_) => pg_sys::TEXTOID,
            Self::Bytes(_) => pg_sys::BYTEAOID,
            Self::Oid(_) => pg_sys::OIDOID,
            Self::Uuid(_) => pg_sys::UUIDOID,
        }
    }

    /// The datum, in the current memory context.
    fn datum(&self) -> pg_sys::Datum {
        match self {
            Self::Null(_) => pg_sys::Datum::from(0),
            Self::Int(n) => pg_sys::Datum::from(*n),
            Self::Big(n) => pg_sys::Datum::from(*n),
            Self::Double(x) => pg_sys::Datum::from(x.to_bits()),
            Self::Text(t) => text::datum(t),
            Self::Bytes(b) => pg_sys::Datum::from(pgrx::varlena::rust_byte_slice_to_bytea(b).into_pg()),
            Self::Oid(o) => pg_sys::Datum::from(*o),
            // SAFETY: a fresh chunk of as many bytes, in the current memory context.
            Self::Uuid(u) => unsafe {
                let copy = pg_sys::palloc(u.len()).cast::<Uuid>();
                copy.write(*u);
                pg_sys::Datum::from(copy)
            },
        }
    }
}

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
        // SAFETY: tuple and descriptor are those of the live SPI result, for which SPI checks the column number; a slot has as many values as its row
        // type has columns.
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
        // SAFETY: the output function of the datum's own type gives a NUL-terminated copy.
        unsafe {
            let (mut function, mut varlena) = (pg_sys::InvalidOid, false);
            pg_sys::getTypeOutputInfo(typ, &raw mut function, &raw mut varlena);
            let value = pg_sys::OidOutputFunctionCall(function, datum);
            let owned = text::with_utf8(CStr::from_ptr(value).to_bytes(), str::to_owned);
            pg_sys::pfree(value.cast());
            Some(owned)
        }
    }

    /// The datum of a column that is of one of `types`; none for NULL. What is of another type is read as none of them: the tables are those that the
    /// script made, but a datum that is taken for a pointer and is none would end the server.
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
        // SAFETY: a text[] of the live result; the copies are Rust's own.
        let items = unsafe { <Vec<Option<String>> as pgrx::FromDatum>::from_datum(d, false) };
        items.unwrap_or_default().into_iter().flatten().collect()
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

/// A prepared statement that this backend keeps until it is dropped.
pub(crate) struct Plan(pg_sys::SPIPlanPtr);

impl Plan {
    /// Prepares `sql` for arguments of `types`, in a connection of its own.
    ///
    /// # Errors
    /// [`Code::Internal`] when SPI refuses; a fault of the SQL itself is raised by Postgres.
    pub(crate) fn new(sql: &str, types: &[pg_sys::Oid]) -> Result<Self> {
        connected(|| Self::prepare(sql, types))
    }

    fn prepare(sql: &str, types: &[pg_sys::Oid]) -> Result<Self> {
        let sql = text::c(sql)?;
        let mut types = types.to_vec();
        let count = i32::try_from(types.len()).unwrap_or(i32::MAX);
        // SAFETY: SPI is connected; the strings and types outlive the call, which copies them; the plan is moved out of SPI's memory.
        unsafe {
            let plan = pg_sys::SPI_prepare(sql.as_ptr(), count, types.as_mut_ptr());
            if plan.is_null() {
                let result = pg_sys::SPI_result;
                return Err(Error::internal(format!("SPI_prepare: {result}.")));
            }
            pg_sys::SPI_keepplan(plan);
            Ok(Self(plan))
        }
    }

    /// Runs it for reading, by the snapshot of the statement that called us: `each` gets every row.
    ///
    /// # Errors
    /// Those of `each`.
    pub(crate) fn select<T>(&self, args: &[Arg<'_>], each: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
        connected(|| self.execute(args, true, each))
    }

    /// Runs it through a cursor: `each` gets every row, of which no more than a few are held.
    fn stream(&self, args: &[Arg<'_>], read_only: bool, mut each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        const AT_ONCE: std::ffi::c_long = 64;
        let mut values: Vec<_> = args.iter().map(Arg::datum).collect();
        let nulls: Vec<_> = args.iter().map(|a| if matches!(a, Arg::Null(_)) { b'n' } else { b' ' } as std::ffi::c_char).collect();
        // SAFETY: SPI is connected; values and nulls have one element an argument and outlive the call, which copies them. Each table of rows is freed after
        // `each` has had them. An ERROR of Postgres closes the cursor with the (sub)transaction.
        unsafe {
            let cursor = pg_sys::SPI_cursor_open(std::ptr::null(), self.0, values.as_mut_ptr(), nulls.as_ptr(), read_only);
            let mut result = Ok(());
            while result.is_ok() {
                pg_sys::SPI_cursor_fetch(cursor, true, AT_ONCE);
                let (table, count) = (pg_sys::SPI_tuptable, usize::try_from(pg_sys::SPI_processed).unwrap_or(0));
                if table.is_null() {
                    break;
                }
                result = (0..count).try_for_each(|i| each(&Row { values: Values::Tuple(*(*table).vals.add(i)), desc: (*table).tupdesc }));
                pg_sys::SPI_freetuptable(table);
                if count == 0 {
                    break;
                }
            }
            pg_sys::SPI_cursor_close(cursor);
            result
        }
    }

    fn execute<T>(&self, args: &[Arg<'_>], read_only: bool, mut each: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
        let mut values: Vec<_> = args.iter().map(Arg::datum).collect();
        let nulls: Vec<_> = args.iter().map(|a| if matches!(a, Arg::Null(_)) { b'n' } else { b' ' } as std::ffi::c_char).collect();
        // SAFETY: SPI is connected; values and nulls have one element an argument and outlive the call. The result belongs to this
        // connection, `each` may nest others: the pointers are taken before.
        unsafe {
            let rc = pg_sys::SPI_execute_plan(self.0, values.as_mut_ptr(), nulls.as_ptr(), read_only, 0);
            if rc < 0 {
                return Err(Error::internal(format!("SPI_execute_plan: {rc}.")));
            }
            let (table, count) = (pg_sys::SPI_tuptable, usize::try_from(pg_sys::SPI_processed).unwrap_or(0));
            if table.is_null() {
                return Ok(Vec::new());
            }
            (0..count).map(|i| each(&Row { values: Values::Tuple(*(*table).vals.add(i)), desc: (*table).tupdesc })).collect()
        }
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: a kept plan of our own, freed once.
        unsafe { pg_sys::SPI_freeplan(self.0) };
    }
}

thread_local! {
    /// Plans of the fixed texts. Postgres revalidates them when tables change and checks rights at each run.
    static KEPT: RefCell<HashMap<&'static str, &'static Plan>> = RefCell::new(HashMap::new());
}

/// Runs a fixed text for reading; see [`Plan::select`].
///
/// # Errors
/// Those of `each`.
pub(crate) fn select<T>(sql: &'static str, args: &[Arg<'_>], each: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
    connected(|| kept(sql, args)?.execute(args, true, each))
}

/// The first row of a fixed text, for reading.
///
/// # Errors
/// Those of `each`.
pub(crate) fn first<T>(sql: &'static str, args: &[Arg<'_>], each: impl FnMut(&Row) -> Result<T>) -> Result<Option<T>> {
    Ok(select(sql, args, each)?.into_iter().next())
}

/// Runs a fixed text over the catalogues as they are at this moment, also where the statement's snapshot is older: what is planned next is planned by
/// what is there now.
///
/// # Errors
/// Those of `each`.
pub(crate) fn latest<T>(sql: &'static str, args: &[Arg<'_>], each: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
    // SAFETY: the snapshot of catalogue scans is allowed at any time, in parallel workers too; it is copied when it is pushed, and popped below, or by the
    // end of a failed (sub)transaction.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetCatalogSnapshot(pg_sys::RelationRelationId)) }
    let found = select(sql, args, each);
    // SAFETY: the one that was pushed.
    unsafe { pg_sys::PopActiveSnapshot() }
    found
}

/// Runs a fixed text that writes (or must see what this statement wrote); `each` gets the rows of RETURNING.
///
/// # Errors
/// Those of `each`.
pub(crate) fn write<T>(sql: &'static str, args: &[Arg<'_>], each: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
    connected(|| kept(sql, args)?.execute(args, false, each))
}

/// Runs a fixed text for many rows or large ones: none is held longer than `each` has it. Not `read_only` sees what this statement wrote.
///
/// # Errors
/// Those of `each`.
pub(crate) fn stream(sql: &'static str, args: &[Arg<'_>], read_only: bool, each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    connected(|| kept(sql, args)?.stream(args, read_only, each))
}

/// The text that an EXPLAIN gives. Postgres allows EXPLAIN outside of read-only execution only; it writes nothing and assigns no transaction id.
///
/// # Errors
/// What planning raises.
pub(crate) fn explain(sql: &str) -> Result<String> {
    connected(|| Ok(Plan::prepare(sql, &[])?.execute(&[], false, |r| Ok(r.text(1).unwrap_or_default()))?.concat()))
}

fn kept(sql: &'static str, args: &[Arg<'_>]) -> Result<&'static Plan> {
    if let Some(plan) = KEPT.with_borrow(|k| k.get(sql).copied()) {
        return Ok(plan);
    }
    let types: Vec<_> = args.iter().map(Arg::oid).collect();
    // Leaked on purpose: as many as there are fixed texts, and at the end of a thread Postgres could not be called to free them.
    let plan: &'static Plan = Box::leak(Box::new(Plan::prepare(sql, &types)?));
    KEPT.with_borrow_mut(|k| k.insert(sql, plan));
    Ok(plan)
}

/// Runs `f` inside an SPI connection. An ERROR of Postgres unwinds past it: the end of the (sub)transaction closes the connection.
pub(crate) fn connected<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: connect and finish are paired; memory of the connection is not used after it, results are Rust's own.
    unsafe {
        let rc = pg_sys::SPI_connect();
        if rc != pg_sys::SPI_OK_CONNECT as i32 {
            return Err(Error::internal(format!("SPI_connect: {rc}.")));
        }
        let result = f();
        pg_sys::SPI_finish();
        result
    }
}
