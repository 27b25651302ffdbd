//! What the running statement sees, as a value that can be compared: while it stays the same, what was read stays true.

use pgrx::pg_sys;
use std::cell::Cell;

/// Snapshot, command and user of the running statement. Two equal stamps see the same rows with the same rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Rises at the end of each transaction and subtransaction of this backend: a rollback makes rows disappear without a new command.
    ends: u64,
    user: pg_sys::Oid,
    xmin: pg_sys::TransactionId,
    xmax: pg_sys::TransactionId,
    running: (u32, i32),
    /// How many transactions had ended in the cluster: of two that ran, either may have ended since, with the same bounds.
    completed: u64,
    command: pg_sys::CommandId,
}

thread_local! {
    static ENDS: Cell<u64> = const { Cell::new(0) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

mod plain {
    //! Accessors of one static variable, which cannot raise an error: pgrx's wrappers set a jump point for each call, a cost per row.
    use pgrx::pg_sys;
    unsafe extern "C-unwind" {
        pub fn ActiveSnapshotSet() -> bool;
        pub fn GetActiveSnapshot() -> pg_sys::Snapshot;
        pub fn GetUserId() -> pg_sys::Oid;
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
                ends: ENDS.get(),
                user: plain::GetUserId(),
                xmin: s.xmin,
                xmax: s.xmax,
                running: (s.xcnt, s.subxcnt),
                completed: s.snapXactCompletionCount,
                command: s.curcid,
            })
        }
    }

    /// Counts the ends of transactions from now on. Called before the first stamp is kept.
    pub(crate) fn watch() {
        if !WATCHED.replace(true) {
            // SAFETY: plain registration; the functions live as long as the library, which Postgres never unloads.
            unsafe {
                pg_sys::RegisterXactCallback(Some(transaction), std::ptr::null_mut());
                pg_sys::RegisterSubXactCallback(Some(subtransaction), std::ptr::null_mut());
            }
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn transaction(_event: pg_sys::XactEvent::Type, _arg: *mut core::ffi::c_void) {
    ENDS.set(ENDS.get().wrapping_add(1));
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn subtransaction(
    _event: pg_sys::SubXactEvent::Type,
    _own: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut core::ffi::c_void,
) {
    ENDS.set(ENDS.get().wrapping_add(1));
}
