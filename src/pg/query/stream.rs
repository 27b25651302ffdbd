//! Rows of a query one by one as the executor makes them: however many there are, none is kept.

use crate::base::{Error, Result};
use crate::pg::backend::{compat, text};
use crate::pg::query::spi::{self, Row};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_int;

/// Calls `each` with every row of `sql`, by the snapshot of the statement that called us. What `each` leaves in the current memory context
/// goes with the row.
///
/// # Errors
/// Those of `each`, which end the query; what the executor raises is raised.
pub(crate) fn rows(sql: &str, mut each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    let sql = text::c(sql)?;
    let mut receiver = Receiver {
        base: pg_sys::DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(startup),
            rShutdown: Some(shutdown),
            rDestroy: Some(shutdown),
            mydest: pg_sys::CommandDest::DestTuplestore,
        },
        each: &mut each,
        short_lived: std::ptr::null_mut(),
        fault: None,
    };
    spi::connected(|| {
        // SAFETY: the receiver outlives the call; its first field is the DestReceiver that Postgres hands back.
        unsafe {
            let mut options: pg_sys::SPIExecuteOptions = std::mem::zeroed();
            options.read_only = true;
            options.dest = (&raw mut receiver).cast();
            let rc = pg_sys::SPI_execute_extended(sql.as_ptr(), &raw const options);
            if rc < 0 { Err(Error::internal(format!("SPI_execute_extended: {rc}."))) } else { Ok(()) }
        }
    })?;
    receiver.fault.map_or(Ok(()), Err)
}

#[repr(C)]
struct Receiver<'a> {
    /// First: Postgres hands us this pointer back.
    base: pg_sys::DestReceiver,
    each: &'a mut dyn FnMut(&Row) -> Result<()>,
    /// Where copies of one row's values live: a child of the query's context.
    short_lived: pg_sys::MemoryContext,
    /// Why the query was ended early.
    fault: Option<Error>,
}

#[pg_guard]
unsafe extern "C-unwind" fn startup(me: *mut pg_sys::DestReceiver, _operation: c_int, _desc: pg_sys::TupleDesc) {
    // SAFETY: the pointer is the receiver that `rows` passed in.
    unsafe { (*me.cast::<Receiver<'_>>()).short_lived = compat::small_context(c"affinity row") }
}

#[pg_guard]
unsafe extern "C-unwind" fn receive(slot: *mut pg_sys::TupleTableSlot, me: *mut pg_sys::DestReceiver) -> bool {
    // SAFETY: the pointer is the receiver that `rows` passed in; the slot is the executor's and has all its attributes once they are
    // deformed; the context switch is undone before returning, and an ERROR in between ends the query with its contexts.
    unsafe {
        let me = &mut *me.cast::<Receiver<'_>>();
        let n = (*(*slot).tts_tupleDescriptor).natts;
        if i32::from((*slot).tts_nvalid) < n {
            pg_sys::slot_getsomeattrs_int(slot, n);
        }
        let before = pg_sys::MemoryContextSwitchTo(me.short_lived);
        let result = (me.each)(&Row::of(slot));
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::MemoryContextReset(me.short_lived);
        me.fault = result.err();
        me.fault.is_none()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn shutdown(_me: *mut pg_sys::DestReceiver) {}
