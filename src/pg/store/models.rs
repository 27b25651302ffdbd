//! Models and versions as rows: who may use them, what was trained, what is deployed.
//!
//! The tables are closed. Everything here checks the caller's membership first and then runs fixed SQL as the extension's owner. What
//! serves queries reads by the statement's snapshot and assigns no transaction id.

use crate::base::{Code, Error, Result, names};
use crate::pg::backend::compat;
use crate::pg::backend::text::literal;
use crate::pg::datum::array;
use crate::pg::query::owner::{self, Role, as_extension};
use crate::pg::query::spi::{self, Arg, Row, Uuid};
use crate::pg::store::damaged::damaged;
use pgrx::pg_sys;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a reader may ask a model, each scope with what the ones before it allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// To answer for what the reader hands over: rows, items, baskets. Nothing of a user is read.
    Score,
    /// To make lists for users and score items for them; what they had before stays out of the lists where the model leaves it out.
    Lists,
    /// Everything, also `exclude_seen => false`, vectors of users, and figures.
    All,
}

impl Scope {
    /// As in `scope => …`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub(crate) fn parse(word: &str) -> Result<Self> {
        match word {
            "score" => Ok(Self::Score),
            "lists" => Ok(Self::Lists),
            "all" => Ok(Self::All),
            _ => Err(Error::new(Code::InvalidParameter, "scope is not known")
                .detail("It must be 'score', 'lists' or 'all'.")
                .hint("SELECT affinity.grant_model('model', 'role', scope => 'lists');")),
        }
    }
}

/// A role that may use another's model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grantee {
    /// Who; `public` for all.
    pub role: Role,
    /// What for.
    pub scope: Scope,
}

/// A model: a name, an owner, and which of its versions answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelRow {
    /// Its key.
    pub id: Uuid,
    /// Its name, unique in the database.
    pub name: String,
    /// The role that owns it.
    pub owner: Role,
    /// The roles that may use it beside its owner.
    pub readers: Vec<Grantee>,
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
    pub model_id: Uuid,
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
    /// The figure it was evaluated by on held-out rows.
    pub evaluated: Option<f64>,
    /// SHA-256 of state and weights: equal digests score equally, whatever their version numbers.
    pub digest: Vec<u8>,
    /// The state's text as it is stored: part of the digest.
    pub state_text: String,
}

macro_rules! model {
    ($end:literal) => {
        concat!(
            "SELECT id, name, owner, owner_oid, readers, reader_oids, reader_scopes, deployed, formerly, last_version \
     FROM affinity.stored_models WHERE name OPERATOR(pg_catalog.=) $1",
            $end
        )
    };
}
const MODEL: &str = model!("");
/// As it is when no other transaction is changing it any more: what is decided by it holds until this one ends.
const LOCKED: &str = model!(" FOR UPDATE");
/// Of the model's own owner only: who can restore rows can add a version to any model, and it must not answer in its name.
const VERSION: &str = "SELECT v.kind, v.call, v.params, v.state, v.evaluated, v.digest, v.owner_oid OPERATOR(pg_catalog.=) m.owner_oid, v.call_digest \
     FROM affinity.stored_versions v JOIN affinity.stored_models m ON m.id OPERATOR(pg_catalog.=) v.model_id \
     WHERE v.model_id OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/// The model called `name`, for use: the caller owns it or was granted it. One that he may not use is to him as one that is not there.
///
/// # Errors
/// [`Code::UndefinedObject`].
pub(crate) fn find(name: &str) -> Result<ModelRow> {
    names::check("model", name)?;
    let model = as_extension(|| spi::first(MODEL, &[Arg::Text(name)], model_row))?.filter(|m| scope(m).is_some());
    model.ok_or_else(|| unknown(name))
}

/// The model called `name`, of which the caller has the rights of its owner. Sees what this very statement wrote.
///
/// # Errors
/// [`Code::UndefinedObject`]; [`Code::Privilege`] for one that the caller may use and not change.
pub(crate) fn own(name: &str) -> Result<ModelRow> {
    owned(name, fresh(name, MODEL)?)
}

