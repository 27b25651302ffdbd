//! Models and versions as rows: who may use them, what was trained, what is deployed.
//!
//! The tables are closed. Everything here checks the caller's membership first and then runs fixed SQL as the extension's owner. What
//! serves queries reads by the statement's snapshot and assigns no transaction id.

use crate::base::{Code, Error, Result, names};
use crate::pg::compat;
use crate::pg::owner::{self, as_extension};
use crate::pg::spi::{self, Arg, Row};
use crate::pg::weights;
use serde_json::Value;

/// A model: a name, an owner, and which of its versions answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelRow {
    /// Its key.
    pub id: i64,
    /// Its name, unique in the database.
    pub name: String,
    /// The role that owns it.
    pub owner: String,
    /// The roles that may use it beside its owner; `public` for all.
    pub readers: Vec<String>,
    /// The version that answers; none before the first is deployed.
    pub deployed: Option<i32>,
    /// Versions that were deployed before, the latest last.
    pub formerly: Vec<i32>,
    /// The number of the version that was trained last.
    pub last_version: i32,
}

/// A version, without its weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VersionRow {
    /// The model's key.
    pub model_id: i64,
    /// From 1.
    pub version: i32,
    /// The kind of model.
    pub kind: String,
    /// The call that trained it.
    pub call: Value,
    /// Its parameters, defaults filled in.
    pub params: Value,
    /// What scoring needs beside the weights.
    pub state: Value,
    /// The figure it was judged by on held-out rows.
    pub judged: Option<f64>,
    /// SHA-256 of state and weights: equal digests score equally, whatever their version numbers.
    pub digest: Vec<u8>,
    /// The state's text as it is stored: part of the digest.
    pub state_text: String,
}

const MODEL: &str = "SELECT id, name, owner, readers, deployed, formerly, last_version FROM affinity.stored_models \
     WHERE name OPERATOR(pg_catalog.=) $1";
const VERSION: &str = "SELECT kind, call, params, state, judged, digest FROM affinity.stored_versions \
     WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";

/// The model called `name`, for use: the caller owns it or was granted it.
///
/// # Errors
/// [`Code::UndefinedObject`], [`Code::Privilege`].
pub(crate) fn find(name: &str) -> Result<ModelRow> {
    names::check("model", name)?;
    let model = as_extension(|| spi::first(MODEL, &[Arg::Text(name)], model_row))?.ok_or_else(|| unknown(name))?;
    if may_use(&model)? { Ok(model) } else { Err(denied(&model, "use")) }
}

/// The model called `name`, to be changed: the caller has the rights of its owner. Sees what this very statement wrote.
///
/// # Errors
/// [`Code::UndefinedObject`], [`Code::Privilege`].
pub(crate) fn own(name: &str) -> Result<ModelRow> {
    own_if_any(name)?.ok_or_else(|| unknown(name))
}

/// As [`own`]; none where no model has the name.
///
/// # Errors
/// [`Code::Privilege`].
pub(crate) fn own_if_any(name: &str) -> Result<Option<ModelRow>> {
    names::check("model", name)?;
    let Some(model) = as_extension(|| spi::write(MODEL, &[Arg::Text(name)], model_row))?.into_iter().next() else { return Ok(None) };
    if owner::has_rights_of(&model.owner)? { Ok(Some(model)) } else { Err(denied(&model, "change")) }
}

fn deployed_number(model: &ModelRow) -> Result<i32> {
    model.deployed.ok_or_else(|| {
        Error::new(Code::WrongState, format!("model \"{}\" has no deployed version", model.name))
            .detail(format!("{} versions were trained.", model.last_version))
            .hint(format!("SELECT affinity.deploy({}, {});", literal(&model.name), model.last_version))
    })
}

/// The number and the digest of a model's deployed version: what a statement asks first, so that a version that is at hand is not read.
///
/// # Errors
/// [`Code::WrongState`] when none is deployed, [`Code::UndefinedObject`].
pub(crate) fn deployed_digest(model: &ModelRow) -> Result<(i32, Vec<u8>)> {
    const DIGEST: &str =
        "SELECT digest FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";
    let number = deployed_number(model)?;
    let args = [Arg::Big(model.id), Arg::Int(number)];
    let digest = as_extension(|| spi::first(DIGEST, &args, |r| Ok(r.bytes(1, <[u8]>::to_vec))))?;
    digest.map(|d| (number, d.unwrap_or_default())).ok_or_else(|| unknown_version(number))
}

/// A version of a model that [`find`] or [`own`] gave.
///
/// # Errors
/// [`Code::UndefinedObject`], [`Code::Corrupt`].
pub(crate) fn version(model_id: i64, version: i32) -> Result<VersionRow> {
    as_extension(|| spi::first(VERSION, &[Arg::Big(model_id), Arg::Int(version)], |r| version_row(r, model_id, version)))?
        .ok_or_else(|| unknown_version(version))
}

