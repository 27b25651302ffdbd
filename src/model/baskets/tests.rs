use super::*;
use crate::base::{Budget, Code, Context, Numbers, Pool, Quiet, Rng};
use crate::dataset::Interactions;
use crate::model::test_events::{events, with};
use serde_json::{Map, Value};

fn given(more: &Value) -> Map<String, Value> {
    params::resolve(KIND.name, SPECS, more).unwrap()
}

fn fitted(data: &Interactions, more: &Value, threads: usize) -> (Vec<Tensor>, Baskets, Map<String, Value>) {
    let p = given(more);
    let fitted = with(threads, |ctx| fit(&Job::alone(data, &p, None, ctx))).unwrap();
    let tensors = fitted.model.to_tensors();
    (tensors.clone(), Baskets::from_tensors(data.items.len(), &tensors, recency(&p)).unwrap(), fitted.chosen)
}

/// A thousand baskets of one moment: item 0 in a tenth of them, item 1 in nine of ten of those, item 2 (a bag) in every second of all, items 3
/// and 4 together twice and never else, others by chance.
fn shop() -> Interactions {
    let mut r = Rng::new(2);
    let mut all = Vec::new();
    for basket in 0..1000u32 {
        let mut add = |item: u32| all.push((basket % 200, item, i64::from(10_000 * (basket / 200) + 5)));
        if basket % 10 == 0 {
            add(0);
            if basket % 100 != 0 {
                add(1);
            }
        }
        if r.below(2) == 0 {
            add(2);
        }
        if basket == 77 || basket == 78 {
            add(3);
            add(4);
        }
        (0..3).for_each(|_| add(5 + r.below(40) as u32));
    }
    events(all.into_iter(), [200, 45])
}

#[test]
fn what_goes_together_is_found_and_chance_is_not() {
    let data = shop();
    let (tensors, m, chosen) = fitted(&data, &json!({}), 1);
    assert_eq!(chosen["within"], json!(0.0));
    assert_eq!(tensors, fitted(&data, &json!({}), 3).0);
    let row = m.together(0);
    assert_eq!((row[0].item, row[0].together), (1, 90));
    // 90 of 1,000 against 100 × 90 of 1,000 squared.
    assert!((row[0].lift - 10.0).abs() < 1e-9 && (7.5..9.0).contains(&row[0].low), "{row:?}");
    // The bag is in half of all baskets, those with item 0 among them.
    assert!(row.iter().all(|t| t.item != 2), "{row:?}");
    // Twice is by chance, whatever the lift.
    assert!(m.together(3).is_empty() && m.together(4).is_empty());
    // Of 40 × 39 pairs by chance a few are beyond it.
    let by_chance: usize = (5..45).map(|i| m.together(i).len()).sum();
    assert!(by_chance < 160, "{by_chance}");
    let floor = fitted(&data, &json!({"at_least": 91}), 1).1;
    assert!((0..45).all(|i| floor.together(i).is_empty()));
    assert_eq!(fitted(&data, &json!({"neighbours": 1}), 1).1.together(0), row[..1]);
}

#[test]
fn a_list_is_of_what_the_basket_makes_likely() {
    let (_, m, _) = fitted(&shop(), &json!({"recency": 20}), 1);
    let mut out = vec![0.0; 45];
    assert!(m.score(&[Event::new(0, 0, 1.0)], &mut out));
    let best = (0..45).max_by(|a, b| out[*a].total_cmp(&out[*b])).unwrap();
    assert!(best == 1 && (out[1] - m.together(0)[0].low.ln() as f32).abs() < 1e-5 && out.iter().all(|x| x.is_finite()));
    let mut weighed = vec![0.0; 45];
    assert!(m.score(&[Event::new(0, 0, 2.0)], &mut weighed) && weighed[1] == 2.0 * out[1]);
    assert!(!m.score(&[Event::new(0, 3, 1.0)], &mut out) && !m.similar(3, &mut out));
    assert!(m.similar(0, &mut out) && out[1] == m.together(0)[0].low as f32 && out[0] == 0.0);
}

#[test]
fn large_baskets_are_cut_and_memory_is_bounded() {
    // Forty orders of 300 items each: 100 of each count.
    let orders = events((0..40).flat_map(|u| (0..300).map(move |i| (u, i, 9))), [40, 300]);
    let (_, m, _) = fitted(&orders, &json!({"at_least": 1}), 2);
    let held: i64 = m.holding[..300].iter().sum();
    assert_eq!((held, m.holding[300]), (4000, 40));
    let (pool, given) = (Pool::single(), given(&json!({})));
    for bytes in [1_000, 205_000] {
        let budget = Budget::new(bytes);
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        assert_eq!(fit(&Job::alone(&orders, &given, None, &ctx)).unwrap_err().code, Code::OutOfMemory, "{bytes}");
    }
}

#[test]
fn hostile_tensors_are_refused() {
    let (good, m, _) = fitted(&shop(), &json!({}), 1);
    assert_eq!(Baskets::from_tensors(45, &good, m.recency).unwrap(), m);
    let code = |items: usize, t: &[Tensor]| Baskets::from_tensors(items, t, 1.0).map(|_| ()).unwrap_err().code;
    assert_eq!(code(44, &good), Code::Corrupt);
    for (name, at, value) in [
        ("baskets.holding", 0, -1),
        ("baskets.holding", 0, 1001),
        ("baskets.holding", 0, 3),
        ("baskets.holding", 45, 1 << 33),
        ("pairs.offset", 0, 1),
        ("pairs.offset", 1, i64::MAX),
        ("pairs.offset", 45, 3),
        ("pairs.pair", 0, 90 << 32),
        ("pairs.pair", 0, 90 << 32 | 45),
        ("pairs.pair", 0, 1),
        ("pairs.pair", 0, -1),
    ] {
        let mut bad = good.clone();
        let t = bad.iter_mut().find(|t| t.name == name).unwrap();
        let Numbers::I64(v) = &mut t.numbers else { unreachable!() };
        v.own()[at] = value;
        assert_eq!(code(45, &bad), Code::Corrupt, "{name} {at} {value}");
    }
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad.remove(i);
        assert_eq!(code(45, &bad), Code::Corrupt);
    }
}
