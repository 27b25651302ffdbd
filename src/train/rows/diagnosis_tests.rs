//! Tests with a known truth: what decides matters most, noise matters nothing, probabilities that are true lie on the diagonal.

use super::tests::{train, with};
use super::*;
use crate::base::Rng;
use crate::dataset::{Column, Frame, Values};
use serde_json::json;

/// `decides` settles every target; `helps` a little of the number; `noise` and `label` nothing.
fn rows(n: usize, seed: u64) -> Frame {
    let mut r = Rng::new(seed);
    let (mut decides, mut helps, mut noise, mut label) = (vec![], vec![], vec![], vec![]);
    let (mut yes, mut number, mut class) = (vec![], vec![], vec![]);
    for _ in 0..n {
        let (d, h) = (2.0 * r.normal(), r.normal());
        decides.push(d);
        helps.push(h);
        noise.push(r.normal());
        label.push(r.below(3) as u32);
        // The true probability is the logistic function of `decides`: a model that learns it is calibrated.
        yes.push(u8::from(r.uniform() < 1.0 / (1.0 + (-d).exp())));
        number.push(10.0 * d + 3.0 * h + r.normal());
        class.push(if d < -1.0 {
            0
        } else if d < 1.0 {
            1
        } else {
            2
        });
    }
    let c = |name: &str, values| Column { name: name.into(), values };
    let levels = |t: [&str; 3]| t.map(str::to_owned).to_vec();
    Frame::new(vec![
        c("decides", Values::Double(decides)),
        c("helps", Values::Double(helps)),
        c("noise", Values::Double(noise)),
        c("label", Values::Category { codes: label, levels: levels(["x", "y", "z"]) }),
        c("yes", Values::Bool(yes)),
        c("number", Values::Double(number)),
        c("class", Values::Category { codes: class, levels: levels(["low", "middle", "high"]) }),
    ])
    .unwrap()
}

fn spec(kind: &str, target: &str, params: Value) -> RowsSpec {
    let others: Vec<&str> = ["yes", "number", "class"].into_iter().filter(|t| *t != target).collect();
    let mut all = json!({"exclude": others, "epochs": 20, "ensemble": 1});
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    RowsSpec { kind: kind.into(), target: target.into(), time_col: None, group_col: None, params: all }
}

fn look(target: &str, params: Value) -> (Vec<crate::train::MetricRow>, Diagnosis) {
    look_at("mlp", target, params)
}

fn look_at(kind: &str, target: &str, params: Value) -> (Vec<crate::train::MetricRow>, Diagnosis) {
    let (_, s) = train(&rows(4000, 1), &spec(kind, target, params), 1);
    let (of, seen) = with(2, 3, |ctx| diagnose(&s, &rows(3000, 2), (target, None), ctx)).unwrap();
    assert!(of.notice.is_none());
    (of.figures, seen)
}

fn covers_0(i: &Importances, column: &str) -> bool {
    let of = i.columns.iter().find(|c| c.column == column).unwrap();
    let (low, high) = of.interval.unwrap();
    low <= of.worse && of.worse <= high && low <= 0.0 && 0.0 <= high
}

