//! Who did something with what, when: the events of a recommender, by user, each user's in the order of time.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Result, memory, names, zeros};
use crate::dataset::event::order;
use crate::dataset::{Attribute, DescribedItems, Event, EventContext, Frame, IdKind, MISSING_CODE, MISSING_TIME, Values, Vocabulary};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Which columns of a frame are which, and what an event of each type is worth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventColumns {
    /// The user's id, a category column.
    pub user: String,
    /// The item's id, a category column.
    pub item: String,
    /// When: a time column, or numbers that count as seconds.
    pub time: Option<String>,
    /// A number a row.
    pub weight: Option<String>,
    /// The event's type, a category column.
    pub event: Option<String>,
    /// What an event of a type is worth; types that are not listed are left out. None: every type counts 1.
    pub event_weights: Option<BTreeMap<String, f32>>,
    /// Whether `event_weights` may name a type that no event has: of a training that is repeated, the carts of a quiet week.
    pub absent: bool,
    /// What else an event may be known by: category columns and numbers, four at most.
    pub context: Vec<String>,
    /// Of each level of `user` the first one that its type holds equal; none where ids are equal as their texts are.
    pub same_users: Option<Vec<u32>>,
    /// The same of `item`.
    pub same_items: Option<Vec<u32>>,
}

/// Events by user (a sparse matrix by rows that keeps every event), with the vocabularies of both sides.
#[derive(Debug, Clone)]
pub struct Interactions {
    /// The users; only training knows them.
    pub users: Vocabulary,
    /// The items.
    pub items: Vocabulary,
    /// What is known of the items beside the events; none where nothing was given.
    pub attributes: Vec<Attribute>,
    /// What values the items share, where a kind is asked for that learns from them.
    pub described: Option<Arc<DescribedItems>>,
    /// What else the events are known by; none where nothing was named.
    pub context: EventContext,
    offsets: Vec<usize>,
    events: Vec<Event>,
}

/// What [`Interactions::from_frame`] left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Skipped {
    /// Rows without user, item, time or type, or of a weight that is no positive number.
    pub rows: u64,
    /// Types of events that `event_weights` does not list, in order of appearance.
    pub unlisted: Vec<String>,
    /// Types that `event_weights` lists and no event has, where these are allowed.
    pub absent: Vec<String>,
}

impl Interactions {
    /// The events of `frame`. Each user's are ordered by time; equal times are put in an order that `seed` and the ids' hashes decide,
    /// never the ids themselves: an order that the data does not have is no evidence. The order of the rows does not matter.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::Data`] when no event is left, [`Code::InvalidParameter`] for bad `event_weights`.
    pub fn from_frame(frame: &Frame, columns: &EventColumns, user: IdKind, item: IdKind, ctx: &Context) -> Result<(Self, Skipped)> {
        let (user_codes, user_levels) = categories(frame, &columns.user)?;
        let (item_codes, item_levels) = categories(frame, &columns.item)?;
        let times = columns.time.as_deref().map(|c| times(frame, c)).transpose()?;
        let weights = columns.weight.as_deref().map(|c| numbers(frame, c)).transpose()?;
        let mut skipped = Skipped::default();
        let types = columns.event.as_deref().map(|c| type_weights(frame, c, columns, &mut skipped)).transpose()?;

        let context = EventContext::of(frame, &columns.context, ctx)?;
        let codes = context.coder(frame, &columns.context)?;
        let rows = frame.rows();
        let _booked = ctx.budget.take(rows.saturating_mul(std::mem::size_of::<(u32, Event)>()), "reading the events")?;
        let mut kept: Vec<(u32, Event)> = Vec::new();
        memory::reserve(&mut kept, rows)?;
        for row in 0..rows {
            if row % 65_536 == 0 {
                ctx.check()?;
            }
            let (u, i) = (user_codes[row], item_codes[row]);
            let time = times.as_ref().map_or(0, |t| t[row]);
            let weight = weights.as_ref().map_or(1.0, |w| w[row])
                * types.as_ref().map_or(1.0, |(codes, worth)| worth.get(codes[row].index()).copied().unwrap_or(f32::NAN));
            if u == MISSING_CODE || i == MISSING_CODE || time == MISSING_TIME || weight.is_nan() || weight <= 0.0 || weight.is_infinite() {
                skipped.rows += 1;
            } else {
                kept.push((u, Event { time, item: i, weight, context: codes(row) }));
            }
        }
        if kept.is_empty() {
            return Err(Error::new(Code::Data, "there are no events to learn from")
                .detail(format!("Of {rows} rows, {} have no user, item, time or type, or a weight that is not above 0.", skipped.rows)));
        }
        drop(codes);
        // Levels whose every row was left out must not become users or items.
        let users = used(user, user_levels, columns.same_users.as_deref(), kept.iter().map(|e| e.0))?;
        let items = used(item, item_levels, columns.same_items.as_deref(), kept.iter().map(|e| e.1.item))?;
        let built = Self::build(users, items, kept, ctx)?;
        Ok((Self { context, ..built }, skipped))
    }

