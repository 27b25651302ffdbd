//! Events that tests of kinds learn from.

use crate::base::{Budget, Context, Pool, Quiet, Rng};
use crate::dataset::{Column, EventColumns, Frame, IdKind, Interactions, Values};

/// Runs `f` on so many threads.
pub fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet })
}

/// Events of these users, items and minutes; without times where all are 0.
pub fn events(of: impl Iterator<Item = (u32, u32, i64)>, [users, items]: [u32; 2]) -> Interactions {
    let (mut u, mut i, mut t) = (Vec::new(), Vec::new(), Vec::new());
    of.for_each(|(user, item, minute)| {
        u.push(user);
        i.push(item);
        t.push(minute * 60_000_000);
    });
    let column = |name: &str, codes: Vec<u32>, n: u32| Column {
        name: name.into(),
        values: Values::Category { codes, levels: (0..n).map(|i| format!("{i:03}")).collect() },
    };
    let time = t.iter().any(|t| *t != 0).then(|| "t".to_owned());
    let times = Column { name: "t".into(), values: Values::Time(t) };
    let frame = Frame::new(vec![column("u", u, users), column("i", i, items), times]).unwrap();
    let columns = EventColumns { user: "u".into(), item: "i".into(), time, ..EventColumns::default() };
    with(1, |ctx| Interactions::from_frame(&frame, &columns, IdKind::Text, IdKind::Text, ctx)).unwrap().0
}

/// Sessions of users, a minute an event, the first user's first.
pub fn sessions(of: &[&[u32]], items: u32) -> Interactions {
    let all = (0..).zip(of).flat_map(|(u, s)| (0..).zip(*s).map(move |(at, i)| (u, *i, i64::from(1000 * u + at))));
    events(all, [of.len() as u32, items])
}

/// `users` who each chose up to six of the `items` items of one of so many shelves.
pub fn shelves(users: u32, shelves: u32, items: u32) -> Interactions {
    let mut r = Rng::new(1);
    let chosen = (0..users).flat_map(|u| [u; 6]).map(move |u| (u, u % shelves * items + r.below(items as usize) as u32, 0));
    events(chosen, [users, shelves * items])
}