/// [`own`], to be changed: waits for other transactions that change it, and keeps them waiting until this one ends.
///
/// # Errors
/// As [`own`], of the model as it was before the wait and as it is then.
pub(crate) fn own_locked(name: &str) -> Result<ModelRow> {
    // Asked first: nobody waits for a lock of one who may not change the model.
    own(name)?;
    owned(name, fresh(name, LOCKED)?)
}

fn owned(name: &str, model: Option<ModelRow>) -> Result<ModelRow> {
    let model = model.ok_or_else(|| unknown(name))?;
    match (model.owner.held(), scope(&model)) {
        (true, _) => Ok(model),
        (false, Some(_)) => Err(denied(&model)),
        (false, None) => Err(unknown(name)),
    }
}

/// The model called `name`, to be trained again; none where no model has the name.
///
/// # Errors
/// [`Code::Privilege`] for one that the caller may use and not change, [`Code::Duplicate`] for a name that is another's; [`Code::UndefinedObject`] where the
/// owner's role is gone.
pub(crate) fn own_if_any(name: &str) -> Result<Option<ModelRow>> {
    owned_if_any(name, fresh(name, MODEL)?)
}

/// [`own_if_any`], as [`own_locked`] does.
///
/// # Errors
/// Those of [`own_if_any`]; [`Code::WrongState`] where it was dropped, or given to another, while it was trained.
pub(crate) fn own_if_any_locked(name: &str) -> Result<Option<ModelRow>> {
    if own_if_any(name)?.is_none() {
        return Ok(None);
    }
    match owned_if_any(name, fresh(name, LOCKED)?) {
        Ok(Some(model)) => Ok(Some(model)),
        Ok(None) => Err(meanwhile(name, "was dropped")),
        Err(_) => Err(meanwhile(name, "was given to another role")),
    }
}

/// The error for a model that is not what it was when its new version is to be stored.
pub(crate) fn meanwhile(name: &str, what: &str) -> Error {
    Error::new(Code::WrongState, format!("model \"{name}\" {what} while it was trained")).hint("Train it again.")
}

fn owned_if_any(name: &str, model: Option<ModelRow>) -> Result<Option<ModelRow>> {
    let Some(model) = model else { return Ok(None) };
    match (model.owner.held(), scope(&model)) {
        (true, _) => living_owner(&model).map(|_| Some(model)),
        (false, Some(_)) => Err(denied(&model)),
        (false, None) => {
            Err(Error::new(Code::Duplicate, format!("the name \"{name}\" is taken by another role's model")).hint("Choose another name."))
        }
    }
}

fn fresh(name: &str, sql: &'static str) -> Result<Option<ModelRow>> {
    names::check("model", name)?;
    Ok(as_extension(|| spi::write(sql, &[Arg::Text(name)], model_row))?.into_iter().next())
}

/// The role that owns a model.
///
/// # Errors
/// [`Code::UndefinedObject`] when it is gone. One that was made later under the same name is another.
pub(crate) fn living_owner(model: &ModelRow) -> Result<pg_sys::Oid> {
    if model.owner.exists() {
        return Ok(model.owner.oid);
    }
    Err(Error::new(Code::UndefinedObject, format!("the role that owns model \"{}\" does not exist", model.name))
        .detail(format!("It was called {}; a role that was made after the model has no part in it.", model.owner.name))
        .hint(format!("A superuser gives it to another: SELECT affinity.alter_owner({}, 'role');", literal(&model.name))))
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
    const DIGEST: &str = "SELECT digest, owner_oid FROM affinity.stored_versions \
         WHERE model_id OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2";
    let number = deployed_number(model)?;
    let args = [Arg::Uuid(model.id), Arg::Int(number)];
    let found = as_extension(|| spi::first(DIGEST, &args, |r| Ok((r.bytes(1, <[u8]>::to_vec), r.oid(2)))))?;
    let (digest, owner) = found.ok_or_else(|| unknown_version(model.id, number))?;
    if owner == Some(model.owner.oid) { Ok((number, digest.unwrap_or_default())) } else { Err(not_the_owners(number)) }
}

