//! Tests of the road of `gan`.

use super::compare;
use super::generative::Generative;
use crate::base::{Budget, Code, Context, Error, Pool, Quiet, Rng};
use crate::dataset::{Cell, Column, Frame, MISSING_CODE, Values};
use crate::train::Trained;
use crate::train::features::{Features, FeaturesSpec, fit};
use serde_json::{Value, json};

fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Products: the price follows from `kind`, `weight` from the price, `fresh` says that the kind is food.
fn products(n: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let (mut price, mut weight, mut kind, mut fresh) = (vec![], vec![], vec![], vec![]);
    for _ in 0..n {
        let (p, k) = (r.normal(), r.below(3) as u32);
        let p = (0.3 * p + f64::from(k)).exp();
        price.push((p * 100.0).round() / 100.0);
        weight.push(if r.uniform() < 0.1 { f64::NAN } else { (20.0 * p).round() });
        kind.push(if r.uniform() < 0.05 { MISSING_CODE } else { k });
        fresh.push(u8::from(k == 1));
    }
    let levels = ["toys", "food", "books"].map(str::to_owned).to_vec();
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("price", Values::Double(price)),
        c("weight", Values::Double(weight)),
        c("kind", Values::Category { codes: kind, levels }),
        c("fresh", Values::Bool(fresh)),
        c("currency", Values::Category { codes: vec![0; n], levels: vec!["EUR".into()] }),
    ])
    .unwrap()
}

fn spec(params: Value) -> FeaturesSpec {
    let mut all = json!({"hidden": [32, 32], "noise": 8, "batch": 128, "steps": 500, "epochs": 4, "learning_rate": 0.002});
    all.as_object_mut().unwrap().extend(params.as_object().cloned().unwrap_or_default());
    FeaturesSpec { kind: "gan".into(), time_col: None, group_col: None, params: all }
}

fn load(t: &Trained) -> Features {
    Features::load("gan", &t.state, &t.tensors).unwrap()
}

fn fault(frame: &Frame, params: Value) -> Error {
    with(1, |ctx| fit(frame, &spec(params), None, ctx)).unwrap_err()
}

fn made(model: &Generative, n: usize, condition: &Value) -> crate::base::Result<Vec<serde_json::Map<String, Value>>> {
    let mut rows = model.rows(n, model.asked(condition)?, 3);
    let mut out = Vec::new();
    while let Some(more) = rows.next(model)? {
        out.extend(more.iter().map(|row| serde_json::from_str::<serde_json::Map<_, _>>(row).unwrap()));
    }
    Ok(out)
}

