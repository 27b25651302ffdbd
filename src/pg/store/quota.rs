//! How much a role may store: `affinity.max_stored`. Who may call a function may train, also a role that can create nothing; so what it
//! keeps is bounded.

use crate::base::memory::size;
use crate::base::{Code, Error, Result};
use crate::pg::backend::{compat, settings};
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::spi::{self, Arg, Uuid};
use sha2::{Digest, Sha256};

/// Whether a version of `bytes` can be stored at all: asked before anything is written.
///
/// # Errors
/// [`Code::LimitExceeded`].
pub(crate) fn fits(bytes: u64) -> Result<()> {
    match settings::max_stored() {
        Some(limit) if bytes > limit && !owner::is_superuser(owner::current()) => {
            Err(exceeded(&format!("The new version takes {}", say(bytes)), limit))
        }
        _ => Ok(()),
    }
}

/// Whether all that the owner of a model stores is within the limit, once the new version is written and old ones are dropped. A superuser
/// has none. Others who store for this owner wait until this transaction has ended: neither would see what the other writes.
///
/// # Errors
/// [`Code::LimitExceeded`].
pub(crate) fn held(model: Uuid) -> Result<()> {
    const OWNER: &str = "SELECT owner_oid FROM affinity.stored_models WHERE id OPERATOR(pg_catalog.=) $1";
    const HELD: &str = "SELECT m.owner_oid, pg_catalog.sum(v.bytes)::pg_catalog.int8 FROM affinity.stored_models m JOIN affinity.stored_versions v \
         ON v.owner_oid OPERATOR(pg_catalog.=) m.owner_oid WHERE m.id OPERATOR(pg_catalog.=) $1 GROUP BY m.owner_oid";
    let Some(limit) = settings::max_stored() else { return Ok(()) };
    // A model made by this statement is seen by what may write only.
    let owner = as_extension(|| spi::write(OWNER, &[Arg::Uuid(model)], |r| Ok(r.oid(1))))?.into_iter().flatten().next();
    let Some(owner) = owner.filter(|o| !owner::is_superuser(*o)) else { return Ok(()) };
    let of_owner = Sha256::digest(format!("stored for {}", owner.to_u32()));
    compat::wait_for_lock(<[u8; 32]>::from(of_owner).first_chunk().unwrap_or(&[0; 16]));
    let held = as_extension(|| spi::write(HELD, &[Arg::Uuid(model)], |r| Ok(r.oid(1).zip(r.big(2)))))?;
    match held.into_iter().flatten().next() {
        Some((owner, bytes)) if u64::try_from(bytes).unwrap_or(0) > limit => {
            let name = owner::name(owner).unwrap_or_default();
            Err(exceeded(&format!("With the new version the models of {name} take {}", say(u64::try_from(bytes).unwrap_or(0))), limit))
        }
        _ => Ok(()),
    }
}

fn exceeded(what: &str, limit: u64) -> Error {
    Error::new(Code::LimitExceeded, "more is stored than affinity.max_stored allows")
        .detail(format!("{what}, {} is allowed.", say(limit)))
        .hint("Drop models or versions that are not needed (SELECT model, bytes FROM affinity.models;), or have a superuser raise affinity.max_stored.")
}

fn say(bytes: u64) -> String {
    size(usize::try_from(bytes).unwrap_or(usize::MAX))
}
