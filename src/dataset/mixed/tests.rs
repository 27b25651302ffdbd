//! Tests of mixed rows.

use super::*;
use crate::base::{Budget, Pool, Quiet};
use crate::dataset::{MISSING_CODE, Values};
use serde_json::json;

fn with<R>(f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    f(&Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet })
}

fn frame() -> Frame {
    let c = |name: &str, values| Column { name: name.into(), values };
    let levels = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let n = 60u32;
    Frame::new(vec![
        c("price", Values::Real((0..n).map(|i| if i % 10 == 3 { f32::NAN } else { [0.1, 2.5, 9.99][i as usize % 3] }).collect())),
        c("brand", Values::Category { codes: (0..n).map(|i| i % 2).collect(), levels: levels(&["National", "Private"]) }),
        c(
            "kind",
            Values::Category {
                codes: (0..n).map(|i| if i < 55 { i % 5 } else { 5 + i % 3 }).collect(),
                levels: levels(&["a", "b", "c", "d", "e", "x", "y", "z"]),
            },
        ),
        c("organic", Values::Bool((0..n).map(|i| (i % 3) as u8).collect())),
        c("since", Values::Time((0..n).map(|i| i64::from(i) * 86_400_000_000).collect())),
        c("shop", Values::Category { codes: vec![0; n as usize], levels: levels(&["Berlin"]) }),
        c(
            "size",
            Values::Category {
                codes: (0..n).map(|i| if i % 4 == 0 { MISSING_CODE } else { i % 2 }).collect(),
                levels: levels(&["S", "L"]),
            },
        ),
    ])
    .unwrap()
}

fn mixed(condition: Option<&str>) -> Mixed {
    let f = frame();
    let names: Vec<&str> = f.columns().iter().map(|c| c.name.as_str()).collect();
    with(|ctx| Mixed::fit(&f, &names, &(0..60).collect::<Vec<_>>(), (4, 100), condition, ctx)).unwrap()
}

#[test]
fn rows_go_to_the_networks_and_come_back() {
    let (f, m) = (frame(), mixed(None));
    // price and since; whether price is missing, brand, organic with missing, size with missing; kind with its rare values is the
    // condition.
    assert_eq!(*m.layout(), Layout { numbers: 2, blocks: vec![2, 2, 3, 3], condition: 6 });
    assert_eq!(m.condition().unwrap().name, "kind");
    assert!((m.shares().iter().sum::<f64>() - 1.0).abs() < 1e-9 && m.shares().len() == 6);
    let all: Vec<u32> = (0..60).collect();
    let rows = with(|ctx| m.rows(&f, &all, ctx)).unwrap();
    let scores = rows.ranks.iter().map(|[low, high]| score(0.5 * (low + high))).collect();
    let g = Generated { scores, levels: rows.levels.clone(), conditions: rows.conditions.clone() };
    let back = m.frame(&g, &mut Rng::new(1)).unwrap();
    for r in 0..60 {
        for (a, b) in f.columns().iter().zip(back.columns()) {
            let (x, y) = (a.values.cell(r), b.values.cell(r));
            match (a.name.as_str(), x, y) {
                // A real comes back as the shortest decimal.
                ("price", Cell::Number(x), Cell::Number(y)) => assert!((x - y).abs() < 1e-6 && [0.1, 2.5, 9.99].contains(&y)),
                // A rare text comes back as one of the rare ones.
                ("kind", Cell::Text(x), Cell::Text(y)) if r >= 55 => assert!("xyz".contains(x) && "xyz".contains(y)),
                (name, x, y) => assert_eq!(x, y, "{name} of row {r}"),
            }
        }
    }
    // The same row by itself, as the critic sees it.
    let mut out = vec![0.0; m.layout().width()];
    let cells: Vec<Cell> = f.columns().iter().map(|c| c.values.cell(7)).collect();
    assert_eq!(m.row(&cells, &mut out).unwrap(), rows.conditions[7]);
    assert_eq!(out[0], score(0.5 * (rows.ranks[14][0] + rows.ranks[14][1])));
    assert_eq!(out[2..].iter().sum::<f32>(), 4.0);
    // What training never met: a text without rare ones says nothing, an unknown condition is told.
    let mut odd = cells.clone();
    odd[1] = Cell::Text("new");
    odd[2] = Cell::Missing;
    assert_eq!(m.row(&odd, &mut out).unwrap(), UNKNOWN);
    assert_eq!(out[2..].iter().sum::<f32>(), 3.0);
    odd[0] = Cell::Text("dear");
    assert_eq!(m.row(&odd, &mut out).unwrap_err().code, Code::WrongType);
}

