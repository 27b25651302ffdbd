//! The contract of every kind that describes rows, learned without a target: one suite, each kind through all of it.

#![allow(clippy::unwrap_used)]

#[path = "shared/row_kinds.rs"]
mod row_kinds;

use pg_affinity::base::{Code, Rng, Tensor, packed};
use pg_affinity::dataset::{Cell, Column, Frame, MISSING_CODE, MISSING_TIME, Values};
use pg_affinity::model::RowKind;
use pg_affinity::train::Trained;
use pg_affinity::train::features::{Features, FeaturesSpec, Scratch, fit};
use row_kinds::{odd_and_wrong, stops, tampered_is_corrupt, through_the_store, with};
use serde_json::{Value, json};

/// Products with a column of every family, each with holes; all follow from two hidden numbers and the kind.
fn products(rows: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let (mut price, mut weight, mut fresh, mut kind, mut maker, mut since, mut taste) =
        (vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rows {
        let (a, b, k) = (r.normal(), r.normal(), r.below(4) as u32);
        let hole = |r: &mut Rng| r.uniform() < 0.03;
        price.push(if hole(&mut r) { f64::NAN } else { (a + 0.05 * r.normal()).exp() });
        weight.push(if hole(&mut r) { f32::NAN } else { (a + b) as f32 });
        fresh.push(if hole(&mut r) { 2 } else { u8::from(k < 2) });
        kind.push(if hole(&mut r) { MISSING_CODE } else { k });
        maker.push(2 * k + u32::from(b > 0.0));
        since.push(if hole(&mut r) { MISSING_TIME } else { ((b * 100.0) as i64 + 9000) * 86_400_000_000 });
        taste.extend(if hole(&mut r) { [f32::NAN; 2] } else { [b as f32, (a - b) as f32] });
    }
    let text = |codes, n: u32| Values::Category { codes, levels: (0..n).map(|i| format!("l{i}")).collect() };
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("price", Values::Double(price)),
        c("weight", Values::Real(weight)),
        c("fresh", Values::Bool(fresh)),
        c("kind", text(kind, 4)),
        c("maker", text(maker, 8)),
        c("since", Values::Time(since)),
        c("taste", Values::Vector { width: 2, values: taste }),
    ])
    .unwrap()
}

/// Every kind, with parameters that make it quick.
fn cases() -> Vec<FeaturesSpec> {
    let spec = |kind: RowKind| {
        let params = match kind {
            RowKind::Pca => json!({"width": 6}),
            RowKind::Autoencoder => json!({"width": 6, "hidden": [48, 24], "epochs": 30, "batch": 128, "learning_rate": 0.01}),
            RowKind::Segments => json!({"k": 12, "starts": 2, "categories": 3}),
            RowKind::Gan => json!({"hidden": [16, 8], "noise": 4, "batch": 64, "steps": 20, "epochs": 2}),
            _ => json!({}),
        };
        FeaturesSpec { kind: kind.name().into(), time_col: None, group_col: None, params }
    };
    let all: Vec<_> = RowKind::ALL.into_iter().filter(|k| !k.needs_target()).map(spec).collect();
    assert!(!all.is_empty());
    all
}

/// Whether a kind gives rows back.
fn rebuilds(spec: &FeaturesSpec) -> bool {
    ["pca", "autoencoder", "segments"].contains(&spec.kind.as_str())
}

fn train(spec: &FeaturesSpec, rows: usize) -> Trained {
    with(2, 1, |ctx| fit(&products(rows, 1), spec, None, ctx)).unwrap()
}

/// Out to what the tables hold and back: JSON text, and bytes by element type; and from there into the form that a file has for all.
fn stored(spec: &FeaturesSpec, t: &Trained) -> Features {
    let (state, tensors) = through_the_store(&t.state, &t.tensors);
    let own = Features::load(&spec.kind, &state, &tensors).unwrap();
    Features::load(&spec.kind, &state, &packed::in_memory(&own.laid_out()).unwrap()).unwrap()
}

fn cells<'f>(f: &Features, frame: &'f Frame, row: usize) -> Vec<Cell<'f>> {
    f.inputs().iter().map(|i| frame.column(&i.name).unwrap().values.cell(row)).collect()
}

