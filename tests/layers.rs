//! The floors of the house: a room imports only from the floors below its own.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Top floor first; rooms of one floor do not know each other.
const FLOORS: [&[&str]; 10] =
    [&["api"], &["pg"], &["train"], &["model"], &["nn"], &["metric"], &["dataset"], &["linalg"], &["kernel"], &["base"]];

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

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|f| f.contains(&room))
}

/// The rooms that `text` names by `crate::room`, also in groups: `use crate::{base::Error, nn::Adam}`.
fn rooms_used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + 7..];
        let word = |s: &str| s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut start) = (1, true);
            for (i, c) in group.char_indices() {
                if start && !c.is_whitespace() {
                    found.push(word(&group[i..]));
                    start = false
                }
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => start = true,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push(word(rest))
        }
    }
    found
}

#[test]
fn no_import_goes_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    assert!(all.len() > 10, "found only {} files", all.len());
    let mut wrong = Vec::new();
    for path in all {
        let inside = path.strip_prefix(&src).unwrap();
        let Some(own) = inside.components().next().and_then(|c| floor(c.as_os_str().to_str().unwrap())) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        for room in rooms_used(&text) {
            if floor(&room).is_some_and(|f| f < own) {
                wrong.push(format!("{} uses crate::{room}", inside.display()))
            }
        }
        if own > 1 && text.contains("pgrx") {
            wrong.push(format!("{} names pgrx", inside.display()))
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_have_one_job() {
    let mut all = Vec::new();
    for dir in ["src", "tests", "benches"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        if dir.exists() {
            files(&dir, &mut all)
        }
    }
    let long: Vec<_> = all.iter().map(|p| (std::fs::read_to_string(p).unwrap().lines().count(), p)).filter(|(n, _)| *n > 400).collect();
    assert!(long.is_empty(), "over 400 lines: {long:?}");
}

#[test]
fn the_reader_sees_grouped_imports() {
    assert_eq!(rooms_used("use crate::{base::{Error, Code}, nn::Adam}; crate::pg::x()"), ["base", "nn", "pg"]);
}
