//! How much a role may store: `affinity.max_stored`. Who may call a function may train, also a role that can create nothing; so what it
//! keeps is bounded.

use crate::base::memory::size;
use crate::base::{Code, Error, Result};
use crate::pg::backend::text::literal;
use crate::pg::backend::{compat, settings};
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::spi::{self, Arg, Uuid};
use pgrx::pg_sys;
use sha2::{Digest, Sha256};

/// Whether a version of `bytes` can be stored at all: asked before anything is written.
///
/// # Errors
/// [`Code::LimitExceeded`].
pub(crate) fn fits(bytes: u64) -> Result<()> {
    match settings::max_stored() {
        Some(limit) if bytes > limit && !owner::is_superuser(owner::current()) => {
            Err(exceeded(&format!("The new version takes {}", say(bytes)), limit, None))
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
            let what = format!("With the new version the models of {name} take {}", say(u64::try_from(bytes).unwrap_or(0)));
            Err(exceeded(&what, limit, idle(owner, model)?))
        }
        _ => Ok(()),
    }
}

/// Versions that a hint names.
const NAMED: i64 = 5;

/// SQL that drops the largest versions of an owner that do not answer, none where there are none. The newest of `model` is the one that was
/// to be stored, and where it was to be deployed, the one before will still answer.
fn idle(owner: pg_sys::Oid, model: Uuid) -> Result<Option<String>> {
    const IDLE: &str = "SELECT m.name, v.version FROM affinity.stored_models m JOIN affinity.stored_versions v \
         ON v.model_id OPERATOR(pg_catalog.=) m.id WHERE v.owner_oid OPERATOR(pg_catalog.=) $1 AND m.owner_oid OPERATOR(pg_catalog.=) $1 \
         AND v.version OPERATOR(pg_catalog.<>) COALESCE(m.deployed, 0) \
         AND NOT (m.id OPERATOR(pg_catalog.=) $2 AND (v.version OPERATOR(pg_catalog.=) m.last_version \
             OR m.deployed OPERATOR(pg_catalog.=) m.last_version \
                AND v.version OPERATOR(pg_catalog.=) m.formerly[pg_catalog.array_upper(m.formerly, 1)])) \
         ORDER BY v.bytes DESC, m.name, v.version LIMIT $3";
    let drop = |r: &spi::Row| {
        let (name, version) = (r.text(1).unwrap_or_default(), r.int(2).unwrap_or(0));
        Ok(format!("affinity.drop_version({}, {version})", literal(&name)))
    };
    let args = [Arg::Oid(owner), Arg::Uuid(model), Arg::Big(NAMED)];
    let drops = as_extension(|| spi::write(IDLE, &args, drop))?;
    Ok((!drops.is_empty()).then(|| format!("SELECT {};", drops.join(", "))))
}

fn exceeded(what: &str, limit: u64, drops: Option<String>) -> Error {
    let drops = drops.map_or_else(
        || "Drop models or versions that are not needed (SELECT model, bytes FROM affinity.models;)".to_owned(),
        |sql| format!("Drop versions that do not answer: {sql} or models that are not needed (SELECT model, bytes FROM affinity.models;)"),
    );
    Error::new(Code::LimitExceeded, "more is stored than affinity.max_stored allows")
        .detail(format!("{what}, {} is allowed.", say(limit)))
        .hint(format!("{drops}, or have a superuser raise affinity.max_stored."))
}

fn say(bytes: u64) -> String {
    size(usize::try_from(bytes).unwrap_or(usize::MAX))
}
