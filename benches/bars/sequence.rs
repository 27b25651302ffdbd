//! `sequence`, `gru`, `cnn`: what comes next on beauty, each encoder alone at its defaults, by the protocol of ranking.py; `sequence-epoch`: an
//! epoch of sasrec.py's network in its batches against torch; `sequence-serve`: a list from 50 live events.

use crate::bench::{Bench, Better, Measured, median_seconds, peak_mb, seconds};
use crate::splits;
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// recall@20, NDCG@20, recall@10 (here the hit rate) and NDCG@10 of the transformer, the mean of three seeds.
const TRANSFORMER: [f64; 4] = [0.130, 0.066, 0.092, 0.053];
/// recall@20 and NDCG@20 of EASE (ranking.py).
const EASE: [f64; 2] = [0.108, 0.051];
/// How many times faster than torch.
const EPOCH: f64 = 2.0;
/// Seconds of a list from 50 live events over 12,101 items.
const SERVE: f64 = 0.003;

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    // Two threads, as the peers use.
    client.batch_execute("SET affinity.threads = 2")?;
    if !splits::beauty(bench, &mut client)? {
        let names = ["sequence", "gru", "cnn", "sequence-epoch", "sequence-serve"];
        names.into_iter().filter(|n| bench.wants(n)).collect::<Vec<_>>().iter().for_each(|n| bench.skip(n, "the data has no amazon_beauty"));
        return Ok(());
    }
    if bench.wants("sequence") {
        let mut mean = [0.0; 4];
        for seed in 0..3 {
            let figures = figures(bench, &mut client, "sequence", "transformer", seed)?;
            mean.iter_mut().zip(figures).for_each(|(m, f)| *m += f / 3.0);
        }
        for ((name, figure), bar) in ["recall", "ndcg", "recall10", "ndcg10"].iter().zip(mean).zip(TRANSFORMER) {
            bench.bar(&format!("sequence.{name}"), figure, bar, Better::More);
        }
    }
    for encoder in ["gru", "cnn"] {
        if bench.wants(encoder) {
            let figures = figures(bench, &mut client, encoder, encoder, 0)?;
            for ((name, figure), bar) in ["recall", "ndcg"].iter().zip(figures).zip(EASE) {
                bench.bar(&format!("{encoder}.{name}"), figure, bar, Better::More);
            }
        }
    }
    if bench.wants("sequence-epoch") || bench.wants("sequence-serve") {
        speed(bench, &mut client)?;
    }
    Ok(())
}

/// recall@20, NDCG@20, and the same at 10, of a network that is trained at its defaults.
fn figures(bench: &mut Bench, client: &mut Client, name: &str, encoder: &str, seed: i32) -> Result<[f64; 4]> {
    let params = format!(r#"{{"encoder": "{encoder}"}}"#);
    let call = format!(
        "SELECT metrics::text FROM affinity.train_recommender('{encoder}', 'beauty', 'sequence', time_col => 'position', params => '{params}',
           seed => {seed}, deploy => 'always')"
    );
    let (training, row) = seconds(|| Ok(client.query_one(&call, &[])?))?;
    let epochs: i64 = client.query_one(&format!("SELECT max(epoch)::bigint FROM affinity.epochs WHERE model = '{encoder}'"), &[])?.get(0);
    let gain = |k: i32| format!("coalesce(avg(CASE WHEN rank <= {k} THEN 1 / log(2, rank + 1) ELSE 0 END), 0)::float8");
    let found = |k: i32| format!("avg((coalesce(rank, 99) <= {k})::int)::float8");
    let row_of = client.query_one(
        &format!(
            "SELECT {}, {}, {}, {} FROM (SELECT * FROM beauty_test WHERE item_id IN (SELECT item_id FROM beauty)) t
             LEFT JOIN LATERAL (SELECT rank FROM affinity.recommend('{encoder}', t.user_id, k => 20) l WHERE l.item_id = t.item_id) r ON true",
            found(20),
            gain(20),
            found(10),
            gain(10)
        ),
        &[],
    )?;
    let figures = [0, 1, 2, 3].map(|i| row_of.get::<_, f64>(i));
    bench.note(
        name,
        &format!("{encoder}, seed {seed}: {training:.0} s, {epochs} epochs in the curve, {figures:.4?}; {}", row.get::<_, String>(0)),
    );
    Ok(figures)
}

/// An epoch of sasrec.py's network, and lists from it.
fn speed(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let params = r#"{"width": 64, "length": 50, "heads": 2, "blocks": 1, "dropout": 0.3, "sampled": 2048, "batch": 128, "learning_rate": 0.003, "epochs": 3, "holdout": 0}"#;
    client.batch_execute(&format!(
        "SELECT affinity.train_recommender('sasrec', 'beauty', 'sequence', time_col => 'position', params => '{params}', deploy => 'always')"
    ))?;
    // The median epoch, as sasrec.py takes it.
    let median = "percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)";
    let ours: f64 = client.query_one(&format!("SELECT {median} FROM affinity.epochs WHERE model = 'sasrec'"), &[])?.get(0);
    bench.note("sequence-epoch", &format!("peak memory of the backend {:.0} MB", peak_mb(client)?));
    if bench.wants("sequence-epoch") {
        match bench.peer_json("sasrec.py", &["3", "2"], Measured::Seconds)?.and_then(|l| l.first().and_then(|v| v["sec_per_epoch"].as_f64())) {
            Some(theirs) => {
                bench.note("sequence-epoch", &format!("seconds of an epoch: {ours:.3}, torch {theirs:.3}"));
                bench.bar("sequence-epoch", theirs / ours, EPOCH, Better::More);
            }
            None => bench.skip("sequence-epoch", "torch cannot be run"),
        }
    }
    if bench.wants("sequence-serve") {
        // A user that the model has never seen: only the live events speak.
        client.batch_execute(
            "INSERT INTO beauty SELECT -1, item_id, row_number() OVER () FROM (SELECT DISTINCT item_id FROM beauty) i ORDER BY item_id LIMIT 50",
        )?;
        let list = client.prepare("SELECT item_id FROM affinity.recommend('sasrec', $1::bigint, k => 10)")?;
        let rows = client.query(&list, &[&-1i64])?;
        if rows.len() != 10 {
            return Err(format!("a list of 10 has {} rows", rows.len()).into());
        }
        let warm = median_seconds(300, || client.query(&list, &[&-1i64]).map(|_| ()).map_err(Into::into))?;
        bench.bar("sequence-serve", warm, SERVE, Better::Less);
    }
    Ok(())
}
