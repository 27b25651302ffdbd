//! Roads from an ordinary role to another's rights, played one by one: how many are open.

use crate::bench::Bench;

#[path = "../../tests/roads/mod.rs"]
mod played;

/// `roads-to-superuser`.
pub fn run(bench: &mut Bench) -> crate::Outcome {
    let (count, open) = played::play(bench.server(), "");
    bench.note("roads-to-superuser", &format!("{count} roads played"));
    for road in &open {
        bench.note("roads-to-superuser", road);
    }
    let mut names: Vec<&str> = open.iter().filter_map(|o| o.split(':').next()).collect();
    names.dedup();
    bench.none("roads-to-superuser", names.len());
    Ok(())
}
