//! `als-epoch`, `bpr-epoch`: an epoch on beauty's training part at the same factors and threads as `implicit`; and, in notes, how good the
//! lists are.

use crate::bench::{Bench, Better, Measured, peak_mb, seconds};
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Of a user's or item's vector, on both sides.
const FACTORS: u32 = 128;
/// How many times faster than implicit: level.
const EPOCH: f64 = 1.0;

pub fn run(bench: &mut Bench) -> Result<()> {
    let wanted: Vec<&str> = ["als", "bpr"].into_iter().filter(|kind| bench.wants(&format!("{kind}-epoch"))).collect();
    let Some(file) = bench.data("amazon_beauty/interactions.csv.gz") else {
        wanted.iter().for_each(|kind| bench.skip(&format!("{kind}-epoch"), "the data has no amazon_beauty"));
        return Ok(());
    };
    let mut client = bench.client()?;
    // Two threads, as the peer uses.
    client.batch_execute("SET affinity.threads = 2; CREATE TABLE bought (user_id bigint, item_id bigint, position bigint)")?;
    bench.copy_csv(&mut client, "bought", &file)?;
    // The last item of every user is the test, all earlier ones are training (ranking.py).
    client.batch_execute(
        "CREATE TABLE bought_last AS SELECT DISTINCT ON (user_id) * FROM bought ORDER BY user_id, position DESC;
         DELETE FROM bought b USING bought_last t WHERE t.user_id = b.user_id AND t.position = b.position;
         CREATE INDEX ON bought (user_id); ANALYZE bought",
    )?;
    let theirs = bench.peer_json("factors.py", &[&FACTORS.to_string()], Measured::Seconds)?;
    for kind in wanted {
        let name = format!("{kind}-epoch");
        let params = format!(r#"{{"factors": {FACTORS}, "epochs": 12, "holdout": 0, "recency": 20}}"#);
        let call = format!("SELECT affinity.train_recommender('{kind}', 'bought', '{kind}', time_col => 'position', params => '{params}')");
        client.batch_execute(&call)?;
        // The best epoch, as factors.py takes it.
        let ours: f64 = client.query_one("SELECT min(seconds) FROM affinity.epochs WHERE model = $1", &[&kind])?.get(0);
        let peer = theirs.iter().flatten().find(|l| l["method"] == kind).and_then(|l| l["sec_per_epoch"].as_f64());
        match peer {
            Some(peer) => {
                bench.note(&name, &format!("seconds of an epoch with {FACTORS} factors: {ours:.4}, implicit {peer:.4}"));
                bench.bar(&name, peer / ours, EPOCH, Better::More);
            }
            None => bench.skip(&name, "implicit cannot be run"),
        }
        lists(bench, &mut client, kind, &name)?;
    }
    Ok(())
}

/// The defaults' lists on the test items, all that they leave open chosen on events held out of the training part.
fn lists(bench: &mut Bench, client: &mut Client, kind: &str, name: &str) -> Result<()> {
    let call = format!("SELECT affinity.train_recommender('{kind}_lists', 'bought', '{kind}', time_col => 'position')");
    let (took, _) = seconds(|| Ok(client.batch_execute(&call)?))?;
    let row = client.query_one(
        &format!(
            "SELECT avg((r.rank IS NOT NULL)::int)::float8, avg(coalesce(1 / log(2, r.rank + 1), 0))::float8
             FROM (SELECT user_id, item_id FROM bought_last WHERE item_id IN (SELECT item_id FROM bought)) t
             LEFT JOIN LATERAL (SELECT rank FROM affinity.recommend('{kind}_lists', t.user_id, k => 20) l WHERE l.item_id = t.item_id) r ON true"
        ),
        &[],
    )?;
    let (recall, ndcg): (f64, f64) = (row.get(0), row.get(1));
    bench.note(
        name,
        &format!("recall@20 / NDCG@20 {recall:.4} / {ndcg:.4}, trained in {took:.1} s, peak memory of the backend {:.0} MB", peak_mb(client)?),
    );
    Ok(())
}
