//! Behaviour as features: the table of benches/peers/behaviour.py, made by affinity's aggregates in one SQL statement over the raw
//! transactions of tests/data, against the figures of the script, and a model trained on it.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, server};
use postgres::Client;
use std::process::{Command, Stdio};

const STATEMENT: &str = include_str!("data/complete_journey/habits.sql");

/// Rows of the training days and of December.
const ROWS: [i64; 2] = [75_934, 42_887];

/// Each column of the script's table for tests/data: Σ column · (household_id % 97 + length(product_category)), over the training rows and
/// over December's. Any row or column that is another shows.
const SCRIPT: [(&str, [f64; 2]); 19] = [
    ("trips", [18746013.0, 12193946.0]),
    ("spend", [76642812.00999999, 50081528.72]),
    ("units", [274062330.0, 160012376.0]),
    ("discount", [13569494.65, 8773646.099999998]),
    ("trips_14", [1007613.0, 515166.0]),
    ("trips_30", [2190296.0, 1124026.0]),
    ("trips_60", [4414361.0, 2227687.0]),
    ("trips_90", [6601493.0, 3307165.0]),
    ("recency", [404753094.0, 280721717.0]),
    ("tenure", [806233455.0, 594225115.0]),
    ("gap", [151694947.06542024, 110176432.37301219]),
    ("overdue", [3113030.0057037584, 1908751.3858614608]),
    ("household_trips", [306068870.0, 214390143.0]),
    ("household_recency", [54138630.0, 34621465.0]),
    ("household_trips_30", [35424421.0, 18427397.0]),
    ("household_spend", [8981528252.189999, 6360259769.51]),
    ("category_households", [1061252035.0, 648942408.0]),
    ("category_rate", [1437404.2543294518, 775118.9260089891]),
    ("label", [1252836.0, 660224.0]),
];

fn load(client: &mut Client) {
    client
        .batch_execute(
            "CREATE TABLE transactions (household_id int, basket_id bigint, product_id int, quantity int, sales_value float8, retail_disc float8,
               transaction_timestamp timestamp);
             CREATE TABLE products (product_id int, manufacturer_id int, department text, brand text, product_category text, product_type text,
               package_size text)",
        )
        .unwrap();
    for table in ["transactions", "products"] {
        let file = format!("{}/tests/data/complete_journey/{table}.csv.gz", env!("CARGO_MANIFEST_DIR"));
        let mut unzip = Command::new("gzip").arg("-dc").arg(file).stdout(Stdio::piped()).spawn().unwrap();
        let mut writer = client.copy_in(&format!("COPY {table} FROM STDIN WITH (FORMAT csv, HEADER)")).unwrap();
        std::io::copy(&mut unzip.stdout.take().unwrap(), &mut writer).unwrap();
        writer.finish().unwrap();
        assert!(unzip.wait().unwrap().success());
    }
    client.batch_execute("ANALYZE").unwrap();
}

#[test]
fn one_statement_gives_the_scripts_table_and_a_model() {
    let Some(server) = server("habits") else { return };
    let db = Database::fresh(&server, "habits_table");
    let mut client = db.session(&db.database(), "postgres").client;
    load(&mut client);
    client.batch_execute(STATEMENT).unwrap();
    for (i, part) in ["train", "test"].iter().enumerate() {
        let rows: i64 = client.query_one("SELECT count(*) FROM habits WHERE part = $1", &[part]).unwrap().get(0);
        assert_eq!(rows, ROWS[i], "{part}");
        // Of one trip there is no gap: who went once has neither figure, and nobody else lacks one.
        let unlike = "SELECT count(*) FROM habits WHERE part = $1 AND ((gap IS NULL) <> (trips = 1) OR (overdue IS NULL) <> (trips = 1))";
        assert_eq!(client.query_one(unlike, &[part]).unwrap().get::<_, i64>(0), 0, "{part}");
        for (column, expected) in SCRIPT {
            let sum = format!("SELECT sum({column}::float8 * (household_id % 97 + length(product_category))) FROM habits WHERE part = $1");
            let sum: f64 = client.query_one(&sum, &[part]).unwrap().get(0);
            assert!((sum / expected[i] - 1.0).abs() < 1e-9, "{part} {column}: {sum} against the script's {}", expected[i]);
        }
    }
    model(&mut client);
    // What comes after a day changes nothing that was known on it.
    client
        .batch_execute(
            "CREATE TABLE before AS TABLE habits; DROP TABLE habits; DELETE FROM transactions WHERE transaction_timestamp >= '2017-12-01'",
        )
        .unwrap();
    client.batch_execute(STATEMENT).unwrap();
    // Rounded: the order of a sum decides its last digits.
    let columns: Vec<_> = SCRIPT.iter().filter(|(c, _)| *c != "label").map(|(c, _)| format!("round({c}::numeric, 4)")).collect();
    let known = |table: &str| format!("SELECT household_id, product_category, {} FROM {table} WHERE part = 'test'", columns.join(", "));
    let changed = format!("SELECT count(*) FROM ({} EXCEPT {}) x", known("before"), known("habits"));
    assert_eq!(client.query_one(&changed, &[]).unwrap().get::<_, i64>(0), 0);
}

/// A model with nothing but defaults ranks December's rows well above the rule of thumb, recency.
fn model(client: &mut Client) {
    for part in ["train", "test"] {
        let view = "SELECT trips, spend, trips_30, trips_90, recency, gap, overdue, household_trips_30, category_rate, label = 1 AS buys FROM habits";
        client.batch_execute(&format!("CREATE VIEW habits_{part} AS {view} WHERE part = '{part}'")).unwrap()
    }
    client.batch_execute("SELECT affinity.train('habits', 'habits_train', 'buys', kind => 'logistic')").unwrap();
    let auc = "SELECT affinity.auc(affinity.predict('habits', t), buys), affinity.auc(-recency, buys) FROM habits_test t";
    let row = client.query_one(auc, &[]).unwrap();
    let (model, rule): (f64, f64) = (row.get(0), row.get(1));
    assert!(model > 0.78 && model > rule + 0.02, "{model} against {rule}");
    client.batch_execute("DROP VIEW habits_train, habits_test").unwrap();
}
