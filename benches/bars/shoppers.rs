//! `shoppers`: will a session end in a purchase, from the raw columns, with nothing but defaults. shoppers.py's split (every fifth row is
//! test), mean of 5 seeds. Codes of systems, browsers, regions and traffic are text, as they are categories to the peer.

use crate::bench::{Bench, Better, Measured, median, peak_mb, seconds};
use std::error::Error;

/// What gradient boosting of scikit-learn reaches is .931/.745, its MLP .909/.681 (shoppers.py).
const AUC: f64 = 0.930;
const AP: f64 = 0.735;

pub fn run(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    let Some(file) = bench.data("online_shoppers/online_shoppers_intention.csv.gz") else {
        bench.skip("shoppers", "the data has no online_shoppers");
        return Ok(());
    };
    let mut client = bench.client()?;
    client.batch_execute(
        "CREATE TABLE sessions (
           administrative int, administrative_duration real, informational int, informational_duration real, product_related int,
           product_related_duration real, bounce_rates real, exit_rates real, page_values real, special_day real, month text,
           operating_systems text, browser text, region text, traffic_type text, visitor_type text, weekend boolean, revenue boolean,
           n int GENERATED ALWAYS AS IDENTITY (START 0 MINVALUE 0))",
    )?;
    let columns = "administrative, administrative_duration, informational, informational_duration, product_related, product_related_duration,
      bounce_rates, exit_rates, page_values, special_day, month, operating_systems, browser, region, traffic_type, visitor_type, weekend, revenue";
    bench.copy_csv(&mut client, &format!("sessions ({columns})"), &file)?;
    client.batch_execute(&format!(
        "CREATE VIEW train AS SELECT {columns} FROM sessions WHERE n % 5 <> 0; CREATE VIEW test AS SELECT {columns} FROM sessions WHERE n % 5 = 0;
         ANALYZE sessions"
    ))?;
    let (mut took, mut auc, mut ap) = (Vec::new(), 0.0, 0.0);
    for seed in 0..5i64 {
        let (s, _) = seconds(|| {
            Ok(client.execute("SELECT affinity.train('shoppers', 'train', 'revenue', seed => $1, deploy => 'always')", &[&seed])?)
        })?;
        took.push(s);
        let row = client.query_one(
            "SELECT affinity.auc(p, revenue), affinity.average_precision(p, revenue) FROM (SELECT affinity.predict('shoppers', t) p, revenue FROM test t) s",
            &[],
        )?;
        auc += row.get::<_, f64>(0) / 5.0;
        ap += row.get::<_, f64>(1) / 5.0
    }
    bench.bar("shoppers.auc", auc, AUC, Better::More);
    bench.bar("shoppers.average_precision", ap, AP, Better::More);
    bench.note("shoppers", &format!("training {:.2} s, peak memory of the backend {:.0} MB", median(took), peak_mb(&mut client)?));
    for line in bench.peer("shoppers.py", &[], Measured::Quality)?.map(std::fs::read_to_string).transpose()?.unwrap_or_default().lines() {
        bench.note("shoppers", &format!("peer {line}"))
    }
    Ok(())
}
