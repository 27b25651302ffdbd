//! Free text in models that describe rows: what a product is may stand in its description alone.

use super::*;
use crate::base::{Budget, Code, Pool, Quiet, Rng};
use crate::dataset::{Cell, Column, Values};
use serde_json::json;

fn train(frame: &Frame, kind: &str, params: Value) -> Trained {
    let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let spec = FeaturesSpec { kind: kind.into(), time_col: None, group_col: None, params };
    fit(frame, &spec, None, &ctx).unwrap()
}

/// Products whose kind stands in their description alone, in two languages.
fn described(n: usize) -> (Frame, Vec<usize>) {
    let mut r = Rng::new(8);
    let kinds: Vec<usize> = (0..n).map(|i| i % 3).collect();
    let pick = |r: &mut Rng, words: [&'static str; 4]| words[r.below(4)];
    let levels = kinds
        .iter()
        .enumerate()
        .map(|(i, kind)| match (kind, i % 2) {
            (0, 0) => format!("{} red wine number {i}", pick(&mut r, ["dry", "sweet", "old", "young"])),
            (0, _) => format!("{}红葡萄酒{i}号", pick(&mut r, ["法国", "意大利", "西班牙", "智利"])),
            (1, 0) => format!("{} denim trousers size {i}", pick(&mut r, ["blue", "black", "slim", "wide"])),
            (1, _) => format!("{}牛仔长裤{i}码", pick(&mut r, ["蓝色", "黑色", "修身", "宽松"])),
            (_, 0) => format!("{} desk lamp type {i}", pick(&mut r, ["bright", "small", "tall", "green"])),
            _ => format!("{}护眼台灯{i}型", pick(&mut r, ["明亮", "小型", "高挑", "绿色"])),
        })
        .collect();
    let c = |name: &str, values| Column { name: name.into(), values };
    let frame = Frame::new(vec![
        c("price", Values::Double((0..n).map(|_| r.normal()).collect())),
        c("stock", Values::Double((0..n).map(|_| r.normal()).collect())),
        c("about", Values::Category { codes: (0..n as u32).collect(), levels }),
    ])
    .unwrap();
    (frame, kinds)
}

#[test]
fn free_text_is_in_the_code_of_a_row() {
    let (frame, kinds) = described(900);
    let cases = [
        ("pca", json!({"width": 8})),
        ("autoencoder", json!({"width": 8, "hidden": [32], "epochs": 30, "batch": 64, "learning_rate": 0.01})),
        ("segments", json!({"k": 6, "exclude": ["price", "stock"]})),
    ];
    for (kind, params) in cases {
        let t = train(&frame, kind, params);
        let f = Features::load(kind, &t.state, &t.tensors).unwrap();
        let mut s = Scratch::default();
        let code = |row: usize, s: &mut Scratch| {
            let cells: Vec<Cell<'_>> = f.inputs().iter().map(|i| frame.column(&i.name).unwrap().values.cell(row)).collect();
            f.encode(&cells, s).unwrap().to_vec()
        };
        let codes: Vec<Vec<f32>> = (0..900).map(|r| code(r, &mut s)).collect();
        let apart = |a: usize, b: usize| codes[a].iter().zip(&codes[b]).map(|(x, y)| (x - y).powi(2)).sum::<f32>();
        let alike = (0..300)
            .filter(|&a| {
                let near = (0..900).filter(|b| *b != a).min_by(|b, c| apart(a, *b).total_cmp(&apart(a, *c))).unwrap();
                kinds[near] == kinds[a]
            })
            .count();
        assert!(alike > 240, "{kind} {alike}");
        // no text comes back; a missing one and one of other words are taken
        let row =
            |about| -> Vec<Cell<'_>> { f.inputs().iter().map(|i| if i.name == "about" { about } else { Cell::Number(0.5) }).collect() };
        for about in [Cell::Missing, Cell::Text(""), Cell::Text("ни слова")] {
            assert!(f.encode(&row(about), &mut s).unwrap().iter().all(|x| x.is_finite()));
            let back: Value = serde_json::from_str(&f.reconstruct(&row(about), &mut s).unwrap()).unwrap();
            assert_eq!(back.get("about"), Some(&Value::Null));
        }
        assert_eq!(f.encode(&row(Cell::Number(1.0)), &mut s).unwrap_err().code, Code::WrongType);
        // and it can be told to leave it alone
        let t = train(&frame, kind, json!({"text": [], "include": ["about"], "min_count": 1, "max_levels": 50}));
        let f = Features::load(kind, &t.state, &t.tensors).unwrap();
        assert!(f.inputs().iter().any(|i| i.name == "about"));
    }
}
