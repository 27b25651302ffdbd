use super::*;
use crate::base::Rng;
use crate::metric::ranking::list_figures;

type Row = (Option<f64>, f64);

/// The three figures of a list, in one state and merged from one state a row.
fn of(rows: &[Row], k: Option<u64>) -> [Option<f64>; 3] {
    let (mut all, mut merged) = (<(Ndcg, RecallAt, Mrr)>::default(), <(Ndcg, RecallAt, Mrr)>::default());
    for (score, relevance) in rows {
        let mut one = <(Ndcg, RecallAt, Mrr)>::default();
        for to in [&mut all, &mut one] {
            to.0.add(*score, *relevance, k).unwrap();
            to.1.add(*score, *relevance, k).unwrap();
            to.2.add(*score, *relevance, k).unwrap();
        }
        merged.0.merge(&Ndcg::from_bytes(&one.0.to_bytes()).unwrap()).unwrap();
        merged.1.merge(&RecallAt::from_bytes(&one.1.to_bytes()).unwrap()).unwrap();
        merged.2.merge(&Mrr::from_bytes(&one.2.to_bytes()).unwrap()).unwrap();
    }
    assert_eq!((all.0.rows(), merged.0.rows()), (rows.len() as u64, rows.len() as u64));
    let figures = [all.0.figure(), all.1.figure(), all.2.figure()].map(|f| f.unwrap());
    let merged = [merged.0.figure(), merged.1.figure(), merged.2.figure()].map(|f| f.unwrap());
    // By their text: a figure that is NaN is the same, too.
    assert_eq!(format!("{merged:?}"), format!("{figures:?}"));
    figures
}

fn listed(scores: &[f64], relevance: &[f64]) -> Vec<Row> {
    scores.iter().map(|s| Some(*s)).zip(relevance.iter().copied()).collect()
}

fn near(x: Option<f64>, y: f64) {
    assert!((x.unwrap() - y).abs() < 1e-12, "{x:?} {y}");
}

#[test]
fn graded_lists_and_ties_are_the_references() {
    // sklearn.metrics.ndcg_score([relevance], [scores], k=k)
    type Case = (&'static [f64], &'static [f64], Option<u64>, f64);
    let cases: [Case; 4] = [
        (&[0.9, 0.8, 0.8, 0.3, 0.1], &[3.0, 2.0, 0.0, 1.0, 0.0], Some(3), 0.867_503_492_569_437_3),
        (&[0.5; 6], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], Some(2), 1.0 / 3.0),
        (&[0.9, 0.7, 0.5, 0.3], &[0.0, 0.0, 1.0, 1.0], None, 0.570_641_718_955_32),
        (&[3.0, 2.0, 2.0, 2.0, 1.0], &[0.0, 1.0, 0.0, 4.0, 2.0], Some(2), 0.199_843_722_140_109_5),
    ];
    for (scores, relevance, k, expected) in cases {
        near(of(&listed(scores, relevance), k)[0], expected);
    }
}

#[test]
fn lists_without_ties_have_the_figures_of_recommenders() {
    let mut rng = Rng::new(3);
    for _ in 0..200 {
        let n = 1 + rng.below(12);
        let mut top: Vec<u32> = (0..n as u32).collect();
        rng.shuffle(&mut top);
        let relevant: Vec<u32> = (0..n as u32 + 3).filter(|_| rng.uniform() < 0.3).collect();
        let k = 1 + rng.below(n + 2);
        let wanted = |i: &u32| f64::from(u8::from(relevant.contains(i)));
        let mut rows: Vec<Row> = top.iter().enumerate().map(|(at, i)| (Some(-(at as f64)), wanted(i))).collect();
        // What is relevant and not in the list.
        rows.extend(relevant.iter().filter(|i| !top.contains(i)).map(|_| (None, 1.0)));
        rng.shuffle(&mut rows);
        let expected = list_figures(&top, &relevant, k);
        let found = of(&rows, Some(k as u64));
        assert_eq!(found.map(|f| f.is_some()), [expected.is_some(); 3]);
        if let Some(e) = expected {
            [e.ndcg, e.recall, e.reciprocal_rank].into_iter().zip(found).for_each(|(e, f)| near(f, e));
        }
    }
}

