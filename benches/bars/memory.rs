//! `memory-bound`: how much memory a training takes beside what `affinity.memory` allows it, for every kind at three sizes. The limit is
//! doubled until the training succeeds, so that the last limit is near what it needs; what is refused counts as well, for it must not have
//! grown past its limit either.
//!
//! Each training is the first large one of a fresh session, whose library, plans and threads a small one has warmed. Its growth is that of
//! the backend's own pages (`RssAnon`: pages of shared_buffers that it touches are not its own), looked at every millisecond; and since
//! that can miss a peak, the kernel's record of the peak of all pages (`VmHWM`), less what came to the pages of files and shared memory,
//! counts where it is more.

use crate::bench::{Bench, Better};
use pg_affinity::model::kinds::KINDS;
use pg_affinity::model::recommender::AUTO;
use postgres::Client;
use postgres::error::SqlState;
use serde_json::{Value, json};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// (Peak − [`SLACK`]) / limit, at most.
const BOUND: f64 = 1.1;
/// MB of a backend that nobody counts.
const SLACK: f64 = 16.0;
/// Rows or events.
const SIZES: [usize; 3] = [20_000, 200_000, 1_000_000];
/// The first limit in MB; each next one is twice as much.
const FIRST: usize = 16;
/// Limits beyond which there is no need to look.
const LAST: usize = 4096;
/// A training that takes longer is cancelled, and counts as far as it came: what it does again in each epoch, it has done.
const SECONDS: u64 = 8;

/// One kind: its parameters, and whether it learns from events or from rows with this target.
pub struct Kind {
    pub name: &'static str,
    params: Value,
    target: Option<&'static str>,
    events: bool,
}

/// Every kind, with parameters with which it trains in little time.
pub fn kinds() -> Vec<Kind> {
    let rows = |name, target, params| Kind { name, params, target, events: false };
    // What needs a relation of items is learned from as its base is.
    let events = KINDS.iter().filter(|k| !k.describes).map(|k| k.name).chain([AUTO]);
    let mut all: Vec<Kind> = events.map(|name| Kind { name, params: short(name), target: None, events: true }).collect();
    all.extend([
        rows("mlp", Some("again"), json!({"epochs": 1, "exclude": ["id"]})),
        rows("linear", Some("spent"), json!({"exclude": ["id"]})),
        rows("logistic", Some("again"), json!({"exclude": ["id"]})),
        rows("autoencoder", None, json!({"epochs": 1, "exclude": ["id"]})),
        rows("pca", None, json!({"exclude": ["id"]})),
        rows("segments", None, json!({"exclude": ["id"]})),
        rows("gan", None, json!({"steps": 20, "epochs": 1, "exclude": ["id"]})),
    ]);
    all
}

/// Parameters with which a recommender trains in little time, and in as much memory as ever.
fn short(kind: &str) -> Value {
    match kind {
        "ease" => json!({"regularization": 100}),
        "als" => json!({"epochs": 2, "regularization": 0.001}),
        "bpr" => json!({"epochs": 2}),
        "mult_vae" => json!({"hidden": 64, "latent": 16, "epochs": 1}),
        "cfgan" | "sequence" => json!({"epochs": 1}),
        _ => json!({}),
    }
}

/// One training.
struct Run {
    growth: f64,
    outcome: Outcome,
    seconds: f64,
}

#[derive(PartialEq)]
enum Outcome {
    Done,
    Refused,
    Cut,
}

pub fn run(bench: &mut Bench) -> Result<()> {
    let sizes: Vec<usize> = [1_000].into_iter().chain(SIZES).collect();
    tables_of(&mut bench.client()?, &sizes, 0)?;
    missing(bench)?;
    let (mut worst, mut cut): (f64, usize) = (0.0, 0);
    for kind in kinds() {
        for size in SIZES {
            let mut told = Vec::new();
            let mut limit = FIRST;
            while limit <= LAST {
                let run = train(bench, &kind, size, limit)?;
                cut += usize::from(run.outcome == Outcome::Cut);
                worst = worst.max((run.growth - SLACK) / limit as f64);
                let mark = match run.outcome {
                    Outcome::Done => format!(" in {:.1} s", run.seconds),
                    Outcome::Refused => " refused".into(),
                    Outcome::Cut => " cut".into(),
                };
                told.push(format!("{limit} -> {:.0}{mark}", run.growth));
                if run.outcome != Outcome::Refused {
                    break;
                }
                limit *= 2;
            }
            bench.note("memory-bound", &format!("{}, {size}: {}", kind.name, told.join(", ")));
        }
    }
    bench.note("memory-bound", &format!("{cut} trainings were cut after {SECONDS} s, before they were saved"));
    bench.bar("memory-bound", worst, BOUND, Better::Less);
    Ok(())
}

