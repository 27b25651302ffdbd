//! What the running statement sees, as a value that can be compared: while it stays the same, what was read stays true.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Snapshot, command, transaction and user of the running statement. Two equal stamps see the same rows with the same rights.
///
/// Of other sessions' rows the bounds of the snapshot and how many transactions run between them decide: below the same `xmax` transactions
/// only end, so equal counts are equal sets. A snapshot says nothing of the session's own transaction: its rows are there by its own
/// number, `own`, which no bound holds, up to `command`, and go with a subtransaction that is rolled back, without a new snapshot where the
/// isolation keeps one. That is what `ended` is for. Once it has ended, the bounds hold its number as any other; of one that wrote nothing
/// there is none, and what was read before it stays true. (A count of ended transactions told as much, and each of 200 statements looked
/// the model up anew; now two do.) (`snapXactCompletionCount` would not do: Postgres sets it to 0 in the copy of a snapshot that a
/// statement runs with.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    user: pg_sys::Oid,
    xmin: pg_sys::TransactionId,
    xmax: pg_sys::TransactionId,
    running: (u32, i32),
    /// The number of the session's own transaction, 0 before it writes.
    own: pg_sys::TransactionId,
    /// [`ENDED`].
    ended: u64,
    command: pg_sys::CommandId,
}

/// How many subtransactions of this session were rolled back, and how often roles or their memberships changed.
/// Of the backend's own thread; an atomic, because reading one is a plain load, and reading a thread's own variable of a library is a call.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Says that what was seen and allowed before may be no longer, whatever snapshot and command say.
fn ended() {
    ENDED.fetch_add(1, Relaxed);
}

/// Asks Postgres to be told of what ends. Called once a backend, when the library is loaded.
pub(crate) fn register() {
    use pg_sys::SysCacheIdentifier::{AUTHMEMMEMROLE, AUTHOID};
    // SAFETY: the callbacks live as long as the library, which is never unloaded; they only count.
    unsafe {
        pg_sys::RegisterSubXactCallback(Some(subtransaction), std::ptr::null_mut());
        for kind in [AUTHMEMMEMROLE, AUTHOID] {
            pg_sys::CacheRegisterSyscacheCallback(kind as c_int, Some(roles), pg_sys::Datum::from(0));
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn subtransaction(
    event: pg_sys::SubXactEvent::Type,
    _own: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        ended();
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn roles(_argument: pg_sys::Datum, _cache: c_int, _hash: u32) {
    ended();
}

mod plain {
    //! Accessors of one static variable, which cannot raise an error: pgrx's wrappers set a jump point for each call, a cost per row.
    use pgrx::pg_sys;
    unsafe extern "C-unwind" {
        pub fn ActiveSnapshotSet() -> bool;
        pub fn GetActiveSnapshot() -> pg_sys::Snapshot;
        pub fn GetUserId() -> pg_sys::Oid;
        pub fn GetTopTransactionIdIfAny() -> pg_sys::TransactionId;
    }
}

impl Stamp {
    /// The stamp of the running statement; none where no snapshot is active, and then nothing may be kept.
    #[inline]
    pub(crate) fn now() -> Option<Self> {
        // SAFETY: called on the backend's own thread; the active snapshot lives while the statement runs, and is only read.
        unsafe {
            if !plain::ActiveSnapshotSet() {
                return None;
            }
            let s = &*plain::GetActiveSnapshot();
            Some(Self {
                user: plain::GetUserId(),
                xmin: s.xmin,
                xmax: s.xmax,
                running: (s.xcnt, s.subxcnt),
                own: plain::GetTopTransactionIdIfAny(),
                ended: ENDED.load(Relaxed),
                command: s.curcid,
            })
        }
    }
}
