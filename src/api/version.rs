//! `affinity.version()`.

use pgrx::prelude::*;

/// The version of the library that is loaded.
#[pg_extern]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
