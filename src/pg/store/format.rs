//! The number of the form that a version is stored in.
//!
//! It stands in the state as `format`, so that the version's digest holds it; where there is none it is 1. A release that stores what an older
//! one would read wrongly counts on, and still reads the forms before.

use crate::base::{Code, Error, Result, names};
use crate::pg::store::models::VersionRow;

/// The form that this release stores, and the newest that it reads.
const NEWEST: u64 = 1;

/// Refuses a version of a form that is not known: nothing of it is read.
///
/// # Errors
/// [`Code::Unsupported`].
pub(crate) fn known(version: &VersionRow) -> Result<()> {
    let Some(form) = version.state.get("format") else { return Ok(()) };
    if form.as_u64().is_some_and(|f| (1..=NEWEST).contains(&f)) {
        return Ok(());
    }
    let form = names::shown_json(form);
    Err(Error::new(Code::Unsupported, format!("version {} is stored in form {form}, which this release does not read", version.version))
        .detail(format!("pg_affinity {} reads forms up to {NEWEST}.", env!("CARGO_PKG_VERSION")))
        .hint("Install the release that stored it, or a newer one; or deploy another version: affinity.deploy."))
}
