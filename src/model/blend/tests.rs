use super::*;
use crate::base::{Budget, Numbers, Pool, Quiet};
use crate::model::kinds::KINDS;
use crate::model::linked::Linked;
use crate::model::popularity::Popularity;

fn of_popularity(scores: &[f32]) -> Model {
    Box::new(Popularity { scores: scores.to_vec().into() })
}

fn given(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn scores_count_by_weight_once_they_are_standard() {
    let (a, b) = (of_popularity(&[0.0, 2.0, 4.0, 2.0]), of_popularity(&[700.0, 500.0, 500.0, 700.0]));
    let parts = vec![Part { kind: "popularity", weight: 0.25, model: a }, Part { kind: "ease", weight: 0.75, model: b }];
    let blend = Blend { parts };
    let mut out = vec![9.0; 4];
    assert!(blend.score(&[], 0, &mut out));
    let s = 0.25 * std::f32::consts::SQRT_2;
    for (x, y) in out.iter().zip([0.75 - s, -0.75, s - 0.75, 0.75]) {
        assert!((x - y).abs() < 1e-6, "{out:?}");
    }
    // One that says the same of all items says nothing.
    let flat = Blend { parts: vec![Part { kind: "popularity", weight: 1.0, model: of_popularity(&[3.0; 4]) }] };
    assert!(flat.score(&[], 0, &mut out) && out == [0.0; 4]);
    assert_eq!(flat.similar(0, &mut out).unwrap_err().code, Code::Unsupported);
}

#[test]
fn hostile_parameters_and_tensors_are_refused() {
    let stored = given(r#"{"bases": {"popularity": {"half_life": null}}, "weights": {"popularity": 0.5}}"#);
    let blend = Blend { parts: vec![Part { kind: "popularity", weight: 0.5, model: of_popularity(&[1.0, 2.0]) }] };
    let tensors = blend.to_tensors();
    assert_eq!(tensors[0].name, "popularity.popularity.score");
    let load = |params: &Map<String, Value>, tensors: &[Tensor]| Blend::from_tensors(&Stored { items: 2, params, tensors, kinds: KINDS });
    assert_eq!(load(&stored, &tensors).unwrap().to_tensors(), blend.to_tensors());
    for bad in [
        r"{}",
        r#"{"bases": {}, "weights": {}}"#,
        r#"{"bases": {}, "weights": {"popularity": 1}}"#,
        r#"{"bases": {"blend": {"bases": {}}}, "weights": {"blend": 1}}"#,
        r#"{"bases": {"popularity": {}}, "weights": {"popularity": -1}}"#,
    ] {
        assert_eq!(load(&given(bad), &tensors).unwrap_err().code, Code::Corrupt, "{bad}");
    }
    let mut bad = tensors;
    bad[0].numbers = Numbers::F32(vec![1.0, f32::NAN].into());
    assert_eq!(load(&stored, &bad).unwrap_err().code, Code::Corrupt);
}

#[test]
fn bases_and_weights_must_belong_together() {
    let fault = |text: &str| check(KINDS, &mut given(text)).unwrap_err();
    assert_eq!(fault(r#"{"bases": {"eas": {}}, "weights": null}"#).hint.as_deref(), Some("Did you mean \"ease\"?"));
    assert_eq!(fault(r#"{"bases": {"ease": {"regularisation": 1}}, "weights": null}"#).code, Code::InvalidParameter);
    assert_eq!(fault(r#"{"bases": {"blend": {}}, "weights": null}"#).message, "kind blend cannot be a base of a blend");
    assert_eq!(fault(r#"{"bases": {}, "weights": null}"#).message, "parameter \"bases\" names no kind");
    let e = fault(r#"{"bases": {"ease": {}}, "weights": {"transition": 1}}"#);
    assert_eq!(e.message, "parameter \"weights\" names \"transition\", which is no base");
    assert_eq!(fault(r#"{"bases": {"ease": {}}, "weights": {"ease": 0}}"#).message, "parameter \"weights\" leaves no base");
    let mut good = given(r#"{"bases": {"ease": {}}, "weights": null}"#);
    check(KINDS, &mut good).unwrap();
    assert_eq!(good["bases"]["ease"]["links"], json!(1000));
}

/// Items 0 and 1 link to 2 and to each other, 3 to 4.
fn linked() -> Model {
    let (pool, budget) = (Pool::single(), Budget::unlimited());
    let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
    let to: [&[u32]; 6] = [&[1, 2], &[0, 2], &[0], &[4], &[], &[]];
    let links = Links::build(6, 9, &ctx, |a, gather| to[a as usize].iter().for_each(|b| gather.add(*b, 2.0)), |_, _, sum| sum).unwrap();
    Box::new(Linked { links, recency: 1.0 })
}

#[test]
fn rows_that_lead_to_the_same_items_are_alike() {
    let (mut scratch, mut out) = (vec![0.0; 6], vec![9.0; 4]);
    linked().likeness(0, &[1, 2, 3, 5], &mut scratch, &mut out).unwrap();
    // Rows with the item itself: 0 and 1 are both {0, 1, 2}, 2 is {0, 2}.
    for (x, y) in out.iter().zip([1.0, 2.0 / 6f32.sqrt(), 0.0, 0.0]) {
        assert!((x - y).abs() < 1e-3, "{out:?}");
    }
    assert_eq!(scratch, [0.0; 6]);
    // An item without links is like none.
    linked().likeness(5, &[0, 1, 2, 3], &mut scratch, &mut out).unwrap();
    assert_eq!(out, [0.0; 4]);
}

#[test]
fn a_blend_asks_the_bases_that_can() {
    let popular = || Part { kind: "popularity", weight: 0.5, model: of_popularity(&[1.0; 6]) };
    let (mut scratch, mut out) = (vec![0.0; 6], vec![0.0; 2]);
    let blend = Blend { parts: vec![popular(), Part { kind: "ease", weight: 0.2, model: linked() }] };
    blend.likeness(0, &[1, 3], &mut scratch, &mut out).unwrap();
    assert!((out[0] - 1.0).abs() < 1e-3 && out[1] == 0.0);
    let flat = Blend { parts: vec![popular()] };
    assert_eq!(flat.likeness(0, &[1, 3], &mut scratch, &mut out).unwrap_err().code, Code::Unsupported);
    assert_eq!(scratch, [0.0; 6]);
}
