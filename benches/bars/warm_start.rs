//! `warm-start`: a nightly refresh that begins from the deployed version, against one that begins anew, on Amazon Beauty with the latest event
//! of a tenth of the users as the night's. Its time as a share, and that it finds no less: their NDCG@20 on each user's next event, with
//! the paired interval.

use crate::bench::{Bench, Better};
use crate::splits;
use postgres::Client;
use std::error::Error;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Kinds that begin from weights; `ease` for one that keeps what was chosen alone, and is no part of the bar.
const KINDS: [&str; 4] = ["als", "bpr", "mult_vae", "ease"];

/// Runs the family.
pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    client.batch_execute("SET affinity.threads = 2")?;
    if !splits::beauty(bench, &mut client)? {
        bench.skip("warm-start", "there is no data");
        return Ok(());
    }
    client.batch_execute(
        "CREATE TABLE night AS SELECT DISTINCT ON (user_id) * FROM beauty WHERE user_id % 10 = 3 ORDER BY user_id, position DESC;
         DELETE FROM beauty b USING night n WHERE n.user_id = b.user_id AND n.position = b.position",
    )?;
    for kind in KINDS {
        for model in ["warm", "fresh"] {
            client.batch_execute(&format!("SELECT affinity.train_recommender('{model} {kind}', 'beauty', '{kind}', time_col => 'position')"))?;
        }
    }
    client.batch_execute("INSERT INTO beauty SELECT * FROM night; ANALYZE beauty")?;
    for kind in KINDS {
        let fresh = refresh(&mut client, &format!("'fresh {kind}', deploy => 'always'"))?;
        let warm = refresh(&mut client, &format!("'warm {kind}', deploy => 'always', warm_start => true"))?;
        let row = client.query_one(
            "SELECT value, above, above_low, above_high, (SELECT value FROM affinity.compare($1, 'beauty_test', 20) WHERE metric = 'ndcg' AND above IS NULL)
             FROM affinity.compare($1, 'beauty_test', 20) WHERE metric = 'ndcg' AND above IS NOT NULL",
            &[&vec![format!("fresh {kind}"), format!("warm {kind}")]],
        )?;
        let (value, above, low, high, anew): (f64, f64, f64, f64, f64) = (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        bench.note(
            "warm-start",
            &format!("{kind}: {warm:.2} s for {fresh:.2} s anew; NDCG@20 {value:.4} for {anew:.4}, {above:+.4} ({low:+.4} to {high:+.4})"),
        );
        if kind != "ease" {
            bench.bar(&format!("warm-start.{kind}"), warm / fresh, 0.3, Better::Less);
            bench.none(&format!("warm-start.{kind}_finds_less"), usize::from(high < 0.0));
        }
    }
    Ok(())
}

fn refresh(client: &mut Client, arguments: &str) -> Result<f64> {
    let start = Instant::now();
    client.batch_execute(&format!("CALL affinity.refresh({arguments})"))?;
    Ok(start.elapsed().as_secs_f64())
}
