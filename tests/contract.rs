//! The contract of every kind that predicts a column of rows: one suite, each kind through all of it.

#![allow(clippy::unwrap_used)]

#[path = "shared/row_kinds.rs"]
mod row_kinds;

use pg_affinity::base::{Code, Rng, Tensor, packed};
use pg_affinity::dataset::{Cell, Column, Frame, MISSING_CODE, MISSING_TIME, Values};
use pg_affinity::model::RowKind;
use pg_affinity::serve::Outcome;
use pg_affinity::serve::scorer::{Scorer, Scratch};
use pg_affinity::train::Trained;
use pg_affinity::train::rows::{RowsSpec, evaluate, fit};
use row_kinds::{odd_and_wrong, stops, tampered_is_corrupt, through_the_store, with};
use serde_json::{Value, json};

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
    let (state, tensors) = through_the_store(&t.state, &t.tensors);
    Scorer::load(&spec.kind, &state, &tensors).unwrap()
}

/// The same in the form that a file has for all sessions, which holds what scores and no more.
fn shared(spec: &RowsSpec, t: &Trained) -> Scorer {
    let tensors = packed::in_memory(&stored(spec, t).laid_out()).unwrap();
    Scorer::load(&spec.kind, &t.state, &tensors).unwrap()
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
        let stored = shared(&spec, &t);
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
            let (odd, wrong, code) = odd_and_wrong(input.family);
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
        let keys = ["encoder", "outcome", "hidden", "ensemble", "calibration", "split"];
        tampered_is_corrupt(&t.state, &t.tensors, keys, load);
        let mut bad = t.state.clone();
        bad["hidden"] = json!([64, 31, 7]);
        assert_eq!(load(&bad, &t.tensors), Code::Corrupt);
    }
}

#[test]
fn training_stops_when_asked_and_keeps_to_its_memory() {
    let frame = orders(1500, 5);
    for spec in cases() {
        stops(&format!("{spec:?}"), [0, 5, 50, 200], 50_000, |ctx| fit(&frame, &spec, None, ctx));
    }
}