#[test]
fn any_text_or_truth_value_can_be_the_condition() {
    let m = mixed(Some("organic"));
    assert_eq!((m.layout().condition, m.layout().blocks.clone()), (3, vec![2, 2, 6, 3]));
    let f = frame();
    let fit = |c: &str| {
        let names: Vec<&str> = f.columns().iter().map(|c| c.name.as_str()).collect();
        with(|ctx| Mixed::fit(&f, &names, &[0, 1, 2, 3, 4, 5], (1, 100), Some(c), ctx)).unwrap_err()
    };
    assert_eq!((fit("price").code, fit("shop").code), (Code::WrongType, Code::WrongType));
    assert_eq!((fit("brant").code, fit("brant").hint.as_deref()), (Code::UndefinedColumn, Some("Did you mean \"brand\"?")));
    let only = with(|ctx| Mixed::fit(&f, &["price", "since", "organic"], &[0, 1, 2, 4], (1, 100), None, ctx)).unwrap();
    assert_eq!((only.layout().condition, only.condition()), (0, None));
}

#[test]
fn a_condition_is_met_or_named() {
    let m = mixed(None);
    let rows = with(|ctx| m.rows(&frame(), &(0..60).collect::<Vec<_>>(), ctx)).unwrap();
    let g = Generated { scores: vec![0.0; 120], levels: rows.levels, conditions: rows.conditions };
    let count = |column: &str, value: serde_json::Value| {
        let l = m.asked(column, &value).unwrap();
        (0..60).filter(|r| m.meets(&g, *r, &l)).count()
    };
    assert_eq!((count("brand", json!("Private")), count("organic", json!(true)), count("organic", json!(null))), (30, 20, 20));
    assert_eq!((count("kind", json!("b")), count("size", json!(null)), count("shop", json!("Berlin"))), (11, 15, 60));
    // Rare texts share a level; the one asked for is put in.
    let l = m.asked("kind", &json!("y")).unwrap();
    assert_eq!((l.text.as_deref(), m.is_condition(&l), count("kind", json!("y"))), (Some("y"), true, 5));
    let fault = |column: &str, value: serde_json::Value| m.asked(column, &value).unwrap_err();
    assert_eq!(fault("brandt", json!("Private")).hint.as_deref(), Some("Did you mean \"brand\"?"));
    assert_eq!(fault("brand", json!("Privat")).hint.as_deref(), Some("Did you mean \"Private\"?"));
    assert_eq!(fault("brand", json!("Other")).hint.as_deref(), Some("Values are: National, Private."));
    assert_eq!(
        (fault("brand", json!(3)).code, fault("brand", json!(null)).code, fault("shop", json!("Paris")).code),
        (Code::Data, Code::Data, Code::Data)
    );
    assert_eq!(fault("price", json!(2.5)).code, Code::Unsupported);
}

#[test]
fn stored_columns_come_back_and_hostile_ones_do_not() {
    let m = mixed(None);
    let text = serde_json::to_string(&m).unwrap();
    assert_eq!(serde_json::from_str::<Mixed>(&text).unwrap(), m);
    for (from, to) in [
        ("\"condition\":2", "\"condition\":0"),
        ("\"condition\":2", "\"condition\":99"),
        ("\"family\":\"text\"", "\"family\":\"number\""),
        ("\"frequent\":5", "\"frequent\":50"),
        ("\"National\",\"Private\"", "\"National\",\"National\""),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(serde_json::from_str::<Mixed>(&text.replacen(from, to, 1)).is_err(), "{to}");
    }
}
