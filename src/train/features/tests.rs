use super::*;
use crate::base::{Budget, Code, Pool, Quiet, Rng};
use crate::dataset::{Cell, Column, MISSING_CODE, Values};
use serde_json::json;

fn with<R>(threads: usize, seed: u64, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Products: `maker` follows from `kind`, `weight` from `price`; `fresh` says that the kind is food.
fn products(n: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let (mut price, mut weight, mut kind, mut maker, mut fresh) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..n {
        let (p, k) = (r.normal(), r.below(3) as u32);
        price.push(p.exp());
        weight.push(if r.uniform() < 0.05 { f64::NAN } else { 3.0 * p + 0.1 * r.normal() });
        kind.push(if r.uniform() < 0.05 { MISSING_CODE } else { k });
        maker.push(2 * k + r.below(2) as u32);
        fresh.push(u8::from(k == 1));
    }
    let levels = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("price", Values::Double(price)),
        c("weight", Values::Double(weight)),
        c("kind", Values::Category { codes: kind, levels: levels(&["toys", "food", "books"]) }),
        c("maker", Values::Category { codes: maker, levels: levels(&["A", "B", "C", "D", "E", "F"]) }),
        c("fresh", Values::Bool(fresh)),
        c("same", Values::Real(vec![1.0; n])),
    ])
    .unwrap()
}

fn spec(params: Value) -> FeaturesSpec {
    FeaturesSpec { kind: "pca".into(), time_col: None, group_col: None, params }
}

fn train(frame: &Frame, params: Value) -> (Trained, Features) {
    let s = spec(params);
    let t = with(2, 1, |ctx| fit(frame, &s, None, ctx)).unwrap();
    let f = Features::load(&s.kind, &t.state, &t.tensors).unwrap();
    (t, f)
}

fn fault(frame: &Frame, params: Value) -> crate::base::Error {
    with(1, 1, |ctx| fit(frame, &spec(params), None, ctx)).unwrap_err()
}

#[test]
fn rows_come_back_and_the_report_says_how_well() {
    let (t, f) = train(&products(2000, 1), json!({"width": 4}));
    assert_eq!(f.inputs().len(), 5, "the constant column is left out");
    assert!(t.report.notices.iter().any(|n| n.contains("\"same\" is the same in all rows")), "{:?}", t.report.notices);
    let m = &t.report.metrics;
    assert!(m["columns"]["weight"].as_f64().unwrap() > 0.9 && m["columns"]["kind"].as_f64().unwrap() > 0.9, "{m:?}");
    assert!(m["baseline"]["mean"]["r2"].as_f64().unwrap() < 0.01);
    assert!(m["baseline"]["mean"]["accuracy"].as_f64().unwrap() < 0.4);
    assert!(t.report.evaluated.unwrap() > 0.75);
    let mut s = Scratch::default();
    let row = [Cell::Number(1.0), Cell::Number(0.0), Cell::Text("food"), Cell::Text("C"), Cell::Bool(true)];
    assert_eq!(f.encode(&row, &mut s).unwrap().len(), 4);
    let back: Value = serde_json::from_str(&f.reconstruct(&row, &mut s).unwrap()).unwrap();
    assert_eq!((&back["kind"], &back["fresh"]), (&json!("food"), &json!(true)));
    assert!((back["price"].as_f64().unwrap() - 1.0).abs() < 0.3);
}

#[test]
fn what_is_missing_is_filled_from_the_rest() {
    let (_, f) = train(&products(2000, 1), json!({"width": 5}));
    let mut s = Scratch::default();
    let row = [Cell::Number(4.0), Cell::Missing, Cell::Missing, Cell::Text("C"), Cell::Bool(true)];
    let back: Value = serde_json::from_str(&f.reconstruct(&row, &mut s).unwrap()).unwrap();
    assert_eq!(back["kind"], "food");
    assert!((back["weight"].as_f64().unwrap() - 3.0 * 4f64.ln()).abs() < 1.0, "{back:?}");
    // a text that training never saw is no reason to fail
    let odd = [Cell::Number(4.0), Cell::Missing, Cell::Text("cars"), Cell::Text("C"), Cell::Bool(true)];
    assert!(f.encode(&odd, &mut s).unwrap().iter().all(|x| x.is_finite()));
    assert!(f.encode(&[Cell::Missing; 5], &mut s).unwrap().iter().all(|x| x.is_finite()));
}

