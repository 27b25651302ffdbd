//! Users' latest events as they were at training: the user side that a version may hold, so that a list needs no other table.

use crate::base::number::AsIndex;
use crate::base::tensor_names::USERS;
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor, memory, tensor};
use crate::dataset::{Codes, Event, Id, IdKind, Interactions, MISSING_TIME, Vocabulary};

/// The latest events of each user, oldest first, in the order that training gave equal times.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    users: Vocabulary,
    offsets: Shared<usize>,
    events: Shared<Event>,
    /// Where each user's items begin in `earlier`; empty where no user has any.
    earlier_offsets: Shared<usize>,
    /// Items of events before the latest ones that are not among these, ascending: they make no list, but are not new to the user.
    earlier: Shared<u32>,
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
        let (mut earlier, mut earlier_offsets) = (Vec::new(), Vec::new());
        if count < data.events().len() {
            memory::reserve(&mut earlier_offsets, data.users.len() + 1)?;
            earlier_offsets.push(0);
            // The last user to whom each item is known.
            let mut known: Vec<u32> = memory::zeros(data.items.len())?;
            for (u, mark) in (0..data.users.len()).zip(1..) {
                if u % 4096 == 0 {
                    ctx.check()?;
                }
                let (before, kept) = data.history(mark - 1).split_at(data.offsets()[u + 1] - data.offsets()[u] - latest(u));
                kept.iter().for_each(|e| known[e.item.index()] = mark);
                memory::reserve(&mut earlier, before.len())?;
                let start = earlier.len();
                for e in before {
                    if std::mem::replace(&mut known[e.item.index()], mark) != mark {
                        earlier.push(e.item);
                    }
                }
                earlier[start..].sort_unstable();
                earlier_offsets.push(earlier.len());
            }
        }
        let (offsets, events, earlier_offsets, earlier) = (offsets.into(), events.into(), earlier_offsets.into(), earlier.into());
        Ok(Self { users: data.users.clone(), offsets, events, earlier_offsets, earlier })
    }

    /// How many users.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The users' ids.
    pub fn users(&self) -> &Vocabulary {
        &self.users
    }

    /// The index of `user`; none for one who had no events at training.
    pub fn find(&self, user: &Id) -> Option<u32> {
        self.users.find(user)
    }

    /// The id of the user at `index`, which must be below [`Snapshot::len`].
    pub fn user(&self, index: u32) -> Id {
        self.users.id(index)
    }

    /// The latest events of the user at `index`, oldest first.
    pub fn history(&self, index: u32) -> &[Event] {
        &self.events[self.offsets[index.index()]..self.offsets[index.index() + 1]]
    }

    /// All items that the user at `index` had, in any order, some of them more than once.
    pub fn seen(&self, index: u32) -> impl Iterator<Item = u32> {
        let u = index.index();
        let earlier = self.earlier_offsets.get(u..u + 2).map_or(0..0, |o| o[0]..o[1]);
        self.history(index).iter().map(|e| e.item).chain(self.earlier[earlier].iter().copied())
    }

    /// Bytes held, and about as many again as tensors.
    pub fn bytes(&self) -> usize {
        let offsets = (self.offsets.len() + self.earlier_offsets.len()) * 8;
        self.users.bytes() + offsets + self.events.len() * std::mem::size_of::<Event>() + self.earlier.len() * 4
    }

    /// As tensors: `users.id` (or `users.text` and `users.end`), `users.offset` (where each user's events begin, users + 1), and of each
    /// event `users.item`, `users.time` (microseconds since 2000-01-01) and `users.weight`; where the events have circumstances,
    /// `users.context` (four codes of 16 bits in one number); where users have events before those, `users.earlier` and
    /// `users.earlier_offset` (users + 1).
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let one = |part: &str, numbers: Numbers| Tensor { name: format!("{USERS}.{part}"), shape: vec![numbers.len()], numbers };
        let mut tensors = self.users.to_tensors(USERS);
        tensors.push(one("offset", Numbers::I64(self.offsets.iter().map(|&o| o as i64).collect())));
        tensors.push(one("item", Numbers::I64(self.events.iter().map(|e| i64::from(e.item)).collect())));
        tensors.push(one("time", Numbers::I64(self.events.iter().map(|e| e.time).collect())));
        tensors.push(one("weight", Numbers::F32(self.events.iter().map(|e| e.weight).collect())));
        if self.events.iter().any(|e| e.context != Codes::default()) {
            tensors.push(one("context", Numbers::I64(self.events.iter().map(|e| packed(e.context)).collect())));
        }
        if !self.earlier.is_empty() {
            tensors.push(one("earlier", Numbers::I64(self.earlier.iter().map(|i| i64::from(*i)).collect())));
            tensors.push(one("earlier_offset", Numbers::I64(self.earlier_offsets.iter().map(|&o| o as i64).collect())));
        }
        tensors
    }

    /// The same as it is used.
    pub fn laid_out(&self) -> Vec<Tensor> {
        let places = |name: &str, of: &Shared<usize>| {
            let places = tensor::stored_places(of);
            Tensor { name: name.into(), shape: vec![places.len()], numbers: Numbers::I64(places) }
        };
        let mut tensors = self.users.to_tensors(USERS);
        tensors.extend([places("users.offset", &self.offsets), tensor::lay(EVENTS, &self.events)]);
        tensors.extend([places("users.earlier_offset", &self.earlier_offsets), tensor::lay(EARLIER, &self.earlier)]);
        tensors
    }

    /// Back from [`Snapshot::laid_out`], where that is what the tensors are: their order and items were checked before they were laid out.
    fn laid(users: &Vocabulary, tensors: &[Tensor]) -> Option<Self> {
        let places = |name: &str| match &tensors.iter().find(|t| t.name == name)?.numbers {
            Numbers::I64(v) => tensor::laid_places(v),
            _ => None,
        };
        let (events, earlier): (Shared<Event>, Shared<u32>) = (tensor::laid(tensors, EVENTS)?, tensor::laid(tensors, EARLIER)?);
        let (offsets, earlier_offsets) = (places("users.offset")?, places("users.earlier_offset")?);
        let fits = offsets.len() == users.len() + 1 && offsets.last() == Some(&events.len());
        fits.then(|| Self { users: users.clone(), offsets, events, earlier_offsets, earlier })
    }

    /// Back from [`Snapshot::to_tensors`]: `len` users of `kind`, events of `items` items. The tensors may be hostile: order and bounds are
    /// checked.
    ///
    /// # Errors
    /// [`Code::Corrupt`], [`Code::OutOfMemory`].
    pub fn from_tensors(kind: IdKind, len: usize, items: usize, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("The users' events {what}."));
        let users = Vocabulary::from_tensors(USERS, kind, len, tensors)?;
        if let Some(laid) = Self::laid(&users, tensors) {
            return Ok(laid);
        }
        let integers = |name: &str, len: usize| match tensor::find(tensors, name, &[len])? {
            Numbers::I64(v) => Ok(&**v),
            _ => Err(damaged("are no integers")),
        };
        let places = |name: &str| -> Result<Vec<usize>> {
            let mut offsets = Vec::new();
            memory::reserve(&mut offsets, len + 1)?;
            for &o in integers(name, len + 1)? {
                offsets.push(usize::try_from(o).map_err(|_| damaged("begin before the first"))?);
            }
            Ok(offsets)
        };
        let offsets = places("users.offset")?;
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
            let item = u32::try_from(item).ok().filter(|&i| i.index() < items).ok_or_else(|| damaged("are of unknown items"))?;
            if time == MISSING_TIME || !weight.is_finite() || weight <= 0.0 {
                return Err(damaged("have no time, or a weight that is not above 0"));
            }
            let context = context.get(events.len()).map_or(Codes::default(), |&packed| codes(packed));
            events.push(Event { context, ..Event::new(time, item, weight) });
        }
        if offsets.windows(2).any(|w| !events[w[0]..w[1]].is_sorted_by_key(|e| e.time)) {
            return Err(damaged("are out of order by time"));
        }
        let (mut earlier, mut earlier_offsets) = (Vec::new(), Vec::new());
        if tensors.iter().any(|t| t.name == "users.earlier") {
            earlier_offsets = places("users.earlier_offset")?;
            if earlier_offsets.first() != Some(&0) || !earlier_offsets.is_sorted() {
                return Err(damaged("before the latest are out of order by user"));
            }
            let stored = integers("users.earlier", earlier_offsets.last().copied().unwrap_or(0))?;
            memory::reserve(&mut earlier, stored.len())?;
            for &item in stored {
                earlier.push(u32::try_from(item).ok().filter(|&i| i.index() < items).ok_or_else(|| damaged("are of unknown items"))?);
            }
        }
        let (offsets, events, earlier_offsets, earlier) = (offsets.into(), events.into(), earlier_offsets.into(), earlier.into());
        Ok(Self { users, offsets, events, earlier_offsets, earlier })
    }
}

