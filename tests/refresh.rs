//! `CALL affinity.refresh`: what it holds while it learns, what becomes of it where the world changes meanwhile, how it ends.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Session, error_line, server};
use std::time::{Duration, Instant};

/// A role whose models learn for seconds from what is read in no time.
fn shop(db: &Database, role: &str) -> Session {
    let mut admin = db.session(&db.database(), "postgres");
    let sql = format!(
        "CREATE ROLE {role} LOGIN; CREATE TABLE t AS SELECT i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 5000) i;
         ALTER TABLE t OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role}"
    );
    admin.run(&sql).unwrap();
    let mut mine = db.session(&db.database(), role);
    for name in ["m1", "m2", "m3", "m4", "m5"] {
        train(&mut mine, name, 1);
        train_long(&mut mine, name);
    }
    mine
}

/// What a refresh repeats: its version is not deployed.
fn train_long(session: &mut Session, name: &str) {
    let long = "{\"hidden\": [256, 256], \"epochs\": 25, \"patience\": 0, \"batch\": 64}";
    session.run(&format!("SELECT affinity.train('{name}', 't', 'y', params => '{long}', deploy => 'never')")).unwrap();
}

fn train(session: &mut Session, name: &str, epochs: u32) {
    let sql =
        format!("SELECT affinity.train('{name}', 't', 'y', kind => 'logistic', params => '{{\"epochs\": {epochs}}}', deploy => 'always')");
    session.run(&sql).unwrap();
}

/// Refreshes in a session of its own; `meanwhile` with its process while it learns. What it came to, with its notices.
fn beside(db: &Database, role: &str, call: &str, meanwhile: impl FnOnce(i32)) -> (Result<(), String>, Vec<String>) {
    let mut session = db.session(&db.database(), role);
    let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let call = call.to_owned();
    let refreshing = std::thread::spawn(move || {
        let outcome = session.run(&call).map(|_| ()).map_err(|e| error_line(&e));
        (outcome, session.notices())
    });
    let mut admin = db.session(&db.database(), "postgres").client;
    let until = Instant::now() + Duration::from_secs(30);
    let learns = "SELECT 1 FROM affinity.progress WHERE pid = $1 AND phase <> 'reading' AND phase <> 'saving' AND epoch > 0";
    while admin.query(learns, &[&pid]).unwrap().is_empty() {
        assert!(Instant::now() < until && !refreshing.is_finished(), "never seen learning");
        std::thread::sleep(Duration::from_millis(5));
    }
    meanwhile(pid);
    refreshing.join().unwrap()
}

/// Runs `sql` in a session of its own.
fn apart(db: &Database, role: &str, sql: &str) {
    db.session(&db.database(), role).run(sql).unwrap();
}

fn one(session: &mut Session, sql: &str) -> String {
    session.run(sql).unwrap().0.and_then(|rows| rows.into_iter().next()?.into_iter().next()?).unwrap_or_default()
}

fn state(model: &str) -> String {
    format!(
        "SELECT deployed || ' of ' || (SELECT max(version) FROM affinity.versions v WHERE v.model = m.model) FROM affinity.models m WHERE model = '{model}'"
    )
}

