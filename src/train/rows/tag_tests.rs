//! Tests of tags as a target, and as an input.

use super::*;
use crate::base::{Budget, Code, Context, Pool, Quiet, Rng};
use crate::dataset::{Cell, Column, Frame, Labels, MISSING_CODE, Values};
use crate::serve::scorer::{Scorer, Scratch};
use crate::train::{MetricRow, Trained};
use serde_json::json;

fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet })
}

const TAGS: [&str; 5] = ["organic", "vegan", "dear", "seldom", "heavy"];

/// Products whose tags follow, each with some chance, from columns; `also` are tags that say what the first one is.
fn products(n: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let (mut price, mut kind, mut ends, mut codes, mut also_ends, mut also) = (vec![], vec![], vec![], vec![], vec![], vec![]);
    for i in 0..n {
        let (p, k) = (r.normal(), r.below(4));
        price.push(p);
        kind.push(k as u32);
        let chances = [[0.9, 0.1, 0.5, 0.05][k], if k == 1 { 0.8 } else { 0.05 }, 1.0 / (1.0 + (-3.0 * p).exp()), 0.002, 0.5];
        let mut first = false;
        if i % 50 == 9 {
            codes.push(MISSING_CODE);
        } else {
            for (tag, chance) in chances.into_iter().enumerate() {
                if r.uniform() < chance {
                    codes.push(tag as u32);
                    first |= tag == 0;
                }
            }
        }
        ends.push(codes.len());
        also.extend(if first { vec![1, 0] } else { vec![0; usize::from(i % 2 == 0)] });
        also_ends.push(also.len());
    }
    let c = |name: &str, values| Column { name: name.into(), values };
    let texts = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    Frame::new(vec![
        c("price", Values::Double(price)),
        c("kind", Values::Category { codes: kind, levels: texts(&["a", "b", "c", "d"]) }),
        c("also", Values::Labels { ends: also_ends, codes: also, levels: texts(&["common", "green"]) }),
        c("tags", Values::Labels { ends, codes, levels: texts(&TAGS) }),
    ])
    .unwrap()
}

fn spec(kind: &str, params: Value) -> RowsSpec {
    let mut all = json!({"ensemble": 1, "epochs": 15, "exclude": ["also"]});
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    RowsSpec { kind: kind.into(), target: "tags".into(), time_col: None, group_col: None, params: all }
}

fn train(f: &Frame, kind: &str, params: Value, threads: usize) -> (Trained, Scorer) {
    let t = with(threads, |ctx| fit(f, &spec(kind, params), None, ctx)).unwrap();
    let s = Scorer::load(kind, &t.state, &t.tensors).unwrap();
    (t, s)
}

fn figure(rows: &[MetricRow], name: &str, k: Option<u32>) -> f64 {
    rows.iter().find(|r| r.metric == name && r.k == k && r.baseline.is_none()).unwrap().value
}

#[test]
fn each_tag_is_learned_by_itself_and_its_probability_is_true() {
    let (f, g) = (products(4000, 1), products(4000, 2));
    let (t, s) = train(&f, "mlp", json!({}), 2);
    assert_eq!((t.report.rows_used, t.report.rows_skipped), (3920, 80));
    let Outcome::Tags(names) = s.outcome() else { panic!() };
    assert_eq!(names[..], ["dear", "heavy", "organic", "seldom", "vegan"]);
    let rows = with(2, |ctx| evaluate(&s, &g, ("tags", None, false), ctx)).unwrap().figures;
    assert!(figure(&rows, "auc", None) > 0.85, "{rows:?}");
    assert!(figure(&rows, "average_precision", None) > 0.75 && figure(&rows, "macro_average_precision", None) > 0.5);
    assert!(figure(&rows, "precision", Some(1)) > 0.75 && figure(&rows, "recall", Some(3)) > 0.8);
    assert!(rows.iter().all(|r| r.k != Some(5)), "a list of all tags says nothing");
    assert!(rows.iter().any(|r| r.baseline.as_deref() == Some("logistic")));
    assert!(t.report.metrics["precision@1"].as_f64().unwrap() > 0.75);
    let p = with(2, |ctx| s.score_frame(&g, ctx)).unwrap();
    for (tag, name) in names.iter().enumerate() {
        let code = TAGS.iter().position(|t| t == name).unwrap() as u32;
        let known: Vec<usize> = (0..4000).filter(|r| r % 50 != 9).collect();
        let mean = known.iter().map(|r| p[[*r, tag]]).sum::<f64>() / known.len() as f64;
        let share =
            known.iter().filter(|r| g.column("tags").unwrap().values.labels(**r).contains(&code)).count() as f64 / known.len() as f64;
        assert!((mean - share).abs() < 0.05, "{name}: {mean} {share}");
    }
    // one row as many
    let mut scratch = Scratch::default();
    let one = s.score(&[Cell::Number(2.0), Cell::Text("b")], &mut scratch).unwrap().to_vec();
    assert_eq!(s.outcome().likeliest(&one, 1).unwrap()[0].0, "dear");
    assert!(s.outcome().likeliest(&one, 2).unwrap()[1].0 == "vegan" && one.iter().sum::<f64>() > 1.5, "{one:?}");
}

