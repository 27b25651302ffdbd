use super::*;
use crate::base::{Budget, Code, Context, Pool, Quiet, Rng};
use crate::dataset::{Cell, Column, Frame, MISSING_CODE, Values};
use crate::serve::scorer::{Scorer, Scratch};
use crate::train::Trained;
use serde_json::json;

pub(super) fn with<R>(threads: usize, seed: u64, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Visits to a shop: `bought` follows from price and channel; `spent` is a number, `next` one of three texts.
fn visits(n: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let (mut price, mut age, mut channel, mut bought, mut spent, mut next, mut day) =
        (vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
    for i in 0..n {
        let (p, a, c) = (r.normal(), r.normal(), r.below(3) as u32);
        let z = 1.5 * p - a * a + f64::from(c);
        price.push((2.0 * p).exp());
        age.push(if r.uniform() < 0.1 { f64::NAN } else { a });
        channel.push(if r.uniform() < 0.05 { MISSING_CODE } else { c });
        bought.push(if i % 50 == 7 { 2 } else { u8::from(r.uniform() < 1.0 / (1.0 + (-2.0 * z).exp())) });
        spent.push(100.0 + 10.0 * z + r.normal());
        next.push(if z > 1.0 {
            2
        } else if z > -0.5 {
            c % 2
        } else {
            1
        });
        day.push((i / 10) as i64 * 86_400_000_000);
    }
    let levels = |t: [&str; 3]| t.map(str::to_owned).to_vec();
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("price", Values::Double(price)),
        c("age", Values::Double(age)),
        c("channel", Values::Category { codes: channel, levels: levels(["web", "app", "shop"]) }),
        c("bought", Values::Bool(bought)),
        c("spent", Values::Double(spent)),
        c("next", Values::Category { codes: next, levels: levels(["toys", "food", "books"]) }),
        c("day", Values::Time(day)),
    ])
    .unwrap()
}

fn spec(kind: &str, target: &str, params: Value) -> RowsSpec {
    let others: Vec<&str> = ["bought", "spent", "next"].into_iter().filter(|t| *t != target).collect();
    let mut all = json!({"exclude": others, "epochs": 30, "hidden": [32, 16], "ensemble": 1});
    if kind != "mlp" {
        all.as_object_mut().unwrap().remove("hidden");
    }
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    RowsSpec { kind: kind.into(), target: target.into(), time_col: None, group_col: None, params: all }
}

pub(super) fn train(f: &Frame, s: &RowsSpec, seed: u64) -> (Trained, Scorer) {
    let t = with(2, seed, |ctx| fit(f, s, None, ctx)).unwrap();
    let scorer = Scorer::load(&s.kind, &t.state, &t.tensors).unwrap();
    (t, scorer)
}

fn fault(f: &Frame, s: &RowsSpec) -> (Code, String, String, String) {
    let e = with(1, 0, |ctx| fit(f, s, None, ctx)).unwrap_err();
    (e.code, e.message, e.detail.unwrap_or_default(), e.hint.unwrap_or_default())
}

#[test]
fn every_outcome_is_learned_and_beats_the_simple_model() {
    let (f, g) = (visits(6000, 1), visits(3000, 2));
    let figure = |rows: &[crate::train::MetricRow], baseline: Option<&str>, name: &str| {
        rows.iter().find(|r| r.metric == name && r.baseline.as_deref() == baseline).unwrap().value
    };
    for (kind, target, name, least, simple) in
        [("mlp", "bought", "auc", 0.90, "logistic"), ("mlp", "next", "accuracy", 0.85, "logistic"), ("mlp", "spent", "r2", 0.85, "linear")]
    {
        let (t, s) = train(&f, &spec(kind, target, json!({})), 1);
        assert_eq!(t.report.rows_used + t.report.rows_skipped, 6000);
        assert_eq!(t.report.rows_skipped, if target == "bought" { 120 } else { 0 });
        let rows = with(1, 0, |ctx| evaluate(&s, &g, (target, None, false), ctx)).unwrap().figures;
        let (own, other) = (figure(&rows, None, name), figure(&rows, Some(simple), name));
        assert!(own > least && own > other, "{target}: {own} {other}");
        // what the report says of the held-out rows holds on new ones
        assert!((t.report.metrics[name].as_f64().unwrap() - own).abs() < 0.06, "{:?} {own}", t.report.metrics);
        assert!((t.report.metrics["baseline"][name].as_f64().unwrap() - other).abs() < 0.05);
        assert!(t.report.evaluated.is_some() && t.report.incumbent.is_none());
    }
    let (_, s) = train(&f, &spec("logistic", "bought", json!({})), 1);
    assert!(figure(&with(1, 0, |ctx| evaluate(&s, &g, ("bought", None, false), ctx)).unwrap().figures, None, "auc") > 0.75);
}

