//! `beauty`: ranked lists of 12,101 items for 22,363 users from live events, by the protocol of ranking.py.

use crate::bench::{Bench, Better, peak_mb, seconds};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// recall@20 (hits / min(20, relevant), here one) and NDCG@20; the best tuned peers reach .109/.051 (ALS, EASE), popularity .022/.008.
const RECALL: f64 = 0.125;
const NDCG: f64 = 0.069;

/// The last item of every user is the test, all earlier ones are training. Defaults of `transition`; what they leave open (how fast a history fades) is
/// chosen on events held out of the training part.
pub fn run(bench: &mut Bench) -> Result<()> {
    let Some(file) = bench.data("amazon_beauty/interactions.csv.gz") else {
        bench.skip("beauty", "the data has no amazon_beauty");
        return Ok(());
    };
    let mut client = bench.client()?;
    client.batch_execute("CREATE TABLE beauty (user_id bigint, item_id bigint, position bigint)")?;
    bench.copy_csv(&mut client, "beauty", &file)?;
    client.batch_execute(
        "CREATE TABLE beauty_test AS SELECT DISTINCT ON (user_id) * FROM beauty ORDER BY user_id, position DESC;
         DELETE FROM beauty b USING beauty_test t WHERE t.user_id = b.user_id AND t.position = b.position;
         DELETE FROM beauty_test WHERE item_id NOT IN (SELECT item_id FROM beauty);
         CREATE INDEX ON beauty (user_id, position); ANALYZE beauty",
    )?;
    let call = "SELECT affinity.train_recommender('beauty', 'beauty', 'transition', time_col => 'position')";
    let (train, _) = seconds(|| Ok(client.batch_execute(call)?))?;
    let (serve, row) = seconds(|| {
        Ok(client.query_one(
            "SELECT avg((r.rank IS NOT NULL)::int)::float8, avg(coalesce(1 / log(2, r.rank + 1), 0))::float8, count(*) FROM beauty_test t
             LEFT JOIN LATERAL (SELECT rank FROM affinity.recommend('beauty', t.user_id, k => 20) l WHERE l.item_id = t.item_id) r ON true",
            &[],
        )?)
    })?;
    bench.bar("beauty.recall", row.get(0), RECALL, Better::More);
    bench.bar("beauty.ndcg", row.get(1), NDCG, Better::More);
    let lists: i64 = row.get(2);
    let each = serve * 1e3 / lists as f64;
    bench.note("beauty", &format!("training {train:.1} s, {each:.2} ms a list, peak memory of the backend {:.0} MB", peak_mb(&mut client)?));
    Ok(())
}
