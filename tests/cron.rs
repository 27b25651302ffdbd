//! The nightly job, by the real pg_cron: a better version is deployed, a failing job changes nothing.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, error_line, server};
use std::time::{Duration, Instant};

#[test]
fn a_job_retrains_and_deploys_what_is_better() {
    let Some(server) = server("cron") else { return };
    let db = Database::fresh(&server, "cron");
    if !db.has.contains(&"cron") {
        eprintln!("cron: skipped, this server has no pg_cron");
        return;
    }
    let mut cron = db.session("postgres", "postgres");
    cron.run("CREATE EXTENSION IF NOT EXISTS pg_cron; SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname LIKE 'affinity %'")
        .unwrap();
    let mut shop = db.session(&db.database(), "postgres");
    shop.run(
        "CREATE ROLE cron_owner LOGIN; CREATE SCHEMA shop AUTHORIZATION cron_owner; SET ROLE cron_owner;
         CREATE TABLE shop.t AS SELECT i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 1000) i;
         CREATE TABLE shop.gone AS TABLE shop.t;
         SELECT affinity.train('better', 'shop.t', 'y', 'logistic', params => '{\"epochs\": 3}');
         SELECT affinity.train('failing', 'shop.gone', 'y', 'logistic', params => '{\"epochs\": 3}');
         DROP TABLE shop.gone; UPDATE shop.t SET y = NOT y; RESET ROLE",
    )
    .unwrap();
    // As a superuser's job, and so for every owner's models. In one transaction: a minute that begins amid it would find them in this database.
    let job = |model: &str| format!("SELECT cron.schedule('affinity {model}', '* * * * *', 'CALL affinity.refresh(''{model}'')')");
    let there = format!("UPDATE cron.job SET database = '{}' WHERE jobname LIKE 'affinity %'", db.database());
    cron.run(&[job("better"), job("failing"), there].join("; ")).unwrap();
    let done = "SELECT j.jobname, d.status, d.return_message FROM cron.job_run_details d JOIN cron.job j USING (jobid) \
         WHERE j.jobname LIKE 'affinity %' AND d.status IN ('succeeded', 'failed') ORDER BY j.jobname, d.runid";
    let start = Instant::now();
    let runs = loop {
        let runs = cron.run(done).unwrap().0.unwrap();
        if ["affinity better", "affinity failing"].iter().all(|j| runs.iter().any(|r| r[0].as_deref() == Some(j))) {
            break runs;
        }
        assert!(start.elapsed() < Duration::from_secs(150), "no run after {:?}: {runs:?}", start.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    };
    cron.run("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname LIKE 'affinity %'").unwrap();
    let of = |name: &str| runs.iter().find(|r| r[0].as_deref() == Some(name)).unwrap();
    assert_eq!(of("affinity better")[1].as_deref(), Some("succeeded"), "{runs:?}");
    assert_eq!(of("affinity failing")[1].as_deref(), Some("failed"), "{runs:?}");
    assert!(of("affinity failing")[2].as_deref().unwrap().contains("relation \"shop\".\"gone\" does not exist"), "{runs:?}");
    // The one that failed is among the runs, too, beside the trainings by hand.
    let runs = shop.run("SELECT DISTINCT model, state, function, sqlstate FROM affinity.runs ORDER BY 1, 2, 3").unwrap().0.unwrap();
    let text: Vec<String> = runs.iter().map(|r| r.iter().flatten().cloned().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(text, ["better done refresh", "better done train", "failing done train", "failing failed refresh 42P01"]);
    let models = shop.run("SELECT model, owner, deployed, versions FROM affinity.models ORDER BY 1").unwrap().0.unwrap();
    let text: Vec<String> = models.iter().map(|r| r.iter().flatten().cloned().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(text, ["better cron_owner 2 2", "failing cron_owner 1 1"]);

    // Where pg_cron is, schedules are made, replaced, seen and taken away; that of a dropped model, too.
    cron.run(
        "CREATE EXTENSION pg_affinity; CREATE TABLE cron_t AS SELECT i % 10 AS a, i % 10 > 4 AS y FROM generate_series(1, 500) i;
         SELECT affinity.train('it''s', 'cron_t', 'y', kind => 'logistic', params => '{\"epochs\": 1}')",
    )
    .unwrap();
    let mut one = |sql: &str| {
        cron.run(sql).unwrap().0.unwrap().iter().map(|r| r.iter().flatten().cloned().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    one("SELECT affinity.schedule('it''s', '0 3 * * *')");
    one("SELECT affinity.schedule('it''s', '5 4 * * *', deploy => 'always')");
    const SEEN: &str = "SELECT s.model, s.cron, s.role, s.active, s.model_exists, j.command FROM affinity.schedules() s JOIN cron.job j ON j.jobid = s.job";
    assert_eq!(one(SEEN), ["it's 5 4 * * * postgres t t CALL affinity.refresh('it''s', deploy => 'always')"]);
    one("SELECT affinity.drop_model('it''s')");
    assert_eq!(one("SELECT model, model_exists FROM affinity.schedules()"), ["it's f"]);
    assert_eq!(
        one("SELECT affinity.unschedule('it''s'), (SELECT count(*) FROM affinity.schedules()), affinity.unschedule('it''s')"),
        ["t 1 f"]
    );
    one("DROP TABLE cron_t; DROP EXTENSION pg_affinity; SELECT 1");
}

#[test]
fn a_schedule_is_pg_crons() {
    let Some(server) = server("cron") else { return };
    let db = Database::fresh(&server, "schedules");
    let mut admin = db.session(&db.database(), "postgres");
    admin
        .run(
            "CREATE ROLE schedules_ann LOGIN; GRANT CREATE ON DATABASE affinity_schedules TO schedules_ann;
             CREATE TABLE t AS SELECT i % 10 AS a, i % 10 > 4 AS y FROM generate_series(1, 500) i; ALTER TABLE t OWNER TO schedules_ann",
        )
        .unwrap();
    let mut ann = db.session(&db.database(), "schedules_ann");
    ann.run("SELECT affinity.train('m', 't', 'y', kind => 'logistic', params => '{\"epochs\": 1}')").unwrap();
    let mut error = |sql: &str| error_line(&ann.run(sql).map(|_| ()).unwrap_err());
    let e = error("SELECT affinity.schedule('m', '0 3 * * *')");
    assert!(e.starts_with("55000 pg_cron is not in this database DETAIL: "), "{e}");
    let hint = "HINT: There: SELECT cron.schedule_in_database('affinity refresh m', '0 3 * * *', 'CALL affinity.refresh(''m'')', 'affinity_schedules');";
    assert!(e.contains(hint), "{e}");
    assert!(error("SELECT affinity.schedule('n', '0 3 * * *')").starts_with("42704"));
    assert!(error("SELECT affinity.schedule(NULL, '0 3 * * *')").starts_with("22023"));
    assert!(error("SELECT affinity.schedule('m', '0 3 * * *', deploy => 'soon')").starts_with("22023"));
    // A schema that only is called so runs nobody's code.
    error("SELECT 1/0");
    ann.run("CREATE SCHEMA cron; CREATE FUNCTION cron.schedule(text, text, text) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint'")
        .unwrap();
    let mut error = |sql: &str| error_line(&admin.run(sql).map(|_| ()).unwrap_err());
    assert!(error("SELECT affinity.schedule('m', '0 3 * * *')").starts_with("55000 pg_cron is not in this database"));
    assert_eq!(admin.run("SELECT affinity.unschedule('m')").unwrap().0.unwrap()[0][0].as_deref(), Some("f"));
    assert!(admin.run("SELECT * FROM affinity.schedules()").unwrap().0.unwrap().is_empty());
}
