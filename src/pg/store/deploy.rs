//! Changes to a model that its owner asks for. Every function takes a model that [`models::own_locked`] gave: where no row was locked
//! between reading, checking and writing, a committed revoke was undone by a grant beside it, and a version was dropped while it was
//! deployed.

use crate::base::{Code, Error, Result};
use crate::pg::backend::text::literal;
use crate::pg::datum::array::of_texts;
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::spi::{self, Arg, Uuid};
use crate::pg::store::models::{self, ModelRow, Scope, VersionRow};
use crate::pg::store::{last_words, shared_file};
use pgrx::pg_sys;

/// Makes a version the one that answers; the one before can be rolled back to.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn deploy(model_id: Uuid, version: i32) -> Result<()> {
    const DEPLOY: &str = "UPDATE affinity.stored_models SET deployed = $2, formerly = CASE WHEN deployed IS NULL THEN formerly \
         ELSE pg_catalog.array_append(formerly, deployed) END \
         WHERE id OPERATOR(pg_catalog.=) $1 AND (deployed IS NULL OR deployed OPERATOR(pg_catalog.<>) $2)";
    // Nobody scores with it any more; who goes back to it makes the file again.
    const BEFORE: &str = "SELECT v.digest FROM affinity.stored_models m JOIN affinity.stored_versions v \
         ON v.model_id OPERATOR(pg_catalog.=) m.id AND v.version OPERATOR(pg_catalog.=) m.deployed \
         WHERE m.id OPERATOR(pg_catalog.=) $1 AND m.deployed OPERATOR(pg_catalog.<>) $2";
    let args = [Arg::Uuid(model_id), Arg::Int(version)];
    let before = as_extension(|| {
        let before = spi::write(BEFORE, &args, digest)?;
        spi::write(DEPLOY, &args, |_| Ok(()))?;
        Ok(before)
    })?;
    files_go(before)
}

/// The digest in the first column.
fn digest(row: &spi::Row) -> Result<Option<Vec<u8>>> {
    Ok(row.bytes(1, <[u8]>::to_vec))
}

/// The files of versions that no longer answer go once that is committed, but where another version that does is the same to the bit, as
/// one is that learned from the same rows.
fn files_go(digests: Vec<Option<Vec<u8>>>) -> Result<()> {
    const ANOTHERS: &str = "SELECT 1 FROM affinity.stored_versions v JOIN affinity.stored_models m \
         ON m.id OPERATOR(pg_catalog.=) v.model_id AND m.deployed OPERATOR(pg_catalog.=) v.version \
         WHERE v.digest OPERATOR(pg_catalog.=) $1 LIMIT 1";
    for digest in digests.into_iter().flatten().filter(|d| shared_file::is_there(d)) {
        if as_extension(|| spi::write(ANOTHERS, &[Arg::Bytes(&digest)], |_| Ok(())))?.is_empty() {
            last_words::remove_if_committed(&digest);
        }
    }
    Ok(())
}

/// Goes back to the latest formerly deployed version that still exists; `check` must accept it first.
///
/// # Errors
/// [`Code::WrongState`] when there is none; those of `check`.
pub(crate) fn rollback(model: &ModelRow, check: impl FnOnce(&VersionRow) -> Result<()>) -> Result<i32> {
    const BACK: &str = "UPDATE affinity.stored_models SET deployed = $2, formerly = formerly[1:$3] WHERE id OPERATOR(pg_catalog.=) $1";
    let existing = versions(model.id)?;
    let place = model.formerly.iter().rposition(|v| Some(*v) != model.deployed && existing.contains(v));
    let Some((at, version)) = place.and_then(|at| model.formerly.get(at).map(|v| (at, *v))) else {
        return Err(Error::new(Code::WrongState, format!("model \"{}\" has no version to go back to", model.name))
            .detail("No version that was deployed before still exists.")
            .hint(format!("SELECT version FROM affinity.versions WHERE model = {}; then affinity.deploy.", literal(&model.name))));
    };
    check(&models::fresh_version(model.id, version)?)?;
    let kept = i32::try_from(at).unwrap_or(0);
    let before = model.deployed.map(|d| models::fresh_version(model.id, d)).transpose().unwrap_or_default();
    as_extension(|| spi::write(BACK, &[Arg::Uuid(model.id), Arg::Int(version), Arg::Int(kept)], |_| Ok(())))?;
    files_go(vec![before.map(|b| b.digest)])?;
    Ok(version)
}

/// Drops a model with all that belongs to it. There are no foreign keys to do so.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn drop_model(model: &ModelRow) -> Result<()> {
    const WEIGHTS: &str = "DELETE FROM affinity.stored_weights WHERE model_id OPERATOR(pg_catalog.=) $1";
    const EPOCHS: &str = "DELETE FROM affinity.stored_epochs WHERE model_id OPERATOR(pg_catalog.=) $1";
    const VERSIONS: &str = "DELETE FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 RETURNING digest";
    const MODEL: &str = "DELETE FROM affinity.stored_models WHERE id OPERATOR(pg_catalog.=) $1";
    let id = [Arg::Uuid(model.id)];
    let dropped = as_extension(|| {
        [WEIGHTS, EPOCHS, MODEL].into_iter().try_for_each(|sql| spi::write(sql, &id, |_| Ok(())).map(drop))?;
        spi::write(VERSIONS, &id, digest)
    })?;
    files_go(dropped)
}

