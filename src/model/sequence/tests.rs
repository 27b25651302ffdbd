//! What the kind promises beyond what all kinds do.

use super::*;
use crate::dataset::{Attribute, Event, Interactions};
use crate::kernel::dot;
use crate::model::recommender::ItemScorer;
use crate::model::test_events::{events, shelves, with};
use serde_json::json;

fn given(more: &Value) -> Map<String, Value> {
    params::resolve("sequence", KIND.specs, more).unwrap()
}

/// Users who each go round twelve items, one after another, a minute each.
fn rounds() -> Interactions {
    events((0..60).flat_map(|u| (0..6).map(move |step| (u, (u + step) % 12, i64::from(step)))), [60, 12])
}

fn fit(data: &Interactions, more: &Value) -> Sequence {
    with(2, |ctx| Sequence::fit(&Job::alone(data, &given(more), None, ctx))).unwrap().0
}

fn next(m: &Sequence, items: &[u32]) -> u32 {
    let history: Vec<Event> = (0..).zip(items).map(|(at, i)| Event::new(at * 60_000_000, *i, 1.0)).collect();
    let mut out = vec![0.0; m.bias.len()];
    assert!(m.score(&history, 0, &mut out));
    (0..out.len() as u32).max_by(|a, b| out[*a as usize].total_cmp(&out[*b as usize])).unwrap()
}

#[test]
fn every_encoder_learns_what_comes_next() {
    let data = rounds();
    for encoder in ["transformer", "gru", "cnn"] {
        let m = fit(&data, &json!({"encoder": encoder, "width": 16, "heads": 2, "epochs": 60, "learning_rate": 0.01, "dropout": 0.1}));
        let right = (0..12).filter(|i| next(&m, &[*i, (i + 1) % 12, (i + 2) % 12]) == (i + 3) % 12).count();
        assert!(right >= 11, "{encoder}: {right} of 12");
        // Longer than what it reads, and a single event.
        assert!(next(&m, &[3; 200]) < 12 && next(&m, &[5]) == 6);
        assert!(!m.score(&[], 0, &mut [0.0; 12]));
        // Vectors for an index: their product is the score.
        let history: Vec<Event> = (0..3).map(|i| Event::new(i64::from(i) * 60_000_000, i, 1.0)).collect();
        let (user, mut out) = (m.user_vector(&history).unwrap().unwrap(), [0.0; 12]);
        m.score(&history, 0, &mut out);
        for (i, score) in (0..).zip(out) {
            assert!((dot(&user, &m.item_vector(i).unwrap().unwrap()) - score).abs() < 1e-3);
        }
    }
}

#[test]
fn what_a_maker_is_known_for_comes_to_its_rare_items() {
    let mut data = rounds();
    let items = data.items.len();
    data.attributes = vec![Attribute { name: "maker".into(), groups: 2, of: (0..items as u32).map(|i| i % 2).collect() }];
    let (with_them, without) =
        (fit(&data, &json!({"width": 8, "epochs": 2})), fit(&data, &json!({"width": 8, "epochs": 2, "attributes": false})));
    assert!(with_them.uses_attributes() && !without.uses_attributes());
    let alike = |m: &Sequence| {
        let mut out = vec![0.0; items];
        m.similar(0, &mut out).unwrap();
        (2..items).step_by(2).map(|i| out[i]).sum::<f32>() - (1..items).step_by(2).map(|i| out[i]).sum::<f32>()
    };
    assert!(alike(&with_them) > alike(&without) + 0.5, "{} {}", alike(&with_them), alike(&without));
}

#[test]
fn without_two_events_of_anybody_it_is_popularity() {
    let data = shelves(30, 1, 4);
    let first = with(1, |ctx| data.filter(ctx, |_, at, _| at == 0)).unwrap();
    let m = fit(&first, &json!({"epochs": 2}));
    let counts = |i: u32| first.events().iter().filter(|e| e.item == i).count();
    let most = (0..first.items.len() as u32).max_by_key(|i| counts(*i)).unwrap();
    assert_eq!(counts(next(&m, &[0])), counts(most));
}

#[test]
fn hostile_tensors_are_refused() {
    let data = rounds();
    let p = given(&json!({"width": 8, "heads": 2, "epochs": 1}));
    let good = with(1, |ctx| Sequence::fit(&Job::alone(&data, &p, None, ctx))).unwrap().0.to_tensors();
    let code =
        |items: usize, p: &Map<String, Value>, t: &[crate::base::Tensor]| Sequence::from_tensors(items, p, t).map(|_| ()).unwrap_err().code;
    assert!(Sequence::from_tensors(12, &p, &good).is_ok());
    assert_eq!(code(11, &p, &good), Code::Corrupt);
    assert_eq!(code(12, &Map::new(), &good), Code::Corrupt);
    for (name, value) in [
        ("heads", json!(3)),
        ("heads", json!(0)),
        ("width", json!(1u64 << 40)),
        ("length", json!(0)),
        ("length", json!(1e15)),
        ("blocks", json!(33)),
    ] {
        let mut forged = p.clone();
        forged.insert(name.into(), value);
        assert_eq!(code(12, &forged, &good), Code::Corrupt, "{name}");
    }
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad.remove(i);
        assert_eq!(code(12, &p, &bad), Code::Corrupt);
    }
    for codes in [vec![], vec![0], vec![0, 2], vec![0, 1, -4], vec![0, 1, i64::MAX]] {
        let mut bad = good.clone();
        let t = bad.iter_mut().find(|t| t.name == "input.codes").unwrap();
        (t.shape, t.numbers) = (vec![codes.len()], crate::base::Numbers::I64(codes.into()));
        assert_eq!(code(12, &p, &bad), Code::Corrupt);
    }
}
