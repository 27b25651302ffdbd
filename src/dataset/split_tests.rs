use super::*;
use crate::dataset::{Column, MISSING_CODE};

fn frame(n: usize, reversed: bool) -> Frame {
    let codes = (0..n).map(|i| (i % 7) as u32).map(|c| if c == 6 { MISSING_CODE } else { c }).collect();
    let mut columns = vec![
        Column { name: "a".into(), values: Values::Double((0..n).map(|i| i as f64).collect()) },
        Column { name: "g".into(), values: Values::Category { codes, levels: (0..6).map(|i| format!("g{i}")).collect() } },
        Column { name: "t".into(), values: Values::Time((0..n).map(|i| ((i * 7919) % n / 10) as i64).collect()) },
    ];
    if reversed {
        columns.reverse()
    }
    Frame::new(columns).unwrap()
}

fn shares(holdout: f64, valid: f64) -> Shares<'static> {
    Shares { holdout, valid, turns: false, classes: None, dealt: &[] }
}

fn split(frame: &Frame, rows: &[u32], by: By<'_>, holdout: f64, valid: f64) -> Result<Parts> {
    sides(frame, rows, by, shares(holdout, valid)).map(|s| s.parts(0))
}

#[test]
fn a_row_stays_on_its_side_wherever_it_stands() {
    let (f, g) = (frame(5000, false), frame(5000, true));
    let rows: Vec<u32> = (0..5000).collect();
    let parts = split(&f, &rows, By::Row(&["a", "g", "t"]), 0.2, 0.1).unwrap();
    assert!((900..1100).contains(&parts.holdout.len()), "{}", parts.holdout.len());
    assert!((320..480).contains(&parts.valid.len()), "{}", parts.valid.len());
    assert_eq!(parts.train.len() + parts.valid.len() + parts.holdout.len(), 5000);
    // other column order, other row order, half of the rows
    let some: Vec<u32> = (0..2500).rev().collect();
    let again = split(&g.take(&some), &(0..2500).collect::<Vec<_>>(), By::Row(&["t", "g", "a"]), 0.2, 0.1).unwrap();
    let held: Vec<u32> = again.holdout.iter().map(|i| some[*i as usize]).rev().collect();
    assert_eq!(held, parts.holdout.iter().filter(|r| **r < 2500).copied().collect::<Vec<_>>());
}

#[test]
fn time_splits_hold_out_the_newest_rows_whole_days_at_a_time() {
    let f = frame(1000, false);
    let rows: Vec<u32> = (0..1000).collect();
    let parts = split(&f, &rows, By::Time("t", &[]), 0.2, 0.25).unwrap();
    let Values::Time(t) = &f.column("t").unwrap().values else { panic!() };
    let range = |r: &[u32]| (r.iter().map(|r| t[*r as usize]).min().unwrap(), r.iter().map(|r| t[*r as usize]).max().unwrap());
    assert_eq!((range(&parts.train), range(&parts.valid), range(&parts.holdout)), ((0, 59), (60, 79), (80, 99)));
    assert_eq!(sides(&f, &rows, By::Time("t", &[]), shares(0.2, 0.25)).unwrap().cut, Some(80.0));
    assert_eq!(split(&f, &[5, 5], By::Time("t", &[]), 0.2, 0.1).unwrap_err().code, Code::Data);
    assert_eq!(split(&f, &rows, By::Time("g", &[]), 0.2, 0.1).unwrap_err().code, Code::WrongType);
    assert_eq!(split(&f, &rows, By::Time("x", &[]), 0.2, 0.1).unwrap_err().code, Code::UndefinedColumn);
    // two times only: the newer one is held out
    let two = split(&f, &[0, 9], By::Time("t", &[]), 0.01, 0.0).unwrap();
    assert_eq!((two.train.len(), two.holdout.len()), (1, 1));
    assert_eq!(split(&f, &rows, By::Time("t", &[]), 0.0, 0.0).unwrap().train.len(), 1000);
}

