//! `new-items`: which of the products of a grocery chain that are new at a moment its households will buy, from the events of before.

use crate::bench::{Bench, Better, seconds};
use crate::splits;
use postgres::Client;
use std::collections::HashMap;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Products of a list.
const K: i64 = 20;
/// Moments after all on which anything was chosen; each looks 30 days ahead.
const MOMENTS: [&str; 5] = ["2017-11-03", "2017-11-10", "2017-11-17", "2017-11-24", "2017-12-01"];

/// What stands in the place of an order by itself: of products new in 30 days `n` households in `age` days.
const PLAIN: [(&str, &str); 4] =
    [("the newest", "-age"), ("households", "n"), ("households a day", "n / age"), ("households after the first a day", "(n - 1) / age")];

fn list(client: &mut Client, sql: &str) -> Result<Vec<i64>> {
    Ok(client.query(sql, &[])?.iter().map(|r| r.get(0)).collect())
}

/// NDCG@20 with a product's later households as its gain.
fn ndcg(list: &[i64], later: &HashMap<i64, i64>) -> f64 {
    let discounted = |gains: &[i64]| gains.iter().zip(2u32..).map(|(g, p)| *g as f64 / f64::from(p).log2()).sum::<f64>();
    let mut best: Vec<i64> = later.values().copied().collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    best.truncate(K as usize);
    discounted(&list.iter().map(|i| later.get(i).copied().unwrap_or(0)).collect::<Vec<_>>()) / discounted(&best).max(1.0)
}

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    if !splits::lines(bench, &mut client)? {
        bench.skip("new-items", "it needs all of complete_journey (BENCH_DATA)");
        return Ok(());
    }
    let (mut own, mut plain, mut took) = (0.0, [0.0; PLAIN.len()], 0.0);
    for moment in MOMENTS {
        client.batch_execute(&format!(
            "DROP TABLE IF EXISTS fresh;
             CREATE TABLE fresh AS SELECT product_id, count(DISTINCT household_id) FILTER (WHERE transaction_timestamp <= '{moment}')::float8 AS n,
               extract(epoch FROM '{moment}' - min(transaction_timestamp))::float8 / 86400 AS age,
               count(DISTINCT household_id) FILTER (WHERE transaction_timestamp > '{moment}') AS later
             FROM lines WHERE transaction_timestamp <= date '{moment}' + 30 GROUP BY 1
             HAVING min(transaction_timestamp) > date '{moment}' - 30 AND min(transaction_timestamp) < '{moment}'"
        ))?;
        let later: HashMap<i64, i64> =
            client.query("SELECT product_id, later FROM fresh", &[])?.iter().map(|r| (r.get(0), r.get(1))).collect();
        let call = format!(
            "SELECT item_id::bigint FROM affinity.new_items('lines', 'product_id', 'transaction_timestamp', 'household_id', k => {K}, recent => '30 days', as_of => '{moment}')"
        );
        let (time, found) = seconds(|| list(&mut client, &call))?;
        took += time / MOMENTS.len() as f64;
        own += ndcg(&found, &later) / MOMENTS.len() as f64;
        for (sum, (_, order)) in plain.iter_mut().zip(PLAIN) {
            let found = list(&mut client, &format!("SELECT product_id FROM fresh ORDER BY {order} DESC, n DESC, product_id LIMIT {K}"))?;
            *sum += ndcg(&found, &later) / MOMENTS.len() as f64;
        }
    }
    let said: Vec<String> = PLAIN.iter().zip(plain).map(|((what, _), figure)| format!("{what} {figure:.3}")).collect();
    bench.note("new-items", &format!("NDCG@20 {own:.3} ({took:.2} s), by {}", said.join(", ")));
    bench.bar("new-items.ndcg", own, plain.into_iter().fold(0.0, f64::max), Better::More);
    Ok(())
}
