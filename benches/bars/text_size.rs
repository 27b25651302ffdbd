//! `text-size`: what a version that reads free text weighs, what it finds, and how soon a session has its first score: 3,503 products with
//! four columns of text, about 450 kB. By title, brand, colour and the first words of what is said: is the price known, has it many
//! ratings, are they good, is it for the home?

use crate::bench::{Bench, Better, median, seconds};
use std::error::Error;

/// Bytes of a version.
const BYTES: f64 = 2e6;
/// The mean AUC over the four questions and two seeds where texts went to all outputs of the first layer, in 32 bits (as of b63c726, by
/// these statements: 106 MB, .30 s to the first score), less the .002 that may be lost.
const AUC: f64 = 0.8377 - 0.002;
/// Seconds until a new session has its first score.
const FIRST: f64 = 0.020;

const QUESTIONS: [&str; 4] = ["priced", "rated", "good", "home"];

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let Some(file) = bench.data("esci_150/products.csv.gz") else {
        bench.skip("text-size", "the data has no esci_150");
        return Ok(());
    };
    let mut client = bench.client()?;
    client.batch_execute(
        "CREATE TABLE raw (asin text, title text, brand text, color text, category text, bullet_points text, description text, price text, rating text,
           rating_count text)",
    )?;
    bench.copy_csv(&mut client, "raw", &file)?;
    client.batch_execute(
        "CREATE TABLE described AS SELECT left(title, 70) AS title, coalesce(brand, '') AS brand, coalesce(color, '') AS color,
           left(coalesce(bullet_points, ''), 60) AS said, price IS NOT NULL AS priced,
           rating_count::real > (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY rating_count::real) FROM raw) AS rated, rating::real >= 4.5 AS good,
           coalesce(category, '') LIKE 'Home & Kitchen%' AS home, row_number() OVER (ORDER BY md5(asin)) AS n
         FROM raw WHERE rating IS NOT NULL AND rating_count IS NOT NULL",
    )?;
    let (mut auc, mut bytes) = (0.0, 0i64);
    for question in QUESTIONS {
        client.batch_execute(&format!(
            "DROP VIEW IF EXISTS taught, others; CREATE VIEW taught AS SELECT title, brand, color, said, {question} FROM described WHERE n <= 3503;
             CREATE VIEW others AS SELECT title, brand, color, said, {question} FROM described WHERE n > 3503"
        ))?;
        for seed in [1i64, 2] {
            let row = client.query_one(
                "SELECT (affinity.train('texts', 'taught', $1, params => '{\"text\": [\"title\", \"brand\", \"color\", \"said\"]}', seed => $2, deploy => 'always')).version",
                &[&question, &seed],
            )?;
            let version: i32 = row.get(0);
            let own: f64 = client.query_one(&format!("SELECT affinity.auc(affinity.predict('texts', o), {question}) FROM others o"), &[])?.get(0);
            auc += own / 8.0;
            bytes = bytes.max(client.query_one("SELECT bytes FROM affinity.versions WHERE model = 'texts' AND version = $1", &[&version])?.get(0));
        }
    }
    client.batch_execute("CREATE TABLE alone AS SELECT title, brand, color, said FROM described WHERE n <= 3503")?;
    let table: i64 = client.query_one("SELECT pg_table_size('alone')", &[])?.get(0);
    bench.note("text-size", &format!("{bytes} bytes, {:.2} times the table", bytes as f64 / table as f64));
    bench.bar("text-size.bytes", bytes as f64, BYTES, Better::Less);
    bench.bar("text-size.auc", auc, AUC, Better::More);
    let mut first = Vec::new();
    for _ in 0..5 {
        let mut session = bench.client()?;
        first.push(seconds(|| Ok(session.query_one("SELECT affinity.predict('texts', o) FROM others o LIMIT 1", &[])?))?.0);
    }
    bench.bar("text-size.first_score", median(first), FIRST, Better::Less);
    Ok(())
}
