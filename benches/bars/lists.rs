//! `top-k`: the ten best of a million items for one user, against reading the items' vectors once with the same threads; `recommend-all`:
//! lists for everyone against the rate of the matrix product that they are, users' side included; and, in a note, what the way through SQL
//! adds.

use crate::bench::{Bench, Better, median, peak_mb, seconds};
use half::f16;
use pg_affinity::base::{Budget, Context, Pool, Quiet, Rng};
use pg_affinity::dataset::{Column, EventColumns, Frame, IdKind, Interactions, Values};
use pg_affinity::kernel::dense::Product;
use pg_affinity::kernel::{product_blocked, sum};
use pg_affinity::model::factors::{Factors, Rule};
use pg_affinity::model::products::Wish;
use pg_affinity::serve::batch::{Asked, lists};
use pg_affinity::serve::recommender::Recommender;
use pg_affinity::train::recommender;
use pg_affinity::train::recommender_params::Request;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Threads of both sides.
const THREADS: usize = 2;
/// Numbers of a vector.
const WIDTH: usize = 64;
/// Items of `top-k`.
const MANY: usize = 1_000_000;
/// How much longer than reading once.
const TOP: f64 = 1.5;
/// Users and items of `recommend-all`, and events of a user.
const USERS: usize = 100_000;
const ITEMS: usize = 20_000;
const EVENTS: usize = 10;
/// The share of the product's rate.
const ALL: f64 = 0.6;
/// Users of a batch, as the extension takes them.
const BATCH: usize = 4096;
/// Kinds whose scores are products, by their bars, with the numbers of a vector and how many users lists are made for.
const KINDS: [(&str, &str, &str, usize, usize); 2] =
    [("recommend-all", "als", PARAMS, WIDTH, USERS), ("recommend-all.mult_vae", "mult_vae", NETWORK, 600, 20_000)];
const NETWORK: &str = r#"{"hidden": 600, "epochs": 1, "softmax": "sampled", "sampled": 512, "recency": 20, "holdout": 0, "refit": false}"#;
const PARAMS: &str = r#"{"factors": 64, "epochs": 1, "regularization": 0.001, "recency": 20, "holdout": 0, "refit": false}"#;

pub fn run(bench: &mut Bench) -> Result<()> {
    let (pool, budget) = (Pool::new(THREADS)?, Budget::unlimited());
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    if bench.wants("top-k") {
        top(bench, &ctx)?;
    }
    if bench.wants("recommend-all") {
        everyone(bench, &ctx)?;
    }
    Ok(())
}

fn top(bench: &mut Bench, ctx: &Context) -> Result<()> {
    let mut rng = Rng::new(1);
    let vectors: Vec<f32> = (0..MANY * WIDTH).map(|_| rng.normal() as f32).collect();
    let rule = Rule::Pointwise { unobserved: 0.1, regularization: 0.1, scaling: 1.0 };
    let factors = Factors::new(vectors, WIDTH, rule, 1.0, 20.0, ctx)?;
    let user: Vec<f32> = (0..WIDTH).map(|_| rng.normal() as f32).collect();
    let popularity: Vec<f32> = (0..MANY).map(|_| rng.below(100) as f32).collect();
    // As many bytes as the vectors have, in parts as they are read there.
    let bytes: Vec<f32> = vec![1.0; MANY * WIDTH * size_of::<f16>() / size_of::<f32>()];
    let part = bytes.len().div_ceil(16);
    let (mut ours, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..31 {
        let (took, list) = seconds(|| Ok(factors.best(Wish { vector: &user, left_out: &[] }, 10, &popularity, ctx)?))?;
        ours.push(took);
        black_box(list);
        let mut sums: Vec<(&[f32], f32)> = bytes.chunks(part).map(|b| (b, 0.0)).collect();
        let (took, ()) = seconds(|| {
            ctx.pool.each_mut(&mut sums, |_, (b, s)| *s = sum(b));
            Ok(())
        })?;
        reads.push(took);
        black_box(sums);
    }
    let (ours, read) = (median(ours), median(reads));
    let rate = (MANY * WIDTH * size_of::<f16>()) as f64 / 1e9;
    bench.note("top-k", &format!("{:.2} ms, reading {:.2} ms ({:.1} GB/s)", ours * 1e3, read * 1e3, rate / read));
    bench.bar("top-k", ours / read, TOP, Better::Less);
    Ok(())
}

/// Events of all users on items of which few are popular: (user, item).
fn events() -> (Vec<u32>, Vec<u32>) {
    let mut rng = Rng::new(2);
    // Zipf's law with the exponent 1: the item of rank r is drawn with a chance of 1 / r.
    let rank = |rng: &mut Rng| ((ITEMS as f64).powf(rng.uniform()) as usize - 1).min(ITEMS - 1);
    // Popular items stand anywhere: 7919 and ITEMS have no common divisor.
    let item = |rng: &mut Rng| (rank(rng) * 7919 % ITEMS) as u32;
    (0..USERS as u32).flat_map(|u| (0..EVENTS).map(move |_| u)).map(|u| (u, item(&mut rng))).unzip()
}

fn everyone(bench: &mut Bench, ctx: &Context) -> Result<()> {
    let (users, mut items) = events();
    // Every item occurs.
    (0..ITEMS).for_each(|i| items[i * EVENTS] = i as u32);
    let levels = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let column = |name: &str, codes: &[u32], n: usize| Column {
        name: name.into(),
        values: Values::Category { codes: codes.to_vec(), levels: levels(n) },
    };
    let frame = Frame::new(vec![column("u", &users, USERS), column("i", &items, ITEMS)])?;
    let columns = EventColumns { user: "u".into(), item: "i".into(), ..EventColumns::default() };
    let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)?;
    for (bar, kind, params, width, some) in KINDS {
        let trained = recommender::fit(&data, &Request::new(kind, &serde_json::from_str(params)?)?, 0, None, ctx)?;
        let model = Recommender::load(&trained.state, &trained.tensors)?;
        let rate = share(bench, (kind, &model, width), &data, some, ctx)?;
        bench.bar(bar, rate, ALL, Better::More);
    }
    sql(bench, &users, &items)
}

