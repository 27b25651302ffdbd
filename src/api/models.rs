//! What an owner does with a model beside training it: deploy, roll back, drop, grant.

use crate::api::check;
use crate::base::{Code, Error, Result};
use crate::pg::answer::Answer;
use crate::pg::argument::Name;
use crate::pg::error::sql;
use crate::pg::{array, manage, owner, store, weights};
use pgrx::prelude::*;

/// Makes a version the one that answers.
#[pg_extern]
fn deploy(model: &str, version: i32) {
    sql(|| {
        let model = store::own(model)?;
        check::loads(&store::fresh_version(model.id, version)?)?;
        manage::deploy(model.id, version)
    })
}

/// Goes back to the version that was deployed before.
#[pg_extern]
fn rollback(model: &str) -> i32 {
    sql(|| manage::rollback(&store::own(model)?, check::loads))
}

/// Drops a model.
#[pg_extern]
fn drop_model(model: &str) {
    sql(|| manage::drop_model(&store::own(model)?))
}

/// Drops a version that is not deployed.
#[pg_extern]
fn drop_version(model: &str, version: i32) {
    sql(|| manage::drop_version(&store::own(model)?, version))
}

/// Lets a role score with a model.
#[pg_extern]
fn grant_model(model: &str, role: Name) {
    sql(|| {
        let model = store::own(model)?;
        known_role(&role.0)?;
        manage::grant(&model, &role.0)
    })
}

/// Takes it back.
#[pg_extern]
fn revoke_model(model: &str, role: Name) {
    sql(|| manage::revoke(&store::own(model)?, &role.0))
}

/// A stored tensor's numbers as reals.
#[pg_extern]
fn weight_values(dtype: &str, data: &[u8]) -> Option<Answer> {
    sql(|| Ok(weights::values(dtype, data)?.map(|v| array::datum(&v))))
}

fn known_role(name: &str) -> Result<()> {
    if name == "public" || owner::find(name)?.is_some() {
        return Ok(());
    }
    Err(Error::new(Code::UndefinedObject, format!("role \"{name}\" does not exist")).hint("SELECT rolname FROM pg_catalog.pg_roles;"))
}
