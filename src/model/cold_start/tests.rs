use super::*;
use crate::base::{Numbers, Rng, Tensor};
use crate::dataset::{Column, Event, Frame, Interactions, ItemValues, Values};
use crate::model::recommender::ItemScorer;
use crate::model::test_events::{events, with};

/// Items of four makers, each of three colours; users stay with a maker.
const ITEMS: u32 = 120;

fn texts(name: &str, of: impl Fn(u32) -> u32, n: u32) -> Column {
    let codes: Vec<u32> = (0..n).map(of).collect();
    let most = codes.iter().max().map_or(0, |m| m + 1);
    Column { name: name.into(), values: Values::Category { codes, levels: (0..most).map(|l| format!("{name}{l}")).collect() } }
}

fn rows(n: u32) -> Frame {
    Frame::new(vec![texts("id", |i| i, n), texts("maker", |i| i % 4, n), texts("colour", |i| i / 4 % 3, n)]).unwrap()
}

fn shop() -> Interactions {
    let mut r = Rng::new(1);
    let of = (0..200u32)
        .flat_map(|u| (0..8).map(move |t| (u, t)))
        .map(move |(u, t)| (u, r.below((ITEMS / 4) as usize) as u32 * 4 + u % 4, i64::from(u) * 100_000 + t * 600));
    let mut data = events(of, [200, ITEMS]);
    // Each item was had by somebody, so that they stand in the order of their numbers.
    assert_eq!(data.items.len(), ITEMS as usize);
    let all: Vec<u32> = (0..ITEMS).collect();
    data.described = Some(std::sync::Arc::new(DescribedItems::of(&rows(ITEMS), &all, &crate::base::Budget::unlimited()).unwrap()));
    data
}

fn params() -> Map<String, Value> {
    let mut p = params::resolve(KIND.name, SPECS, &json!({"ensemble": 2, "epochs": 4})).unwrap();
    check(crate::model::kinds::KINDS, &mut p).unwrap();
    p
}

fn fitted(data: &Interactions, threads: usize) -> Fitted {
    with(threads, |ctx| fit(&Job { data, params: &params(), tune: None, kinds: crate::model::kinds::KINDS, warm: None, ctx })).unwrap()
}

fn later(data: &Interactions) -> ItemValues {
    let described = data.described.as_ref().unwrap();
    described.columns.of_rows(&rows(8), &(0..8).collect::<Vec<_>>(), &crate::base::Budget::unlimited()).unwrap()
}

#[test]
fn new_products_go_to_those_whom_they_suit() {
    let data = shop();
    let model = fitted(&data, 2).model;
    let extended = model.extended(&later(&data)).unwrap();
    let old = ITEMS as usize;
    for user in 0..40u32 {
        let (mut out, mut without) = (vec![f32::NAN; old + 8], vec![f32::NAN; old]);
        assert!(extended.score(data.history(user), 0, &mut out) && model.score(data.history(user), 0, &mut without));
        assert_eq!(out[..old], without, "new ones change nothing among the old");
        let new = &out[old..];
        let own = (0..8).filter(|i| i % 4 == user as usize % 4).map(|i| new[i]).fold(f32::INFINITY, f32::min);
        let others = (0..8).filter(|i| i % 4 != user as usize % 4).map(|i| new[i]).fold(f32::NEG_INFINITY, f32::max);
        assert!(own > others, "user {user}: {new:?}");
    }
    // An event of a new product counts, though the base knows nothing of it.
    let history = [Event::new(0, ITEMS + 2, 1.0)];
    let mut out = vec![0.0; old + 8];
    assert!(extended.score(&history, 0, &mut out) && out.iter().all(|x| x.is_finite()));
    assert!(out[old + 6] > out[old + 5] && out[2] > out[1]);
    assert!(!extended.score(&[], 0, &mut out));
}

#[test]
fn likeness_and_vectors_of_what_nobody_had_come_from_its_values() {
    let data = shop();
    let mut given = params();
    given.insert("base".into(), json!({"als": params::resolve("als", crate::model::als::KIND.specs, &json!({"factors": 4})).unwrap()}));
    let kinds = crate::model::kinds::KINDS;
    let fitted = with(1, |ctx| fit(&Job { data: &data, params: &given, tune: None, kinds, warm: None, ctx }));
    let model = fitted.unwrap().model.extended(&later(&data)).unwrap();
    let mut out = vec![0.0; ITEMS as usize + 8];
    assert!(model.similar(ITEMS, &mut out).unwrap());
    assert!(out[4] > 0.0 && out[0] > out[1] && out[ITEMS as usize + 4] > out[ITEMS as usize + 1], "{out:?}");
    assert!(model.similar(0, &mut out).unwrap() && out[ITEMS as usize] > out[ITEMS as usize + 1]);
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let vector = |i| model.item_vector(i).unwrap().unwrap();
    assert!(cosine(&vector(ITEMS), &vector(0)) > cosine(&vector(ITEMS), &vector(1)));
}

#[test]
fn stored_is_fitted_and_hostile_tensors_are_refused() {
    let data = shop();
    let fit = fitted(&data, 1);
    let mut given = params();
    given.extend(fit.chosen.clone());
    let tensors = fit.model.to_tensors();
    assert_eq!(tensors, fitted(&data, 3).model.to_tensors());
    let again = |tensors: &[Tensor]| load(&Stored { items: ITEMS as usize, params: &given, tensors, kinds: crate::model::kinds::KINDS });
    assert_eq!(again(&tensors).unwrap().to_tensors(), tensors);
    let at = |name: &str| tensors.iter().position(|t| t.name == name).unwrap();
    for (name, numbers) in [
        ("content.fields", Numbers::I64(vec![5, 3].into())),
        ("content.damped", Numbers::F32(vec![1.0].into())),
        ("content.items.of", Numbers::U8(vec![255; 12].into())),
        ("deviation", Numbers::F32(vec![0.0; tensors[at("deviation")].shape[0]].into())),
        ("network1", Numbers::F32(vec![0.0; 3].into())),
    ] {
        let mut bad = tensors.clone();
        bad[at(name)].shape = vec![numbers.len()];
        bad[at(name)].numbers = numbers;
        assert_eq!(again(&bad).unwrap_err().code, Code::Corrupt, "{name}");
    }
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let refused = |given: Value| {
        let mut p = params::resolve(KIND.name, SPECS, &given).unwrap();
        check(crate::model::kinds::KINDS, &mut p).unwrap_err()
    };
    assert_eq!(refused(json!({"base": {}})).message, "parameter \"base\" must name one kind");
    assert_eq!(refused(json!({"base": {"als": {}, "ease": {}}})).detail.as_deref(), Some("It names 2."));
    assert_eq!(refused(json!({"base": {"cold_start": {}}})).message, "kind cold_start cannot be a base of itself");
    assert_eq!(refused(json!({"base": {"alss": {}}})).code, Code::UndefinedObject);
    assert_eq!(refused(json!({"merge": {"old": 1}})).code, Code::InvalidParameter);
    let mut data = shop();
    data.described = None;
    let e = with(1, |ctx| fit(&Job { data: &data, params: &params(), tune: None, kinds: crate::model::kinds::KINDS, warm: None, ctx }));
    assert_eq!(e.unwrap_err().message, "kind cold_start needs items");
}
