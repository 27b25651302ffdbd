//! Made-up shops for the tests of this folder.

use crate::base::{Budget, Context, Pool, Quiet};
use crate::dataset::trends::{ItemColumns, ItemEvents};
use crate::dataset::{Column, Frame, Values};

/// A day in microseconds.
pub(super) const DAY: i64 = 86_400_000_000;

/// Runs `f` with a context.
pub(super) fn with<R>(f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(1).unwrap(), Budget::unlimited());
    f(&Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Events of (item, user, day); `users` says whether these are known.
pub(super) struct Shop {
    pub(super) frame: Frame,
    pub(super) columns: ItemColumns,
}

impl Shop {
    pub(super) fn of(events: &[(&str, u32, f64)], users: bool) -> Self {
        let mut levels: Vec<String> = Vec::new();
        let mut codes = Vec::new();
        for (item, ..) in events {
            let at = levels.iter().position(|l| l == item).unwrap_or_else(|| {
                levels.push((*item).to_owned());
                levels.len() - 1
            });
            codes.push(at as u32);
        }
        let most = events.iter().map(|e| e.1 + 1).max().unwrap_or(0);
        let user = Values::Category { codes: events.iter().map(|e| e.1).collect(), levels: (0..most).map(|u| u.to_string()).collect() };
        let time = Values::Time(events.iter().map(|e| (e.2 * DAY as f64) as i64).collect());
        let column = |name: &str, values| Column { name: name.into(), values };
        let frame = Frame::new(vec![column("i", Values::Category { codes, levels }), column("t", time), column("u", user)]).unwrap();
        let columns = ItemColumns { item: "i".into(), time: "t".into(), user: users.then(|| "u".to_owned()), ..ItemColumns::default() };
        Self { frame, columns }
    }

    pub(super) fn ask<R>(&self, as_of: Option<f64>, f: impl FnOnce(&ItemEvents<'_>, &Context<'_>) -> R) -> Option<R> {
        let as_of = as_of.map(|day| (day * DAY as f64) as i64);
        with(|ctx| ItemEvents::from_frame(&self.frame, &self.columns, as_of, ctx).unwrap().map(|events| f(&events, ctx)))
    }
}

/// Of `days` days before day 0: each of the items "item 0" … is bought by `daily(item, day)` users of their own a day.
pub(super) fn steady(items: u32, days: i32, daily: impl Fn(u32, i32) -> u32) -> Vec<(String, u32, f64)> {
    let mut events = Vec::new();
    for day in -days..0 {
        for item in 0..items {
            for n in 0..daily(item, day) {
                // Other users each day, in an order that no item shares.
                let user = (day + days) as u32 * 1000 + (n * 37 + item * 11) % 1000;
                events.push((format!("item {item}"), user, f64::from(day) + 0.5 + f64::from(n) / 1e4));
            }
        }
    }
    events
}

/// The same as references to its texts.
pub(super) fn lent(events: &[(String, u32, f64)]) -> Vec<(&str, u32, f64)> {
    events.iter().map(|(item, user, day)| (item.as_str(), *user, *day)).collect()
}