/// Each kind that there is has its line above.
fn missing(bench: &Bench) -> Result<()> {
    let known: Vec<&str> = kinds().iter().map(|k| k.name).collect();
    for row in bench.client()?.query("SELECT kind FROM affinity.kinds()", &[])? {
        let kind: String = row.get(0);
        if !known.contains(&kind.as_str()) {
            return Err(format!("kind {kind} is not measured").into());
        }
    }
    Ok(())
}

/// Events of a shop (users of 20 about, items by Zipf's law, more items with more events, at least `items`) and its customers, both for
/// each size. By hashes of the row's number, so that they are the same each time.
pub fn tables_of(client: &mut Client, sizes: &[usize], items: usize) -> Result<()> {
    client.batch_execute("CREATE FUNCTION u(i bigint, s bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS \
        'SELECT (hashint8extended(i, s) & 1048575)::float8 / 1048576'")?;
    for size in sizes {
        let (users, items) = (size / 20, items.max(40 + size / 80));
        client.batch_execute(&format!(
            "CREATE TABLE events_{size} AS SELECT (power(u(i, 1), 2) * {users})::int AS user_id, exp(u(i, 2) * ln({items}))::int AS item_id,
                timestamptz '2026-01-01' + i * interval '20 seconds' AS at FROM generate_series(1, {size}) i;
             CREATE TABLE rows_{size} AS SELECT i AS id, u(i, 1) AS a, u(i, 2)::real AS b, round((u(i, 3) * 1000)::numeric, 2) AS price,
                (u(i, 4) * 40)::int AS orders, exp(u(i, 5) * 3) AS spent, date '2025-01-01' + (u(i, 6) * 400)::int AS joined,
                'city ' || (u(i, 7) * 30)::int AS city, 'type ' || (power(u(i, 8), 2) * 3000)::int AS type,
                u(i, 9) < 0.5 AS newsletter, u(i, 1) + u(i, 4) + u(i, 10) < 1.5 AS again FROM generate_series(1, {size}) i;
             ANALYZE events_{size}; ANALYZE rows_{size}"
        ))?;
    }
    Ok(())
}

/// Trains `kind` on the tables of `size` with a limit of `megabytes`.
fn train(bench: &Bench, kind: &Kind, size: usize, megabytes: usize) -> Result<Run> {
    let mut client = bench.client()?;
    client.batch_execute("SET client_min_messages = error; SET affinity.threads = 2")?;
    client.batch_execute(&call(kind, 1_000, "warm"))?;
    client.batch_execute(&format!("SET affinity.memory = '{megabytes}MB'; SET statement_timeout = '{SECONDS}s'"))?;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    // Where the kernel lets us: from here on the peak is this training's.
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
    let before = Pages::of(pid)?;
    let (sql, done) = (call(kind, size, "measured"), AtomicBool::new(false));
    let start = Instant::now();
    let (result, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most: f64 = 0.0;
            while !done.load(Relaxed) {
                most = Pages::of(pid).map_or(most, |p| most.max(p.own));
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        });
        let result = client.batch_execute(&sql);
        done.store(true, Relaxed);
        (result, watcher.join().unwrap_or(f64::NAN))
    });
    let (seconds, after) = (start.elapsed().as_secs_f64(), Pages::of(pid)?);
    let outcome = match result {
        Ok(()) => Outcome::Done,
        Err(e) if e.code() == Some(&SqlState::OUT_OF_MEMORY) => Outcome::Refused,
        Err(e) if e.code() == Some(&SqlState::QUERY_CANCELED) => Outcome::Cut,
        Err(e) => return Err(format!("{} of {size}: {e:?}", kind.name).into()),
    };
    let recorded = after.peak - before.peak.min(before.own + before.others) - (after.others - before.others);
    let growth = (seen.max(after.own) - before.own).max(recorded);
    client.batch_execute("RESET statement_timeout")?;
    for name in ["warm", "measured"] {
        // A training that was refused has left none.
        let _ = client.batch_execute(&format!("SELECT affinity.drop_model('{name}')"));
    }
    Ok(Run { growth, outcome, seconds })
}

/// The call that trains `kind` on the tables of `size`.
pub fn call(kind: &Kind, size: usize, model: &str) -> String {
    let (name, params) = (kind.name, &kind.params);
    if kind.events {
        format!(
            "SELECT affinity.train_recommender('{model}', 'events_{size}', kind => '{name}', user_col => 'user_id', item_col => 'item_id', \
             time_col => 'at', params => '{params}')"
        )
    } else {
        let target = kind.target.map_or(String::new(), |t| format!(", target => '{t}'"));
        format!("SELECT affinity.train('{model}', 'rows_{size}'{target}, kind => '{name}', params => '{params}')")
    }
}

/// The resident pages of a process in MB.
struct Pages {
    own: f64,
    /// Of files and shared memory.
    others: f64,
    peak: f64,
}

impl Pages {
    fn of(pid: i32) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let of = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).ok_or("no such figure")?;
            Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
        };
        Ok(Self { own: of("RssAnon:")?, others: of("RssFile:")? + of("RssShmem:")?, peak: of("VmHWM:")? })
    }
}
