//! Whether one user's events can be found without reading them all: evaluated by planning that very query.

use crate::base::Result;
use crate::base::number::AsReal;
use crate::pg::backend::local_settings::Local;
use crate::pg::backend::text::quote;
use crate::pg::datum::value_form::Form;
use crate::pg::query::owner::as_extension;
use crate::pg::query::plan_scans::{Scan, bare, name_end, scans, unprefixed};
use crate::pg::query::relation::{Relation, fill};
use crate::pg::query::spi::{self, Arg};
use crate::pg::recommender::events::EventSource;
use pgrx::pg_sys;
use serde_json::Value;

/// Relations smaller than this are read in a moment, index or none.
const SMALL: i64 = 1 << 20;

/// The share of a relation's pages that a list may cost to read: more than a look-up of a few events takes, and not all of it.
const SHARE: f64 = 0.1;

/// A sentence with the SQL to paste for each relation that a user's query would read most of; none when an index finds the user's events.
///
/// The query is planned with sequential scans switched off, so that one is left only where there is no other way: through views over orders
/// and their lines, partitions, and whatever else stands behind the relation. It is planned without its cut: by the times that an index has
/// in their order, the latest events of who has many are found soon, and of who has few when all was read. `users` are two users: a
/// constant that is not the same in both plans is the user's.
///
/// # Errors
/// What planning raises.
pub(crate) fn advice(source: &EventSource, relation: &Relation, users: [&str; 2], limit: usize) -> Result<Vec<String>> {
    let live = source.live(relation, limit)?;
    // As EXPLAIN writes them.
    let shown = |user: &str| live.users_as.map_or_else(|| Ok(user.to_owned()), |t| t.shown(user));
    let shown = [shown(users[0])?, shown(users[1])?];
    let users = [shown[0].as_str(), shown[1].as_str()];
    let planned = |user: &str| -> Result<Vec<Scan>> {
        let sql = fill(&live.whole, "$1", &format!("{}::{}", crate::pg::backend::text::literal(user), type_name(live.user_type)));
        // The costs that SHARE is meant for, and of one process.
        let _settings = Local::set(&[
            (c"enable_seqscan", c"off"),
            (c"max_parallel_workers_per_gather", c"0"),
            (c"seq_page_cost", c"1"),
            (c"random_page_cost", c"4"),
        ]);
        let plan = spi::explain(&format!("EXPLAIN (VERBOSE, FORMAT JSON) {sql}"))?;
        let plan: Value = serde_json::from_str(&plan).unwrap_or(Value::Null);
        Ok(scans(&plan[0]["Plan"]))
    };
    let found = planned(users[0])?;
    let others = if users[0] == users[1] { Vec::new() } else { planned(users[1])? };
    let mut tables: Vec<Table> = Vec::new();
    for scan in &found {
        let Some(root) = root(&scan.schema, &scan.relation)? else { continue };
        let key = key(scan, users, &others);
        let cost = if found_by(scan, key.as_deref(), root.oid)? { 0.0 } else { scan.cost };
        match tables.iter_mut().find(|t| t.name == root.name) {
            Some(table) => {
                table.bytes += root.bytes;
                table.cost += cost;
                table.key = table.key.take().or(key);
            }
            None => tables.push(Table { cost, key, ..root }),
        }
    }
    let mut advice = Vec::new();
    for table in tables.iter().filter(|t| t.bytes >= SMALL && t.cost > SHARE * t.bytes.real() / f64::from(pg_sys::BLCKSZ)) {
        advice.push(sentence(table, source, relation)?);
    }
    Ok(advice)
}

fn type_name(oid: pg_sys::Oid) -> &'static str {
    if oid == pg_sys::INT8OID { "pg_catalog.int8" } else { "pg_catalog.text" }
}

/// A table that the query reads, with all of its partitions.
struct Table {
    /// In SQL.
    name: String,
    /// Of the part that was scanned, whose indexes are looked at.
    oid: pg_sys::Oid,
    bytes: i64,
    /// The cost of what is read of it beside a user's rows.
    cost: f64,
    /// What a user's rows are known by.
    key: Option<String>,
}

/// What of a scan's relation the query sets equal to the user, or else to a row of another relation: `customer_id`, `(user_id)::text`.
fn key(scan: &Scan, users: [&str; 2], others: &[Scan]) -> Option<String> {
    let same = |s: &&Scan| s.alias == scan.alias && s.schema == scan.schema && s.relation == scan.relation;
    let other = others.iter().find(same);
    // Of another plan, where it has this scan, the same must be equal to the other user.
    let moves = |of: &str| other.is_none_or(|o| o.own.iter().any(|e| e.with(users[1]) == Some(of)));
    let user = scan.own.iter().filter_map(|e| e.with(users[0])).find(|of| moves(of));
    let user = user.and_then(|of| unprefixed(of, &scan.alias));
    user.or_else(|| scan.own.iter().chain(&scan.joins).filter(|e| e.is_join()).find_map(|e| e.of(&scan.alias)))
}

