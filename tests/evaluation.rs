//! How recommenders are evaluated: few users all of them, popularity beside every figure, the deployed version on the same lists.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::{Code, Rng};
use pg_affinity::dataset::{Column, EventColumns, Frame, IdKind, Interactions, Skipped, Values};
use pg_affinity::train::recommender;
use pg_affinity::train::recommender_params::Request;
use pg_affinity::train::verdict::Incumbent;
use pg_affinity::train::{Report, Trained};
use serde_json::{Value, json};
use shared::{category, columns, with};
use std::collections::BTreeMap;

mod shared;

/// `users` who have eight items each; `next(chance, user, step)` says which.
fn frame(users: usize, seed: u64, next: impl Fn(&mut Rng, usize, usize) -> usize) -> Frame {
    let mut r = Rng::new(seed);
    let (mut u, mut i, mut t) = (Vec::new(), Vec::new(), Vec::new());
    for user in 0..users {
        for step in 0..8 {
            u.push(user.to_string());
            i.push(next(&mut r, user, step).to_string());
            t.push(step as i64 + 1);
        }
    }
    Frame::new(vec![category("user_id", &u), category("item_id", &i), Column { name: "at".into(), values: Values::Time(t) }]).unwrap()
}

/// Round a ring of 40 items, two at a time.
fn ring(users: usize) -> Frame {
    frame(users, 1, |_, user, step| (user * 7 + 2 * step) % 40)
}

/// Nothing but popularity: of 60 items the first are drawn most.
fn draws(users: usize, seed: u64) -> Frame {
    frame(users, seed, |r, _, _| (60.0 * r.uniform().powi(3)) as usize)
}

fn fit(frame: &Frame, kind: &str, params: &Value, incumbent: Option<&Trained>) -> Trained {
    let incumbent = incumbent.map(|t| Incumbent::load(&t.state, &t.tensors).unwrap().unwrap());
    with(2, 7, |ctx| {
        let data = Interactions::from_frame(frame, &columns(), IdKind::Integer, IdKind::Integer, ctx).unwrap().0;
        recommender::fit(&data, &Request::new(kind, params).unwrap(), 0, incumbent.as_ref(), ctx).unwrap()
    })
}

fn popularity(report: &Report) -> f64 {
    report.metrics["baseline"]["popularity"]["ndcg@20"].as_f64().unwrap()
}

#[test]
fn of_few_users_all_evaluates() {
    let lists = |users: usize, params: &Value| fit(&ring(users), "item_knn", params, None).report.metrics["lists"].as_u64().unwrap();
    assert_eq!([50, 199].map(|users| lists(users, &json!({}))), [50, 199]);
    // From 200 on a fifth of them does, and of fewer where the version that serves is the one that was evaluated.
    assert!((25..60).contains(&lists(200, &json!({}))));
    assert!((15..45).contains(&lists(150, &json!({"refit": false}))));
    assert_eq!(fit(&ring(50), "item_knn", &json!({"holdout": 0}), None).report.evaluated, None);
}

#[test]
fn auto_is_never_below_popularity() {
    let mut told = 0;
    for (users, seed) in (0..12).map(|s| (40 + 30 * (s as usize % 4), s)) {
        let t = fit(&draws(users, seed), "auto", &json!({}), None);
        let (own, popular) = (t.report.evaluated.unwrap(), popularity(&t.report));
        assert!(own >= popular - 5e-6, "{users} {seed}: {own} {popular}");
        told += usize::from(t.report.notices.iter().any(|n| n.starts_with("auto takes popularity in its place")));
        // What is kept is the best of what was tried.
        let auto = &t.report.metrics["auto"];
        let alone = auto["alone"].as_object().unwrap();
        let best = alone.iter().max_by(|a, b| a.1.as_f64().partial_cmp(&b.1.as_f64()).unwrap()).unwrap();
        let blend = auto["blend"]
            .as_f64()
            .unwrap_or(0.0)
            .max(auto.get("without").and_then(Value::as_object).map_or(0.0, |w| w.values().filter_map(Value::as_f64).fold(0.0, f64::max)));
        let chosen = t.report.notices.iter().find(|n| n.starts_with("auto chose kind")).unwrap();
        if best.1.as_f64().unwrap() > blend + 1e-5 {
            assert!(chosen.starts_with(&format!("auto chose kind {};", best.0)), "{chosen}");
        }
    }
    assert!(told > 0, "no draw in which popularity was the better one");
    let found = fit(&ring(300), "auto", &json!({}), None);
    assert!(found.report.evaluated.unwrap() > popularity(&found.report) + 0.3 && found.state["kind"] != "popularity");
}