/// A version of a model that [`find`] or [`own`] gave.
///
/// # Errors
/// [`Code::UndefinedObject`], [`Code::Corrupt`].
pub(crate) fn version(model_id: Uuid, version: i32) -> Result<VersionRow> {
    as_extension(|| spi::first(VERSION, &[Arg::Uuid(model_id), Arg::Int(version)], |r| version_row(r, model_id, version)))?
        .ok_or_else(|| unknown_version(model_id, version))
}

/// As [`version`], seeing what this very statement wrote.
///
/// # Errors
/// As [`version`].
pub(crate) fn fresh_version(model_id: Uuid, version: i32) -> Result<VersionRow> {
    as_extension(|| spi::write(VERSION, &[Arg::Uuid(model_id), Arg::Int(version)], |r| version_row(r, model_id, version)))?
        .into_iter()
        .next()
        .ok_or_else(|| unknown_version(model_id, version))
}

/// The version that was trained last and still exists: its call is the one that retraining repeats.
///
/// # Errors
/// [`Code::WrongState`] when there is none.
pub(crate) fn latest_version(model: &ModelRow) -> Result<VersionRow> {
    const LATEST: &str = "SELECT pg_catalog.max(version) FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 \
         AND owner_oid OPERATOR(pg_catalog.=) $2";
    let number = as_extension(|| spi::first(LATEST, &[Arg::Uuid(model.id), Arg::Oid(model.owner.oid)], |r| Ok(r.int(1))))?
        .flatten()
        .ok_or_else(|| {
            Error::new(Code::WrongState, format!("model \"{}\" has no version whose training could be repeated", model.name))
                .hint("Train it again with affinity.train or affinity.train_recommender.")
        })?;
    version(model.id, number)
}

/// What the current role may ask a model; none where it may not use it. Readers are known by their oids, as owners are.
pub(crate) fn scope(model: &ModelRow) -> Option<Scope> {
    if model.owner.held() {
        return Some(Scope::All);
    }
    let mine = |g: &&Grantee| g.role.name == PUBLIC || (g.role.oid != pg_sys::InvalidOid && owner::has_rights_of(g.role.oid));
    model.readers.iter().filter(mine).map(|g| g.scope).max()
}

/// The reader that stands for all roles; no role can be called so.
pub(crate) const PUBLIC: &str = "public";

/// Refuses what a reader of a smaller scope than `needed` asks; `what` begins the message: `lists for users`.
///
/// # Errors
/// [`Code::Privilege`].
pub(crate) fn allow(model: &ModelRow, needed: Scope, what: &str) -> Result<()> {
    if scope(model).is_some_and(|s| s >= needed) {
        return Ok(());
    }
    let me = owner::current_name();
    let scope = if needed == Scope::All { "all" } else { "lists" };
    Err(Error::new(Code::Privilege, format!("permission denied for {what} of model \"{}\"", model.name))
        .detail(format!("Role {me} was granted less."))
        .hint(format!(
            "Its owner can grant it: SELECT affinity.grant_model({}, {}, scope => '{scope}');",
            literal(&model.name),
            literal(&me)
        )))
}

/// Keeps every other session from training the model called `name` until the end of the transaction; the model as it is then, if there is
/// one.
///
/// # Errors
/// [`Code::InUse`] at once when another session trains it; those of [`own_if_any`].
pub(crate) fn lock_training(name: &str) -> Result<Option<ModelRow>> {
    // Of a new model its name is all that there is. 80 bits of a hash: two names do not meet.
    let of_name: Uuid = *<[u8; 32]>::from(Sha256::digest(name)).first_chunk().unwrap_or(&[0; 16]);
    let mut known = own_if_any(name)?;
    loop {
        let id = known.as_ref().map_or(of_name, |m| m.id);
        if !compat::try_lock(&id) {
            return Err(Error::new(Code::InUse, format!("model \"{name}\" is being trained by another session"))
                .hint("Wait until it has ended: SELECT pid, role, phase FROM affinity.progress;"));
        }
        // Another session may have made it, or dropped it, before the lock was ours.
        let now = own_if_any(name)?;
        if now.as_ref().map(|m| m.id) == known.as_ref().map(|m| m.id) {
            return Ok(now);
        }
        known = now;
    }
}