#[test]
fn generated_rows_are_like_the_real_ones() {
    let frame = products(3000, 1);
    let t = with(2, |ctx| fit(&frame, &spec(Value::Null), None, ctx)).unwrap();
    let m = &t.report.metrics;
    let figure = |name: &str| m[name].as_f64().unwrap();
    assert!(figure("two_sample_auc") < 0.75 && figure("ks") < 0.12 && figure("correlation") < 0.1, "{m:?}");
    assert!(m["baseline"]["independent columns"]["two_sample_auc"].as_f64().unwrap() > 0.9, "{m:?}");
    assert!(figure("nearest") > 0.5 && (t.report.evaluated.unwrap() + figure("two_sample_auc")).abs() < 1e-4, "{m:?}");
    assert_eq!((t.report.epochs.len(), &t.params["condition"]), (4, &json!("kind")));
    assert!(t.report.epochs.iter().all(|e| e.metric.as_ref().is_some_and(|m| m.0 == "two_sample_auc") && e.valid_loss.is_some()));

    let features = load(&t);
    let model = features.generates().unwrap();
    let rows = made(model, 3000, &Value::Null).unwrap();
    assert_eq!(rows.len(), 3000);
    assert!(rows.iter().all(|r| r.len() == 5 && r["currency"] == "EUR" && r["fresh"].is_boolean()));
    let share = |f: &dyn Fn(&serde_json::Map<String, Value>) -> bool| rows.iter().filter(|r| f(r)).count() as f64 / 3000.0;
    assert!((share(&|r| r["weight"].is_null()) - 0.1).abs() < 0.06 && (share(&|r| r["kind"].is_null()) - 0.05).abs() < 0.02);
    assert!(share(&|r| r["kind"].is_null() || (r["kind"] == "food") == (r["fresh"] == true)) > 0.95);
    // Whole numbers are whole, prices have cents.
    assert!(rows.iter().all(|r| r["weight"].is_null() || r["weight"].is_i64()));
    assert!(rows.iter().all(|r| r["price"].as_f64().is_some_and(|p| (p * 100.0 - (p * 100.0).round()).abs() < 1e-6)));

    // The same call makes the same rows, a shorter one the first of them.
    assert!(made(model, 700, &Value::Null).unwrap()[..] == rows[..700]);
    assert!(made(model, 0, &Value::Null).unwrap().is_empty());
    // Conditions: what the networks were given, and what has to be waited for.
    for condition in [json!({"kind": "books"}), json!({"fresh": true}), json!({"kind": "food", "fresh": true, "currency": "EUR"})] {
        let rows = made(model, 300, &condition).unwrap();
        assert_eq!(rows.len(), 300);
        assert!(rows.iter().all(|r| condition.as_object().unwrap().iter().all(|(k, v)| r[k] == *v)), "{condition}");
    }
    let e = made(model, 10, &json!({"kind": "books", "fresh": true}));
    // Books are never fresh: either the networks know, or the rows are what was asked for.
    assert!(e.map_or_else(|e| e.code == Code::Data, |rows| rows.len() == 10));
}

#[test]
fn the_critic_tells_odd_rows_and_figures_are_those_of_the_rows() {
    let frame = products(3000, 2);
    let t = with(2, |ctx| fit(&frame, &spec(Value::Null), None, ctx)).unwrap();
    let features = load(&t);
    let model = features.generates().unwrap();
    let names: Vec<&str> = model.inputs().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["price", "weight", "kind", "fresh", "currency"]);
    let mean = |f: &Frame| {
        let row = |r: usize| f.columns().iter().map(|c| c.values.cell(r)).collect::<Vec<_>>();
        (0..500).map(|r| model.realism(&row(r)).unwrap()).sum::<f64>() / 500.0
    };
    let fresh = products(500, 3);
    let shuffled = with(1, |ctx| compare::independent(&fresh, ctx)).unwrap();
    let (real, odd) = (mean(&fresh), mean(&shuffled));
    assert!((0.4..0.6).contains(&real) && odd < real - 0.05, "{real} {odd}");
    assert_eq!(model.look(&[Cell::Missing; 5]).unwrap().0.len(), 32);
    assert_eq!(model.look(&[Cell::Text("x"); 5]).unwrap_err().code, Code::WrongType);

    let figures = with(2, |ctx| model.evaluate(&fresh, ctx)).unwrap();
    let of = |baseline: bool, name: &str| figures.iter().find(|f| f.baseline.is_some() == baseline && f.metric == name).unwrap().value;
    assert!(of(false, "two_sample_auc") < of(true, "two_sample_auc") && of(false, "ks.price") < 0.2 && of(false, "nearest") > 0.5);
    assert!(figures.iter().any(|f| f.metric == "tv.fresh"));

    // A later version is evaluated beside it on rows that neither saw.
    let next = with(2, |ctx| fit(&frame, &spec(json!({"steps": 5})), Some(&features), ctx)).unwrap();
    assert!(next.report.incumbent.unwrap() > next.report.evaluated.unwrap(), "{:?}", next.report.metrics);
    let other = with(2, |ctx| fit(&frame, &spec(json!({"steps": 5, "holdout": 0.3})), Some(&features), ctx)).unwrap();
    assert!(other.report.incumbent.is_none() && other.report.notices.iter().any(|n| n.contains("was not evaluated")));
}

