//! `tags`: a product's category from its maker, size, brand, unit and numbers, by products.py's protocol. `tags-text`: a department from
//! the words of a product type that no training row has. Means of five seeds. Settings were chosen on the products of fold 2 and on types
//! held out of the training ones.

use crate::bench::{Bench, Better, Measured, median, seconds};
use postgres::Client;
use std::error::Error;

/// scikit-learn's logistic regression on the same columns (products.py tags).
const LOGISTIC: [f64; 2] = [0.672, 0.812];
const TAGS: [f64; 2] = [0.70, 0.84];
/// The same on words and runs of two to five characters (products.py text): .743.
const TEXT: f64 = 0.74;

/// What is given beside the defaults; nothing of the test is known to it.
const TAGS_PARAMS: &str = r#"{"hidden": [256], "dropout": 0.6, "learning_rate": 0.003, "epochs": 30, "min_count": 3, "max_levels": 4000, "holdout": 0, "text": ["size_text"]}"#;
const TEXT_PARAMS: &str = r#"{"hidden": [256], "dropout": 0.8, "learning_rate": 0.003, "label_smoothing": 0.1, "patience": 20, "holdout": 0, "text_bits": 16}"#;

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    if bench.wants("tags") {
        tags(bench)?
    }
    if bench.wants("tags-text") {
        text(bench)?
    }
    Ok(())
}

/// The shares of the rows of `test` whose `target` is the likeliest, and among the three likeliest: means of five seeds; with the median
/// seconds of a training.
fn top(client: &mut Client, model: &str, target: &str, params: &str) -> Result<([f64; 2], f64), Box<dyn Error>> {
    let (mut shares, mut took) = ([0.0; 2], Vec::new());
    for seed in 0..5i64 {
        let train = format!("SELECT affinity.train('{model}', '{model}_train', '{target}', params => '{params}', seed => {seed}, deploy => 'always')");
        took.push(seconds(|| Ok(client.batch_execute(&train)?))?.0);
        let row = client.query_one(
            &format!(
                "SELECT avg((p.{target} = t.tags[1])::int)::float8, avg((p.{target} = ANY (t.tags))::int)::float8 FROM {model}_test p,
                   LATERAL (SELECT array_agg(tag ORDER BY probability DESC) AS tags FROM affinity.tags('{model}', p, 3)) t"
            ),
            &[],
        )?;
        shares[0] += row.get::<_, f64>(0) / 5.0;
        shares[1] += row.get::<_, f64>(1) / 5.0
    }
    Ok((shares, median(took)))
}

fn tags(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    if !bench.full {
        bench.skip("tags", "the bar is for the full complete_journey");
        return Ok(());
    }
    let Some(table) = bench.peer("products.py", &["table"], Measured::Quality)? else {
        bench.skip("tags", "products.py cannot make its table here");
        return Ok(());
    };
    let mut client = bench.client()?;
    let header = std::fs::read_to_string(&table)?.lines().next().unwrap_or_default().to_string();
    const TEXTS: [&str; 7] = ["manufacturer_id", "department", "brand", "product_category", "product_type", "package_size", "unit"];
    let typed = |c: &str| format!("{c} {}", if c == "product_id" { "int" } else if TEXTS.contains(&c) { "text" } else { "real" });
    let columns = header.split(',').map(typed).collect::<Vec<_>>().join(", ");
    client.batch_execute(&format!("CREATE TABLE shelf ({columns})"))?;
    bench.copy_csv(&mut client, "shelf", &table)?;
    // The columns of the protocol: no department, no type; the size once as a category and once as a text, since many sizes are new. Fold 2
    // is for choosing settings, and taught nothing here.
    let used: Vec<&str> = header.split(',').filter(|c| !["product_id", "department", "product_type", "weekend_share"].contains(c)).collect();
    client.batch_execute(&format!(
        "CREATE TABLE tagged AS SELECT product_id % 10 AS fold, package_size AS size_text, {} FROM shelf s WHERE product_category <> '?'
           AND (SELECT count(*) FROM shelf o WHERE o.product_category = s.product_category) >= 10;
         CREATE VIEW tags_train AS SELECT size_text, {0} FROM tagged WHERE fold > 2;
         CREATE VIEW tags_test AS SELECT size_text, {0} FROM tagged WHERE fold < 2;
         ANALYZE tagged",
        used.join(", ")
    ))?;
    let (shares, took) = top(&mut client, "tags", "product_category", TAGS_PARAMS)?;
    for (i, name) in ["tags.top1", "tags.top3"].into_iter().enumerate() {
        bench.bar(name, shares[i], TAGS[i], Better::More);
    }
    bench.note("tags", &format!("training {took:.1} s; logistic regression reaches {}/{}", LOGISTIC[0], LOGISTIC[1]));
    Ok(())
}

fn text(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let Some(file) = bench.data("complete_journey/products.csv.gz").filter(|_| bench.full) else {
        bench.skip("tags-text", "the bar is for the full complete_journey");
        return Ok(());
    };
    let mut client = bench.client()?;
    client.batch_execute(
        "CREATE TABLE list (product_id int, manufacturer_id text, department text, brand text, product_category text, product_type text,
           package_size text)",
    )?;
    bench.copy_csv(&mut client, "list", &file)?;
    // The department that most products of a type have; every fifth type in order of name is test.
    client.batch_execute(
        "CREATE TABLE words AS SELECT product_type, department, row_number() OVER (ORDER BY product_type COLLATE \"C\") - 1 AS n FROM (
           SELECT DISTINCT ON (product_type) product_type, department FROM list
           WHERE product_type IS NOT NULL AND department IN (SELECT department FROM list WHERE product_type IS NOT NULL GROUP BY 1 HAVING count(*) >= 50)
           GROUP BY 1, 2 ORDER BY product_type, count(*) DESC, min(product_id)) t;
         CREATE VIEW text_train AS SELECT product_type, department FROM words WHERE n % 5 <> 0;
         CREATE VIEW text_test AS SELECT product_type, department FROM words WHERE n % 5 = 0;
         ANALYZE words",
    )?;
    let types: i64 = client.query_one("SELECT count(*) FROM text_test", &[])?.get(0);
    let (shares, took) = top(&mut client, "text", "department", TEXT_PARAMS)?;
    bench.bar("tags-text.top1", shares[0], TEXT, Better::More);
    bench.note("tags-text", &format!("{types} types, top 3 {:.3}, training {took:.1} s; logistic regression reaches .743/.924", shares[1]));
    Ok(())
}
