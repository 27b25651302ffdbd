//! `growth-100m`: 100 million events of 2 million users and 1 million items, and a tenth of both users and events, read from views that make
//! them as they are read: nothing is on disk. The bars are the most memory that a session came to, and how the time of a training grows
//! with the events, reading among it.

use crate::bench::{Bench, Better, peak_mb, seconds};
use serde_json::{Value, json};

/// Events of either view; users are a fiftieth.
const EVENTS: [u64; 2] = [10_000_000, 100_000_000];
/// GB that a session may come to.
const MEMORY: f64 = 8.0;
/// Exponent of the time in the events.
const EXPONENT: f64 = 1.1;

/// The kinds, with few epochs: each is like the others. Few users are held out, since each is held against all items.
fn kinds() -> [(&'static str, Value); 4] {
    [
        ("transition", json!({"holdout": 0.001})),
        ("item_knn", json!({"holdout": 0.001})),
        ("als", json!({"holdout": 0.001, "factors": 64, "epochs": 2, "regularization": 0.001})),
        ("bpr", json!({"holdout": 0.001, "epochs": 2})),
    ]
}

/// Runs the family.
pub fn run(bench: &mut Bench) -> crate::Outcome {
    for events in EVENTS {
        // Of few users many events, and of few items: Zipf's law by the inverse of ∫ dx / x.
        bench.client()?.batch_execute(&format!(
            "CREATE VIEW events_{events} AS SELECT floor({users} * power(u, 1.5))::int AS user_id, floor(exp(ln(1e6::float8) * i))::int AS item_id, at
               FROM (SELECT at, hashint8extended(at, 1) / 2.0::float8 ^ 64 + 0.5 AS u, hashint8extended(at, 2) / 2.0::float8 ^ 64 + 0.5 AS i
                       FROM (SELECT generate_series(1, {events}::bigint) AS at) s) s",
            users = events / 50,
        ))?;
    }
    let (mut most, mut worst) = (0.0f64, 0.0f64);
    for (kind, params) in kinds() {
        let mut took = Vec::new();
        for events in EVENTS {
            let mut client = bench.client()?;
            client.batch_execute(&format!("SET affinity.memory = '{MEMORY}GB'; SET affinity.threads = 2; SET client_min_messages = warning"))?;
            let sql = format!(
                "SELECT rows_used, metrics ->> 'ndcg' FROM affinity.train_recommender('{kind}_{events}', 'events_{events}', '{kind}', time_col => 'at', params => $1::text::jsonb)"
            );
            let (elapsed, row) = seconds(|| Ok(client.query_one(&sql, &[&params.to_string()])?))?;
            let peak = peak_mb(&mut client)? / 1024.0;
            let (rows, ndcg): (i64, Option<String>) = (row.get(0), row.get(1));
            bench.note("growth-100m", &format!("{kind}, {rows} events: {elapsed:.0} s, {peak:.2} GB, NDCG {}", ndcg.unwrap_or_default()));
            most = most.max(peak);
            took.push(elapsed);
        }
        let exponent = (took[1] / took[0]).ln() / (EVENTS[1] as f64 / EVENTS[0] as f64).ln();
        bench.note("growth-100m", &format!("{kind}: exponent {exponent:.3}"));
        worst = worst.max(exponent);
    }
    bench.bar("growth-100m.memory", most, MEMORY, Better::Less);
    bench.bar("growth-100m.exponent", worst, EXPONENT, Better::Less);
    Ok(())
}