    /// `events` are (code of the user's level, event whose item is the code of the item's level); with each vocabulary the index of each
    /// code.
    fn build(
        (users, user_place): (Vocabulary, Vec<u32>),
        (items, item_place): (Vocabulary, Vec<u32>),
        mut events: Vec<(u32, Event)>,
        ctx: &Context,
    ) -> Result<Self> {
        let mut offsets = zeros(users.len() + 1)?;
        for (u, e) in events.iter_mut().looking() {
            *u = user_place[u.index()];
            e.item = item_place[e.item.index()];
            offsets[u.index() + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut next = offsets.clone();
        let mut sorted = Vec::new();
        memory::reserve(&mut sorted, events.len())?;
        sorted.resize(events.len(), Event::new(0, 0, 0.0));
        for (u, e) in events.into_iter().looking() {
            sorted[next[u.index()]] = e;
            next[u.index()] += 1;
        }
        let item_hash: Vec<u64> = (0..items.len() as u32).looking().map(|i| items.hash(i)).collect();
        for u in 0..users.len() {
            if u % 4096 == 0 {
                ctx.check()?;
            }
            order(&mut sorted[offsets[u]..offsets[u + 1]], ctx.seed, users.hash(u as u32), |i| item_hash[i.index()]);
        }
        Ok(Self { users, items, attributes: Vec::new(), described: None, context: EventContext::default(), offsets, events: sorted })
    }

    /// All events of a user, oldest first.
    pub fn history(&self, user: u32) -> &[Event] {
        &self.events[self.offsets[user.index()]..self.offsets[user.index() + 1]]
    }

    /// Where each user's events begin in [`Interactions::events`]; users + 1 entries.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// All events, user after user.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The latest time of all.
    pub fn latest(&self) -> i64 {
        self.events.iter().map(|e| e.time).max().unwrap_or(0)
    }

    /// Microseconds from the first event to the last.
    pub fn span(&self) -> i64 {
        self.events.iter().map(|e| e.time).min().map_or(0, |first| self.latest().saturating_sub(first))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.users.bytes() + self.items.bytes() + self.offsets.len() * 8 + self.events.len() * std::mem::size_of::<Event>()
    }

    /// The same vocabularies with the events for which `keep(user, place in the history, event)` holds.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn filter(&self, ctx: &Context, keep: impl Fn(u32, usize, &Event) -> bool) -> Result<Self> {
        let mut events = Vec::new();
        memory::reserve(&mut events, self.events.len())?;
        let mut offsets = vec![0];
        for u in 0..self.users.len() as u32 {
            ctx.check_at(u.index())?;
            events.extend(self.history(u).iter().enumerate().filter(|(at, e)| keep(u, *at, e)).map(|(_, e)| *e));
            offsets.push(events.len());
        }
        let (users, items) = (self.users.clone(), self.items.clone());
        let (attributes, described) = (self.attributes.clone(), self.described.clone());
        Ok(Self { users, items, attributes, described, context: self.context.clone(), offsets, events })
    }

    /// The events as those of the groups that an attribute puts the items in; events of items that it says nothing of are left out.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn by_group(&self, attribute: &Attribute, ctx: &Context) -> Result<Self> {
        let mut of = self.filter(ctx, |_, _, e| attribute.of[e.item.index()] != MISSING_CODE)?;
        of.items = Vocabulary::range(attribute.groups);
        of.attributes.clear();
        of.described = None;
        of.events.iter_mut().for_each(|e| e.item = attribute.of[e.item.index()]);
        Ok(of)
    }

    /// The largest weight of all events, to which [`crate::dataset::Pairs`] are scaled.
    pub fn heaviest(&self) -> f32 {
        self.events.iter().map(|e| e.weight).fold(f32::MIN_POSITIVE, f32::max)
    }
}

