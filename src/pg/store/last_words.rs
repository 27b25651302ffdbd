//! What is done when a transaction has ended: files of weights go with the versions that it dropped or replaced once that is committed, and
//! those that it made where it is rolled back.
//!
//! A file that stays by mistake is swept later, one that goes by mistake is made again: so nothing here has to be kept through a crash, or
//! for a transaction that is prepared.

use crate::pg::store::shared_file;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::c_void;
use std::path::PathBuf;

/// A file that goes with the end of a transaction.
struct Going {
    path: PathBuf,
    /// Whether it goes where the transaction is committed; else where it is rolled back.
    committed: bool,
    /// The depth of the subtransaction that says so.
    level: i32,
}

thread_local! {
    static GOING: RefCell<Vec<Going>> = const { RefCell::new(Vec::new()) };
}

/// Asks Postgres to be told of what ends. Called once a backend, when the library is loaded.
pub(crate) fn register() {
    // SAFETY: the callbacks live as long as the library, which is never unloaded; they call no function of Postgres that can fail.
    unsafe {
        pg_sys::RegisterXactCallback(Some(transaction), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(subtransaction), std::ptr::null_mut());
    }
}

/// The file of `digest` goes once this transaction is committed.
pub(crate) fn remove_if_committed(digest: &[u8]) {
    going(digest, true);
}

/// The file of `digest` goes where this transaction is rolled back.
pub(crate) fn remove_if_rolled_back(digest: &[u8]) {
    going(digest, false);
}

fn going(digest: &[u8], committed: bool) {
    if let Some(path) = shared_file::path(digest) {
        GOING.with_borrow_mut(|all| all.push(Going { path, committed, level: level() }));
    }
}

fn level() -> i32 {
    // SAFETY: a number of the transaction.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    let committed = match event {
        XACT_EVENT_COMMIT => Some(true),
        XACT_EVENT_ABORT => Some(false),
        XACT_EVENT_PREPARE => None,
        _ => return,
    };
    let all = GOING.with_borrow_mut(std::mem::take);
    remove(all.into_iter().filter(|g| Some(g.committed) == committed));
}

#[pg_guard]
unsafe extern "C-unwind" fn subtransaction(
    event: pg_sys::SubXactEvent::Type,
    _own: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut c_void,
) {
    use pg_sys::SubXactEvent::{SUBXACT_EVENT_ABORT_SUB, SUBXACT_EVENT_COMMIT_SUB};
    if GOING.with_borrow(Vec::is_empty) {
        return;
    }
    let own = level();
    if event == SUBXACT_EVENT_COMMIT_SUB {
        GOING.with_borrow_mut(|all| all.iter_mut().filter(|g| g.level >= own).for_each(|g| g.level = own - 1));
    } else if event == SUBXACT_EVENT_ABORT_SUB {
        let (undone, rest) = GOING.with_borrow_mut(std::mem::take).into_iter().partition(|g| g.level >= own);
        GOING.set(rest);
        remove(undone.into_iter().filter(|g: &Going| !g.committed));
    }
}

fn remove(files: impl Iterator<Item = Going>) {
    for going in files {
        // Gone already, or something else that is not ours to mend.
        let _ = std::fs::remove_file(&going.path);
    }
}
