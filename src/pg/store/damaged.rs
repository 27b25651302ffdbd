//! The error for what is stored and is not what was stored.

use crate::base::{Code, Error};

/// The error for a version that is not what was stored.
pub(crate) fn damaged(version: i32, what: &str) -> Error {
    Error::new(Code::Corrupt, "stored weights are damaged")
        .detail(format!("The digest of version {version} does not fit {what}."))
        .hint("Restore the rows of affinity.stored_weights from a backup, deploy another version, or train again.")
}
