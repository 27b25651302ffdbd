//! A shop with models whose database is dumped and restored in many ways, here and in another cluster, and followed by a subscriber: what
//! becomes of every version, of owners and of rights. For tests/restores.rs and the bar of the same name.

#![allow(dead_code, clippy::unwrap_used)]

mod clusters;
pub mod ways;

pub use clusters::{Cluster, Other, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use ways::{Before, Owners, Way, Where};

/// The database that is dumped, and the one that it comes back as.
const FROM: &str = "affinity_restores";
const TO: &str = "affinity_restores_to";

/// Two owners, one who was granted, one who was not, the database's owner, and one who may read everything.
const ROLES: [&str; 6] = ["restores_ann", "restores_bob", "restores_web", "restores_stranger", "restores_dba", "restores_backup"];

/// Rows and two streams of events; models of rows, of live events and of stored ones, with versions before and after the deployed one.
const SHOP: &str = r#"
CREATE SCHEMA shop;
CREATE TABLE shop.visits AS SELECT i % 10 AS a, i * 0.37::float8 AS b, 'k' || i % 5 AS c, (i % 10) + i * 7 % 11 > 9 AS again FROM generate_series(1, 400) i;
CREATE TABLE shop.orders AS SELECT i * 7 % 41 AS user_id, i * i % 31 AS item_id, timestamptz '2026-01-01 UTC' + i * interval '1 hour' AS at
  FROM generate_series(1, 600) i;
CREATE INDEX ON shop.orders (user_id);
CREATE TABLE shop.carts AS SELECT 'u' || i * 7 % 31 AS user_id, 'p' || i * i % 23 AS item_id, timestamptz '2026-01-01 UTC' + i * interval '1 hour' AS at
  FROM generate_series(1, 500) i;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO restores_dba;
ALTER SCHEMA shop OWNER TO restores_ann;
ALTER TABLE shop.visits OWNER TO restores_ann;
ALTER TABLE shop.orders OWNER TO restores_ann;
ALTER TABLE shop.carts OWNER TO restores_bob;
SET ROLE restores_ann;
SELECT affinity.train('again', 'shop.visits', 'again', params => '{"epochs": 2, "hidden": [8]}', seed => s, deploy => 'always') FROM generate_series(1, 3) s;
SELECT affinity.rollback('again');
SELECT affinity.train_recommender('live', 'shop.orders', k, time_col => 'at', params => '{"repeats": false}', deploy => 'always')
  FROM unnest('{item_knn,ease}'::text[]) k;
SELECT affinity.rollback('live');
SELECT affinity.grant_model('live', 'restores_web', scope => 'lists'), affinity.grant_model('again', 'public');
SET ROLE restores_bob;
SELECT affinity.train_recommender('held', 'shop.carts', k, time_col => 'at', params => '{"users": "snapshot"}', deploy => 'always')
  FROM unnest('{transition,als}'::text[]) k;
SELECT affinity.rollback('held');
SELECT affinity.grant_model('held', 'restores_web');
RESET ROLE"#;

/// All that is stored of each version, and of its model beside owner and readers.
const STORED: &str = "SELECT v.model, v.version, md5(concat(v.*::text, m.id, m.deployed, m.formerly, m.last_version, m.created,
    (SELECT string_agg(w::text, ',' ORDER BY w.name, w.chunk) FROM affinity.stored_weights w WHERE w.model_id = m.id AND w.version = v.version),
    (SELECT string_agg(e::text, ',' ORDER BY e.epoch) FROM affinity.stored_epochs e WHERE e.model_id = m.id AND e.version = v.version)))
  FROM affinity.versions v JOIN affinity.stored_models m ON m.name = v.model ORDER BY 1, 2";

/// What each model answers, to the bit.
const ANSWERS: [(&str, &str); 3] = [
    ("again", "SELECT md5(string_agg(float8send(affinity.predict('again', t))::text, ',' ORDER BY a, b)) FROM shop.visits t"),
    (
        "held",
        "SELECT md5(string_agg(concat(n, ' ', r.item_id, float8send(r.score), r.source), ',' ORDER BY n, r.rank)) FROM generate_series(0, 32) n,
           LATERAL affinity.recommend('held', 'u' || n, k => 5, as_type => NULL::affinity.recommendation_text) r",
    ),
    (
        "live",
        "SELECT md5(string_agg(concat(n, ' ', r.item_id, float8send(r.score), r.source), ',' ORDER BY n, r.rank)) FROM generate_series(0, 42) n,
           LATERAL affinity.recommend('live', n, k => 5) r",
    ),
];

