//! docs/reference.md against the extension: every function has a heading and is shown with its arguments, and every heading names something
//! that is there.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The names of arguments, a list an overload.
type Overloads = BTreeSet<Vec<String>>;

/// What a page says: its `### name` headings, and the signatures in its ```text blocks, by the name of the function.
///
/// A signature begins a line with `affinity.name(` and ends with ` →` and its result; lines that begin with a blank go on with it.
fn page(text: &str) -> (BTreeSet<String>, BTreeMap<String, Overloads>) {
    let (mut headings, mut shown) = (BTreeSet::new(), Vec::<String>::new());
    let (mut inside, mut text_block) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
            text_block = inside && line.trim_end() == "```text";
        } else if !inside {
            headings.extend(line.strip_prefix("### ").map(|h| h.trim().to_owned()))
        } else if text_block && line.starts_with("affinity.") {
            shown.push(line.to_owned())
        } else if text_block
            && line.starts_with(' ')
            && let Some(signature) = shown.last_mut().filter(|s| !s.contains('→'))
        {
            signature.push_str(line)
        }
    }
    let mut signatures = BTreeMap::<String, Overloads>::new();
    for signature in &shown {
        let (head, _) = signature.split_once(" →").unwrap_or_else(|| panic!("{signature} has no result"));
        let (name, arguments) = head.split_once('(').unwrap_or_else(|| panic!("{signature} has no arguments"));
        let arguments = arguments.strip_suffix(')').unwrap_or_else(|| panic!("{signature}: no ) before the result"));
        // No default holds a comma.
        let names = arguments.split(',').filter_map(|a| a.split_whitespace().next()).map(|n| n.trim_matches('"').to_owned()).collect();
        let name = name.strip_prefix("affinity.").unwrap_or(name);
        signatures.entry(name.to_owned()).or_default().insert(names);
    }
    (headings, signatures)
}

#[test]
fn headings_and_signatures_are_read() {
    let text = "# a\n### f\n```text\naffinity.f(a text, \"row\" x DEFAULT 'y',\n    b int | real) → SETOF affinity.g\naffinity.f() → int\n a | b\n```\n```sql\n### no\nSELECT 1;\n```";
    let (headings, signatures) = page(text);
    let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(headings, BTreeSet::from(["f".to_owned()]));
    assert_eq!(signatures, BTreeMap::from([("f".to_owned(), BTreeSet::from([names(&[]), names(&["a", "row", "b"])]))]));
}

#[test]
fn reference_names_what_is_there() {
    let Some(server) = server("reference") else { return };
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md")).unwrap();
    let (headings, shown) = page(&text);
    let db = Database::fresh(&server, "reference");
    let mut client = db.session(&db.database(), "postgres").client;
    // The settings are there once the library is.
    client.batch_execute("SELECT affinity.version()").unwrap();

    // Of functions the arguments that go in: those that come out stand behind them.
    let functions = client
        .query(
            "SELECT p.proname::text, coalesce(p.proargnames[1:p.pronargs], '{}')
             FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
               JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'pg_affinity'
             WHERE p.pronamespace = 'affinity'::regnamespace",
            &[],
        )
        .unwrap();
    let mut there = BTreeMap::<String, Overloads>::new();
    for r in &functions {
        there.entry(r.get(0)).or_default().insert(r.get(1));
    }
    assert!(there.len() > 40, "few functions were found: {there:?}");

    // Views; composite types that are no table's or view's; settings.
    let others = client
        .query(
            "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'affinity'::regnamespace AND c.relkind IN ('v', 'c')
             UNION ALL SELECT name FROM pg_settings WHERE starts_with(name, 'affinity.')",
            &[],
        )
        .unwrap();
    let others: BTreeSet<String> = others.iter().map(|r| r.get(0)).collect();

    let mut wrong = Vec::new();
    for (name, overloads) in &there {
        if !headings.contains(name) {
            wrong.push(format!("affinity.{name} has no heading ### {name}"))
        }
        let none = Overloads::new();
        let said = shown.get(name).unwrap_or(&none);
        wrong.extend(overloads.difference(said).map(|a| format!("affinity.{name}({}) is not shown", a.join(", "))));
        wrong.extend(said.difference(overloads).map(|a| format!("affinity.{name}({}) is shown and not there", a.join(", "))));
    }
    wrong.extend(shown.keys().filter(|name| !there.contains_key(*name)).map(|name| format!("affinity.{name} is shown and not there")));
    wrong.extend(others.iter().filter(|name| !headings.contains(*name)).map(|name| format!("{name} has no heading ### {name}")));
    let known = |name: &String| there.contains_key(name) || others.contains(name);
    wrong.extend(headings.iter().filter(|h| !known(h)).map(|h| format!("the heading ### {h} names nothing that is there")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
