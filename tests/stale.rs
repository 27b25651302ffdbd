//! One answer, whoever asks when: a long session that deploys, trains, rolls back, sets savepoints and holds cursors at random answers each
//! statement with the versions that the tables of the store show to the same statement, and between its transactions as a session does that
//! has just begun.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Session, error_line, server};
use pg_affinity::base::Rng;

/// Models whose answers tell the version: `p` predicts a hundred times the number in the name of its relation, `e` gives as many numbers as
/// it was trained to, `r` says its version, and its scores are those of its list. `agree` holds them all against the catalogue by one
/// snapshot.
const SHOP: &str = "
CREATE TABLE other (i int);
CREATE TABLE sample AS SELECT 3::real AS a, 2::real AS b FROM generate_series(1, 50);
DO $$ BEGIN FOR k IN 1..9 LOOP
    EXECUTE format('CREATE VIEW told_%s AS SELECT (i %% 7)::real AS a, (i %% 5)::real AS b, 100 * %s + 40 + i %% 7 + (i %% 5) / 10.0 AS y FROM generate_series(1, 300) i', k, k);
END LOOP; END $$;
CREATE VIEW shape AS SELECT (i % 7)::real AS a, (i % 5)::real AS b FROM generate_series(1, 300) i;
CREATE TABLE events AS SELECT u AS user_id, (u * n * n) % 37 AS item_id, timestamptz '2026-01-01' + u * n * interval '1 hour' AS at
    FROM generate_series(1, 60) u, generate_series(1, 8) n;
CREATE INDEX ON events (user_id);
CREATE VIEW answers AS SELECT floor(affinity.predict('p', s) / 100)::int AS p, cardinality(affinity.encode('e', s)) AS e,
    (SELECT version FROM affinity.recommend('r', 7, 1)) AS r,
    (SELECT bool_and(affinity.score('r', 7, item_id) = score) FROM affinity.recommend('r', 7, 3)) AS scores FROM sample s;
CREATE VIEW shown AS SELECT substring(p.call::text FROM 'told_(\\d)')::int AS p, (e.params ->> 'width')::int AS e, r.version AS r
    FROM (SELECT m.name, v.* FROM affinity.stored_models m JOIN affinity.stored_versions v ON v.model_id = m.id AND v.version = m.deployed) p
    JOIN (SELECT m.name, v.* FROM affinity.stored_models m JOIN affinity.stored_versions v ON v.model_id = m.id AND v.version = m.deployed) e ON e.name = 'e'
    JOIN (SELECT m.name, v.* FROM affinity.stored_models m JOIN affinity.stored_versions v ON v.model_id = m.id AND v.version = m.deployed) r ON r.name = 'r'
    WHERE p.name = 'p';
CREATE VIEW agree AS SELECT (a.p, a.e, a.r) = (s.p, s.e, s.r) AND a.scores AS agree, a.p || ' ' || a.e || ' ' || a.r || ' ' || a.scores AS said,
    s.p || ' ' || s.e || ' ' || s.r AS shown FROM answers a, shown s;