#[test]
fn the_stored_model_describes_rows_as_the_live_one_does() {
    let frame = products(100, 2);
    for spec in cases() {
        let t = train(&spec, 800);
        let (live, stored) = (Features::load(&spec.kind, &t.state, &t.tensors).unwrap(), stored(&spec, &t));
        let (mut a, mut b) = (Scratch::default(), Scratch::default());
        for row in 0..100 {
            let row = cells(&live, &frame, row);
            let (x, y) = (live.encode(&row, &mut a).unwrap().to_vec(), stored.encode(&row, &mut b).unwrap());
            assert!(x == y && !x.is_empty() && x.iter().all(|x| x.is_finite()), "{spec:?}");
            if rebuilds(&spec) {
                let back = stored.reconstruct(&row, &mut b).unwrap();
                assert_eq!(back, live.reconstruct(&row, &mut a).unwrap());
                let columns: serde_json::Map<String, Value> = serde_json::from_str(&back).unwrap();
                assert_eq!(columns.len(), live.inputs().len());
                // whatever was in the buffers before
                assert_eq!(back, stored.reconstruct(&row, &mut Scratch::default()).unwrap());
                assert_eq!(live.anomaly(&row, &mut a).unwrap(), stored.anomaly(&row, &mut b).unwrap());
            }
        }
    }
}

#[test]
fn same_rows_and_seed_same_weights_whatever_the_threads() {
    let frame = products(700, 3);
    for spec in cases() {
        let once = |threads, seed| with(threads, seed, |ctx| fit(&frame, &spec, None, ctx)).unwrap();
        let (a, b) = (once(1, 4), once(3, 4));
        assert_eq!(a.tensors, b.tensors, "{spec:?}");
        assert_eq!((&a.state, &a.params, &a.report.metrics), (&b.state, &b.params, &b.report.metrics));
    }
}

#[test]
fn each_kind_learns() {
    for spec in cases().into_iter().filter(rebuilds) {
        let t = train(&spec, 3000);
        let m = &t.report.metrics;
        let of = |from: &Value, name: &str| from[name].as_f64().unwrap();
        let (own, mean) = (json!(m), &m["baseline"]["mean"]);
        // A dozen typical rows say less of a row than six numbers do.
        let (r2, accuracy) = if spec.kind == "segments" { (0.3, 0.2) } else { (0.5, 0.4) };
        assert!(of(&own, "r2") > of(mean, "r2") + r2 && of(&own, "accuracy") > of(mean, "accuracy") + accuracy, "{} {m:?}", spec.kind);
        assert!(t.report.evaluated.is_some());
    }
}

#[test]
fn missing_and_unknown_values_are_taken_and_wrong_ones_are_named() {
    for spec in cases() {
        let f = stored(&spec, &train(&spec, 800));
        let mut scratch = Scratch::default();
        let blank = vec![Cell::Missing; f.inputs().len()];
        assert!(f.encode(&blank, &mut scratch).unwrap().iter().all(|x| x.is_finite()));
        for (i, input) in f.inputs().iter().enumerate() {
            let mut row = blank.clone();
            let (odd, wrong, code) = odd_and_wrong(input.family);
            row[i] = odd;
            assert!(f.encode(&row, &mut scratch).unwrap().iter().all(|x| x.is_finite()), "{input:?}");
            if rebuilds(&spec) {
                let (score, column) = f.anomaly(&row, &mut scratch).unwrap().unwrap();
                assert!(score.is_finite() && column == input.name);
            }
            row[i] = wrong;
            let e = f.encode(&row, &mut scratch).unwrap_err();
            assert_eq!(e.code, code);
            assert!(e.message.contains(&input.name) && e.detail.is_some() && e.hint.is_some(), "{e:?}");
        }
        assert_eq!(f.encode(&blank[1..], &mut scratch).unwrap_err().code, Code::ArrayLength);
    }
}

#[test]
fn tampered_versions_are_corrupt_and_nothing_panics() {
    for spec in cases() {
        let t = train(&spec, 300);
        let load = |state: &Value, tensors: &[Tensor]| Features::load(&spec.kind, state, tensors).map(|_| ()).unwrap_err().code;
        // What later rows are held against serves nothing else: versions of 0.1.0 lack it.
        let keys = t.state.as_object().unwrap().keys().map(String::as_str).filter(|k| *k != pg_affinity::dataset::reference::KEY);
        tampered_is_corrupt(&t.state, &t.tensors, keys, load);
    }
}

#[test]
fn training_stops_when_asked_and_keeps_to_its_memory() {
    let frame = products(1500, 5);
    for spec in cases() {
        stops(&format!("{spec:?}"), [0, 2, 5, 10], 2_000, |ctx| fit(&frame, &spec, None, ctx));
    }
}
