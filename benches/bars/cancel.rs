//! `cancel-large`: how long a cancelled statement takes to end, over all kinds and phases, on a million rows or events of 400,000 items. Each
//! training is cancelled at random moments of its first seconds; what it was doing is asked just before. Also scoring: the first score of a
//! fresh session, lists for all users.

use crate::bench::{Bench, Better};
use crate::memory::{Kind, call, kinds, tables_of};
use pg_affinity::base::Rng;
use postgres::error::SqlState;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows or events.
const SIZE: usize = 1_000_000;
/// Cancels a kind.
const CANCELS: usize = 6;
/// Moments are drawn up to this many seconds, or the length of a training where that is less.
const SECONDS: f64 = 8.0;

/// Runs the family.
pub fn run(bench: &mut Bench) -> Result<()> {
    let mut admin = bench.client()?;
    tables_of(&mut admin, &[SIZE], 400_000)?;
    let mut random = Rng::new(7);
    let (mut all, mut slowest) = (Vec::new(), BTreeMap::<String, (f64, usize)>::new());
    for kind in kinds() {
        for (milliseconds, phase) in cancels(bench, &kind, &mut random)? {
            let worst = slowest.entry(format!("{} {phase}", kind.name)).or_default();
            *worst = (worst.0.max(milliseconds), worst.1 + 1);
            all.push(milliseconds);
        }
    }
    let mut phases: Vec<_> = slowest.into_iter().collect();
    phases.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    for (phase, (milliseconds, count)) in phases.iter().take(20) {
        bench.note("cancel-large", &format!("{phase}: at most {milliseconds:.0} ms of {count}"));
    }
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get(((all.len() as f64 * share).ceil() as usize).max(1) - 1).copied().unwrap_or(f64::NAN);
    bench.note("cancel-large", &format!("{} cancels, median {:.0} ms, slowest {:.0} ms", all.len(), at(0.5), at(1.0)));
    bench.bar("cancel-large", at(0.99), 100.0, Better::Less);
    Ok(())
}

/// Milliseconds from a cancel to the end, and what was under way.
fn cancels(bench: &Bench, kind: &Kind, random: &mut Rng) -> Result<Vec<(f64, String)>> {
    let mut longest = SECONDS;
    let mut out = Vec::new();
    for _ in 0..CANCELS {
        let mut session = bench.client()?;
        session.batch_execute("SET affinity.threads = 2; SET affinity.memory = '4GB'; SET client_min_messages = error")?;
        let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        let sql = call(kind, SIZE, "cancelled");
        let mut admin = bench.client()?;
        let start = Instant::now();
        let training = std::thread::spawn(move || {
            let result = session.batch_execute(&sql);
            (result, Instant::now())
        });
        std::thread::sleep(Duration::from_secs_f64(random.uniform() * longest));
        let phase = admin.query_opt("SELECT phase FROM affinity.progress WHERE pid = $1", &[&pid])?.map(|r| r.get::<_, String>(0));
        let asked = Instant::now();
        admin.execute("SELECT pg_cancel_backend($1)", &[&pid])?;
        let (result, ended) = training.join().map_err(|_| "the session panicked")?;
        match result {
            Err(e) if e.code() == Some(&SqlState::QUERY_CANCELED) => {
                out.push((ended.saturating_duration_since(asked).as_secs_f64() * 1000.0, phase.unwrap_or_else(|| "beginning".into())))
            }
            Err(e) => return Err(format!("{}: {e:?}", kind.name).into()),
            Ok(()) => {
                // It was through before: the next moments are earlier.
                longest = longest.min((ended - start).as_secs_f64());
                let _ = admin.batch_execute("SELECT affinity.drop_model('cancelled')");
            }
        }
    }
    Ok(out)
}
