//! The context of events on its way to a version that codes it otherwise: the deployed one tonight, and the one that is evaluated.

#![allow(clippy::unwrap_used)]

use pg_affinity::base::Rng;
use pg_affinity::dataset::{Column, EventColumns, Frame, IdKind, Interactions, Values};
use pg_affinity::train::list_evaluation;
use pg_affinity::train::recommender;
use pg_affinity::train::recommender_params::Request;
use pg_affinity::train::verdict::Incumbent;
use serde_json::json;
use shared::{category, columns, with};

mod shared;

const ITEMS: usize = 24;

/// Households that change between two stores, whose shelves hold even and odd items: the store of the last event tells what comes next.
/// A third name is that of the first event's store.
fn stores(names: &[&str]) -> Frame {
    let mut r = Rng::new(8);
    let (mut u, mut i, mut t, mut s) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for user in 0..100usize {
        let mut store = user % 2;
        for week in 0..40 {
            store = if r.below(8) == 0 { 1 - store } else { store };
            for _ in 0..2 {
                u.push(user.to_string());
                i.push((2 * r.below(ITEMS / 2) + store).to_string());
                s.push(names[store].to_owned());
                t.push(week * 7 * 86_400_000_000);
            }
        }
    }
    names.get(2).into_iter().for_each(|annex| s[0] = (*annex).to_owned());
    let at = Column { name: "at".into(), values: Values::Time(t) };
    Frame::new(vec![category("user_id", &u), category("item_id", &i), category("store", &s), at]).unwrap()
}

#[test]
fn the_context_of_events_reaches_a_version_that_codes_it_otherwise() {
    let fit = |names: &[&str], incumbent: Option<&Incumbent>| {
        let columns = EventColumns { context: vec!["store".into()], ..columns() };
        with(2, 7, |ctx| {
            let (data, _) = Interactions::from_frame(&stores(names), &columns, IdKind::Integer, IdKind::Integer, ctx).unwrap();
            (recommender::fit(&data, &Request::new("ranker", &json!({"context": ["store"]})).unwrap(), 0, incumbent, ctx).unwrap(), data)
        })
    };
    let (first, _) = fit(&["east", "west"], None);
    let incumbent = Incumbent::load(&first.state, &first.tensors).unwrap().unwrap();
    let evaluated = |names: &[&str]| fit(names, Some(&incumbent)).0.report.incumbent.unwrap();
    let (same, others) = (evaluated(&["east", "west"]), evaluated(&["south", "north"]));
    assert_eq!(Some(same), first.report.evaluated);
    assert!(others < same - 0.02, "{others} {same}");
    let ndcg = |names: &[&str]| {
        let data = fit(names, None).1;
        with(2, 7, |ctx| {
            let (twin, cases) = list_evaluation::held_out(&first.state, &first.tensors, &data, ctx).unwrap().unwrap();
            let [own, _] = list_evaluation::lists(&twin, &cases, twin.repeats(), 20, ctx).unwrap();
            list_evaluation::rows(&own, 20, None, 0).into_iter().find(|r| r.metric == "ndcg").unwrap().value
        })
    };
    assert!((ndcg(&["east", "west"]) - same).abs() < 0.02 && ndcg(&["south", "north"]) < same - 0.02);
    // A store more, which is the first by name: the codes of the others are not what they were.
    assert!((ndcg(&["east", "west", "annex"]) - same).abs() < 0.02 && (evaluated(&["east", "west", "annex"]) - same).abs() < 0.02);
}
