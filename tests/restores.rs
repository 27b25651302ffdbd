//! Backups: every version comes back bit for bit, whoever dumps and restores, and in which form; what cannot come back as it was,
//! `affinity.check()` says and mends. The bar `restores` plays the ways that are left out here.

#![allow(clippy::unwrap_used)]

mod cluster;
mod restoring;

use restoring::{Trial, ways};

#[test]
fn versions_come_back_by_every_way() {
    let Some(server) = cluster::server("restores") else { return };
    let trial = Trial::start(&server).unwrap();
    for way in ways::ways().iter().filter(|w| w.quick || std::env::var_os("RESTORES_ALL").is_some()) {
        for time in 1..=way.times {
            let outcome = trial.play(way).unwrap_or_else(|e| panic!("{}, time {time}: {e}", way.name));
            assert!(outcome.differing == 0 && outcome.faults.is_empty(), "{}, time {time}: {outcome:#?}", way.name);
            assert_eq!(outcome.found.is_empty(), way.clean, "{}: {outcome:#?}", way.name);
        }
    }
    let outcome = trial.subscribe().unwrap();
    assert!(outcome.differing == 0 && outcome.faults.is_empty() && outcome.found.is_empty(), "a subscriber: {outcome:#?}");
}
