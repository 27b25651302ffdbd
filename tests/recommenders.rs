//! The contract of every kind that learns from events: one suite, each kind through all of it.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::{Budget, Code, Context, Pool, Quiet, Rng, Watch, packed};
use pg_affinity::dataset::{Column, Event, Frame, Id, IdKind, Interactions, Values};
use pg_affinity::model::kinds::KINDS;
use pg_affinity::report::{Page, Shown};
use pg_affinity::serve::batch::{self, Asked};
use pg_affinity::serve::recommender::{Recommender, Source};
use pg_affinity::train::list_evaluation;
use pg_affinity::train::recommender;
use pg_affinity::train::recommender_params::Request;
use pg_affinity::train::verdict::Incumbent;
use serde_json::{Value, json};
use shared::{category, columns, with};

#[path = "shared/described.rs"]
mod described;
mod shared;

const ITEMS: usize = 24;

/// Even users choose even items and odd users odd ones, each in steps of two around the ring: who goes on from `i` takes `i + 2`. Item 0 is
/// everybody's first.
fn checkerboard(users: usize) -> Frame {
    let mut r = Rng::new(4);
    let (mut u, mut i, mut t) = (Vec::new(), Vec::new(), Vec::new());
    for user in 0..users {
        let start = r.below(ITEMS / 2) * 2 + user % 2;
        for step in 0..8 {
            u.push(user.to_string());
            i.push(((start + 2 * step) % ITEMS).to_string());
            t.push(step as i64 + 1);
        }
    }
    Frame::new(vec![category("user_id", &u), category("item_id", &i), Column { name: "at".into(), values: Values::Time(t) }]).unwrap()
}

fn data(frame: &Frame, ctx: &Context) -> Interactions {
    let mut data = Interactions::from_frame(frame, &columns(), IdKind::Integer, IdKind::Integer, ctx).unwrap().0;
    described::describe(&mut data);
    data
}

fn asked(kind: &str, params: &Value) -> Request {
    Request::new(kind, params).unwrap()
}

fn train(kind: &str, params: &Value, threads: usize) -> pg_affinity::train::Trained {
    with(threads, 7, |ctx| recommender::fit(&data(&checkerboard(200), ctx), &asked(kind, params), 0, None, ctx)).unwrap()
}

/// A short network where the kind has one, so that the suite stays quick.
fn params(kind: &str) -> Value {
    match kind {
        "mult_vae" => json!({"hidden": 32, "latent": 8, "epochs": 40}),
        "cfgan" => json!({"hidden": 32, "discriminator": 16, "learning_rate": 0.005, "epochs": 40}),
        "sequence" => json!({"width": 16, "learning_rate": 0.01, "epochs": 20}),
        "cold_start" => json!({"ensemble": 1}),
        _ => json!({}),
    }
}

#[test]
fn same_events_same_weights_whatever_the_threads_and_the_order_of_rows() {
    for kind in KINDS {
        let a = train(kind.name, &params(kind.name), 1);
        let again = train(kind.name, &params(kind.name), 1);
        // Of the report the epochs' seconds differ.
        assert_eq!((&a.tensors, &a.state, a.report.evaluated), (&again.tensors, &again.state, again.report.evaluated), "{}", kind.name);
        let b = train(kind.name, &params(kind.name), 3);
        assert_eq!((&a.tensors, &a.state), (&b.tensors, &b.state), "{}", kind.name);
        let frame = checkerboard(200);
        let backwards: Vec<u32> = (0..frame.rows() as u32).rev().collect();
        let c =
            with(1, 7, |ctx| recommender::fit(&data(&frame.take(&backwards), ctx), &asked(kind.name, &params(kind.name)), 0, None, ctx))
                .unwrap();
        assert_eq!(a.tensors, c.tensors, "{}", kind.name);
    }
}

