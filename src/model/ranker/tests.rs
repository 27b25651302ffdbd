use super::*;
use crate::base::{Budget, Pool, Quiet, Rng};
use crate::dataset::{Attribute, Column, EventColumns, EventContext, Frame, IdKind, MISSING_CODE, Step, Values};
use crate::model::holdout::{Holdout, Lists};
use crate::model::kinds::{KINDS, kind, specs};
use crate::model::popularity::Popularity;
use crate::model::recommender::Job;
use crate::model::tune::fit;
use serde_json::json;

fn with<T>(threads: usize, f: impl FnOnce(&Context) -> T) -> T {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 2, pool: &pool, budget: &budget, watch: &Quiet })
}

/// 120 households of two tastes for a year: each has four staples of its taste's 20 items, one a week and the others less often, and tries
/// others.
fn households() -> Interactions {
    let mut rng = Rng::new(5);
    let (mut u, mut i, mut t) = (Vec::new(), Vec::new(), Vec::new());
    for user in 0..120u32 {
        let staples: Vec<u32> = (0..4).map(|_| user % 2 * 20 + rng.below(20) as u32).collect();
        for day in (i64::from(user) % 7..365).step_by(7) {
            let mut basket: Vec<u32> = (0..4).filter(|s| day / 7 % (1 + s * 2) == 0).map(|s| staples[s as usize]).collect();
            if rng.below(3) == 0 {
                basket.push(user % 2 * 20 + rng.below(20) as u32);
            }
            for item in basket {
                u.push(user);
                i.push(item);
                t.push(day * DAY as i64);
            }
        }
    }
    let levels: Vec<String> = (0..120).map(|s| s.to_string()).collect();
    let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
    let frame = Frame::new(vec![column("u", u), column("i", i), Column { name: "t".into(), values: Values::Time(t) }]).unwrap();
    let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
    with(1, |ctx| Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)).unwrap().0
}

fn resolved(name: &str) -> Map<String, Value> {
    params::resolve(name, &specs(name).unwrap(), &json!({})).unwrap()
}

#[test]
fn habits_are_found_and_new_things_by_the_ranker_alone() {
    let data = households();
    assert!(data.repeats() && Step::of(&data) == Step::Session);
    with(2, |ctx| {
        let ndcg = |name: &str, repeats: bool| {
            let (rest, holdout) = Holdout::split(&data, Step::Session, repeats, 0.0, 1.0, ctx).unwrap();
            let model = fit(kind(name).unwrap(), &Job { data: &rest, params: &resolved(name), tune: None, kinds: KINDS, warm: None, ctx })
                .unwrap()
                .model;
            let popularity = Popularity::plain(&rest, ctx).unwrap().scores;
            let lists = Lists { data: &rest, k: 5, popularity: &popularity, ctx };
            let figures = holdout.measure(&lists, |h, now, out| assert!(model.score(h, now, out))).unwrap();
            figures.means().unwrap().ndcg
        };
        let (popularity, repeat, ranker) = (ndcg("popularity", true), ndcg("repeat", true), ndcg("ranker", true));
        assert!(repeat > popularity + 0.3 && ranker > popularity + 0.3, "{popularity} {repeat} {ranker}");
        let (popularity, ranker) = (ndcg("popularity", false), ndcg("ranker", false));
        assert!(ranker > popularity + 0.1, "{popularity} {ranker}");
    });
}

#[test]
fn a_stored_one_scores_alike_and_hostile_tensors_are_refused() {
    let data = households();
    for name in ["repeat", "ranker"] {
        let p = resolved(name);
        let fitted = |threads| with(threads, |ctx| Ranker::fit(&data, &p, name == "repeat", ctx)).unwrap();
        let (ranker, epochs) = fitted(1);
        assert_eq!(ranker, fitted(3).0, "{name}");
        assert_eq!((epochs.len(), ranker.networks.len()), (27, if name == "repeat" { 1 } else { 3 }));
        let tensors = ranker.to_tensors();
        let again = |tensors: &[Tensor]| Ranker::from_tensors(data.items.len(), &p, name == "repeat", tensors);
        assert_eq!(again(&tensors).unwrap(), ranker);
        for at in 0..4 {
            let mut bad = tensors.clone();
            bad.remove(at);
            assert_eq!(again(&bad).unwrap_err().code, Code::Corrupt, "{name} without {}", tensors[at].name);
        }
        let mut bad = tensors.clone();
        bad[3].numbers = Numbers::F32(vec![0.0; bad[3].shape[0]].into());
        assert_eq!(again(&bad).unwrap_err().code, Code::Corrupt);
        assert_eq!(Ranker::from_tensors(data.items.len() + 1, &p, name == "repeat", &tensors).unwrap_err().code, Code::Corrupt);
        // Data of long ago are looked at as of their own end; every item has a score, whatever comes into question.
        let mut out = [vec![f32::NAN; 40], vec![f32::NAN; 40]];
        let [a, b] = &mut out;
        let history = data.history(7);
        let last = history[history.len() - 1].time;
        assert!(ranker.score(history, last.max(ranker.latest), a) && ranker.score(history, i64::MAX, b));
        assert!(a == b && a.iter().all(|x| x.is_finite()));
        assert!(!ranker.score(&[], last, a));
    }
}