#[test]
fn the_same_rows_and_seed_give_the_same_model_on_any_threads() {
    let f = visits(1500, 3);
    let s = spec("mlp", "bought", json!({"epochs": 4, "ensemble": 2}));
    let once = |threads, seed| with(threads, seed, |ctx| fit(&f, &s, None, ctx)).unwrap();
    let (a, b) = (once(1, 5), once(3, 5));
    assert_eq!((a.tensors.clone(), &a.state, &a.report.metrics), (b.tensors, &b.state, &b.report.metrics));
    assert_ne!(a.tensors, once(1, 6).tensors);
}

#[test]
fn probabilities_are_calibrated() {
    let (f, g) = (visits(4000, 4), visits(6000, 5));
    let (_, s) = train(&f, &spec("mlp", "bought", json!({})), 2);
    let p = with(1, 0, |ctx| s.score_frame(&g, ctx)).unwrap();
    let Values::Bool(y) = &g.column("bought").unwrap().values else { panic!() };
    for band in 0..5 {
        let rows: Vec<usize> = (0..6000).filter(|i| y[*i] < 2 && (p[[*i, 0]] * 5.0) as usize == band).collect();
        let (n, mean) = (rows.len() as f64, rows.iter().map(|i| p[[*i, 0]]).sum::<f64>() / rows.len() as f64);
        let share = rows.iter().filter(|i| y[**i] == 1).count() as f64 / n;
        assert!((mean - share).abs() < 0.04 + 2.0 * (0.25 / n).sqrt(), "{band}: {mean} {share} of {n}");
    }
}

#[test]
fn the_deployed_version_is_evaluated_on_rows_that_neither_saw() {
    let f = visits(3000, 6);
    let weak = spec("mlp", "bought", json!({"epochs": 1, "hidden": [2], "learning_rate": 1e-4}));
    let (old, incumbent) = train(&f, &weak, 1);
    // a thousand more rows: those held out before are held out again
    let more = {
        let (a, b) = (visits(3000, 6), visits(1000, 7));
        let columns = a.columns().iter().zip(b.columns()).map(|(x, y)| {
            let values = match (x.values.clone(), y.values.clone()) {
                (Values::Double(v), Values::Double(w)) => Values::Double([v, w].concat()),
                (Values::Bool(v), Values::Bool(w)) => Values::Bool([v, w].concat()),
                (Values::Time(v), Values::Time(w)) => Values::Time([v, w].concat()),
                (Values::Category { codes: v, levels }, Values::Category { codes: w, .. }) => {
                    Values::Category { codes: [v, w].concat(), levels }
                }
                _ => panic!(),
            };
            Column { name: x.name.clone(), values }
        });
        Frame::new(columns.collect()).unwrap()
    };
    let s = spec("mlp", "bought", json!({}));
    let new = with(1, 2, |ctx| fit(&more, &s, Some(&incumbent), ctx)).unwrap();
    let (evaluated, before) = (new.report.evaluated.unwrap(), new.report.incumbent.unwrap());
    assert!(evaluated > before + 0.05, "{evaluated} {before} {:?}", new.report.notices);
    assert!((before - old.report.evaluated.unwrap()).abs() < 0.05);
    // a version without its twin, or of another target, is not evaluated, and it is said
    let bare: Vec<_> = old.tensors.iter().filter(|t| !t.name.starts_with("holdout.")).cloned().collect();
    for other in [Scorer::load("mlp", &old.state, &bare).unwrap(), train(&f, &spec("mlp", "spent", json!({"epochs": 1})), 1).1] {
        let t = with(1, 2, |ctx| fit(&f, &spec("mlp", "bought", json!({"epochs": 1})), Some(&other), ctx)).unwrap();
        assert!(t.report.incumbent.is_none() && t.report.notices.iter().any(|n| n.contains("was not evaluated")), "{:?}", t.report.notices);
    }
}

