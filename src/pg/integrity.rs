//! What `affinity.check()` finds: that each version is what was stored, that what belongs together is there, that its owner and its
//! relations are.
//!
//! There are no foreign keys to hold the store together (a parallel restore loads its tables in any order), so this says what does not fit,
//! with the statement that mends it.

use crate::base::{Code, Result};
use crate::pg::backend::text::literal;
use crate::pg::query::foreign_code::{self, Rule};
use crate::pg::query::owner::{self, as_extension};
use crate::pg::query::relation::Source;
use crate::pg::query::spi::{self, Arg, Row, Uuid};
use crate::pg::recommender::events::EventSource;
use crate::pg::store::models::{self, ModelRow};
use crate::pg::store::{deploy, source_access, training_call, weights};
use serde::Deserialize;
use serde_json::Value;

/// The finding on a version that a newer release has stored.
const NEWER: &str = "the version is stored in a form that is not known";

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The model; none for rows that belong to no model.
    pub model: Option<String>,
    /// The version, where it is about one.
    pub version: Option<i32>,
    /// What it is, in a few words.
    pub finding: String,
    /// The values.
    pub detail: String,
    /// A statement that mends it.
    pub mend: String,
}

/// All findings on models of which the current role has the owner's rights; for a superuser also on rows that belong to no model.
///
/// # Errors
/// What reading the store raises.
pub(crate) fn findings() -> Result<Vec<Finding>> {
    const NAMES: &str = "SELECT model FROM affinity.models ORDER BY 1";
    let mut found = Vec::new();
    let superuser = owner::is_superuser(owner::current());
    if superuser {
        unguarded(&mut found)?;
        // Who owns what is known when the roles have been looked up.
        if !found.is_empty() {
            return Ok(found);
        }
    }
    for name in spi::select(NAMES, &[], |r| Ok(r.text(1).unwrap_or_default()))? {
        pgrx::check_for_interrupts!();
        match models::own(&name) {
            Ok(model) => of_model(&model, &mut found)?,
            Err(e) if matches!(e.code, Code::Corrupt | Code::InvalidParameter) => found.push(Finding {
                model: Some(name.clone()),
                version: None,
                finding: "the model's row is damaged".into(),
                detail: e.to_string(),
                mend: format!("DELETE FROM affinity.stored_models WHERE name = {};", literal(&name)),
            }),
            // One that he may use and not change.
            Err(_) => {}
        }
    }
    if superuser {
        orphans(&mut found)?;
    }
    Ok(found)
}