/// How events, and items of earlier ones, are called where they are laid out.
const EVENTS: &str = "users.event";
const EARLIER: &str = "users.earlier_item";

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
            let items = |user| s.find(&Id::Integer(user)).map(|u| s.history(u).iter().map(|e| e.item).collect::<Vec<_>>());
            let mut seen: Vec<u32> = s.seen(1).collect();
            seen.sort_unstable();
            assert_eq!((seen, s.seen(0).collect::<Vec<_>>()), (vec![0, 1, 2], vec![1]));
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
        let weights = |w: f32| Some(Numbers::F32(vec![1.0, 1.0, w, 1.0].into()));
        for code in [
            bad(3, 3, "", None),
            bad(usize::MAX, 3, "", None),
            bad(2, 2, "", None),
            bad(2, 3, "users.time", None),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 1, 3].into()))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 5, 4].into()))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![-1, 1, 4].into()))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![1, 2, 4].into()))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 0, 4].into()))),
            bad(2, 3, "users.offset", Some(Numbers::I64(vec![0, 1, i64::MAX].into()))),
            bad(2, 3, "users.item", Some(Numbers::I64(vec![1, 0, -1, 2].into()))),
            bad(2, 3, "users.item", Some(Numbers::I64(vec![1, 0, 1 << 32, 2].into()))),
            bad(2, 3, "users.item", Some(Numbers::F32(vec![0.0; 4].into()))),
            bad(2, 3, "users.time", Some(Numbers::I64(vec![5, 1, 3, 2].into()))),
            bad(2, 3, "users.time", Some(Numbers::I64(vec![5, MISSING_TIME, 2, 3].into()))),
            bad(2, 3, "users.weight", weights(0.0)),
            bad(2, 3, "users.weight", weights(f32::NAN)),
            bad(2, 3, "users.weight", weights(f32::INFINITY)),
        ] {
            assert_eq!(code, Code::Corrupt);
        }
        let cut = small(1).to_tensors();
        assert_eq!(Snapshot::from_tensors(IdKind::Integer, 2, 3, &cut).unwrap(), small(1));
        for (name, numbers) in
            [("users.earlier", vec![0, 3]), ("users.earlier_offset", vec![0, 2, 1]), ("users.earlier_offset", vec![1, 1, 2])]
        {
            let tensors: Vec<Tensor> = cut
                .iter()
                .map(|t| {
                    if t.name == name {
                        Tensor { numbers: Numbers::I64(numbers.clone().into()), shape: vec![numbers.len()], ..t.clone() }
                    } else {
                        t.clone()
                    }
                })
                .collect();
            assert_eq!(Snapshot::from_tensors(IdKind::Integer, 2, 3, &tensors).unwrap_err().code, Code::Corrupt, "{name}");
        }
    }
}
