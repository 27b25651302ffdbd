//! The server process that we live in: errors, settings, memory, interrupts, the encoding of its texts, where its versions differ.

pub(crate) mod allocator;
pub(crate) mod compat;
pub(crate) mod error;
pub(crate) mod interrupts;
pub(crate) mod invalidation;
pub(crate) mod kept;
pub(crate) mod local_settings;
pub(crate) mod mapped;
pub(crate) mod messages;
pub(crate) mod progress_notices;
pub(crate) mod reserve;
pub(crate) mod settings;
pub(crate) mod snapshot_stamp;
pub(crate) mod sqlstate;
pub(crate) mod subtransaction;
pub(crate) mod text;
pub(crate) mod transactions;
pub(crate) mod worker;
