//! README's SQL, and that of each page of docs/, is run as a newcomer would paste it: every ```sql block, in order, by one psql in one fresh database.
//!
//! A block that says ```text is shown only.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
use std::path::Path;
use std::process::Command;

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

#[test]
fn only_sql_blocks_are_kept() {
    assert_eq!(
        sql_of("a\n```sql\nSELECT 1;\n```\n```text\nno\n```\nb\n```sql\nSELECT 3;\n```"),
        "\n\nSELECT 1;\n\n\n\n\n\n\nSELECT 3;\n\n"
    );
}

/// Runs a text's SQL. Roles that it makes begin with `<name>_` and are dropped at the end.
fn runs(name: &str, path: &Path) {
    let Some(server) = server(name) else { return };
    let sql = sql_of(&std::fs::read_to_string(path).unwrap());
    assert!(sql.trim().lines().count() > 20, "{} has hardly any SQL", path.display());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(path.file_name().unwrap());
    std::fs::write(&file, sql).unwrap();
    let db = Database::fresh(&server, name);
    // The reader creates the extensions himself.
    db.session(&db.database(), "postgres").run("DROP EXTENSION pg_affinity; DROP EXTENSION IF EXISTS vector").unwrap();
    let psql = Command::new("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f", file.to_str().unwrap(), &format!("{server} dbname={}", db.database())])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&psql.stdout), String::from_utf8_lossy(&psql.stderr));
    println!("{out}\n{err}");
    assert!(psql.status.success(), "{err}");
}

#[test]
fn readme_runs() {
    runs("readme", &Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
}

#[test]
fn pages_run() {
    for page in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap() {
        let page = page.unwrap().path();
        if page.extension().is_some_and(|e| e == "md") {
            runs(page.file_stem().unwrap().to_str().unwrap(), &page);
        }
    }
}
