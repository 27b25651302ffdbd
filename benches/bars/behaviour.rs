//! `behaviour`: will a household buy in a category within 31 days, from behaviour.py's table with nothing but defaults. Mean of 3 seeds.

use crate::bench::{Bench, Better, Measured, median, peak_mb, seconds};
use std::error::Error;

/// scikit-learn reaches .8046/.4356 by logistic regression on logs, .8009/.4377 by gradient boosting (behaviour.py, the full data).
const AUC: f64 = 0.805;
const LOG_LOSS: f64 = 0.4345;

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let Some(table) = bench.peer("behaviour.py", &["table"], Measured::Quality)? else {
        bench.skip("behaviour", "behaviour.py cannot make its table here");
        return Ok(());
    };
    let mut client = bench.client()?;
    // The key is no input; the category is.
    client.batch_execute(
        "CREATE TABLE habits (
           household_id int, product_category text, trips int, spend real, units real, discount real, trips_14 int, trips_30 int, trips_60 int,
           trips_90 int, recency int, tenure int, gap real, overdue real, household_trips int, household_spend real, household_recency int,
           household_trips_30 real, category_households int, category_rate real, part text, label int)",
    )?;
    let header = std::fs::read_to_string(&table)?.lines().next().unwrap_or_default().to_string();
    bench.copy_csv(&mut client, &format!("habits ({header})"), &table)?;
    let columns = header.split(',').filter(|c| !["household_id", "part", "label"].contains(c)).collect::<Vec<_>>().join(", ");
    for part in ["train", "test"] {
        client.batch_execute(&format!(
            "CREATE VIEW habits_{part} AS SELECT {columns}, label = 1 AS buys FROM habits WHERE part = '{part}'"
        ))?
    }
    client.batch_execute("ANALYZE habits")?;
    let (mut took, mut auc, mut loss) = (Vec::new(), 0.0, 0.0);
    for seed in 0..3i64 {
        let (s, _) = seconds(|| {
            Ok(client.execute("SELECT affinity.train('behaviour', 'habits_train', 'buys', seed => $1, deploy => 'always')", &[&seed])?)
        })?;
        took.push(s);
        let row = client.query_one(
            "SELECT affinity.auc(p, buys), affinity.log_loss(p, buys) FROM (SELECT affinity.predict('behaviour', t) p, buys FROM habits_test t) s",
            &[],
        )?;
        auc += row.get::<_, f64>(0) / 3.0;
        loss += row.get::<_, f64>(1) / 3.0
    }
    if bench.full {
        bench.bar("behaviour.auc", auc, AUC, Better::More);
        bench.bar("behaviour.log_loss", loss, LOG_LOSS, Better::Less);
    } else {
        bench.skip("behaviour", &format!("the bar is for the full complete_journey; on the cut: AUC {auc:.4}, log loss {loss:.4}"))
    }
    bench.note("behaviour", &format!("training {:.2} s, peak memory of the backend {:.0} MB", median(took), peak_mb(&mut client)?));
    for row in bench.peer_json("behaviour.py", &[], Measured::Quality)?.unwrap_or_default() {
        bench.note("behaviour", &format!("peer {row}"))
    }
    Ok(())
}
