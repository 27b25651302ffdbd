//! A training that begins from a version: what it takes over, what it must not see, and that it is as good as one that begins anew.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::Rng;
use pg_affinity::dataset::{Column, Frame, IdKind, Interactions, Values};
use pg_affinity::model::kinds::KINDS;
use pg_affinity::serve::recommender::Recommender;
use pg_affinity::train::Trained;
use pg_affinity::train::recommender::{fit, fit_from};
use pg_affinity::train::recommender_params::Request;
use pg_affinity::train::verdict::Incumbent;
use serde_json::{Value, json};
use shared::{category, columns, with};

#[path = "shared/described.rs"]
mod described;
mod shared;

/// Users who go around a ring of `items` in steps of two; without the first `gone` items.
fn ring(users: usize, items: usize, gone: usize) -> Frame {
    let mut r = Rng::new(4);
    let (mut u, mut i, mut t) = (Vec::new(), Vec::new(), Vec::new());
    for user in 0..users {
        let start = r.below(items / 2) * 2 + user % 2;
        for step in 0..8 {
            let item = (start + 2 * step) % items;
            if item >= gone {
                u.push(user.to_string());
                i.push(item.to_string());
                t.push(step as i64 + 1);
            }
        }
    }
    Frame::new(vec![category("user_id", &u), category("item_id", &i), Column { name: "at".into(), values: Values::Time(t) }]).unwrap()
}

fn events(frame: &Frame) -> Interactions {
    let mut data = with(1, 0, |ctx| Interactions::from_frame(frame, &columns(), IdKind::Integer, IdKind::Integer, ctx)).unwrap().0;
    described::describe(&mut data);
    data
}

fn params(kind: &str) -> Value {
    match kind {
        "mult_vae" => json!({"hidden": 32, "latent": 8}),
        "cfgan" => json!({"hidden": 32, "discriminator": 16, "learning_rate": 0.005, "epochs": 40}),
        "sequence" => json!({"width": 16, "learning_rate": 0.01, "epochs": 20}),
        "cold_start" => json!({"ensemble": 1}),
        "als" | "bpr" => json!({"factors": 16}),
        _ => json!({}),
    }
}

fn warm(data: &Interactions, kind: &str, given: &Value, from: &Trained, threads: usize) -> Trained {
    let whole = Recommender::load(&from.state, &from.tensors).unwrap();
    let incumbent = Incumbent::load(&from.state, &from.tensors).unwrap();
    let asked = Request::new(kind, given).unwrap();
    with(threads, 7, |ctx| fit_from(data, &asked, 0, (incumbent.as_ref(), Some(&whole)), ctx)).unwrap()
}

#[test]
fn it_is_as_good_as_anew_in_fewer_epochs() {
    let (day, night) = (events(&ring(300, 24, 0)), events(&ring(360, 28, 2)));
    for kind in KINDS {
        let given = params(kind.name);
        let asked = Request::new(kind.name, &given).unwrap();
        let first = with(2, 7, |ctx| fit(&day, &asked, 0, None, ctx)).unwrap();
        let anew = with(2, 7, |ctx| fit(&night, &asked, 0, None, ctx)).unwrap();
        let second = warm(&night, kind.name, &given, &first, 2);
        let (a, b) = (anew.report.evaluated.unwrap(), second.report.evaluated.unwrap());
        assert!(b > 0.93 * a, "{}: {b} for {a} anew", kind.name);
        // New items are there, gone ones are not.
        assert_eq!(Recommender::load(&second.state, &second.tensors).unwrap().items().len(), 26);
        if ["als", "bpr", "mult_vae"].contains(&kind.name) {
            let (e, f) = (second.report.epochs.len(), anew.report.epochs.len());
            assert!(e > 0 && e * 3 <= f, "{}: {e} epochs for {f} anew", kind.name);
        }
        // What was open and chosen stays.
        for (name, value) in &asked.params {
            if value.is_null() && name != "repeats" {
                assert_eq!(second.params[name], first.params[name], "{} {name}", kind.name);
            }
        }
        let again = warm(&night, kind.name, &given, &first, 1);
        assert_eq!((&again.tensors, &again.state), (&second.tensors, &second.state), "{}", kind.name);
    }
}

#[test]
fn what_evaluates_was_not_seen() {
    // Everybody's last event is an item that nothing tells of: who finds it has seen it.
    let day = events(&ring(300, 24, 0));
    for kind in ["als", "bpr", "mult_vae"] {
        let asked = Request::new(kind, &params(kind)).unwrap();
        let first = with(2, 7, |ctx| fit(&day, &asked, 0, None, ctx)).unwrap();
        // A version that has nothing from before it saw its held-out events is begun from for what serves, and not for what is evaluated.
        let blind =
            Trained { tensors: first.tensors.iter().filter(|t| !t.name.starts_with("holdout.")).cloned().collect(), ..first.clone() };
        let second = warm(&day, kind, &params(kind), &blind, 2);
        let full = if kind == "mult_vae" { first.params["epochs"].as_u64().unwrap() } else { first.report.epochs.len() as u64 };
        assert_eq!(second.report.epochs.len() as u64, full, "{kind}");
        assert!(second.report.notices.iter().all(|n| !n.contains("was not evaluated")));
    }
}