/// The error for a version that a model does not have.
pub(crate) fn unknown_version(model_id: Uuid, version: i32) -> Error {
    const NAME: &str = "SELECT name FROM affinity.stored_models WHERE id OPERATOR(pg_catalog.=) $1";
    let found = as_extension(|| spi::write(NAME, &[Arg::Uuid(model_id)], |r| Ok(r.text(1)))).unwrap_or_default();
    let of = found.into_iter().flatten().next().map_or_else(String::new, |m| format!(" of model \"{m}\""));
    Error::new(Code::UndefinedObject, format!("version {version}{of} does not exist"))
        .hint("SELECT model, version, deployed FROM affinity.versions;")
}

/// Refuses a version that somebody else has put beside a model's own.
fn not_the_owners(version: i32) -> Error {
    Error::new(Code::WrongState, format!("version {version} belongs to another role than its model"))
        .detail("Its row was written or restored by a role that lacks the rights of the model's owner, or by hand.")
        .hint("SELECT * FROM affinity.check(); says what to do.")
}

fn unknown(name: &str) -> Error {
    const VISIBLE: &str = "SELECT model FROM affinity.models ORDER BY 1 LIMIT 1000";
    let e = Error::new(Code::UndefinedObject, format!("model \"{name}\" does not exist"));
    // By the caller's rights: the view shows only models that he may know of.
    let known = spi::select(VISIBLE, &[], |r| Ok(r.text(1).unwrap_or_default())).unwrap_or_default();
    match names::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => e.hint(format!("Did you mean \"{near}\"?")),
        None => e.hint("SELECT model FROM affinity.models; lists those that you may use."),
    }
}

/// For one who may use a model, and so knows of it.
fn denied(model: &ModelRow) -> Error {
    Error::new(Code::Privilege, format!("permission denied for model \"{}\"", model.name))
        .detail(format!("Role {} may use it and not change it; it belongs to {}.", owner::current_name(), model.owner.today()))
        .hint("Act as its owner; or, to train a model of your own, choose another name.")
}

/// SHA-256 over the texts of kind, call and params as they are stored, and the digest of what they gave.
pub(crate) fn call_digest(texts: [&str; 3], digest: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in texts.map(str::as_bytes).into_iter().chain([digest]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

fn model_row(r: &Row) -> Result<ModelRow> {
    let roles = r.texts(5).into_iter().zip(r.oids(6)).zip(r.texts(7));
    let readers = roles.map(|((name, oid), scope)| Ok(Grantee { role: Role { name, oid }, scope: Scope::parse(&scope)? }));
    Ok(ModelRow {
        id: r.uuid(1).unwrap_or_default(),
        name: r.text(2).unwrap_or_default(),
        owner: Role { name: r.text(3).unwrap_or_default(), oid: r.oid(4).unwrap_or(pg_sys::InvalidOid) },
        readers: readers.collect::<Result<_>>()?,
        deployed: r.int(8),
        formerly: array::integers(&r.text(9).unwrap_or_default())?,
        last_version: r.int(10).unwrap_or(0),
    })
}

fn version_row(r: &Row, model_id: Uuid, version: i32) -> Result<VersionRow> {
    if r.bool(7) != Some(true) {
        return Err(not_the_owners(version));
    }
    let text = |i| r.text(i).unwrap_or_default();
    let digest = r.bytes(6, <[u8]>::to_vec).unwrap_or_default();
    // Nothing of a call is followed before it is known to be what was stored.
    if r.bytes(8, |d| d == call_digest([&text(1), &text(2), &text(3)], &digest)) != Some(true) {
        return Err(damaged(version, "its call and parameters"));
    }
    Ok(VersionRow {
        model_id,
        version,
        kind: text(1),
        call: r.json(2)?,
        params: r.json(3)?,
        state: r.json(4)?,
        evaluated: r.double(5),
        digest,
        state_text: text(4),
    })
}
