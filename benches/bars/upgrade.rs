//! Upgrades: what an older release's models answer is to the bit what they answered then.

#[path = "../../tests/upgrade/trial.rs"]
mod trial;

use crate::bench::Bench;
use std::error::Error;
use trial::{MADE_WITH, RELEASES};

/// Runs the family.
pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let mut largest: f64 = 0.0;
    for (release, _) in RELEASES {
        let outcome = trial::play(bench.server(), release)?;
        bench.note("upgrade", &format!("{} answers of {release}, largest difference {}", outcome.answers, outcome.largest));
        if let Some(fault) = outcome.faults.iter().chain(&outcome.catalogue).next() {
            return Err(fault.clone().into());
        }
        largest = largest.max(outcome.largest);
    }
    let here = pg_affinity::kernel::instruction_set();
    // Sums in another order may differ in their last bits; where they do not, there is nothing to forgive.
    if largest > 0.0 && here != MADE_WITH {
        bench.skip("upgrade", &format!("the answers were computed with {MADE_WITH}, here is {here}"));
        return Ok(());
    }
    bench.zero("upgrade", largest);
    Ok(())
}