#[test]
fn time_and_group_columns_split_and_are_no_inputs() {
    let f = visits(2000, 8);
    let by_time = RowsSpec { time_col: Some("day".into()), ..spec("mlp", "bought", json!({"epochs": 3})) };
    let (t, s) = train(&f, &by_time, 1);
    assert!(s.inputs().iter().all(|i| i.name != "day"));
    let cut = t.state["split"]["cut"].as_f64().unwrap() / 86_400_000_000.0;
    assert!((155.0..165.0).contains(&cut), "{cut}");
    let (_, incumbent) = train(&f, &by_time, 2);
    let again = with(1, 1, |ctx| fit(&f, &by_time, Some(&incumbent), ctx)).unwrap();
    assert!(again.report.incumbent.is_some());
    let by_group = RowsSpec { group_col: Some("channel".into()), ..spec("mlp", "bought", json!({"epochs": 3, "holdout": 0.5})) };
    assert!(train(&f, &by_group, 1).1.inputs().iter().all(|i| i.name != "channel"));
}

#[test]
fn odd_columns_are_named() {
    let f = visits(400, 9);
    let mut columns = f.columns().to_vec();
    let y = f.column("spent").unwrap().values.clone();
    columns.push(Column { name: "copy".into(), values: y });
    columns.push(Column { name: "id".into(), values: Values::Double((0..400).map(f64::from).collect()) });
    columns.push(Column {
        name: "session".into(),
        values: Values::Category { codes: (0..400).collect(), levels: (0..400).map(|i| format!("s{i}")).collect() },
    });
    columns.push(Column { name: "currency".into(), values: Values::Category { codes: vec![0; 400], levels: vec!["EUR".into()] } });
    let f = Frame::new(columns).unwrap();
    let (t, s) = train(&f, &spec("mlp", "spent", json!({"epochs": 2})), 1);
    let names: Vec<&str> = s.inputs().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["price", "age", "channel", "day", "copy"]);
    let (last, said) = t.report.notices.split_last().unwrap();
    assert!(last.starts_with("on 400 held-out rows the model is no better than the mean of the target for every row: rmse "), "{last}");
    assert_eq!(
        said,
        [
            "every row has its own value of \"id\", \"session\": left out (params => '{\"include\": [\"id\"]}' keeps it)",
            "\"copy\" alone predicts the target almost perfectly: if it becomes known only with the outcome, leave it out (params => '{\"exclude\": [\"copy\"]}')",
            "\"currency\" is the same in all rows, or too rarely another: left out",
        ]
    );
    let kept = spec("mlp", "spent", json!({"epochs": 1, "include": ["id"]}));
    assert!(train(&f, &kept, 1).1.inputs().iter().any(|i| i.name == "id"));
}

#[test]
fn bad_input_is_named() {
    let f = visits(200, 10);
    assert_eq!(fault(&f, &spec("mpl", "bought", json!({}))).3, "Did you mean \"mlp\"?");
    assert_eq!(fault(&f, &spec("mlp", "bougt", json!({}))).3, "Did you mean \"bought\"?");
    assert_eq!(fault(&f, &spec("mlp", "bought", json!({"hiden": [3]}))).1, "unknown parameter \"hiden\" for kind mlp");
    assert_eq!(fault(&f, &spec("mlp", "bought", json!({"exclude": ["colour"]}))).0, Code::UndefinedColumn);
    assert_eq!(fault(&f, &spec("mlp", "day", json!({}))).0, Code::WrongType);
    let (code, message, detail, hint) = fault(&f, &spec("linear", "bought", json!({})));
    assert_eq!((code, message.as_str()), (Code::WrongType, "kind linear does not fit the target \"bought\""));
    assert_eq!((detail.as_str(), hint.as_str()), ("The target holds classes.", "Use kind => 'logistic' or kind => 'mlp'."));
    assert_eq!(fault(&f.take(&[]), &spec("mlp", "bought", json!({}))).1, "no rows to learn from");
    assert_eq!(
        fault(&f, &spec("mlp", "bought", json!({"exclude": ["price", "age", "channel", "spent", "next", "day"]}))).1,
        "no column to learn from"
    );
    let e = with(1, 0, |_| {
        let (pool, budget) = (Pool::single(), Budget::new(1 << 20));
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        fit(&f, &spec("mlp", "bought", json!({"hidden": [1_000_000_000]})), None, &ctx).unwrap_err()
    });
    assert_eq!(e.code, Code::OutOfMemory);
}

#[test]
fn few_rows_still_make_a_model() {
    let f = visits(12, 11);
    let (t, s) = train(&f, &spec("mlp", "bought", json!({"min_count": 1})), 1);
    let p = with(1, 0, |ctx| s.score_frame(&f, ctx)).unwrap();
    assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
    assert_eq!((t.report.rows_used, t.report.rows_skipped), (11, 1));
    let (t, _) = train(&f, &spec("mlp", "bought", json!({"min_count": 1, "holdout": 0, "validation": 0, "epochs": 3})), 1);
    assert!(t.report.evaluated.is_none() && t.tensors.iter().all(|t| !t.name.starts_with("holdout.")));
}

