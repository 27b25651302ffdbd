//! Tests of the Mult-VAE as a whole.

use super::*;
use crate::base::{Budget, Code, Context, Epoch, Pool, Quiet, Rng};
use crate::dataset::{Column, Event, EventColumns, Frame, Id, IdKind, Interactions, Pairs, Step, Values};
use crate::model::holdout::Holdout;
use crate::model::recommender::ItemScorer;
use serde_json::{Map, Value, json};

/// `users` users with about half of the even or of the odd items each.
pub fn checkerboard(users: usize, items: usize) -> Interactions {
    let mut rng = Rng::new(1);
    let mut events = Vec::new();
    for u in 0..users {
        let mine = (0..items).filter(|i| i % 2 == u % 2);
        events.extend(mine.filter(|i| *i < 2 || rng.uniform() < 0.5).map(|i| (u as u32, i as u32)));
    }
    let column = |name: &str, codes: Vec<u32>, n: usize| Column {
        name: name.into(),
        values: Values::Category { codes, levels: (0..n).map(|i| i.to_string()).collect() },
    };
    let frame = Frame::new(vec![
        column("u", events.iter().map(|e| e.0).collect(), users),
        column("i", events.iter().map(|e| e.1).collect(), items),
        Column { name: "w".into(), values: Values::Real((0..events.len()).map(|i| 1.0 + (i % 3) as f32).collect()) },
    ])
    .unwrap();
    let columns = EventColumns { user: "u".into(), item: "i".into(), weight: Some("w".into()), ..EventColumns::default() };
    with(1, |ctx| Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)).unwrap().0
}

pub fn pairs(users: usize, items: usize) -> Pairs {
    with(1, |ctx| Pairs::by_user(&checkerboard(users, items), 100, ctx)).unwrap()
}

fn given(change: Value) -> Map<String, Value> {
    params::resolve("mult_vae", SPECS, &change).unwrap()
}

pub fn params() -> Params {
    params::typed(&given(json!({}))).unwrap()
}

pub fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 2, pool: &pool, budget: &budget, watch: &Quiet })
}

/// How often a scorer puts even items above others for a history of even items, and odd ones for odd.
pub fn parity_found(data: &Interactions, score: impl Fn(&[Event], &mut [f32]) -> bool) -> f64 {
    let items = data.items.len();
    let parity: Vec<i64> = (0..items as u32).map(|i| if let Id::Integer(i) = data.items.id(i) { i % 2 } else { panic!() }).collect();
    let (mut out, mut right) = (vec![0.0; items], 0);
    for u in 0..data.users.len() as u32 {
        let history = &data.history(u)[..3];
        assert!(score(history, &mut out));
        history.iter().for_each(|e| out[e.item as usize] = f32::NEG_INFINITY);
        let best = (0..items).max_by(|a, b| out[*a].total_cmp(&out[*b])).unwrap();
        right += usize::from(parity[best] == parity[history[0].item as usize]);
    }
    right as f64 / data.users.len() as f64
}

#[test]
fn learns_a_checkerboard_and_comes_back_from_its_tensors() {
    let data = checkerboard(300, 30);
    let p = given(json!({"hidden": 20, "latent": 5, "learning_rate": 0.01, "epochs": 30}));
    let (m, epochs, chosen) = with(2, |ctx| MultVae::fit(&Job::alone(&data, &p, None, ctx))).unwrap();
    assert!(parity_found(&data, |history, out| m.score(history, out)) > 0.98);
    assert!(epochs.len() == 30 && epochs[29].train_loss < epochs[0].train_loss && chosen.is_empty());
    let again = MultVae::from_tensors(30, &p, &m.to_tensors()).unwrap();
    assert!(again == m, "stored and read again");
    assert!(with(1, |ctx| MultVae::fit(&Job::alone(&data, &p, None, ctx))).unwrap().0 == m, "one thread and two");
    weights_scale_out(&m, data.history(0), 30);
}

#[test]
fn learns_a_checkerboard_from_samples() {
    let data = checkerboard(300, 30);
    let p = given(json!({"hidden": 20, "latent": 5, "learning_rate": 0.01, "epochs": 30, "batch": 3, "softmax": "sampled", "sampled": 4}));
    let (m, epochs, _) = with(2, |ctx| MultVae::fit(&Job::alone(&data, &p, None, ctx))).unwrap();
    assert!(parity_found(&data, |history, out| m.score(history, out)) > 0.98);
    assert!(epochs[29].train_loss < epochs[0].train_loss);
}

/// That a model of so many items says nothing of no history, that only the proportions of a history's weights count, and that an item is
/// most like itself.
pub fn weights_scale_out(m: &dyn ItemScorer, history: &[Event], items: usize) {
    let mut out = vec![0.0; items];
    assert!(!m.score(&[], 0, &mut out));
    let heavier: Vec<Event> = history.iter().map(|e| Event { weight: e.weight * 7.0, ..*e }).collect();
    let mut other = out.clone();
    assert!(m.score(history, 0, &mut out) && m.score(&heavier, 0, &mut other));
    assert!(out.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4));
    assert!(m.similar(3, &mut out).unwrap() && (out[3] - 1.0).abs() < 1e-4);
}

/// That a fit with patience 3 keeps the epoch that is best on held-out events: what `fit` gives for these and the others.
pub fn best_epoch_is_kept(fit: impl Fn(&Interactions, &Holdout) -> (Vec<Epoch>, Map<String, Value>)) {
    let data = checkerboard(300, 30);
    let (seen, tune) = with(1, |ctx| Holdout::split(&data, Step::Event, false, 0.0, 0.3, ctx)).unwrap();
    let (epochs, chosen) = fit(&seen, &tune);
    let best = chosen["epochs"].as_u64().unwrap() as usize;
    assert!(best >= 1 && epochs.len() == best + 3);
    let ndcg = |e: &Epoch| e.metric.as_ref().unwrap().1;
    assert!(epochs.iter().all(|e| ndcg(e) <= ndcg(&epochs[best - 1])));
}

