//! `autoencoder`, `encode-neighbours` and `encode-row`: products as a few numbers, by products.py's protocols (every tenth product_id 0 and
//! 1 is test, 2 is validation, the rest teaches), and what it costs to encode a row. Settings were chosen on the validation products.

use crate::bench::{Bench, Better, Measured, median, peak_mb, seconds};
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// PCA of 16 numbers reaches .823/.149/.192 at the weight that favours the categories (products.py reconstruct).
const RECONSTRUCT: [f64; 3] = [0.85, 0.85, 0.75];
/// PCA reaches .165 at best, one-hot rows .437 (products.py neighbours).
const NEIGHBOURS: f64 = 0.33;
/// Microseconds a row beyond building it.
const ROW: f64 = 2.0;
/// Rows of the table that is encoded.
const ROWS: u32 = 1_000_000;
/// Columns of it.
const COLUMNS: u32 = 40;

/// The columns of products.py's table, with its standardised numbers; those in LOGGED are logarithms.
const NUMBERS: [&str; 23] = [
    "lines", "units", "spend", "price", "discount_share", "coupon", "households", "stores", "repeat_share", "size", "weekday_0", "weekday_1",
    "weekday_2", "weekday_3", "weekday_4", "weekday_5", "weekday_6", "daypart_0", "daypart_1", "daypart_2", "daypart_3",
    "daypart_4", "daypart_5",
];
const LOGGED: [&str; 8] = ["lines", "units", "spend", "price", "coupon", "households", "stores", "size"];
const CATEGORIES: [&str; 5] = ["department", "product_category", "product_type", "brand", "unit"];
/// What `encode-neighbours` reads in place of category and type.
const OTHERS: [&str; 5] = ["department", "brand", "unit", "manufacturer_id", "package_size"];

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    client.batch_execute("SET affinity.threads = 2")?;
    if bench.wants("encode-row") {
        row(bench, &mut client)?
    }
    let wanted: Vec<_> = ["autoencoder", "encode-neighbours"].into_iter().filter(|n| bench.wants(n)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let table = if bench.full { bench.peer("products.py", &["table"], Measured::Quality)? } else { None };
    let Some(table) = table else {
        wanted.into_iter().for_each(|n| bench.skip(n, "products.py cannot make its table here, or the data are a cut"));
        return Ok(());
    };
    prepare(bench, &mut client, &table)?;
    if bench.wants("autoencoder") {
        reconstruct(bench, &mut client)?
    }
    if bench.wants("encode-neighbours") {
        neighbours(bench, &mut client)?
    }
    Ok(())
}

fn numbers() -> impl Iterator<Item = &'static str> {
    NUMBERS.into_iter()
}