#[test]
fn what_is_no_better_than_popularity_says_so() {
    let says = |t: &Trained| t.report.notices.iter().any(|n| n.contains("no better than popularity: ndcg@20"));
    let knows = fit(&ring(300), "transition", &json!({}), None);
    let guesses = (0..8)
        .map(|seed| fit(&draws(100, seed), "transition", &json!({}), None))
        .find(|t| t.report.evaluated.unwrap() <= popularity(&t.report));
    assert!(!says(&knows) && says(&guesses.unwrap()));
    assert!(!says(&fit(&ring(300), "popularity", &json!({}), None)));
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let says = |f: &Frame| {
        let t = fit(f, "item_knn", &json!({}), None);
        assert_eq!(t.report.evaluated, None);
        t.report.notices.into_iter().find(|n| n.ends_with("this version is not evaluated")).unwrap()
    };
    let own = frame(20, 1, |_, user, step| 8 * user + step);
    assert!(says(&own).starts_with("what was held out is new to all"));
    assert!(says(&own.take(&(0..20).map(|u| 8 * u).collect::<Vec<_>>())).starts_with("no user has two events"));
}

#[test]
fn a_new_version_is_held_against_the_deployed_one() {
    let old = fit(&ring(300), "transition", &json!({}), None);
    let worse = fit(&ring(300), "popularity", &json!({}), Some(&old)).report;
    let (gap, told) = (worse.gap.unwrap(), &worse.metrics["deployed"]["ndcg@20"]);
    assert!(gap.high < 0.0 && gap.low < gap.mean && gap.mean < gap.high, "{gap:?}");
    assert!((worse.evaluated.unwrap() - worse.incumbent.unwrap() - gap.mean).abs() < 1e-6);
    assert!(
        (told["gain"].as_f64().unwrap() - gap.mean).abs() < 1e-5
            && (told["value"].as_f64().unwrap() - worse.incumbent.unwrap()).abs() < 1e-5
    );
    let same = fit(&ring(300), "transition", &json!({}), Some(&old)).report.gap.unwrap();
    assert_eq!([same.mean, same.low, same.high], [0.0; 3]);
    // A version that held out less than is held out now learned from what is to evaluate.
    let few = fit(&ring(300), "transition", &json!({"holdout": 0.1}), None);
    let unfair = fit(&ring(150), "transition", &json!({}), Some(&few)).report;
    assert!(unfair.incumbent.is_none() && unfair.notices.iter().any(|n| n.ends_with("it learned from some of these events")));
}

#[test]
fn the_share_of_new_events_that_the_deployed_version_cannot_show() {
    let old = fit(&ring(300), "transition", &json!({}), None);
    // Two more events each: one of the ring, one of something new.
    let mut r = ring(300).columns().to_vec();
    let more = frame(300, 1, |_, user, step| if step % 2 == 0 { user % 40 } else { 100 });
    let late = more.take(&(0..2400u32).filter(|row| row % 8 < 2).collect::<Vec<_>>());
    let texts = |f: &Frame, c: usize| match &f.columns()[c].values {
        Values::Category { codes, levels } => codes.iter().map(|c| levels[*c as usize].clone()).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let first = ring(300);
    let joined = |c: usize| [texts(&first, c), texts(&late, c)].concat();
    r[0] = category("user_id", &joined(0));
    r[1] = category("item_id", &joined(1));
    let times = (0..2400).map(|row| row % 8 + 1).chain((0..600).map(|row| 100 + row % 2)).collect();
    r[2] = Column { name: "at".into(), values: Values::Time(times) };
    let now = Frame::new(r).unwrap();
    assert_eq!(fit(&now, "transition", &json!({}), Some(&old)).report.unknown, Some(0.5));
    assert_eq!(fit(&first, "transition", &json!({}), Some(&old)).report.unknown, Some(0.0));
}

#[test]
fn types_that_no_event_has_are_said_where_a_training_is_repeated() {
    let f = ring(20);
    let mut all = f.columns().to_vec();
    all.push(category("what", &vec!["view".to_owned(); f.rows()]));
    let f = Frame::new(all).unwrap();
    let read = |absent: bool| -> pg_affinity::base::Result<Skipped> {
        let weights = BTreeMap::from([("view".to_owned(), 1.0), ("cart".to_owned(), 3.0)]);
        let columns = EventColumns { event: Some("what".into()), event_weights: Some(weights), absent, ..columns() };
        with(1, 7, |ctx| Interactions::from_frame(&f, &columns, IdKind::Integer, IdKind::Integer, ctx).map(|r| r.1))
    };
    assert_eq!(read(false).unwrap_err().code, Code::InvalidParameter);
    assert_eq!(read(true).unwrap(), Skipped { absent: vec!["cart".into()], ..Skipped::default() });
}
