//! Long work in a session that others want something of: cancelled, terminated, asked to answer a barrier, short of memory.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, error_line, server};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Training that would take many minutes, and a scan that would.
const TRAINING: &str =
    "SELECT affinity.train('m', 't', 'y', params => '{\"hidden\": [256, 256], \"epochs\": 10000, \"patience\": 0, \"batch\": 64}')";
const SCAN: &str = "SELECT affinity.train('m', 'slow', 'y')";

fn shop(db: &Database) {
    let mut admin = db.session(&db.database(), "postgres").client;
    admin
        .batch_execute(
            "CREATE TABLE t AS SELECT i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 5000) i;
             CREATE FUNCTION nap(x int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.005); RETURN x; END';
             CREATE VIEW slow AS SELECT nap(a) AS a, y FROM t;
             CREATE VIEW long AS SELECT i * 0.5::float8 AS x, i % 13 * 0.1::float8 AS z, i % 2 = 0 AS y FROM generate_series(1, 100000000) i",
        )
        .unwrap();
}

/// Runs `work` in a session, `how` on it from another one once it is under way; what the first one saw, and after how long.
fn disturb(db: &Database, work: &'static str, how: &str) -> (String, Duration, bool) {
    let mut session = db.session(&db.database(), "postgres");
    let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let (ended, when) = channel();
    let worker = std::thread::spawn(move || {
        let outcome = session.run(work).map(|_| ()).map_err(|e| error_line(&e));
        ended.send(Instant::now()).unwrap();
        let alive = session.run("SELECT 1").is_ok();
        (outcome, alive)
    });
    std::thread::sleep(Duration::from_millis(700));
    let mut admin = db.session(&db.database(), "postgres").client;
    let asked = Instant::now();
    admin.query(&format!("SELECT {how}($1)"), &[&pid]).unwrap();
    let took = when.recv_timeout(Duration::from_secs(30)).unwrap() - asked;
    let (outcome, alive) = worker.join().unwrap();
    (outcome.unwrap_err(), took, alive)
}

#[test]
fn training_ends_when_it_is_asked_to() {
    let Some(server) = server("sessions") else { return };
    let db = Database::fresh(&server, "sessions_end");
    shop(&db);
    let mut admin = db.session(&db.database(), "postgres").client;
    for work in [TRAINING, SCAN] {
        let (error, took, alive) = disturb(&db, work, "pg_cancel_backend");
        assert!(error.starts_with("57014 canceling statement due to user request"), "{error}");
        // A busy test machine is given ten times the 100 ms that a quiet one needs at most.
        assert!(alive && took < Duration::from_secs(1), "cancelled after {took:?}");
        println!("cancelled after {took:?}");
        let (error, took, alive) = disturb(&db, work, "pg_terminate_backend");
        // The client may see the end of the connection before it has read why.
        assert!(
            error.starts_with("57P01 terminating connection due to administrator command") || error.ends_with("connection closed"),
            "{error}"
        );
        assert!(!alive && took < Duration::from_secs(1), "terminated after {took:?}");
    }
    // A crash of the server would have ended this session too.
    let models: i64 = admin.query_one("SELECT count(*) FROM affinity.models", &[]).unwrap().get(0);
    assert_eq!(models, 0);
}

#[test]
fn training_answers_barriers_and_holds_no_transaction_id() {
    let Some(server) = server("sessions") else { return };
    let db = Database::fresh(&server, "sessions_barrier");
    shop(&db);
    let mut session = db.session(&db.database(), "postgres");
    let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let worker = std::thread::spawn(move || session.run(TRAINING).map(|_| ()).map_err(|e| error_line(&e)));
    std::thread::sleep(Duration::from_millis(500));
    let mut admin = db.session("postgres", "postgres").client;
    admin.batch_execute("CREATE DATABASE affinity_sessions_other").unwrap();
    let start = Instant::now();
    admin.batch_execute("DROP DATABASE affinity_sessions_other").unwrap();
    let took = start.elapsed();
    let training: i64 = admin
        .query_one("SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND backend_xid IS NULL", &[&pid])
        .unwrap()
        .get(0);
    admin.query("SELECT pg_cancel_backend($1)", &[&pid]).unwrap();
    assert!(worker.join().unwrap().unwrap_err().starts_with("57014"));
    assert_eq!(training, 1, "the training was over before the database was dropped");
    assert!(took < Duration::from_secs(3), "DROP DATABASE waited {took:?}");
}