/// The vocabulary of the levels that occur, and the index of each level's code.
fn used(kind: IdKind, levels: &[String], same: Option<&[u32]>, codes: impl Iterator<Item = u32>) -> Result<(Vocabulary, Vec<u32>)> {
    let mut counts = vec![0; levels.len()];
    codes.for_each(|c| counts[c.index()] += 1);
    Vocabulary::of_equal(kind, levels, same, &counts)
}

pub(super) fn categories<'a>(frame: &'a Frame, name: &str) -> Result<(&'a [u32], &'a [String])> {
    match &frame.column(name)?.values {
        Values::Category { codes, levels } => Ok((codes, levels)),
        _ => Err(Error::new(Code::WrongType, format!("column \"{name}\" is not read as text"))),
    }
}

pub(super) fn times(frame: &Frame, name: &str) -> Result<Vec<i64>> {
    // Numbers count as seconds: an order of events and its distances survive, whatever the numbers mean.
    let seconds = |x: f64| if x.is_finite() && x.abs() < 9e12 { (x * 1e6).round() as i64 } else { MISSING_TIME };
    match &frame.column(name)?.values {
        Values::Time(t) => Ok(t.clone()),
        Values::Double(v) => Ok(v.iter().map(|&x| seconds(x)).collect()),
        Values::Real(v) => Ok(v.iter().map(|&x| seconds(f64::from(x))).collect()),
        _ => Err(Error::new(Code::WrongType, format!("column \"{name}\" is no time"))
            .hint("time_col takes a date, timestamp, timestamptz or number (in seconds).")),
    }
}

fn numbers(frame: &Frame, name: &str) -> Result<Vec<f32>> {
    match &frame.column(name)?.values {
        Values::Real(v) => Ok(v.clone()),
        Values::Double(v) => Ok(v.iter().map(|&x| x.single()).collect()),
        Values::Bool(v) => Ok(v.iter().map(|&x| if x < 2 { f32::from(x) } else { f32::NAN }).collect()),
        _ => Err(Error::new(Code::WrongType, format!("column \"{name}\" is no number")).hint("weight_col takes a number a row.")),
    }
}

