//! Segments of customers: found, counted, named by what sets them apart; and what is refused.

use super::*;
use crate::base::{Budget, Pool, Quiet, Rng};
use crate::dataset::{Column, Frame, Values};
use crate::train::features::{Features, FeaturesSpec};
use crate::train::{Report, Trained};

fn train(frame: &Frame, params: Value) -> Result<Trained> {
    let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
    let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
    let spec = FeaturesSpec { kind: "segments".into(), time_col: None, group_col: None, params };
    super::super::fit(frame, &spec, None, &ctx)
}

/// Half the customers come often and spend little, a third rarely and much, the others once; each group has its city.
fn customers(n: usize) -> Frame {
    let mut r = Rng::new(4);
    let (mut trips, mut spend, mut city, mut member) = (vec![], vec![], vec![], vec![]);
    for i in 0..n {
        let g = [0, 0, 0, 1, 1, 2][i % 6];
        let (t, s) = [(30.0, 10.0), (5.0, 200.0), (1.0, 20.0)][g];
        trips.push(t + r.normal() * 0.1 * t);
        spend.push((s + r.normal() * 0.1 * s) as f32);
        city.push(g as u32);
        member.push(u8::from(g == 1));
    }
    let levels = ["Rome", "Oslo", "Graz"].map(str::to_owned).to_vec();
    let c = |name: &str, values| Column { name: name.into(), values };
    Frame::new(vec![
        c("trips", Values::Double(trips)),
        c("spend", Values::Real(spend)),
        c("city", Values::Category { codes: city, levels }),
        c("member", Values::Bool(member)),
    ])
    .unwrap()
}

#[test]
fn groups_are_found_and_say_what_they_are() {
    let t = train(&customers(1200), json!({})).unwrap();
    assert_eq!((&t.params["k"], &t.report.metrics["segments"]), (&json!(3), &json!(3)));
    let tried = t.report.metrics["silhouettes"].as_object().unwrap();
    assert!(tried.len() == 9 && tried["3"].as_f64().unwrap() > 0.7, "{tried:?}");
    let Report { evaluated, .. } = t.report;
    assert!(evaluated.unwrap() > 0.9, "{evaluated:?}");
    let f = Features::load("segments", &t.state, &t.tensors).unwrap();
    let lines = f.apart().unwrap();
    assert_eq!(
        lines.iter().map(|l| (l.segment.as_str(), l.rows)).fold(Vec::new(), |mut v, x| {
            if !v.contains(&x) {
                v.push(x)
            }
            v
        }),
        [("1", 600), ("2", 400), ("3", 200)]
    );
    let line = |segment: &str, column: &str| lines.iter().find(|l| l.segment == segment && l.column == column).unwrap();
    assert!((line("2", "spend").mean - 200.0).abs() < 5.0 && line("2", "spend").effect > 1.0);
    assert_eq!((line("2", "city = Oslo").mean, line("1", "city = Oslo").mean, line("2", "member").mean), (1.0, 0.0, 1.0));
    assert!((line("3", "trips").overall - 16.8).abs() < 0.5 && line("3", "trips").effect < -1.0);
    // the strongest first
    assert!(lines.windows(2).all(|w| w[0].segment != w[1].segment || w[0].effect.abs() >= w[1].effect.abs()));
    let (mut scratch, mut scores) = (Scratch::default(), Vec::new());
    let row = [Cell::Number(4.0), Cell::Number(180.0), Cell::Missing, Cell::Bool(true)];
    let outcome = f.classify(&row, &mut scratch, &mut scores).unwrap().unwrap();
    assert_eq!(outcome.class(&scores, &[]), Ok("2"));
    // a segment's typical row
    let back: Value = serde_json::from_str(&f.reconstruct(&row, &mut scratch).unwrap()).unwrap();
    assert_eq!((&back["city"], &back["member"]), (&json!("Oslo"), &json!(true)));
}

#[test]
fn what_makes_no_segments_is_refused_or_said_aloud() {
    let fault = |frame: &Frame, params| train(frame, params).unwrap_err();
    let few = fault(&customers(30), json!({"k": 100, "min_count": 1}));
    assert_eq!((few.code, few.message.as_str()), (Code::InvalidParameter, "k is larger than the number of rows"));
    let t = train(&customers(1200), json!({"k": 2, "holdout": 0, "exclude": ["trips", "spend", "city"]})).unwrap();
    assert_eq!(t.params["k"], json!(2));
    let f = Features::load("segments", &t.state, &t.tensors).unwrap();
    let sizes: Vec<u64> = f.apart().unwrap().iter().map(|l| l.rows).collect();
    assert_eq!(sizes, [800, 400]);
    let t = train(&customers(1200), json!({"k": 5, "holdout": 0, "exclude": ["trips", "spend", "member"]})).unwrap();
    assert!(t.report.notices.iter().any(|n| n.contains("only 3 rows differ")), "{:?}", t.report.notices);
    assert_eq!(fault(&customers(600), json!({"k": 1})).code, Code::InvalidParameter);
    let one = fault(&customers(1), json!({}));
    assert_eq!(one.code, Code::Data, "{one:?}");
    let alike = |n| Frame::new(vec![Column { name: "x".into(), values: Values::Double(vec![3.0; n]) }]).unwrap();
    assert_eq!(fault(&alike(100), json!({})).code, Code::Data);
}

#[test]
fn columns_of_every_family_are_described() {
    let n = 900;
    let g = |i: usize| i % 3;
    let c = |name: &str, values| Column { name: name.into(), values };
    let day = 86_400_000_000;
    let levels = ["bread", "wine", "soap"].map(str::to_owned).to_vec();
    let frame = Frame::new(vec![
        c("since", Values::Time((0..n).map(|i| (g(i) as i64 * 3000 + (i as i64 * 7) % 30) * day).collect())),
        c("taste", Values::Vector { width: 2, values: (0..n).flat_map(|i| [g(i) as f32, -(g(i) as f32)]).collect() }),
        c(
            "bought",
            Values::Labels {
                ends: (1..=n).map(|i| 2 * i).collect(),
                codes: (0..n).flat_map(|i| [0, 1 + u32::from(g(i) == 2)]).collect(),
                levels,
            },
        ),
        c(
            "spend",
            Values::Double((0..n).map(|i| if i % 5 == 0 { f64::NAN } else { 10.0 + 90.0 * g(i) as f64 + (i % 4) as f64 }).collect()),
        ),
    ])
    .unwrap();
    let t = train(&frame, json!({"holdout": 0, "k": 3})).unwrap();
    assert_eq!(t.params["k"], json!(3), "{:?}", t.report.metrics);
    let lines = Features::load("segments", &t.state, &t.tensors).unwrap().apart().unwrap();
    let of = |column: &str| {
        let mut means: Vec<f64> = lines.iter().filter(|l| l.column == column).map(|l| l.mean).collect();
        means.sort_by(f64::total_cmp);
        means
    };
    let near = |column: &str, want: [f64; 3]| {
        let is = of(column);
        assert!(is.len() == 3 && is.iter().zip(want).all(|(a, b)| (a - b).abs() < 0.05), "{column} {is:?}")
    };
    near("since", [2000.04, 2008.25, 2016.46]);
    near("taste[1]", [0.0, 1.0, 2.0]);
    near("bought = soap", [0.0, 0.0, 1.0]);
    near("spend", [11.5, 101.5, 191.5]);
    // all rows have bread: it sets nobody apart
    assert!(of("bought = bread").is_empty());
}
