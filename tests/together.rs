//! Two sessions that change one model: what the second decides, it decides by what the first has done, whatever it saw before it waited.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, error_line, server};
use std::time::Duration;

/// In a transaction that stays open, `first` as one role; meanwhile `second` as another, which waits; what it came to after the first has
/// ended.
fn beside(db: &Database, first: (&str, &str), second: (&'static str, &'static str)) -> Result<(), String> {
    let mut a = db.session(&db.database(), first.0);
    a.client.batch_execute(&format!("BEGIN; {}", first.1)).unwrap();
    let mut b = db.session(&db.database(), second.0);
    let waits = std::thread::spawn(move || b.run(second.1).map(|_| ()).map_err(|e| error_line(&e)));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!waits.is_finished(), "{} did not wait for {}", second.1, first.1);
    a.client.batch_execute("COMMIT").unwrap();
    waits.join().unwrap()
}

#[test]
fn what_waited_for_another_change_is_decided_after_it() {
    let Some(server) = server("together") else { return };
    let db = Database::fresh(&server, "together");
    let mut admin = db.session(&db.database(), "postgres").client;
    admin
        .batch_execute(
            "CREATE ROLE together_ann LOGIN; CREATE ROLE together_web LOGIN; CREATE ROLE together_app LOGIN;
             CREATE TABLE t AS SELECT i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 400) i; ALTER TABLE t OWNER TO together_ann",
        )
        .unwrap();
    let mut ann = db.session(&db.database(), "together_ann").client;
    let mut model = |name: &str, versions: i32| {
        for v in 1..=versions {
            let deploy = if v == 1 { "always" } else { "never" };
            let sql = format!(
                "SELECT affinity.train('{name}', 't', 'y', kind => 'logistic', params => '{{\"epochs\": {v}}}', deploy => '{deploy}')"
            );
            ann.batch_execute(&sql).unwrap();
        }
    };
    (1..=8).for_each(|i| model(&format!("m{i}"), 3));
    let mut one = |sql: &str| -> String {
        admin.query_one(&format!("SELECT ({sql})::text"), &[]).unwrap().get::<_, Option<String>>(0).unwrap_or_default()
    };
    let readers = |model: &str| format!("SELECT readers FROM affinity.models WHERE model = '{model}'");
    let state = |model: &str| format!("SELECT deployed || ' of ' || versions FROM affinity.models WHERE model = '{model}'");
    const ANN: &str = "together_ann";

    // A revoke is not undone, a grant not lost.
    one("SELECT affinity.grant_model('m1', 'together_web')");
    beside(&db, (ANN, "SELECT affinity.revoke_model('m1', 'together_web')"), (ANN, "SELECT affinity.grant_model('m1', 'together_app')"))
        .unwrap();
    assert_eq!(one(&readers("m1")), "{together_app}");
    beside(&db, (ANN, "SELECT affinity.grant_model('m1', 'together_web')"), (ANN, "SELECT affinity.grant_model('m1', 'public')")).unwrap();
    assert_eq!(one(&readers("m1")), "{together_app,together_web,public}");

    // What is deployed is there.
    let error = beside(&db, (ANN, "SELECT affinity.deploy('m2', 2)"), (ANN, "SELECT affinity.drop_version('m2', 2)")).unwrap_err();
    assert!(error.starts_with("55000 version 2 of model \"m2\" is deployed"), "{error}");
    let error = beside(&db, (ANN, "SELECT affinity.drop_version('m3', 2)"), (ANN, "SELECT affinity.deploy('m3', 2)")).unwrap_err();
    assert!(error.starts_with("42704 version 2 of model \"m3\" does not exist"), "{error}");
    let prunes = "SELECT affinity.train('m4', 't', 'y', kind => 'logistic', params => '{\"keep\": 1}', deploy => 'never')";
    let error = beside(&db, (ANN, prunes), (ANN, "SELECT affinity.deploy('m4', 2)")).unwrap_err();
    assert!(error.starts_with("42704"), "{error}");
    assert_eq!((one(&state("m2")), one(&state("m3")), one(&state("m4"))), ("2 of 3".into(), "1 of 2".into(), "1 of 2".into()));

    // Back goes to what was deployed when it was asked.
    one("SELECT affinity.deploy('m5', 3)");
    beside(&db, (ANN, "SELECT affinity.deploy('m5', 2)"), (ANN, "SELECT affinity.rollback('m5')")).unwrap();
    assert_eq!(one(&state("m5")), "3 of 3");

    // Of two new owners the later has it all; who is the owner no more drops nothing.
    let give = "SELECT affinity.alter_owner('m6', 'together_app')";
    beside(&db, ("postgres", give), ("postgres", "SELECT affinity.alter_owner('m6', 'together_web')")).unwrap();
    let error = beside(&db, ("postgres", "SELECT affinity.alter_owner('m7', 'together_web')"), (ANN, "SELECT affinity.drop_model('m7')"))
        .unwrap_err();
    assert!(error.starts_with("42704 model \"m7\" does not exist"), "{error}");
    assert_eq!(
        one("SELECT string_agg(owner, ' ' ORDER BY model) FROM affinity.models WHERE model IN ('m6', 'm7')"),
        "together_web together_web"
    );

    // A training whose model has got another owner, or was dropped, says so; and nothing is left of a dropped one.
    let give = "SELECT affinity.alter_owner('m5', 'together_app')";
    let error = beside(&db, ("postgres", give), ("postgres", "SELECT affinity.retrain('m5')")).unwrap_err();
    assert!(error.starts_with("55000 model \"m5\" was given to another role while it was trained"), "{error}");
    let error = beside(&db, (ANN, "SELECT affinity.drop_model('m8')"), (ANN, "SELECT affinity.retrain('m8')")).unwrap_err();
    assert!(error.starts_with("55000 model \"m8\" was dropped while it was trained"), "{error}");
    beside(&db, (ANN, "SELECT affinity.retrain('m4')"), (ANN, "SELECT affinity.drop_model('m4')")).unwrap();
    assert_eq!(one("SELECT count(*) FROM affinity.models WHERE model IN ('m4', 'm8')"), "0");
    assert_eq!(one("SELECT string_agg(coalesce(model, '') || ': ' || finding, ', ') FROM affinity.check()"), "");

    // Nobody waits for one who may not.
    let mut a = db.session(&db.database(), "together_web");
    let error = a.run("BEGIN; SELECT affinity.drop_model('m1')").map(|_| ()).map_err(|e| error_line(&e)).unwrap_err();
    assert!(error.starts_with("42501"), "{error}");
    ann.batch_execute("SET lock_timeout = '2s'; SELECT affinity.revoke_model('m1', 'public')").unwrap();
}