/// Drops a version.
///
/// # Errors
/// [`Code::WrongState`] for the deployed one, [`Code::UndefinedObject`] for one that is not there.
pub(crate) fn drop_version(model: &ModelRow, version: i32) -> Result<()> {
    if model.deployed == Some(version) {
        return Err(Error::new(Code::WrongState, format!("version {version} of model \"{}\" is deployed", model.name))
            .hint("Deploy another version first (affinity.deploy, affinity.rollback), or drop the model."));
    }
    if remove(model.id, version)? { Ok(()) } else { Err(models::unknown_version(model.id, version)) }
}

/// Deletes the rows of a version; whether there was one.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn remove(model_id: Uuid, version: i32) -> Result<bool> {
    const WEIGHTS: &str =
        "DELETE FROM affinity.stored_weights WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";
    const EPOCHS: &str =
        "DELETE FROM affinity.stored_epochs WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";
    const VERSION: &str = "DELETE FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 \
         RETURNING digest";
    let args = [Arg::Uuid(model_id), Arg::Int(version)];
    let dropped = as_extension(|| {
        spi::write(WEIGHTS, &args, |_| Ok(()))?;
        spi::write(EPOCHS, &args, |_| Ok(()))?;
        spi::write(VERSION, &args, digest)
    })?;
    let any = !dropped.is_empty();
    files_go(dropped).map(|()| any)
}

/// A reader as the store has him: his name today, his oid, his scope.
type Reader = (String, pg_sys::Oid, &'static str);

/// Lets a role use a model, for what `scope` says; a role that has it already gets the new scope.
///
/// # Errors
/// [`Code::UndefinedObject`] for a role that there is not.
pub(crate) fn grant(model: &ModelRow, role: &str, scope: Scope) -> Result<()> {
    let mut readers = others(model, role);
    let oid = if role == models::PUBLIC { pg_sys::InvalidOid } else { owner::known(role)? };
    readers.push((role.to_owned(), oid, word(scope)));
    write_readers(model, &readers)
}

/// Takes the use of a model back; a role that never had it is no error, as with REVOKE.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn revoke(model: &ModelRow, role: &str) -> Result<()> {
    write_readers(model, &others(model, role))
}

/// The readers beside `role`, by the names that they have today: a role that was renamed is revoked by its new name.
fn others(model: &ModelRow, role: &str) -> Vec<Reader> {
    model.readers.iter().map(|g| (g.role.today(), g.role.oid, word(g.scope))).filter(|(name, ..)| name != role).collect()
}

/// A scope as it is written.
pub(crate) const fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::Score => "score",
        Scope::Lists => "lists",
        Scope::All => "all",
    }
}

fn write_readers(model: &ModelRow, readers: &[Reader]) -> Result<()> {
    // With an oid for each they are not looked up by their names, which may have been swapped since (affinity_internal.guard_owner).
    const READERS: &str = "UPDATE affinity.stored_models SET readers = $2::pg_catalog.text[], reader_scopes = $3::pg_catalog.text[], \
         reader_oids = $4::pg_catalog.oid[] WHERE id OPERATOR(pg_catalog.=) $1";
    let (roles, scopes) = (of_texts(readers.iter().map(|r| &r.0)), of_texts(readers.iter().map(|r| r.2)));
    let oids = of_texts(readers.iter().map(|r| r.1.to_u32().to_string()));
    let args = [Arg::Uuid(model.id), Arg::Text(&roles), Arg::Text(&scopes), Arg::Text(&oids)];
    as_extension(|| spi::write(READERS, &args, |_| Ok(()))).map(drop)
}

/// Gives a model with its versions to `role`, also one whose owner is gone, or was made anew under the same name.
///
/// # Errors
/// [`Code::Privilege`] where the caller may not become `role`.
pub(crate) fn alter_owner(model: &ModelRow, role: &str) -> Result<()> {
    if !owner::may_become(owner::known(role)?) {
        return Err(Error::new(Code::Privilege, format!("role {} may not give a model to {role}", owner::current_name()))
            .detail("As with ALTER TABLE, who gives something away must be a member of the role that gets it.")
            .hint("Have a superuser or a member of both roles do it."));
    }
    write_owner(model, role)
}

/// Has the rows of a model whose owner was renamed say the new name, so that those that come are not apart from them once they are
/// restored.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn follow_rename(model: &ModelRow) -> Result<()> {
    let now = model.owner.today();
    if now == model.owner.name { Ok(()) } else { write_owner(model, &now) }
}

fn write_owner(model: &ModelRow, role: &str) -> Result<()> {
    // An oid of 0 has the name looked up anew (affinity_internal.guard_owner).
    const MODEL: &str = "UPDATE affinity.stored_models SET owner = $2, owner_oid = 0 WHERE id OPERATOR(pg_catalog.=) $1";
    // Those of its owner: who can restore rows can put a version beside another's model, and it must not come along.
    const VERSIONS: &str = "UPDATE affinity.stored_versions SET owner = $2, owner_oid = 0 WHERE model_id OPERATOR(pg_catalog.=) $1 \
         AND owner_oid OPERATOR(pg_catalog.=) $3";
    let (id, role) = (Arg::Uuid(model.id), Arg::Text(role));
    as_extension(|| {
        spi::write(MODEL, &[id, role], |_| Ok(()))?;
        spi::write(VERSIONS, &[id, role, Arg::Oid(model.owner.oid)], |_| Ok(())).map(drop)
    })
}

fn versions(model_id: Uuid) -> Result<Vec<i32>> {
    const VERSIONS: &str = "SELECT version FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1";
    Ok(as_extension(|| spi::write(VERSIONS, &[Arg::Uuid(model_id)], |r| Ok(r.int(1))))?.into_iter().flatten().collect())
}
