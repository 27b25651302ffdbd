//! Roads to another's rights: each file of this folder is plain SQL that tries one, played with real logins in a database of its own.
//!
//! In a file:
//! - `-- as ROLE` sends what follows as that role, in a session that stays for the whole road; a road begins as `postgres`. A blank line ends a
//!   statement, so that each may fail by itself: errors are what closes roads.
//! - `-- author ROLE` in the head names the role whose code it is that must not run as anybody else; `mallory` where it is missing.
//! - `-- raw`, in the head, leaves the extension to the road.
//! - `-- expect: SQLSTATE`, `-- expect: ok`, `-- expect: none` before a statement: it must fail so, succeed, or give no row.
//! - `-- meanwhile ROLE` has that role repeat the statement that follows in a session of its own, beside what comes after, until the next
//!   `-- until now` or the end; its statements are separated by `;;`.
//! - `-- leave ROLE` ends the role's session.
//! - `-- powerful ROLE` in the head says that the road itself lets the role make roles.
//!
//! There are `postgres`, the superuser; `dba`, who owns the database; `installer`, who may create in it; `ann`, who owns the schema `shop`;
//! `web`, whom she may grant models; `mallory`, a stranger with a schema of her own. The author has a schema `evil` with functions that say
//! `road: ran as …` and try to make their author a superuser. [`play`] says which roads are open.

#![allow(dead_code, clippy::unwrap_used)]

use crate::cluster::{Database, Session, error_line};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The roles of every road, beside the superuser.
const ROLES: [&str; 5] = ["dba", "installer", "ann", "web", "mallory"];

/// Plays all roads whose names contain `only`: how many there were, and what was open about those that are.
pub fn play(server: &str, only: &str) -> (usize, Vec<String>) {
    let (mut played, mut open) = (0, Vec::new());
    for file in files() {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains(only) {
            continue;
        }
        played += 1;
        let found = Road::new(server, &std::fs::read_to_string(&file).unwrap()).walk();
        println!("# {name}: {}", if found.is_empty() { "closed" } else { "OPEN" });
        open.extend(found.into_iter().map(|f| format!("{name}: {f}")));
    }
    (played, open)
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roads");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "sql")).collect();
    files.sort();
    files
}

/// What all roads begin with, as the superuser. `{author}` is the one who writes the code.
const GROUND: &str = "
REVOKE CREATE ON SCHEMA public FROM public;
CREATE SCHEMA shop AUTHORIZATION ann; CREATE SCHEMA mal AUTHORIZATION mallory; CREATE SCHEMA evil AUTHORIZATION {author};
GRANT USAGE ON SCHEMA mal, evil, shop TO public;
SET ROLE {author};
CREATE FUNCTION evil.grab() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'road: ran as %', current_user;
    BEGIN ALTER ROLE {author} SUPERUSER; EXCEPTION WHEN OTHERS THEN END;
    RETURN true;
END $$;
CREATE FUNCTION evil.yes() RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN evil.grab(); END $$;
CREATE FUNCTION evil.num(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN PERFORM evil.grab(); RETURN n; END $$;
CREATE FUNCTION evil.word(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN PERFORM evil.grab(); RETURN t; END $$;
RESET ROLE;
SET ROLE ann;
CREATE TABLE shop.events AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at, 'view'::text AS what
    FROM generate_series(1, 40) u, generate_series(0, 5) s;
CREATE TABLE shop.items AS SELECT i::bigint AS item_id, 'item ' || i AS title, i % 3 AS class FROM generate_series(0, 11) i;
CREATE TABLE shop.rows AS SELECT i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 200) i;
RESET ROLE;";

/// One road, being played.
struct Road<'a> {
    text: &'a str,
    author: &'a str,
    db: Database,
    sessions: HashMap<String, Session>,
    beside: Vec<(Arc<AtomicBool>, JoinHandle<Vec<String>>)>,
    open: Vec<String>,
}

/// What a statement must do.
enum Expected {
    Error(String),
    Ok,
    NoRow,
}

