//! Results that are made by hand: a `real[]`, a row.

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::impl_sql_translatable;

/// A datum of the type that SQL declares, in the memory context of the call. What Rust declares of it is no type of its own: functions that
/// read their arguments by hand are compared by name only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer(pub pg_sys::Datum);

impl_sql_translatable!(Answer, "anyelement");

// SAFETY: the datum is handed on as it is; who makes an answer vouches for its type and its memory.
unsafe impl BoxRet for Answer {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: as above.
        unsafe { fcinfo.return_raw_datum(self.0) }
    }
}