#[test]
fn odd_rows_are_named_by_their_worst_column() {
    let (_, f) = train(&products(2000, 1), json!({"width": 4}));
    let mut s = Scratch::default();
    let usual = [Cell::Number(1.0), Cell::Number(0.0), Cell::Text("food"), Cell::Text("C"), Cell::Bool(true)];
    let (usual, _) = f.anomaly(&usual, &mut s).unwrap().unwrap();
    // light for its price; and toys that are fresh
    let odd = [Cell::Number(0.1), Cell::Number(6.0), Cell::Text("food"), Cell::Text("C"), Cell::Bool(true)];
    let (score, column) = f.anomaly(&odd, &mut s).unwrap().unwrap();
    assert!(usual < 3.0 && score > 3.0 * usual && ["price", "weight"].contains(&column), "{usual} {score} {column}");
    let fresh = [Cell::Number(1.0), Cell::Number(0.0), Cell::Text("toys"), Cell::Text("A"), Cell::Bool(true)];
    let (score, column) = f.anomaly(&fresh, &mut s).unwrap().unwrap();
    assert!(score > 3.0 * usual && ["fresh", "kind", "maker"].contains(&column), "{usual} {score} {column}");
    assert_eq!(f.anomaly(&[Cell::Missing; 5], &mut s).unwrap(), None);
}

#[test]
fn versions_are_compared_on_rows_that_neither_has_seen() {
    let frame = products(3000, 4);
    let (narrow, before) = train(&frame, json!({"width": 1}));
    let wide = with(2, 1, |ctx| fit(&frame, &spec(json!({"width": 5})), Some(&before), ctx)).unwrap();
    assert_eq!(wide.report.incumbent.map(|x| (x * 1e9).round()), narrow.report.evaluated.map(|x| (x * 1e9).round()));
    assert!(wide.report.evaluated > wide.report.incumbent);
    // in other scales the deployed version's figure is another one, but it has one
    let scaled = with(2, 1, |ctx| fit(&frame, &spec(json!({"numbers": "standard"})), Some(&before), ctx)).unwrap();
    assert!(scaled.report.incumbent.unwrap() > 0.0);
    // a version that learned from all rows and kept no twin cannot be evaluated
    let tensors: Vec<_> = narrow.tensors.iter().filter(|t| !t.name.starts_with("holdout.")).cloned().collect();
    let blind = Features::load("pca", &narrow.state, &tensors).unwrap();
    let t = with(2, 1, |ctx| fit(&frame, &spec(Value::Null), Some(&blind), ctx)).unwrap();
    assert!(t.report.incumbent.is_none() && t.report.notices.iter().any(|n| n.contains("was not evaluated")), "{:?}", t.report.notices);
}

#[test]
fn relations_that_teach_nothing_are_errors_or_said_aloud() {
    let none = products(0, 1);
    assert_eq!((fault(&none, Value::Null).code, fault(&none, Value::Null).message.as_str()), (Code::Data, "no rows to learn from"));
    let one = products(1, 1);
    assert_eq!(fault(&one, json!({"holdout": 0})).message, "no column to learn from");
    let all = products(30, 1).take(&[7; 30]);
    assert_eq!(fault(&all, json!({"holdout": 0})).message, "no column to learn from");
    assert_eq!(fault(&products(50, 1), json!({"exclude": ["prise"]})).hint.as_deref(), Some("Did you mean \"price\"?"));
    let empty = Frame::new(vec![Column { name: "x".into(), values: Values::Real(vec![f32::NAN; 40]) }]).unwrap();
    assert_eq!(fault(&empty, Value::Null).message, "no column to learn from");
    // a text of which every row has its own value is left out, and so is one of which nearly every row has
    let mut columns = products(500, 1).columns().to_vec();
    for (name, step) in [("sku", 1), ("batch", 2)] {
        let levels = (0..500 / step).map(|i| format!("{name} {i}")).collect();
        columns.push(Column { name: name.into(), values: Values::Category { codes: (0..500).map(|i| i / step as u32).collect(), levels } });
    }
    let t = with(1, 1, |ctx| fit(&Frame::new(columns).unwrap(), &spec(Value::Null), None, ctx)).unwrap();
    let said = t.report.notices.join("; ");
    assert!(
        said.contains("its own value of \"sku\"") && said.contains("\"batch\" are the same in all rows, or too rarely another"),
        "{said}"
    );
    // more components than there is room for
    let (t, f) = train(&products(500, 1), json!({"width": 100, "holdout": 0}));
    assert!(t.report.notices.iter().any(|n| n.contains("not 100")) && t.report.evaluated.is_none());
    assert_eq!(t.params["width"], f.encode(&[Cell::Missing; 5], &mut Scratch::default()).unwrap().len());
}