#[test]
fn nothing_is_held_while_it_learns_and_what_changed_meanwhile_counts() {
    let Some(server) = server("refresh") else { return };
    let db = Database::fresh(&server, "unheld");
    let mut ann = shop(&db, "unheld_ann");
    let mut admin = db.session(&db.database(), "postgres");

    let held = std::cell::RefCell::new(Vec::new());
    let (outcome, notices) = beside(&db, "unheld_ann", "CALL affinity.refresh('m1', deploy => 'always')", |pid| {
        let mut held = held.borrow_mut();
        let activity = "SELECT coalesce(backend_xmin::text, '') || coalesce(backend_xid::text, '') FROM pg_stat_activity WHERE pid = ";
        held.push(one(&mut admin, &format!("{activity}{pid}")));
        held.push(one(&mut admin, &format!("SELECT count(*) FROM pg_locks WHERE pid = {pid} AND relation IS NOT NULL")));
        let mut other = db.session(&db.database(), "unheld_ann");
        other.run("SET lock_timeout = '1s'; ALTER TABLE t ADD COLUMN c int; INSERT INTO t VALUES (1, 1, true)").unwrap();
        for again in ["SELECT affinity.retrain('m1')", "CALL affinity.refresh('m1')"] {
            held.push(error_line(&other.run(again).map(|_| ()).unwrap_err()));
        }
    });
    outcome.unwrap();
    let held = held.into_inner();
    assert_eq!(held[..2], ["", "0"], "a snapshot or a lock of a relation");
    assert!(held[2..].iter().all(|e| e.starts_with("55006 model \"m1\" is being trained by another session")), "{held:?}");
    assert_eq!(one(&mut admin, &state("m1")), "3 of 3");
    assert!(notices.iter().any(|n| n.starts_with("NOTICE: model \"m1\": version 3 (mlp) was trained in ")), "{notices:?}");
    // The lock is gone: a second training begins at once.
    ann.run("SELECT affinity.train('m1', 't', 'y', kind => 'logistic', params => '{\"epochs\": 1}')").unwrap();

    let dropped = |_| apart(&db, "unheld_ann", "SELECT affinity.drop_model('m1')");
    train_long(&mut ann, "m1");
    let (outcome, _) = beside(&db, "unheld_ann", "CALL affinity.refresh('m1')", dropped);
    assert!(outcome.as_ref().unwrap_err().starts_with("55000 model \"m1\" was dropped while it was trained"), "{outcome:?}");
    assert_eq!(one(&mut admin, "SELECT count(*) FROM affinity.models WHERE model = 'm1'"), "0");

    let deploy = |_| apart(&db, "unheld_ann", "SELECT affinity.deploy('m2', 2)");
    let (outcome, notices) = beside(&db, "unheld_ann", "CALL affinity.refresh('m2', deploy => 'unless_worse')", deploy);
    outcome.unwrap();
    assert_eq!(one(&mut admin, &state("m2")), "2 of 3");
    let said = notices.iter().any(|n| n.contains("version 2 was deployed while it was trained; when it began, version 1 was"));
    assert!(said, "{notices:?}");

    let give = |_| apart(&db, "postgres", "SELECT affinity.alter_owner('m3', 'postgres')");
    let (outcome, _) = beside(&db, "unheld_ann", "CALL affinity.refresh('m3')", give);
    assert!(outcome.as_ref().unwrap_err().starts_with("55000 model \"m3\" was given to another role while it was trained"), "{outcome:?}");

    let cancel = |pid: i32| apart(&db, "postgres", &format!("SELECT pg_cancel_backend({pid})"));
    let end = |pid: i32| apart(&db, "postgres", &format!("SELECT pg_terminate_backend({pid})"));
    let (outcome, _) = beside(&db, "unheld_ann", "CALL affinity.refresh('m4')", cancel);
    assert!(outcome.as_ref().unwrap_err().starts_with("57014"), "{outcome:?}");
    let (outcome, _) = beside(&db, "unheld_ann", "CALL affinity.refresh_all('m4')", cancel);
    assert!(outcome.as_ref().unwrap_err().starts_with("57014"), "{outcome:?}");
    let (outcome, _) = beside(&db, "unheld_ann", "CALL affinity.refresh('m4')", end);
    outcome.unwrap_err();
    assert_eq!(one(&mut admin, &state("m4")), "1 of 2");
    train(&mut ann, "m4", 2);
    assert_eq!(one(&mut admin, "SELECT string_agg(coalesce(model, '') || ': ' || finding, ', ') FROM affinity.check()"), "");
}