#[test]
fn duplicates_count_once_when_asked() {
    let f = visits(300, 13);
    let twice = f.take(&(0..300).chain(0..300).collect::<Vec<_>>());
    let (t, _) = train(&twice, &spec("mlp", "spent", json!({"epochs": 1, "distinct": true})), 1);
    assert_eq!(t.report.rows_used, 300);
    assert_eq!(t.report.notices[0], "300 of 600 rows are duplicates and count once");
    assert_eq!(train(&twice, &spec("mlp", "spent", json!({"epochs": 1})), 1).0.report.rows_used, 600);
}

#[test]
fn rows_too_wide_for_the_memory_say_what_to_narrow() {
    let f = visits(2000, 14);
    let (pool, budget) = (Pool::single(), Budget::new(30_000));
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    let e = fit(&f, &spec("mlp", "spent", json!({})), None, &ctx).unwrap_err();
    assert_eq!(e.code, Code::OutOfMemory);
    assert!(e.hint.unwrap().contains("max_levels"));
}

#[test]
fn a_row_scores_as_in_the_frame() {
    let f = visits(1000, 12);
    for target in ["bought", "next", "spent"] {
        let (_, s) = train(&f, &spec("mlp", target, json!({"epochs": 3, "ensemble": 2})), 1);
        let all = with(2, 0, |ctx| s.score_frame(&f, ctx)).unwrap();
        let mut scratch = Scratch::default();
        for i in (0..1000).step_by(37) {
            let row: Vec<Cell> = s.inputs().iter().map(|c| f.column(&c.name).unwrap().values.cell(i)).collect();
            for (a, b) in s.score(&row, &mut scratch).unwrap().iter().zip(all.row(i)) {
                assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{target} {a} {b}");
            }
        }
    }
}

#[test]
fn judging_many_rows_can_be_cancelled_at_any_time() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// Says stop once it was asked so many times.
    struct After(AtomicUsize, usize);
    impl crate::base::Watch for After {
        fn cancelled(&self) -> bool {
            self.0.fetch_add(1, Relaxed) >= self.1
        }
        fn epoch(&self, _: &crate::base::Epoch) {}
    }
    let few = visits(600, 3);
    let (_, scorer) = train(&few, &spec("mlp", "bought", json!({"epochs": 1})), 1);
    let many = few.take(&(0..200_000).map(|i| i % 600).collect::<Vec<_>>());
    let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
    let evaluate =
        |watch: &After| evaluate(&scorer, &many, ("bought", None, false), &Context { seed: 0, pool: &pool, budget: &budget, watch });
    let never = After(AtomicUsize::new(0), usize::MAX);
    assert_eq!(evaluate(&never).unwrap().figures.len(), 10);
    // The model and the one beside it: encoding, networks, scores and figures each look up several times.
    let asked = never.0.into_inner();
    assert!(asked > 60, "{asked}");
    for after in [0, 1, asked / 3, asked / 2, asked - 1] {
        assert_eq!(evaluate(&After(AtomicUsize::new(0), after)).unwrap_err().code, Code::Cancelled);
    }
}

#[test]
fn few_rows_are_evaluated_in_turns_and_so_is_the_deployed_version() {
    let f = visits(600, 21);
    let s = spec("mlp", "bought", json!({"epochs": 40}));
    let (t, scorer) = train(&f, &s, 1);
    let m = &t.report.metrics;
    assert_eq!((m["rows"].as_u64(), m["folds"].as_u64()), (Some(588), Some(5)), "{m:?}");
    assert!(t.report.evaluated.unwrap() > -m["average"]["log_loss"].as_f64().unwrap() && m["average"].get("auc").is_none());
    // fresh rows tell the same
    let rows = with(1, 0, |ctx| evaluate(&scorer, &visits(6000, 22), ("bought", None, false), ctx)).unwrap().figures;
    let auc = rows.iter().find(|r| r.metric == "auc" && r.baseline.is_none()).unwrap().value;
    assert!((auc - m["auc"].as_f64().unwrap()).abs() < 0.05, "{auc} {m:?}");
    for turn in 0..5 {
        assert!(t.tensors.iter().any(|t| t.name.starts_with(&format!("holdout.turn{turn}."))));
    }
    // a retrain, also of so many rows that one part is held out, holds the deployed version against it
    let again = with(1, 2, |ctx| fit(&f, &s, Some(&scorer), ctx)).unwrap();
    assert!((again.report.incumbent.unwrap() - t.report.evaluated.unwrap()).abs() < 0.02, "{:?}", again.report.notices);
    let more = with(1, 2, |ctx| fit(&visits(2500, 21), &s, Some(&scorer), ctx)).unwrap();
    assert!(more.report.metrics.get("folds").is_none() && more.report.incumbent.is_some(), "{:?}", more.report.notices);
}

