//! `profile-behaviour`: behaviour.py's table made in one SQL statement over the raw transactions, row by row against the script's, and the
//! model of bar `behaviour` trained on it: mean of 3 seeds, nothing but defaults.

use crate::bench::{Bench, Better, Measured, seconds};
use std::error::Error;

const STATEMENT: &str = include_str!("../../tests/data/complete_journey/habits.sql");
/// The bar of `behaviour`.
const AUC: f64 = 0.805;
const LOG_LOSS: f64 = 0.4345;
/// How far any figure may be from the script's, relative to it.
const DIFFERENCE: f64 = 1e-9;

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let (Some(transactions), Some(products)) =
        (bench.data("complete_journey/transactions.csv.gz"), bench.data("complete_journey/products.csv.gz"))
    else {
        bench.skip("profile-behaviour", "there is no complete_journey");
        return Ok(());
    };
    let mut client = bench.client()?;
    // The columns of the files: the small copy has two fewer.
    let more = if bench.full { ("store_id, ", ", coupon_disc") } else { ("", "") };
    client.batch_execute(
        "CREATE TABLE transactions (household_id int, store_id int, basket_id bigint, product_id int, quantity int, sales_value float8,
           retail_disc float8, coupon_disc float8, transaction_timestamp timestamp);
         CREATE TABLE products (product_id int, manufacturer_id int, department text, brand text, product_category text, product_type text,
           package_size text)",
    )?;
    let columns = format!(
        "transactions (household_id, {}basket_id, product_id, quantity, sales_value, retail_disc{}, transaction_timestamp)",
        more.0, more.1
    );
    bench.copy_csv(&mut client, &columns, &transactions)?;
    bench.copy_csv(&mut client, "products", &products)?;
    client.batch_execute("ANALYZE transactions, products; SET work_mem = '256MB'")?;
    let (took, _) = seconds(|| Ok(client.batch_execute(&STATEMENT.replace("CREATE TABLE habits", "CREATE TABLE profile_habits"))?))?;
    let rows: i64 = client.query_one("SELECT count(*) FROM profile_habits", &[])?.get(0);
    bench.note("profile-behaviour", &format!("{took:.1} s for the statement, {rows} rows"));
    let Some(table) = bench.peer("behaviour.py", &["table"], Measured::Quality)? else {
        bench.skip("profile-behaviour", "behaviour.py cannot make its table here");
        return Ok(());
    };
    let header = std::fs::read_to_string(&table)?.lines().next().unwrap_or_default().to_string();
    let figures: Vec<&str> = header.split(',').filter(|c| !["household_id", "product_category", "part"].contains(c)).collect();
    let typed: Vec<_> = figures.iter().map(|c| format!("{c} float8")).collect();
    client.batch_execute(&format!("CREATE TABLE script_habits (household_id int, product_category text, part text, {})", typed.join(", ")))?;
    bench.copy_csv(&mut client, &format!("script_habits ({header})"), &table)?;
    client.batch_execute("ANALYZE profile_habits, script_habits")?;
    // A row for each of both; the two training days share a part and differ in their days since the first trip.
    let off: Vec<_> = figures.iter().map(|c| format!("abs(h.{c} - s.{c}) / greatest(abs(s.{c}), 1)")).collect();
    let row = client.query_one(
        &format!(
            "SELECT max(greatest({})), count(*) FILTER (WHERE h.tenure IS NULL OR s.tenure IS NULL OR (h.gap IS NULL) <> (s.gap IS NULL)
               OR (h.overdue IS NULL) <> (s.overdue IS NULL)) FROM profile_habits h
             FULL JOIN script_habits s USING (household_id, product_category, part, tenure)",
            off.iter().filter(|o| !o.contains("tenure")).cloned().collect::<Vec<_>>().join(", ")
        ),
        &[],
    )?;
    let (difference, alone): (f64, i64) = (row.get(0), row.get(1));
    if alone > 0 {
        return Err(format!("{alone} rows are in one table only, or have a gap in one only").into());
    }
    bench.bar("profile-behaviour.difference", difference.max(f64::MIN_POSITIVE), DIFFERENCE, Better::Less);
    let inputs: Vec<&str> = header.split(',').filter(|c| !["household_id", "part", "label"].contains(c)).collect();
    for part in ["train", "test"] {
        client.batch_execute(&format!(
            "CREATE VIEW profile_habits_{part} AS SELECT {}, label = 1 AS buys FROM profile_habits WHERE part = '{part}'",
            inputs.join(", ")
        ))?
    }
    let (mut auc, mut loss) = (0.0, 0.0);
    for seed in 0..3i64 {
        client.execute("SELECT affinity.train('profile_habits', 'profile_habits_train', 'buys', seed => $1, deploy => 'always')", &[&seed])?;
        let row = client.query_one(
            "SELECT affinity.auc(p, buys), affinity.log_loss(p, buys) FROM (SELECT affinity.predict('profile_habits', t) p, buys FROM profile_habits_test t) s",
            &[],
        )?;
        auc += row.get::<_, f64>(0) / 3.0;
        loss += row.get::<_, f64>(1) / 3.0
    }
    if bench.full {
        bench.bar("profile-behaviour.auc", auc, AUC, Better::More);
        bench.bar("profile-behaviour.log_loss", loss, LOG_LOSS, Better::Less);
    } else {
        bench.note("profile-behaviour", &format!("the bar is for the full complete_journey; on the cut: AUC {auc:.4}, log loss {loss:.4}"))
    }
    Ok(())
}
