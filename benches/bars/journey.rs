//! `journey-repeat`, `journey-new`: a grocery chain's next month, by the protocol of ranking.py.

use crate::bench::{Bench, Better, peak_mb, seconds};
use crate::splits;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// recall@20 (hits / min(20, relevant)) and NDCG@20 over all that a household bought; its own frequency reaches .325/.362, LightGBM
/// .3545/.391.
const REPEAT: (f64, f64) = (0.352, 0.387);
/// Over what it had not bought before; EASE reaches .051/.050.
const NEW: (f64, f64) = (0.060, 0.058);

/// One model by `auto` with all defaults and the products as `items`, whose choices are made on events held out of the training part.
pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    client.batch_execute("SET affinity.threads = 2")?;
    if !splits::journey(bench, &mut client)? {
        for name in ["journey-repeat", "journey-new"] {
            bench.skip(name, "it needs all of complete_journey (BENCH_DATA)");
        }
        return Ok(());
    }
    let call = "SELECT kind, metrics ->> 'auto' FROM affinity.train_recommender('journey', 'journey', time_col => 'at', items => 'products')";
    let (training, row) = seconds(|| Ok(client.query_one(call, &[])?))?;
    bench.note("journey-repeat", &format!("{}: {}", row.get::<_, String>(0), row.get::<_, String>(1)));
    let gain = "sum(1 / log(2, rank + 1))::float8";
    for (name, seen, wanted, bars) in [
        ("journey-repeat", false, "journey_test", REPEAT),
        ("journey-new", true, "(SELECT user_id, item_id FROM journey_test EXCEPT SELECT user_id, item_id FROM journey) d", NEW),
    ] {
        let (serving, row) = seconds(|| {
            Ok(client.query_one(
                &format!(
                    "SELECT avg(hits / least(20, n)::float8), avg(coalesce(gain, 0) / (SELECT {gain} FROM generate_series(1, least(20, n)) rank)), count(*)
                     FROM (SELECT user_id, array_agg(item_id) AS items, count(*) AS n FROM {wanted} GROUP BY 1) t
                     CROSS JOIN LATERAL (SELECT count(*) AS hits, {gain} AS gain FROM affinity.recommend('journey', t.user_id, k => 20, exclude_seen => {seen})
                       WHERE item_id = ANY (t.items)) r"
                ),
                &[],
            )?)
        })?;
        bench.bar(&format!("{name}.recall"), row.get(0), bars.0, Better::More);
        bench.bar(&format!("{name}.ndcg"), row.get(1), bars.1, Better::More);
        let lists: i64 = row.get(2);
        bench.note(name, &format!("at most {:.2} ms a list", serving * 1e3 / lists as f64));
    }
    bench.note("journey-repeat", &format!("training {training:.1} s, peak memory of the backend {:.0} MB", peak_mb(&mut client)?));
    Ok(())
}
