use super::*;
use crate::base::Code;
use crate::dataset::profile::Span;
use crate::dataset::trends::shops::Shop;

const ASKED: Asked = Asked { recent: Some(Span { months: 0, days: 10, micros: 0 }), at_least: 1, k: 20 };

/// A shop of 60 days: 30 old items with a user in three days, "flop" with one, "pair" with two within the hour, "hit" with two a day for five days,
/// "burst" with four an hour ago, and "before", which came 20 days ago.
fn shop(users: bool) -> Shop {
    let mut events: Vec<(String, u32, f64)> = Vec::new();
    for item in 0..30 {
        (0..20).for_each(|n| events.push((format!("old {item}"), n, f64::from(n) * 3.0 + f64::from(item) / 30.0)));
    }
    // What is born within the data, a third of it without a second user.
    for item in 0..60 {
        let first = 15.0 + f64::from(item) / 2.0;
        (0..1 + item % 3).for_each(|n| events.push((format!("slow {item}"), n, first + f64::from(n) * 4.0)));
    }
    events.push(("flop".into(), 1, 55.0));
    (0..2).for_each(|n| events.push(("pair".into(), n, 57.0 + f64::from(n) / 24.0)));
    (0..10).for_each(|n| events.push(("hit".into(), n, 55.0 + f64::from(n) / 2.0)));
    (0..4).for_each(|n| events.push(("burst".into(), n, 59.9 + f64::from(n) / 100.0)));
    (0..9).for_each(|n| events.push(("before".into(), n, 40.0 + f64::from(n))));
    events.push(("old 0".into(), 3, 60.0));
    Shop::of(&events.iter().map(|(i, u, t)| (i.as_str(), *u, *t)).collect::<Vec<_>>(), users)
}

fn ask(shop: &Shop, asked: Asked) -> Arrivals {
    shop.ask(None, |e, ctx| new_items(e, &asked, ctx).unwrap()).unwrap()
}

#[test]
fn what_is_new_stands_by_what_it_surely_wins_a_day() {
    let found = ask(&shop(true), ASKED);
    let named = |name: &str| found.rows.iter().find(|r| r.item == name);
    assert!(found.past && found.recent == 10 * DAY);
    assert_eq!(found.rows[0].item, "hit");
    assert!(named("before").is_none() && named("old 0").is_none(), "{:?}", found.rows);
    let (hit, pair, flop) = (named("hit").unwrap(), named("pair").unwrap(), named("flop").unwrap());
    assert_eq!((hit.count, hit.age, pair.count, flop.count), (10, 5 * DAY, 2, 1));
    assert!(hit.ends.0 > pair.ends.0 && pair.ends.0 > flop.ends.0);
    assert!(found.rows.iter().all(|r| 0.0 <= r.ends.0 && r.ends.0 < r.daily && r.daily < r.ends.1));
    // Nine more in five days.
    assert!(hit.ends.0 > 0.4 && hit.ends.1 < 2.5 && (0.7..1.9).contains(&hit.daily), "{hit:?}");
}

#[test]
fn four_in_an_hour_are_no_forty_a_day() {
    let found = ask(&shop(true), ASKED);
    let burst = found.rows.iter().find(|r| r.item == "burst").unwrap();
    assert!(burst.daily < 3.0 && burst.ends.0 < 1.0, "{burst:?}");
}

#[test]
fn users_count_once_and_events_each() {
    let events = [("old", 1, 0.0), ("old", 1, 50.0), ("new", 7, 45.0), ("new", 7, 46.0), ("new", 7, 47.0)];
    let one = |users| ask(&Shop::of(&events, users), ASKED).rows[0].clone();
    assert_eq!((one(true).count, one(false).count), (1, 3));
    assert_eq!(one(true).item, "new");
}

#[test]
fn floors_and_ends_hold() {
    let shop = shop(true);
    assert!(ask(&shop, Asked { at_least: 4, ..ASKED }).rows.iter().all(|r| r.count >= 4));
    assert_eq!(ask(&shop, Asked { k: 1, ..ASKED }).rows.len(), 1);
    assert!(ask(&shop, Asked { k: 0, ..ASKED }).rows.is_empty());
    // 60 days: 10 of them are recent.
    assert_eq!(ask(&shop, Asked { recent: None, ..ASKED }), ask(&shop, ASKED));
    // All is new where there is no time before.
    let all = ask(&shop, Asked { recent: Some(Span { months: 0, days: 100, micros: 0 }), k: 1000, ..ASKED });
    assert!(!all.past && all.rows.len() == 30 + 60 + 5);
    let nothing = Asked { recent: Some(Span { months: 0, days: 0, micros: 0 }), ..ASKED };
    assert_eq!(shop.ask(None, |e, ctx| new_items(e, &nothing, ctx).unwrap_err().code), Some(Code::InvalidParameter));
}

#[test]
fn one_event_alone_has_finite_figures() {
    let found = ask(&Shop::of(&[("only", 1, 5.0)], true), Asked { recent: None, ..ASKED });
    assert_eq!((found.rows.len(), found.past), (1, false));
    let r = &found.rows[0];
    assert!([r.daily, r.ends.0, r.ends.1].iter().all(|x| x.is_finite() && *x >= 0.0), "{r:?}");
}
