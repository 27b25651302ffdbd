//! What a file of Rust imports: every path that begins at `crate`, `self` or `super`, in `use` and elsewhere, as the module that it leads
//! to.

use std::collections::{BTreeMap, BTreeSet};

/// A text without comments, strings' contents left as they are, and without what only tests compile.
fn code(text: &str) -> String {
    let until_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    until_tests.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l }).collect::<Vec<_>>().join("\n")
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Reads the paths of one tree (`a::{b, c::d}`) into `out`; returns what stands behind it.
fn tree<'a>(text: &'a str, before: &[String], out: &mut Vec<Vec<String>>) -> &'a str {
    let mut text = text.trim_start();
    let mut path = before.to_vec();
    loop {
        if let Some(mut rest) = text.strip_prefix('{') {
            loop {
                rest = tree(rest, &path, out).trim_start();
                match rest.strip_prefix(',') {
                    Some(next) if next.trim_start().starts_with('}') => rest = next.trim_start(),
                    Some(next) => {
                        rest = next;
                        continue;
                    }
                    None => {}
                }
                return rest.strip_prefix('}').unwrap_or("");
            }
        }
        let name = word(text);
        if name.is_empty() {
            out.push(path);
            return text.strip_prefix('*').unwrap_or(text);
        }
        if name == "super" {
            path.pop();
        } else if name != "self" {
            path.push(name.to_owned());
        }
        text = &text[name.len()..];
        match text.strip_prefix("::") {
            Some(rest) => text = rest.trim_start(),
            None => {
                out.push(path);
                let renamed = text.strip_prefix(" as ").map(|r| &r[word(r).len()..]);
                return renamed.unwrap_or(text);
            }
        }
    }
}

/// The modules that `text`, the module `own`, imports; `is_module` says which paths are files.
pub fn imports(own: &str, text: &str, is_module: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let code = code(text);
    let own: Vec<String> = own.split("::").map(str::to_owned).collect();
    let mut paths = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let inside = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
            if inside {
                continue;
            }
            let before = match start {
                "crate::" => Vec::new(),
                "self::" => own.clone(),
                _ => own[..own.len() - 1].to_vec(),
            };
            tree(&code[at + start.len()..], &before, &mut paths);
        }
    }
    let longest = |path: Vec<String>| (1..=path.len()).rev().map(|n| path[..n].join("::")).find(|p| is_module(p));
    let own = own.join("::");
    paths.into_iter().filter_map(longest).filter(|p| *p != own).collect()
}

/// Modules that lead back to themselves: each circle with all that stand on it.
pub fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(at) = open.pop() {
            for to in graph.get(&at).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    open.push(to.clone())
                }
            }
        }
        seen
    };
    let all: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|m| (m, reach(m))).collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (module, to) in &all {
        if to.contains(*module) && !found.iter().any(|c| c.contains(module)) {
            found.push(
                all.iter().filter(|(other, back)| to.contains(**other) && back.contains(*module)).map(|(m, _)| (*m).clone()).collect(),
            )
        }
    }
    found
}

#[test]
fn paths_are_read_in_groups_and_elsewhere() {
    let modules = ["base", "nn", "pg::spi", "pg::store::models", "pg::store"];
    let of = |own: &str, text: &str| imports(own, text, |p| modules.contains(&p)).into_iter().collect::<Vec<_>>();
    assert_eq!(of("api", "use crate::{base::{Error, Code}, nn::Adam as A};\nfn f() { crate::pg::spi::run() }"), ["base", "nn", "pg::spi"]);
    assert_eq!(of("pg::store::cache", "use super::models::{self, Row};\n// crate::nn::X\n"), ["pg::store::models"]);
    assert_eq!(of("pg::spi", "use crate::base;\n#[cfg(test)]\nmod tests {\n    use crate::nn::X;\n}\n"), ["base"]);
}

#[test]
fn a_circle_is_found_with_all_on_it() {
    let graph = |edges: &[(&str, &str)]| {
        let mut g: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (a, b) in edges {
            g.entry((*a).to_owned()).or_default().insert((*b).to_owned());
        }
        g
    };
    assert_eq!(circles(&graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])), [["a", "b", "c"]]);
    assert!(circles(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])).is_empty());
}
