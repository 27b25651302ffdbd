//! The Postgres machinery: no SQL function lives here.
//!
//! Every call into Postgres goes through pgrx's wrappers, so that a Postgres ERROR unwinds as a Rust panic and `Drop` runs.

#![allow(unsafe_code)]

pub(crate) mod backend;
pub(crate) mod call;
pub(crate) mod datum;
pub(crate) mod evaluate;
pub(crate) mod integrity;
pub(crate) mod query;
pub(crate) mod recommender;
pub(crate) mod refresh;
pub(crate) mod rows;
pub(crate) mod store;

use pgrx::prelude::*;

pgrx::pg_module_magic!();

/// Runs once per backend, when the library is loaded.
#[allow(non_snake_case)]
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    backend::error::hide_backtraces();
    backend::settings::register();
    backend::invalidation::register();
    backend::snapshot_stamp::register();
    query::function_watch::register();
    store::last_words::register();
    crate::base::interrupts::watch(|| {
        pgrx::check_for_interrupts!();
        if let Err(e) = crate::base::memory::check() {
            backend::error::raise(e);
        }
    });
}
