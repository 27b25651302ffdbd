//! Tests of the CFGAN as a whole.

use super::*;
use crate::base::{Code, Numbers};
use crate::model::mult_vae::tests::{best_epoch_is_kept, checkerboard, parity_found, too_large_is_refused, weights_scale_out, with};
use serde_json::{Map, Value, json};

fn given(change: Value) -> Map<String, Value> {
    params::resolve("cfgan", SPECS, &change).unwrap()
}

pub fn params() -> Params {
    params::typed(&given(json!({"masked": 0.5, "zeros": 0.5, "alpha": 0.7}))).unwrap()
}

#[test]
fn learns_a_checkerboard_and_comes_back_from_its_tensors() {
    let data = checkerboard(300, 30);
    let p = given(json!({"hidden": 20, "discriminator": 10, "learning_rate": 0.01, "epochs": 30}));
    let (m, epochs, chosen) = with(2, |ctx| Cfgan::fit(&Job::alone(&data, &p, None, ctx))).unwrap();
    assert!(parity_found(&data, |history, out| m.score(history, out)) > 0.98);
    assert!(epochs.len() == 30 && chosen.is_empty());
    let again = Cfgan::from_tensors(30, &p, &m.to_tensors()).unwrap();
    assert!(again == m, "stored and read again");
    assert!(with(1, |ctx| Cfgan::fit(&Job::alone(&data, &p, None, ctx))).unwrap().0 == m, "one thread and two");
    weights_scale_out(&m, data.history(0), 30);
}

#[test]
fn held_out_events_choose_the_epochs() {
    let p = given(json!({"hidden": 20, "discriminator": 10, "learning_rate": 0.01, "patience": 3}));
    best_epoch_is_kept(|seen, tune| {
        with(2, |ctx| Cfgan::fit(&Job::alone(seen, &p, Some(tune), ctx))).map(|(_, epochs, chosen)| (epochs, chosen)).unwrap()
    });
}

#[test]
fn networks_that_are_too_large_are_refused_before_they_are_allocated() {
    let large = [json!({"hidden": 1_000_000_000}), json!({"discriminator": 1_000_000_000})];
    too_large_is_refused(large, |data, p, ctx| Cfgan::fit(&Job::alone(data, &given(p), None, ctx)).map(|_| ()));
}

#[test]
fn hostile_tensors_are_refused() {
    let data = checkerboard(20, 10);
    let p = given(json!({"hidden": 4, "discriminator": 2, "epochs": 1}));
    let good = with(1, |ctx| Cfgan::fit(&Job::alone(&data, &p, None, ctx))).unwrap().0.to_tensors();
    assert_eq!(Cfgan::from_tensors(11, &p, &good).unwrap_err().code, Code::Corrupt);
    assert_eq!(Cfgan::from_tensors(10, &Map::new(), &good).unwrap_err().code, Code::Corrupt);
    assert_eq!(Cfgan::from_tensors(10, &p, &good[1..]).unwrap_err().code, Code::Corrupt);
    let mut bad = good;
    if let Numbers::F16(v) = &mut bad[0].numbers {
        v.own()[0] = f16::INFINITY;
    }
    assert_eq!(Cfgan::from_tensors(10, &p, &bad).unwrap_err().code, Code::Corrupt);
}