/// The rate at which lists are made of the first `users`, as a share of that of the product.
fn share(
    bench: &Bench,
    (kind, model, width): (&str, &Recommender, usize),
    data: &Interactions,
    users: usize,
    ctx: &Context,
) -> Result<f64> {
    let mut shares = Vec::new();
    for _ in 0..3 {
        let rate = gemm(width, ctx);
        let start = Instant::now();
        let mut entries = 0;
        for first in (0..users as u32).step_by(BATCH) {
            let asked = |u: u32| {
                let events = data.history(u).to_vec();
                Asked { user: data.users.id(u), seen: events.iter().map(|e| e.item).collect(), any: true, events }
            };
            let mut batch: Vec<Asked> = (first..(first + BATCH as u32).min(users as u32)).map(asked).collect();
            entries += lists(model, &mut batch, 10, true, 0, ctx)?.iter().map(|l| l.items.len()).sum::<usize>();
        }
        let took = start.elapsed().as_secs_f64();
        if entries != users * 10 {
            return Err(format!("{entries} entries of lists").into());
        }
        let ours = 2.0 * (users * ITEMS * width) as f64 / took;
        bench.note("recommend-all", &format!("{kind}: {took:.2} s, {:.0} GFLOP/s; the product alone {:.0}", ours / 1e9, rate / 1e9));
        shares.push(ours / rate);
    }
    Ok(median(shares))
}

/// Operations a second of the product of users' and items' vectors by the blocked kernel, its result written block by block into the same
/// memory; the best of several sizes of a block.
fn gemm(width: usize, ctx: &Context) -> f64 {
    const SOME: usize = 4096;
    let mut rng = Rng::new(3);
    let users: Vec<f32> = (0..SOME * width).map(|_| rng.normal() as f32).collect();
    let items: Vec<f32> = (0..ITEMS * width).map(|_| rng.normal() as f32).collect();
    let mut best = 0.0f64;
    for (m, n) in [(256, 256), (256, 1024), (512, 2048), (1024, ITEMS)] {
        for _ in 0..3 {
            let mut blocks: Vec<&[f32]> = users.chunks(m * width).collect();
            let start = Instant::now();
            ctx.pool.each_mut(&mut blocks, |_, users| {
                let mut c = vec![0.0; m * n];
                for items in items.chunks(n * width) {
                    let columns = items.len() / width;
                    let p = Product { b_row: 1, ..Product::new(users.len() / width, columns, width, users, items) };
                    product_blocked(&p, width, &mut c);
                }
                black_box(&c);
            });
            best = best.max(2.0 * (SOME * ITEMS * width) as f64 / start.elapsed().as_secs_f64());
        }
    }
    best
}

/// The same lists from a table.
fn sql(bench: &mut Bench, users: &[u32], items: &[u32]) -> Result<()> {
    let mut client = bench.client()?;
    client.batch_execute(&format!("SET affinity.threads = {THREADS}; CREATE TABLE everyone (user_id int, item_id int)"))?;
    let mut writer = client.copy_in("COPY everyone FROM STDIN")?;
    for (u, i) in users.iter().zip(items) {
        std::io::Write::write_all(&mut writer, format!("{u}\t{i}\n").as_bytes())?;
    }
    writer.finish()?;
    client.batch_execute("CREATE INDEX ON everyone (user_id, item_id); ANALYZE everyone")?;
    client.execute("SELECT affinity.train_recommender('everyone', 'everyone', 'als', params => $1::text::jsonb)", &[&PARAMS])?;
    let mut fresh = bench.client()?;
    fresh.batch_execute(&format!("SET affinity.threads = {THREADS}; SELECT affinity.recommend('everyone', 1)"))?;
    let before = peak_mb(&mut fresh)?;
    let (took, row) = seconds(|| Ok(fresh.query_one("SELECT count(*) FROM affinity.recommend_all('everyone', 10)", &[])?))?;
    let after = peak_mb(&mut fresh)?;
    let (reading, _) = seconds(|| Ok(fresh.query_one("SELECT count(*) FROM (SELECT * FROM everyone ORDER BY user_id OFFSET 0) e", &[])?))?;
    let rows: i64 = row.get(0);
    bench.note(
        "recommend-all",
        &format!(
            "through SQL {took:.2} s for {rows} rows (reading the events in order alone: {reading:.2} s), peak memory {before:.0} MB before, {after:.0} MB after"
        ),
    );
    Ok(())
}