#[test]
fn it_says_where_it_cannot_and_who_may_not() {
    let Some(server) = server("refresh") else { return };
    let db = Database::fresh(&server, "blocked");
    let mut admin = db.session(&db.database(), "postgres");
    admin
        .run(
            "CREATE ROLE blocked_ann LOGIN; CREATE ROLE blocked_web LOGIN;
             CREATE TABLE t AS SELECT i % 10 AS a, i % 10 > 4 AS y FROM generate_series(1, 500) i;
             CREATE TABLE u AS TABLE t; ALTER TABLE t OWNER TO blocked_ann; ALTER TABLE u OWNER TO blocked_ann",
        )
        .unwrap();
    let mut ann = db.session(&db.database(), "blocked_ann");
    for (name, relation) in [("a", "t"), ("b", "u"), ("c", "t"), ("other", "t")] {
        ann.run(&format!("SELECT affinity.train('{name}', '{relation}', 'y', kind => 'logistic', params => '{{\"epochs\": 1}}')")).unwrap();
    }
    let error = |session: &mut Session, sql: &str| {
        let e = error_line(&session.run(sql).map(|_| ()).unwrap_err());
        let _ = session.run("ROLLBACK");
        e
    };

    let not_here = |e: String| assert!(e.starts_with("25001 affinity.refresh() cannot run inside a transaction block DETAIL: "), "{e}");
    not_here(error(&mut ann, "BEGIN; CALL affinity.refresh('a')"));
    not_here(error(&mut ann, "SELECT 1; CALL affinity.refresh('a')"));
    not_here(error(&mut ann, "DO $$BEGIN BEGIN CALL affinity.refresh('a'); EXCEPTION WHEN division_by_zero THEN NULL; END; END$$"));
    ann.run("CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql AS 'BEGIN CALL affinity.refresh(''a''); END'").unwrap();
    not_here(error(&mut ann, "SELECT pg_temp.f()"));
    let e = error(&mut ann, "CALL affinity.refresh('no such')");
    assert!(e.starts_with("42704 model \"no such\" does not exist"), "{e}");
    let e = error(&mut ann, "CALL affinity.refresh(NULL)");
    assert!(e.starts_with("22023"), "{e}");
    let e = error(&mut ann, "CALL affinity.refresh('a', deploy => 'sometimes')");
    assert!(e.starts_with("22023 deploy => 'sometimes' is not known"), "{e}");
    let e = error(&mut ann, "BEGIN READ ONLY; CALL affinity.refresh('a')");
    assert!(e.starts_with("25006"), "{e}");

    let mut web = db.session(&db.database(), "blocked_web");
    let e = error(&mut web, "CALL affinity.refresh('a')");
    assert!(e.starts_with("42704"), "{e}");
    ann.run("SELECT affinity.grant_model('a', 'blocked_web')").unwrap();
    let e = error(&mut web, "CALL affinity.refresh('a')");
    assert!(e.starts_with("42501"), "{e}");
    let e = error(&mut web, "CALL affinity.refresh_all()");
    assert!(e.starts_with("42704 no model of yours has a name like '%'"), "{e}");

    // A block of its own and a procedure's loop go on after each.
    ann.run("DO $$BEGIN FOR i IN 1..3 LOOP CALL affinity.refresh('a', deploy => 'always'); END LOOP; END$$").unwrap();
    ann.run("CREATE PROCEDURE pg_temp.p() LANGUAGE plpgsql AS 'BEGIN CALL affinity.refresh(''a'', ''always''); COMMIT; CALL affinity.refresh(''a'', ''always''); END'; ")
        .unwrap();
    ann.run("CALL pg_temp.p()").unwrap();
    assert_eq!(one(&mut admin, &state("a")), "6 of 6");

    // The models of others are not touched, and one that fails leaves the others.
    admin.run("SELECT affinity.train('d', 't', 'y', kind => 'logistic', params => '{\"epochs\": 1}'); DROP TABLE u").unwrap();
    ann.notices();
    let e = error(&mut ann, "CALL affinity.refresh_all('_', deploy => 'always')");
    assert!(e.starts_with("55000 1 of 3 models were not refreshed DETAIL: They are: b. The others are stored. HINT: "), "{e}");
    let warnings: Vec<String> = ann.notices().into_iter().filter(|n| n.contains("is not refreshed")).collect();
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("WARNING: model \"b\" is not refreshed: relation \"public\".\"u\" does not exist"),
        "{warnings:?}"
    );
    let all = ["a", "b", "c", "d", "other"].map(|m| one(&mut admin, &state(m)));
    assert_eq!(all, ["7 of 7", "1 of 1", "2 of 2", "1 of 1", "1 of 1"]);
    ann.run("CALL affinity.refresh_all('other')").unwrap();
    assert_eq!(one(&mut ann, "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'userlock'"), "0");
}

