//! Interests: exact while the tags are few, within the bound when they are many, in every order and grouping.

use super::super::terms::{DAY, Span};
use super::*;
use crate::base::Rng;
use std::collections::BTreeMap;

type Row = (String, f64, i64);

/// `n` events of three years; tag i of `tags` comes as often as 1 / (i + 1).
fn rows(n: usize, tags: usize) -> Vec<Row> {
    let mut rng = Rng::new(3);
    let total: f64 = (1..=tags).map(|i| 1.0 / i as f64).sum();
    (0..n)
        .map(|_| {
            let (mut u, mut i) = (rng.uniform() * total, 0);
            while i + 1 < tags && u > 1.0 / (i + 1) as f64 {
                u -= 1.0 / (i + 1) as f64;
                i += 1;
            }
            (format!("tag {i}"), 1.0 + rng.uniform(), (rng.uniform() * (1000 * DAY) as f64) as i64)
        })
        .collect()
}

fn terms(half_life: i32) -> Terms {
    Terms::new(Some(Span { months: 0, days: half_life, micros: 0 }), None).unwrap()
}

fn of<'a>(rows: impl IntoIterator<Item = &'a Row>, t: Terms) -> Interests {
    let mut s = Interests::default();
    rows.into_iter().for_each(|(tag, w, time)| s.add(tag, *w, *time, t, 5).unwrap());
    s
}

/// Every tag's share, by the definition.
fn reference(rows: &[Row], half_life: f64) -> BTreeMap<String, f64> {
    let last = rows.iter().map(|r| r.2).max().unwrap();
    let mut shares = BTreeMap::new();
    let share = |r: &Row| r.1 * (-((last - r.2) as f64) / (half_life * DAY as f64)).exp2();
    let total: f64 = rows.iter().map(share).sum();
    rows.iter().for_each(|r| *shares.entry(r.0.clone()).or_default() += share(r) / total);
    shares
}

/// The whole, the rows in other orders, and merged from parts.
fn every_way(rows: &[Row], t: Terms) -> Vec<Interests> {
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|r| r.2);
    let mut all = vec![of(rows, t), of(&sorted, t), of(sorted.iter().rev(), t)];
    for parts in [2, 30] {
        for by_time in [true, false] {
            let (mut merged, from) = (Interests::default(), if by_time { &sorted[..] } else { rows });
            for part in from.chunks(rows.len().div_ceil(parts)) {
                merged.merge(&Interests::from_bytes(&of(part, t).to_bytes()).unwrap()).unwrap();
            }
            merged.merge(&Interests::default()).unwrap();
            all.push(merged);
        }
    }
    all
}

#[test]
fn few_tags_are_exact() {
    let rows = rows(5000, 256);
    for half_life in [1, 60, 2000] {
        let expected = reference(&rows, f64::from(half_life));
        let mut best: Vec<_> = expected.iter().collect();
        best.sort_by(|a, b| b.1.total_cmp(a.1));
        for s in every_way(&rows, terms(half_life)) {
            let found = s.value().unwrap().unwrap();
            assert_eq!(found.len(), 5);
            for (i, (tag, share)) in found.iter().zip(&best) {
                assert_eq!(&i.tag, *tag);
                assert!((i.share / **share - 1.0).abs() < 1e-9, "{} {share}", i.share);
            }
        }
    }
}

#[test]
fn many_tags_are_within_the_bound_and_the_state_stays_small() {
    let rows = rows(30_000, 5000);
    for half_life in [30, 2000] {
        let expected = reference(&rows, f64::from(half_life));
        assert!(expected.len() > 2000);
        for s in every_way(&rows, terms(half_life)) {
            assert!(s.tags.len() == 256 && s.memory() < 40_000, "{} {}", s.tags.len(), s.memory());
            assert!(s.weights.iter().sum::<f64>() <= s.total * (1.0 + 1e-9));
            let found: BTreeMap<_, _> = s.tags.iter().zip(&s.weights).map(|(t, w)| (t.to_string(), w / s.total)).collect();
            for (tag, share) in &expected {
                match found.get(tag) {
                    Some(f) => assert!(*f >= share - 1e-12 && *f <= share + 1.0 / 256.0, "{tag}: {f} for {share}"),
                    None => assert!(*share <= 1.0 / 256.0, "{tag} with {share} was lost"),
                }
            }
        }
    }
}

#[test]
fn ties_go_by_tag_and_bad_rows_are_refused() {
    let t = Terms::default();
    let s = of(&[("b".into(), 1.0, 0), ("a".into(), 1.0, 9), ("c".into(), 0.0, 9)], t);
    let found = s.value().unwrap().unwrap();
    assert_eq!(found, [Interest { tag: "a".into(), share: 0.5 }, Interest { tag: "b".into(), share: 0.5 }]);
    assert_eq!(Interests::default().value().unwrap(), None);
    assert_eq!(of(&[("c".into(), 0.0, 9)], t).value().unwrap(), None);
    let code = |tag: &str, w, k| s.clone().add(tag, w, 0, t, k).unwrap_err().code;
    assert_eq!(code("a", -1.0, 5), Code::InvalidParameter);
    assert_eq!(code("a", f64::NAN, 5), Code::InvalidParameter);
    assert_eq!(code(&"x".repeat(1025), 1.0, 5), Code::InvalidParameter);
    assert_eq!(code("a", 1.0, 6), Code::InvalidParameter);
    for k in [0, -1, 1025, i64::MAX] {
        assert!(Interests::default().add("a", 1.0, 0, t, k).unwrap_err().message.starts_with("k must be between 1 and"));
    }
    let huge = of(&[("a".into(), 1e308, 0), ("b".into(), 1e308, 0)], t);
    assert_eq!(huge.value().unwrap_err().code, Code::Data);
}

#[test]
fn hostile_bytes_are_refused_or_harmless() {
    let good = of(&rows(40, 6), terms(9)).to_bytes();
    assert_eq!(Interests::from_bytes(&good).unwrap().to_bytes(), good);
    for at in 0..good.len() {
        let _ = Interests::from_bytes(&good[..at]).map(|s| s.value());
        for bits in [1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= bits;
            if let Ok(mut s) = Interests::from_bytes(&bad) {
                let _ = (s.merge(&Interests::from_bytes(&good).unwrap()), s.value());
            }
        }
    }
    // A tag twice, and one of no text.
    let mut twice = of(&[("a".into(), 1.0, 0)], terms(9)).to_bytes();
    let counter = twice[twice.len() - 17..].to_vec();
    twice.extend(&counter);
    assert_eq!(Interests::from_bytes(&twice).unwrap_err().code, Code::InvalidText);
    let mut broken = of(&[("a".into(), 1.0, 0)], terms(9)).to_bytes();
    *broken.last_mut().unwrap() = 0xff;
    assert_eq!(Interests::from_bytes(&broken).unwrap_err().code, Code::InvalidText);
}
