//! `gan`: products generated after training on Complete Journey's, against held-out ones by products.py's evaluate (gradient boosting tells
//! them apart, and how far columns and pairs are from each other), beside the same figures of real training rows. Nothing but defaults.
//! `gan-step`: a step of the critic and one of the generator of a GAN of 2 × 256 in batches of 256, against torch (gan_step.py): the engine
//! alone, since the peer reads no database either.

use crate::bench::{Bench, Better, Measured, median, seconds};
use pg_affinity::base::{Budget, Context, Pool, Quiet, Rng};
use pg_affinity::dataset::mixed::{Layout, MixedRows};
use pg_affinity::model::gan::{GanSpec, Training};
use postgres::Client;
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The evaluate's AUC; a copula per category has .855.
const AUC: f64 = 0.75;
/// Kolmogorov-Smirnov and joint total variation, as multiples of those of real rows.
const KS: f64 = 1.6;
const JOINT: f64 = 1.4;
/// Seconds of training on two threads.
const SECONDS: f64 = 600.0;
/// How many times faster than torch.
const STEP: f64 = 2.0;
/// The rows of gan_step.py.
const ROWS: usize = 9341;

pub fn run(bench: &mut Bench) -> Result<()> {
    if bench.wants("gan-step") {
        step(bench)?;
    }
    if bench.wants("gan") {
        products(bench)?;
    }
    Ok(())
}

/// Columns of products.py's rows; it writes whole numbers with a point.
const TEXTS: &str = "department text, product_category text, brand text, unit text";
const NUMBERS: [&str; 9] =
    ["size", "lines", "units", "households", "stores", "price", "discount_share", "repeat_share", "weekend_share"];

fn products(bench: &mut Bench) -> Result<()> {
    if bench.data("complete_journey/products.csv.gz").is_none() || !bench.full {
        bench.skip("gan", "the small copy of complete_journey has too few products for the evaluate");
        return Ok(());
    }
    let (Some(rows), Some(floor)) = (bench.peer("products.py", &["rows"], Measured::Quality)?, bench.peer_json("products.py", &["floor"], Measured::Quality)?) else {
        bench.skip("gan", "products.py, which makes the rows, cannot be run");
        return Ok(());
    };
    let mut client = bench.client()?;
    let numbers = NUMBERS.map(|n| format!("{n} double precision")).join(", ");
    client.batch_execute(&format!("SET affinity.threads = 2; CREATE TABLE gan_products ({TEXTS}, {numbers})"))?;
    bench.copy_csv(&mut client, "gan_products", &rows)?;
    let (took, _) = seconds(|| Ok(client.batch_execute("SELECT affinity.train('gan_products', 'gan_products', kind => 'gan', seed => 1)")?))?;
    let path = generated(&mut client)?;
    let Some(own) = bench.peer_json("products.py", &["evaluate", &path], Measured::Quality)? else {
        bench.skip("gan", "the evaluate cannot be run");
        return Ok(());
    };
    let figure = |lines: &[Value], name: &str| {
        lines.first().and_then(|l| l[name].as_f64()).ok_or_else(|| format!("products.py printed no {name}"))
    };
    bench.bar("gan.auc", figure(&own, "auc")?, AUC, Better::Less);
    bench.bar("gan.ks", figure(&own, "ks")?, KS * figure(&floor, "ks")?, Better::Less);
    bench.bar("gan.joint_tv", figure(&own, "joint_tv")?, JOINT * figure(&floor, "joint_tv")?, Better::Less);
    bench.bar("gan.seconds", took, SECONDS, Better::Less);
    let metrics: String = client.query_one("SELECT metrics::text FROM affinity.versions WHERE model = 'gan_products'", &[])?.get(0);
    bench.note("gan", &format!("evaluate {}; real rows {}", own[0], floor[0]));
    bench.note("gan", &format!("own figures on held-out training rows {metrics}"));
    Ok(())
}

/// 4,000 rows as CSV. The file is named by what it holds, since the evaluate's word on a file is kept.
fn generated(client: &mut Client) -> Result<String> {
    let mut csv = Vec::new();
    let query = "COPY (SELECT r.* FROM affinity.generate('gan_products', 4000, seed => 1) g, jsonb_populate_record(NULL::gan_products, g) r)
      TO STDOUT WITH (FORMAT csv, HEADER)";
    client.copy_out(query)?.read_to_end(&mut csv)?;
    let mut hash = DefaultHasher::new();
    csv.hash(&mut hash);
    let path = std::env::temp_dir().join(format!("affinity-gan-{:016x}.csv", hash.finish()));
    fs::write(&path, csv)?;
    Ok(path.to_string_lossy().into_owned())
}

fn step(bench: &mut Bench) -> Result<()> {
    // Both sides get ten seconds; the peer's best and median stretches of ten steps stand against ours.
    let Some(peer) = bench.peer_json("gan_step.py", &[], Measured::Seconds)?.and_then(|l| l.into_iter().next()) else {
        bench.skip("gan-step", "torch cannot be run");
        return Ok(());
    };
    let ms = |name: &str| peer[name].as_f64().ok_or_else(|| format!("gan_step.py printed no {name}"));
    let (theirs, their_best) = (ms("ms")?, ms("best")?);
    let mut rng = Rng::new(1);
    let layout = Layout { numbers: 9, blocks: vec![13, 3, 15], condition: 136 };
    let mut rows = MixedRows::default();
    for _ in 0..ROWS {
        rows.ranks.extend((0..9).map(|_| [rng.uniform_f32(); 2]));
        rows.levels.extend([13, 3, 15].map(|n| rng.below(n) as u32));
        rows.conditions.push(rng.below(136) as u32);
    }
    let spec = GanSpec { critic_steps: 1, ..GanSpec::new(layout) };
    // Two threads, as the peer uses.
    let (pool, budget) = (Pool::new(2)?, Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let mut training = Training::new(&spec, &rows, 1)?;
    let mut ten = || Ok((0..10).try_for_each(|_| training.step(&ctx).map(|_| ()))?);
    (0..3).try_for_each(|_| ten())?;
    let (mut taken, mut all) = (Vec::new(), 0.0);
    while all < 10.0 {
        let (s, ()) = seconds(&mut ten)?;
        taken.push(s * 100.0);
        all += s;
    }
    let best = taken.iter().copied().fold(f64::INFINITY, f64::min);
    let ours = median(taken);
    bench.note("gan-step", &format!("milliseconds, median (best): {ours:.2} ({best:.2}), torch {theirs:.2} ({their_best:.2})"));
    bench.bar("gan-step", theirs / ours, STEP, Better::More);
    Ok(())
}
