//! Clusters, their sessions, and the programs of Postgres.

use postgres::{Client, Config, NoTls, SimpleQueryMessage, config::Host};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A running cluster.
pub struct Cluster {
    /// Its connection string, without a database.
    pub dsn: String,
    host: String,
    port: String,
}

impl Cluster {
    /// The cluster that `dsn` names; a database in it does not count.
    ///
    /// # Errors
    /// That of a string that cannot be read.
    pub fn at(dsn: &str) -> Result<Cluster> {
        let config: Config = dsn.parse()?;
        let host = match config.get_hosts().first().ok_or("the connection string has no host")? {
            Host::Unix(path) => path.display().to_string(),
            Host::Tcp(name) => name.clone(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
        Ok(Cluster { dsn: format!("host={host} port={port} user=postgres"), host, port })
    }

    /// A session of any role.
    ///
    /// # Errors
    /// The refusal.
    pub fn session(&self, database: &str, role: &str) -> Result<Client> {
        let mut config: Config = self.dsn.parse()?;
        Ok(config.dbname(database).user(role).application_name("restores").connect(NoTls)?)
    }

    /// The rows of the last statement that has some, as texts; NULL is empty.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn rows(&self, database: &str, role: &str, sql: &str) -> Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        for message in self.session(database, role)?.simple_query(sql).map_err(|e| said(&e, role, sql))? {
            match message {
                SimpleQueryMessage::RowDescription(_) => rows.clear(),
                SimpleQueryMessage::Row(r) => rows.push((0..r.len()).map(|i| r.get(i).unwrap_or_default().to_owned()).collect()),
                _ => {}
            }
        }
        Ok(rows)
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn sql(&self, database: &str, role: &str, sql: &str) -> Result<()> {
        self.session(database, role)?.batch_execute(sql).map_err(|e| said(&e, role, sql))
    }

    /// Runs a program of Postgres on it.
    ///
    /// # Errors
    /// What the program says where it fails.
    pub fn program(&self, program: &str, role: &str, args: &[&str]) -> Result<()> {
        let mut command = Command::new(program);
        command.args(["-h", &self.host, "-p", &self.port, "-U", role, "-w"]).args(args).stdin(Stdio::null()).stdout(Stdio::null());
        let run = command.stderr(Stdio::piped()).output().map_err(|e| format!("{program}: {e}"))?;
        let words = String::from_utf8_lossy(&run.stderr);
        if run.status.success() && !words.contains("warning:") {
            return Ok(());
        }
        Err(format!("{program} as {role} {args:?}: {words}").into())
    }
}

fn said(e: &postgres::Error, role: &str, sql: &str) -> Box<dyn Error> {
    let words =
        e.as_db_error().map_or_else(|| e.to_string(), |d| format!("{} {} {}", d.code().code(), d.message(), d.detail().unwrap_or("")));
    format!("{role}: {words} ({sql})").into()
}

/// A second private cluster of this checkout, deleted at the end.
pub struct Other {
    name: String,
    /// The cluster.
    pub cluster: Cluster,
}

impl Other {
    /// Makes and starts it.
    ///
    /// # Errors
    /// What its script says.
    pub fn start(name: &str) -> Result<Other> {
        let run = Command::new(script("start.sh")).arg(name).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !run.status.success() {
            return Err("the second cluster did not start".into());
        }
        Ok(Other { name: name.into(), cluster: Cluster::at(String::from_utf8(run.stdout)?.trim())? })
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = Command::new(script("stop.sh")).args([&self.name, "--remove"]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster").join(name)
}
