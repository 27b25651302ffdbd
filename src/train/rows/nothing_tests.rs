//! Columns that tell nothing of the target: what is said of such a version, and what it gives.

use super::tests::{train, with};
use super::*;
use crate::base::Rng;
use crate::dataset::{Column, Frame, Values};
use serde_json::json;

fn spec(params: Value) -> RowsSpec {
    RowsSpec { kind: "mlp".into(), target: "bought".into(), time_col: None, group_col: None, params }
}

/// Rows of four combinations of two columns; `answer` says what each bought.
fn table(n: usize, seed: u64, answer: impl Fn(usize, &mut Rng) -> u32, levels: &[&str]) -> Frame {
    let mut r = Rng::new(seed);
    let cells: Vec<usize> = (0..n).map(|_| r.below(4)).collect();
    let codes = cells.iter().map(|c| answer(*c, &mut r)).collect();
    let category = |name: &str, codes: Vec<u32>, levels: &[&str]| Column {
        name: name.into(),
        values: Values::Category { codes, levels: levels.iter().map(|l| (*l).to_owned()).collect() },
    };
    Frame::new(vec![
        category("a", cells.iter().map(|c| (c % 2) as u32).collect(), &["x", "y"]),
        category("b", cells.iter().map(|c| (c / 2) as u32).collect(), &["u", "v"]),
        category("bought", codes, levels),
    ])
    .unwrap()
}

/// 240 random tables of a few combinations of values held one, of rate .01 in each, whose version was worse on fresh rows than a constant.
#[test]
fn where_held_out_rows_tell_nothing_the_shares_are_served() {
    let one_in_ninety = |_: usize, r: &mut Rng| u32::from(r.uniform() < 0.011);
    let mut served = 0;
    for seed in 0..4 {
        for (n, outcomes) in [(6000, &["no", "yes"][..]), (900, &["no", "yes"]), (2500, &["none", "some", "many"])] {
            let f = match outcomes.len() {
                2 => table(n, seed, one_in_ninety, outcomes),
                _ => table(n, seed, |_, r: &mut Rng| r.below(3) as u32, outcomes),
            };
            let (t, s) = train(&f, &spec(json!({"ensemble": 1})), seed);
            let loss = |of: &Value| of["log_loss"].as_f64().unwrap();
            let (own, average) = (loss(&json!(t.report.metrics)), loss(&t.report.metrics["average"]));
            let said = t
                .report
                .notices
                .iter()
                .any(|n| n.contains("no better than the share of each class") && n.contains("predict gives that share"));
            let Some(networks) = t.report.metrics.get("networks") else {
                assert!(!said, "{:?}", t.report.notices);
                continue;
            };
            served += 1;
            assert!(said && own == average && loss(networks) >= average, "{own} {average} {networks}");
            let scores = with(1, seed, |ctx| s.score_frame(&f, ctx)).unwrap();
            let Values::Category { codes, .. } = &f.column("bought").unwrap().values else { panic!() };
            for (k, p) in scores.row(0).iter().enumerate() {
                let class = if outcomes.len() == 2 { 1 } else { k };
                let share = codes.iter().filter(|c| outcomes[**c as usize] == classes(s.outcome(), class)).count() as f64 / n as f64;
                assert!((p - share).abs() < 1e-12, "{p} {share}");
            }
            assert!(scores.rows().into_iter().all(|r| r == scores.row(0)));
            // what evaluate says of the rows that taught is what training said
            let again = with(1, seed, |ctx| evaluate(&s, &f, ("bought", None, false), ctx)).unwrap();
            assert_eq!((again.figures[0].metric.as_str(), again.figures[0].value), ("log_loss", own));
            // and who asks for it has the networks
            let (t, s) = train(&f, &spec(json!({"ensemble": 1, "calibrate": false})), seed);
            let scores = with(1, seed, |ctx| s.score_frame(&f, ctx)).unwrap();
            assert!(!t.report.metrics.contains_key("networks") && scores.rows().into_iter().any(|r| r != scores.row(0)));
        }
    }
    assert!(served >= 6, "{served} of 12");
}

fn classes(outcome: &Outcome, k: usize) -> &str {
    match outcome {
        Outcome::Binary { negative, positive } => {
            if k == 1 {
                positive
            } else {
                negative
            }
        }
        Outcome::Classes(names) => &names[k],
        Outcome::Value | Outcome::Tags(_) => panic!(),
    }
}

#[test]
fn what_is_told_by_few_rows_is_served() {
    for seed in 0..4 {
        let f = table(900, seed, |c, r: &mut Rng| u32::from(r.uniform() < [0.05, 0.1, 0.1, 0.3][c]), &["no", "yes"]);
        let (t, s) = train(&f, &spec(json!({"ensemble": 1})), seed);
        let scores = with(1, seed, |ctx| s.score_frame(&f, ctx)).unwrap();
        assert!(!t.report.metrics.contains_key("networks") && scores.rows().into_iter().any(|r| r != scores.row(0)), "{seed}");
    }
}

#[test]
fn what_teaches_nothing_is_said_to_be_no_better_than_the_average() {
    let mut r = Rng::new(31);
    let noise: Vec<f64> = (0..900).map(|_| r.normal()).collect();
    let y = (0..900).map(|_| r.normal()).collect();
    let f = Frame::new(vec![
        Column { name: "noise".into(), values: Values::Double(noise) },
        Column { name: "bought".into(), values: Values::Double(y) },
    ])
    .unwrap();
    let (t, _) = train(&f, &spec(json!({})), 1);
    let (own, average) = (t.report.metrics["rmse"].as_f64().unwrap(), t.report.metrics["average"]["rmse"].as_f64().unwrap());
    let said = t
        .report
        .notices
        .iter()
        .any(|n| n.starts_with("on 900 held-out rows the model is no better than the mean of the target for every row: rmse "));
    assert!((own >= average) == said && (own / average - 1.0).abs() < 0.02, "{own} {average} {:?}", t.report.notices);
    let (t, _) = train(&f, &spec(json!({"holdout": 0, "epochs": 2})), 1);
    assert_eq!(t.report.notices, ["no rows are held out, so nothing tells how good this version is"]);
}
