//! What every bar needs: a database, data, peers, a stopwatch, and the one way to print a figure.

use postgres::{Client, Config, NoTls};
use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Which way a figure is good.
#[derive(Clone, Copy, PartialEq)]
pub enum Better {
    /// Seconds, errors, bytes.
    Less,
    /// Scores, speed.
    More,
}

/// One run of the bars.
pub struct Bench {
    server: String,
    data: PathBuf,
    /// True where `BENCH_DATA` names the full data sets; false: the small copies of tests/data.
    pub full: bool,
    only: String,
    seen: HashSet<String>,
    short: usize,
}

/// The database of the bars.
const DATABASE: &str = "affinity_bars";

/// What a peer's figures are.
#[derive(Debug, Clone, Copy)]
pub enum Measured {
    /// The same at any time.
    Quality,
    /// Seconds: taken anew beside ours, since one machine's speed differs by half from hour to hour where it is shared.
    Seconds,
}

impl Bench {
    /// The run that the environment asks for; `None`, said aloud, without a server.
    pub fn from_env() -> Option<Bench> {
        let set = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        let Some(server) = set("AFFINITY_BENCH") else {
            println!("# bars: skipped, AFFINITY_BENCH names no server (`make bench` starts one)");
            return None;
        };
        let full = set("BENCH_DATA");
        let data = full.clone().map_or_else(|| root().join("tests/data"), PathBuf::from);
        let only = set("ONLY").unwrap_or_default();
        println!("# machine: {}", machine());
        println!("# data: {}", if full.is_some() { "BENCH_DATA" } else { "tests/data (BENCH_DATA is not set)" });
        Some(Bench { server, data, full: full.is_some(), only, seen: HashSet::new(), short: 0 })
    }

