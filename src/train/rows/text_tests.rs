//! Tests of free text as an input.

use super::*;
use crate::base::{Budget, Code, Context, Pool, Quiet, Rng};
use crate::dataset::{Cell, Column, Frame, MISSING_CODE, Values};
use crate::serve::scorer::{Scorer, Scratch};
use crate::train::Trained;
use serde_json::json;

fn with<R>(threads: usize, memory: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::new(memory));
    f(&Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Products whose department hangs on words of their titles, in English and in Chinese; each title stands once.
fn titles(n: usize, seed: u64) -> Frame {
    const WORDS: [(&str, [&str; 4], [&str; 3]); 3] = [
        ("drinks", ["red wine", "cold beer", "apple juice", "green tea"], ["红葡萄酒", "绿茶饮料", "苹果汁"]),
        ("clothes", ["cotton shirt", "winter coat", "summer dress", "wool socks"], ["连衣裙", "冬季外套", "纯棉袜子"]),
        ("toys", ["toy train", "board game", "puzzle box", "teddy bear"], ["玩具火车", "拼图游戏", "泰迪熊"]),
    ];
    const FILLER: [&str; 6] = ["premium", "value pack", "new", "新款", "特价", "classic"];
    let mut r = Rng::new(seed);
    let (mut levels, mut codes, mut kinds, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 0..n {
        let kind = r.below(3);
        let (_, english, chinese) = &WORDS[kind];
        let own = if r.below(2) == 0 { english[r.below(4)] } else { chinese[r.below(3)] };
        levels.push(format!("{} {own} {} {}", FILLER[r.below(6)], FILLER[r.below(6)], r.below(100_000)));
        codes.push(if i % 40 == 3 { MISSING_CODE } else { i as u32 });
        kinds.push(kind as u32);
        sizes.push(r.normal());
    }
    let departments = WORDS.iter().map(|w| w.0.to_owned()).collect();
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("title", Values::Category { codes, levels }),
        c("size", Values::Double(sizes)),
        c("department", Values::Category { codes: kinds, levels: departments }),
    ])
    .unwrap()
}

fn spec(params: Value) -> RowsSpec {
    let mut all = json!({"ensemble": 2, "epochs": 20});
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    RowsSpec { kind: "mlp".into(), target: "department".into(), time_col: None, group_col: None, params: all }
}

fn train(f: &Frame, params: Value, threads: usize) -> (Trained, Scorer) {
    let t = with(threads, usize::MAX, |ctx| fit(f, &spec(params), None, ctx)).unwrap();
    let s = Scorer::load("mlp", &t.state, &t.tensors).unwrap();
    (t, s)
}

fn accuracy(s: &Scorer, f: &Frame) -> f64 {
    let rows = with(2, usize::MAX, |ctx| evaluate(s, f, ("department", None, false), ctx)).unwrap().figures;
    rows.iter().find(|r| r.metric == "accuracy" && r.baseline.is_none()).unwrap().value
}