#[test]
fn few_groups_are_evaluated_group_by_group_and_a_giant_one_shifts_nothing() {
    // seven tenths of the rows are of one group, which buys at .05; the columns tell nothing
    let n = 3000;
    let mut r = Rng::new(5);
    let y: Vec<u8> = (0..n).map(|i| u8::from(r.uniform() < if i % 10 < 7 { 0.05 } else { 0.5 })).collect();
    let codes: Vec<u32> = (0..n).map(|i| if i % 10 < 7 { 0 } else { 1 + (i % 40) as u32 }).collect();
    let f = Frame::new(vec![
        Column { name: "noise".into(), values: Values::Double((0..n).map(|_| r.normal()).collect()) },
        Column { name: "g".into(), values: Values::Category { codes, levels: (0..41).map(|i| format!("g{i}")).collect() } },
        Column { name: "y".into(), values: Values::Bool(y.clone()) },
    ])
    .unwrap();
    let s = RowsSpec { kind: "mlp".into(), target: "y".into(), time_col: None, group_col: Some("g".into()), params: json!({}) };
    let (t, scorer) = train(&f, &s, 1);
    let p = with(1, 0, |ctx| scorer.score_frame(&f, ctx)).unwrap();
    let (mean, share) = (p.mean().unwrap(), y.iter().map(|y| f64::from(*y)).sum::<f64>() / f64::from(n));
    assert!((mean - share).abs() < 0.02, "{mean} {share}");
    assert_eq!((t.report.metrics["folds"].as_u64(), t.report.metrics["rows"].as_u64()), (Some(5), Some(3000)));
    let again = with(1, 2, |ctx| fit(&f, &s, Some(&scorer), ctx)).unwrap();
    assert!(again.report.incumbent.is_some(), "{:?}", again.report.notices);
}

#[test]
fn rows_that_taught_are_not_evaluated_as_if_unseen() {
    // noise in plenty: what is learned by heart looks good on the rows that taught
    let mut r = Rng::new(41);
    let mut make = |n: usize| {
        let mut columns: Vec<Column> =
            (0..12).map(|i| Column { name: format!("c{i}"), values: Values::Double((0..n).map(|_| r.normal()).collect()) }).collect();
        let Values::Double(first) = &columns[0].values else { panic!() };
        let y = first.clone().iter().map(|x| u8::from(r.uniform() < 1.0 / (1.0 + (-x).exp()))).collect();
        columns.push(Column { name: "y".into(), values: Values::Bool(y) });
        Frame::new(columns).unwrap()
    };
    for n in [800, 3000] {
        let (f, fresh) = (make(n), make(6000));
        let heart = json!({"epochs": 60, "hidden": [128], "dropout": 0, "weight_decay": 0, "validation": 0, "ensemble": 1});
        let s = RowsSpec { kind: "mlp".into(), target: "y".into(), time_col: None, group_col: None, params: heart };
        let (t, scorer) = train(&f, &s, 1);
        let auc = |frame: &Frame, all: bool| {
            let e = with(2, 0, |ctx| evaluate(&scorer, frame, ("y", None, all), ctx)).unwrap();
            let own = e.figures.iter().find(|r| r.metric == "auc" && r.baseline.is_none()).unwrap().clone();
            (own.value, own.rows, e.notice)
        };
        let (holdout, rows, said) = auc(&f, false);
        // The figure of the training itself.
        assert!((holdout - t.report.metrics["auc"].as_f64().unwrap()).abs() < 1e-9, "{n}: {holdout} {:?}", t.report.metrics);
        assert_eq!(rows, t.report.metrics["rows"].as_u64().unwrap());
        assert!(said.unwrap().starts_with("these rows taught the model"));
        let (all, rows, said) = auc(&f, true);
        assert!(rows == n as u64 && all > holdout + 0.03, "{n}: {all} {holdout}");
        assert!(said.unwrap().starts_with("these rows taught the model"));
        let (unseen, rows, said) = auc(&fresh, false);
        assert!(rows == 6000 && said.is_none() && (unseen - holdout).abs() < 0.06, "{n}: {unseen} {holdout}");
    }
}