#[test]
fn a_stored_model_gives_the_lists_of_the_fitted_one_and_falls_back() {
    for kind in KINDS {
        let t = train(kind.name, &params(kind.name), 2);
        let r = Recommender::load(&t.state, &t.tensors).unwrap();
        assert_eq!((r.kind(), r.items().len(), r.user_ids()), (kind.name, ITEMS, IdKind::Integer));
        let mut out = vec![0.0; ITEMS];
        let event = |item: i64, time| Event::new(time, r.items().find_integer(item).unwrap(), 1.0);
        assert_eq!(r.score_history(&[event(4, 1), event(6, 2)], 3, &mut out), Source::History, "{}", kind.name);
        assert!(out.iter().all(|x| x.is_finite()), "{}", kind.name);
        // What a user had is all that a kind for repeats knows.
        if r.reads_history() && !kind.repeats {
            let best = r.top(&out, 3);
            assert!(best.iter().all(|(_, id, _)| matches!(id, Id::Integer(i) if i % 2 == 0)), "{}: {best:?}", kind.name);
        }
        assert_eq!(r.score_history(&[], 3, &mut out), Source::NoEvents);
        assert_eq!(out, r.popularity());
        // k beyond the catalogue gives the catalogue; ties stand in the order of the ids.
        assert_eq!(r.top(&[0.0; ITEMS], 1000).len(), ITEMS);
        let mut flat = vec![f32::NEG_INFINITY; ITEMS];
        flat[3] = 1.0;
        assert_eq!(r.top(&flat, 5).len(), 1);
    }
}

