//! What an EXPLAIN in JSON says of the relations that a query reads: by which conditions, by which indexes, at what cost.

use serde_json::Value;

/// One reading of a relation.
pub(crate) struct Scan {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub relation: String,
    /// What the plan calls it.
    pub alias: String,
    /// The cost of all of its runs.
    pub cost: f64,
    /// The indexes that are used, and their conditions.
    pub indexes: Vec<(String, Vec<Equality>)>,
    /// The equalities of its own conditions, those of indexes among them.
    pub own: Vec<Equality>,
    /// Those of the joins above it, the nearest first.
    pub joins: Vec<Equality>,
}

/// `left = right` of a condition, as Postgres writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Equality {
    left: String,
    right: String,
}

impl Equality {
    /// What is set equal to the constant `value`.
    pub(crate) fn with(&self, value: &str) -> Option<&str> {
        [(&self.left, &self.right), (&self.right, &self.left)].into_iter().find(|(_, c)| constant(c) == value).map(|(e, _)| bare(e))
    }

    /// Whether columns stand on both sides.
    pub(crate) fn is_join(&self) -> bool {
        columns(&self.left) && columns(&self.right)
    }

    /// The side that is an expression of `alias`, its columns without their prefix; none where both sides are, or neither.
    pub(crate) fn of(&self, alias: &str) -> Option<String> {
        match (unprefixed(&self.left, alias), unprefixed(&self.right, alias)) {
            (Some(e), None) | (None, Some(e)) => Some(e),
            _ => None,
        }
    }
}

/// All readings of a plan.
pub(crate) fn scans(plan: &Value) -> Vec<Scan> {
    let mut scans = Vec::new();
    walk(plan, 1.0, f64::INFINITY, &mut Vec::new(), &mut scans);
    scans
}

fn walk(node: &Value, runs: f64, most: f64, joins: &mut Vec<Equality>, scans: &mut Vec<Scan>) {
    let total = node["Total Cost"].as_f64().unwrap_or(0.0);
    let text = |key: &str| node[key].as_str().unwrap_or_default().to_owned();
    if let Some(relation) = node["Relation Name"].as_str() {
        let mut indexes = Vec::new();
        used(node, &mut indexes);
        let mut own: Vec<Equality> = indexes.iter().flat_map(|(_, conditions)| conditions.clone()).collect();
        own.extend(["Filter", "Recheck Cond"].iter().flat_map(|key| equalities(&text(key))));
        let cost = (total * runs).min(most);
        let joins = joins.iter().rev().cloned().collect();
        scans.push(Scan { schema: text("Schema"), relation: relation.to_owned(), alias: text("Alias"), cost, indexes, own, joins });
        return;
    }
    // What is below a LIMIT is not read to its end.
    let most = if node["Node Type"] == "Limit" { most.min(total * runs) } else { most };
    let before = joins.len();
    for key in ["Join Filter", "Hash Cond", "Merge Cond"] {
        joins.extend(equalities(&text(key)));
    }
    let children = node["Plans"].as_array().map(Vec::as_slice).unwrap_or_default();
    // The second side of a nested loop is run for each row of the first.
    let again = if node["Node Type"] == "Nested Loop" {
        children.first().and_then(|c| c["Plan Rows"].as_f64()).unwrap_or(1.0).max(1.0)
    } else {
        1.0
    };
    for (i, child) in children.iter().enumerate() {
        walk(child, if i == 1 { runs * again } else { runs }, most, joins, scans);
    }
    joins.truncate(before);
}

/// The indexes of a scan: its own, or those of the bitmaps below it.
fn used(node: &Value, indexes: &mut Vec<(String, Vec<Equality>)>) {
    if let Some(name) = node["Index Name"].as_str() {
        indexes.push((name.to_owned(), equalities(node["Index Cond"].as_str().unwrap_or_default())));
    }
    for child in node["Plans"].as_array().into_iter().flatten().filter(|c| c["Node Type"].as_str().is_some_and(|t| t.starts_with("Bitmap")))
    {
        used(child, indexes);
    }
}