/// The script's `standardised` and `codes`, in SQL: fitted on the products that teach.
fn prepare(bench: &Bench, client: &mut Client, csv: &std::path::Path) -> Result<()> {
    let header = std::fs::read_to_string(csv)?.lines().next().unwrap_or_default().to_string();
    let typ = |c: &str| match c {
        "product_id" => "bigint",
        c if numbers().any(|n| n == c) => "float8",
        _ => "text",
    };
    let columns = |f: &dyn Fn(&str) -> String| header.split(',').map(f).collect::<Vec<_>>().join(", ");
    client.batch_execute(&format!("CREATE TABLE products ({})", columns(&|c| format!("{c} {}", typ(c)))))?;
    bench.copy_csv(client, &format!("products ({header})"), csv)?;
    let list = |f: &dyn Fn(&str) -> String| numbers().map(f).collect::<Vec<_>>().join(", ");
    let value = |c: &str| if LOGGED.contains(&c) { format!("ln(greatest({c}, .01))") } else { c.to_owned() };
    let kinds: Vec<&str> = CATEGORIES.into_iter().chain(["manufacturer_id", "package_size"]).collect();
    let own = |c: &str| format!("CASE WHEN count(*) FILTER (WHERE teaches) OVER (PARTITION BY {c}) >= 5 THEN {c} ELSE '~other' END AS {c}");
    client.batch_execute(&format!(
        "CREATE TABLE logs AS SELECT product_id, product_id % 10 AS fold, product_id % 10 > 2 AS teaches, {}, {} FROM products;
         CREATE TABLE middles AS SELECT {} FROM logs WHERE teaches;
         CREATE TABLE filled AS SELECT product_id, fold, teaches, {}, {} FROM logs, middles m;
         CREATE TABLE scales AS SELECT {}, {} FROM filled WHERE teaches;
         CREATE TABLE prepared AS SELECT product_id, fold, {}, {} FROM filled f, scales s",
        list(&|c| format!("{} AS {c}", value(c))),
        kinds.join(", "),
        list(&|c| format!("percentile_cont(.5) WITHIN GROUP (ORDER BY {c}) AS {c}")),
        list(&|c| format!("coalesce(logs.{c}, m.{c}) AS {c}")),
        kinds.iter().map(|c| own(c)).collect::<Vec<_>>().join(", "),
        list(&|c| format!("avg({c}) AS m_{c}")),
        list(&|c| format!("stddev_samp({c}) AS d_{c}")),
        list(&|c| format!("least(6, greatest(-6, (f.{c} - m_{c}) / d_{c})) AS {c}")),
        kinds.join(", "),
    ))?;
    let inputs = |kinds: &[&str]| format!("{}, {}", NUMBERS.join(", "), kinds.join(", "));
    client.batch_execute(&format!(
        "CREATE VIEW whole AS SELECT {} FROM prepared WHERE fold > 2; CREATE VIEW hidden AS SELECT {} FROM prepared WHERE fold > 2; ANALYZE",
        inputs(&CATEGORIES),
        inputs(&OTHERS)
    ))?;
    Ok(())
}

/// What both trainings have in common: all rows that teach do, none is held out; numbers are scaled already.
fn train(bench: &Bench, client: &mut Client, model: &str, view: &str, params: serde_json::Value) -> Result<()> {
    let mut all = serde_json::json!({"numbers": "standard", "holdout": 0, "validation": 0, "refit": false, "min_count": 1});
    if let (Some(all), Some(own)) = (all.as_object_mut(), params.as_object()) {
        all.extend(own.clone())
    }
    let call = "SELECT affinity.train($1, $2::text::regclass, kind => 'autoencoder', params => $3::text::jsonb, deploy => 'always')";
    let (took, _) = seconds(|| Ok(client.execute(call, &[&model, &view, &all.to_string()])?))?;
    let peak = peak_mb(client)?;
    bench.note(model, &format!("training {took:.0} s, peak memory of the backend {peak:.0} MB, params {all}"));
    Ok(())
}

/// R² of the script's numbers, and the share of right categories, of the held-out products.
fn reconstruct(bench: &mut Bench, client: &mut Client) -> Result<()> {
    train(bench, client, "autoencoder", "whole", serde_json::json!({"noise": 0.02, "balance": 0.7, "weight_decay": 0.6, "learning_rate": 0.003, "epochs": 60}))?;
    let sum = |f: &dyn Fn(&str) -> String| numbers().map(f).collect::<Vec<_>>().join(" + ");
    let right: Vec<_> = CATEGORIES.iter().map(|c| format!("avg((r ->> '{c}' IS NOT DISTINCT FROM {c})::int)::float8")).collect();
    let query = format!(
        "WITH back AS MATERIALIZED (SELECT p.*, affinity.reconstruct('autoencoder', p) AS r FROM prepared p WHERE fold < 2),
              mean AS (SELECT {} FROM prepared WHERE fold > 2)
         SELECT 1 - sum({}) / sum({}), {} FROM back, mean m",
        numbers().map(|c| format!("avg({c}) AS {c}")).collect::<Vec<_>>().join(", "),
        sum(&|c| format!("((r ->> '{c}')::float8 - back.{c}) ^ 2")),
        sum(&|c| format!("(back.{c} - m.{c}) ^ 2")),
        right.join(", "),
    );
    let row = client.query_one(&query, &[])?;
    let figures: Vec<f64> = (0..6).map(|i| row.get(i)).collect();
    for (name, figure, bar) in [("r2", figures[0], RECONSTRUCT[0]), ("category", figures[2], RECONSTRUCT[1]), ("type", figures[3], RECONSTRUCT[2])] {
        bench.bar(&format!("autoencoder.{name}"), figure, bar, Better::More);
    }
    bench.note("autoencoder", &format!("department {:.3}, brand {:.3}, unit {:.3}", figures[1], figures[4], figures[5]));
    for row in bench.peer_json("products.py", &["reconstruct"], Measured::Quality)?.unwrap_or_default() {
        bench.note("autoencoder", &format!("peer {row}"))
    }
    Ok(())
}

