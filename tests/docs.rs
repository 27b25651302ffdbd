//! The manual is run as a newcomer would paste it: every ```sql block of README*.md and of each page of docs/, in order, by one psql in one fresh database
//! a page. Its links lead somewhere: files that are there, and headings that they have. So do those of ARCHITECTURE.md and CONTRIBUTING.md, and each file that
//! these two name is there.
//!
//! A block that says ```text is shown only.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The README is skimmed: what is longer belongs to a page.
const README_LINES: usize = 220;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown text with all but its ```sql blocks blanked, so that psql's line numbers are the text's own.
fn sql_of(text: &str) -> String {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        lines.push(if inside && !fence { line } else { "" });
        if fence {
            inside = !inside && line.trim() == "```sql"
        }
    }
    lines.join("\n") + "\n"
}

/// The lines outside of all blocks.
fn prose_of(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside
        } else if !inside {
            lines.push(line)
        }
    }
    lines
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The anchors of a text; of headings that are called alike, the second has -1 at its end, and so on.
fn anchors_of(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for line in prose_of(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let name = anchor(heading);
            let times = seen.entry(name.clone()).or_insert(0);
            anchors.insert(if *times == 0 { name } else { format!("{name}-{times}") });
            *times += 1;
        }
    }
    anchors
}

/// Where the links and pictures of a text lead, but for those to other sites.
fn links_of(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose_of(text) {
        for part in line.split("](").skip(1) {
            if let Some((to, _)) = part.split_once(')')
                && !to.contains("://")
                && !to.starts_with("mailto:")
            {
                links.push(to.to_string())
            }
        }
    }
    links
}

#[test]
fn only_sql_blocks_are_kept() {
    assert_eq!(
        sql_of("a\n```sql\nSELECT 1;\n```\n```text\nno\n```\nb\n```sql\nSELECT 3;\n```"),
        "\n\nSELECT 1;\n\n\n\n\n\n\nSELECT 3;\n\n"
    );
}

#[test]
fn anchors_and_links_are_github_s() {
    let text = "# A `b_c`, d?\n```sql\n# no\n[no](no.md)\n```\n## 多少 行\n## 多少 行\n[x](a.md#b), ![y](c.png) [z](https://d.org)";
    let anchors: Vec<String> = anchors_of(text).into_iter().collect();
    assert_eq!(anchors, ["a-b_c-d", "多少-行", "多少-行-1"]);
    assert_eq!(links_of(text), ["a.md#b", "c.png"]);
}

/// The Markdown files below a folder.
fn markdown_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown_below(&path, found)
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path)
        }
    }
}

/// README in every language, and all pages of docs/.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("README") && name.ends_with(".md") {
            found.push(path)
        }
    }
    markdown_below(&root().join("docs"), &mut found);
    found.sort();
    found
}

/// A file's path from the root, for messages.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

/// What a page's database is called, and the roles that it makes begin with: docs/every-night.md is every_night, README.zh-CN.md
/// readme_zh_cn.
fn name_of(path: &Path) -> String {
    let shown = shown(path).to_lowercase();
    let stem = shown.strip_prefix("docs/").unwrap_or(&shown).trim_end_matches(".md");
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Runs a page's SQL; an error is what psql said. Roles that it makes begin with its name and are dropped at the end.
fn run(server: &str, path: &Path) -> Result<(), String> {
    let sql = sql_of(&std::fs::read_to_string(path).unwrap());
    if sql.trim().is_empty() {
        return Ok(());
    }
    let name = name_of(path);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.sql"));
    std::fs::write(&file, &sql).unwrap();
    let db = Database::fresh(server, &name);
    if sql.contains("EXTENSION IF NOT EXISTS vector") && !db.has.contains(&"vector") {
        eprintln!("{}: skipped, this server has no pgvector", shown(path));
        return Ok(());
    }
    // The reader creates the extensions himself.
    db.session(&db.database(), "postgres").run("DROP EXTENSION pg_affinity; DROP EXTENSION IF EXISTS vector").unwrap();
    let psql = Command::new("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f", file.to_str().unwrap(), &format!("{server} dbname={}", db.database())])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&psql.stdout), String::from_utf8_lossy(&psql.stderr));
    println!("== {}\n{out}\n{err}", shown(path));
    if psql.status.success() { Ok(()) } else { Err(format!("{}: {err}", shown(path))) }
}

#[test]
fn pages_run() {
    let Some(server) = server("docs") else { return };
    let failures: Vec<String> = pages().iter().filter_map(|page| run(&server, page).err()).collect();
    assert!(failures.is_empty(), "{} pages fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn readme_has_sql_and_is_short() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let lines = text.lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, {README_LINES} are allowed");
    assert!(sql_of(&text).lines().filter(|l| !l.is_empty()).count() > 20, "README.md has hardly any SQL");
}

/// The pages for who changes the code.
fn pages_of_the_code() -> impl Iterator<Item = PathBuf> {
    ["ARCHITECTURE.md", "CONTRIBUTING.md"].into_iter().map(|f| root().join(f))
}

/// The files and folders of the repository that a text names, in prose and in blocks: `src/lib.rs`. Of a pattern what stands before its
/// first < or *.
fn paths_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_./-".contains(c)));
    let ours = |w: &&str| ["src/", "sql/", "tests/", "docs/", "benches/"].iter().any(|folder| w.starts_with(folder));
    words.map(|w| w.trim_end_matches('.')).filter(ours).collect()
}

#[test]
fn paths_are_read_from_prose_and_blocks() {
    let text = "In `src/lib.rs`, [b](docs/b.md#c), `src/model/<kind>.rs`.\n```mermaid\na[\"x<br>src/pg/mod.rs\"]\n```\nAnd tests/sql/*.slt. Not /src/x.";
    let found: Vec<&str> = paths_in(text).into_iter().collect();
    assert_eq!(found, ["docs/b.md", "src/lib.rs", "src/model/", "src/pg/mod.rs", "tests/sql/"]);
}

#[test]
fn pages_of_the_code_name_files_that_are_there() {
    let mut gone = Vec::new();
    for page in pages_of_the_code() {
        let text = std::fs::read_to_string(&page).unwrap();
        let named = paths_in(&text);
        assert!(named.len() > 20, "{} names hardly any file", shown(&page));
        gone.extend(named.iter().filter(|path| !root().join(path).exists()).map(|path| format!("{}: {path}", shown(&page))));
    }
    assert!(gone.is_empty(), "{} files are not there:\n{}", gone.len(), gone.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let mut files = pages();
    files.extend(pages_of_the_code());
    let mut broken = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for link in links_of(&text) {
            let (path, wanted) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            if !target.exists() {
                broken.push(format!("{}: {link}: no such file", shown(file)))
            } else if !wanted.is_empty() && !anchors_of(&std::fs::read_to_string(&target).unwrap()).contains(wanted) {
                broken.push(format!("{}: {link}: no such heading", shown(file)))
            }
        }
    }
    assert!(broken.is_empty(), "{} links lead nowhere:\n{}", broken.len(), broken.join("\n"));
}
