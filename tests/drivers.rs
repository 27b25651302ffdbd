//! The drivers that programs use: each in its own way of sending parameters, by a script of tests/drivers that checks its answers against
//! literals'.
//!
//! `make test-ops` installs the drivers (tests/drivers/setup.sh). One that is not there is skipped, and that is said.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds that a script may take: each takes a few, and one that waits for ever must not hold up the rest.
const LONGEST: &str = "120";

/// What setup.sh installs, and how its script is run: the driver, what must be there, the command.
fn drivers(home: &Path) -> [(&'static str, PathBuf, Command); 4] {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers");
    let python = home.join("python");
    let package = |name: &str| {
        let libraries = std::fs::read_dir(python.join("lib")).into_iter().flatten().flatten();
        libraries.map(|l| l.path().join("site-packages").join(name)).find(|p| p.exists()).unwrap_or_else(|| python.join(name))
    };
    let command = |program: PathBuf, script: &str| {
        let mut command = Command::new("timeout");
        command.arg(LONGEST).arg(program).arg(scripts.join(script));
        command
    };
    let mut node = command("node".into(), "node_postgres_calls.js");
    node.env("NODE_PATH", home.join("node_modules"));
    let jar = home.join("pgjdbc.jar");
    let mut java = Command::new("timeout");
    java.args([LONGEST, "java", "-cp"]).arg(&jar).arg(scripts.join("JdbcCalls.java"));
    [
        ("psycopg", package("psycopg"), command(python.join("bin/python"), "psycopg_calls.py")),
        ("asyncpg", package("asyncpg"), command(python.join("bin/python"), "asyncpg_calls.py")),
        ("node-postgres", home.join("node_modules/pg"), node),
        ("pgjdbc", jar, java),
    ]
}

#[test]
fn drivers_get_the_answers_of_literals() {
    let Some(server) = server("drivers") else { return };
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let db = Database::fresh(&server, "drivers");
    let setup = "CREATE TABLE events AS SELECT u AS user_id, (u * n * n) % 37 AS item_id, timestamptz '2026-01-01' + u * n * interval '1 hour' AS at
           FROM generate_series(1, 200) u, generate_series(1, 8) n;
         CREATE TABLE visits AS SELECT (i % 7)::float8 AS price, i % 5 AS pages, (i % 7) > 3 AS bought FROM generate_series(1, 400) i;
         SELECT affinity.train_recommender('shop', 'events', kind => 'item_knn', time_col => 'at');
         SELECT affinity.train('buys', 'visits', 'bought', params => '{\"epochs\": 5}')";
    db.session(&db.database(), "postgres").run(setup).unwrap();
    let mut failed = Vec::new();
    for (driver, needed, mut command) in drivers(&target.join("drivers")) {
        if !needed.exists() {
            println!("drivers: {driver} is skipped, {} is missing (tests/drivers/setup.sh installs what it can)", needed.display());
            continue;
        }
        let ran = command.env("PGDATABASE", db.database()).output().unwrap();
        if ran.status.success() {
            println!("drivers: {driver} ok");
        } else {
            failed.push(format!("{driver}: {}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
