//! Events by item: when, and whose where that is known.

use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result, memory, zeros};
use crate::dataset::interactions::{categories, times};
use crate::dataset::{Frame, MISSING_CODE, MISSING_TIME};

/// Which columns of a frame are which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemColumns {
    /// The item's id, a category column; or whatever else is counted.
    pub item: String,
    /// When: a time column, or numbers that count as seconds.
    pub time: String,
    /// The user's id, a category column.
    pub user: Option<String>,
    /// Of each level of `item` the first one that its type holds equal; none where ids are equal as their texts are.
    pub same_items: Option<Vec<u32>>,
    /// The same of `user`.
    pub same_users: Option<Vec<u32>>,
}

/// Events by item, up to a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemEvents<'a> {
    ids: &'a [String],
    offsets: Vec<usize>,
    /// (microseconds, user), item after item; within an item in the order of the rows.
    events: Vec<(i64, u32)>,
    /// Whether events know their users; if not, all are 0.
    pub by_user: bool,
    /// The moment: the one that was asked for, else that of the latest event.
    pub as_of: i64,
    /// The time of the first event.
    pub first: i64,
}

impl<'a> ItemEvents<'a> {
    /// The events of `frame` up to `as_of`, without it all; none where there are none. Rows without item, time or user are left out.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`]; [`Code::InvalidParameter`] for an infinite `as_of`; [`Code::OutOfMemory`],
    /// [`Code::Cancelled`].
    pub fn from_frame(frame: &'a Frame, columns: &ItemColumns, as_of: Option<i64>, ctx: &Context<'_>) -> Result<Option<Self>> {
        if let Some(i64::MIN | i64::MAX) = as_of {
            return Err(Error::new(Code::InvalidParameter, "as_of is infinite")
                .detail("What is recent as of infinity is not defined.")
                .hint("For example: as_of => now(); leave it out for the time of the latest event."));
        }
        let (items, ids) = categories(frame, &columns.item)?;
        let users = columns.user.as_deref().map(|u| categories(frame, u)).transpose()?.map(|u| u.0);
        let times = times(frame, &columns.time)?;
        let there = |row: usize| {
            let known = items[row] != MISSING_CODE && times[row] != MISSING_TIME && users.is_none_or(|u| u[row] != MISSING_CODE);
            known && as_of.is_none_or(|end| times[row] <= end)
        };
        let first_of = |same: &Option<Vec<u32>>, code: u32| same.as_ref().map_or(code, |s| s[code.index()]);
        let mut offsets: Vec<usize> = zeros(ids.len() + 1)?;
        let (mut first, mut latest) = (i64::MAX, i64::MIN);
        for row in 0..frame.rows() {
            ctx.check_at(row)?;
            if there(row) {
                (first, latest) = (first.min(times[row]), latest.max(times[row]));
                offsets[first_of(&columns.same_items, items[row]).index() + 1] += 1;
            }
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let len = offsets.last().copied().unwrap_or(0);
        if len == 0 {
            return Ok(None);
        }
        let mut events = Vec::new();
        memory::reserve(&mut events, len)?;
        events.resize(len, (0, 0));
        let mut next = memory::copy(&offsets)?;
        for row in 0..frame.rows() {
            ctx.check_at(row)?;
            if there(row) {
                let at = &mut next[first_of(&columns.same_items, items[row]).index()];
                events[*at] = (times[row], users.map_or(0, |u| first_of(&columns.same_users, u[row])));
                *at += 1;
            }
        }
        Ok(Some(Self { ids, offsets, events, by_user: users.is_some(), as_of: as_of.unwrap_or(latest), first }))
    }

    /// Bytes that a row of the frame takes here.
    pub const BYTES: usize = size_of::<(i64, u32)>();

    /// How many ids there are; some may have no event.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no ids.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many events there are.
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// The id of an item.
    pub fn id(&self, item: usize) -> &'a str {
        &self.ids[item]
    }

    /// An item's events.
    pub fn of(&self, item: usize) -> &[(i64, u32)] {
        &self.events[self.offsets[item]..self.offsets[item + 1]]
    }

    /// Microseconds from the first event to the moment.
    pub fn span(&self) -> i64 {
        self.as_of.saturating_sub(self.first)
    }
}
