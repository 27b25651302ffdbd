//! What an owner does with a model beside training it: deploy, roll back, drop, grant.

use crate::api::check;
use crate::api::train::needed;
use crate::base::Result;
use crate::pg::backend::compat;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::datum::argument_types::{Name, Text, Texts};
use crate::pg::datum::array;
use crate::pg::datum::returned::Answer;
use crate::pg::query::owner;
use crate::pg::store::models::{self, ModelRow, Scope};
use crate::pg::store::{deploy, weights};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CStr;

// None of these is STRICT: a script that passes a NULL by mistake must not go on as if the model were dropped.

/// Makes a version the one that answers.
#[pg_extern]
fn deploy(model: Option<Text>, version: Option<i32>) {
    sql(|| {
        let model = own(c"affinity.deploy()", model)?;
        let version = needed(version, "version")?;
        check::loads(&models::fresh_version(model.id, version)?)?;
        deploy::deploy(model.id, version)
    })
}

/// Goes back to the version that was deployed before.
#[pg_extern]
fn rollback(model: Option<Text>) -> i32 {
    sql(|| deploy::rollback(&own(c"affinity.rollback()", model)?, check::loads))
}

/// Drops a model.
#[pg_extern]
fn drop_model(model: Option<Text>) {
    sql(|| deploy::drop_model(&own(c"affinity.drop_model()", model)?))
}

/// Drops a version that is not deployed.
#[pg_extern]
fn drop_version(model: Option<Text>, version: Option<i32>) {
    sql(|| deploy::drop_version(&own(c"affinity.drop_version()", model)?, needed(version, "version")?))
}

/// Lets a role use a model.
#[pg_extern]
fn grant_model(model: Option<Text>, role: Option<Name>, scope: Option<Text>) {
    sql(|| {
        let (model, role, scope) = (own(c"affinity.grant_model()", model)?, needed(role, "role")?, needed(scope, "scope")?);
        deploy::grant(&model, &role.0, Scope::parse(&scope)?)
    })
}

/// Takes it back.
#[pg_extern]
fn revoke_model(model: Option<Text>, role: Option<Name>) {
    sql(|| deploy::revoke(&own(c"affinity.revoke_model()", model)?, &needed(role, "role")?.0))
}

/// Gives a model to another role.
#[pg_extern]
fn alter_owner(model: Option<Text>, role: Option<Name>) {
    sql(|| deploy::alter_owner(&own(c"affinity.alter_owner()", model)?, &needed(role, "role")?.0))
}

/// The caller's own model of that name, to be changed by `function`.
fn own(function: &'static CStr, model: Option<Text>) -> Result<ModelRow> {
    compat::must_be_writable(function);
    models::own_locked(&needed(model, "model")?)
}

/// Whether the current role has the rights of a model's owner, for the views.
#[pg_extern]
fn owns(owner: pg_sys::Oid) -> bool {
    sql(|| Ok(owner::has_rights_of(owner)))
}

/// Whether the current role owns a model or may use it, for the views.
#[pg_extern]
fn may_use(owner: pg_sys::Oid, readers: Texts, reader_oids: Vec<Option<pg_sys::Oid>>) -> bool {
    sql(|| {
        let granted = |(name, oid): (String, Option<pg_sys::Oid>)| {
            name == models::PUBLIC || oid.is_some_and(|o| o != pg_sys::InvalidOid && owner::has_rights_of(o))
        };
        Ok(owner::has_rights_of(owner) || readers.read(usize::MAX)?.into_iter().zip(reader_oids).any(granted))
    })
}

/// A stored tensor's numbers as reals.
#[pg_extern]
fn weight_values(call: Call<'_>) -> Option<Answer> {
    sql(|| {
        let Some(data) = call.bytes(1) else { return Ok(None) };
        let values = call.with_text(0, |dtype| weights::values(dtype, data)).transpose()?;
        Ok(values.flatten().map(|v| array::datum(&v)))
    })
}
