//! Users' latest events as they were at training: the user side that a version may hold, so that a list needs no other table.

use crate::base::{Code, Context, Error, Numbers, Result, Tensor, memory, tensor};
use crate::dataset::{Codes, Event, Id, IdKind, Interactions, MISSING_TIME, Vocabulary};

/// The latest events of each user, oldest first, in the order that training gave equal times.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    users: Vocabulary,
    offsets: Vec<usize>,
    events: Vec<Event>,
}

impl Snapshot {
    /// The latest `limit` events of every user of `data`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn of(data: &Interactions, limit: usize, ctx: &Context) -> Result<Self> {
        let latest = |u: usize| (data.offsets()[u + 1] - data.offsets()[u]).min(limit);
        let count: usize = (0..data.users.len()).map(latest).sum();
        let mut offsets = Vec::new();
        memory::reserve(&mut offsets, data.users.len() + 1)?;
        offsets.push(0);
        let mut events = Vec::new();
        memory::reserve(&mut events, count)?;
        for u in 0..data.users.len() {
            if u % 4096 == 0 {
                ctx.check()?;
            }
            let end = data.offsets()[u + 1];
            events.extend_from_slice(&data.events()[end - latest(u)..end]);
            offsets.push(events.len());
        }
        Ok(Self { users: data.users.clone(), offsets, events })
    }

    /// How many users.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The events of `user`, oldest first; none for a user who had none at training.
    pub fn history(&self, user: &Id) -> Option<&[Event]> {
        let u = self.users.find(user)? as usize;
        self.events.get(self.offsets[u]..self.offsets[u + 1])
    }

    /// The user at `index`, which must be below [`Snapshot::len`], and its events, oldest first.
    pub fn user(&self, index: u32) -> (Id, &[Event]) {
        (self.users.id(index), &self.events[self.offsets[index as usize]..self.offsets[index as usize + 1]])
    }

    /// Bytes held, and about as many again as tensors.
    pub fn bytes(&self) -> usize {
        self.users.bytes() + self.offsets.len() * 8 + self.events.len() * std::mem::size_of::<Event>()
    }

    /// As tensors: `users.id` (or `users.text` and `users.end`), `users.offset` (where each user's events begin, users + 1), and of each event
    /// `users.item`, `users.time` (microseconds since 2000-01-01) and `users.weight`; where the events have
    /// circumstances, `users.context` (four codes of 16 bits in one number).
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let one = |part: &str, numbers: Numbers| Tensor { name: format!("users.{part}"), shape: vec![numbers.len()], numbers };
        let mut tensors = self.users.to_tensors("users");
        tensors.push(one("offset", Numbers::I64(self.offsets.iter().map(|&o| o as i64).collect())));
        tensors.push(one("item", Numbers::I64(self.events.iter().map(|e| i64::from(e.item)).collect())));
        tensors.push(one("time", Numbers::I64(self.events.iter().map(|e| e.time).collect())));
        tensors.push(one("weight", Numbers::F32(self.events.iter().map(|e| e.weight).collect())));
        if self.events.iter().any(|e| e.context != Codes::default()) {
            tensors.push(one("context", Numbers::I64(self.events.iter().map(|e| packed(e.context)).collect())));
        }
        tensors
    }

    /// Back from [`Snapshot::to_tensors`]: `len` users of `kind`, events of `items` items. The tensors may be hostile: order and bounds are checked.
    ///
    /// # Errors
    /// [`Code::Corrupt`], [`Code::OutOfMemory`].
    pub fn from_tensors(kind: IdKind, len: usize, items: usize, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("The users' events {what}."));
        let users = Vocabulary::from_tensors("users", kind, len, tensors)?;
        let integers = |name: &str, len: usize| match tensor::find(tensors, name, &[len])? {
            Numbers::I64(v) => Ok(v.as_slice()),
            _ => Err(damaged("are no integers")),
        };
        let mut offsets = Vec::new();
        memory::reserve(&mut offsets, len + 1)?;
        for &o in integers("users.offset", len + 1)? {
            offsets.push(usize::try_from(o).map_err(|_| damaged("begin before the first"))?);
        }
        if offsets.first() != Some(&0) || !offsets.is_sorted_by(|a, b| a < b) {
            return Err(damaged("are out of order by user"));
        }
        let count = offsets.last().copied().unwrap_or(0);
        let (item, time) = (integers("users.item", count)?, integers("users.time", count)?);
        let Numbers::F32(weight) = tensor::find(tensors, "users.weight", &[count])? else {
            return Err(damaged("have weights that are no floats"));
        };
        let context = match tensors.iter().any(|t| t.name == "users.context") {
            true => integers("users.context", count)?,
            false => &[],
        };
        let mut events = Vec::new();
        memory::reserve(&mut events, count)?;
        for ((&item, &time), &weight) in item.iter().zip(time).zip(weight) {
            let item = u32::try_from(item).ok().filter(|&i| (i as usize) < items).ok_or_else(|| damaged("are of unknown items"))?;
            if time == MISSING_TIME || !weight.is_finite() || weight <= 0.0 {
                return Err(damaged("have no time, or a weight that is not above 0"));
            }
            let context = context.get(events.len()).map_or(Codes::default(), |&packed| codes(packed));
            events.push(Event { context, ..Event::new(time, item, weight) });
        }
        if offsets.windows(2).any(|w| !events[w[0]..w[1]].is_sorted_by_key(|e| e.time)) {
            return Err(damaged("are out of order by time"));
        }
        Ok(Self { users, offsets, events })
    }
}

