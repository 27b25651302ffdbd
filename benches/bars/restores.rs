//! Backups: by every way of dumping and restoring, and on a subscriber, each version is and answers what it did.

#[path = "../../tests/restoring/mod.rs"]
mod restoring;

use crate::bench::Bench;
use restoring::{Outcome, Trial, ways};
use std::error::Error;

/// Runs the family.
pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let trial = Trial::start(&bench.conninfo())?;
    let (mut differing, mut played) = (0, 0);
    let mut evaluate = |name: &str, outcome: Result<Outcome, Box<dyn Error>>| {
        played += 1;
        let (count, words) = match outcome {
            // A way that cannot be gone brings nothing back.
            Err(e) => (trial.versions(), e.to_string()),
            Ok(o) => (o.differing.max(o.faults.len()), o.faults.join("; ")),
        };
        differing += count;
        if count > 0 {
            bench.note("restores", &format!("{name}: {count} of {} versions; {words}", trial.versions()))
        }
    };
    for way in ways::ways() {
        for _ in 0..way.times {
            evaluate(way.name, trial.play(&way))
        }
    }
    evaluate("a subscriber", trial.subscribe());
    bench.note("restores", &format!("{played} ways of {} versions", trial.versions()));
    bench.none("restores", differing);
    Ok(())
}
