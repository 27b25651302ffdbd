//! Drivers send parameters without types: every argument of every function resolves as such a parameter, as NULL and, where it takes an
//! array, as '{}'.
//!
//! The calls are made from the catalogue, so that a function that is new, or an overload, is held to it too. That they also answer rightly
//! is in tests/sql/untyped.slt and tests/drivers.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, error_line, server};

/// What does not resolve, as function, argument and why that is right; each must truly be refused, so that the list does not outlive its
/// reasons.
const REFUSED: &[(&str, &str, &str)] = &[
    ("recommend", "as_type", "its type is what it says"),
    ("recommend_all", "as_type", "its type is what it says"),
    ("recommend_for", "as_type", "its type is what it says"),
    ("similar_items", "as_type", "its type is what it says"),
    ("bought_together", "as_type", "its type is what it says"),
    ("buy_again", "as_type", "its type is what it says"),
    ("because", "as_type", "its type is what it says"),
    ("audience", "as_type", "its type is what it says"),
    ("audience_for", "as_type", "its type is what it says"),
    ("profile_state", "vector", "a column of vectors or of states: neither is a parameter, and the type of a column is known"),
    ("profile_state", "state", "as its vector"),
];

/// Arguments that take an array, whatever type they are declared as.
const ARRAYS: &[&str] = &["among", "exclude", "row", "vector"];

struct Function {
    name: String,
    kind: String,
    set: bool,
    arguments: Vec<(String, String)>,
}

impl Function {
    /// The call with `value` as argument `at`, all others typed.
    fn call(&self, at: usize, value: &str) -> String {
        let values = self.arguments.iter().enumerate().map(|(i, a)| if i == at { value.to_owned() } else { typed(a) });
        self.query(&values.collect::<Vec<_>>())
    }

    fn query(&self, values: &[String]) -> String {
        let call = format!("affinity.{}({})", self.name, values.join(", "));
        match self.kind.as_str() {
            "w" => format!("SELECT {call} OVER ()"),
            "p" => format!("CALL {call}"),
            _ if self.set => format!("SELECT * FROM {call}"),
            _ => format!("SELECT {call}"),
        }
    }

    fn refused(&self, argument: &str) -> bool {
        REFUSED.iter().any(|(f, a, _)| *f == self.name && *a == argument)
    }
}

/// A NULL of a type that an argument takes.
fn typed((name, declared): &(String, String)) -> String {
    let typ = match (name.as_str(), declared.as_str()) {
        ("as_type", _) => "affinity.recommendation",
        ("row" | "vector", _) => "real[]",
        ("among" | "exclude", _) | (_, "anycompatiblearray") => "bigint[]",
        ("label", _) => "boolean",
        (_, "\"any\"" | "anyelement" | "anycompatible") => "bigint",
        (_, declared) => declared,
    };
    format!("NULL::{typ}")
}

#[test]
fn every_argument_resolves_without_a_type() {
    let Some(server) = server("untyped") else { return };
    let db = Database::fresh(&server, "untyped");
    let mut client = db.session(&db.database(), "postgres").client;
    let rows = client.query(
        "SELECT p.proname::text, p.prokind::text, p.proretset, p.proargnames[:p.pronargs], ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes)
           WITH ORDINALITY a(t, o) ORDER BY o)
         FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
           JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_affinity'
         WHERE p.pronamespace = 'affinity'::regnamespace ORDER BY p.oid",
        &[],
    );
    let functions = rows.unwrap().into_iter().map(|r| {
        let names: Option<Vec<String>> = r.get(3);
        let types: Vec<String> = r.get(4);
        let arguments = names.unwrap_or_default().into_iter().zip(types).collect();
        Function { name: r.get(0), kind: r.get(1), set: r.get(2), arguments }
    });
    let (mut wrong, mut seen, mut refused) = (Vec::new(), 0, Vec::new());
    for f in functions {
        let mut hold = |sql: &str, may: bool| {
            seen += 1;
            match client.prepare(sql) {
                Err(_) if !may => true,
                Err(e) => {
                    wrong.push(format!("{sql}: {}", error_line(&e)));
                    false
                }
                Ok(_) => false,
            }
        };
        for (i, argument) in f.arguments.iter().enumerate() {
            let may = !f.refused(&argument.0);
            let array = argument.1.ends_with("[]") || argument.1 == "anycompatiblearray" || ARRAYS.contains(&argument.0.as_str());
            let values = ["$1", "NULL"].into_iter().chain(array.then_some("'{}'"));
            for value in values {
                if hold(&f.call(i, value), may) {
                    refused.push((f.name.clone(), argument.0.clone()));
                }
            }
        }
        // All at once, as a driver sends them.
        if f.arguments.iter().all(|a| !f.refused(&a.0) || a.0 == "as_type") {
            let values = f.arguments.iter().enumerate();
            let values =
                values.map(|(i, a)| if a.0 == "as_type" { typed(a) } else { format!("${}", i + 1 - usize::from(i > as_type(&f))) });
            hold(&f.query(&values.collect::<Vec<_>>()), true);
        }
    }
    for (function, argument, why) in REFUSED {
        if !refused.iter().any(|(f, a)| f == function && a == argument) {
            wrong.push(format!("{argument} of {function} resolves, and is on the list of those that do not ({why})"))
        }
    }
    assert!(seen > 200, "only {seen} calls were made");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The place of a function's as_type; beyond the last where it has none.
fn as_type(f: &Function) -> usize {
    f.arguments.iter().position(|a| a.0 == "as_type").unwrap_or(usize::MAX)
}