#[test]
fn groups_of_items_are_learned_from_and_hostile_ones_refused() {
    let mut data = households();
    let plain = with(2, |ctx| Ranker::fit(&data, &resolved("ranker"), false, ctx)).unwrap().0;
    let of = |f: &dyn Fn(u32) -> u32| (0..data.items.len() as u32).map(f).collect::<Vec<_>>();
    let taste = Attribute { name: "taste".into(), groups: 2, of: of(&|i| i / 20) };
    let noise = Attribute { name: "noise".into(), groups: 3, of: of(&|i| if i % 5 == 0 { MISSING_CODE } else { i % 3 }) };
    data.attributes = vec![taste, noise];
    let fitted = |threads| with(threads, |ctx| Ranker::fit(&data, &resolved("ranker"), false, ctx)).unwrap().0;
    let ranker = fitted(1);
    assert!(ranker.uses_attributes() && !plain.uses_attributes() && ranker == fitted(3));
    assert_eq!(ranker.mean.len(), plain.mean.len() + 2 * groups::NUMBERS);
    let tensors = ranker.to_tensors();
    let again = |tensors: &[Tensor]| Ranker::from_tensors(data.items.len(), &resolved("ranker"), false, tensors);
    assert_eq!(again(&tensors).unwrap(), ranker);
    let at = |name: &str| tensors.iter().position(|t| t.name == name).unwrap();
    for (name, numbers) in [
        ("group1.of", Numbers::I64(vec![2; data.items.len()].into())),
        ("group2.of", Numbers::I64(vec![-2; data.items.len()].into())),
        ("group2.within", Numbers::F32(vec![f32::NAN; data.items.len()].into())),
    ] {
        let mut bad = tensors.clone();
        bad[at(name)].numbers = numbers;
        assert_eq!(again(&bad).unwrap_err().code, Code::Corrupt, "{name}");
    }
    let mut bad = tensors.clone();
    bad.remove(at("group2.links.all"));
    assert_eq!(again(&bad).unwrap_err().code, Code::Corrupt);
    // Both lists of one user: the other taste's items, which the user never had, come last.
    let history = data.history(8);
    let mut out = vec![0.0; data.items.len()];
    assert!(ranker.score(history, ranker.latest, &mut out) && out.iter().all(|x| x.is_finite()));
    let mean = |range: std::ops::Range<usize>| out[range].iter().sum::<f32>() / 20.0;
    assert!(mean(0..20) > mean(20..40));
}

/// 150 households that shop every four days in one of two stores, for some months and then in the other. Each has 20 items, of which two
/// are bought each time: only the store says which. A number says nothing.
fn movers() -> Interactions {
    let mut rng = Rng::new(11);
    let (mut u, mut i, mut t, mut store, mut noise) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for user in 0..150u32 {
        let mut place = user % 2;
        for day in (i64::from(user) % 4..300).step_by(4) {
            if rng.below(25) == 0 {
                place = 1 - place;
            }
            for _ in 0..2 {
                u.push(user);
                i.push(place * 20 + rng.below(20) as u32);
                t.push(day * DAY as i64);
                store.push(place);
                noise.push(rng.normal());
            }
        }
    }
    let levels: Vec<String> = (0..150).map(|s| s.to_string()).collect();
    let column = |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
    let (at, noise) =
        (Column { name: "t".into(), values: Values::Time(t) }, Column { name: "noise".into(), values: Values::Double(noise) });
    let frame = Frame::new(vec![column("u", u), column("i", i), column("store", store), at, noise]).unwrap();
    let context = vec!["store".into(), "noise".into()];
    let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), context, ..EventColumns::default() };
    with(1, |ctx| Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)).unwrap().0
}

#[test]
fn the_store_tells_what_is_bought_next() {
    let data = movers();
    let mut blind = data.clone();
    blind.context = EventContext::default();
    let ndcg = |data: &Interactions| {
        with(2, |ctx| {
            let (rest, holdout) = Holdout::split(data, Step::Session, true, 0.0, 1.0, ctx).unwrap();
            let ranker = Ranker::fit(&rest, &resolved("ranker"), false, ctx).unwrap().0;
            let popularity = Popularity::plain(&rest, ctx).unwrap().scores;
            let lists = Lists { data: &rest, k: 5, popularity: &popularity, ctx };
            let figures = holdout.measure(&lists, |h, now, out| assert!(ranker.score(h, now, out))).unwrap();
            figures.means().unwrap().ndcg
        })
    };
    let (without, context) = (ndcg(&blind), ndcg(&data));
    assert!(context > without * 1.1, "{without} {context}");
    let fitted = |threads| with(threads, |ctx| Ranker::fit(&data, &resolved("ranker"), false, ctx)).unwrap().0;
    let ranker = fitted(1);
    assert!(ranker.uses_context() && ranker == fitted(3));
    let again = |tensors: &[Tensor]| Ranker::from_tensors(data.items.len(), &resolved("ranker"), false, tensors);
    let tensors = ranker.to_tensors();
    assert_eq!(again(&tensors).unwrap(), ranker);
    // Without one of the columns the network has other inputs.
    let fewer: Vec<Tensor> = tensors.iter().filter(|t| !t.name.starts_with("context2")).cloned().collect();
    assert_eq!(again(&fewer).unwrap_err().code, Code::Corrupt);
}