-- At one place of a function, by expressions that need no query.
CREATE FUNCTION plainly() RETURNS text LANGUAGE plpgsql AS $$
DECLARE s record; c shown; p float8; e real[]; score real;
BEGIN
    SELECT * INTO s FROM sample LIMIT 1;
    FOR i IN 1..2 LOOP
        p := affinity.predict('p', s);
        e := affinity.encode('e', s);
        score := affinity.score('r', 7, 3);
        SELECT * INTO c FROM shown;
        IF (floor(p / 100)::int, cardinality(e)) <> (c.p, c.e) OR score <> (SELECT r.score FROM affinity.recommend('r', 7, 40, exclude_seen => false) r WHERE item_id = 3)
        THEN RETURN p || ' ' || e::text || ' ' || score || ' where ' || c; END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE FUNCTION must_agree(moment text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE a agree;
BEGIN
    SELECT * INTO a FROM agree LIMIT 1;
    IF a.agree IS NOT TRUE THEN RAISE EXCEPTION '%: % where %', moment, a.said, a.shown; END IF;
    IF plainly() IS NOT NULL THEN RAISE EXCEPTION '%: plainly %', moment, plainly(); END IF;
END $$;";

/// What a session that has just begun must say as this one does.
const ALL: &str = "SELECT (SELECT array_agg(affinity.predict('p', s)) FROM sample s)::text, (SELECT affinity.encode('e', s) FROM sample s LIMIT 1)::text,
    (SELECT array_agg(r) FROM affinity.recommend('r', 7, 5) r)::text, (SELECT array_agg(affinity.score('r', u, i)) FROM generate_series(1, 9) u, generate_series(0, 9) i)::text";

/// The session, and what it has done since it began.
struct Long {
    session: Session,
    rng: Rng,
    /// The savepoints of the open transaction; none where none is open.
    open: Option<Vec<String>>,
    /// Open cursors, each with the savepoints that it was declared after.
    cursors: Vec<(String, usize)>,
    /// Whether the open transaction keeps one snapshot.
    fixed: bool,
    /// Whether the transaction has changed a model: another session that did so too would wait for its end.
    wrote: bool,
    names: usize,
    done: Vec<String>,
}

impl Long {
    fn run(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.done.push(sql.to_owned());
        match self.session.run(sql) {
            Ok((rows, _)) => rows.unwrap_or_default(),
            Err(e) => panic!("{} after:\n{}", error_line(&e), self.history()),
        }
    }

    fn history(&self) -> String {
        self.done[self.done.len().saturating_sub(40)..].join(";\n")
    }

    /// Every row that `sql` gives says that the answers agree with what is shown.
    fn agrees(&mut self, sql: &str) {
        for row in self.run(sql) {
            assert_eq!(row[0].as_deref(), Some("t"), "said {:?} where {:?} is right, after:\n{}", row[1], row[2], self.history());
        }
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }

    fn model(&mut self) -> &'static str {
        ["p", "e", "r"][self.rng.below(3)]
    }

    /// A statement that makes another version the one that answers, most of the time.
    fn change(&mut self) -> String {
        self.wrote = true;
        let model = self.model();
        match self.rng.below(5) {
            0 => train(model, &mut self.rng, "always"),
            1 => format!(
                "SELECT affinity.rollback('{model}') FROM affinity.stored_models m WHERE name = '{model}' AND EXISTS \
                (SELECT FROM affinity.stored_versions v WHERE v.model_id = m.id AND v.version = ANY (m.formerly) AND v.version <> m.deployed)"
            ),
            _ => deploy(model, &mut self.rng),
        }
    }

    fn step(&mut self, other: &mut Session) {
        match self.rng.below(20) {
            0..2 if self.open.is_none() => {
                self.fixed = self.rng.below(2) == 0;
                self.run(if self.fixed { "BEGIN ISOLATION LEVEL REPEATABLE READ" } else { "BEGIN" });
                self.open = Some(Vec::new());
            }
            0 if self.open.is_some() => {
                let end = ["COMMIT", "ROLLBACK"][self.rng.below(2)];
                self.run(end);
                (self.open, self.wrote) = (None, false);
                self.cursors.clear();
            }
            2..4 => {
                let name = self.name();
                if let Some(open) = &mut self.open {
                    open.push(name.clone());
                    self.run(&format!("SAVEPOINT {name}"));
                }
            }
            4..7 => {
                let Some(open) = self.open.clone().filter(|o| !o.is_empty()) else { return };
                let at = self.rng.below(open.len());
                let released = self.rng.below(3) == 0;
                let (keep, word) = if released { (at, "RELEASE") } else { (at + 1, "ROLLBACK TO") };
                self.run(&format!("{word} {}", open[at]));
                if released {
                    // What was declared since is now the enclosing transaction's.
                    self.cursors.iter_mut().for_each(|c| c.1 = c.1.min(at));
                } else {
                    self.cursors.retain(|c| c.1 <= at);
                }
                self.open = Some(open[..keep].to_vec());
            }
            7..9 if self.open.is_some() => {
                let name = self.name();
                self.run(&format!("DECLARE {name} CURSOR FOR SELECT * FROM agree"));
                let depth = self.open.as_ref().map_or(0, Vec::len);
                self.cursors.push((name, depth));
            }
            9 => {
                let (model, back) = (self.model(), self.rng.below(2) == 0);
                let inner = match self.rng.below(3) {
                    0 if back => format!("PERFORM affinity.drop_model('{model}')"),
                    _ => self.change().replacen("SELECT", "PERFORM", 1) + "; PERFORM must_agree('inside')",
                };
                let end = if back { "RAISE EXCEPTION USING ERRCODE = 'XX999'" } else { "NULL" };
                self.run(&format!(
                    "DO $$ BEGIN PERFORM must_agree('before'); BEGIN {inner}; {end}; EXCEPTION WHEN SQLSTATE 'XX999' THEN NULL; END; PERFORM must_agree('after'); END $$"
                ));
            }
            10 if !self.wrote => {
                let model = self.model();
                let sql = deploy(model, &mut self.rng);
                self.done.push(format!("-- elsewhere: {sql}"));
                other.run(&sql).unwrap();
                self.agrees("EXECUTE agrees");
                // A model that changed elsewhere cannot be changed by a transaction that keeps its snapshot: Postgres refuses that.
                if self.open.is_some() && self.fixed {
                    self.run("ROLLBACK");
                    self.open = None;
                    self.cursors.clear();
                }
            }
            11..14 => {
                let sql = self.change();
                self.run(&sql);
                self.wrote &= self.open.is_some();
            }
            14..17 => {
                let none =
                    ["DELETE FROM other WHERE false", "UPDATE other SET i = i WHERE false", "INSERT INTO other SELECT 1 WHERE false"];
                let sql = none[self.rng.below(3)];
                self.run(sql);
            }
            _ => {}
        }
        match self.rng.below(4) {
            0 => self.agrees("EXECUTE agrees"),
            1 => drop(self.run("SELECT must_agree('now')")),
            2 if !self.cursors.is_empty() => {
                let name = self.cursors[self.rng.below(self.cursors.len())].0.clone();
                self.agrees(&format!("FETCH 1 FROM {name}"));
            }
            _ => self.agrees("SELECT * FROM agree LIMIT 2"),
        }
    }
}

