//! Products without a single event. `cold-start`: a tenth of Complete Journey's products hidden, ranked for those who bought one of them in
//! December, by the protocol of cold_start.py; `cold-warm`: old and hidden ones in one list; `cold-live`: the row of a product, and a list in
//! the same transaction.

use crate::bench::{Bench, Better, Measured, median_seconds, seconds};
use crate::splits;
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The tenths that are hidden, each by the last digit of its products' ids.
const FOLDS: [i32; 3] = [3, 5, 7];
/// recall@20 and NDCG@20 of the hidden among themselves.
const AMONG_NEW: [f64; 2] = [0.108, 0.066];
/// The part of their NDCG@20 that old products keep in a list with new ones.
const KEPT: f64 = 0.98;
/// How many times as long a list with a new product takes.
const LIVE: f64 = 1.2;

pub fn run(bench: &mut Bench) -> Result<()> {
    let names = ["cold-start", "cold-warm", "cold-live"];
    let mut client = bench.client()?;
    client.batch_execute("SET affinity.threads = 2")?;
    if !splits::journey(bench, &mut client)? {
        names.into_iter().filter(|n| bench.wants(n)).collect::<Vec<_>>().iter().for_each(|n| bench.skip(n, "the data has no complete_journey"));
        return Ok(());
    }
    // The products of cold_start.py: those of ten households or more, December's counted.
    client.batch_execute(
        "ALTER TABLE products ADD PRIMARY KEY (item_id);
         CREATE TABLE sold AS SELECT household_id AS user_id, product_id AS item_id, transaction_timestamp AS at FROM lines
           WHERE product_id IN (SELECT product_id FROM lines GROUP BY 1 HAVING count(DISTINCT household_id) >= 10) AND product_id IN (SELECT item_id FROM products)",
    )?;
    if bench.wants("cold-start") {
        among_new(bench, &mut client)?;
    }
    if bench.wants("cold-warm") || bench.wants("cold-live") {
        hide(&mut client, FOLDS[0])?;
        train(&mut client, "cold", "cold_start", 0)?;
    }
    if bench.wants("cold-warm") {
        one_list(bench, &mut client)?;
    }
    if bench.wants("cold-live") {
        live(bench, &mut client)?;
    }
    Ok(())
}

/// `known`, what was sold before December of products that are not hidden; `december`, who bought what in it, and whether it is hidden.
fn hide(client: &mut Client, fold: i32) -> Result<()> {
    Ok(client.batch_execute(&format!(
        "DROP TABLE IF EXISTS known, december;
         CREATE TABLE known AS SELECT * FROM sold WHERE at < '2017-12-01' AND item_id % 10 <> {fold};
         CREATE INDEX ON known (user_id, at);
         CREATE TABLE december AS SELECT DISTINCT user_id, item_id, item_id % 10 = {fold} AS hidden FROM sold
           WHERE at >= '2017-12-01' AND user_id IN (SELECT user_id FROM known);
         CREATE INDEX ON december (user_id); ANALYZE known, december"
    ))?)
}

/// Trains a kind at its defaults on `known`; the seconds that it takes.
fn train(client: &mut Client, model: &str, kind: &str, seed: usize) -> Result<f64> {
    let items = if kind == "cold_start" { ", items => 'products'" } else { "" };
    let call =
        format!("SELECT affinity.train_recommender('{model}', 'known', '{kind}', time_col => 'at', seed => {seed}, deploy => 'always'{items})");
    Ok(seconds(|| Ok(client.batch_execute(&call)?))?.0)
}

/// recall@20 and NDCG@20 over the users who bought what `relevant` says, of lists that may hold what `among` gives.
fn figures(client: &mut Client, model: &str, relevant: &str, among: &str) -> Result<[f64; 2]> {
    let row = client.query_one(
        &format!(
            "WITH bought AS (SELECT d.user_id, array_agg(d.item_id) AS items FROM december d WHERE {relevant} GROUP BY 1),
               lists AS (SELECT b.user_id, cardinality(b.items) AS relevant, r.rank, r.item_id = ANY (b.items) AS hit
                 FROM bought b LEFT JOIN LATERAL affinity.recommend('{model}', b.user_id, k => 20{among}) r ON true),
               each AS (SELECT least(max(relevant), 20) AS most, count(*) FILTER (WHERE hit) AS hits,
                   coalesce(sum(1 / log(2, rank + 1)) FILTER (WHERE hit), 0) AS gain FROM lists GROUP BY user_id)
             SELECT avg(hits::float8 / most), avg(gain::float8 / (SELECT sum(1 / log(2, p + 1)) FROM generate_series(1, most) p)::float8) FROM each"
        ),
        &[],
    )?;
    Ok([row.get(0), row.get(1)])
}

