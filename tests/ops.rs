//! What a server must survive: `kill -9` at any moment of what changes models. `make test-ops` runs it on a cluster of its own (`AFFINITY_OPS`
//! says how often; unset: not at all), for each kill ends every session.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Rows, Session, server};
use pg_affinity::base::Rng;
use std::process::Command;
use std::time::{Duration, Instant};

/// What is done when the session is killed.
const CHANGES: [&str; 7] = [
    "SELECT affinity.retrain('rows', deploy => 'always')",
    "CALL affinity.refresh('rows', deploy => 'always')",
    "CALL affinity.refresh('events', deploy => 'always', warm_start => true)",
    "SELECT affinity.retrain('events', deploy => 'always')",
    "SELECT affinity.refresh_in_background('events', deploy => 'always')",
    "DO $$BEGIN FOR i IN 1..400 LOOP PERFORM affinity.rollback('rows'); COMMIT; PERFORM affinity.deploy('rows', (SELECT max(version) FROM affinity.versions WHERE model = 'rows')); COMMIT; END LOOP; END$$",
    "SELECT affinity.recommend('events', u) FROM generate_series(1, 300) u",
];

/// What each model answers, with the version that is said to do so.
const ANSWERS: &str = "SELECT m.model, m.deployed, CASE m.model
      WHEN 'rows' THEN (SELECT sum(affinity.predict('rows', t))::text FROM (SELECT * FROM t ORDER BY id LIMIT 50) t)
      ELSE (SELECT string_agg(r.item_id || ' ' || r.score, ',' ORDER BY r.rank) FROM affinity.recommend_for('events', ARRAY[1, 2, 3], k => 5) r) END
    FROM affinity.models m ORDER BY 1";

fn again(db: &Database) -> Session {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match db.open(&db.database(), "postgres").map(|mut s| s.run("SELECT 1").map(|_| s)) {
            Ok(Ok(session)) => return session,
            _ => assert!(Instant::now() < until, "the server does not come back"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the server has ended `other`, as it ends every session when one was killed: who connects before that is ended with them. A
/// process that was ending by itself when it was killed ends no other.
fn until_ended(mut other: Session) {
    let until = Instant::now() + Duration::from_secs(3);
    while other.run("SELECT 1").is_ok() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn rows(session: &mut Session, sql: &str) -> Rows {
    session.run(sql).unwrap().0.unwrap()
}

#[test]
fn a_kill_at_any_moment_leaves_what_was_before_or_after() {
    let Some(server) = server("ops") else { return };
    let Some(kills) = std::env::var("AFFINITY_OPS").ok().and_then(|n| n.parse::<usize>().ok()) else {
        eprintln!("ops: skipped, AFFINITY_OPS does not say how many kills (`make test-ops` does)");
        return;
    };
    let db = Database::fresh(&server, "ops");
    let mut session = again(&db);
    session
        .run(
            "CREATE TABLE t AS SELECT i AS id, i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 20000) i;
             CREATE TABLE e AS SELECT u AS user_id, (u * 7 + 2 * n) % 400 AS item_id, timestamptz '2026-01-01' + n * interval '1 day' AS at
               FROM generate_series(1, 3000) u, generate_series(1, 8) n;
             SELECT affinity.train('rows', 't', 'y', params => '{\"exclude\": [\"id\"], \"epochs\": 3}');
             SELECT affinity.train('rows', 't', 'y', params => '{\"exclude\": [\"id\"], \"epochs\": 3}', seed => 1, deploy => 'always');
             SELECT affinity.train_recommender('events', 'e', kind => 'als', time_col => 'at', params => '{\"factors\": 16, \"regularization\": 0.001}')",
        )
        .unwrap();
    let mut random = Rng::new(42);
    // How long each takes when nobody kills it, so that nearly all kills fall into it.
    let took = CHANGES.map(|change| {
        let start = Instant::now();
        session.run(change).unwrap();
        start.elapsed()
    });
    // What each version answered when it was seen first: it may never answer otherwise.
    let mut known: std::collections::BTreeMap<(String, String), String> = Default::default();
    let (mut ended, mut changed) = (0, 0);
    for kill in 0..kills {
        let change = CHANGES[kill % CHANGES.len()];
        let before = rows(&mut session, "SELECT model, last_version, deployed FROM affinity.models ORDER BY 1");
        let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
        let other = again(&db);
        let worker = std::thread::spawn(move || session.run(change).is_ok());
        std::thread::sleep(took[kill % CHANGES.len()].mul_f64(1.1 * random.uniform()));
        let done = worker.is_finished();
        // Whose statement has just ended has no process any more.
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success();
        assert!(killed || worker.is_finished(), "kill {kill} of {change}");
        ended += usize::from(worker.join().unwrap() && done);
        if killed {
            until_ended(other);
        }
        session = again(&db);
        assert_eq!(rows(&mut session, "SELECT coalesce(model, ''), finding FROM affinity.check()"), Rows::new(), "kill {kill} of {change}");
        for row in rows(&mut session, ANSWERS) {
            let [Some(model), Some(version), Some(answer)] = &row[..] else { panic!("kill {kill} of {change}: {row:?}") };
            let first = known.entry((model.clone(), version.clone())).or_insert_with(|| answer.clone());
            assert_eq!(first, answer, "kill {kill} of {change}: version {version} of {model} answers otherwise");
        }
        changed += usize::from(before != rows(&mut session, "SELECT model, last_version, deployed FROM affinity.models ORDER BY 1"));
        let running = "SELECT count(*) FROM affinity.runs WHERE state = 'running' AND function = 'refresh' AND pid <> pg_backend_pid()";
        if !change.contains("background") {
            assert_eq!(rows(&mut session, running)[0][0].as_deref(), Some("0"), "kill {kill} of {change}: a run that nobody runs");
        }
    }
    eprintln!("ops: {kills} kills, {ended} after the end of the statement, {changed} found the models changed");
    let left = "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp', true, false) f WHERE f LIKE 'pgsql_tmp_affinity_progress%'";
    assert_eq!(rows(&mut session, left)[0][0].as_deref(), Some("0"), "progress files of dead processes");
}