/// The codes of the event column and what each level is worth (NaN: left out).
fn type_weights<'a>(frame: &'a Frame, name: &str, columns: &EventColumns, skipped: &mut Skipped) -> Result<(&'a [u32], Vec<f32>)> {
    let (codes, levels) = categories(frame, name)?;
    let Some(given) = &columns.event_weights else { return Ok((codes, vec![1.0; levels.len()])) };
    let known: HashSet<&str> = levels.iter().map(String::as_str).collect();
    for key in given.keys() {
        if !known.contains(key.as_str()) && columns.absent {
            skipped.absent.push(key.clone());
        } else if !known.contains(key.as_str()) {
            let e = Error::new(Code::InvalidParameter, format!("no event is of type \"{}\", which event_weights names", names::shown(key)));
            return Err(match names::nearest(key, levels.iter().map(String::as_str)) {
                Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
                None => e.hint(format!("Types are: {}.", levels.iter().take(20).map(|l| names::shown(l)).collect::<Vec<_>>().join(", "))),
            });
        }
    }
    skipped.unlisted = levels.iter().filter(|l| !given.contains_key(*l)).cloned().collect();
    Ok((codes, levels.iter().map(|l| given.get(l).copied().unwrap_or(f32::NAN)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::Column;

    fn category(name: &str, rows: &[&str]) -> Column {
        let mut levels: Vec<String> = Vec::new();
        let codes = rows
            .iter()
            .map(|r| {
                if r.is_empty() {
                    return MISSING_CODE;
                }
                levels.iter().position(|l| l == r).unwrap_or_else(|| {
                    levels.push((*r).to_owned());
                    levels.len() - 1
                }) as u32
            })
            .collect();
        Column { name: name.into(), values: Values::Category { codes, levels } }
    }

    fn with<R>(seed: u64, f: impl FnOnce(&Context) -> R) -> R {
        f(&Context { seed, pool: &Pool::single(), budget: &Budget::unlimited(), watch: &Quiet })
    }

    fn read(frame: &Frame, columns: &EventColumns, seed: u64) -> Result<(Interactions, Skipped)> {
        with(seed, |ctx| Interactions::from_frame(frame, columns, IdKind::Integer, IdKind::Text, ctx))
    }

    fn columns() -> EventColumns {
        EventColumns { user: "u".into(), item: "i".into(), time: Some("t".into()), ..EventColumns::default() }
    }

    #[test]
    fn events_stand_by_user_in_order_of_time() {
        let f = Frame::new(vec![
            category("u", &["20", "3", "20", "", "20", "3"]),
            category("i", &["b", "a", "c", "a", "b", ""]),
            Column { name: "t".into(), values: Values::Double(vec![3.0, 1.0, 1.0, 1.0, 2.0, 1.0]) },
        ])
        .unwrap();
        let (x, skipped) = read(&f, &columns(), 1).unwrap();
        assert_eq!(skipped.rows, 2);
        assert_eq!((x.users.len(), x.items.len()), (2, 3));
        let items = |u| x.history(u).iter().map(|e| x.items.id(e.item)).collect::<Vec<_>>();
        let t = |s: &str| crate::dataset::Id::Text(s.into());
        assert_eq!((items(0), items(1)), (vec![t("a")], vec![t("c"), t("b"), t("b")]));
        assert_eq!(x.latest(), 3_000_000);
        // User 20 had b in one session twice: that is no other time.
        assert!(!x.repeats() && x.span() == 2_000_000);
        let first = with(0, |ctx| x.filter(ctx, |_, at, _| at == 0)).unwrap();
        assert_eq!((first.history(0).len(), first.history(1).len()), (1, 1));
    }

    #[test]
    fn ties_are_shuffled_by_seed_and_not_by_id_or_row() {
        let names: Vec<String> = (0..40).map(|i| format!("{i:02}")).collect();
        let at = |rows: &[&str]| {
            Frame::new(vec![
                category("u", &vec!["1"; rows.len()]),
                category("i", rows),
                Column { name: "t".into(), values: Values::Double(vec![5.0; rows.len()]) },
            ])
            .unwrap()
        };
        let mut rows: Vec<&str> = names.iter().map(String::as_str).collect();
        let order = |f: &Frame, seed| read(f, &columns(), seed).unwrap().0.history(0).iter().map(|e| e.item).collect::<Vec<_>>();
        let a = order(&at(&rows), 1);
        assert_ne!(a, (0..40).collect::<Vec<u32>>());
        assert_ne!(a, order(&at(&rows), 2));
        rows.reverse();
        assert_eq!(a, order(&at(&rows), 1));
    }

    #[test]
    fn weights_come_from_the_column_and_the_type() {
        let f = Frame::new(vec![
            category("u", &["1"; 6]),
            category("i", &["a", "b", "c", "d", "e", "f"]),
            Column { name: "t".into(), values: Values::Time(vec![1, 2, 3, 4, 5, MISSING_TIME]) },
            Column { name: "w".into(), values: Values::Real(vec![1.0, 2.0, 0.0, -1.0, 1.0, 1.0]) },
            category("e", &["view", "buy", "buy", "buy", "refund", "buy"]),
        ])
        .unwrap();
        let mut c = EventColumns { weight: Some("w".into()), event: Some("e".into()), ..columns() };
        c.event_weights = Some(BTreeMap::from([("view".into(), 1.0), ("buy".into(), 10.0)]));
        let (x, skipped) = read(&f, &c, 0).unwrap();
        assert_eq!(x.history(0).iter().map(|e| e.weight).collect::<Vec<_>>(), [1.0, 20.0]);
        assert_eq!((skipped.rows, skipped.unlisted), (4, vec!["refund".to_owned()]));
        assert_eq!(x.items.len(), 2);
        c.event_weights = Some(BTreeMap::from([("veiw".into(), 1.0)]));
        let e = read(&f, &c, 0).unwrap_err();
        assert_eq!((e.code, e.hint.as_deref()), (Code::InvalidParameter, Some("Did you mean \"view\"?")));
        c = EventColumns { weight: Some("t".into()), ..columns() };
        assert_eq!(read(&f, &c, 0).unwrap_err().code, Code::WrongType);
    }

    #[test]
    fn no_event_left_is_an_error() {
        let f = Frame::new(vec![category("u", &[""]), category("i", &["a"])]).unwrap();
        let e = read(&f, &EventColumns { time: None, ..columns() }, 0).unwrap_err();
        assert_eq!((e.code, e.message.as_str()), (Code::Data, "there are no events to learn from"));
    }
}
