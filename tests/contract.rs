//! The contract of every kind that predicts a column of rows: one suite, each kind through all of it.

#![allow(clippy::unwrap_used)]

#[path = "shared/bytes.rs"]
mod bytes;

#[path = "shared/stop.rs"]
mod stop;

use bytes::again;
use pg_affinity::base::{Budget, Code, Context, Numbers, Pool, Quiet, Rng, Tensor};
use pg_affinity::dataset::{Cell, Column, Frame, Labels, MISSING_CODE, MISSING_TIME, Values};
use pg_affinity::model::RowKind;
use pg_affinity::serve::Outcome;
use pg_affinity::serve::scorer::{Scorer, Scratch};
use pg_affinity::train::Trained;
use pg_affinity::train::rows::{Family, RowsSpec, evaluate, fit};
use serde_json::{Value, json};

fn with<T>(threads: usize, seed: u64, f: impl FnOnce(&Context<'_>) -> T) -> T {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Orders of a shop with a column of every family, each with holes; four targets follow from them.
fn orders(rows: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let mut columns: [Vec<f64>; 3] = Default::default();
    let (mut gift, mut channel, mut placed, mut taste, mut notes) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut returned, mut class, mut spent, mut ends, mut tags) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rows {
        let (price, g, c, hour, t) = (r.normal(), r.below(2), r.below(3), r.below(24), [r.normal() as f32, r.normal() as f32]);
        let z = price + g as f64 - 1.5 * f64::from(u8::from(c == 1))
            + 0.7 * f64::from(t[0])
            + (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
        let hole = |r: &mut Rng| r.uniform() < 0.03;
        columns[0].push(if hole(&mut r) { f64::NAN } else { (1.5 * price).exp() });
        columns[1].push(r.below(9) as f64);
        columns[2].push(r.normal());
        gift.push(if hole(&mut r) { 2 } else { g as u8 });
        channel.push(if hole(&mut r) { MISSING_CODE } else { c as u32 });
        placed.push(if hole(&mut r) { MISSING_TIME } else { (r.below(400) * 24 + hour) as i64 * 3_600_000_000 });
        taste.extend(if hole(&mut r) { [f32::NAN; 2] } else { t });
        notes.push(format!("{} parcel, order {}", ["small", "large", "heavy", "易碎"][r.below(4)], r.below(1_000_000)));
        returned.push(u8::from(r.uniform() < 1.0 / (1.0 + (-2.5 * z).exp())));
        class.push(((z + 1.5) / 1.2).clamp(0.0, 2.0) as u32);
        spent.push(50.0 + 10.0 * z + r.normal());
        tags.extend([(0, z > 0.5), (1, g == 1), (2, c == 2)].into_iter().filter(|t| t.1).map(|t| t.0));
        ends.push(tags.len());
    }
    let [price, pieces, noise] = columns.map(Values::Double);
    let text = |codes, levels: [&str; 3]| Values::Category { codes, levels: levels.map(str::to_owned).to_vec() };
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("price", price),
        c("pieces", pieces),
        c("noise", noise),
        c("gift", Values::Bool(gift)),
        c("channel", text(channel, ["web", "app", "shop"])),
        c("placed", Values::Time(placed)),
        c(
            "note",
            Values::Category { codes: (0..rows as u32).map(|i| if i % 31 == 5 { MISSING_CODE } else { i }).collect(), levels: notes },
        ),
        c("taste", Values::Vector { width: 2, values: taste }),
        c("returned", Values::Bool(returned)),
        c("class", text(class, ["low", "middle", "high"])),
        c("spent", Values::Double(spent)),
        c("tags", Values::Labels { ends, codes: tags, levels: ["good", "gift", "walk-in"].map(str::to_owned).to_vec() }),
    ])
    .unwrap()
}

const TARGETS: [&str; 4] = ["returned", "class", "spent", "tags"];

/// Every kind with every target that it can learn.
fn cases() -> Vec<RowsSpec> {
    let mut out = Vec::new();
    for kind in RowKind::ALL.into_iter().filter(|k| k.needs_target()) {
        for target in TARGETS {
            if matches!((kind, target), (RowKind::Linear, "returned" | "class" | "tags") | (RowKind::Logistic, "spent")) {
                continue;
            }
            let exclude: Vec<&str> = TARGETS.into_iter().filter(|t| *t != target).collect();
            let params = json!({"exclude": exclude, "epochs": 20, "ensemble": if kind == RowKind::Mlp { 2 } else { 1 }});
            out.push(RowsSpec { kind: kind.name().into(), target: target.into(), time_col: None, group_col: None, params });
        }
    }
    assert_eq!(out.len(), 8);
    out
}

