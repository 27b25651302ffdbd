//! SQL by chapter: each `tests/sql/*.slt` (sqllogictest) in a fresh database with the extension (and pgvector) on a private cluster.
//!
//! Beside sqllogictest's own records a chapter may use, as the text of a statement or query:
//! - `\notices`: a query whose rows are the notices of the statement before, `NOTICE: message DETAIL: … HINT: …`;
//! - `\c DATABASE ROLE`: the connection logs in anew (`-` keeps what it had). The chapter's database is `affinity_<chapter>`; roles
//!   that it makes begin with `<chapter>_` and are dropped at its end.
//!
//! `connection NAME` opens another session as superuser. An error reads `SQLSTATE message DETAIL: … HINT: …`. Labels for `onlyif` and
//! `skipif`: `vector`, `cron`, `rowversions`.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Session, error_line, server};
use libtest_mimic::{Arguments, Failed, Trial};
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};
use std::path::Path;
use std::rc::Rc;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

struct Connection<'a> {
    db: &'a Database,
    session: Session,
    place: (String, String),
}

impl<'a> Connection<'a> {
    fn open(db: &'a Database, place: (String, String)) -> Result<Self, Refused> {
        let session = db.open(&place.0, &place.1).map_err(|e| Refused(error_line(&e)))?;
        Ok(Connection { db, session, place })
    }
}

fn rows(rows: Vec<Vec<String>>) -> DBOutput<DefaultColumnType> {
    DBOutput::Rows { types: vec![DefaultColumnType::Any; rows.first().map_or(1, Vec::len)], rows }
}

impl DB for Connection<'_> {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        if sql.trim() == "\\notices" {
            return Ok(rows(self.session.notices().into_iter().map(|n| vec![n]).collect()));
        }
        if let Some(to) = sql.strip_prefix("\\c ") {
            let keep = |given: Option<&str>, had: &str| given.filter(|g| *g != "-").unwrap_or(had).to_string();
            let mut words = to.split_whitespace();
            let place = (keep(words.next(), &self.place.0), keep(words.next(), &self.place.1));
            *self = Connection::open(self.db, place)?;
            return Ok(DBOutput::StatementComplete(0));
        }
        self.session.notices();
        match self.session.run(sql).map_err(|e| Refused(error_line(&e)))? {
            (Some(found), _) => {
                let cell = |c: Option<String>| c.map_or("NULL".into(), |t| if t.is_empty() { "(empty)".into() } else { t });
                Ok(rows(found.into_iter().map(|r| r.into_iter().map(cell).collect()).collect()))
            }
            (None, count) => Ok(DBOutput::StatementComplete(count)),
        }
    }

    fn engine_name(&self) -> &str {
        "postgres"
    }

    fn error_sql_state(e: &Refused) -> Option<String> {
        e.0.split(' ').next().map(str::to_string)
    }
}

fn chapter(server: &str, path: &Path) -> Result<(), Failed> {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let db = Rc::new(Database::fresh(server, name));
    let place = (db.database(), "postgres".to_string());
    let outcome = {
        let mut runner = Runner::new(|| std::future::ready(Connection::open(&db, place.clone())));
        for label in &db.has {
            runner.add_label(label)
        }
        runner.run_file(path)
    };
    outcome.map_err(|e| Failed::from(e.display(false).to_string()))
}

fn main() {
    let mut args = Arguments::from_args();
    // Two processors are what the project is made for; more chapters at once only make each other's timeouts fire.
    args.test_threads = args.test_threads.or(Some(2));
    let server = server("sql chapters");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "slt"));
    paths.sort();
    let trials = paths.into_iter().map(|path| {
        let (server, name) = (server.clone(), path.file_stem().unwrap().to_string_lossy().into_owned());
        let skipped = server.is_none();
        Trial::test(name, move || server.map_or(Ok(()), |s| chapter(&s, &path))).with_ignored_flag(skipped)
    });
    libtest_mimic::run(&args, trials.collect()).exit()
}
