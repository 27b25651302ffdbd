//! Transactions that are begun and ended by us: those of a procedure that is called outside of a transaction block, and of a background
//! worker.

use crate::base::{Error, Result};
use pgrx::pg_sys;

/// A job that may end its transaction and go on in the next.
///
/// No role, setting or savepoint that was begun before a [`Transactions::commit`] may be in force during it.
pub(crate) enum Transactions {
    /// A `CALL`.
    Procedure,
    /// A background worker.
    Worker,
}

impl Transactions {
    /// Of the procedure that is called by `call`; none inside of a transaction block or a function, whose transaction is not its own.
    ///
    /// # Errors
    /// [`crate::base::Code::Internal`].
    pub(crate) fn of(call: pg_sys::FunctionCallInfo) -> Result<Option<Self>> {
        // SAFETY: Postgres gives every call its record, and a procedure one whose context is a CallContext; what begins like a node says by
        // its tag what it is. Connect and finish are paired.
        unsafe {
            let context = (*call).context;
            let is_call = !context.is_null() && (*context).type_ == pg_sys::NodeTag::T_CallContext;
            if !is_call || (*context.cast::<pg_sys::CallContext>()).atomic {
                return Ok(None);
            }
            let rc = pg_sys::SPI_connect_ext(pg_sys::SPI_OPT_NONATOMIC as i32);
            if rc != pg_sys::SPI_OK_CONNECT as i32 {
                return Err(Error::internal(format!("SPI_connect_ext: {rc}.")));
            }
        }
        Ok(Some(Self::Procedure))
    }

    /// Those of this background worker, which is connected to its database; the first is begun.
    pub(crate) fn of_worker() -> Self {
        // SAFETY: a worker is outside of any transaction when it is connected.
        unsafe { pg_sys::StartTransactionCommand() };
        Self::Worker
    }

    /// Commits: what was written is seen by others, locks and snapshots are gone. A transaction that has begun nothing follows.
    pub(crate) fn commit(&mut self) {
        // SAFETY: the connection of `of` is the current one again, since all others end with the function that began them. A worker's
        // snapshot is the one of `begin`.
        unsafe {
            match self {
                Self::Procedure => pg_sys::SPI_commit(),
                Self::Worker => {
                    if pg_sys::ActiveSnapshotSet() {
                        pg_sys::PopActiveSnapshot();
                    }
                    pg_sys::CommitTransactionCommand();
                    pg_sys::StartTransactionCommand();
                }
            }
        }
    }

    /// A snapshot for what comes, as the first statement of a transaction has one.
    pub(crate) fn begin(&mut self) {
        // SAFETY: a procedure runs in a portal, which owns the snapshot; a worker is in a transaction.
        unsafe {
            match self {
                Self::Procedure => pg_sys::EnsurePortalSnapshotExists(),
                Self::Worker if pg_sys::ActiveSnapshotSet() => {}
                Self::Worker => pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()),
            }
        }
    }

    /// Ends the job; after an error Postgres does.
    pub(crate) fn finish(mut self) {
        if matches!(self, Self::Worker) {
            self.commit();
        }
        // SAFETY: pairs with the connection, or the transaction, that `of` or `of_worker` began.
        unsafe {
            match self {
                Self::Procedure => {
                    pg_sys::SPI_finish();
                }
                Self::Worker => pg_sys::CommitTransactionCommand(),
            }
        }
    }
}
