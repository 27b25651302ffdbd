//! The Postgres machinery: no SQL function lives here.
//!
//! Every call into Postgres goes through pgrx's wrappers, so that a Postgres ERROR unwinds as a Rust panic and `Drop` runs.

#![allow(unsafe_code)]

pub(crate) mod again;
pub(crate) mod aggregate;
pub(crate) mod answer;
pub(crate) mod argument;
pub(crate) mod array;
pub(crate) mod builder;
pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod columns;
pub(crate) mod compat;
pub(crate) mod composite;
pub(crate) mod damaged;
pub(crate) mod elements;
pub(crate) mod error;
pub(crate) mod evaluation;
pub(crate) mod event_weight;
pub(crate) mod events;
pub(crate) mod everyone;
pub(crate) mod expand;
pub(crate) mod expected;
pub(crate) mod fields;
pub(crate) mod foreign_code;
mod form;
pub(crate) mod generating;
pub(crate) mod heap;
mod held;
pub(crate) mod id_type;
pub(crate) mod ids;
pub(crate) mod integrity;
pub(crate) mod interrupts;
pub(crate) mod invalidation;
pub(crate) mod items;
pub(crate) mod json;
pub(crate) mod judging;
pub(crate) mod keys;
pub(crate) mod label;
mod levels;
mod link_rows;
pub(crate) mod lists;
pub(crate) mod live;
pub(crate) mod local;
pub(crate) mod manage;
mod messages;
mod money;
pub(crate) mod nearest;
pub(crate) mod numbers;
pub(crate) mod numeric;
pub(crate) mod owner;
pub(crate) mod picks;
pub(crate) mod plan_scans;
pub(crate) mod progress;
pub(crate) mod prototype;
pub(crate) mod publish;
pub(crate) mod quota;
pub(crate) mod reach;
pub(crate) mod reading;
pub(crate) mod recommending;
pub(crate) mod record;
pub(crate) mod relation;
pub(crate) mod reporting;
pub(crate) mod reserve;
pub(crate) mod result_row;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod scoring;
pub(crate) mod settings;
pub(crate) mod sides;
pub(crate) mod spi;
mod sqlstate;
pub(crate) mod stamp;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod tag_rows;
pub(crate) mod temporary;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod train_events;
pub(crate) mod tuple;
pub(crate) mod value_type;
pub(crate) mod watch;
pub(crate) mod watched;
pub(crate) mod weights;
mod wholes;
pub(crate) mod window;

use pgrx::prelude::*;

pgrx::pg_module_magic!();

/// Runs once per backend, when the library is loaded.
#[allow(non_snake_case)]
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    error::hide_backtraces();
    settings::register();
    invalidation::register();
    stamp::register();
    watch::register();
    crate::base::interrupts::watch(|| {
        pgrx::check_for_interrupts!();
        if let Err(e) = crate::base::memory::check() {
            error::raise(e);
        }
    });
}