fn train(spec: &RowsSpec, rows: usize) -> Trained {
    with(2, 1, |ctx| fit(&orders(rows, 1), spec, None, ctx)).unwrap()
}

/// Out to what the tables hold and back: JSON text, and bytes by element type.
fn stored(spec: &RowsSpec, t: &Trained) -> Scorer {
    let state: Value = serde_json::from_str(&t.state.to_string()).unwrap();
    let tensors: Vec<Tensor> = t.tensors.iter().map(|t| Tensor { numbers: again(&t.numbers), ..t.clone() }).collect();
    Scorer::load(&spec.kind, &state, &tensors).unwrap()
}

fn scores(s: &Scorer, frame: &Frame) -> Vec<f64> {
    with(1, 0, |ctx| s.score_frame(frame, ctx)).unwrap().iter().copied().collect()
}

#[test]
fn one_row_scores_as_many_and_the_stored_model_as_the_live_one() {
    let frame = orders(500, 2);
    for spec in cases() {
        let t = train(&spec, 800);
        let (live, stored) = (Scorer::load(&spec.kind, &t.state, &t.tensors).unwrap(), stored(&spec, &t));
        let all = scores(&live, &frame);
        assert_eq!(all, scores(&stored, &frame), "{spec:?}");
        let (width, mut scratch) = (live.outcome().width(), Scratch::default());
        for row in (0..500).step_by(7) {
            let cells: Vec<Cell> = live.inputs().iter().map(|i| frame.column(&i.name).unwrap().values.cell(row)).collect();
            let one = stored.score(&cells, &mut scratch).unwrap();
            let many = &all[row * width..(row + 1) * width];
            assert!(one.iter().zip(many).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0)), "{spec:?} {one:?} {many:?}");
            match live.outcome() {
                Outcome::Value => assert!(one[0].is_finite()),
                Outcome::Binary { .. } => assert!((0.0..=1.0).contains(&one[0])),
                Outcome::Tags(_) => assert!(one.iter().all(|p| (0.0..=1.0).contains(p))),
                Outcome::Classes(_) => assert!((one.iter().sum::<f64>() - 1.0).abs() < 1e-9),
            }
        }
    }
}

#[test]
fn same_rows_and_seed_same_weights_whatever_the_threads() {
    let frame = orders(700, 3);
    for spec in cases() {
        let once = |threads, seed| with(threads, seed, |ctx| fit(&frame, &spec, None, ctx)).unwrap();
        let (a, b, c) = (once(1, 4), once(3, 4), once(1, 5));
        assert_eq!(a.tensors, b.tensors, "{spec:?}");
        assert_eq!((&a.state, &a.params, &a.report.metrics), (&b.state, &b.params, &b.report.metrics));
        assert_ne!(a.tensors, c.tensors);
    }
}

#[test]
fn each_kind_learns() {
    let fresh = orders(3000, 9);
    for mut spec in cases() {
        // What stands in the notes is chance; how much of it a kind takes for knowledge is not asked here.
        if let Some(exclude) = spec.params["exclude"].as_array_mut() {
            exclude.push(json!("note"))
        }
        let t = train(&spec, 4000);
        let rows = with(2, 0, |ctx| evaluate(&stored(&spec, &t), &fresh, (&spec.target, None, false), ctx)).unwrap().figures;
        let (name, least) = match spec.target.as_str() {
            "returned" => ("auc", 0.88),
            "class" => ("accuracy", 0.70),
            "tags" => ("average_precision", 0.90),
            _ => ("r2", 0.85),
        };
        let own = rows.iter().find(|r| r.metric == name && r.baseline.is_none()).unwrap();
        assert!(
            own.value >= least && own.rows == if spec.target == "tags" { 9000 } else { 3000 },
            "{} {}: {own:?}",
            spec.kind,
            spec.target
        );
        assert_eq!(rows.iter().any(|r| r.baseline.is_some()), spec.kind == "mlp");
        assert!(t.report.evaluated.is_some() && !t.report.epochs.is_empty());
    }
}

