//! The hand-written SQL face against the library: names, argument and result types, NULLs. A wrong type there is not an error, it is a
//! crash of the server.
//!
//! pgrx leaves each function's signature in a section of the library. `AFFINITY_LIBRARY` names the library, `AFFINITY_TEST` a cluster where
//! the extension is installed (`make test` sets both). Functions that take the raw call info have no types to compare: SQL chapters
//! call each of their overloads.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
use object::{Object, ObjectSection};
use pgrx_sql_entity_graph::metadata::{Returns, SqlArrayMapping, SqlMapping};
use pgrx_sql_entity_graph::{PgExternReturnEntity, SqlGraphEntity, section};
use std::collections::BTreeMap;

/// What SQL declares for one symbol.
struct Declared {
    call: String,
    arguments: Vec<String>,
    result: String,
    set: bool,
    strict: bool,
    described: bool,
}

fn declared(server: &str) -> BTreeMap<String, Vec<Declared>> {
    let db = Database::fresh(server, "signatures");
    let rows = db.session(&db.database(), "postgres").client.query(
        "SELECT p.prosrc::text, p.oid::regprocedure::text, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, o) ORDER BY o),
           format_type(p.prorettype, NULL), p.proretset, p.proisstrict, obj_description(p.oid, 'pg_proc') IS NOT NULL
         FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
           JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_affinity' WHERE p.probin IS NOT NULL",
        &[],
    );
    let mut found: BTreeMap<String, Vec<Declared>> = BTreeMap::new();
    for r in rows.unwrap() {
        let declared =
            Declared { call: r.get(1), arguments: r.get(2), result: r.get(3), set: r.get(4), strict: r.get(5), described: r.get(6) };
        found.entry(r.get(0)).or_default().push(declared)
    }
    found
}

/// The SQL type that pgrx gives a Rust type, spelt as Postgres does; `None` for the raw call info.
fn sql_type(mapping: &SqlMapping) -> Option<String> {
    let spell = |name: &str| match name.to_lowercase().as_str() {
        "int" => "integer".to_string(),
        "bool" => "boolean".to_string(),
        other => other.to_string(),
    };
    match mapping {
        SqlMapping::As(name) => Some(spell(name)),
        SqlMapping::Skip => None,
        SqlMapping::Array(SqlArrayMapping::As(name)) => Some(spell(name) + "[]"),
        SqlMapping::Array(SqlArrayMapping::Composite) => Some("record[]".into()),
        SqlMapping::Composite => Some("record".into()),
    }
}

/// `anyelement` stands in Rust for whatever polymorphic type the declaration names.
fn same(rust: &str, sql: &str) -> bool {
    rust == sql || (rust == "anyelement" && sql.starts_with("any"))
}

#[test]
fn the_sql_face_is_the_librarys() {
    let Some(server) = server("signatures") else { return };
    let library = std::env::var("AFFINITY_LIBRARY").expect("AFFINITY_LIBRARY names the built library");
    let bytes = std::fs::read(library).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let data = file.section_by_name(section::ELF_SECTION_NAME).expect("the library holds its signatures").data().unwrap();
    let mut sql = declared(&server);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for entity in section::decode_entities(data).unwrap() {
        let SqlGraphEntity::Function(f) = entity else { continue };
        let symbol = format!("{}_wrapper", f.unaliased_name);
        let Some(calls) = sql.remove(&symbol) else {
            wrong.push(format!("{symbol} is in the library, but no function of SQL names it"));
            continue;
        };
        let kinds: Vec<_> = f.fn_args.iter().map(|a| a.used_ty.metadata.argument_sql.as_ref().map(sql_type)).collect();
        let raw = kinds.iter().any(|k| matches!(k, Ok(None)));
        let rust: Vec<String> = kinds.iter().map(|k| k.as_ref().map_or("?".into(), |k| k.clone().unwrap_or_default())).collect();
        for call in calls {
            seen += 1;
            let name = &call.call;
            if !call.described && call.result != "internal" && !call.arguments.contains(&"internal".to_string()) {
                wrong.push(format!("{name} has no COMMENT ON FUNCTION"))
            }
            if raw {
                continue;
            }
            if rust.len() != call.arguments.len() || !rust.iter().zip(&call.arguments).all(|(r, s)| same(r, s)) {
                wrong.push(format!("{name}: the library takes ({})", rust.join(", ")))
            }
            if !call.strict && f.fn_args.iter().any(|a| !a.used_ty.optional) {
                wrong.push(format!("{name} must be STRICT: an argument of the library is no Option"))
            }
            // An iterator behind a type alias is known by its SQL alone.
            let set = match &f.fn_return {
                PgExternReturnEntity::SetOf { .. } | PgExternReturnEntity::Iterated { .. } => true,
                PgExternReturnEntity::Type { ty } => matches!(ty.metadata.return_sql, Ok(Returns::SetOf(_) | Returns::Table(_))),
                _ => false,
            };
            if set != call.set {
                wrong.push(format!("{name}: RETURNS SETOF {}, in the library {set}", call.set))
            }
            if let PgExternReturnEntity::Type { ty } = &f.fn_return
                && let Ok(Returns::One(mapping)) = &ty.metadata.return_sql
                && let Some(of) = sql_type(mapping)
                && !same(&of, &call.result)
            {
                wrong.push(format!("{name}: returns {}, in the library {of}", call.result))
            }
        }
    }
    for symbol in sql.keys() {
        wrong.push(format!("{symbol} is named in SQL, but the library holds no signature of it"))
    }
    assert!(seen > 0, "no function was compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
