//! README's SQL is run as a newcomer would paste it: every ```sql block, in order, by one psql in one fresh database.
//!
//! A block that says ```text is shown only.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
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

#[test]
fn readme_runs() {
    let Some(server) = server("readme") else { return };
    let sql = sql_of(&std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap());
    assert!(sql.trim().lines().count() > 20, "README.md has hardly any SQL");
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/README.md");
    std::fs::write(file, sql).unwrap();
    let db = Database::fresh(&server, "readme");
    // The reader of the README creates the extensions himself.
    db.session(&db.database(), "postgres").run("DROP EXTENSION pg_affinity; DROP EXTENSION IF EXISTS vector").unwrap();
    let psql = Command::new("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f", file, &format!("{server} dbname={}", db.database())])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&psql.stdout), String::from_utf8_lossy(&psql.stderr));
    println!("{out}\n{err}");
    assert!(psql.status.success(), "{err}");
}
