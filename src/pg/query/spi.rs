//! SQL from Rust: one thin module over raw SPI. Reading assigns no transaction id, so it works on a standby and in a parallel worker
//! (pgrx's own Spi assigns one even for a SELECT, by `get_one` and `run`: on a standby "cannot assign TransactionIds during recovery"; it
//! is not used here).
//!
//! The SQL texts are fixed and schema-qualified; their plans are kept per backend, keyed by the text.

use crate::base::{Error, Result};
use crate::pg::backend::text;
pub(crate) use crate::pg::query::result_row::{Row, Uuid};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;

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

/// A prepared statement that this backend keeps until it is dropped.
pub(crate) struct Plan(pg_sys::SPIPlanPtr);

impl Plan {
    /// Prepares `sql` for arguments of `types`, in a connection of its own.
    ///
    /// # Errors
    /// [`crate::base::Code::Internal`] when SPI refuses; a fault of the SQL itself is raised by Postgres.
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
        // SAFETY: SPI is connected; values and nulls have one element an argument and outlive the call, which copies them. Each table of
        // rows is freed after `each` has had them. An ERROR of Postgres closes the cursor with the (sub)transaction.
        unsafe {
            let cursor = pg_sys::SPI_cursor_open(std::ptr::null(), self.0, values.as_mut_ptr(), nulls.as_ptr(), read_only);
            let mut result = Ok(());
            while result.is_ok() {
                pg_sys::SPI_cursor_fetch(cursor, true, AT_ONCE);
                let (table, count) = (pg_sys::SPI_tuptable, usize::try_from(pg_sys::SPI_processed).unwrap_or(0));
                if table.is_null() {
                    break;
                }
                result = (0..count).try_for_each(|i| each(&Row::in_result(*(*table).vals.add(i), (*table).tupdesc)));
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
            (0..count).map(|i| each(&Row::in_result(*(*table).vals.add(i), (*table).tupdesc))).collect()
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

/// Runs a fixed text over the catalogues as they are at this moment, also where the statement's snapshot is older: what is planned next is
/// planned by what is there now.
///
/// # Errors
/// Those of `each`.
pub(crate) fn latest<T>(sql: &'static str, args: &[Arg<'_>], each: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
    // SAFETY: the snapshot of catalogue scans is allowed at any time, in parallel workers too; it is copied when it is pushed, and popped
    // below, or by the end of a failed (sub)transaction.
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

/// The text that an EXPLAIN gives. Postgres allows EXPLAIN outside of read-only execution only; it writes nothing and assigns no
/// transaction id.
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
