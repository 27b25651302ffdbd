//! Backups: models come back bit for bit, whoever dumps and restores, and having the extension never breaks a dump.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Rows, server};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const OTHER: &str = "affinity_dump_restored";

/// All that the store holds, as text.
fn stored(db: &Database, database: &str) -> Vec<Rows> {
    let mut session = db.session(database, "postgres");
    ["stored_models", "stored_versions", "stored_weights", "stored_epochs"]
        .iter()
        .map(|t| session.run(&format!("SELECT x::text FROM affinity.{t} x ORDER BY 1")).unwrap().0.unwrap())
        .collect()
}

/// Scores of stored rows, exactly.
fn scores(db: &Database, database: &str) -> Rows {
    let sql = "SELECT float8send(affinity.predict('m', t))::text FROM t ORDER BY a, b, c";
    db.session(database, "postgres").run(sql).unwrap().0.unwrap()
}

/// Runs a program of Postgres on the tests' cluster; panics with its words when it fails.
fn run(server: &str, program: &str, role: &str, args: &[&str]) {
    let config: postgres::Config = server.parse().unwrap();
    let host = match &config.get_hosts()[0] {
        postgres::config::Host::Unix(path) => path.to_str().unwrap().to_string(),
        postgres::config::Host::Tcp(name) => name.clone(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let out = Command::new(program)
        .args(["-h", &host, "-p", &port, "-U", role, "-w"])
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} as {role}: {said}");
    assert!(!said.contains("warning:"), "{program} as {role}: {said}");
}

#[test]
fn models_come_back_bit_for_bit() {
    let Some(server) = server("dump") else { return };
    let db = Database::fresh(&server, "dump");
    let from = db.database();
    let mut admin = db.session(&from, "postgres");
    admin
        .run(&format!(
            "CREATE ROLE dump_owner LOGIN; CREATE ROLE dump_backup LOGIN IN ROLE pg_read_all_data; CREATE ROLE dump_trainer LOGIN;
             ALTER DATABASE {from} OWNER TO dump_owner; DROP EXTENSION IF EXISTS vector;
             CREATE TABLE t AS SELECT i % 10 AS a, i * 0.37::float8 AS b, 'k' || i % 5 AS c, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 700) i;
             ALTER TABLE t OWNER TO dump_owner; GRANT SELECT ON t TO dump_trainer"
        ))
        .unwrap();
    db.session(&from, "dump_trainer")
        .run("SELECT affinity.train('m', 't', 'y', params => '{\"epochs\": 3}', deploy => 'always') FROM generate_series(1, 2)")
        .unwrap();
    db.session(&from, "dump_owner")
        .run(
            "SELECT affinity.train('o', 't', 'b', 'linear', params => '{\"epochs\": 3}'); SELECT affinity.grant_model('o', 'dump_trainer')",
        )
        .unwrap();
    let (before, scored) = (stored(&db, &from), scores(&db, &from));
    assert!(before.iter().all(|rows| !rows.is_empty()) && scored.len() == 700);

    let file: PathBuf = std::env::temp_dir().join(format!("affinity_dump.{}", std::process::id()));
    let path = file.to_str().unwrap();
    // Who dumps, who restores, and in which form. The database's owner is no superuser and did not install the extension.
    for (dumps, restores, custom) in [
        ("postgres", "postgres", false),
        ("postgres", "postgres", true),
        ("dump_owner", "dump_owner", false),
        ("dump_owner", "dump_owner", true),
        ("dump_backup", "dump_owner", true),
    ] {
        db.session("postgres", "postgres").run(&format!("DROP DATABASE IF EXISTS {OTHER}")).unwrap();
        db.session("postgres", "postgres").run(&format!("CREATE DATABASE {OTHER} OWNER dump_owner")).unwrap();
        run(&server, "pg_dump", dumps, &["--no-owner", "-f", path, if custom { "-Fc" } else { "-Fp" }, &from]);
        if custom {
            run(&server, "pg_restore", restores, &["--no-owner", "--exit-on-error", "-d", OTHER, path]);
        } else {
            run(&server, "psql", restores, &["-q", "-v", "ON_ERROR_STOP=1", "-d", OTHER, "-f", path]);
        }
        let how = format!("dumped by {dumps}, restored by {restores}, custom {custom}");
        assert_eq!(stored(&db, OTHER), before, "{how}");
        assert_eq!(scores(&db, OTHER), scored, "{how}");
        // The next id and version follow on; rights hold as before.
        let mut trainer = db.session(OTHER, "dump_trainer");
        let seen = trainer.run("SELECT model FROM affinity.models ORDER BY 1").unwrap().0.unwrap();
        assert_eq!(seen, [[Some("m".into())], [Some("o".into())]], "{how}");
        db.session(OTHER, "postgres")
            .run("GRANT SELECT ON t TO dump_trainer; SELECT affinity.train('new', 't', 'y', 'logistic', params => '{\"epochs\": 1}')")
            .unwrap();
        trainer.run("SELECT affinity.train('m', 't', 'y', params => '{\"epochs\": 1}')").unwrap();
    }
    std::fs::remove_file(file).unwrap();
    db.session("postgres", "postgres").run(&format!("DROP DATABASE {OTHER}")).unwrap();
}
