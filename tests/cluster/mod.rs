//! The tests' side of a private cluster: where it is, a fresh database in it, and a session that remembers notices.
//!
//! `AFFINITY_TEST` holds the connection string, without a database (`tests/cluster/with.sh` sets it). Where it is unset nothing is run,
//! and that is said: the engine's tests need no Postgres.

#![allow(dead_code, clippy::unwrap_used)]

use postgres::error::DbError;
use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use std::sync::{Arc, Mutex};

/// The connection string of the cluster to test on; `None` after saying that `who` is skipped.
pub fn server(who: &str) -> Option<String> {
    let server = std::env::var("AFFINITY_TEST").ok().filter(|s| !s.is_empty());
    if server.is_none() {
        eprintln!("{who}: skipped, AFFINITY_TEST names no cluster (`make test` starts one)")
    }
    server
}

/// An error or notice of Postgres on one line: `22023 message DETAIL: … HINT: …`, so that one expectation can hold all of it.
pub fn line(first: &str, e: &DbError) -> String {
    let mut text = format!("{first} {}", e.message());
    for (name, part) in [("DETAIL", e.detail()), ("HINT", e.hint())] {
        if let Some(part) = part {
            text += &format!(" {name}: {part}")
        }
    }
    text
}

/// [`line`] of a client's error; what is no error of Postgres (a lost connection) is shown as it is.
pub fn error_line(e: &postgres::Error) -> String {
    e.as_db_error().map_or_else(|| format!("no SQLSTATE: {e}"), |d| line(d.code().code(), d))
}

/// A database of its own, dropped at the end together with the roles whose names begin with `<name>_`.
pub struct Database {
    server: String,
    /// The test's name; the database is called `affinity_<name>`.
    pub name: String,
    /// What this server has beside the extension: `vector`, `cron`; `rowversions`: it knows a row that is older than the last change of its
    /// type.
    pub has: Vec<&'static str>,
}

impl Database {
    /// Makes `affinity_<name>` anew with pg_affinity, and pgvector where the server has it.
    pub fn fresh(server: &str, name: &str) -> Database {
        let mut db = Self::empty(server, name);
        let mut admin = db.session("postgres", "postgres").client;
        for (label, extension) in [("vector", "vector"), ("cron", "pg_cron")] {
            if !admin.query("SELECT 1 FROM pg_available_extensions WHERE name = $1", &[&extension]).unwrap().is_empty() {
                db.has.push(label)
            }
        }
        let version: String = admin.query_one("SHOW server_version_num", &[]).unwrap().get(0);
        let version: u32 = version.parse().unwrap();
        // Seen on 15.20; 18.6 as it is packed for Python does not have it, and ends the session of who reads such a row, without any
        // extension.
        if version / 10_000 == 15 && version % 10_000 >= 20 {
            db.has.push("rowversions")
        }
        let mut client = db.session(&db.database(), "postgres").client;
        client.batch_execute("CREATE EXTENSION pg_affinity").unwrap();
        if db.has.contains(&"vector") {
            client.batch_execute("CREATE EXTENSION vector").unwrap()
        }
        db
    }

    /// Makes `affinity_<name>` anew, without the extension.
    pub fn empty(server: &str, name: &str) -> Database {
        let db = Database { server: server.into(), name: name.into(), has: Vec::new() };
        db.remove();
        db.session("postgres", "postgres").client.batch_execute(&format!("CREATE DATABASE affinity_{name}")).unwrap();
        db
    }

    /// Its name on the server.
    pub fn database(&self) -> String {
        format!("affinity_{}", self.name)
    }

    /// A session in any database of the server, as any role that may log in.
    pub fn session(&self, database: &str, role: &str) -> Session {
        self.open(database, role).unwrap()
    }

    /// [`Database::session`], with the refusal instead of a panic.
    pub fn open(&self, database: &str, role: &str) -> Result<Session, postgres::Error> {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let heard = notices.clone();
        let mut config: Config = self.server.parse()?;
        // Notices of how far a call is come by the clock, and would stand among those that a test expects.
        config.dbname(database).user(role).application_name(&self.name).options("-c affinity.progress_interval=0");
        config.notice_callback(move |n| heard.lock().unwrap().push(line(&format!("{}:", n.severity()), &n)));
        Ok(Session { client: config.connect(NoTls)?, notices })
    }

    /// Drops it and the roles that are called after it.
    pub fn remove(&self) {
        let mut admin = self.session("postgres", "postgres").client;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS affinity_{} WITH (FORCE)", self.name)).unwrap();
        let roles =
            admin.query("SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1)", &[&format!("{}_", self.name)]).unwrap();
        for role in roles {
            let role: String = role.get(0);
            admin.batch_execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).unwrap()
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.remove()
        }
    }
}

/// Rows as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// A client and the notices that the server has sent it.
pub struct Session {
    /// The client, for whatever a test wants.
    pub client: Client,
    notices: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// The notices since the last call, one line each: `NOTICE: message DETAIL: … HINT: …`.
    pub fn notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap())
    }

    /// Runs SQL text by the simple protocol: rows as text (`None` if no statement returns rows), and the count of the last statement.
    pub fn run(&mut self, sql: &str) -> Result<(Option<Rows>, u64), postgres::Error> {
        let (mut rows, mut count) = (None, 0);
        for message in self.client.simple_query(sql)? {
            match message {
                SimpleQueryMessage::RowDescription(_) => rows = Some(Vec::new()),
                SimpleQueryMessage::Row(r) => {
                    rows.get_or_insert_default().push((0..r.len()).map(|i| r.get(i).map(str::to_string)).collect())
                }
                SimpleQueryMessage::CommandComplete(n) => count = n,
                _ => {}
            }
        }
        Ok((rows, count))
    }
}