#[test]
fn every_kind_but_popularity_finds_the_pattern() {
    for kind in KINDS {
        let t = train(kind.name, &params(kind.name), 2);
        let recall = t.report.metrics["recall@20"].as_f64().unwrap();
        let ndcg = t.report.evaluated.unwrap();
        let baseline = t.report.metrics["baseline"]["popularity"]["ndcg@20"].as_f64().unwrap();
        let knows_nothing_new = kind.repeats || !Recommender::load(&t.state, &t.tensors).unwrap().reads_history();
        assert!(recall > 0.9 && (knows_nothing_new || ndcg > baseline + 0.05), "{}: {ndcg} against {baseline}", kind.name);
        assert_eq!(t.report.rows_used, 1600);
    }
    let auto = train("auto", &json!({}), 2);
    assert!(auto.state["kind"] != "popularity" && auto.report.notices[0].starts_with("auto chose kind"), "{:?}", auto.report.notices);
    // What needs many users to learn from is left out below 200.
    let tried = |users| {
        let t = with(2, 7, |ctx| recommender::fit(&data(&checkerboard(users), ctx), &asked("auto", &json!({})), 0, None, ctx)).unwrap();
        t.report.metrics["auto"]["alone"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(tried(199), "ease item_knn popularity transition");
    assert_eq!(tried(200), "als bpr cfgan ease item_knn mult_vae popularity sequence session_knn slist transition");
    // Without time, the quickest kind alone.
    let hurried = train("auto", &json!({"seconds": 0}), 2);
    assert_eq!(hurried.state["kind"], "popularity");
    assert!(
        hurried.report.notices[1].starts_with("auto left out item_knn, transition, session_knn, slist, ease"),
        "{:?}",
        hurried.report.notices
    );
}

#[test]
fn the_deployed_version_is_evaluated_on_the_same_held_out_events() {
    for kind in KINDS {
        let first = train(kind.name, &params(kind.name), 2);
        let incumbent = Incumbent::load(&first.state, &first.tensors).unwrap().unwrap();
        let second = with(2, 7, |ctx| {
            recommender::fit(&data(&checkerboard(200), ctx), &asked(kind.name, &params(kind.name)), 0, Some(&incumbent), ctx)
        })
        .unwrap();
        assert_eq!(second.report.incumbent, first.report.evaluated, "{}", kind.name);
    }
    let unjudged = train("popularity", &json!({"holdout": 0}), 1);
    assert!(unjudged.report.evaluated.is_none() && Incumbent::load(&unjudged.state, &unjudged.tensors).unwrap().is_none());
}

#[test]
fn lists_of_everyone_are_those_of_each() {
    for kind in KINDS {
        let t = train(kind.name, &params(kind.name), 2);
        let r = Recommender::load(&t.state, &t.tensors).unwrap();
        // Among them users without events, with one, and with events out of order.
        let asked: Vec<Asked> = (0..60u32)
            .map(|u| {
                let events: Vec<Event> = (0..u % 7).map(|s| Event::new(i64::from((s * 5) % 7), (u + 2 * s) % ITEMS as u32, 1.0)).collect();
                Asked { user: Id::Integer(i64::from(u)), seen: events.iter().map(|e| e.item).collect(), any: u % 7 > 0, events }
            })
            .collect();
        for (exclude_seen, k) in [(true, 5), (false, ITEMS + 3)] {
            let all = |threads| with(threads, 7, |ctx| batch::lists(&r, &mut asked.clone(), k, exclude_seen, 9, ctx)).unwrap();
            assert_eq!(all(1), all(3), "{}", kind.name);
            for (asked, list) in asked.iter().zip(all(2)) {
                let mut history = asked.events.clone();
                r.order(&asked.user, &mut history);
                let mut scores = vec![0.0; ITEMS];
                let source = r.score_history(&history, 9, &mut scores);
                if exclude_seen {
                    asked.seen.iter().for_each(|&i| scores[i as usize] = f32::NEG_INFINITY);
                }
                let alone: Vec<(u32, f32)> = r.top(&scores, k).into_iter().map(|(i, _, s)| (i, s)).collect();
                assert_eq!((source, &alone), (list.source, &list.items), "{}", kind.name);
            }
        }
    }
}

#[test]
fn a_snapshot_gives_the_list_that_live_events_give() {
    for kind in KINDS {
        let limit = |users: &str| {
            let mut p = params(kind.name);
            p["users"] = json!(users);
            p["history_limit"] = json!(3);
            p
        };
        let (live, stored) = (train(kind.name, &limit("live"), 2), train(kind.name, &limit("snapshot"), 2));
        let (l, s) = (Recommender::load(&live.state, &live.tensors).unwrap(), Recommender::load(&stored.state, &stored.tensors).unwrap());
        // In the form that a file has for all sessions.
        let s = Recommender::load(&stored.state, &packed::in_memory(&s.laid_out()).unwrap()).unwrap();
        assert!(l.snapshot().is_none() && live.tensors.iter().all(|t| !t.name.starts_with("users.")), "{}", kind.name);
        let snapshot = s.snapshot().unwrap();
        let (users, events) = with(2, 7, |ctx| {
            let d = data(&checkerboard(200), ctx);
            (d.users.clone(), (0..200).map(|u| d.history(u)[5..].to_vec()).collect::<Vec<_>>())
        });
        let (mut a, mut b) = (vec![0.0; ITEMS], vec![0.0; ITEMS]);
        for user in 0..200 {
            let history = snapshot.history(snapshot.find(&users.id(user)).unwrap());
            assert_eq!(history, &events[user as usize], "{}", kind.name);
            assert_eq!(l.score_history(&events[user as usize], 9, &mut a), s.score_history(history, 9, &mut b));
            assert_eq!(l.top(&a, ITEMS), s.top(&b, ITEMS), "{}", kind.name);
        }
        assert_eq!(snapshot.find(&Id::Integer(200)), None);
        // Judging the version next night needs no user of it.
        let items: Vec<_> = stored.tensors.iter().filter(|t| !t.name.starts_with("users.")).cloned().collect();
        assert!(Incumbent::load(&stored.state, &items).unwrap().is_some());
        assert_eq!(Recommender::load(&stored.state, &items).unwrap_err().code, Code::Corrupt);
    }
    let e = Request::new("transition", &json!({"users": "snapshot", "read_as": "caller"})).unwrap_err();
    assert_eq!((e.code, e.message.as_str()), (Code::InvalidParameter, "parameter \"read_as\" needs users \"live\""));
    let e = Request::new("transition", &json!({"users": "snapshto"})).unwrap_err();
    assert_eq!(e.code, Code::InvalidParameter);
}

/// The page of `affinity.report`, of what training held out: for a kind that learns in epochs with its curve.
#[test]
fn a_page_shows_what_training_held_out() {
    const K: usize = 20;
    for kind in KINDS {
        let t = train(kind.name, &params(kind.name), 2);
        let page = with(2, 7, |ctx| {
            let (twin, cases) = list_evaluation::held_out(&t.state, &t.tensors, &data(&checkerboard(200), ctx), ctx).unwrap().unwrap();
            let [own, popularity] = list_evaluation::lists(&twin, &cases, twin.repeats(), K, ctx).unwrap();
            let mut figures = list_evaluation::rows(&own, K, None, 0);
            let ndcg = figures.iter().find(|f| f.metric == "ndcg").unwrap();
            assert!(ndcg.rows as usize == cases.len() && cases.len() > 30, "{}: {ndcg:?}", kind.name);
            figures.extend(list_evaluation::rows(&popularity, K, Some("popularity"), 0));
            // To the digit what training said, the baseline's as well: nothing here has seen the held-out events.
            for f in figures.iter().filter(|f| !matches!(f.metric.as_str(), "gini" | "novelty")) {
                let m = &t.report.metrics;
                let of = if f.baseline.is_some() { &m["baseline"]["popularity"] } else { &json!(m) };
                let told = of[format!("{}@{K}", f.metric)].as_f64().unwrap();
                assert!((f.value - told).abs() < 6e-6, "{}: {f:?}, training {told}", kind.name);
            }
            let shown = Shown::of(&twin, &cases, twin.repeats(), K, ctx).unwrap();
            assert_eq!((shown.lists, shown.examples.len()), (cases.len(), 6), "{}", kind.name);
            assert!(shown.shown.iter().sum::<u32>() as usize > cases.len(), "{}", kind.name);
            let names = shown.items().into_iter().map(|i| (i, (twin.items().id(i).to_string(), Some("<hat>".to_owned())))).collect();
            Page {
                model: "shop".into(),
                kind: kind.name.into(),
                epochs: t.report.epochs.clone(),
                figures,
                lists: Some(shown),
                names,
                ..Page::default()
            }
        });
        let html = page.html().unwrap();
        assert!(html.starts_with("<!DOCTYPE html>") && html.contains("&lt;hat&gt;") && !html.contains("<hat>"), "{}", kind.name);
        let drawings = if page.epochs.is_empty() { 3 } else { 4 };
        assert!(html.matches("<svg").count() >= drawings, "{}: {}", kind.name, html.matches("<svg").count());
    }
}

#[test]
fn small_and_odd_data_train() {
    let one = |users: &[&str], items: &[&str]| {
        let text = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let at = Column { name: "at".into(), values: Values::Time(vec![5; users.len()]) };
        Frame::new(vec![category("user_id", &text(users)), category("item_id", &text(items)), at]).unwrap()
    };
    for kind in KINDS {
        for frame in [
            one(&["1"], &["1"]),
            one(&["1", "1", "1"], &["1", "1", "1"]),
            one(&["1", "2", "3"], &["1", "1", "1"]),
            one(&["1", "1"], &["1", "2"]),
        ] {
            let t = with(2, 0, |ctx| recommender::fit(&data(&frame, ctx), &asked(kind.name, &params(kind.name)), 0, None, ctx)).unwrap();
            let r = Recommender::load(&t.state, &t.tensors).unwrap();
            let mut out = vec![0.0; r.items().len()];
            r.score_history(&[Event::new(0, 0, 1.0)], 9, &mut out);
            assert!(out.iter().all(|x| x.is_finite()), "{}", kind.name);
        }
    }
}

/// The road of large catalogues, in the suite's size: all that the kind promises holds on it, too.
#[test]
fn ease_item_by_item_finds_the_pattern_and_is_the_same_whatever_the_threads() {
    let given = json!({"candidates": 6});
    let a = train("ease", &given, 1);
    let b = train("ease", &given, 3);
    assert_eq!((&a.tensors, &a.state), (&b.tensors, &b.state));
    assert!(a.report.metrics["recall@20"].as_f64().unwrap() > 0.9);
    let r = Recommender::load(&a.state, &a.tensors).unwrap();
    let mut out = vec![0.0; ITEMS];
    let event = |item: i64, time| Event::new(time, r.items().find_integer(item).unwrap(), 1.0);
    assert_eq!(r.score_history(&[event(4, 1), event(6, 2)], 3, &mut out), Source::History);
    assert!(r.top(&out, 3).iter().all(|(_, id, _)| matches!(id, Id::Integer(i) if i % 2 == 0)));
    assert!(r.similar(3, &mut out).unwrap() && out.iter().all(|x| x.is_finite()));
    let e = Request::new("ease", &json!({"candidates": 0})).unwrap_err();
    assert_eq!((e.code, e.detail.as_deref()), (Code::InvalidParameter, Some("It is 0; allowed is 1 to 5000.")));
}

#[test]
fn a_fit_that_leaves_nothing_open_and_holds_nothing_out_is_done_once() {
    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicUsize);
    impl Watch for Count {
        fn cancelled(&self) -> bool {
            false
        }
        fn epoch(&self, _: &pg_affinity::base::Epoch) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let events = with(1, 0, |ctx| data(&checkerboard(200), ctx));
    let epochs = |params: Value| {
        let count = Count::default();
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &count };
        recommender::fit(&events, &asked("als", &params), 0, None, &ctx).unwrap();
        count.0.into_inner()
    };
    let given = json!({"factors": 4, "epochs": 3, "regularization": 0.01, "recency": 20, "holdout": 0});
    let with = |name: &str, value: Value| {
        let mut all = given.clone();
        all[name] = value;
        all
    };
    assert_eq!(epochs(given.clone()), 3);
    assert_eq!(epochs(with("holdout", json!(0.2))), 6);
    assert_eq!(epochs(with("recency", Value::Null)), 6);
    assert_eq!(epochs(with("refit", json!(false))), 3);
}

#[test]
fn cancelling_and_bad_parameters_are_errors() {
    struct Stop;
    impl Watch for Stop {
        fn cancelled(&self) -> bool {
            true
        }
        fn epoch(&self, _: &pg_affinity::base::Epoch) {}
    }
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let frame = checkerboard(20);
    let events = with(1, 0, |ctx| data(&frame, ctx));
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Stop };
    for kind in KINDS.iter().filter(|k| k.name != "popularity") {
        let e = recommender::fit(&events, &asked(kind.name, &params(kind.name)), 0, None, &ctx).unwrap_err();
        assert_eq!(e.code, Code::Cancelled, "{}", kind.name);
    }
    let small = Budget::new(100);
    let ctx = Context { seed: 0, pool: &pool, budget: &small, watch: &Quiet };
    let e = recommender::fit(&events, &asked("transition", &json!({})), 0, None, &ctx).unwrap_err();
    assert_eq!(e.code, Code::OutOfMemory);
    let e = Request::new("transition", &json!({"windw": 3})).unwrap_err();
    assert_eq!((e.code, e.hint.as_deref()), (Code::InvalidParameter, Some("Did you mean \"window\"?")));
    let e = Request::new("item_kn", &json!({})).unwrap_err();
    assert_eq!((e.code, e.hint.as_deref()), (Code::UndefinedObject, Some("Did you mean \"item_knn\"?")));
    let e = Request::new("popularity", &json!({"half_life": 0})).unwrap_err();
    assert_eq!(e.code, Code::InvalidParameter);
}