/// Four codes in one number.
fn packed(codes: Codes) -> i64 {
    codes.iter().rev().fold(0, |all, c| all << 16 | u64::from(*c)).cast_signed()
}

/// Back from [`packed`].
fn codes(packed: i64) -> Codes {
    std::array::from_fn(|i| (packed.cast_unsigned() >> (16 * i)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::{Column, EventColumns, Frame, Values};

    /// Users 3 and 8, of whom 8 has three events, of items 0, 1, 2 at times 1, 2, 3.
    fn small(limit: usize) -> Snapshot {
        let level = |codes: Vec<u32>, levels: &[&str]| Values::Category { codes, levels: levels.iter().map(|l| (*l).to_owned()).collect() };
        let frame = Frame::new(vec![
            Column { name: "u".into(), values: level(vec![0, 0, 1, 0], &["8", "3"]) },
            Column { name: "i".into(), values: level(vec![2, 0, 1, 1], &["a", "b", "c"]) },
            Column { name: "t".into(), values: Values::Time(vec![3, 1, 5, 2]) },
        ])
        .unwrap();
        let columns = EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() };
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
        let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Text, &ctx).unwrap();
        Snapshot::of(&data, limit, &ctx).unwrap()
    }

    #[test]
    fn the_latest_events_are_kept_and_come_back() {
        for (limit, kept) in [(1, vec![2]), (2, vec![1, 2]), (500, vec![0, 1, 2])] {
            let s = small(limit);
            let items = |user| s.history(&Id::Integer(user)).map(|h| h.iter().map(|e| e.item).collect::<Vec<_>>());
            assert_eq!((items(8), items(3), items(4)), (Some(kept), Some(vec![1]), None));
            assert_eq!(Snapshot::from_tensors(IdKind::Integer, 2, 3, &s.to_tensors()).unwrap(), s);
        }
    }

    #[test]
    fn hostile_tensors_are_refused() {
        let good = small(500).to_tensors();
        let bad = |users: usize, items: usize, name: &str, numbers: Option<Numbers>| {
            let mut tensors: Vec<Tensor> = good.iter().filter(|t| t.name != name).cloned().collect();
            tensors.extend(numbers.map(|n| Tensor { name: name.into(), shape: vec![n.len()], numbers: n }));
            Snapshot::from_tensors(IdKind::Integer, users, items, &tensors).unwrap_err().code
        };
        let weights = |w: f32| Some(Numbers::F32(vec![1.0, 1.0, w, 1.0]));
        for code in [
            bad(3, 3, "", None),
            bad(usize::MAX, 3, "", None),
            bad(2, 2, "", None),
            bad(2, 3, "users.time", None),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 1, 3]))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 5, 4]))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![-1, 1, 4]))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![1, 2, 4]))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 0, 4]))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 1, i64::MAX]))),
            bad(2, 3, "users.item", Some(Numbers::I64(vec![1, 0, -1, 2]))),
            bad(2, 3, "users.item", Some(Numbers::I64(vec![1, 0, 1 << 32, 2]))),
            bad(2, 3, "users.item", Some(Numbers::F32(vec![0.0; 4]))),
            bad(2, 3, "users.time", Some(Numbers::I64(vec![5, 1, 3, 2]))),
            bad(2, 3, "users.time", Some(Numbers::I64(vec![5, MISSING_TIME, 2, 3]))),
            bad(2, 3, "users.weight", weights(0.0)),
            bad(2, 3, "users.weight", weights(f32::NAN)),
            bad(2, 3, "users.weight", weights(f32::INFINITY)),
        ] {
            assert_eq!(code, Code::Corrupt);
        }
    }
}
