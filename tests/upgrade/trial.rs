//! A shop whose models a release made, restored and brought up to date: what its models answer then, and what the catalogue is. For
//! tests/upgrade.rs and the bar of the same name.

use crate::cluster::{Database, Rows, Session, error_line};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The releases whose models are kept, with how many answers.
pub const RELEASES: &[(&str, usize)] = &[("0.1.0", 1910)];

/// The instruction set that the answers were computed with. Sums are taken in another order with another one, so that the last digits differ.
pub const MADE_WITH: &str = "avx2";

/// What an answer of ours is by: what was asked, and of what.
type Answers = BTreeMap<(String, String), Option<f64>>;

/// What became of a release's shop.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many answers were compared.
    pub answers: usize,
    /// The largest difference of an answer; infinite where one is missing, or another is there.
    pub largest: f64,
    /// Answers that differ.
    pub differing: Vec<String>,
    /// What the catalogue has and that of a new extension does not, and the other way round.
    pub catalogue: Vec<String>,
    /// What else is not as it should be.
    pub faults: Vec<String>,
}

/// Restores the shop of `release` beside the extension of that release, updates the extension, and asks everything again.
///
/// # Errors
/// What Postgres says.
pub fn play(server: &str, release: &str) -> Result<Outcome> {
    let db = Database::empty(server, "upgrade");
    db.session("postgres", "postgres").run("CREATE ROLE upgrade_owner; CREATE ROLE upgrade_web")?;
    let mut shop = session(&db);
    run(&mut shop, &format!("CREATE EXTENSION pg_affinity VERSION '{release}'"))?;
    run(&mut shop, &read("tables.sql")?)?;
    // In a session of its own, of which the dump sets the search path.
    run(&mut session(&db), &dump(release)?)?;
    let expected = answers(run(&mut shop, "SELECT question, key, answer FROM shop.expected")?)?;
    let mut outcome = Outcome { answers: expected.len(), ..Outcome::default() };
    // The new library with the old catalogue, as it is from when the packages are changed until somebody updates the extension.
    outcome.compare("before the update", &expected, &answers(run(&mut shop, &read("answers.sql")?)?)?);
    let lists = "SELECT md5(string_agg(l::text, ',' ORDER BY l)) FROM shop.lists l";
    run(
        &mut shop,
        "CREATE VIEW shop.lists AS SELECT * FROM affinity.recommend_all('ease', 3, as_type => NULL::affinity.user_recommendation)",
    )?;
    let before = run(&mut shop, lists)?;
    run(&mut shop, "ALTER EXTENSION pg_affinity UPDATE")?;
    if run(&mut shop, lists)? != before {
        outcome.faults.push("A view of recommend_all says something else after the update.".into());
    }
    for (when, mut shop) in [("after the update", shop), ("in a new session", session(&db))] {
        outcome.compare(when, &expected, &answers(run(&mut shop, &read("answers.sql")?)?)?);
    }
    outcome.goes_on(&mut session(&db))?;
    let new = Database::empty(server, "upgrade_new");
    run(&mut session(&new), "CREATE EXTENSION pg_affinity")?;
    let [updated, fresh] = [catalogue(&mut session(&db))?, catalogue(&mut session(&new))?];
    outcome.catalogue.extend(updated.difference(&fresh).map(|line| format!("only after the update: {line}")));
    outcome.catalogue.extend(fresh.difference(&updated).map(|line| format!("only of a new extension: {line}")));
    Ok(outcome)
}

impl Outcome {
    fn compare(&mut self, when: &str, expected: &Answers, found: &Answers) {
        let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        for key in keys {
            let difference = match (expected.get(key), found.get(key)) {
                (Some(Some(a)), Some(Some(b))) if a.total_cmp(b).is_ne() => (a - b).abs().max(f64::MIN_POSITIVE),
                (Some(a), Some(b)) if a.is_some() == b.is_some() => 0.0,
                _ => f64::INFINITY,
            };
            if difference != 0.0 {
                self.differing.push(format!("{when}: {key:?} was {:?} and is {:?}", expected.get(key), found.get(key)));
            }
            self.largest = self.largest.max(difference);
        }
    }

    /// Nothing is damaged, and each model is trained again by the call that it has on record.
    fn goes_on(&mut self, shop: &mut Session) -> Result<()> {
        for row in run(shop, "SELECT model, version, finding, detail FROM affinity.check()")? {
            self.faults.push(format!("affinity.check(): {row:?}"));
        }
        for row in run(shop, "SELECT model FROM affinity.models ORDER BY 1")? {
            let model = row.first().cloned().flatten().unwrap_or_default();
            let again = format!("BEGIN; SELECT version FROM affinity.retrain('{model}', deploy => 'always'); ROLLBACK");
            if let Err(e) = shop.run(&again) {
                self.faults.push(format!("{model} cannot be trained again: {}", error_line(&e)));
                shop.run("ROLLBACK")?;
            }
        }
        Ok(())
    }
}

fn session(db: &Database) -> Session {
    let mut session = db.session(&db.database(), "postgres");
    let _ = session.run("SET TimeZone = 'UTC'");
    session
}

fn run(session: &mut Session, sql: &str) -> Result<Rows> {
    Ok(session.run(sql).map_err(|e| error_line(&e))?.0.unwrap_or_default())
}

fn answers(rows: Rows) -> Result<Answers> {
    let count = rows.len();
    let mut found = Answers::new();
    for row in rows {
        let [Some(question), Some(key), answer] = <[_; 3]>::try_from(row).map_err(|r| format!("three columns expected: {r:?}"))? else {
            return Err("an answer without a key".into());
        };
        found.insert((question, key), answer.map(|a| a.parse()).transpose()?);
    }
    if found.len() < count { Err("two answers have one key".into()) } else { Ok(found) }
}

fn catalogue(session: &mut Session) -> Result<BTreeSet<String>> {
    Ok(run(session, &read("catalogue.sql")?)?.into_iter().flatten().flatten().collect())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade")
}

fn read(file: &str) -> Result<String> {
    Ok(std::fs::read_to_string(folder().join(file))?)
}

fn dump(release: &str) -> Result<String> {
    let run = Command::new("gzip").arg("-dc").arg(folder().join(format!("{release}.sql.gz"))).output()?;
    if run.status.success() { Ok(String::from_utf8(run.stdout)?) } else { Err(String::from_utf8(run.stderr)?.into()) }
}