#[test]
fn ties_are_the_mean_over_all_orders() {
    // Every order of the entries that share a score, by hand: the figure of each, and their mean.
    let (scores, relevance) = ([2.0, 1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    for k in 1..=6 {
        let (mut sums, mut orders) = ([0.0; 3], 0.0);
        for code in 0..24_usize {
            let mut rest = vec![1_u32, 2, 3, 4];
            let order = [code / 6, code / 2 % 3, code % 2, 0].map(|at| rest.remove(at));
            let top: Vec<u32> = [0].into_iter().chain(order).chain([5]).collect();
            let f = list_figures(&top, &[1, 3, 5], k).unwrap();
            [f.ndcg, f.recall, f.reciprocal_rank].into_iter().zip(&mut sums).for_each(|(x, s)| *s += x);
            orders += 1.0;
        }
        let found = of(&listed(&scores, &relevance), Some(k as u64));
        found.into_iter().zip(sums).for_each(|(f, s)| near(f, s / orders));
    }
}

#[test]
fn what_has_no_figure_has_none_and_bad_rows_are_refused() {
    assert_eq!(of(&[], None), [None; 3]);
    assert_eq!(of(&[(Some(1.0), 0.0), (None, 0.0)], Some(5)), [None; 3]);
    assert_eq!(of(&[(Some(1.0), 0.0), (None, 2.0)], None), [Some(0.0); 3]);
    assert!(of(&[(Some(f64::NAN), 1.0), (Some(1.0), 0.0)], None).iter().all(|f| f.unwrap().is_nan()));
    assert_eq!(of(&[(Some(f64::NEG_INFINITY), 1.0), (Some(f64::INFINITY), 0.0)], None)[2], Some(0.5));
    let mut n = Ndcg::default();
    for relevance in [-1.0, f64::NAN, f64::INFINITY, 1e101] {
        assert_eq!(n.add(Some(1.0), relevance, None).unwrap_err().message, "relevance must be a number of 0 or more");
    }
    n.add(Some(1.0), 1.0, None).unwrap();
    assert_eq!(n.add(Some(1.0), 1.0, Some(3)).unwrap_err().detail.as_deref(), Some("It is 3, and was NULL."));
    // Very many entries of one score.
    let many: Vec<Row> = (0..100_000).map(|i| (Some(1.0), f64::from(u8::from(i % 2 == 0)))).collect();
    let mut m = Mrr::default();
    many.iter().for_each(|(s, r)| m.add(*s, *r, Some(u64::MAX - 1)).unwrap());
    // Σ 2^−r / r, but for what drawing without putting back changes.
    assert!((m.figure().unwrap().unwrap() - std::f64::consts::LN_2).abs() < 1e-4);
}

#[test]
fn hostile_bytes_are_refused() {
    let mut n = Ndcg::default();
    [(Some(1.0), 2.0), (Some(0.5), 0.0), (None, 1.0)].iter().for_each(|(s, r)| n.add(*s, *r, Some(7)).unwrap());
    let good = n.to_bytes();
    assert_eq!(Ndcg::from_bytes(&good).unwrap(), n);
    // Without the last word it is a list of which nothing is missing.
    assert!((0..good.len()).all(|at| at == good.len() - 8 || Ndcg::from_bytes(&good[..at]).is_err()));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        if let Ok(mut s) = Ndcg::from_bytes(&bad) {
            let _ = s.merge(&n);
            let _ = s.figure();
        }
    }
    assert_eq!(Mrr::from_bytes(&[0; 25]).unwrap_err().code, Code::InvalidText);
}