/// A training whose version tells itself: by another relation, another size, another kind.
fn train(model: &str, rng: &mut Rng, deploy: &str) -> String {
    let n = 1 + rng.below(9);
    match model {
        "p" => format!("SELECT affinity.train('p', 'told_{n}', 'y', 'linear', deploy => '{deploy}')"),
        "e" => {
            format!("SELECT affinity.train('e', 'shape', kind => 'pca', params => '{{\"width\": {}}}', deploy => '{deploy}')", 1 + n % 2)
        }
        _ => format!(
            "SELECT affinity.train_recommender('r', 'events', '{}', time_col => 'at', deploy => '{deploy}')",
            ["item_knn", "popularity", "transition"][n % 3]
        ),
    }
}

/// Deploys one of the versions that there are, most often another than the deployed one.
fn deploy(model: &str, rng: &mut Rng) -> String {
    format!(
        "SELECT affinity.deploy('{model}', version) FROM (SELECT v.version FROM affinity.stored_models m JOIN affinity.stored_versions v ON v.model_id = m.id \
         WHERE m.name = '{model}' ORDER BY (v.version = m.deployed), hashint4(v.version + {}) LIMIT 1) v",
        rng.below(1000)
    )
}

#[test]
fn a_long_session_answers_as_the_catalogue_shows() {
    let Some(server) = server("stale") else { return };
    let db = Database::fresh(&server, "stale_sessions");
    let mut rng = Rng::new(1);
    let mut other = db.session(&db.database(), "postgres");
    other.run(SHOP).unwrap();
    for model in ["p", "e", "r", "p", "e", "r"] {
        other.run(&train(model, &mut rng, "always")).unwrap();
    }
    let mut fresh_answers = 0;
    for seed in 0..4 {
        let session = db.session(&db.database(), "postgres");
        let mut long =
            Long { session, rng: Rng::new(seed), open: None, cursors: Vec::new(), fixed: false, wrote: false, names: 0, done: Vec::new() };
        long.run("SET client_min_messages = error");
        long.run("PREPARE agrees AS SELECT * FROM agree LIMIT 2");
        for _ in 0..300 {
            long.step(&mut other);
            if long.open.is_none() && long.rng.below(4) == 0 {
                let mine = long.run(ALL);
                let fresh = db.session(&db.database(), "postgres").run(ALL).unwrap().0.unwrap();
                assert_eq!(mine, fresh, "after:\n{}", long.history());
                fresh_answers += 1;
            }
        }
    }
    assert!(fresh_answers > 20, "a session that has just begun was asked {fresh_answers} times");
}