#[test]
fn a_model_that_is_dropped_while_it_is_trained_stays_dropped() {
    let Some(server) = server("together") else { return };
    let db = Database::fresh(&server, "together_dropped");
    let mut admin = db.session(&db.database(), "postgres");
    admin
        .run(
            "CREATE FUNCTION nap(x int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.002); RETURN x; END';
             CREATE TABLE t AS SELECT i % 10 AS a, i % 10 > 4 AS y FROM generate_series(1, 500) i; CREATE VIEW slow AS SELECT nap(a) AS a, y FROM t;
             SELECT affinity.train('m', 't', 'y', kind => 'logistic', params => '{\"epochs\": 1}')",
        )
        .unwrap();
    let mut other = db.session(&db.database(), "postgres");
    let train = "SELECT affinity.train('m', 'slow', 'y', kind => 'logistic', params => '{\"epochs\": 1}')";
    let training = std::thread::spawn(move || other.run(train).map(|_| ()).map_err(|e| error_line(&e)));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!training.is_finished());
    admin.run("SELECT affinity.drop_model('m')").unwrap();
    let error = training.join().unwrap().unwrap_err();
    assert!(error.starts_with("55000 model \"m\" was dropped while it was trained"), "{error}");
    assert_eq!(admin.client.query_one("SELECT count(*) FROM affinity.models", &[]).unwrap().get::<_, i64>(0), 0);
}