fn of_model(model: &ModelRow, found: &mut Vec<Finding>) -> Result<()> {
    let name = literal(&model.name);
    let mut add = |version: Option<i32>, finding: &str, detail: String, mend: String| {
        found.push(Finding { model: Some(model.name.clone()), version, finding: finding.into(), detail, mend });
    };
    if !model.owner.exists() {
        let detail = format!("It was called {}; a role that was made later under that name has no part in it.", model.owner.name);
        add(None, "the owner's role is gone", detail, format!("SELECT affinity.alter_owner({name}, current_user);"));
    } else if model.owner.today() != model.owner.name {
        // A dump names the owner as the row does, and would restore as nobody's.
        let now = model.owner.today();
        let detail = format!("The row says {}, the role is called {now}.", model.owner.name);
        add(None, "the owner's role was renamed", detail, format!("SELECT affinity.alter_owner({name}, {});", literal(&now)));
    }
    for reader in model.readers.iter().filter(|g| g.role.name != models::PUBLIC) {
        let (role, now) = (&reader.role.name, reader.role.today());
        if !reader.role.exists() {
            let detail = format!("It was called {role}; a role that was made later under that name has no part in the grant.");
            add(None, "the role of a reader is gone", detail, format!("SELECT affinity.revoke_model({name}, {});", literal(role)));
        } else if now != *role {
            let detail = format!("The row says {role}, the role is called {now}.");
            let mend = format!("SELECT affinity.grant_model({name}, {}, scope => '{}');", literal(&now), deploy::word(reader.scope));
            add(None, "the role of a reader was renamed", detail, mend);
        }
    }
    let versions = versions(model)?;
    let mut faults = Vec::new();
    for v in &versions {
        pgrx::check_for_interrupts!();
        faults.push(fault(model, v)?);
    }
    let sound = versions.iter().zip(&faults).filter(|(_, f)| f.is_none()).map(|(v, _)| v.number).max();
    // Of a model without a single sound version nothing is left that could answer.
    let instead = sound.map_or_else(|| format!("SELECT affinity.drop_model({name});"), |n| format!("SELECT affinity.deploy({name}, {n});"));
    // What may drop the model comes last, when the mends of the others have been run.
    let by_turns = [false, true]
        .into_iter()
        .flat_map(|last| versions.iter().zip(&faults).filter(move |(v, _)| (model.deployed == Some(v.number)) == last));
    for (v, (finding, detail)) in by_turns.filter_map(|(v, f)| Some((v, f.as_ref()?))) {
        let drop = format!("SELECT affinity.drop_version({name}, {}); -- or restore its rows", v.number);
        let mend = match (model.deployed == Some(v.number), sound) {
            // The release that stored it reads it: nothing of it is dropped.
            _ if *finding == NEWER => "-- install the release that stored it, or a newer one".into(),
            (false, _) => drop,
            (true, Some(_)) => format!("{instead} {drop}"),
            (true, None) => format!("{instead} -- or restore its rows"),
        };
        add(Some(v.number), finding, detail.clone(), mend);
    }
    if let Some(deployed) = model.deployed.filter(|d| versions.iter().all(|v| v.number != *d)) {
        add(None, "the deployed version is not there", format!("It is version {deployed}."), format!("{instead} -- or restore its rows"));
    }
    let Some(v) = versions.iter().find(|v| model.deployed == Some(v.number) && sound.is_some()) else { return Ok(()) };
    for (i, source) in sources(&v.call).iter().enumerate() {
        let live = v.live && i == 0;
        let Err(e) = readable(model, source, live.then_some(&v.call)) else { continue };
        let mend = match e.code {
            // What answers without its relation is well without it; training it again says what is missing. Events come first.
            Code::UndefinedTable | Code::Privilege if !live => continue,
            // It may be away for a moment, so nothing that is run at once.
            Code::UndefinedTable => format!("-- make the relation again; else SELECT affinity.drop_model({name});"),
            Code::UndefinedColumn | Code::WrongType => {
                "-- let the relation have the columns that it had, or train again with those that it has".into()
            }
            Code::WrongState => {
                // No more of the call than literals: a statement that is run by a superuser has no comment of somebody else's.
                let now = literal(&holder(source)?);
                format!("SELECT affinity.alter_owner({name}, {now}); -- or give the relation back, or train on another")
            }
            // Its owner reads it, nobody else.
            _ => model.readers.iter().map(|g| format!("SELECT affinity.revoke_model({name}, {}); ", literal(&g.role.name))).collect(),
        };
        add(Some(v.number), "its relation cannot be read", e.to_string(), mend);
    }
    Ok(())
}

/// What is wrong with a version as it is stored, and the values.
fn fault(model: &ModelRow, v: &Version) -> Result<Option<(&'static str, String)>> {
    if v.owner != model.owner.oid {
        let detail = format!("The version is {}'s, the model is {}'s.", v.owner_name, model.owner.today());
        return Ok(Some(("the version belongs to another role than its model", detail)));
    }
    match models::version(model.id, v.number).and_then(|row| weights::tensors(&row).map(|_| ())) {
        Ok(()) => Ok(None),
        Err(e) if matches!(e.code, Code::Corrupt) => Ok(Some(("what is stored is damaged", e.to_string()))),
        Err(e) if matches!(e.code, Code::Unsupported) => Ok(Some((NEWER, e.to_string()))),
        Err(e) => Err(e),
    }
}

/// The role that a relation belongs to at this moment.
fn holder(source: &Source) -> Result<String> {
    const HOLDER: &str = "SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
         ON n.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name \
         AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    let found = spi::latest(HOLDER, &[Arg::Text(&source.schema), Arg::Text(&source.name)], |r| Ok(r.text(1)))?;
    Ok(found.into_iter().flatten().next().unwrap_or_default())
}

/// Whether a relation that a model has on record is there, has the columns that are read live (those of the events of `call`), and is read
/// for those whom the model was granted to.
fn readable(model: &ModelRow, source: &Source, call: Option<&Value>) -> Result<()> {
    let relation = source_access::recorded(source, model, |gone| training_call::call(model, gone))?;
    if let Some(events) = call.and_then(|c| EventSource::deserialize(&c["events"]).ok()) {
        events.live(&relation, 1)?;
    }
    if model.readers.is_empty() || !model.owner.exists() {
        return Ok(());
    }
    foreign_code::admit(&relation, source_access::reads(model.owner.oid, &relation), Rule::Everything)
}

/// The relations that a recorded call names.
fn sources(call: &Value) -> Vec<Source> {
    let source = |part: &Value| {
        let text = |key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Source { schema: text("schema")?, name: text("relation").or_else(|| text("name"))?, owner: text("owner")? })
    };
    ["source", "events", "items"].iter().filter_map(|part| call.get(part).and_then(source)).collect()
}

struct Version {
    number: i32,
    owner: pgrx::pg_sys::Oid,
    owner_name: String,
    call: Value,
    /// Whether it reads the events of whom it answers for.
    live: bool,
}