#[test]
fn groups_stay_together_and_rows_without_one_go_alone() {
    let f = frame(7000, false);
    let rows: Vec<u32> = (0..7000).collect();
    let parts = split(&f, &rows, By::Group("g", &["a"]), 0.4, 0.0).unwrap();
    let group = |r: u32| r % 7;
    for g in 0..6 {
        let held = parts.holdout.iter().filter(|r| group(**r) == g).count();
        assert!(held == 0 || held == 1000, "{g} {held}");
    }
    let alone = parts.holdout.iter().filter(|r| group(**r) == 6).count();
    assert!((300..500).contains(&alone), "{alone}");
}

#[test]
fn equal_rows_are_found() {
    let f = frame(14, false);
    assert_eq!(distinct(&f, &["g"], &(0..14).collect::<Vec<_>>()).unwrap(), (0..7).collect::<Vec<_>>());
    assert_eq!(distinct(&f, &["g", "a"], &(0..14).collect::<Vec<_>>()).unwrap().len(), 14);
}

#[test]
fn equal_rows_are_spread_and_the_nth_copy_stays() {
    let codes = |n: usize| (0..n).map(|i| (i % 6) as u32).collect::<Vec<_>>();
    let make = |codes: Vec<u32>| {
        Frame::new(vec![Column { name: "g".into(), values: Values::Category { codes, levels: (0..6).map(|i| format!("g{i}")).collect() } }])
            .unwrap()
    };
    let held = |f: &Frame| -> Vec<u32> { split(f, &(0..f.rows() as u32).collect::<Vec<_>>(), By::Row(&["g"]), 0.2, 0.1).unwrap().holdout };
    let before = held(&make(codes(6000)));
    for g in 0..6 {
        let n = before.iter().filter(|r| *r % 6 == g).count();
        assert!((160..240).contains(&n), "{g}: {n} of 1000");
    }
    // 3,000 rows more: of the first thousand copies the same ones are held out
    assert_eq!(held(&make(codes(9000))).into_iter().filter(|r| *r < 6000).collect::<Vec<_>>(), before);
}

#[test]
fn few_rows_judge_in_turns_each_once() {
    let f = frame(300, false);
    let rows: Vec<u32> = (0..300).collect();
    let of = |turns| sides(&f, &rows, By::Row(&["a", "g"]), Shares { turns, ..shares(0.2, 0.15) }).unwrap();
    let all = of(true);
    assert_eq!((all.turns, of(false).turns), (5, 1));
    // the first turn is what one part would be: a version that was evaluated in turns can be held against one that did not
    assert_eq!(all.parts(0), of(false).parts(0));
    let mut evaluated = Vec::new();
    for turn in 0..5 {
        let Parts { train, valid, holdout } = all.parts(turn);
        assert_eq!(train.len() + valid.len() + holdout.len(), 300);
        assert!((15..60).contains(&valid.len()) && train.len() > 160, "{} {}", valid.len(), train.len());
        evaluated.extend(holdout);
    }
    evaluated.sort_unstable();
    assert_eq!(evaluated, rows);
    // by time one part is held out
    assert_eq!(sides(&f, &rows, By::Time("t", &[]), Shares { turns: true, ..shares(0.2, 0.1) }).unwrap().turns, 1);
}

#[test]
fn a_small_class_has_its_share_on_each_side() {
    let f = frame(5000, false);
    let rows: Vec<u32> = (0..5000).collect();
    let classes: Vec<f64> = (0..5000).map(|i| f64::from(u8::from(i % 125 == 3))).collect();
    let parts = sides(&f, &rows, By::Row(&["a"]), Shares { classes: Some(&classes), ..shares(0.2, 0.25) }).unwrap().parts(0);
    let rare = |r: &[u32]| r.iter().filter(|r| **r % 125 == 3).count();
    assert_eq!((rare(&parts.train), rare(&parts.valid), rare(&parts.holdout)), (24, 8, 8));
}