/// Of the ten nearest products that teach, by the cosine of their codes, the share of the same category, which no code has seen.
fn neighbours(bench: &mut Bench, client: &mut Client) -> Result<()> {
    train(bench, client, "encode-neighbours", "hidden", serde_json::json!({"noise": 0.1, "balance": 0.1, "weight_decay": 0.6, "epochs": 40}))?;
    let mut read = |which: &str| -> Result<Vec<(Vec<f32>, String)>> {
        let query = format!("SELECT affinity.encode('encode-neighbours', p), product_category FROM prepared p WHERE {which}");
        let unit = |v: Vec<f32>| {
            let length = v.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            v.into_iter().map(|x| x / length).collect()
        };
        Ok(client.query(query.as_str(), &[])?.into_iter().map(|r| (unit(r.get(0)), r.get(1))).collect())
    };
    let (known, asked) = (read("fold > 2")?, read("fold < 2 AND product_category <> '~other'")?);
    let (mut same, mut all) = (0usize, 0usize);
    for (code, category) in &asked {
        let along = |other: &[f32]| code.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
        let mut near: Vec<(f32, usize)> = known.iter().enumerate().map(|(i, (other, _))| (-along(other), i)).collect();
        near.select_nth_unstable_by(9, |a, b| a.0.total_cmp(&b.0));
        same += near[..10].iter().filter(|(_, i)| known[*i].1 == *category).count();
        all += 10;
    }
    bench.bar("encode-neighbours", same as f64 / all as f64, NEIGHBOURS, Better::More);
    for row in bench.peer_json("products.py", &["neighbours"], Measured::Quality)?.unwrap_or_default() {
        bench.note("encode-neighbours", &format!("peer {row}"))
    }
    Ok(())
}

/// Microseconds a row and core: queries that build the rows, and that encode them too, take turns.
fn row(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let list = |f: &dyn Fn(u32) -> String| (0..COLUMNS).map(f).collect::<Vec<_>>().join(", ");
    client.batch_execute(&format!(
        "CREATE TABLE encode_rows ({}); INSERT INTO encode_rows SELECT {} FROM generate_series(1, {ROWS});
         CREATE VIEW encode_train AS SELECT * FROM encode_rows LIMIT 20000",
        list(&|i| format!("f{i} real")),
        list(&|_| "random()".into()),
    ))?;
    client.batch_execute("VACUUM ANALYZE encode_rows")?;
    let params = r#"{"hidden": [64], "width": 16, "epochs": 1, "refit": false}"#;
    client.batch_execute(&format!("SELECT affinity.train('rows', 'encode_train', kind => 'autoencoder', params => '{params}')"))?;
    client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    let mut taken = [Vec::new(), Vec::new()];
    for turn in 0..8 {
        for (what, list) in ["t", "affinity.encode('rows', t)"].into_iter().zip(&mut taken) {
            let (s, _) = seconds(|| Ok(client.query_one(&format!("SELECT count({what}) FROM encode_rows t"), &[])?))?;
            // The first turn loads the weights and warms the caches.
            if turn > 0 {
                list.push(s * 1e6 / f64::from(ROWS))
            }
        }
    }
    client.batch_execute("RESET max_parallel_workers_per_gather")?;
    let [build, encoded] = taken.map(median);
    bench.bar("encode-row", encoded - build, ROW, Better::Less);
    bench.note("encode-row", &format!("µs a row on one core: {build:.3} to build it, {encoded:.3} with its code"));
    Ok(())
}