fn versions(model: &ModelRow) -> Result<Vec<Version>> {
    const VERSIONS: &str = "SELECT version, owner_oid, owner, call, params FROM affinity.stored_versions WHERE model_id OPERATOR(pg_catalog.=) $1 ORDER BY version";
    let version = |r: &Row| {
        let call = r.json(4).unwrap_or(Value::Null);
        let live = r.json(5).is_ok_and(|p| p.get("users").and_then(Value::as_str) == Some("live"));
        Ok(Version {
            number: r.int(1).unwrap_or(0),
            owner: r.oid(2).unwrap_or(pgrx::pg_sys::InvalidOid),
            owner_name: r.text(3).unwrap_or_default(),
            call,
            live,
        })
    };
    as_extension(|| spi::select(VERSIONS, &[Arg::Uuid(model.id)], version))
}

/// Rows of the store that belong to no model, or to no version.
fn orphans(found: &mut Vec<Finding>) -> Result<()> {
    const OF: [(&str, &str); 3] = [
        (
            "stored_versions",
            "SELECT v.model_id, v.version, 1::pg_catalog.int8 FROM affinity.stored_versions v \
             WHERE NOT EXISTS (SELECT FROM affinity.stored_models m WHERE m.id = v.model_id) ORDER BY 1, 2",
        ),
        (
            "stored_weights",
            "SELECT w.model_id, w.version, pg_catalog.count(*) FROM affinity.stored_weights w WHERE NOT EXISTS (SELECT FROM affinity.stored_versions v \
             JOIN affinity.stored_models m ON m.id = v.model_id WHERE v.model_id = w.model_id AND v.version = w.version) GROUP BY 1, 2 ORDER BY 1, 2",
        ),
        (
            "stored_epochs",
            "SELECT e.model_id, e.version, pg_catalog.count(*) FROM affinity.stored_epochs e WHERE NOT EXISTS (SELECT FROM affinity.stored_versions v \
             JOIN affinity.stored_models m ON m.id = v.model_id WHERE v.model_id = e.model_id AND v.version = e.version) GROUP BY 1, 2 ORDER BY 1, 2",
        ),
    ];
    for (table, sql) in OF {
        let rows = as_extension(|| spi::select(sql, &[], |r| Ok((r.uuid(1).unwrap_or_default(), r.int(2), r.big(3).unwrap_or(0)))))?;
        found.extend(rows.into_iter().map(|(model, version, rows)| {
            let (model, number) = (hyphenated(&model), version.unwrap_or(0));
            Finding {
                model: None,
                version,
                finding: format!("rows of affinity.{table} belong to no {}", if table == "stored_versions" { "model" } else { "version" }),
                detail: format!("{rows} rows of model {model}, version {number}."),
                mend: format!("DELETE FROM affinity.{table} WHERE model_id = '{model}' AND version = {number};"),
            }
        }));
    }
    Ok(())
}

/// Tables whose owners are not looked up with every row. A restore with triggers disabled leaves the trigger on for ordinary sessions only,
/// and the oids of roles as they were where the rows came from.
fn unguarded(found: &mut Vec<Finding>) -> Result<()> {
    const GUARDS: &str = "SELECT c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'guard_owner' \
         WHERE c.oid = ANY ('{affinity.stored_models,affinity.stored_versions}'::pg_catalog.regclass[]) AND t.tgenabled IS DISTINCT FROM 'A' ORDER BY 1";
    let tables = as_extension(|| spi::select(GUARDS, &[], |r| Ok(r.text(1).unwrap_or_default())))?;
    found.extend(tables.into_iter().map(|table| {
        let anew = if table == "stored_models" { "owner_oid = 0, reader_oids = '{}'" } else { "owner_oid = 0" };
        Finding {
            model: None,
            version: None,
            finding: format!("the owners of affinity.{table} are not guarded"),
            detail: "Its trigger was disabled, by a restore with --disable-triggers it may be. Roles are looked up anew by their names; then check again.".into(),
            mend: format!("ALTER TABLE affinity.{table} ENABLE ALWAYS TRIGGER guard_owner; UPDATE affinity.{table} SET {anew};"),
        }
    }));
    Ok(())
}

fn hyphenated(id: &Uuid) -> String {
    let mut text = String::new();
    crate::pg::datum::types::uuid(id, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_names_its_relations() {
        let of = |name: &str| Source { schema: "shop".into(), name: name.into(), owner: "ann".into() };
        let rows = json!({"source": {"schema": "shop", "name": "t", "owner": "ann"}});
        let events = json!({"events": {"schema": "shop", "relation": "e", "owner": "ann"}, "items": {"schema": "shop", "relation": "i", "owner": "ann"}});
        assert_eq!(sources(&rows), [of("t")]);
        assert_eq!(sources(&events), [of("e"), of("i")]);
        assert_eq!(sources(&Value::Null), []);
    }
}
