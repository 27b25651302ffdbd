//! Whether what runs is watched just now, and for whom: what [`watch`](crate::pg::query::function_watch) asks.

use crate::pg::backend::local_settings::Local;
use pgrx::pg_sys;
use std::cell::Cell;

/// Whose rights the code has, and what it may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    /// The role that reads: what runs is its own, or a superuser's.
    pub reader: pg_sys::Oid,
    /// Whether that is not who called: what is temporary is then the caller's, and found by any bare name.
    pub another: bool,
    /// Whether code of others chooses what is called (their views): then nothing that does more than to return a value.
    pub harmless: bool,
    /// Whether who called has not these rights, and has made the session what it is: what is called by a bare name must be found where only
    /// the reader or a superuser can have put it.
    pub lent: bool,
}

thread_local! {
    static WATCH: Cell<Option<Watch>> = const { Cell::new(None) };
    /// Whether what languages have made ready before this watch is forgotten.
    static FORGOTTEN: Cell<bool> = const { Cell::new(false) };
}

/// The watch that was kept before is kept again when this is dropped.
pub(crate) struct Kept {
    before: Option<Watch>,
    _settings: Option<Local>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        WATCH.set(self.before);
    }
}

/// Watches until what comes back is dropped.
pub(crate) fn keep(watch: Watch) -> Kept {
    // A worker does not know of the watch.
    let settings = Local::set(&[(c"max_parallel_workers_per_gather", c"0")]);
    FORGOTTEN.set(false);
    Kept { before: WATCH.replace(Some(watch)), _settings: Some(settings) }
}

/// Does not watch until what comes back is dropped: for fixed SQL of ours.
pub(crate) fn rest() -> Kept {
    Kept { before: WATCH.replace(None), _settings: None }
}

/// The watch that is kept now.
pub(crate) fn now() -> Option<Watch> {
    WATCH.get()
}

/// Marks that what languages have made ready before this watch is forgotten; whether it was already.
pub(crate) fn forget() -> bool {
    FORGOTTEN.replace(true)
}
