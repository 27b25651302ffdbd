//! Whether one user's events can be found without reading them all: judged by planning that very query.

use crate::base::Result;
use crate::pg::events::EventSource;
use crate::pg::local::Local;
use crate::pg::owner::as_extension;
use crate::pg::relation::{Relation, fill, quote};
use crate::pg::spi::{self, Arg};
use pgrx::pg_sys;
use serde_json::Value;

/// Relations smaller than this are read in a moment, index or none.
const SMALL: i64 = 1 << 20;

/// A sentence with the SQL to paste for each relation that a user's query would read from end to end; none when an index answers.
///
/// The query is planned with sequential scans switched off, so that one is left only where there is no other way: through views over orders and their
/// lines, partitions, and whatever else stands behind the relation.
///
/// # Errors
/// What planning raises.
pub(crate) fn advice(source: &EventSource, relation: &Relation, user: &str, limit: usize) -> Result<Vec<String>> {
    let live = source.live(relation, limit)?;
    let sql = fill(&live.sql, "$1", &format!("{}::{}", crate::pg::store::literal(user), type_name(live.user_type)));
    let plan = {
        let _settings = Local::set(&[(c"enable_seqscan", c"off")]);
        spi::explain(&format!("EXPLAIN (VERBOSE, COSTS off, FORMAT JSON) {sql}"))?
    };
    let plan: Value = serde_json::from_str(&plan).unwrap_or(Value::Null);
    let mut scans = Vec::new();
    walk(&plan[0]["Plan"], &mut Vec::new(), &mut scans);
    let mut advice: Vec<String> = Vec::new();
    for Scan { schema, relation: name, column } in scans {
        let Some((root, size)) = root(&schema, &name)? else { continue };
        if size < SMALL {
            continue;
        }
        let what = match column {
            Some(column) => {
                let time = source.time_col.as_ref().filter(|_| column == source.user_col && root == relation.sql());
                let columns: Vec<_> = std::iter::once(&column).chain(time).map(|c| quote(c)).collect();
                format!("CREATE INDEX ON {root} ({});", columns.join(", "))
            }
            None => format!("CREATE INDEX ON {root} (…); with the column by which a user's rows are found"),
        };
        let sentence = format!("no index finds one user's events in {root}, so each recommendation reads all of it; run: {what}");
        if !advice.contains(&sentence) {
            advice.push(sentence);
        }
    }
    Ok(advice)
}

fn type_name(oid: pg_sys::Oid) -> &'static str {
    if oid == pg_sys::INT8OID { "pg_catalog.int8" } else { "pg_catalog.text" }
}

/// A relation that the plan reads from end to end, and the column of it that the query's conditions name.
struct Scan {
    schema: String,
    relation: String,
    column: Option<String>,
}

fn walk(node: &Value, conditions: &mut Vec<String>, scans: &mut Vec<Scan>) {
    let before = conditions.len();
    for key in ["Filter", "Hash Cond", "Merge Cond", "Join Filter", "Recheck Cond"] {
        conditions.extend(node[key].as_str().map(str::to_owned));
    }
    if let (Some("Seq Scan"), Some(relation)) = (node["Node Type"].as_str(), node["Relation Name"].as_str()) {
        let alias = node["Alias"].as_str().unwrap_or(relation);
        scans.push(Scan {
            schema: node["Schema"].as_str().unwrap_or_default().to_owned(),
            relation: relation.to_owned(),
            // The scan's own condition first, then that of the join above it.
            column: conditions.iter().rev().find_map(|c| column_of(alias, c)),
        });
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        walk(child, conditions, scans);
    }
    conditions.truncate(before);
}

/// The first column of `alias` that an equality of `condition` names: `(l.order_id = o.id)`. `IS NOT NULL` names none.
fn column_of(alias: &str, condition: &str) -> Option<String> {
    for prefix in [format!("{alias}."), format!("{}.", quote(alias))] {
        for (at, _) in condition.match_indices(&prefix) {
            let boundary = condition[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"' && c != '.');
            let rest = &condition[at + prefix.len()..];
            let (name, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => rest.split_at(rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())),
            };
            if boundary && !after.trim_start().starts_with("IS ") {
                return Some(name.to_owned());
            }
        }
    }
    None
}

/// The name of the partitioned table that a relation is part of (or its own), and the relation's bytes.
fn root(schema: &str, relation: &str) -> Result<Option<(String, i64)>> {
    const ROOT: &str = "SELECT n.nspname, r.relname, pg_catalog.pg_relation_size(c.oid) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace cn ON cn.oid OPERATOR(pg_catalog.=) c.relnamespace \
         JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) COALESCE(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid) \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace \
         WHERE cn.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    let found = |r: &spi::Row| {
        let text = |i| quote(&r.text(i).unwrap_or_default());
        Ok((format!("{}.{}", text(1), text(2)), r.big(3).unwrap_or(0)))
    };
    as_extension(|| spi::first(ROOT, &[Arg::Text(schema), Arg::Text(relation)], found))
}
