//! The floors of the house, and what keeps its files small: no import goes up, no circle of files, no file over 400 lines, no function over
//! 80.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[path = "layers/imports.rs"]
mod imports;

use imports::{circles, imports};

/// Top floor first.
const FLOORS: [&str; 12] = ["api", "pg", "report", "train", "serve", "model", "nn", "metric", "dataset", "linalg", "kernel", "base"];

/// The rooms of `src/pg`, top first; rooms of one step do not know each other.
const ROOMS: [&[&str]; 7] =
    [&["integrity"], &["evaluate", "refresh"], &["rows", "recommender"], &["store", "call"], &["query"], &["datum"], &["backend"]];

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out)
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path)
        }
    }
}

/// The modules of `src`, by their paths (`pg::query::spi`), with their text.
fn modules() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let path = |p: &Path| {
        let inside = p.strip_prefix(&src).unwrap().with_extension("");
        let parts: Vec<&str> = inside.iter().map(|c| c.to_str().unwrap()).filter(|c| *c != "mod").collect();
        parts.join("::")
    };
    let found: BTreeMap<String, String> = all.iter().map(|p| (path(p), std::fs::read_to_string(p).unwrap())).collect();
    assert!(found.len() > 100, "found only {} files", found.len());
    found
}

/// What each module imports, tests aside.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let all = modules();
    let is_module = |path: &str| all.contains_key(path);
    all.iter().filter(|(name, _)| *name != "lib").map(|(name, text)| (name.clone(), imports(name, text, is_module))).collect()
}

/// The step of the room `part` of a path in `order`.
fn step(order: &[&[&str]], path: &str, part: usize) -> Option<usize> {
    let room = path.split("::").nth(part)?;
    order.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn no_import_goes_up() {
    let floors: Vec<[&str; 1]> = FLOORS.iter().map(|f| [*f]).collect();
    let floors: Vec<&[&str]> = floors.iter().map(|f| &f[..]).collect();
    let mut wrong = Vec::new();
    for (from, to) in graph().iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to))) {
        if step(&floors, to, 0) < step(&floors, from, 0) {
            wrong.push(format!("{from} uses {to}, a floor above"))
        }
        if !(from.starts_with("pg::") && to.starts_with("pg::")) {
            continue;
        }
        let (above, own) = (step(&ROOMS, to, 1), step(&ROOMS, from, 1));
        let same = from.split("::").nth(1) == to.split("::").nth(1);
        if !same && above <= own && above.is_some() {
            wrong.push(format!("{from} uses {to}, a room that is not below"))
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_has_its_place() {
    for name in modules().keys().filter(|n| *n != "lib") {
        let parts: Vec<&str> = name.split("::").collect();
        assert!(FLOORS.contains(&parts[0]), "{name} stands on no floor");
        if parts[0] == "pg" && parts.len() > 1 {
            assert!(ROOMS.iter().any(|r| r.contains(&parts[1])), "{name} stands in no room");
        }
    }
}

#[test]
fn no_circle_of_files() {
    // A folder's mod.rs names its own files; a circle of these with it is how Rust declares them.
    let mut graph = graph();
    let folders: Vec<String> = graph.keys().filter(|m| graph.keys().any(|n| n.starts_with(&format!("{m}::")))).cloned().collect();
    for folder in folders {
        graph.get_mut(&folder).unwrap().retain(|to| !to.starts_with(&format!("{folder}::")))
    }
    let found = circles(&graph);
    assert!(found.is_empty(), "circles: {found:#?}");
}

#[test]
fn only_the_floors_above_know_postgres() {
    let knows = |(name, text): (&String, &String)| {
        let floor = name.split("::").next().unwrap().to_owned();
        (!["api", "pg", "lib"].contains(&floor.as_str()) && text.contains("pgrx")).then(|| name.clone())
    };
    let wrong: Vec<String> = modules().iter().filter_map(knows).collect();
    assert!(wrong.is_empty(), "these name pgrx: {wrong:?}");
}

#[test]
fn unsafe_stands_where_it_may() {
    let wrong: Vec<String> = modules()
        .iter()
        .filter(|(name, text)| !["pg", "api", "kernel"].contains(&name.split("::").next().unwrap()) && text.contains("unsafe {"))
        .map(|(name, _)| name.clone())
        .collect();
    assert!(wrong.is_empty(), "unsafe outside of kernel and pg: {wrong:?}");
}

#[test]
fn files_have_one_job() {
    let mut all = Vec::new();
    for dir in ["src", "tests", "benches"] {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut all)
    }
    let long: Vec<_> = all.iter().map(|p| (std::fs::read_to_string(p).unwrap().lines().count(), p)).filter(|(n, _)| *n > 400).collect();
    assert!(long.is_empty(), "over 400 lines: {long:?}");
}

/// Conversions with `as` between numbers, which may lose what they convert, among the lines of code of a text.
fn casts(text: &str) -> (usize, usize) {
    const NUMBERS: [&str; 12] = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64"];
    let until_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let code = until_tests.lines().map(|l| l.split("//").next().unwrap_or("")).filter(|l| !l.trim().is_empty());
    let is_number = |rest: &&str| NUMBERS.contains(&rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(""));
    code.fold((0, 0), |(n, lines), line| (n + line.split(" as ").skip(1).filter(is_number).count(), lines + 1))
}

#[test]
fn numbers_are_converted_where_nothing_is_lost() {
    let all = modules().into_iter().filter(|(name, _)| !name.ends_with("tests"));
    let (n, lines) = all.map(|(_, text)| casts(&text)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let rate = 1000.0 * n as f64 / lines as f64;
    println!("{n} casts in {lines} lines: {rate:.1} per 1,000");
    assert!(rate <= 17.0, "{rate:.1} casts with `as` per 1,000 lines of code: use From, try_from, or the methods of base/number.rs");
}

#[test]
fn the_reader_counts_casts() {
    assert_eq!(casts("let a = b as u32 + c as f64; // d as u8\nuse x as y;\n\n#[cfg(test)]\nmod tests {\n a as u8"), (2, 2));
}

/// Functions of a text as rustfmt leaves it, and their lines: from `fn` to the brace at its indent.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let Some(name) = code
            .split_once("fn ")
            .filter(|(before, _)| before.split(' ').all(|w| w.is_empty() || w.starts_with(|c: char| c.is_lowercase() || c == '"')))
        else {
            continue;
        };
        if code.starts_with("//") {
            continue;
        }
        let end = lines[at..].iter().position(|l| l.starts_with(&format!("{}}}", " ".repeat(indent))));
        let name: String = name.1.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if let (Some(end), false) = (end, code.ends_with(';') || code.ends_with('}')) {
            found.push((name, end + 1))
        }
    }
    found
}

#[test]
fn functions_are_read_at_a_glance() {
    let mut long = Vec::new();
    for (module, text) in modules() {
        long.extend(functions(&text).into_iter().filter(|f| f.1 > 80).map(|(name, lines)| format!("{module}::{name}: {lines} lines")));
    }
    assert!(long.is_empty(), "over 80 lines: {long:#?}");
}

#[test]
fn the_reader_measures_functions() {
    let text = "impl A {\n    pub fn one(&self) -> u8 {\n        1\n    }\n\n    fn two();\n}\n\n/// Not fn this.\nfn three(\n    a: u8,\n) {\n    a;\n}\n";
    assert_eq!(functions(text), [("one".to_owned(), 3), ("three".to_owned(), 5)]);
}
