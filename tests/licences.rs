//! What the shipped library is made of: licences that may be shipped, one source, and the texts that go with a binary.
//!
//! The packages are those that `cargo metadata` says are linked into the library (build scripts, procedural macros and tests are not).
//! THIRD_PARTY.md is written from them by `make licences`, and held here. No network is needed once the packages are there.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The licences that parts of the library may have, the one that is taken first where a package offers several. All allow a binary to be
/// passed on under any terms with their text beside it.
const SHIPPED: [&str; 8] = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0", "PostgreSQL"];

/// Further ones that tools and tests may have, which nobody is given.
const TOOLS: [&str; 3] = ["Unlicense", "BSL-1.0", "Apache-2.0 WITH LLVM-exception"];

struct Package {
    name: String,
    version: String,
    licence: String,
    registry: Option<String>,
    repository: String,
    authors: String,
    folder: PathBuf,
    linked: bool,
}

/// Every package of a build of the library and its tests; the first is this one.
fn packages() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let given = ["metadata", "--format-version", "1", "--locked", "--features", "pg15", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let out = Command::new(cargo).args(given).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let found: BTreeMap<String, Value> = list(&all["packages"]).into_iter().map(|p| (text(&p["id"]), p)).collect();
    let nodes: BTreeMap<String, Value> = list(&all["resolve"]["nodes"]).into_iter().map(|n| (text(&n["id"]), n)).collect();
    let macros = |id: &str| list(&found[id]["targets"]).iter().any(|t| list(&t["kind"]).contains(&"proc-macro".into()));
    let (mut linked, mut next) = (BTreeSet::new(), vec![text(&all["resolve"]["root"])]);
    while let Some(id) = next.pop() {
        if macros(&id) || !linked.insert(id.clone()) {
            continue;
        }
        let normal = |d: &Value| list(&d["dep_kinds"]).iter().any(|k| k["kind"].is_null());
        next.extend(list(&nodes[&id]["deps"]).iter().filter(|d| normal(d)).map(|d| text(&d["pkg"])));
    }
    let package = |(id, p): (&String, &Value)| Package {
        name: text(&p["name"]),
        version: text(&p["version"]),
        licence: text(&p["license"]),
        registry: p["source"].as_str().map(str::to_string),
        repository: text(&p["repository"]),
        authors: list(&p["authors"]).iter().map(text).collect::<Vec<_>>().join(", "),
        folder: Path::new(&text(&p["manifest_path"])).parent().unwrap().to_path_buf(),
        linked: linked.contains(id),
    };
    let mut packages: Vec<Package> = nodes.keys().map(|id| package((id, &found[id]))).collect();
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    packages
}

/// What is taken of an SPDX expression: of alternatives the first that `order` has, of what holds together all. None where something is not
/// in it.
fn taken(expression: &str, order: &[&str]) -> Option<BTreeSet<String>> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (set, rest) = alternatives(&words, order);
    if rest.is_empty() { set } else { None }
}