/// As [`version`], seeing what this very statement wrote.
///
/// # Errors
/// As [`version`].
pub(crate) fn fresh_version(model_id: i64, version: i32) -> Result<VersionRow> {
    as_extension(|| spi::write(VERSION, &[Arg::Big(model_id), Arg::Int(version)], |r| version_row(r, model_id, version)))?
        .into_iter()
        .next()
        .ok_or_else(|| unknown_version(version))
}

/// The version that was trained last and still exists: its call is the one that retraining repeats.
///
/// # Errors
/// [`Code::WrongState`] when there is none.
pub(crate) fn latest_version(model: &ModelRow) -> Result<VersionRow> {
    const LATEST: &str = "SELECT pg_catalog.max(version) FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1";
    let number = as_extension(|| spi::first(LATEST, &[Arg::Big(model.id)], |r| Ok(r.int(1))))?.flatten().ok_or_else(|| {
        Error::new(Code::WrongState, format!("model \"{}\" has no version whose training could be repeated", model.name))
            .hint("Train it again with affinity.train.")
    })?;
    version(model.id, number)
}

/// Whether the current role may use a model.
///
/// # Errors
/// Those of a look-up of a role.
pub(crate) fn may_use(model: &ModelRow) -> Result<bool> {
    if owner::has_rights_of(&model.owner)? {
        return Ok(true);
    }
    for reader in &model.readers {
        if reader == "public" || owner::has_rights_of(reader)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps every other session from training the model called `name` until the end of the transaction.
///
/// # Errors
/// [`Code::InUse`] at once when another session trains it.
pub(crate) fn lock_training(name: &str) -> Result<()> {
    const TABLE: &str = "SELECT 'affinity.stored_models'::pg_catalog.regclass::pg_catalog.oid, pg_catalog.hashtext($1)";
    let (table, key) = as_extension(|| spi::first(TABLE, &[Arg::Text(name)], |r| Ok(r.oid(1).zip(r.int(2)))))?
        .flatten()
        .ok_or_else(|| Error::internal("The store's table was not found."))?;
    // A heavyweight lock in the name space of our own table.
    if compat::try_lock(table, pgrx::pg_sys::Oid::from(key as u32)) {
        return Ok(());
    }
    Err(Error::new(Code::InUse, format!("model \"{name}\" is being trained by another session"))
        .hint("Wait until it has ended: SELECT pid, query FROM pg_stat_activity WHERE query LIKE '%affinity.%train%';"))
}

/// A text as an SQL literal, for hints.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The error for a version that a model does not have.
pub(crate) fn unknown_version(version: i32) -> Error {
    Error::new(Code::UndefinedObject, format!("version {version} does not exist"))
        .hint("SELECT model, version, deployed FROM affinity.versions;")
}

fn unknown(name: &str) -> Error {
    const VISIBLE: &str = "SELECT model FROM affinity.models ORDER BY 1";
    let e = Error::new(Code::UndefinedObject, format!("model \"{name}\" does not exist"));
    // By the caller's rights: the view shows only models that he may know of.
    let known = spi::select(VISIBLE, &[], |r| Ok(r.text(1).unwrap_or_default())).unwrap_or_default();
    match names::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => e.hint(format!("Did you mean \"{near}\"?")),
        None => e.hint("SELECT model FROM affinity.models; lists those that you may use."),
    }
}

fn denied(model: &ModelRow, verb: &str) -> Error {
    let me = owner::current_name();
    let e = Error::new(Code::Privilege, format!("permission denied for model \"{}\"", model.name));
    let e = e.detail(format!("Role {me} may not {verb} it; it belongs to {}.", model.owner));
    if verb == "use" {
        e.hint(format!("Its owner can grant it: SELECT affinity.grant_model({}, {});", literal(&model.name), literal(&me)))
    } else {
        e.hint("Choose another name, or act as its owner.")
    }
}

fn model_row(r: &Row) -> Result<ModelRow> {
    Ok(ModelRow {
        id: r.big(1).unwrap_or(0),
        name: r.text(2).unwrap_or_default(),
        owner: r.text(3).unwrap_or_default(),
        readers: r.texts(4),
        deployed: r.int(5),
        formerly: weights::integers(&r.text(6).unwrap_or_default())?,
        last_version: r.int(7).unwrap_or(0),
    })
}

fn version_row(r: &Row, model_id: i64, version: i32) -> Result<VersionRow> {
    Ok(VersionRow {
        model_id,
        version,
        kind: r.text(1).unwrap_or_default(),
        call: r.json(2)?,
        params: r.json(3)?,
        state: r.json(4)?,
        state_text: r.text(4).unwrap_or_default(),
        judged: r.double(5),
        digest: r.bytes(6, <[u8]>::to_vec).unwrap_or_default(),
    })
}
