use super::*;
use crate::dataset::trends::shops::{Shop, lent, steady, with};

const WEEK: Span = Span { months: 0, days: 7, micros: 0 };

fn asked(at_least: u64) -> Asked {
    Asked { recent: Some(WEEK), at_least, k: 20 }
}

fn found(events: &[(&str, u32, f64)], users: bool, at_least: u64) -> Vec<Trend> {
    Shop::of(events, users).ask(Some(0.0), |e, ctx| trending(e, &asked(at_least), ctx).unwrap().rows).unwrap()
}

fn names(rows: &[Trend]) -> Vec<&str> {
    rows.iter().map(|r| r.item.as_str()).collect()
}

/// Twenty items that 2 to 4 users buy a day, for twelve weeks.
fn usual(item: u32, _: i32) -> u32 {
    2 + item % 3
}

#[test]
fn a_planted_trend_is_found_and_nothing_else() {
    let events = steady(20, 84, |i, d| usual(i, d) * if i == 7 && d >= -7 { 3 } else { 1 });
    let rows = found(&lent(&events), true, 5);
    assert_eq!(names(&rows), ["item 7"]);
    let row = &rows[0];
    // Item 7 has 3 users a day in the past, so 21 a week; the week's traffic is larger by the trend itself.
    assert!(row.recent == 63 && (20.0..24.0).contains(&row.expected), "{row:?}");
    assert!((1.8..2.5).contains(&row.low) && row.low < row.growth && (2.2..3.0).contains(&row.growth), "{row:?}");
}

#[test]
fn a_shop_that_sells_more_of_everything_has_no_trend() {
    let events = steady(20, 84, |i, d| usual(i, d) * if d >= -7 { 3 } else { 1 });
    assert_eq!(found(&lent(&events), true, 1), []);
    // But what grows more than all else has one, at three times as much more.
    let events = steady(20, 84, |i, d| usual(i, d) * if d >= -7 { if i == 3 { 9 } else { 3 } } else { 1 });
    assert_eq!(names(&found(&lent(&events), true, 1)), ["item 3"]);
}

#[test]
fn a_burst_of_two_is_none() {
    let mut events = steady(20, 84, usual);
    for user in 0..2 {
        events.push(("rare".into(), 9000 + user, -1.0));
    }
    events.push(("rare".into(), 9100, -80.0));
    assert_eq!(found(&lent(&events), true, 5), []);
    // Twice in a week what came once in eleven is beyond chance by its figures: it takes the floor.
    let rows = found(&lent(&events), true, 1);
    assert!(rows.len() <= 1 && rows.iter().all(|r| r.low < 2.0), "{rows:?}");
}

#[test]
fn many_events_of_one_user_are_one() {
    let mut events = steady(20, 84, usual);
    (0..200).for_each(|n| events.push(("item 2".into(), 77_777, -1.0 - f64::from(n) / 1e3)));
    assert_eq!(found(&lent(&events), true, 5), []);
    // Where nobody knows whose they are, they count.
    assert_eq!(names(&found(&lent(&events), false, 5)), ["item 2"]);
}

#[test]
fn a_newcomer_grows_by_no_infinity() {
    let mut events = steady(20, 84, usual);
    for day in 1..6 {
        (0..4).for_each(|user| events.push(("new".into(), 9000 + 10 * day + user, -f64::from(day))));
    }
    let rows = found(&lent(&events), true, 5);
    assert_eq!(names(&rows), ["new"]);
    assert!(rows[0].expected == 0.0 && rows[0].growth < 10.0 && rows[0].low < 5.0, "{rows:?}");
}

#[test]
fn counts_that_always_jump_take_more_to_be_a_trend() {
    // Each item sells twelve times as much in one week of four, by turns; this week it is the turn of five of them.
    let events = steady(20, 84, |i, d| if (i as i32 + d.div_euclid(7)).rem_euclid(4) == 0 { 12 } else { 1 });
    assert_eq!(found(&lent(&events), true, 5), []);
}

#[test]
fn without_a_past_nothing_grows() {
    let at_once: Vec<(&str, u32, f64)> = (0..50).map(|user| ("a", user, -1.0)).collect();
    for recent in [None, Some(WEEK)] {
        let answer = Shop::of(&at_once, true).ask(None, |e, ctx| trending(e, &Asked { recent, ..asked(1) }, ctx).unwrap()).unwrap();
        assert!(answer.rows.is_empty() && !answer.past, "{answer:?}");
    }
    // One item that is all of the traffic cannot grow by its share.
    let alone: Vec<(&str, u32, f64)> = (0..500).map(|n| ("a", n, -f64::from(n * n) / 3000.0)).collect();
    assert_eq!(found(&alone, true, 1), []);
    assert!(Shop::of(&alone, true).ask(Some(-1e4), |_, _| ()).is_none());
}

#[test]
fn the_window_is_chosen_from_what_there_is() {
    let days = |n: i64| n * DAY;
    assert_eq!(window(None, days(400), USUAL).unwrap(), days(14));
    assert_eq!(window(None, days(61), USUAL).unwrap(), days(10));
    assert_eq!((window(None, days(3), USUAL).unwrap(), window(None, 0, USUAL).unwrap()), (DAY / 2, 1));
    for wrong in [Span { months: 0, days: 0, micros: 0 }, Span { days: -1, ..WEEK }, Span { months: i32::MAX, days: i32::MAX, micros: 0 }] {
        assert_eq!(window(Some(wrong), days(9), USUAL).unwrap_err().code, Code::InvalidParameter);
    }
}

#[test]
fn what_is_asked_bounds_the_list_and_ties_stand_by_name() {
    let events = steady(20, 84, |i, d| 3 * if (5..8).contains(&i) && d >= -7 { 4 } else { 1 });
    let shop = Shop::of(&lent(&events), true);
    let ask = |k| shop.ask(Some(0.0), |e, ctx| trending(e, &Asked { k, ..asked(5) }, ctx).unwrap().rows).unwrap();
    assert_eq!(names(&ask(usize::MAX)), ["item 5", "item 6", "item 7"]);
    assert_eq!((names(&ask(2)), ask(0).len()), (vec!["item 5", "item 6"], 0));
}

#[test]
fn an_infinite_moment_is_an_error() {
    let shop = Shop::of(&[("a", 0, 0.0)], true);
    let end = |at| with(|ctx| ItemEvents::from_frame(&shop.frame, &shop.columns, Some(at), ctx).map(|_| ()).unwrap_err().code);
    assert_eq!((end(i64::MIN), end(i64::MAX)), (Code::InvalidParameter, Code::InvalidParameter));
}
