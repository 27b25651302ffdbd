//! `trending`: which products of a grocery chain grow in December, from the events of before.

use crate::bench::{Bench, Better, peak_mb, seconds};
use crate::splits;
use postgres::Client;
use std::collections::HashSet;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many are foreseen.
const K: usize = 50;
/// Draws of the foreseen for the interval of the difference.
const DRAWS: u64 = 10_000;

/// Products that grow in the month that begins with `{month}`: of the households' purchases (a household, a product, a month) of the month the product has 1.5 times
/// the share that it had in the months since it was first sold, or more, and by the binomial test (its z above 2.326, 1 %) not by chance.
const GROWS: &str = "CREATE TABLE grows AS
  WITH bought AS (SELECT DISTINCT date_trunc('month', transaction_timestamp) AS month, household_id, product_id FROM lines
      WHERE transaction_timestamp < date '{month}' + interval '1 month'),
    months AS (SELECT month, product_id, count(*)::float8 AS n FROM bought GROUP BY 1, 2),
    totals AS (SELECT month, sum(n) AS n FROM months GROUP BY 1),
    first AS (SELECT product_id, min(month) AS month, sum(n) FILTER (WHERE month < '{month}') AS past FROM months GROUP BY 1 HAVING min(month) < '{month}'),
    since AS (SELECT a.month, sum(b.n) AS traffic FROM totals a JOIN totals b ON b.month >= a.month AND b.month < '{month}' GROUP BY 1),
    now AS (SELECT m.product_id, f.past, m.n, t.n / (t.n + s.traffic) AS share, t.n / s.traffic AS ratio
      FROM months m JOIN first f USING (product_id) JOIN since s ON s.month = f.month JOIN totals t ON t.month = m.month WHERE m.month = '{month}')
  SELECT product_id FROM now WHERE n >= 1.5 * past * ratio AND (n - 0.5 - (n + past) * share) / sqrt((n + past) * share * (1 - share)) > 2.326";

/// The plain growth: users of the recent window over those of the one before, of products of `{least}` recent users or more, with `{add}` added to both.
const PLAIN: &str = "SELECT product_id FROM (SELECT product_id,
      count(DISTINCT household_id) FILTER (WHERE transaction_timestamp >= date '{month}' - {days}) AS now,
      count(DISTINCT household_id) FILTER (WHERE transaction_timestamp < date '{month}' - {days}) AS before
    FROM lines WHERE transaction_timestamp < '{month}' AND transaction_timestamp >= date '{month}' - 2 * {days} GROUP BY 1) c
  WHERE now >= {least} ORDER BY (now + {add})::float8 / nullif(before + {add}, 0) DESC NULLS FIRST, now DESC, product_id LIMIT 50";

/// The products that a query foresees.
fn foreseen(client: &mut Client, sql: &str) -> Result<Vec<i64>> {
    Ok(client.query(sql, &[])?.iter().map(|r| r.get(0)).collect())
}

fn precision(of: &[i64], grows: &HashSet<i64>) -> f64 {
    of.iter().filter(|p| grows.contains(p)).count() as f64 / K as f64
}

/// The 95 % interval of how far the precision of `own` is above that of `other`, by draws of the products that either has.
fn above(own: &[i64], other: &[i64], grows: &HashSet<i64>) -> (f64, f64) {
    let either: Vec<i64> = own.iter().chain(other.iter().filter(|p| !own.contains(p))).copied().collect();
    let sides: Vec<[f64; 3]> = either
        .iter()
        .map(|p| [own.contains(p), other.contains(p), grows.contains(p)].map(|x| f64::from(u8::from(x))))
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut all: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let (mut hits, mut of) = ([0.0; 2], [0.0; 2]);
            for _ in 0..sides.len() {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let [a, b, grows] = sides[(state >> 11) as usize % sides.len()];
                (hits, of) = ([hits[0] + a * grows, hits[1] + b * grows], [of[0] + a, of[1] + b]);
            }
            hits[0] / of[0].max(1.0) - hits[1] / of[1].max(1.0)
        })
        .collect();
    all.sort_by(f64::total_cmp);
    (all[all.len() / 40], all[all.len() - 1 - all.len() / 40])
}

/// December by what was chosen on earlier months, and these beside it.
pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    if !splits::lines(bench, &mut client)? {
        bench.skip("trending", "it needs all of complete_journey (BENCH_DATA)");
        return Ok(());
    }
    for month in ["2017-09-01", "2017-10-01", "2017-11-01", "2017-12-01"] {
        client.batch_execute(&format!("DROP TABLE IF EXISTS grows; {}", GROWS.replace("{month}", month)))?;
        let grows: HashSet<i64> = client.query("SELECT product_id FROM grows", &[])?.iter().map(|r| r.get(0)).collect();
        let (took, own) = seconds(|| {
            let call = format!("SELECT item_id::bigint FROM affinity.trending('lines', 'product_id', 'transaction_timestamp', 'household_id', k => {K}, as_of => '{month}')");
            foreseen(&mut client, &call)
        })?;
        let mut plain = Vec::new();
        for (days, least, add) in [(14, 1, 0), (14, 1, 1), (14, 5, 1), (30, 1, 0), (30, 1, 1), (30, 5, 1)] {
            let sql = [("{month}", month), ("{days}", &days.to_string()), ("{least}", &least.to_string()), ("{add}", &add.to_string())]
                .iter()
                .fold(PLAIN.to_owned(), |sql, (mark, value)| sql.replace(mark, value));
            let found = foreseen(&mut client, &sql)?;
            let what = format!("{days} days, {least} or more users, {add} added: {:.2}", precision(&found, &grows));
            plain.push((precision(&found, &grows), what, found));
        }
        let said: Vec<&str> = plain.iter().map(|p| p.1.as_str()).collect();
        bench.note("trending", &format!("{month}: {} products grow; ours {:.2} ({took:.2} s); plain growth: {}", grows.len(), precision(&own, &grows), said.join("; ")));
        // The bar is the best of the plain ones, which is chosen with a look at December: in their favour.
        if let (true, Some((bar, _, found))) = (month == "2017-12-01", plain.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))) {
            let (low, high) = above(&own, &found, &grows);
            bench.note("trending", &format!("above plain growth by {:.3} (95 % interval {low:.3} to {high:.3})", precision(&own, &grows) - bar));
            bench.bar("trending.precision", precision(&own, &grows), bar, Better::More);
            bench.none("trending.within-chance", usize::from(low <= 0.0));
        }
    }
    bench.note("trending", &format!("peak memory of the backend {:.0} MB", peak_mb(&mut client)?));
    Ok(())
}