#[test]
fn a_training_can_be_watched() {
    let Some(server) = server("sessions") else { return };
    let db = Database::fresh(&server, "sessions_progress");
    shop(&db);
    let mut admin = db.session(&db.database(), "postgres").client;
    admin.batch_execute("CREATE ROLE sessions_progress_other LOGIN").unwrap();
    let mut other = db.session(&db.database(), "sessions_progress_other").client;
    let mut session = db.session(&db.database(), "postgres");
    let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let worker = std::thread::spawn(move || {
        let ended = session.run(TRAINING).map(|_| ()).map_err(|e| error_line(&e));
        (ended, session)
    });
    let watch = "SELECT pid, model, kind, phase, coalesce(epoch, 0), train_loss IS NOT NULL, done, total, rows, best IS NOT NULL, seconds >= 0, seconds_left > 0
                 FROM affinity.progress";
    let start = Instant::now();
    let seen = loop {
        let rows = admin.query(watch, &[]).unwrap();
        if let Some(row) = rows.iter().find(|r| r.get::<_, i32>(4) > 0) {
            let (done, total): (i64, i64) = (row.get(6), row.get(7));
            assert!((1..=total).contains(&done) && row.get::<_, i64>(8) == 5000, "{row:?}");
            assert!((9..=11).all(|flag| row.get::<_, bool>(flag)), "{row:?}");
            break (row.get::<_, i32>(0), row.get::<_, String>(1), row.get::<_, String>(2), row.get::<_, String>(3), row.get::<_, bool>(5));
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no epoch is seen: {rows:?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(seen, (pid, "m".into(), "mlp".into(), "training".into(), true));
    // A stranger sees nothing of it.
    assert!(other.query(watch, &[]).unwrap().is_empty());
    admin.query("SELECT pg_cancel_backend($1)", &[&pid]).unwrap();
    assert!(worker.join().unwrap().0.unwrap_err().starts_with("57014"));
    assert!(admin.query(watch, &[]).unwrap().is_empty());
}

#[test]
fn a_long_call_says_how_far_it_is() {
    let Some(server) = server("sessions") else { return };
    let db = Database::fresh(&server, "sessions_notices");
    shop(&db);
    let mut session = db.session(&db.database(), "postgres");
    session.run("SELECT affinity.version(); SET affinity.progress_interval = '1s'; SET statement_timeout = '4s'").unwrap();
    session.notices();
    assert!(error_line(&session.run(TRAINING).unwrap_err()).starts_with("57014"));
    let said = session.notices();
    let says =
        |n: &&String| n.starts_with("NOTICE: model \"m\" (mlp): training, ") && n.contains(" so far, ") && n.contains("left of this part");
    assert!((2..=4).contains(&said.iter().filter(says).count()), "{said:?}");
    session.run("SET affinity.progress_interval = 0; SET statement_timeout = '2s'").unwrap();
    session.run(TRAINING).unwrap_err();
    assert!(session.notices().is_empty());
}

#[test]
fn two_trainings_at_once_store_no_more_than_one_after_the_other() {
    let Some(server) = server("sessions") else { return };
    let db = Database::fresh(&server, "sessions_stored");
    shop(&db);
    let mut admin = db.session(&db.database(), "postgres");
    let train = |model: &str| format!("SELECT affinity.train('{model}', 't', 'y', params => '{{\"hidden\": [256, 256], \"epochs\": 1}}')");
    admin.run("CREATE ROLE sessions_stored LOGIN; GRANT SELECT ON t TO sessions_stored").unwrap();
    admin.run(&train("measure")).unwrap();
    let one: i64 = admin.client.query_one("SELECT bytes FROM affinity.versions WHERE model = 'measure'", &[]).unwrap().get(0);
    admin.run(&format!("ALTER ROLE sessions_stored SET affinity.max_stored = '{}MB'", (one * 3 / 2) >> 20)).unwrap();
    let open = || db.session(&db.database(), "sessions_stored");
    let mut first = open();
    first.run(&format!("BEGIN; {}", train("one"))).unwrap();
    let second = std::thread::spawn({
        let (mut session, train) = (open(), train("two"));
        move || session.run(&train).map(|_| ()).map_err(|e| error_line(&e))
    });
    let start = Instant::now();
    while admin.client.query_one("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'userlock'", &[]).unwrap().get::<_, i64>(0)
        == 0
    {
        assert!(start.elapsed() < Duration::from_secs(20) && !second.is_finished(), "the second did not wait for the first");
        std::thread::sleep(Duration::from_millis(20));
    }
    first.run("COMMIT").unwrap();
    let error = second.join().unwrap().unwrap_err();
    assert!(error.starts_with("53400 "), "{error}");
    admin.run("DROP OWNED BY sessions_stored; SELECT affinity.drop_model('one'); DROP ROLE sessions_stored").unwrap();
}

#[test]
fn a_failed_allocation_is_an_error() {
    let Some(server) = server("sessions") else { return };
    let db = Database::fresh(&server, "sessions_memory");
    shop(&db);
    let mut session = db.session(&db.database(), "postgres");
    session.run("SELECT affinity.version(); SET affinity.max_memory = '1000GB'; SET affinity.memory = '1000GB'").unwrap();
    let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    // As a server under `ulimit -v`: this backend gets 400 MB of address space beyond what it has.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kb: u64 = status.lines().find_map(|l| l.strip_prefix("VmSize:")).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let limit = kb * 1024 + (400 << 20);
    let server_user = std::fs::metadata(format!("/proc/{pid}")).unwrap();
    let mut prlimit = Command::new("prlimit");
    prlimit.args([format!("--pid={pid}"), format!("--as={limit}")]).current_dir("/");
    if std::fs::metadata("/proc/self").unwrap().uid() != server_user.uid() {
        prlimit.uid(server_user.uid()).gid(server_user.gid());
    }
    assert!(prlimit.status().unwrap().success());
    for work in [
        "SELECT affinity.train('m', 'long', 'y')",
        "SELECT affinity.train('m', 't', 'y', params => '{\"hidden\": [1000000000]}')",
        "SELECT affinity.train('m', 't', 'y', params => '{\"hidden\": [8192, 8192]}')",
        "SELECT affinity.train('m', 't', 'y', params => '{\"hidden\": [1500, 1500], \"ensemble\": 32, \"epochs\": 1, \"batch\": 5000}')",
    ] {
        let error = session.run(work).map(|_| ()).map_err(|e| error_line(&e)).unwrap_err();
        assert!(error.starts_with("53200 "), "{work}: {error}");
    }
    session.run("SELECT affinity.train('m', 't', 'y', 'logistic', params => '{\"epochs\": 1}')").unwrap();
}
