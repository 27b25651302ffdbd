//! How many rows a query will give, where the planner knows: so that what cannot fit is refused before it is read.

use crate::base::Result;
use crate::pg::query::spi::{self, Arg};
use serde_json::Value;

/// The rows that the planner expects of `sql`; none where that is a guess. It knows the rows of whole tables that were analysed or
/// vacuumed, and of their partitions and plain views; what filters, joins and groups give is guessed, and a wrong guess must not refuse
/// what would fit.
///
/// # Errors
/// What planning raises.
pub(crate) fn rows(sql: &str) -> Result<Option<f64>> {
    let plan = spi::explain(&format!("EXPLAIN (VERBOSE, FORMAT JSON) {sql}"))?;
    let plan: Value = serde_json::from_str(&plan).unwrap_or(Value::Null);
    let root = &plan[0]["Plan"];
    Ok(if known(root)? { root["Plan Rows"].as_f64() } else { None })
}

/// Whether a node gives all rows of relations that the planner has counted.
fn known(node: &Value) -> Result<bool> {
    if node.get("Filter").is_some() {
        return Ok(false);
    }
    match node["Node Type"].as_str() {
        Some("Seq Scan") => counted(node["Schema"].as_str().unwrap_or_default(), node["Relation Name"].as_str().unwrap_or_default()),
        Some("Append" | "Subquery Scan" | "Result" | "Gather") => {
            let parts = node["Plans"].as_array().map_or(&[][..], Vec::as_slice);
            for part in parts {
                if !known(part)? {
                    return Ok(false);
                }
            }
            Ok(!parts.is_empty())
        }
        _ => Ok(false),
    }
}

/// Whether ANALYZE or VACUUM has counted the rows of a relation.
fn counted(schema: &str, relation: &str) -> Result<bool> {
    const COUNTED: &str = "SELECT c.reltuples OPERATOR(pg_catalog.>) 0 FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
         WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    Ok(spi::first(COUNTED, &[Arg::Text(schema), Arg::Text(relation)], |r| Ok(r.bool(1)))?.flatten() == Some(true))
}
