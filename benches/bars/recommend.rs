//! `beauty`, `movielens-loo`, `movielens-session`: ranked lists of `auto` from live events, by the protocols of ranking.py; and on beauty's
//! 12,101 items `fit-time`, `ease-fit`, `serve-base`, `serve-auto`, `serve-cold`: how long it takes.
//!
//! All settings are the defaults; what they leave open (which kinds count how much, how fast a history fades) is chosen on events held out
//! of the training part.

use crate::bench::{Bench, Better, Measured, median, median_seconds, peak_mb, seconds};
use crate::splits;
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// recall@20 (hits / min(20, relevant)) and NDCG@20; the best tuned peers reach .109/.051 (ALS, EASE), popularity .022/.008.
const BEAUTY: (f64, f64) = (0.125, 0.069);
/// The same since `sequence` is among what `auto` tries; before, it reached .140/.074.
const BEAUTY_AUTO: (f64, f64) = (0.144, 0.078);
/// EASE reaches .224/.093, popularity .122/.052.
const LOO: (f64, f64) = (0.32, 0.145);
/// EASE reaches .189/.155, item-kNN .168/.161, popularity .167/.151.
const SESSION: (f64, f64) = (0.205, 0.172);

/// The kinds that `auto` tries on beauty.
const BASES: [&str; 9] = ["popularity", "item_knn", "transition", "session_knn", "slist", "ease", "als", "bpr", "sequence"];
/// Seconds of the training of `auto`, and of the slowest of its bases.
const FIT: (f64, f64) = (600.0, 300.0);
/// How many times faster than numpy.
const EASE: f64 = 3.0;
/// Seconds of a list for a user with 50 live events, of the slowest base and of `auto`.
const SERVE: (f64, f64) = (0.003, 0.015);
/// Seconds of the first list of a session, of `ease`: its first statement to its last row.
const COLD: f64 = 0.1;

/// Recall and NDCG of one model, the seconds of its training, and milliseconds of a list.
#[derive(Default)]
struct Figures {
    recall: f64,
    ndcg: f64,
    training: f64,
    list: f64,
}

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    // Two threads, as the peers use.
    client.batch_execute("SET affinity.threads = 2")?;
    let timed = ["fit-time", "ease-fit", "serve-base", "serve-auto", "serve-cold"];
    if ["beauty", "beauty-auto"].iter().any(|n| bench.wants(n)) || timed.iter().any(|n| bench.wants(n)) {
        if splits::beauty(bench, &mut client)? {
            let f = figures(bench, &mut client, "beauty", "beauty", "position", 0)?;
            tell(bench, &mut client, "beauty", &f, BEAUTY)?;
            tell(bench, &mut client, "beauty-auto", &f, BEAUTY_AUTO)?;
            if timed.iter().any(|n| bench.wants(n)) {
                times(bench, &mut client, f.training)?;
            }
        } else {
            for name in ["beauty", "beauty-auto"].into_iter().chain(timed).filter(|n| bench.wants(n)).collect::<Vec<_>>() {
                bench.skip(name, "the data has no amazon_beauty");
            }
        }
    }
    if !bench.wants("movielens-loo") && !bench.wants("movielens-session") {
        return Ok(());
    }
    if !splits::movies(bench, &mut client)? {
        for name in ["movielens-loo", "movielens-session"].into_iter().filter(|n| bench.wants(n)).collect::<Vec<_>>() {
            bench.skip(name, "the data has no movielens_100k");
        }
        return Ok(());
    }
    if bench.wants("movielens-loo") {
        loo(bench, &mut client)?;
    }
    if bench.wants("movielens-session") {
        splits::last_session(&mut client)?;
        let f = figures(bench, &mut client, "movielens-session", "sittings", "timestamp", 0)?;
        tell(bench, &mut client, "movielens-session", &f, SESSION)?
    }
    Ok(())
}