impl<'a> Road<'a> {
    fn new(server: &'a str, text: &'a str) -> Self {
        let head = |word: &str| text.lines().find_map(|l| l.strip_prefix(word)).map(str::trim);
        let (author, raw) = (head("-- author ").unwrap_or("mallory"), head("-- raw").is_some());
        let db = Database::empty(server, "roads");
        let mut admin = db.session("postgres", "postgres").client;
        for role in ROLES {
            admin.batch_execute(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")).unwrap();
        }
        admin.batch_execute("ALTER DATABASE affinity_roads OWNER TO dba; GRANT CREATE ON DATABASE affinity_roads TO installer").unwrap();
        let mut ground = db.session(&db.database(), "postgres").client;
        ground.batch_execute(&GROUND.replace("{author}", author)).unwrap();
        if !raw {
            ground.batch_execute("CREATE EXTENSION pg_affinity").unwrap();
        }
        Self { text, author, db, sessions: HashMap::new(), beside: Vec::new(), open: Vec::new() }
    }

    /// Plays it; what was open about it.
    fn walk(mut self) -> Vec<String> {
        let (mut role, mut expected, mut loops) = ("postgres".to_owned(), None, None);
        let mut statement = String::new();
        for line in self.text.lines().chain([""]) {
            let line = line.trim_end();
            let ends = line.is_empty() || line.starts_with("-- ");
            if ends && !statement.trim().is_empty() {
                let sql = std::mem::take(&mut statement);
                match loops.take() {
                    Some(who) => self.repeat(who, sql),
                    None => self.send(&role, &sql, expected.take()),
                }
            }
            if let Some(who) = line.strip_prefix("-- as ") {
                role = who.trim().to_owned();
            } else if let Some(what) = line.strip_prefix("-- expect: ") {
                expected = Some(match what.trim() {
                    "ok" => Expected::Ok,
                    "none" => Expected::NoRow,
                    code => Expected::Error(code.to_owned()),
                });
            } else if let Some(who) = line.strip_prefix("-- meanwhile ") {
                loops = Some(who.trim().to_owned());
            } else if let Some(who) = line.strip_prefix("-- leave ") {
                self.sessions.remove(who.trim());
            } else if line == "-- until now" {
                self.stop();
            } else if !ends {
                statement += line;
                statement.push('\n');
            }
        }
        self.stop();
        self.look();
        std::mem::take(&mut self.open)
    }

    fn send(&mut self, role: &str, sql: &str, expected: Option<Expected>) {
        if !self.sessions.contains_key(role) {
            match self.db.open(&self.db.database(), role) {
                Ok(session) => drop(self.sessions.insert(role.to_owned(), session)),
                Err(e) => return self.open.push(format!("{role} cannot log in: {}", error_line(&e))),
            }
        }
        let session = self.sessions.get_mut(role).unwrap();
        let result = session.run(sql);
        let notices = session.notices();
        let lost = session.client.is_closed();
        let said = result.as_ref().map_or_else(error_line, |(rows, _)| format!("{} rows", rows.as_ref().map_or(0, Vec::len)));
        if std::env::var_os("ROADS_SHOW").is_some() {
            println!(
                "{role}: {}\n    -> {said}{}",
                sql.trim(),
                {
                    let mut n = notices.clone();
                    n.dedup();
                    n
                }
                .iter()
                .map(|n| format!("\n    .. {n}"))
                .collect::<String>()
            );
        }
        self.hear(role, &notices);
        if lost {
            self.open.push(format!("the session of {role} is lost: {said}"));
            self.sessions.remove(role);
        }
        let as_it_should = match (&expected, &result) {
            (None, _) | (Some(Expected::Ok), Ok(_)) => true,
            (Some(Expected::NoRow), Ok((rows, _))) => rows.as_ref().is_none_or(Vec::is_empty),
            (Some(Expected::Error(code)), Err(_)) => said.starts_with(code.as_str()),
            _ => false,
        };
        if !as_it_should {
            self.open.push(format!("not as expected: {said}, of {}", sql.trim()));
        }
    }

    /// Notes whose rights the author's code had.
    fn hear(&mut self, who: &str, notices: &[String]) {
        for notice in notices {
            if let Some((_, ran)) = notice.split_once("road: ran as ") {
                let ran = ran.split_whitespace().next().unwrap_or_default().to_owned();
                if ran != self.author {
                    self.open.push(format!("code of {} ran as {ran} in a session of {who}", self.author));
                }
            }
        }
        self.open.dedup();
    }

    fn repeat(&mut self, who: String, sql: String) {
        let end = Arc::new(AtomicBool::new(false));
        let (stop, mut session) = (end.clone(), self.db.session(&self.db.database(), &who));
        let thread = std::thread::spawn(move || {
            let mut heard = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                for one in sql.split(";;") {
                    let _ = session.run(one);
                }
                heard.extend(session.notices());
            }
            heard
        });
        self.beside.push((end, thread));
    }

    fn stop(&mut self) {
        for (end, thread) in std::mem::take(&mut self.beside) {
            end.store(true, Ordering::Relaxed);
            let heard = thread.join().unwrap_or_default();
            self.hear("another", &heard);
        }
    }

    /// Whether somebody has become more than he was.
    fn look(&mut self) {
        const MORE: &str = "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY ($1) AND (rolsuper OR rolcreaterole)";
        let allowed: Vec<&str> = self.text.lines().filter_map(|l| l.strip_prefix("-- powerful ")).collect();
        self.sessions.clear();
        let mut admin = match self.db.open("postgres", "postgres") {
            Ok(admin) => admin.client,
            Err(e) => return self.open.push(format!("the server does not answer: {e}")),
        };
        for row in admin.query(MORE, &[&ROLES.as_slice()]).unwrap() {
            let role: String = row.get(0);
            if !allowed.contains(&role.as_str()) {
                self.open.push(format!("{role} has become a superuser, or may make roles"));
            }
        }
    }
}

impl Drop for Road<'_> {
    fn drop(&mut self) {
        self.stop();
        self.sessions.clear();
        self.db.remove();
        if let Ok(mut admin) = self.db.open("postgres", "postgres") {
            for role in ROLES {
                let _ = admin.client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE IF EXISTS {role}"));
            }
        }
    }
}
