//! Profiles against a plain reference, in every order and grouping.

use super::super::terms::{DAY, Span};
use super::*;
use crate::base::Rng;

struct Row {
    vector: Vec<f32>,
    weight: f64,
    time: i64,
}

/// `n` events of `years`, vectors of 13 numbers.
fn rows(n: usize, years: i64) -> Vec<Row> {
    let mut rng = Rng::new(7);
    (0..n)
        .map(|_| Row {
            vector: (0..13).map(|_| 3.0 + rng.normal() as f32).collect(),
            weight: rng.uniform() * 10.0,
            time: (rng.uniform() * (365 * years * DAY) as f64) as i64,
        })
        .collect()
}

fn terms(half_life: i32, as_of: Option<i64>) -> Terms {
    Terms::new(Some(Span { months: 0, days: half_life, micros: 0 }), as_of).unwrap()
}

fn of<'a>(rows: impl IntoIterator<Item = &'a Row>, terms: Terms) -> Profile {
    let mut p = Profile::default();
    rows.into_iter().for_each(|r| p.add(&r.vector, r.weight, r.time, terms).unwrap());
    p
}

/// The definition, in two passes from the latest event.
fn reference(rows: &[Row], half_life: f64, as_of: i64) -> Vec<f64> {
    let rows: Vec<_> = rows.iter().filter(|r| r.time <= as_of).collect();
    let last = rows.iter().map(|r| r.time).max().unwrap();
    let share = |r: &Row| r.weight * (-((last - r.time) as f64) / (half_life * DAY as f64)).exp2();
    let total: f64 = rows.iter().map(|r| share(r)).sum();
    (0..13).map(|i| rows.iter().map(|r| share(r) * f64::from(r.vector[i])).sum::<f64>() / total).collect()
}

fn near(p: &Profile, reference: &[f64]) {
    let value = p.value().unwrap().unwrap();
    assert_eq!(value.len(), reference.len());
    for (a, b) in value.iter().zip(reference) {
        assert!((f64::from(*a) / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
}

#[test]
fn any_order_and_grouping_gives_the_reference() {
    // From events that hardly fade to ten years that fade by the day: 2 to the power of 3,650 has no floating-point number.
    for (years, half_life) in [(1, 400), (1, 30), (10, 1)] {
        let mut rows = rows(3000, years);
        let t = terms(half_life, None);
        let expected = reference(&rows, f64::from(half_life), i64::MAX);
        near(&of(&rows, t), &expected);
        rows.sort_by_key(|r| r.time);
        near(&of(&rows, t), &expected);
        near(&of(rows.iter().rev(), t), &expected);
        for parts in [2, 4, 40] {
            // By days, as rollups are, and dealt out in turn, as to workers.
            for by_day in [true, false] {
                let part = |i: usize, r: &Row| if by_day { (r.time / DAY) as usize % parts } else { i % parts };
                let mut merged = Profile::default();
                for k in 0..parts {
                    let share = of(rows.iter().enumerate().filter(|(i, r)| part(*i, r) == k).map(|(_, r)| r), t);
                    merged.merge(&Profile::from_bytes(&share.to_bytes()).unwrap()).unwrap();
                }
                merged.merge(&Profile::default()).unwrap();
                near(&merged, &expected);
            }
        }
    }
}

#[test]
fn events_after_as_of_never_count() {
    let rows = rows(500, 2);
    let cut = 300 * DAY;
    near(&of(&rows, terms(60, Some(cut))), &reference(&rows, 60.0, cut));
    assert_eq!(of(&rows, terms(60, Some(-1))).value().unwrap(), None);
}

#[test]
fn without_a_half_life_it_is_the_weighted_mean() {
    let mut p = Profile::default();
    p.add(&[1.0, 2.0], 1.0, 0, Terms::default()).unwrap();
    p.add(&[4.0, 8.0], 2.0, 50 * DAY, Terms::default()).unwrap();
    p.add(&[0.0, 0.0], 0.0, 90 * DAY, Terms::default()).unwrap();
    assert_eq!(p.value().unwrap().unwrap(), [3.0, 6.0]);
    p.add(&[0.0, 0.0], 3.0, 0, Terms::default()).unwrap();
    assert_eq!(p.value().unwrap().unwrap(), [1.5, 3.0]);
}

#[test]
fn a_weight_of_nothing_does_not_hide_the_past() {
    let (t, mut p) = (terms(1, None), Profile::default());
    p.add(&[5.0], 0.0, 9000 * DAY, t).unwrap();
    assert_eq!(p.value().unwrap(), None);
    p.add(&[2.0], 1.0, 0, t).unwrap();
    let mut q = Profile::default();
    q.merge(&p).unwrap();
    assert_eq!((p.value().unwrap().unwrap(), q.value().unwrap().unwrap()), (vec![2.0], vec![2.0]));
}

#[test]
fn bad_rows_are_refused() {
    let code = |vector: &[f32], weight, time| of(&rows(3, 1), terms(9, None)).add(vector, weight, time, terms(9, None)).unwrap_err().code;
    assert_eq!(code(&[1.0; 12], 1.0, 0), Code::ArrayLength);
    assert_eq!(code(&[], 1.0, 0), Code::ArrayLength);
    assert_eq!(code(&[1.0; 13], -1.0, 0), Code::InvalidParameter);
    assert_eq!(code(&[1.0; 13], f64::NAN, 0), Code::InvalidParameter);
    assert_eq!(code(&[1.0; 13], f64::INFINITY, 0), Code::InvalidParameter);
    assert_eq!(code(&[1.0; 13], 1.0, i64::MAX), Code::InvalidParameter);
    let mut other = of(&rows(3, 1), terms(8, None));
    assert_eq!(other.merge(&of(&rows(3, 1), terms(9, None))).unwrap_err().code, Code::InvalidParameter);
    // NaN is found at the end, wherever it stood and however it faded.
    for bad in [f32::NAN, f32::INFINITY] {
        for time in [0, 9000 * DAY] {
            let mut p = of(&rows(3, 1), terms(1, None));
            p.add(&[bad; 13], 1.0, time, terms(1, None)).unwrap();
            p.add(&[1.0; 13], 1.0, 18000 * DAY, terms(1, None)).unwrap();
            assert_eq!(Profile::from_bytes(&p.to_bytes()).unwrap().value().unwrap_err().code, Code::Data);
        }
    }
}

#[test]
fn hostile_bytes_are_refused_or_harmless() {
    let good = of(&rows(3, 1), terms(9, Some(400 * DAY))).to_bytes();
    assert_eq!(Profile::from_bytes(&good).unwrap().to_bytes(), good);
    for cut in 0..good.len() {
        // A state may be cut where a whole number ends; it then has fewer dimensions, and merges with none that has all.
        if let Ok(p) = Profile::from_bytes(&good[..cut]) {
            assert!(!p.sums.is_empty() && p.clone().merge(&Profile::from_bytes(&good).unwrap()).is_err());
        }
    }
    for at in 0..good.len() {
        for bits in [1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= bits;
            if let Ok(mut p) = Profile::from_bytes(&bad) {
                let _ = (p.merge(&Profile::from_bytes(&good).unwrap()), p.value());
            }
        }
    }
    for bytes in [&[][..], b"p", b"q", &[b'p'; 100], &[0; 200]] {
        assert_eq!(Profile::from_bytes(bytes).unwrap_err().code, Code::InvalidText);
    }
}