#[test]
fn other_widths_and_kinds_begin_anew_and_auto_keeps_its_kind() {
    let day = events(&ring(300, 24, 0));
    let als = |factors: u32| Request::new("als", &json!({"factors": factors})).unwrap();
    let first = with(2, 7, |ctx| fit(&day, &als(16), 0, None, ctx)).unwrap();
    let wider = warm(&day, "als", &json!({"factors": 24}), &first, 2);
    assert_eq!(wider.report.epochs.len(), first.report.epochs.len());
    let other = warm(&day, "ease", &json!({}), &first, 2);
    assert_eq!(other.state["kind"], "ease");

    let auto = with(2, 7, |ctx| fit(&day, &Request::new("auto", &json!({})).unwrap(), 0, None, ctx)).unwrap();
    let again = warm(&day, "auto", &json!({"history_limit": 50}), &auto, 2);
    assert_eq!(again.state["kind"], auto.state["kind"]);
    assert_eq!(again.params["history_limit"], 50);
    assert!(again.report.evaluated.unwrap() > 0.9 * auto.report.evaluated.unwrap());
    assert!(again.report.notices.iter().all(|n| !n.starts_with("auto chose")), "{:?}", again.report.notices);
}

#[test]
fn where_the_newest_events_are_gone_nothing_that_saw_them_evaluates() {
    let long = ring(300, 24, 0);
    let Values::Time(t) = &long.columns()[2].values else { panic!("the time") };
    // A wrong date taken back, a window that became shorter: the last two of each user's eight steps.
    let kept: Vec<u32> = (0..t.len() as u32).filter(|r| t[*r as usize] <= 6).collect();
    let (long, short) = (events(&long), events(&long.take(&kept)));
    for kind in ["als", "bpr", "mult_vae", "transition"] {
        let given = params(kind);
        let asked = Request::new(kind, &given).unwrap();
        let first = with(2, 7, |ctx| fit(&long, &asked, 0, None, ctx)).unwrap();
        let second = warm(&short, kind, &given, &first, 2);
        assert_eq!((second.report.incumbent, second.report.gap), (None, None), "{kind}");
        assert!(
            second.report.notices.iter().any(|n| n.contains("newest events that it knew are gone")),
            "{kind}: {:?}",
            second.report.notices
        );
        // What is evaluated began anew, with what was chosen then.
        let closed = Request::new(kind, &second.params).unwrap();
        let anew = with(2, 7, |ctx| fit(&short, &closed, 0, None, ctx)).unwrap();
        assert_eq!(second.report.evaluated, anew.report.evaluated, "{kind}");
        // The next night there is nothing to fear.
        let third = warm(&short, kind, &given, &second, 2);
        assert!(third.report.incumbent.is_some(), "{kind}");
    }
}

#[test]
fn who_took_the_latest_events_back_is_not_asked_by_what_came_before() {
    let all = ring(300, 24, 0);
    let Values::Time(t) = &all.columns()[2].values else { panic!("the time") };
    // The last three of eight events of some users are gone; two were held out.
    let without = |gone: &dyn Fn(usize) -> bool| {
        let kept: Vec<u32> = (0..t.len() as u32).filter(|r| t[*r as usize] < 6 || !gone(*r as usize / 8)).collect();
        events(&all.take(&kept))
    };
    let (whole, few, most) = (events(&all), without(&|u| u % 5 == 0), without(&|u| u % 5 != 0));
    let given = params("als");
    let asked = Request::new("als", &given).unwrap();
    let first = with(2, 7, |ctx| fit(&whole, &asked, 0, None, ctx)).unwrap();
    let lists = |t: &Trained| t.report.metrics["lists"].as_u64().unwrap();
    let told = |t: &Trained, what: &str| t.report.notices.iter().any(|n| n.contains(what));
    let anew = with(2, 7, |ctx| fit(&few, &asked, 0, None, ctx)).unwrap();
    let second = warm(&few, "als", &given, &first, 2);
    assert!(second.report.incumbent.is_some() && told(&second, "users are not asked"), "{:?}", second.report.notices);
    assert!(lists(&second) < lists(&anew) && lists(&second) * 10 > lists(&anew) * 7, "{} {}", lists(&second), lists(&anew));
    // What the second began from is not forgotten: they are not asked in the third night either, until they come again.
    let third = warm(&few, "als", &given, &second, 2);
    assert_eq!((lists(&third), told(&third, "users are not asked")), (lists(&second), true));
    let again = warm(&whole, "als", &given, &third, 2);
    assert!(!told(&again, "users are not asked") && lists(&again) == lists(&first));
    // Of most: then nothing that the version learned counts, and all are asked.
    let of_most = warm(&most, "als", &given, &first, 2);
    assert_eq!(of_most.report.incumbent, None);
    assert!(told(&of_most, "it learned from what are the last events of most users now"), "{:?}", of_most.report.notices);
}
