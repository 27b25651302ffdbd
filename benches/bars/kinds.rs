//! `auto-best`: `auto` against each kind alone, with its defaults, on the same users of each data set.
//!
//! `affinity.compare` gives how far a kind's NDCG@20 is above `auto`'s, with a paired 95 % interval by bootstrap over users. `auto` is not
//! worse where the interval reaches below 0. The figure of a data set is `auto`'s NDCG over the least that the best kind has beyond chance:
//! 1 or more is good.

use crate::bench::{Bench, Better};
use crate::splits;
use pg_affinity::model::kinds::KINDS;
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Users times items up to which networks are trained alone, as they are by `auto`: beyond, they take minutes.
const LARGE: i64 = 6_000_000;

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    client.batch_execute("SET affinity.threads = 2")?;
    let mut made = Vec::new();
    if splits::beauty(bench, &mut client)? {
        made.push(("beauty", "position", ""));
    }
    if splits::movies(bench, &mut client)? {
        splits::last_rating(&mut client, 0)?;
        splits::last_session(&mut client)?;
        made.extend([("loo0", "place", ""), ("sittings", "timestamp", "")]);
    }
    if splits::journey(bench, &mut client)? {
        made.push(("journey", "at", ", items => 'products'"));
    }
    for (table, time, items) in &made {
        against_each(bench, &mut client, table, time, items)?
    }
    if made.is_empty() {
        bench.skip("auto-best", "there is no data")
    }
    Ok(())
}

fn against_each(bench: &mut Bench, client: &mut Client, table: &str, time: &str, items: &str) -> Result<()> {
    let size: i64 = client.query_one(&format!("SELECT count(DISTINCT user_id) * count(DISTINCT item_id) FROM {table}"), &[])?.get(0);
    client.batch_execute(&format!("SELECT affinity.train_recommender('{table}_auto', '{table}', 'auto', time_col => '{time}'{items})"))?;
    let mut models = vec![format!("{table}_auto")];
    let alone = KINDS.iter().filter(|k| k.auto.is_some() && (!k.tunes || size <= LARGE));
    for kind in alone.map(|k| k.name) {
        client.batch_execute(&format!("SELECT affinity.train_recommender('{table}_{kind}', '{table}', '{kind}', time_col => '{time}')"))?;
        models.push(format!("{table}_{kind}"));
    }
    let rows = client.query(
        &format!(
            "SELECT replace(model, '{table}_', ''), value, above, above_low, above_high FROM affinity.compare($1, '{table}_test', 20)
             WHERE metric = 'ndcg' ORDER BY value DESC"
        ),
        &[&models],
    )?;
    let (mut auto, mut least) = (None, f64::NEG_INFINITY);
    for row in &rows {
        let (kind, value): (String, f64) = (row.get(0), row.get(1));
        match (row.get::<_, Option<f64>>(2), row.get::<_, Option<f64>>(3), row.get::<_, Option<f64>>(4)) {
            (Some(above), Some(low), Some(high)) if kind != "auto" => {
                bench.note("auto-best", &format!("{table}: {kind} {value:.4}, above auto by {above:+.4} ({low:+.4} to {high:+.4})"));
                least = least.max(low);
            }
            _ => {
                bench.note("auto-best", &format!("{table}: {kind} {value:.4}"));
                auto = Some(value);
            }
        }
    }
    let auto = auto.ok_or("compare has no row of auto")?;
    bench.bar(&format!("auto-best.{table}"), auto / (auto + least), 1.0, Better::More);
    Ok(())
}