type Taken<'a> = (Option<BTreeSet<String>>, &'a [&'a str]);

fn alternatives<'a>(words: &'a [&'a str], order: &[&str]) -> Taken<'a> {
    let (mut best, mut rest) = together(words, order);
    let rank = |s: &BTreeSet<String>| s.iter().filter_map(|l| order.iter().position(|o| o == l)).max();
    while let ["OR", more @ ..] = rest {
        let (other, after) = together(more, order);
        best = match (best, other) {
            (Some(a), Some(b)) => Some(if rank(&b) < rank(&a) { b } else { a }),
            (a, b) => a.or(b),
        };
        rest = after
    }
    (best, rest)
}

fn together<'a>(words: &'a [&'a str], order: &[&str]) -> Taken<'a> {
    let (mut all, mut rest) = one(words, order);
    while let ["AND", more @ ..] = rest {
        let (other, after) = one(more, order);
        all = all.zip(other).map(|(a, b)| &a | &b);
        rest = after
    }
    (all, rest)
}

fn one<'a>(words: &'a [&'a str], order: &[&str]) -> Taken<'a> {
    let known = |name: String| order.contains(&name.as_str()).then(|| BTreeSet::from([name]));
    match words {
        ["(", inside @ ..] => match alternatives(inside, order) {
            (set, [")", rest @ ..]) => (set, rest),
            (_, rest) => (None, rest),
        },
        [name, "WITH", exception, rest @ ..] => (known(format!("{name} WITH {exception}")), rest),
        [name, rest @ ..] => (known(name.to_string()), rest),
        [] => (None, &[]),
    }
}

#[test]
fn an_expression_is_taken_by_what_is_allowed() {
    let take = |e: &str| taken(e, &SHIPPED).map(|s| s.into_iter().collect::<Vec<_>>().join(" + "));
    assert_eq!(take("Apache-2.0 OR MIT").as_deref(), Some("MIT"));
    assert_eq!(take("GPL-3.0 OR MIT/Apache-2.0").as_deref(), Some("MIT"));
    assert_eq!(take("(MIT OR Apache-2.0) AND Unicode-3.0").as_deref(), Some("MIT + Unicode-3.0"));
    assert_eq!(take("Apache-2.0 WITH LLVM-exception OR Apache-2.0").as_deref(), Some("Apache-2.0"));
    for refused in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT )", "", "MIT MIT"] {
        assert_eq!(take(refused), None, "{refused}");
    }
}

#[test]
fn every_package_may_be_used() {
    let tools: Vec<&str> = SHIPPED.into_iter().chain(TOOLS).collect();
    let (mut wrong, mut registries) = (Vec::new(), BTreeSet::new());
    for p in packages() {
        if taken(&p.licence, if p.linked { &SHIPPED } else { &tools }).is_none() {
            wrong.push(format!("{} {} has the licence \"{}\"", p.name, p.version, p.licence))
        }
        // This package itself has none.
        if let Some(registry) = &p.registry {
            if !registry.starts_with("registry+") {
                wrong.push(format!("{} {} comes from {registry}", p.name, p.version))
            }
            registries.insert(registry.clone());
        }
    }
    if registries.len() != 1 {
        wrong.push(format!("the packages come from several registries: {registries:?}"))
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files of a package that hold the text of a licence that is taken, or all where none is named after it; and its notices.
fn texts(p: &Package, licences: &BTreeSet<String>) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(&p.folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|n| p.folder.join(n).is_file());
    names.sort();
    let begins = |n: &String, with: &[&str]| with.iter().any(|w| n.to_uppercase().starts_with(w));
    let all: Vec<String> = names.iter().filter(|n| begins(n, &["LICEN", "COPYING", "UNLICENSE"])).cloned().collect();
    let word = |l: &String| l.split('-').next().unwrap_or_default().to_uppercase();
    let mut chosen: Vec<String> = all.iter().filter(|n| licences.iter().any(|l| n.to_uppercase().contains(&word(l)))).cloned().collect();
    if chosen.is_empty() {
        chosen = all
    }
    chosen.extend(names.into_iter().filter(|n| begins(n, &["NOTICE", "COPYRIGHT"])));
    let text = |n: &String| {
        let bytes = std::fs::read(p.folder.join(n)).unwrap();
        let lines: Vec<String> = String::from_utf8_lossy(&bytes).lines().map(|l| l.trim_end().to_string()).collect();
        lines.join("\n").trim_matches('\n').to_string()
    };
    chosen.iter().map(text).collect()
}

/// THIRD_PARTY.md as it should be.
fn third_party() -> String {
    let own: Vec<Package> = packages().into_iter().filter(|p| p.linked && p.registry.is_some()).collect();
    let mut out = String::from(
        "# Third-party software in pg_affinity's library\n\nWritten by `make licences`, held by tests/licences.rs: the packages that are linked into \
         the shared library, the licence\nthat each is taken under, and its text. A binary of pg_affinity is passed on together with this file and \
         with LICENSE. The Rust\nstandard library, which is linked, too, is taken under MIT (copyright: the Rust Project contributors); its text is the \
         MIT text below.\n\n| package | version | offered under | taken under | source |\n|---|---|---|---|---|\n",
    );
    let (mut by_text, mut without): (BTreeMap<String, Vec<String>>, Vec<String>) = Default::default();
    for p in &own {
        let licences = taken(&p.licence, &SHIPPED).unwrap_or_default();
        let under = licences.iter().cloned().collect::<Vec<_>>().join(" and ");
        writeln!(out, "| {} | {} | {} | {under} | {} |", p.name, p.version, p.licence, p.repository).unwrap();
        let texts = texts(p, &licences);
        if texts.is_empty() {
            let by = if p.authors.is_empty() { &p.repository } else { &p.authors };
            without.push(format!("{} {} ({under}; {by})", p.name, p.version))
        }
        for text in texts {
            by_text.entry(text).or_default().push(format!("{} {}", p.name, p.version))
        }
    }
    if !without.is_empty() {
        writeln!(
            out,
            "\nThese packages bring no file with the text of their licence, which stands below at others: {}.",
            without.join(", ")
        )
        .unwrap()
    }
    let mut sections: Vec<_> = by_text.into_iter().collect();
    sections.sort_by(|a, b| a.1.cmp(&b.1));
    for (text, packages) in sections {
        write!(out, "\n## {}\n\n````text\n{text}\n````\n", packages.join(", ")).unwrap()
    }
    out
}

#[test]
fn the_texts_for_binaries_are_those_of_the_packages() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("THIRD_PARTY.md");
    let want = third_party();
    if std::env::var_os("WRITE_THIRD_PARTY").is_some() {
        return std::fs::write(file, want).unwrap();
    }
    assert!(std::fs::read_to_string(file).unwrap_or_default() == want, "THIRD_PARTY.md is not of these packages: run make licences");
}