#[test]
fn the_same_rows_and_seed_give_the_same_model_on_any_threads() {
    let frame = products(600, 4);
    let s = spec(json!({"steps": 10, "epochs": 2, "batch": 200}));
    let once = |threads| with(threads, |ctx| fit(&frame, &s, None, ctx)).unwrap();
    let (a, b) = (once(1), once(3));
    assert_eq!((a.tensors, a.state, a.report.metrics), (b.tensors, b.state, b.report.metrics));
}

#[test]
fn odd_relations_are_errors_or_said_aloud() {
    assert_eq!(fault(&products(0, 1), Value::Null).message, "no rows to learn from");
    assert_eq!(fault(&products(1, 1), json!({"holdout": 0, "validation": 0})).message, "no column to learn from");
    assert_eq!(fault(&products(20, 1).take(&[3; 20]), json!({"holdout": 0})).message, "no column to learn from");
    assert_eq!(fault(&products(50, 1), json!({"hidden": []})).code, Code::InvalidParameter);
    assert_eq!(fault(&products(50, 1), json!({"condition": "price"})).code, Code::WrongType);
    assert_eq!(fault(&products(50, 1), json!({"condition": "kint"})).hint.as_deref(), Some("Did you mean \"kind\"?"));
    assert_eq!(fault(&products(500, 1), json!({"learning_rate": 1, "steps": 300})).message, "training diverged");
    // Two rows, one category, an array: few, but no fault.
    let two = products(2, 5);
    let t = with(1, |ctx| fit(&two, &spec(json!({"holdout": 0, "validation": 0, "steps": 3})), None, ctx)).unwrap();
    assert!(t.report.evaluated.is_none() && made(load(&t).generates().unwrap(), 5, &Value::Null).unwrap().len() == 5);
    let mut columns = products(200, 6).columns()[..2].to_vec();
    columns.push(Column { name: "embedding".into(), values: Values::Vector { width: 2, values: vec![0.5; 400] } });
    columns.push(Column { name: "only".into(), values: Values::Category { codes: vec![0; 200], levels: vec!["one".into()] } });
    let t = with(1, |ctx| fit(&Frame::new(columns).unwrap(), &spec(json!({"steps": 3})), None, ctx)).unwrap();
    assert!(t.report.notices.iter().any(|n| n == "arrays are not generated: \"embedding\" left out"), "{:?}", t.report.notices);
    assert_eq!(t.params["condition"], Value::Null);
    assert!(made(load(&t).generates().unwrap(), 5, &json!({"only": "one"})).unwrap().iter().all(|r| r.len() == 3));
}

#[test]
fn hostile_states_are_refused() {
    let t = with(1, |ctx| fit(&products(300, 7), &spec(json!({"steps": 2})), None, ctx)).unwrap();
    let bad = |change: &dyn Fn(&mut Value)| {
        let mut state = t.state.clone();
        change(&mut state);
        Features::load("gan", &state, &t.tensors).map(|_| ()).unwrap_err().code
    };
    assert_eq!(bad(&|s| s["spec"]["layout"]["numbers"] = json!(7)), Code::Corrupt);
    assert_eq!(bad(&|s| s["spec"]["hidden"] = json!([])), Code::Corrupt);
    assert_eq!(bad(&|s| s["spec"]["hidden"] = json!([32, 64])), Code::Corrupt);
    assert_eq!(bad(&|s| s["real"]["scores"] = json!([])), Code::Corrupt);
    assert_eq!(bad(&|s| s["real"]["scores"] = json!([2, 1])), Code::Corrupt);
    assert_eq!(bad(&|s| s["mixed"]["condition"] = json!(0)), Code::Corrupt);
    assert_eq!(bad(&|s| *s = json!(3)), Code::Corrupt);
}
