//! The nightly job, by the real pg_cron: a better version is deployed, a failing job changes nothing.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
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
    // As a superuser's job, and so for every owner's models.
    for model in ["better", "failing"] {
        let job = format!("SELECT cron.schedule('affinity {model}', '* * * * *', 'SELECT affinity.retrain(''{model}'')')");
        cron.run(&job).unwrap();
    }
    cron.run(&format!("UPDATE cron.job SET database = '{}' WHERE jobname LIKE 'affinity %'", db.database())).unwrap();
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
    let models = shop.run("SELECT model, owner, deployed, versions FROM affinity.models ORDER BY 1").unwrap().0.unwrap();
    let text: Vec<String> = models.iter().map(|r| r.iter().flatten().cloned().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(text, ["better cron_owner 2 2", "failing cron_owner 1 1"]);
}