/// The equalities that hold wherever a condition does: those that AND joins.
fn equalities(condition: &str) -> Vec<Equality> {
    let condition = bare(condition);
    let parts = split(condition, " AND ");
    if parts.len() > 1 {
        return parts.into_iter().flat_map(equalities).collect();
    }
    let condition = condition.replace(" OPERATOR(pg_catalog.=) ", " = ");
    match split(&condition, " = ")[..] {
        [left, right] if split(&condition, " OR ").len() == 1 && !right.starts_with("ANY ") && !right.starts_with("ALL ") => {
            vec![Equality { left: left.to_owned(), right: right.to_owned() }]
        }
        _ => Vec::new(),
    }
}

/// The bytes of `text` that stand in no quotes; a quote that opens is among them.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut quote = None;
    text.bytes().enumerate().filter(move |&(_, b)| {
        let was = quote;
        match quote {
            Some(q) if q == b => quote = None,
            None if matches!(b, b'\'' | b'"') => quote = Some(b),
            _ => {}
        }
        was.is_none()
    })
}

/// Those of them that stand in no parentheses either; one that opens is among them.
fn outside(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut depth = 0usize;
    outside_quotes(text).filter(move |&(_, b)| {
        let was = depth;
        match b {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        was == 0
    })
}

fn split<'a>(text: &'a str, by: &str) -> Vec<&'a str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    for (at, _) in outside(text) {
        if at >= from && text.as_bytes()[at..].starts_with(by.as_bytes()) {
            parts.push(&text[from..at]);
            from = at + by.len();
        }
    }
    parts.push(&text[from..]);
    parts
}

/// A text without the parentheses around all of it.
pub(crate) fn bare(text: &str) -> &str {
    let mut text = text.trim();
    // Of `(a)::text` more is outside than the parenthesis that opens.
    while let Some(inside) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'))
        && outside(text).nth(1).is_none()
    {
        text = inside.trim();
    }
    text
}

/// The value of a constant: `'7'::bigint` is 7. What is none is itself.
fn constant(text: &str) -> String {
    let text = bare(text);
    let value = split(text, "::")[0];
    match value.strip_prefix('E').unwrap_or(value).strip_prefix('\'').and_then(|v| v.strip_suffix('\'')) {
        Some(quoted) => {
            let plain = quoted.replace("''", "'");
            if value.starts_with('E') { plain.replace("\\\\", "\\") } else { plain }
        }
        None => value.to_owned(),
    }
}

/// Whether an expression names a column, which VERBOSE writes with its relation: `o.order_id`, not 1.5.
fn columns(expression: &str) -> bool {
    outside_quotes(expression).any(|(at, b)| {
        let before = expression[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        b == b'.' && (expression[..at].ends_with('"') || before.starts_with(|c: char| c.is_alphabetic() || c == '_'))
    })
}

/// An expression of `alias` without its prefix; none where the prefix is nowhere.
pub(crate) fn unprefixed(expression: &str, alias: &str) -> Option<String> {
    let expression = bare(expression);
    let quoted = format!("\"{}\".", alias.replace('"', "\"\""));
    let (mut out, mut rest, mut found) = (String::new(), expression, false);
    while let Some(c) = rest.chars().next() {
        let begins = !out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '.' | '\''));
        let prefix = rest.strip_prefix(&quoted).or_else(|| rest.strip_prefix(alias).and_then(|r| r.strip_prefix('.')));
        match prefix.filter(|_| begins) {
            Some(after) => {
                found = true;
                // The column's own name, which may look like the prefix.
                let end = name_end(after);
                out.push_str(&after[..end]);
                rest = &after[end..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    found.then_some(out)
}

/// Where the name ends that `text` begins with.
pub(crate) fn name_end(text: &str) -> usize {
    match text.strip_prefix('"') {
        Some(inside) => {
            let mut end = 1;
            let mut chars = inside.chars().peekable();
            while let Some(c) = chars.next() {
                end += c.len_utf8();
                if c == '"' && chars.next_if_eq(&'"').is_none() {
                    return end;
                } else if c == '"' {
                    end += 1;
                }
            }
            text.len()
        }
        None => text.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).unwrap_or(text.len()),
    }
}