fn among_new(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let mut mean = [0.0; 2];
    for fold in FOLDS {
        hide(client, fold)?;
        for seed in 0..3 {
            let took = train(client, "cold", "cold_start", seed)?;
            let hidden = format!("SELECT DISTINCT item_id FROM sold WHERE item_id % 10 = {fold}");
            let figures = figures(client, "cold", "d.hidden", &format!(", among => ARRAY({hidden})"))?;
            bench.note("cold-start", &format!("products whose ids end in {fold} hidden, seed {seed}: {took:.0} s, {figures:.4?}"));
            mean.iter_mut().zip(figures).for_each(|(m, f)| *m += f / (3 * FOLDS.len()) as f64);
        }
    }
    for line in bench.peer_json("cold_start.py", &[], Measured::Quality)?.iter().flatten().filter(|v| v["method"].is_string()) {
        bench.note("cold-start", &format!("{}: {}, {}", line["method"], line["recall20"], line["ndcg20"]));
    }
    for ((name, figure), bar) in ["recall", "ndcg"].iter().zip(mean).zip(AMONG_NEW) {
        bench.bar(&format!("cold-start.{name}"), figure, bar, Better::More);
    }
    Ok(())
}

/// What old products lose where new ones stand beside them, and what these gain.
fn one_list(bench: &mut Bench, client: &mut Client) -> Result<()> {
    train(client, "warm", "ease", 0)?;
    let not_had = "NOT EXISTS (SELECT FROM known k WHERE k.user_id = d.user_id AND k.item_id = d.item_id)";
    let (old, all) = (format!("NOT d.hidden AND {not_had}"), format!("(d.hidden OR {not_had})"));
    let before = figures(client, "warm", &old, "")?;
    let after = figures(client, "cold", &old, "")?;
    let (all_before, all_after) = (figures(client, "warm", &all, "")?, figures(client, "cold", &all, "")?);
    let found = figures(client, "cold", "d.hidden", "")?;
    bench.note("cold-warm", &format!("old products by ease {before:.4?}, beside new ones {after:.4?}"));
    bench.note("cold-warm", &format!("old and new by ease {all_before:.4?}, in one list {all_after:.4?}; the new alone {found:.4?}, by ease 0"));
    bench.bar("cold-warm.old", after[1], KEPT * before[1], Better::More);
    bench.bar("cold-warm.all", all_after[1], all_before[1], Better::More);
    Ok(())
}

/// A product like what a household buys most, entered and listed in one transaction.
fn live(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let user: i64 = client.query_one("SELECT user_id FROM known GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1", &[])?.get(0);
    let list = client.prepare("SELECT r.item_id FROM affinity.recommend('cold', $1::bigint, k => 20) r")?;
    // All that the events do not know are rows of before: the list without a new product has none, either.
    client.batch_execute("DELETE FROM products p WHERE NOT EXISTS (SELECT FROM known k WHERE k.item_id = p.item_id); VACUUM ANALYZE products")?;
    let before = median_seconds(200, || Ok(client.query(&list, &[&user]).map(|_| ())?))?;
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!(
        "INSERT INTO products SELECT -1, manufacturer, department, brand, category, type, size FROM products
           WHERE item_id = (SELECT item_id FROM known WHERE user_id = {user} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)"
    ))?;
    let (first, rows) = seconds(|| Ok(transaction.query(&list, &[&user])?))?;
    let there = rows.iter().any(|r| r.get::<_, i64>(0) == -1);
    let after = median_seconds(200, || Ok(transaction.query(&list, &[&user]).map(|_| ())?))?;
    transaction.rollback()?;
    bench.note(
        "cold-live",
        &format!("a list {:.2} ms, with a new product {:.2} ms, the first after its row {:.2} ms", before * 1e3, after * 1e3, first * 1e3),
    );
    bench.bar("cold-live.listed", f64::from(u8::from(there)), 1.0, Better::More);
    bench.bar("cold-live.time", after / before, LIVE, Better::Less);
    Ok(())
}