/// How long `auto` (`training` seconds) and each base took to learn beauty, and take for a list.
fn times(bench: &mut Bench, client: &mut Client, training: f64) -> Result<()> {
    // As numpy has it: one inverse, nothing chosen, nothing evaluated.
    let params = r#"{"regularization": 100, "recency": 1000, "holdout": 0}"#;
    let call = format!("SELECT affinity.train_recommender('ease', 'beauty', 'ease', time_col => 'position', params => '{params}')");
    let (ours, _) = seconds(|| Ok(client.batch_execute(&call)?))?;
    let mut fits = Vec::new();
    for kind in BASES {
        let call = format!("SELECT affinity.train_recommender('{kind}_base', 'beauty', '{kind}', time_col => 'position')");
        let (took, _) = seconds(|| Ok(client.batch_execute(&call)?))?;
        fits.push((took, kind));
    }
    bench.note("fit-time", &each(&fits, 1.0, "s"));
    bench.bar("fit-time.auto", training, FIT.0, Better::Less);
    bench.bar("fit-time.base", slowest(&fits), FIT.1, Better::Less);
    let theirs = bench.peer_json("ranking.py", &["beauty", "ease"], Measured::Seconds)?.and_then(|l| l.iter().find_map(|v| v["fit_s"].as_f64()));
    match theirs {
        Some(theirs) => {
            bench.note("ease-fit", &format!("seconds from events to a stored version: {ours:.1}; numpy, from a sparse matrix: {theirs:.1}"));
            bench.bar("ease-fit", theirs / ours, EASE, Better::More);
        }
        None => bench.skip("ease-fit", "ranking.py cannot be run"),
    }
    // A user that no model has seen: only the live events speak.
    client.batch_execute(
        "INSERT INTO beauty SELECT -1, item_id, row_number() OVER () FROM (SELECT DISTINCT item_id FROM beauty) i ORDER BY item_id LIMIT 50",
    )?;
    let mut list = |model: &str| {
        let list = client.prepare(&format!("SELECT item_id FROM affinity.recommend('{model}', $1::bigint, k => 10)"))?;
        let rows = client.query(&list, &[&-1i64])?;
        if rows.len() != 10 {
            return Err(format!("a list of 10 has {} rows", rows.len()).into());
        }
        median_seconds(300, || client.query(&list, &[&-1i64]).map(|_| ()).map_err(Into::into))
    };
    let lists = BASES.into_iter().map(|kind| Ok((list(&format!("{kind}_base"))?, kind))).collect::<Result<Vec<_>>>()?;
    bench.note("serve-base", &each(&lists, 1e3, "ms"));
    bench.bar("serve-base", slowest(&lists), SERVE.0, Better::Less);
    let auto = list("beauty")?;
    bench.bar("serve-auto", auto, SERVE.1, Better::Less);
    let mut cold = Vec::new();
    for _ in 0..21 {
        let mut fresh = bench.client()?;
        let (first, rows) = seconds(|| Ok(fresh.query("SELECT item_id FROM affinity.recommend('ease', -1, k => 10)", &[])?))?;
        if rows.len() != 10 {
            return Err(format!("a list of 10 has {} rows", rows.len()).into());
        }
        cold.push(first);
    }
    bench.bar("serve-cold", median(cold), COLD, Better::Less);
    Ok(())
}

/// What each took, in `unit`, of which a second has `units`.
fn each(taken: &[(f64, &str)], units: f64, unit: &str) -> String {
    taken.iter().map(|(s, kind)| format!("{kind} {:.2} {unit}", s * units)).collect::<Vec<_>>().join(", ")
}

fn slowest(taken: &[(f64, &str)]) -> f64 {
    taken.iter().map(|t| t.0).fold(0.0, f64::max)
}

/// The mean of three orders of the ratings of a second.
fn loo(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let mut mean = Figures::default();
    for seed in 0..3 {
        splits::last_rating(client, seed)?;
        let f = figures(bench, client, "movielens-loo", &format!("loo{seed}"), "place", seed)?;
        mean.recall += f.recall / 3.0;
        mean.ndcg += f.ndcg / 3.0;
        mean.training += f.training / 3.0;
        mean.list += f.list / 3.0;
    }
    tell(bench, client, "movielens-loo", &mean, LOO)
}

/// Trains on `table` and finds what `table`_test holds, of items that training has seen.
fn figures(bench: &Bench, client: &mut Client, name: &str, table: &str, time: &str, seed: i32) -> Result<Figures> {
    let call = format!(
        "SELECT kind, metrics ->> 'auto' FROM affinity.train_recommender('{table}', '{table}', time_col => '{time}', seed => {seed})"
    );
    let (training, row) = seconds(|| Ok(client.query_one(&call, &[])?))?;
    bench.note(name, &format!("{}: {}", row.get::<_, String>(0), row.get::<_, String>(1)));
    let gain = "sum(1 / log(2, rank + 1))::float8";
    let (serving, row) = seconds(|| {
        Ok(client.query_one(
            &format!(
                "SELECT avg(hits / least(20, n)::float8), avg(coalesce(gain, 0) / (SELECT {gain} FROM generate_series(1, least(20, n)) rank)), count(*)
                 FROM (SELECT user_id, array_agg(item_id) AS items, count(*) AS n FROM {table}_test
                   WHERE item_id IN (SELECT item_id FROM {table}) GROUP BY 1) t
                 CROSS JOIN LATERAL (SELECT count(*) AS hits, {gain} AS gain FROM affinity.recommend('{table}', t.user_id, k => 20)
                   WHERE item_id = ANY (t.items)) r"
            ),
            &[],
        )?)
    })?;
    let lists: i64 = row.get(2);
    Ok(Figures { recall: row.get(0), ndcg: row.get(1), training, list: serving * 1e3 / lists as f64 })
}

fn tell(bench: &mut Bench, client: &mut Client, name: &str, f: &Figures, bars: (f64, f64)) -> Result<()> {
    bench.bar(&format!("{name}.recall"), f.recall, bars.0, Better::More);
    bench.bar(&format!("{name}.ndcg"), f.ndcg, bars.1, Better::More);
    let peak = peak_mb(client)?;
    bench.note(name, &format!("training {:.1} s, at most {:.2} ms a list, peak memory of the backend {peak:.0} MB", f.training, f.list));
    Ok(())
}