#[test]
fn titles_are_learned_by_their_words_in_both_languages() {
    let (f, g) = (titles(1500, 1), titles(500, 2));
    let (t, s) = train(&f, json!({}), 2);
    assert!(t.report.notices.is_empty(), "{:?}", t.report.notices);
    assert_eq!(s.inputs().len(), 2);
    let text = t.tensors.iter().find(|t| t.name == "layer1.text").unwrap();
    assert!(text.shape[0] >= 2048 && text.shape[1] == 12 && text.numbers.dtype() == "i8", "four factors a class: {:?}", text.shape);
    let right = accuracy(&s, &g);
    assert!(right > 0.95, "{right}");
    // the same column as a category says nothing of new titles
    let (_, other) = train(&f, json!({"text": [], "include": ["title"]}), 2);
    assert!(accuracy(&other, &g) < 0.6);
    assert_eq!(t.tensors, train(&f, json!({}), 1).0.tensors);
    // a row alone, by names that training has not seen, and without a title
    let mut scratch = Scratch::default();
    let best = |s: &Scorer, title: Cell<'_>, scratch: &mut Scratch| {
        s.outcome().class(s.score(&[title, Cell::Number(0.0)], scratch).unwrap(), &[]).unwrap().to_owned()
    };
    assert_eq!(best(&s, Cell::Text("MINERAL WINE"), &mut scratch), "drinks");
    assert_eq!(best(&s, Cell::Text("女士连衣裙"), &mut scratch), "clothes");
    assert_eq!(best(&s, Cell::Text("电动玩具火车"), &mut scratch), "toys");
    let all = with(2, usize::MAX, |ctx| s.score_frame(&g, ctx)).unwrap();
    for i in (0..500).step_by(7).chain([3]) {
        let row: Vec<Cell> = s.inputs().iter().map(|c| g.column(&c.name).unwrap().values.cell(i)).collect();
        for (a, b) in s.score(&row, &mut scratch).unwrap().iter().zip(all.row(i)) {
            assert!((a - b).abs() < 1e-5, "row {i}: {a} {b}");
        }
    }
}

#[test]
fn a_text_alone_is_enough_and_the_next_version_is_evaluated_beside_it() {
    let f = titles(800, 3);
    let (_, first) = train(&f, json!({"exclude": ["size"], "epochs": 8}), 1);
    let again = with(2, usize::MAX, |ctx| fit(&f, &spec(json!({"exclude": ["size"], "hidden": [16]})), Some(&first), ctx)).unwrap();
    assert!(again.report.incumbent.is_some(), "{:?}", again.report.notices);
    let s = Scorer::load("mlp", &again.state, &again.tensors).unwrap();
    assert!(accuracy(&s, &titles(300, 4)) > 0.9);
    // a linear model reads texts too
    let linear = RowsSpec { kind: "logistic".into(), ..spec(json!({})) };
    let t = with(2, usize::MAX, |ctx| fit(&f, &linear, None, ctx)).unwrap();
    assert!(accuracy(&Scorer::load("logistic", &t.state, &t.tensors).unwrap(), &titles(300, 4)) > 0.9);
}

#[test]
fn columns_of_text_may_be_listed_and_bad_ones_are_named() {
    let f = titles(300, 5);
    let fault = |params: Value| with(1, usize::MAX, |ctx| fit(&f, &spec(params), None, ctx)).unwrap_err();
    assert_eq!(fault(json!({"text": ["titel"]})).hint.as_deref(), Some("Did you mean \"title\"?"));
    let e = fault(json!({"text": ["size"]}));
    assert_eq!((e.code, e.message.as_str()), (Code::WrongType, "column \"size\" holds no text"));
    assert_eq!(e.detail.as_deref(), Some("Parameter \"text\" names it; it holds numbers."));
    assert_eq!(fault(json!({"text_bits": 30})).message, "parameter \"text_bits\" is out of range");
    let (t, _) = train(&f, json!({"text": ["title"], "text_bits": 8, "epochs": 1, "ensemble": 1}), 1);
    let shape = &t.tensors.iter().find(|t| t.name == "layer1.text").unwrap().shape;
    assert_eq!(shape[..], [256, 64]);
}

#[test]
fn many_distinct_texts_fit_into_little_memory() {
    // 50,000 titles as a dense matrix of 2^15 inputs would be 6.5 GB
    let f = titles(50_000, 6);
    let few = json!({"epochs": 1, "ensemble": 1, "hidden": [16], "text_bits": 15, "refit": false});
    let s = spec(few.clone());
    let t = with(2, 96 << 20, |ctx| fit(&f, &s, None, ctx)).unwrap();
    assert!(t.report.metrics["accuracy"].as_f64().unwrap() > 0.7, "{:?}", t.report.metrics);
    let e = with(2, 4 << 20, |ctx| fit(&f, &s, None, ctx)).unwrap_err();
    assert_eq!(e.code, Code::OutOfMemory);
}