    /// An empty database with the extension, in place of the one of the family before: families name their tables as they like. (In one
    /// database for all, three of them found a table of another's, and a whole run skipped 14 bars.)
    pub fn fresh_database(&self) -> Result<()> {
        let mut admin = self.open("postgres")?;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))?;
        admin.batch_execute(&format!("CREATE DATABASE {DATABASE}"))?;
        Ok(self.client()?.batch_execute("CREATE EXTENSION pg_affinity")?)
    }

    fn open(&self, database: &str) -> Result<Client> {
        let mut config: Config = self.server.parse()?;
        Ok(config.dbname(database).application_name("bars").connect(NoTls)?)
    }

    /// A new session in the bars' database: a new backend, so that its peak memory is its own.
    pub fn client(&self) -> Result<Client> {
        self.open(DATABASE)
    }

    /// The connection string of the server, without a database.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The connection string of the bars' database, for peers.
    pub fn conninfo(&self) -> String {
        format!("{} dbname={DATABASE}", self.server)
    }

    /// Is this bar asked for (`ONLY`: its name, or what stands before a dash)?
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || name == self.only || name.strip_prefix(&self.only).is_some_and(|rest| rest.starts_with('-'))
    }

    /// Prints a bar: `name` may have a metric after a dot. Returns whether it holds.
    pub fn bar(&mut self, name: &str, figure: f64, bar: f64, better: Better) -> bool {
        let ratio = if better == Better::More { figure / bar } else { bar / figure };
        let ok = ratio >= 1.0;
        println!("BAR {name} {} {} {ratio:.3} {}", short(figure), short(bar), if ok { "ok" } else { "short" });
        self.short += usize::from(!ok);
        self.saw(name);
        ok
    }

    /// Prints a bar of 0: how often something happened that must not. Returns whether it did not.
    pub fn none(&mut self, name: &str, count: usize) -> bool {
        self.nothing(name, &count.to_string(), count == 0)
    }

    /// Prints a bar of 0 of what is no count: a difference. Returns whether there is none.
    pub fn zero(&mut self, name: &str, figure: f64) -> bool {
        self.nothing(name, &short(figure), figure == 0.0)
    }

    fn nothing(&mut self, name: &str, figure: &str, ok: bool) -> bool {
        println!("BAR {name} {figure} 0 {} {}", if ok { "1.000" } else { "0.000" }, if ok { "ok" } else { "short" });
        self.short += usize::from(!ok);
        self.saw(name);
        ok
    }

    /// Prints that a bar cannot be measured here, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("# {name}: {why}");
        println!("BAR {name} - - - skipped");
        self.saw(name)
    }

    /// Prints a figure that has no bar, or a word on what was done.
    pub fn note(&self, name: &str, text: &str) {
        println!("# {name}: {text}")
    }

    fn saw(&mut self, name: &str) {
        self.seen.insert(name.split('.').next().unwrap_or(name).to_string());
    }

    /// A family broke off: what it has not shown is short.
    pub fn failed(&mut self, names: &[&str], e: &(dyn Error + 'static)) {
        let mut text = e.to_string();
        if let Some(d) = e.downcast_ref::<postgres::Error>().and_then(postgres::Error::as_db_error) {
            text = format!("{} {} {} {}", d.code().code(), d.message(), d.detail().unwrap_or(""), d.hint().unwrap_or(""))
        }
        println!("# {}: failed: {text}", names.join(", "));
        for name in names.iter().filter(|n| self.wants(n) && !self.seen.contains(**n)) {
            println!("BAR {name} failed - 0 short")
        }
        self.short += 1
    }

    /// The last line.
    pub fn finish(&self) {
        println!("# {} bars, {} short", self.seen.len(), self.short)
    }

    /// A file of the data, `folder/file`; `None` where it is not held.
    pub fn data(&self, file: &str) -> Option<PathBuf> {
        Some(self.data.join(file)).filter(|p| p.exists())
    }

    /// Copies a CSV with a header (gzipped if it ends in .gz) into a table, over the connection: the server need not reach the file.
    pub fn copy_csv(&self, client: &mut Client, table: &str, file: &Path) -> Result<u64> {
        let mut writer = client.copy_in(&format!("COPY {table} FROM STDIN WITH (FORMAT csv, HEADER)"))?;
        if file.extension().is_some_and(|e| e == "gz") {
            let mut child = Command::new("gzip").arg("-dc").arg(file).stdout(Stdio::piped()).spawn()?;
            io::copy(&mut child.stdout.take().ok_or("no pipe from gzip")?, &mut writer)?;
            if !child.wait()?.success() {
                return Err(format!("gzip could not read {}", file.display()).into());
            }
        } else {
            io::copy(&mut File::open(file)?, &mut writer)?;
        }
        Ok(writer.finish()?)
    }

    /// What a script of benches/peers printed. Kept by script, arguments, data and machine below target/, since a peer does not change
    /// with our code, unless it measured seconds; `None`, said aloud, where it cannot be run. `{conninfo}` among the arguments is replaced.
    pub fn peer(&self, script: &str, args: &[&str], measured: Measured) -> Result<Option<PathBuf>> {
        let (python, path) = (target().join("peers-venv/bin/python"), root().join("benches/peers").join(script));
        let mut key = DefaultHasher::new();
        (fs::read(&path)?, args, &self.data, machine()).hash(&mut key);
        let kept = target().join(format!("peers/{script}-{:016x}", key.finish()));
        if matches!(measured, Measured::Quality) && kept.exists() {
            self.note(script, &format!("figures kept from an earlier run on this machine ({})", kept.display()));
            return Ok(Some(kept));
        }
        if !python.exists() {
            self.note(script, "there is no target/peers-venv (`make bench` makes it)");
            return Ok(None);
        }
        fs::create_dir_all(target().join("peers"))?;
        let part = kept.with_extension("part");
        let args = args.iter().map(|a| a.replace("{conninfo}", &self.conninfo()));
        // A clean environment, so that no variable picks a slow BLAS kernel for the peer.
        let mut command = Command::new(python);
        command.arg(path).args(args).env_clear().env("BENCH_DATA", &self.data).stdin(Stdio::null()).stdout(File::create(&part)?);
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let run = command.stderr(Stdio::piped()).spawn()?.wait_with_output()?;
        if !run.status.success() {
            let error = String::from_utf8_lossy(&run.stderr);
            self.note(script, &format!("cannot be run: {}", error.trim().lines().last().unwrap_or("no message")));
            return Ok(None);
        }
        fs::rename(part, &kept)?;
        Ok(Some(kept))
    }

    /// The JSON lines that a peer printed, by [`Bench::peer`].
    pub fn peer_json(&self, script: &str, args: &[&str], measured: Measured) -> Result<Option<Vec<serde_json::Value>>> {
        let Some(path) = self.peer(script, args, measured)? else { return Ok(None) };
        let text = fs::read_to_string(path)?;
        Ok(Some(text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()))
    }
}

/// The peak resident memory of a session's backend in MB (VmHWM).
pub fn peak_mb(client: &mut Client) -> Result<f64> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}

/// Seconds of one call, with what it returned.
pub fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let start = Instant::now();
    let value = work()?;
    Ok((start.elapsed().as_secs_f64(), value))
}

/// The median of figures; NaN of none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let n = figures.len();
    if n == 0 { f64::NAN } else { (figures[(n - 1) / 2] + figures[n / 2]) / 2.0 }
}

/// The median seconds of `times` calls, after one that is not counted.
pub fn median_seconds(times: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        taken.push(seconds(&mut work)?.0)
    }
    Ok(median(taken))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|l| l.strip_prefix("model name")).map_or("unknown processor", |m| m.trim_start_matches(['\t', ':', ' ']));
    format!("{model}, {} threads", std::thread::available_parallelism().map_or(1, usize::from))
}

/// Four significant figures.
fn short(x: f64) -> String {
    let digits = if x == 0.0 || !x.is_finite() { 0 } else { (3 - x.abs().log10().floor() as i32).clamp(0, 9) };
    format!("{x:.*}", digits as usize)
}