/// Whether an index of the scan finds the rows by `key`: one that begins with it, or with other columns that are set equal to something.
/// However many they are: the costs do not tell who has many events from an index that does not help.
fn found_by(scan: &Scan, key: Option<&str>, relation: pg_sys::Oid) -> Result<bool> {
    const FIRST: &str = "SELECT pg_catalog.pg_get_indexdef(i.indexrelid, 1, false) FROM pg_catalog.pg_index i \
         JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid \
         WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    let Some(key) = key else { return Ok(false) };
    for (index, conditions) in &scan.indexes {
        let equal: Vec<String> = conditions.iter().filter_map(|e| e.of(&scan.alias)).collect();
        if !equal.iter().any(|e| e == key) {
            continue;
        }
        let first = as_extension(|| spi::first(FIRST, &[Arg::Oid(relation), Arg::Text(index)], |r| Ok(r.text(1).unwrap_or_default())))?;
        if first.is_some_and(|first| equal.iter().any(|e| plain(e) == plain(&first))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A key without its parentheses, and a column without the cast to text that costs no index.
fn plain(key: &str) -> &str {
    let key = bare(key);
    key.strip_suffix("::text").map_or(key, |column| if is_name(bare(column)) { bare(column) } else { key })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && name_end(text) == text.len()
}

fn sentence(table: &Table, source: &EventSource, relation: &Relation) -> Result<String> {
    let Table { name, key, oid, .. } = table;
    let Some(key) = key else {
        return Ok(format!(
            "each recommendation reads all of {name}, and no index can help: what stands between it and {} (DISTINCT ON, LIMIT, a window function, a \
             function) keeps the condition on \"{}\" from it",
            relation.sql(),
            source.user_col
        ));
    };
    let why = format!("no index finds one user's events in {name}, so each recommendation reads all of it");
    let column = plain(key);
    if !is_name(column) {
        return Ok(format!("{why}; run: CREATE INDEX ON {name} (({}));", bare(key)));
    }
    let column = unquoted(column);
    Ok(match (is_name(bare(key)), as_text(*oid, &column)?) {
        (false, AsText::Another) => format!("{why}; run: CREATE INDEX ON {name} (({}::text));", quote(&column)),
        (false, AsText::Unsteady) => {
            format!(
                "{why}; no index can hold column {} as text, by which users are compared: store their ids as text, integers or uuid",
                quote(&column)
            )
        }
        _ => {
            let time = source.time_col.as_ref().filter(|_| column == source.user_col && *name == relation.sql());
            let columns: Vec<_> = std::iter::once(&column).chain(time).map(|c| quote(c)).collect();
            format!("{why}; run: CREATE INDEX ON {name} ({});", columns.join(", "))
        }
    })
}

fn unquoted(name: &str) -> String {
    name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).map_or_else(|| name.to_owned(), |n| n.replace("\"\"", "\""))
}

/// What a column's cast to text is to an index.
enum AsText {
    /// Nothing: the column is text.
    Same,
    /// An expression.
    Another,
    /// What no index takes: it depends on settings, or on labels that may be renamed.
    Unsteady,
}

fn as_text(relation: pg_sys::Oid, column: &str) -> Result<AsText> {
    const TYPE: &str = "SELECT a.atttypid, p.provolatile FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.typoutput \
         WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.attname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    let found = as_extension(|| spi::first(TYPE, &[Arg::Oid(relation), Arg::Text(column)], |r| Ok((r.oid(1), r.text(2)))))?;
    let (typ, volatility) = found.unwrap_or_default();
    Ok(match (typ.and_then(Form::of), volatility.as_deref()) {
        (Some(Form::Text), _) => AsText::Same,
        (_, Some("i")) => AsText::Another,
        _ => AsText::Unsteady,
    })
}

/// The partitioned table that a relation is part of (or itself); the oid and the bytes are the relation's own.
fn root(schema: &str, relation: &str) -> Result<Option<Table>> {
    const ROOT: &str = "SELECT n.nspname, r.relname, c.oid, pg_catalog.pg_relation_size(c.oid) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace cn ON cn.oid OPERATOR(pg_catalog.=) c.relnamespace \
         JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) COALESCE(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid) \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace \
         WHERE cn.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
    let found = |r: &spi::Row| {
        let text = |i| quote(&r.text(i).unwrap_or_default());
        let name = format!("{}.{}", text(1), text(2));
        Ok(Table { name, oid: r.oid(3).unwrap_or(pg_sys::InvalidOid), bytes: r.big(4).unwrap_or(0), cost: 0.0, key: None })
    };
    as_extension(|| spi::first(ROOT, &[Arg::Text(schema), Arg::Text(relation)], found))
}
