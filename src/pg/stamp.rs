//! What the running statement sees, as a value that can be compared: while it stays the same, what was read stays true.

use pgrx::pg_sys;

/// Snapshot, command and user of the running statement. Two equal stamps see the same rows with the same rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    user: pg_sys::Oid,
    xmin: pg_sys::TransactionId,
    xmax: pg_sys::TransactionId,
    running: (u32, i32),
    /// How many transactions and subtransactions that wrote had ended in the cluster: of two that ran, either may have ended since, with
    /// the same bounds; and a rollback to a savepoint takes rows away without a new command.
    completed: u64,
    command: pg_sys::CommandId,
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
                user: plain::GetUserId(),
                xmin: s.xmin,
                xmax: s.xmax,
                running: (s.xcnt, s.subxcnt),
                completed: s.snapXactCompletionCount,
                command: s.curcid,
            })
        }
    }
}