#[test]
fn the_same_rows_give_the_same_tags_on_any_threads_and_the_next_version_is_evaluated() {
    let f = products(900, 3);
    let (a, first) = train(&f, "mlp", json!({"epochs": 3}), 1);
    let (b, _) = train(&f, "mlp", json!({"epochs": 3}), 3);
    assert_eq!((&a.tensors, &a.state, &a.report.metrics), (&b.tensors, &b.state, &b.report.metrics));
    let again = with(2, |ctx| fit(&f, &spec("logistic", json!({})), Some(&first), ctx)).unwrap();
    assert!(again.report.incumbent.is_some(), "{:?}", again.report.notices);
}

#[test]
fn tags_are_inputs_too() {
    let f = products(2000, 4);
    let ap = |params: Value| {
        let (t, s) = train(&f, "mlp", params, 2);
        (t.report.metrics["average_precision"].as_f64().unwrap(), s)
    };
    let ((with, s), (without, _)) = (ap(json!({"exclude": []})), ap(json!({})));
    assert!(with > without + 0.02, "{with} {without}");
    let mut scratch = Scratch::default();
    let of = |texts: &[&str], scratch: &mut Scratch| {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        s.score(&[Cell::Number(0.0), Cell::Text("c"), Cell::Labels(Labels::Texts(&texts))], scratch).unwrap()[2]
    };
    assert!(of(&["green", "common"], &mut scratch) > 0.8 && of(&["common"], &mut scratch) < 0.3);
    assert!(of(&["never seen"], &mut scratch).is_finite());
    let e = s.score(&[Cell::Number(0.0), Cell::Text("c"), Cell::Text("green")], &mut scratch).unwrap_err();
    assert_eq!(
        (e.code, e.detail.as_deref()),
        (Code::WrongType, Some("It is the text \"green\"; the model was trained on arrays of text."))
    );
}

#[test]
fn bad_targets_are_named() {
    let f = products(200, 5);
    let e = with(1, |ctx| fit(&f, &spec("linear", json!({})), None, ctx)).unwrap_err();
    assert_eq!((e.code, e.detail.as_deref()), (Code::WrongType, Some("The target holds tags.")));
    let (_, s) = train(&f, "mlp", json!({"epochs": 1}), 1);
    let e = with(1, |ctx| evaluate(&s, &f, ("kind", None, false), ctx)).unwrap_err();
    assert_eq!((e.code, e.detail.as_deref()), (Code::WrongType, Some("It holds text; the model predicts arrays of text.")));
}

#[test]
fn a_tag_of_every_row_is_learned() {
    // a sum of 400 shares of a row passed 1, which is no probability: the training failed
    for n in [320, 400, 2500] {
        let codes = (0..n as u32).flat_map(|i| [0, 1 + i % 2]).collect();
        let levels = ["all", "even", "odd"].map(str::to_owned).to_vec();
        let f = Frame::new(vec![
            Column { name: "x".into(), values: Values::Double((0..n).map(|i| (i % 2) as f64).collect()) },
            Column { name: "tags".into(), values: Values::Labels { ends: (1..=n).map(|i| 2 * i).collect(), codes, levels } },
        ])
        .unwrap();
        let (t, _) = train(&f, "mlp", json!({"exclude": []}), 1);
        assert!(t.report.metrics["log_loss"].as_f64().unwrap() < t.report.metrics["average"]["log_loss"].as_f64().unwrap());
    }
}