/// That `fit` by any of these parameters is refused before it allocates.
pub fn too_large_is_refused<T: std::fmt::Debug>(params: [Value; 2], fit: impl Fn(&Interactions, Value, &Context) -> Result<T>) {
    let data = checkerboard(20, 10);
    let (pool, budget) = (Pool::single(), Budget::new(1 << 30));
    let ctx = Context { seed: 2, pool: &pool, budget: &budget, watch: &Quiet };
    for p in params {
        assert_eq!(fit(&data, p, &ctx).unwrap_err().code, Code::OutOfMemory);
    }
    assert_eq!(budget.peak(), 0);
}

#[test]
fn held_out_events_choose_the_epochs() {
    let p = given(json!({"hidden": 20, "latent": 5, "learning_rate": 0.01, "patience": 3}));
    best_epoch_is_kept(|seen, tune| {
        with(2, |ctx| MultVae::fit(&Job::alone(seen, &p, Some(tune), ctx))).map(|(_, epochs, chosen)| (epochs, chosen)).unwrap()
    });
}

#[test]
fn a_network_that_is_too_large_is_refused_before_it_is_allocated() {
    let large = [json!({"hidden": 1_000_000_000}), json!({"latent": 1_000_000_000})];
    too_large_is_refused(large, |data, p, ctx| MultVae::fit(&Job::alone(data, &given(p), None, ctx)).map(|_| ()));
}

#[test]
fn a_large_catalogue_trains_within_a_small_budget() {
    // 200 users in one step, each with a thousand items of her own: 40 million logits, 160 MB, of which nothing near is held.
    const ITEMS: usize = 200_000;
    let column = |name: &str, code: fn(usize) -> usize, n: usize| Column {
        name: name.into(),
        values: Values::Category { codes: (0..ITEMS).map(|i| code(i) as u32).collect(), levels: (0..n).map(|i| i.to_string()).collect() },
    };
    let frame = Frame::new(vec![column("u", |i| i / 1000, 200), column("i", |i| i, ITEMS)]).unwrap();
    let columns = EventColumns { user: "u".into(), item: "i".into(), ..EventColumns::default() };
    let data = with(1, |ctx| Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)).unwrap().0;
    let (pool, budget) = (Pool::new(2).unwrap(), Budget::new(100 << 20));
    let ctx = Context { seed: 2, pool: &pool, budget: &budget, watch: &Quiet };
    let p = |softmax: &str| {
        given(
            json!({"hidden": 8, "latent": 4, "batch": 200, "epochs": 3, "history": 50, "anneal": 0, "learning_rate": 0.01, "softmax": softmax}),
        )
    };
    let e = MultVae::fit(&Job::alone(&data, &p("whole"), None, &ctx)).unwrap_err();
    assert_eq!((e.code, budget.peak()), (Code::OutOfMemory, 0));
    let mut free = p("blocked");
    free.insert("softmax".into(), Value::Null);
    let fitted: Vec<MultVae> = [free, p("sampled"), p("blocked")]
        .iter()
        .map(|p| {
            let (m, epochs, _) = MultVae::fit(&Job::alone(&data, p, None, &ctx)).unwrap();
            assert!(epochs[2].train_loss < epochs[0].train_loss && budget.peak() > 50 << 20);
            let mut out = vec![0.0; ITEMS];
            assert!(m.score(&data.history(3)[..20], &mut out) && out.iter().all(|x| x.is_finite()));
            m
        })
        .collect();
    assert!(fitted[0] == fitted[1] && fitted[0] != fitted[2], "sampled is what is done when nothing is said");
}

#[test]
fn a_softmax_is_sampled_where_it_pays() {
    let settled = |items: usize, entries: usize, asked: Value| {
        let p: Params = params::typed(&given(asked)).unwrap();
        p.settled(&Shape { items, hidden: 8, latent: 4 }, 500, entries).softmax.unwrap()
    };
    for (items, entries, softmax) in [
        (30_000, 5_000, Softmax::Whole),
        (40_000, 5_000, Softmax::Sampled),
        (40_000, 50_000, Softmax::Whole),
        (100_000, 50_000, Softmax::Blocked),
        (200_000, 50_000, Softmax::Sampled),
    ] {
        assert_eq!(settled(items, entries, json!({})), softmax, "{items} items, {entries} entries");
        assert_eq!(settled(items, entries, json!({"softmax": "whole"})), Softmax::Whole);
    }
    assert_eq!(settled(200_000, 50_000, json!({"sampled": 60_000})), Softmax::Blocked);
}

#[test]
fn hostile_tensors_are_refused() {
    let data = checkerboard(20, 10);
    let p = given(json!({"hidden": 4, "latent": 2, "epochs": 1}));
    let good = with(1, |ctx| MultVae::fit(&Job::alone(&data, &p, None, ctx))).unwrap().0.to_tensors();
    assert_eq!(MultVae::from_tensors(11, &p, &good).unwrap_err().code, Code::Corrupt);
    assert_eq!(MultVae::from_tensors(10, &Map::new(), &good).unwrap_err().code, Code::Corrupt);
    assert_eq!(MultVae::from_tensors(10, &p, &good[1..]).unwrap_err().code, Code::Corrupt);
    let mut bad = good;
    if let crate::base::Numbers::F16(v) = &mut bad[0].numbers {
        v.own()[0] = f16::INFINITY;
    }
    assert_eq!(MultVae::from_tensors(10, &p, &bad).unwrap_err().code, Code::Corrupt);
}