/// Rows of the groups `sizes`, one after another.
fn grouped(sizes: &[usize]) -> (Frame, Vec<u32>) {
    let codes: Vec<u32> = sizes.iter().enumerate().flat_map(|(g, n)| std::iter::repeat_n(g as u32, *n)).collect();
    let n = codes.len();
    let levels = (0..sizes.len()).map(|g| format!("group {g}")).collect();
    let a = Column { name: "a".into(), values: Values::Double((0..n).map(|i| i as f64).collect()) };
    (Frame::new(vec![a, Column { name: "g".into(), values: Values::Category { codes, levels } }]).unwrap(), (0..n as u32).collect())
}

fn by_group(sizes: &[usize], dealt: &[(u64, u32)]) -> Sides {
    let (f, rows) = grouped(sizes);
    sides(&f, &rows, By::Group("g", &["a"]), Shares { turns: true, dealt, ..shares(0.2, 0.15) }).unwrap()
}

#[test]
fn few_groups_judge_in_turns_whole_groups_at_a_time() {
    for (sizes, turns) in [(vec![3000; 3], 3), (vec![6000, 6000], 2), (vec![10, 4000, 20, 30, 40, 50, 2000], 5)] {
        let all = by_group(&sizes, &[]);
        assert_eq!((all.turns, all.groups), (turns, sizes.len()));
        let group = |r: u32| {
            sizes
                .iter()
                .scan(0, |end, n| {
                    *end += n;
                    Some(*end)
                })
                .position(|end| (r as usize) < end)
                .unwrap()
        };
        let mut seen = vec![0; sizes.len()];
        for turn in 0..turns {
            let Parts { train, valid, holdout } = all.parts(turn);
            assert!(!holdout.is_empty() && !train.is_empty() && !valid.is_empty());
            let mut groups: Vec<usize> = holdout.iter().map(|r| group(*r)).collect();
            groups.dedup();
            assert_eq!(groups.iter().map(|g| sizes[*g]).sum::<usize>(), holdout.len());
            groups.iter().for_each(|g| seen[*g] += 1);
        }
        assert_eq!(seen, vec![1; sizes.len()]);
    }
    // one group only: rows are held out singly
    let one = by_group(&[5000], &[]);
    assert_eq!((one.turns, one.groups, one.dealt.len()), (1, 1, 0));
    assert!((900..1100).contains(&one.parts(0).holdout.len()));
}

#[test]
fn a_giant_group_among_many_judges_in_a_turn_of_its_own() {
    let sizes: Vec<usize> = [7000].into_iter().chain([10; 300]).collect();
    let all = by_group(&sizes, &[]);
    assert_eq!(all.turns, 5);
    let giant = (0..5).filter(|t| all.parts(*t).holdout.iter().filter(|r| **r < 7000).count() == 7000).count();
    assert_eq!(giant, 1);
    assert!(all.parts(0).holdout.len() < 2500, "the first fold is no giant");
    // many even groups: their hashes decide, nothing is kept
    let many = by_group(&vec![20; 400], &[]);
    assert_eq!((many.turns, many.dealt.len()), (1, 0));
    assert!((1200..2000).contains(&many.parts(0).holdout.len()));
}

#[test]
fn groups_keep_their_turn_when_others_come() {
    let before = by_group(&[3000, 2500, 2000, 1500], &[]);
    let after = by_group(&[3000, 2500, 2000, 1500, 1000], &before.dealt);
    assert_eq!(after.dealt.len(), 5);
    assert!(before.dealt.iter().all(|d| after.dealt.contains(d)), "{:?} {:?}", before.dealt, after.dealt);
}

#[test]
fn rows_from_a_cut_on_are_those_that_were_held_out() {
    let f = frame(5000, false);
    let rows: Vec<u32> = (0..5000).collect();
    let by_time = sides(&f, &rows, By::Time("t", &["a", "g"]), shares(0.2, 0.1)).unwrap();
    let again = from_cut(&f, &rows, "t", by_time.cut.unwrap()).unwrap();
    assert_eq!(again.parts(0).holdout, by_time.parts(0).holdout);
}
