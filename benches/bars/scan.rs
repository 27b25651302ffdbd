//! `scan`: reading a million rows of 21 reals for training, against a query that adds them up.

use crate::bench::{Bench, Better, median, seconds};
use std::error::Error;

/// Times the seconds of the sums.
const BAR: f64 = 1.5;

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let mut client = bench.client()?;
    let list = |f: &dyn Fn(u32) -> String| (0..21).map(f).collect::<Vec<_>>().join(", ");
    client.batch_execute(&format!(
        "CREATE TABLE scan_rows ({}); INSERT INTO scan_rows SELECT {} FROM generate_series(1, 1000000)",
        list(&|i| format!("f{i} real")),
        // The last column is the target, the same everywhere: training refuses it as soon as it has read the rows.
        list(&|i| if i < 20 { "random()".into() } else { "1".into() }),
    ))?;
    client.batch_execute("VACUUM ANALYZE scan_rows")?;
    client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    let sums = format!("SELECT {} FROM scan_rows", list(&|i| format!("sum(f{i})")));
    let (mut sum, mut scan) = (Vec::new(), Vec::new());
    for turn in 0..8 {
        let (s, _) = seconds(|| Ok(client.query_one(&sums, &[])?))?;
        let (r, refused) = seconds(|| Ok(client.execute("SELECT affinity.train('scan', 'scan_rows', 'f20')", &[]).err()))?;
        let said = refused.ok_or("a target of one value was learned")?;
        if !said.as_db_error().is_some_and(|e| e.message().contains("one class only")) {
            return Err(said.into());
        }
        if turn > 0 {
            sum.push(s);
            scan.push(r)
        }
    }
    let (sum, scan) = (median(sum), median(scan));
    bench.note("scan", &format!("{scan:.3} s to read and to look at the target, {sum:.3} s to add up"));
    bench.bar("scan", scan / sum, BAR, Better::Less);
    Ok(())
}
