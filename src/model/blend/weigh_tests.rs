use super::weigh::{mean, simplex};
use super::*;
use crate::base::{Budget, Pool, Quiet};
use crate::dataset::Interactions;
use crate::dataset::{Column, EventColumns, Frame, IdKind, Step, Values};
use crate::model::holdout::{Holdout, Lists};
use crate::model::kinds::KINDS;
use crate::model::popularity::Popularity;
use crate::model::recommender::EVALUATED_AT;

#[test]
fn the_held_out_events_choose_the_weights() {
    // Everybody goes round 12 items in order; the popular item 0 comes first and is never the next one.
    let levels: Vec<String> = (0..60).map(|i| format!("{i}")).collect();
    let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
    let item = |r: usize| if r.is_multiple_of(6) { 0 } else { 1 + (r / 6 + r % 6) % 11 };
    let frame = Frame::new(vec![
        column("u", (0..360).map(|r| (r / 6) as u32).collect()),
        column("i", (0..360).map(|r| item(r) as u32).collect()),
        Column { name: "t".into(), values: Values::Double((0..360).map(f64::from).collect()) },
    ])
    .unwrap();
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
    let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap();
    let (seen, tune) = Holdout::split(&data, Step::Event, false, 0.0, 1.0, &ctx).unwrap();
    let mut p = serde_json::from_str::<Map<String, Value>>(r#"{"bases": {"popularity": {}, "transition": {}}, "weights": null}"#).unwrap();
    check(KINDS, &mut p).unwrap();
    let chosen = fit(&Job { data: &seen, params: &p, tune: Some(&tune), kinds: KINDS, warm: None, ctx: &ctx }, None).unwrap();
    let figures = chosen.figures.unwrap();
    let alone = |kind: &str| figures["alone"][kind].as_f64().unwrap();
    assert!(alone("transition") > alone("popularity") + 0.2, "{figures:?}");
    assert!(chosen.model.parts[0].kind == "transition" && chosen.chosen["weights"]["transition"].as_f64().unwrap() > 0.5);
    assert!(chosen.chosen["bases"]["transition"]["recency"].is_number());
    // What was chosen, given again, chooses no more.
    p.extend(chosen.chosen);
    let again = fit(&Job { data: &seen, params: &p, tune: None, kinds: KINDS, warm: None, ctx: &ctx }, None).unwrap();
    assert_eq!((again.model.to_tensors(), again.figures), (chosen.model.to_tensors(), None));
}

#[test]
fn lists_of_candidates_are_those_of_all_items() {
    let (users, items) = (80, 600);
    let levels: Vec<String> = (0..items).map(|i| format!("{i}")).collect();
    let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
    let mut rng = crate::base::Rng::new(3);
    let n = users * 20;
    let frame = Frame::new(vec![
        column("u", (0..n).map(|r| (r / 20) as u32).collect()),
        column("i", (0..n).map(|_| (rng.below(items) * rng.below(items) / items) as u32).collect()),
        Column { name: "t".into(), values: Values::Double((0..n).map(f64::from).collect()) },
    ])
    .unwrap();
    let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
    let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap();
    for repeats in [false, true] {
        let (seen, tune) = Holdout::split(&data, Step::Event, repeats, 0.0, 1.0, &ctx).unwrap();
        let bases = r#"{"bases": {"popularity": {}, "transition": {}, "item_knn": {}, "ease": {}}, "weights": {"popularity": 1, "transition": 1, "item_knn": 1, "ease": 1}}"#;
        let mut p = serde_json::from_str::<Map<String, Value>>(bases).unwrap();
        check(KINDS, &mut p).unwrap();
        let model = fit(&Job { data: &seen, params: &p, tune: None, kinds: KINDS, warm: None, ctx: &ctx }, None).unwrap().model;
        let popularity = Popularity::plain(&seen, &ctx).unwrap().scores;
        let weightings = simplex(&[0, 1, 2, 3], 4);
        let tensors = model.to_tensors();
        let blend = |w: &Vec<f32>| {
            let weights: Map<String, Value> =
                model.parts.iter().zip(w).filter(|(_, w)| **w > 0.0).map(|(p, w)| (p.kind.to_owned(), json!(w))).collect();
            let mut params = p.clone();
            params.insert("weights".into(), Value::Object(weights));
            Blend::from_tensors(&Stored { items: seen.items.len(), params: &params, tensors: &tensors, kinds: KINDS }).unwrap()
        };
        let blends: Vec<Blend> = weightings.iter().map(blend).collect();
        let lists = Lists { data: &seen, k: EVALUATED_AT, popularity: &popularity, ctx: &ctx };
        let whole = tune.compare(&lists, weightings.len(), |history, now, outs| {
            for (out, w) in outs.iter_mut().zip(&blends) {
                w.score(history, now, out);
            }
        });
        let (evaluated, whole) = (model.evaluate(&weightings, &seen, &tune, &popularity, &ctx).unwrap(), whole.unwrap());
        assert!(evaluated.users() > 50 && evaluated.values.iter().any(|v| *v > 0.0));
        let other = evaluated.values.iter().zip(&whole.values).filter(|(a, b)| (**a - **b).abs() > 1e-6).count();
        // Sums in another order may part what is equal.
        assert!(other * 1000 <= evaluated.values.len(), "{other} of {}", evaluated.values.len());
    }
}

#[test]
fn weightings_are_as_fine_as_they_can_be() {
    for (n, points) in [(1, 1), (2, 21), (3, 231), (4, 286), (5, 210), (8, 120)] {
        let of: Vec<usize> = (0..n).map(|i| 2 * i).collect();
        let all = simplex(&of, 2 * n);
        assert_eq!(all.len(), points, "{n}");
        assert!(all.iter().all(|p| p.len() == 2 * n && (p.iter().sum::<f32>() - 1.0).abs() < 1e-5));
        assert!(all.iter().all(|p| p.iter().skip(1).step_by(2).all(|w| *w == 0.0)));
    }
    let points = [vec![1.0, 0.0, 0.0], vec![0.5, 0.44, 0.06]];
    assert_eq!(mean(&points, &[0.5, 0.5]), [0.75 / 0.97, 0.22 / 0.97, 0.0]);
}
