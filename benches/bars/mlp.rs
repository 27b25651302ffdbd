//! `mlp-*`: a network of 20-64-32-1 learns 800,000 rows of a table (tabular.py's), seconds of an epoch against scikit-learn and torch, and
//! the held-out AUC after the same epochs.

use crate::bench::{Bench, Better, Measured, peak_mb, seconds};
use postgres::Client;
use serde_json::Value;
use std::error::Error;
use std::fs::File;
use std::io;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROWS: &str = "1000000";
const EPOCHS: &str = "5";
/// How many times faster than the peer.
const BATCH_32: f64 = 12.0;
const BATCH_1024: f64 = 2.5;
/// What the AUC may be below scikit-learn's.
const AUC_SLACK: f64 = 0.002;

pub fn run(bench: &mut Bench) -> Result<()> {
    let names: Vec<&str> = ["mlp-batch32", "mlp-batch1024", "mlp-auc"].into_iter().filter(|n| bench.wants(n)).collect();
    let Some(csv) = bench.peer("tabular.py", &["csv", "--rows", ROWS], Measured::Quality)? else {
        names.iter().for_each(|n| bench.skip(n, "tabular.py, which makes the rows, cannot be run"));
        return Ok(());
    };
    let mut client = bench.client()?;
    let columns: Vec<String> = (0..20).map(|i| format!("f{i} real")).collect();
    client.batch_execute(&format!("CREATE TABLE tabular ({}, label boolean, is_train boolean)", columns.join(", ")))?;
    let mut writer = client.copy_in("COPY tabular FROM STDIN WITH (FORMAT csv)")?;
    io::copy(&mut File::open(csv)?, &mut writer)?;
    writer.finish()?;
    let inputs: Vec<String> = (0..20).map(|i| format!("f{i}")).collect();
    let view = |name: &str, which: &str| format!("CREATE VIEW {name} AS SELECT {}, label FROM tabular WHERE {which}", inputs.join(", "));
    client.batch_execute(&format!("{}; {}; ANALYZE tabular", view("tabular_train", "is_train"), view("tabular_test", "NOT is_train")))?;

    if bench.wants("mlp-batch32") || bench.wants("mlp-auc") {
        let (ours, auc) = train(bench, &mut client, "mlp-batch32", 32)?;
        match peer(bench, "sklearn", "32")? {
            Some((theirs, their_auc)) => {
                bench.note("mlp-batch32", &format!("seconds of an epoch: {ours:.3}, scikit-learn {theirs:.3}"));
                bench.bar("mlp-batch32", theirs / ours, BATCH_32, Better::More);
                bench.bar("mlp-auc", auc, their_auc - AUC_SLACK, Better::More);
            }
            None => names.iter().filter(|n| **n != "mlp-batch1024").for_each(|n| bench.skip(n, "scikit-learn cannot be run")),
        }
    }
    if bench.wants("mlp-batch1024") {
        let (ours, _) = train(bench, &mut client, "mlp-batch1024", 1024)?;
        match peer(bench, "torch", "1024")? {
            Some((theirs, _)) => {
                bench.note("mlp-batch1024", &format!("seconds of an epoch: {ours:.3}, torch {theirs:.3}"));
                bench.bar("mlp-batch1024", theirs / ours, BATCH_1024, Better::More);
            }
            None => bench.skip("mlp-batch1024", "torch cannot be run"),
        }
    }
    Ok(())
}

/// Seconds of an epoch (the mean) and the held-out AUC; the whole call is printed beside.
fn train(bench: &Bench, client: &mut Client, name: &str, batch: usize) -> Result<(f64, f64)> {
    let params = format!(
        r#"{{"hidden": [64, 32], "dropout": 0, "batch": {batch}, "epochs": {EPOCHS}, "patience": 0, "learning_rate": 0.001, "weight_decay": 0,
            "numbers": "standard", "holdout": 0, "validation": 0, "refit": false, "calibrate": false}}"#
    );
    // Two threads, as the peers use.
    client.batch_execute("SET affinity.threads = 2")?;
    let call = format!("SELECT affinity.train('{name}', 'tabular_train', 'label', params => '{params}', deploy => 'always')");
    let (whole, _) = seconds(|| Ok(client.batch_execute(&call)?))?;
    let epoch: f64 = client.query_one("SELECT avg(seconds) FROM affinity.epochs WHERE model = $1", &[&name])?.get(0);
    let auc: f64 = client
        .query_one("SELECT affinity.auc(p, label) FROM (SELECT affinity.predict($1, t) p, label FROM tabular_test t) s", &[&name])?
        .get(0);
    bench.note(name, &format!("the whole call {whole:.2} s for {EPOCHS} epochs, peak memory of the backend {:.0} MB", peak_mb(client)?));
    Ok((epoch, auc))
}

/// A peer's seconds of an epoch and AUC.
fn peer(bench: &Bench, tool: &str, batch: &str) -> Result<Option<(f64, f64)>> {
    let lines = bench.peer_json("tabular.py", &[tool, "--rows", ROWS, "--batch", batch, "--epochs", EPOCHS], Measured::Seconds)?;
    let figure = |v: &Value, name: &str| v[name].as_f64().ok_or_else(|| format!("tabular.py {tool} printed no {name}"));
    let line = lines.and_then(|l| l.into_iter().next());
    line.map(|v| Ok((figure(&v, "sec_per_epoch")?, figure(&v, "auc")?))).transpose()
}
