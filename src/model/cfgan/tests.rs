//! Tests of the CFGAN as a whole.

use super::*;
use crate::base::{Budget, Code, Numbers, Pool, Quiet};
use crate::dataset::Event;
use crate::model::mult_vae::tests::{best_epoch_is_kept, checkerboard, parity_found, too_large_is_refused};
use serde_json::json;

fn given(change: Value) -> Map<String, Value> {
    params::resolve("cfgan", SPECS, &change).unwrap()
}

pub fn params() -> Params {
    params::typed(&given(json!({"masked": 0.5, "zeros": 0.5, "alpha": 0.7}))).unwrap()
}

fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 2, pool: &pool, budget: &budget, watch: &Quiet })
}

#[test]
fn learns_a_checkerboard_and_comes_back_from_its_tensors() {
    let data = checkerboard(300, 30);
    let p = given(json!({"hidden": 20, "discriminator": 10, "learning_rate": 0.01, "epochs": 30}));
    let (m, epochs, chosen) = with(2, |ctx| Cfgan::fit(&data, &p, None, ctx)).unwrap();
    assert!(parity_found(&data, |history, out| m.score(history, out)) > 0.98);
    assert!(epochs.len() == 30 && chosen.is_empty());
    let again = Cfgan::from_tensors(30, &p, &m.to_tensors()).unwrap();
    assert!(again == m, "stored and read again");
    assert!(with(1, |ctx| Cfgan::fit(&data, &p, None, ctx)).unwrap().0 == m, "one thread and two");
    let mut out = vec![0.0; 30];
    assert!(!m.score(&[], &mut out));
    // Weights scale out: only their proportions count.
    let history: Vec<Event> = data.history(0).to_vec();
    let heavier: Vec<Event> = history.iter().map(|e| Event { weight: e.weight * 7.0, ..*e }).collect();
    let mut other = out.clone();
    assert!(m.score(&history, &mut out) && m.score(&heavier, &mut other));
    assert!(out.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4));
    assert!(m.similar(3, &mut out) && (out[3] - 1.0).abs() < 1e-4);
}

#[test]
fn held_out_events_choose_the_epochs() {
    let p = given(json!({"hidden": 20, "discriminator": 10, "learning_rate": 0.01, "patience": 3}));
    best_epoch_is_kept(|seen, tune| {
        with(2, |ctx| Cfgan::fit(seen, &p, Some(tune), ctx)).map(|(_, epochs, chosen)| (epochs, chosen)).unwrap()
    });
}

#[test]
fn networks_that_are_too_large_are_refused_before_they_are_allocated() {
    let large = [json!({"hidden": 1_000_000_000}), json!({"discriminator": 1_000_000_000})];
    too_large_is_refused(large, |data, p, ctx| Cfgan::fit(data, &given(p), None, ctx).map(|_| ()));
}

#[test]
fn hostile_tensors_are_refused() {
    let data = checkerboard(20, 10);
    let p = given(json!({"hidden": 4, "discriminator": 2, "epochs": 1}));
    let good = with(1, |ctx| Cfgan::fit(&data, &p, None, ctx)).unwrap().0.to_tensors();
    assert_eq!(Cfgan::from_tensors(11, &p, &good).unwrap_err().code, Code::Corrupt);
    assert_eq!(Cfgan::from_tensors(10, &Map::new(), &good).unwrap_err().code, Code::Corrupt);
    assert_eq!(Cfgan::from_tensors(10, &p, &good[1..]).unwrap_err().code, Code::Corrupt);
    let mut bad = good;
    if let Numbers::F16(v) = &mut bad[0].numbers {
        v[0] = f16::INFINITY;
    }
    assert_eq!(Cfgan::from_tensors(10, &p, &bad).unwrap_err().code, Code::Corrupt);
}
