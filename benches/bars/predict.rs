//! `predict-row` and `predict-road`: a network of 20-64-32-1 on a million rows, against building the same rows, and against the road out
//! of the database and back (round_trip.py).

use crate::bench::{Bench, Better, Measured, median, median_seconds, seconds};
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows of the table, as in round_trip.py.
const ROWS: u32 = 1_000_000;
/// Microseconds a row beyond building it.
const STANDARD: f64 = 0.6;
const QUANTILE: f64 = 1.0;
/// Times faster than the road out and back.
const ROAD: f64 = 10.0;

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    prepare(&mut client)?;
    if bench.wants("predict-row") {
        rows(bench, &mut client)?
    }
    if bench.wants("predict-road") {
        road(bench, &mut client)?
    }
    Ok(())
}

/// The table of round_trip.py with an answer to learn, and two models of it.
fn prepare(client: &mut Client) -> Result<()> {
    let list = |f: &dyn Fn(u32) -> String| (0..20).map(f).collect::<Vec<_>>().join(", ");
    client.batch_execute(&format!(
        "CREATE TABLE predict_rows (id int PRIMARY KEY, {});
         INSERT INTO predict_rows SELECT g, {} FROM generate_series(1, {ROWS}) g;
         CREATE VIEW predict_train AS SELECT {}, f0 + f1 * f2 > f3 + 0.2 AS y FROM predict_rows WHERE id <= 50000",
        list(&|i| format!("f{i} real")),
        list(&|_| "random()".into()),
        list(&|i| format!("f{i}")),
    ))?;
    client.batch_execute("VACUUM ANALYZE predict_rows")?;
    for numbers in ["standard", "quantile"] {
        // One network, as the peer's; by default so few training rows would get two.
        let params = serde_json::json!({"numbers": numbers, "hidden": [64, 32], "ensemble": 1, "epochs": 3});
        client.execute(
            "SELECT affinity.train('predict_' || $1::text, 'predict_train', 'y', params => $2::text::jsonb)",
            &[&numbers, &params.to_string()],
        )?;
    }
    Ok(())
}

/// Microseconds a row and core: queries that build the rows, and that score them too, take turns.
fn rows(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let build = "SELECT count(t) FROM predict_rows t";
    let scored = |numbers: &str| format!("SELECT count(affinity.predict('predict_{numbers}', t)) FROM predict_rows t");
    let (standard, quantile) = (scored("standard"), scored("quantile"));
    client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    let mut taken = [Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..8 {
        for (query, list) in [build, &standard, &quantile].into_iter().zip(&mut taken) {
            let (s, _) = seconds(|| Ok(client.query_one(query, &[])?))?;
            // The first turn loads the weights and warms the caches.
            if turn > 0 {
                list.push(s * 1e6 / f64::from(ROWS))
            }
        }
    }
    let [build, scored, quantiles] = taken.map(median);
    bench.bar("predict-row", scored - build, STANDARD, Better::Less);
    bench.bar("predict-row.quantile", quantiles - build, QUANTILE, Better::Less);
    bench.note("predict-row", &format!("µs a row on one core: {build:.3} to build it, {scored:.3} with the score"));
    client.batch_execute("RESET max_parallel_workers_per_gather")?;
    let plan: Vec<String> = client.query(&format!("EXPLAIN {standard}"), &[])?.iter().map(|r| r.get(0)).collect();
    let planned = plan.iter().find_map(|l| l.trim().strip_prefix("Workers Planned: ")?.parse::<f64>().ok()).unwrap_or(0.0);
    bench.bar("predict-row.workers", planned, 1.0, Better::More);
    let parallel = median_seconds(5, || Ok(client.query_one(&standard, &[]).map(drop)?))?;
    bench.note("predict-row", &format!("{parallel:.3} s for all rows by a parallel plan"));
    Ok(())
}

/// A table of scores, against reading the rows out, scoring them there and writing the scores back.
///
/// Both sides take turns, four times each, and the best of each counts: the road is mostly writing, which differs by a fifth from time to
/// time.
fn road(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let mut table = |value: &str| {
        client.batch_execute("DROP TABLE IF EXISTS predict_scores")?;
        let create = format!("CREATE TABLE predict_scores AS SELECT id, {value} FROM predict_rows t");
        Ok::<_, Box<dyn Error>>(seconds(|| Ok(client.batch_execute(&create)?))?.0)
    };
    let (mut ours, mut floor, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        for _ in 0..2 {
            ours.push(table("affinity.predict('predict_standard', t)")?);
            floor.push(table("f0::float8")?);
        }
        let said = bench.peer("round_trip.py", &["{conninfo}"], Measured::Seconds)?.map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        theirs.extend(said.lines().filter_map(|l| l.split("total ").nth(1)?.split(' ').next()?.parse::<f64>().ok()));
    }
    let best = |of: &[f64]| of.iter().copied().min_by(f64::total_cmp);
    let (Some(ours), Some(floor)) = (best(&ours), best(&floor)) else { return Ok(()) };
    bench.note("predict-road", &format!("{ours:.3} s for CREATE TABLE AS; {floor:.3} s where a column stands in the place of the score"));
    match best(&theirs) {
        Some(theirs) => {
            bench.note("predict-road", &format!("{theirs:.2} s out and back"));
            bench.bar("predict-road", theirs / ours, ROAD, Better::More);
        }
        None => bench.skip("predict-road", "round_trip.py gave no figure"),
    }
    Ok(())
}
