//! Changes to a model that its owner asks for. Every function takes a model that [`store::own`](crate::pg::store::own) gave.

use crate::base::{Code, Error, Result};
use crate::pg::owner::as_extension;
use crate::pg::spi::{self, Arg};
use crate::pg::store::{self, ModelRow, VersionRow, literal};

/// Makes a version the one that answers; the one before can be rolled back to.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn deploy(model_id: i64, version: i32) -> Result<()> {
    const DEPLOY: &str = "UPDATE affinity.stored_models SET deployed = $2, formerly = CASE WHEN deployed IS NULL THEN formerly \
         ELSE pg_catalog.array_append(formerly, deployed) END \
         WHERE id OPERATOR(pg_catalog.=) $1 AND (deployed IS NULL OR deployed OPERATOR(pg_catalog.<>) $2)";
    as_extension(|| spi::write(DEPLOY, &[Arg::Big(model_id), Arg::Int(version)], |_| Ok(()))).map(drop)
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
    check(&store::fresh_version(model.id, version)?)?;
    let kept = i32::try_from(at).unwrap_or(0);
    as_extension(|| spi::write(BACK, &[Arg::Big(model.id), Arg::Int(version), Arg::Int(kept)], |_| Ok(())))?;
    Ok(version)
}

/// Drops a model with all that belongs to it.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn drop_model(model: &ModelRow) -> Result<()> {
    const DROP: &str = "DELETE FROM affinity.stored_models WHERE id OPERATOR(pg_catalog.=) $1";
    as_extension(|| spi::write(DROP, &[Arg::Big(model.id)], |_| Ok(()))).map(drop)
}

/// Drops a version.
///
/// # Errors
/// [`Code::WrongState`] for the deployed one, [`Code::UndefinedObject`] for one that is not there.
pub(crate) fn drop_version(model: &ModelRow, version: i32) -> Result<()> {
    const DROP: &str = "DELETE FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2 \
         RETURNING version";
    if model.deployed == Some(version) {
        return Err(Error::new(Code::WrongState, format!("version {version} of model \"{}\" is deployed", model.name))
            .hint("Deploy another version first (affinity.deploy, affinity.rollback), or drop the model."));
    }
    let gone = as_extension(|| spi::write(DROP, &[Arg::Big(model.id), Arg::Int(version)], |_| Ok(())))?;
    if gone.is_empty() { Err(store::unknown_version(version)) } else { Ok(()) }
}

/// Lets a role use a model.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn grant(model: &ModelRow, role: &str) -> Result<()> {
    const GRANT: &str = "UPDATE affinity.stored_models SET readers = pg_catalog.array_append(pg_catalog.array_remove(readers, $2), $2) \
         WHERE id OPERATOR(pg_catalog.=) $1";
    as_extension(|| spi::write(GRANT, &[Arg::Big(model.id), Arg::Text(role)], |_| Ok(()))).map(drop)
}

/// Takes the use of a model back; a role that never had it is no error, as with REVOKE.
///
/// # Errors
/// What Postgres raises is raised.
pub(crate) fn revoke(model: &ModelRow, role: &str) -> Result<()> {
    const REVOKE: &str =
        "UPDATE affinity.stored_models SET readers = pg_catalog.array_remove(readers, $2) WHERE id OPERATOR(pg_catalog.=) $1";
    as_extension(|| spi::write(REVOKE, &[Arg::Big(model.id), Arg::Text(role)], |_| Ok(()))).map(drop)
}

fn versions(model_id: i64) -> Result<Vec<i32>> {
    const VERSIONS: &str = "SELECT version FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1";
    Ok(as_extension(|| spi::write(VERSIONS, &[Arg::Big(model_id)], |r| Ok(r.int(1))))?.into_iter().flatten().collect())
}