#[test]
fn missing_and_unknown_values_score_and_wrong_ones_are_named() {
    for spec in cases() {
        let s = stored(&spec, &train(&spec, 800));
        let mut scratch = Scratch::default();
        let blank = vec![Cell::Missing; s.inputs().len()];
        assert!(s.score(&blank, &mut scratch).unwrap().iter().all(|x| x.is_finite()));
        for (i, input) in s.inputs().iter().enumerate() {
            let mut row = blank.clone();
            let (odd, wrong, code) = match input.family {
                Family::Number => (Cell::Number(-1e300), Cell::Text("12"), Code::WrongType),
                Family::Bool => (Cell::Bool(true), Cell::Text("t"), Code::WrongType),
                Family::Text => (Cell::Text("never seen"), Cell::Number(1.0), Code::WrongType),
                Family::Time => (Cell::Time(i64::MAX), Cell::Text("2020-01-01"), Code::WrongType),
                Family::Labels => (Cell::Labels(Labels::Names(&["never seen"])), Cell::Text("a"), Code::WrongType),
                Family::Vector(_) => (Cell::Vector(&[1e30, f32::NAN]), Cell::Vector(&[1.0]), Code::ArrayLength),
            };
            row[i] = odd;
            assert!(s.score(&row, &mut scratch).unwrap().iter().all(|x| x.is_finite()), "{input:?}");
            row[i] = wrong;
            let e = s.score(&row, &mut scratch).unwrap_err();
            assert_eq!(e.code, code);
            assert!(e.message.contains(&input.name) && e.detail.is_some() && e.hint.is_some(), "{e:?}");
        }
    }
}

#[test]
fn tampered_versions_are_corrupt_and_nothing_panics() {
    for spec in cases() {
        let t = train(&spec, 300);
        let load = |state: &Value, tensors: &[Tensor]| Scorer::load(&spec.kind, state, tensors).map(|_| ()).unwrap_err().code;
        for i in 0..t.tensors.len() {
            let without: Vec<Tensor> = t.tensors.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, t)| t.clone()).collect();
            // the whole of the twins or of the baseline may be left out, one tensor of them may not
            assert_eq!(load(&t.state, &without), Code::Corrupt, "without {}", t.tensors[i].name);
            for change in 0..4 {
                let mut bad = t.tensors.clone();
                match (change, &mut bad[i].numbers) {
                    (0, Numbers::F32(v)) => v.truncate(v.len() - 1),
                    (0, Numbers::F16(v)) => v.truncate(v.len() - 1),
                    (0, Numbers::I8(v)) => v.truncate(v.len() - 1),
                    (1, Numbers::F32(v)) => v[0] = f32::NAN,
                    (1, Numbers::F16(v)) => v[0] = half::f16::NAN,
                    // Every byte is a number of steps.
                    (1, Numbers::I8(_)) => continue,
                    (2, _) => bad[i].shape[0] += 1,
                    _ => bad[i].numbers = Numbers::I64(vec![0; t.tensors[i].numbers.len()]),
                }
                assert_eq!(load(&t.state, &bad), Code::Corrupt, "{} change {change}", bad[i].name);
            }
        }
        for key in ["encoder", "outcome", "hidden", "ensemble", "calibration", "split"] {
            let mut bad = t.state.clone();
            bad.as_object_mut().unwrap().remove(key);
            assert_eq!(load(&bad, &t.tensors), Code::Corrupt, "without {key}");
            bad[key] = json!(-1);
            assert_eq!(load(&bad, &t.tensors), Code::Corrupt, "{key} of another type");
        }
        let mut bad = t.state.clone();
        bad["hidden"] = json!([64, 31, 7]);
        assert_eq!(load(&bad, &t.tensors), Code::Corrupt);
        assert_eq!(load(&Value::Null, &t.tensors), Code::Corrupt);
    }
}

#[test]
fn training_stops_when_asked_and_keeps_to_its_memory() {
    let frame = orders(1500, 5);
    for spec in cases() {
        stop::stops(&format!("{spec:?}"), [0, 5, 50, 200], 50_000, |ctx| fit(&frame, &spec, None, ctx));
    }
}