#[test]
fn what_decides_matters_most_and_noise_nothing() {
    for target in ["yes", "number", "class"] {
        let (figures, seen) = look(target, json!({}));
        let i = &seen.importances;
        assert_eq!((i.columns.len(), i.columns[0].column.as_str(), i.rows, i.left_out), (4, "decides", 3000, 0), "{target}");
        assert!(i.columns[0].interval.unwrap().0 > 0.1, "{target}: {:?}", i.columns);
        for noise in ["noise", "label"] {
            assert!(covers_0(i, noise), "{target}: {:?}", i.columns);
        }
        // It is the main figure that becomes worse, from what it is.
        assert_eq!((i.metric, figures[0].metric.as_str()), (if target == "number" { "rmse" } else { "log_loss" }, i.metric));
        assert!((i.value - figures[0].value).abs() < 1e-3, "{target}: {} {}", i.value, figures[0].value);
        if target == "number" {
            assert!(i.columns[1].column == "helps" && i.columns[1].interval.unwrap().0 > 1.0, "{:?}", i.columns);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_on_any_threads() {
    let f = rows(600, 4);
    let (_, s) = train(&f, &spec("mlp", "number", json!({"epochs": 3})), 1);
    let once = |threads, seed| with(threads, seed, |ctx| diagnose(&s, &f, ("number", None), ctx)).unwrap().1.importances;
    assert_eq!(once(1, 5), once(3, 5));
    assert_ne!(once(1, 5), once(1, 6));
    // Rows that taught: the model is evaluated on those that were held out, as in evaluate.
    let (of, seen) = with(1, 5, |ctx| diagnose(&s, &f, ("number", None), ctx)).unwrap();
    let plain = with(1, 5, |ctx| evaluate(&s, &f, ("number", None, false), ctx)).unwrap();
    assert!(of == plain && of.notice.unwrap().contains("taught the model"));
    assert_eq!(of.figures[0].rows, seen.importances.rows as u64);
}

#[test]
fn probabilities_that_are_true_lie_on_the_diagonal() {
    // Which form the truth has it knows.
    let (_, seen) = look_at("logistic", "yes", json!({}));
    let c = seen.calibration.unwrap();
    assert!(c.rows() == 3000 && c.bands().len() == 10 && c.error().unwrap() < 0.03, "{c:?}");
    for b in c.bands() {
        assert!((b.predicted - b.observed).abs() < 0.04 + 2.0 * (0.25 / b.rows as f64).sqrt(), "{b:?}");
    }
    // Half are positive: the first tenth holds hardly more than a fifth of them, all of which are positive.
    let gain = seen.gain.unwrap();
    assert!((1.7..2.05).contains(&gain.lift(0.1)) && gain.lift(1.0) == 1.0, "{}", gain.lift(0.1));
    let confusion = seen.confusion.unwrap();
    assert_eq!((confusion.rows(), confusion.of(1), seen.threshold), (3000, gain.positives, Some(0.5)));
    assert!(confusion.recall(0).unwrap() > 0.7 && confusion.recall(1).unwrap() > 0.7);
    assert!(seen.numbers.is_none());
}

#[test]
fn weights_of_classes_move_the_threshold() {
    let (_, seen) = look("yes", json!({"class_weight": {"true": 3.0}, "epochs": 5}));
    let c = seen.confusion.unwrap();
    assert_eq!(seen.threshold, Some(0.25));
    assert!(c.recall(1) > c.recall(0), "{c:?}");
}

#[test]
fn numbers_and_classes_have_pictures_of_their_own() {
    let (_, seen) = look("number", json!({}));
    let n = seen.numbers.unwrap();
    assert!(n.groups.len() == 10 && seen.calibration.is_none() && seen.gain.is_none() && seen.confusion.is_none());
    assert!(n.groups.iter().all(|g| (g.predicted - g.actual).abs() < 5.0), "{:?}", n.groups);
    let (_, seen) = look("class", json!({}));
    let c = seen.confusion.unwrap();
    assert!(c.classes() == 3 && (0..3).all(|i| c.recall(i).unwrap() > 0.85) && c.rows() == 3000, "{c:?}");
    assert!(seen.gain.is_none() && seen.threshold.is_none() && seen.calibration.unwrap().rows() == 3000);
}

#[test]
fn it_stops_when_it_is_asked_to_and_says_when_memory_is_short() {
    struct No;
    impl crate::base::Watch for No {
        fn cancelled(&self) -> bool {
            true
        }
        fn epoch(&self, _: &crate::base::Epoch) {}
    }
    let f = rows(300, 5);
    let (_, s) = train(&f, &spec("mlp", "number", json!({"epochs": 2})), 1);
    let (pool, plenty, little) = (crate::base::Pool::single(), crate::base::Budget::unlimited(), crate::base::Budget::new(20_000));
    let of = |budget, watch: &dyn crate::base::Watch| {
        let ctx = crate::base::Context { seed: 1, pool: &pool, budget, watch };
        diagnose(&s, &f, ("number", None), &ctx).unwrap_err().code
    };
    assert_eq!(of(&plenty, &No), crate::base::Code::Cancelled);
    assert_eq!(of(&little, &crate::base::Quiet), crate::base::Code::OutOfMemory);
}

#[test]
fn intervals_of_noise_hold_0_about_as_often_as_they_say() {
    let (mut holdout, mut all) = (0, 0);
    for seed in 0..40 {
        for (kind, target) in [("linear", "number"), ("logistic", "yes")] {
            let (_, s) = train(&rows(400, 100 + seed), &spec(kind, target, json!({"epochs": 5})), seed);
            let (_, seen) = with(2, seed, |ctx| diagnose(&s, &rows(400, 900 + seed), (target, None), ctx)).unwrap();
            holdout += ["noise", "label"].iter().filter(|c| covers_0(&seen.importances, c)).count();
            all += 2;
        }
    }
    // 95 % of 160, less three standard deviations.
    assert!(all == 160 && holdout >= 144, "{holdout} of {all}");
}