/// What each version is and answers.
type Versions = BTreeMap<(String, String), (String, String)>;

/// What became of a way.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Versions that are not there, or are or answer something else than before.
    pub differing: usize,
    /// What `affinity.check()` found before its mends were run.
    pub found: Vec<String>,
    /// What should not be: mends that do not mend, wrong owners, rights that do not hold, programs that failed.
    pub faults: Vec<String>,
}

/// The shop, and what its versions were when it was dumped.
pub struct Trial {
    here: Cluster,
    there: Option<Other>,
    folder: PathBuf,
    before: Versions,
}

impl Trial {
    /// Makes the shop in the cluster that `dsn` names, and starts a second cluster where the programs of this checkout can.
    ///
    /// # Errors
    /// What Postgres or a program says.
    pub fn start(dsn: &str) -> Result<Trial> {
        let here = Cluster::at(dsn)?;
        let folder = std::env::temp_dir().join(format!("affinity_restores.{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let there = Other::start("restores2")?;
        clear(&here)?;
        make_roles(&here, &ROLES)?;
        here.sql("postgres", "postgres", &format!("CREATE DATABASE {FROM} OWNER restores_dba"))?;
        here.sql(FROM, "postgres", &format!("CREATE EXTENSION pg_affinity; {SHOP}"))?;
        let before = versions(&here, FROM)?;
        if before.len() != 7 {
            return Err(format!("7 versions expected: {before:?}").into());
        }
        Ok(Trial { here, there: Some(there), folder, before })
    }

    /// The number of versions that each way has to bring back.
    pub fn versions(&self) -> usize {
        self.before.len()
    }

    /// Plays a way.
    ///
    /// # Errors
    /// What Postgres or a program says where the way does not expect it.
    pub fn play(&self, way: &Way) -> Result<Outcome> {
        let to = match way.place {
            Where::Here => &self.here,
            Where::There(roles) => {
                let there = self.there.as_ref().map(|o| &o.cluster).ok_or("there is no other cluster")?;
                clear(there)?;
                make_roles(there, roles)?;
                there
            }
        };
        let owner = if matches!(way.place, Where::Here) { "OWNER restores_dba" } else { "" };
        to.sql("postgres", "postgres", &format!("DROP DATABASE IF EXISTS {TO} WITH (FORCE)"))?;
        to.sql("postgres", "postgres", &format!("CREATE DATABASE {TO} {owner}"))?;
        match way.before {
            Before::Nothing => {}
            Before::Extension => to.sql(TO, "postgres", "CREATE EXTENSION pg_affinity")?,
            Before::Shop => self.dump_and_restore(to, &Way::default())?,
        }
        self.dump_and_restore(to, way)?;
        self.evaluate(to, way)
    }

    fn dump_and_restore(&self, to: &Cluster, way: &Way) -> Result<()> {
        let path = self.folder.join("dump");
        let path = path.to_str().ok_or("the folder's name is no text")?;
        if std::fs::remove_file(path).is_err() {
            let _ = std::fs::remove_dir_all(path);
        }
        self.here.program("pg_dump", way.dumps, &[way.dump, &["-f", path, FROM]].concat())?;
        let archive = way.dump.iter().any(|a| a.starts_with("-F") && *a != "-Fp");
        for step in way.steps {
            let done = if archive {
                to.program("pg_restore", way.restores, &[*step, &["-d", TO, path]].concat())
            } else {
                to.program("psql", way.restores, &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", TO, "-f", path])
            };
            if let (Err(e), false) = (done, way.complains) {
                return Err(e);
            }
        }
        Ok(())
    }

    /// Runs what `affinity.check()` says, and compares what is there then.
    fn evaluate(&self, to: &Cluster, way: &Way) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for round in 0..=way.rounds {
            let findings =
                to.rows(TO, "postgres", "SELECT concat_ws(': ', model, version, finding, detail), mend FROM affinity.check()")?;
            for f in findings {
                if round == way.rounds {
                    outcome.faults.push(format!("not mended: {} by {}", f[0], f[1]));
                    continue;
                }
                if let Err(e) = to.sql(TO, "postgres", &f[1]) {
                    outcome.faults.push(format!("{} cannot be run: {e}", f[1]));
                }
                outcome.found.push(f[0].clone());
            }
        }
        outcome.differing = self.differing(to)?;
        let owners = to.rows(TO, "postgres", "SELECT model || ' ' || owner FROM affinity.models ORDER BY 1")?.concat();
        let ann_bob = ["again restores_ann", "held restores_bob", "live restores_ann"];
        let expected: Vec<String> = match way.owners {
            Owners::Kept => ann_bob.map(String::from).to_vec(),
            Owners::BobGone => ["again restores_ann", "held postgres", "live restores_ann"].map(String::from).to_vec(),
            Owners::Now(role) => ["again", "held", "live"].map(|m| format!("{m} {role}")).to_vec(),
        };
        if owners != expected {
            outcome.faults.push(format!("owners are {owners:?}"));
        }
        if way.readers {
            outcome.faults.extend(rights(to)?);
        }
        Ok(outcome)
    }

    fn differing(&self, to: &Cluster) -> Result<usize> {
        let after = versions(to, TO)?;
        Ok(self.before.iter().filter(|(key, was)| after.get(*key) != Some(*was)).count())
    }

    /// A subscriber in the other cluster gets every row, answers, trains a model of its own and a version of a publisher's, and goes on
    /// getting rows.
    ///
    /// # Errors
    /// What Postgres or a program says.
    pub fn subscribe(&self) -> Result<Outcome> {
        let to = self.there.as_ref().map(|o| &o.cluster).ok_or("there is no other cluster")?;
        clear(to)?;
        make_roles(to, &ROLES)?;
        to.sql("postgres", "postgres", &format!("CREATE DATABASE {TO}"))?;
        let path = self.folder.join("schema.sql");
        let path = path.to_str().ok_or("the folder's name is no text")?;
        self.here.program("pg_dump", "postgres", &["--schema-only", "-f", path, FROM])?;
        to.program("psql", "postgres", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", TO, "-f", path])?;
        let outcome = self.follow(to);
        // Whatever came of it: a slot that nobody reads keeps all that is written from then on.
        let _ = to.sql(TO, "postgres", "DROP SUBSCRIPTION IF EXISTS shop");
        let _ = self.here.sql(FROM, "postgres", "DROP PUBLICATION IF EXISTS shop");
        outcome
    }

    fn follow(&self, to: &Cluster) -> Result<Outcome> {
        self.here.sql(FROM, "postgres", "CREATE PUBLICATION shop FOR ALL TABLES")?;
        to.sql(TO, "postgres", &format!("CREATE SUBSCRIPTION shop CONNECTION '{} dbname={FROM}' PUBLICATION shop", self.here.dsn))?;
        wait(to, "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel")?;
        let mut outcome = self.evaluate(to, &Way { readers: true, ..Way::default() })?;
        // rights() has trained version 4 of 'again' here. A model of its own, and one of the publisher's that is trained there next.
        to.sql(TO, "restores_ann", "SELECT affinity.train('here', 'shop.visits', 'again', 'logistic', params => '{\"epochs\": 1}')")?;
        self.here.sql(
            FROM,
            "restores_ann",
            "SELECT affinity.train('later', 'shop.visits', 'again', 'logistic', params => '{\"epochs\": 1}'); SELECT affinity.deploy('live', 2)",
        )?;
        wait(
            to,
            "SELECT EXISTS (SELECT FROM affinity.versions WHERE model = 'later' AND deployed) AND (SELECT deployed = 2 FROM affinity.models WHERE model = 'live')",
        )?;
        if !to.rows(TO, "postgres", "SELECT finding FROM affinity.check()")?.is_empty() {
            outcome.faults.push("affinity.check() finds something after a training on the publisher".into());
        }
        // Both have a version 4 of 'again' now: the subscriber's stands in the way until it is dropped.
        self.here.sql(FROM, "restores_ann", NEXT)?;
        wait(to, "SELECT NOT EXISTS (SELECT FROM pg_stat_subscription WHERE subname = 'shop' AND pid IS NOT NULL)")?;
        to.sql(TO, "restores_ann", "SELECT affinity.drop_version('again', 4)")?;
        wait(to, "SELECT EXISTS (SELECT FROM affinity.versions WHERE model = 'again' AND version = 4)")?;
        let sql = "SELECT model, version, digest FROM affinity.versions WHERE model <> 'here' ORDER BY 1, 2";
        if self.here.rows(FROM, "postgres", sql)? != to.rows(TO, "postgres", sql)? {
            outcome.faults.push("the publisher's versions are not the subscriber's".into());
        }
        Ok(outcome)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if !std::thread::panicking() {
            let _ = clear(&self.here);
        }
    }
}

const NEXT: &str =
    "SELECT version FROM affinity.train('again', 'shop.visits', 'again', params => '{\"epochs\": 1, \"keep\": 9}', deploy => 'never')";

/// What owner, reader and stranger may do is what they might before; the next version follows on.
fn rights(to: &Cluster) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let owner = to.rows(TO, "postgres", "SELECT owner FROM affinity.models WHERE model = 'again'")?.concat();
    let trained = to.rows(TO, owner.first().ok_or("the model is gone")?, NEXT)?.concat();
    if trained != ["4"] {
        faults.push(format!("the next version is {trained:?}"));
    }
    let lists = "SELECT count(*) FROM affinity.recommend('live', 3, k => 4)";
    if to.rows(TO, "restores_web", lists)?.concat() != ["4"] {
        faults.push("a reader gets no list".into());
    }
    for (sql, code) in
        [("SELECT * FROM affinity.recommend('live', 3, exclude_seen => false)", "42501"), ("SELECT affinity.drop_model('live')", "42501")]
    {
        faults.extend(refused(to, "restores_web", sql, code)?);
    }
    faults.extend(refused(to, "restores_stranger", lists, "42704")?);
    let seen = to.rows(TO, "restores_stranger", "SELECT model FROM affinity.models")?.concat();
    if seen != ["again"] {
        faults.push(format!("a stranger sees {seen:?}"));
    }
    Ok(faults)
}

fn refused(to: &Cluster, role: &str, sql: &str, code: &str) -> Result<Option<String>> {
    let said = to.session(TO, role)?.simple_query(sql).err().and_then(|e| e.code().map(|c| c.code().to_owned()));
    Ok((said.as_deref() != Some(code)).then(|| format!("{role} is not refused by {code} but {said:?}: {sql}")))
}

/// What is stored of each version, and what it answers where it is deployed.
fn versions(cluster: &Cluster, database: &str) -> Result<Versions> {
    let stored = cluster.rows(database, "postgres", STORED)?;
    let mut session = cluster.session(database, "postgres")?;
    let mut found = Versions::new();
    for row in stored {
        let [model, version, digest] = &row[..] else { return Err("three columns expected".into()) };
        let answers = ANSWERS.iter().find(|a| a.0 == model).ok_or_else(|| format!("{model} is not expected"))?.1;
        session.batch_execute(&format!("BEGIN; SELECT affinity.deploy('{model}', {version})"))?;
        let answer: String = session.query_one(answers, &[]).map(|r| r.get(0)).unwrap_or_else(|e| e.to_string());
        session.batch_execute("ROLLBACK")?;
        found.insert((model.clone(), version.clone()), (digest.clone(), answer));
    }
    Ok(found)
}

fn wait(cluster: &Cluster, sql: &str) -> Result<()> {
    let start = Instant::now();
    while cluster.rows(TO, "postgres", sql)?.concat() != ["t"] {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(format!("after a minute it does not hold: {sql}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn make_roles(cluster: &Cluster, roles: &[&str]) -> Result<()> {
    // From the last one on, so that no role has the oid, or even the place, that it has in the other cluster.
    let reversed = roles.iter().rev().map(|r| format!("CREATE ROLE {r} LOGIN;")).collect::<String>();
    let reads = if roles.contains(&"restores_backup") { "GRANT pg_read_all_data TO restores_backup" } else { "" };
    cluster.sql("postgres", "postgres", &format!("{reversed}{reads}"))
}

/// Drops what trials leave in a cluster.
fn clear(cluster: &Cluster) -> Result<()> {
    for database in [TO, FROM] {
        if cluster.rows("postgres", "postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{database}'"))?.is_empty() {
            continue;
        }
        cluster.sql("postgres", "postgres", &format!("DROP DATABASE {database} WITH (FORCE)"))?;
    }
    ROLES.iter().try_for_each(|role| cluster.sql("postgres", "postgres", &format!("DROP ROLE IF EXISTS {role}")))
}