#[test]
fn a_worker_refreshes_once_its_caller_has_committed() {
    let Some(server) = server("refresh") else { return };
    let db = Database::fresh(&server, "background");
    let mut ann = shop(&db, "background_ann");
    let mut admin = db.session(&db.database(), "postgres");
    let ended = |session: &mut Session, run: &str| {
        let until = Instant::now() + Duration::from_secs(60);
        let sql = format!("SELECT state || ' ' || coalesce(sqlstate, '') || coalesce(message, '') FROM affinity.runs WHERE run = '{run}'");
        loop {
            let state = one(session, &sql);
            if !state.starts_with("waiting") && !state.starts_with("running") {
                return state;
            }
            assert!(Instant::now() < until, "{state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let ask = |model: &str| format!("SELECT affinity.refresh_in_background('{model}', deploy => 'always')");

    ann.run("SET affinity.threads = 1; BEGIN").unwrap();
    let run = one(&mut ann, &ask("m1"));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(one(&mut ann, &format!("SELECT state FROM affinity.runs WHERE run = '{run}'")), "waiting");
    ann.run("COMMIT").unwrap();
    assert_eq!(ended(&mut ann, &run), "done ");
    assert_eq!(one(&mut admin, &state("m1")), "3 of 3");
    let seen = format!(
        "SELECT caller || ' ' || function || ' ' || kind || ' ' || rows || ' ' || (seconds > 0) || ' ' || (phases ? 'training') || ' ' || version FROM affinity.runs WHERE run = '{run}'"
    );
    assert_eq!(one(&mut ann, &seen), "background_ann refresh mlp 5000 true true 3");

    // After a ROLLBACK there is nothing to do.
    ann.run("BEGIN").unwrap();
    one(&mut ann, &ask("m2"));
    ann.run("ROLLBACK").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(one(&mut admin, &state("m2")), "1 of 2");
    assert_eq!(one(&mut ann, "SELECT count(*) FROM affinity.runs WHERE model = 'm2' AND function = 'refresh'"), "0");

    // Its errors are in the run.
    ann.run("BEGIN").unwrap();
    let run = one(&mut ann, &ask("m3"));
    ann.run("ALTER TABLE t RENAME TO away; COMMIT").unwrap();
    let failed = ended(&mut ann, &run);
    ann.run("ALTER TABLE away RENAME TO t").unwrap();
    assert!(failed.starts_with("failed 42P01relation \"public\".\"t\" does not exist"), "{failed}");

    // Cancelled while it learns, and while it waits.
    let run = one(&mut ann, &ask("m4"));
    let until = Instant::now() + Duration::from_secs(30);
    while one(&mut admin, "SELECT count(*) FROM affinity.progress WHERE model = 'm4' AND epoch > 0") == "0" {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut web = db.session(&db.database(), "postgres");
    web.run("CREATE ROLE background_web LOGIN; SET ROLE background_web").unwrap();
    let e = error_line(&web.run(&format!("SELECT affinity.cancel('{run}')")).map(|_| ()).unwrap_err());
    assert!(e.starts_with("42704 no run of yours"), "{e}");
    assert_eq!(one(&mut web, "SELECT count(*) FROM affinity.runs"), "0");
    assert_eq!(one(&mut ann, &format!("SELECT affinity.cancel('{run}')")), "t");
    assert!(ended(&mut ann, &run).starts_with("failed 57014"));
    assert_eq!(one(&mut ann, &format!("SELECT affinity.cancel('{run}')")), "f");
    assert_eq!(one(&mut admin, &state("m4")), "1 of 2");
    ann.run("BEGIN").unwrap();
    let run = one(&mut ann, &ask("m5"));
    assert_eq!(one(&mut ann, &format!("SELECT affinity.cancel('{run}')")), "t");
    ann.run("COMMIT").unwrap();
    assert_eq!(ended(&mut ann, &run), "failed 57014cancelled before it began");

    // A session that dies leaves a run that says so.
    let (outcome, _) = beside(&db, "background_ann", "CALL affinity.refresh('m5')", |pid| {
        apart(&db, "postgres", &format!("SELECT pg_terminate_backend({pid})"));
    });
    outcome.unwrap_err();
    let lost = "SELECT state FROM affinity.runs WHERE model = 'm5' AND function = 'refresh' ORDER BY started DESC LIMIT 1";
    assert_eq!(one(&mut ann, lost), "lost");

    // As many as the administrator allows, in one transaction too; none in a function that has another's rights.
    ann.run("BEGIN").unwrap();
    (0..2).for_each(|_| drop(one(&mut ann, &ask("m2"))));
    let e = error_line(&ann.run(&ask("m2")).map(|_| ()).unwrap_err());
    assert!(e.starts_with("53400 as many background refreshes go on as affinity.max_workers allows"), "{e}");
    ann.run("ROLLBACK").unwrap();
    admin
        .run(&format!(
            "CREATE SCHEMA background_lent; GRANT USAGE ON SCHEMA background_lent TO PUBLIC;
             CREATE FUNCTION background_lent.ask() RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $${}$$; ALTER FUNCTION background_lent.ask() OWNER TO background_ann",
            ask("m2")
        ))
        .unwrap();
    let e = error_line(&web.run("SELECT background_lent.ask()").map(|_| ()).unwrap_err());
    assert!(e.starts_with("55000 the run would be of the session's role"), "{e}");

    // A worker that cannot begin is lost, not waiting for ever; whatever role is set for its user, it works as the session.
    admin.run("ALTER ROLE background_ann SET role = background_web; GRANT background_web TO background_ann").unwrap();
    let mut set = db.session(&db.database(), "background_ann");
    set.run("SET ROLE background_ann").unwrap();
    let run = one(&mut set, &ask("m1"));
    assert_eq!(ended(&mut ann, &run), "done ");
    admin.run("ALTER ROLE background_ann RESET role; ALTER ROLE background_ann SET default_transaction_read_only = on").unwrap();
    let run = one(&mut ann, &ask("m1"));
    std::thread::sleep(Duration::from_secs(1));
    admin.run(&format!("UPDATE affinity.stored_runs SET started = started - interval '1 minute' WHERE id = '{run}'")).unwrap();
    assert_eq!(ended(&mut ann, &run), "lost ");
    admin.run("ALTER ROLE background_ann RESET default_transaction_read_only").unwrap();

    // Who may not log in has no worker; old runs go.
    let mut nobody = db.session(&db.database(), "postgres");
    nobody
        .run("CREATE ROLE background_group; GRANT background_ann TO background_group; SET SESSION AUTHORIZATION background_group")
        .unwrap();
    let e = error_line(&nobody.run(&ask("m1")).map(|_| ()).unwrap_err());
    assert!(e.starts_with("42501 the session's user may not log in"), "{e}");
    admin.run("UPDATE affinity.stored_runs SET started = started - interval '100 days' WHERE model = 'm1'").unwrap();
    train(&mut ann, "m1", 1);
    assert_eq!(one(&mut ann, "SELECT count(*) FROM affinity.runs WHERE model = 'm1'"), "1");
}
