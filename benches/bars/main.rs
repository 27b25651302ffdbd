//! The bars: what the project promises in figures, each against what a user would pick instead, in the same run on the same machine.
//!
//! `make bench` starts a server and runs them, `make bench ONLY=scan` one. One line a metric:
//! `BAR <name>[.<metric>] <figure> <bar> <ratio> ok|short|skipped`, where a ratio of 1 or more is always good. Lines that begin with `#`
//! say what was done, why a bar was skipped, and the peak memory of the backend.
//!
//! Environment: `AFFINITY_BENCH` the server (a connection string without a database; unset: all are skipped), `BENCH_DATA` the folder of
//! the full data sets (unset: the small copies in tests/data, for which the bars of the full ones are skipped), `ONLY` a name.

mod bench;
#[path = "../../tests/cluster/mod.rs"]
mod cluster;
mod splits;

use bench::Bench;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A family is a file of this folder and the names of its bars; its `run` asks `bench.wants(name)` before the work of each.
macro_rules! families {
    ($($file:ident: [$($name:literal),+ $(,)?],)*) => {
        $(mod $file;)*
        const FAMILIES: &[(&[&str], fn(&mut Bench) -> Outcome)] = &[$((&[$($name),+], $file::run)),*];
    };
}

families! {
    behaviour: ["behaviour"],
    cancel: ["cancel-large"],
    cold_start: ["cold-start", "cold-warm", "cold-live"],
    factors: ["als-epoch", "bpr-epoch"],
    features: ["autoencoder", "encode-neighbours", "encode-row"],
    gan: ["gan", "gan-step"],
    growth: ["growth"],
    habits: ["profile-behaviour"],
    honest: ["split-honest"],
    hostile: ["hostile-arguments"],
    hundred_million: ["growth-100m"],
    kinds: ["auto-best"],
    journey: ["journey-repeat", "journey-new"],
    lists: ["top-k", "recommend-all"],
    load: ["load"],
    memory: ["memory-bound"],
    mlp: ["mlp-batch32", "mlp-batch1024", "mlp-auc"],
    mult_vae: ["mult-vae-epoch", "movielens-mult-vae", "cfgan", "recommend-warm"],
    recommend: ["beauty", "beauty-auto", "movielens-loo", "movielens-session", "fit-time", "ease-fit", "serve-base", "serve-auto", "serve-cold"],
    new_items: ["new-items"],
    predict: ["predict-row", "predict-road"],
    refresh: ["refresh-holds"],
    restores: ["restores"],
    profile: ["profile-sql", "profile-parallel", "profile-pgvector"],
    roads: ["roads-to-superuser"],
    scan: ["scan"],
    sequence: ["sequence", "gru", "cnn", "sequence-epoch", "sequence-serve"],
    score_order: ["score-order"],
    sessions: ["session"],
    sharing: ["sessions-memory", "first-score"],
    shoppers: ["shoppers"],
    tags: ["tags", "tags-text"],
    text_size: ["text-size"],
    trending: ["trending"],
    upgrade: ["upgrade"],
    warm_start: ["warm-start"],
}

fn main() {
    if growth::child() {
        return;
    }
    let Some(mut bench) = Bench::from_env() else { return };
    let mut failed = false;
    for (names, run) in FAMILIES {
        if !names.iter().any(|n| bench.wants(n)) {
            continue;
        }
        if let Err(e) = bench.fresh_database().and_then(|()| run(&mut bench)) {
            failed = true;
            bench.failed(names, &*e)
        }
    }
    bench.finish();
    if failed {
        std::process::exit(1)
    }
}
