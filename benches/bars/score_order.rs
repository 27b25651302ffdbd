//! `score-order`: 4,000 pairs of a user and an item, scored in the order of items, against the same in the order of users.

use crate::bench::{Bench, Better, median_seconds};
use std::error::Error;

/// Times the seconds of the pairs by user.
const BAR: f64 = 1.5;

/// 5,000 users with 40 events each among 50,000 items.
const EVENTS: &str = "CREATE TABLE score_events AS SELECT u AS user_id, ((u % 50) * 1000 + (hashint8(u * 64 + n) & 1023) * (1 + n % 3)) % 50000 AS item_id,
       timestamptz '2026-01-01' + n * interval '1 day' + u * interval '1 second' AS at
     FROM generate_series(1::int8, 5000) u, generate_series(1, 40) n;
     CREATE INDEX ON score_events (user_id);
     CREATE TABLE score_items AS SELECT item_id, row_number() OVER (ORDER BY hashint8(item_id)) AS n FROM (SELECT DISTINCT item_id FROM score_events) i;
     CREATE TABLE score_pairs AS SELECT user_id, item_id FROM generate_series(1::int8, 4000, 50) user_id, score_items WHERE n <= 50";

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let mut client = bench.client()?;
    client.batch_execute(EVENTS)?;
    client.batch_execute("VACUUM ANALYZE score_events")?;
    client.batch_execute("VACUUM ANALYZE score_pairs")?;
    // One whose scores are products of vectors, one that scores all items at once.
    for (kind, params) in [("als", r#"{"factors": 64, "epochs": 2, "regularization": 0.1}"#), ("item_knn", "{}")] {
        client.execute(
            "SELECT affinity.train_recommender('score', 'score_events', $1, time_col => 'at', params => ($2::text)::jsonb, deploy => 'always')",
            &[&kind, &params],
        )?;
        let mut time = |order: &str| {
            let pairs = format!(
                "SELECT count(affinity.score('score', user_id, item_id)) FROM (SELECT user_id, item_id FROM score_pairs ORDER BY {order} OFFSET 0) p"
            );
            median_seconds(5, || {
                let scored: i64 = client.query_one(&pairs, &[])?.get(0);
                if scored == 4000 { Ok(()) } else { Err(format!("{scored} of 4,000 pairs have a score").into()) }
            })
        };
        let (by_user, by_item) = (time("user_id, item_id")?, time("item_id, user_id")?);
        bench.note("score-order", &format!("{kind}: {by_item:.4} s by item, {by_user:.4} s by user"));
        bench.bar(&format!("score-order.{kind}"), by_item / by_user, BAR, Better::Less);
    }
    Ok(())
}
