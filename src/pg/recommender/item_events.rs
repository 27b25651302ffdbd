//! Lists that no model makes: events of a relation by item, read by the caller's rights.

use crate::base::{Code, Context, Error, Result};
use crate::dataset::trends::{self, Arrivals, ItemColumns, ItemEvents, Trending};
use crate::dataset::{Frame, Values};
use crate::pg::backend::error::notice;
use crate::pg::backend::text::quote;
use crate::pg::backend::{interrupts, settings};
use crate::pg::query::id_type::{self, IdType, id_text};
use crate::pg::query::relation::Relation;
use crate::pg::query::scan;
use crate::pg::recommender::events::wrong_type;
use pgrx::pg_sys;

/// Where the events are, and up to when they count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events<'a> {
    /// The relation.
    pub relation: pg_sys::Oid,
    /// What is counted: the item's id, its category …
    pub item_col: &'a str,
    /// When.
    pub time_col: &'a str,
    /// Whose; none: events are counted.
    pub user_col: Option<&'a str>,
    /// Microseconds since 2000-01-01; none: up to the latest.
    pub as_of: Option<i64>,
}

impl Events<'_> {
    /// Reads the events and hands them to `work` on threads of its own; none where there are none, which a NOTICE says.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::InvalidParameter`] for a column named twice; what the scan and `work` raise.
    fn hand<R: Send>(&self, work: impl FnOnce(&ItemEvents<'_>, &Context<'_>) -> Result<R> + Send) -> Result<Option<R>> {
        let relation = Relation::open(self.relation)?;
        self.distinct()?;
        let (item, time) = (relation.column(self.item_col)?, relation.column(self.time_col)?);
        let user = self.user_col.map(|u| relation.column(u)).transpose()?;
        if !time.form.is_some_and(|f| f.is_instant() || f.is_number()) {
            return Err(wrong_type("time_col", time, "a date, a timestamp or a number (in seconds)"));
        }
        let mut columns = ItemColumns { item: "i".into(), time: "t".into(), ..ItemColumns::default() };
        let mut list = vec![format!("{} AS i", id_text(item)), format!("{} AS t", quote(&time.name))];
        if let Some(user) = user {
            list.push(format!("{} AS u", id_text(user)));
            columns.user = Some("u".into());
        }
        let (item_type, user_type) = (IdType::of(item), user.and_then(IdType::of));
        let pinned = item_type.or(user_type).map(|_| id_type::pinned());
        let budget = settings::budget();
        let sql = format!("SELECT {} FROM {}", list.join(", "), relation.sql());
        let (frame, _booked) = scan::query(&sql, ItemEvents::BYTES, &budget)?;
        drop(pinned);
        columns.same_items = same(item_type, &frame, "i")?;
        columns.same_users = same(user_type, &frame, "u")?;
        let (as_of, frame, columns) = (self.as_of, &frame, &columns);
        let made = interrupts::run(
            0,
            &budget,
            |_| {},
            move |ctx| {
                let events = ItemEvents::from_frame(frame, columns, as_of, ctx)?;
                events.map(|events| work(&events, ctx)).transpose()
            },
        )?;
        if made.is_none() {
            let which = if as_of.is_some() { " up to as_of" } else { "" };
            notice(&format!("relation \"{}\" has no events with an item and a time{which}", relation.name));
        }
        Ok(made)
    }

    /// Each column serves once.
    fn distinct(&self) -> Result<()> {
        let named = [("item_col", Some(self.item_col)), ("time_col", Some(self.time_col)), ("user_col", self.user_col)];
        for (at, (argument, column)) in named.iter().enumerate().filter(|n| n.1.1.is_some()) {
            if let Some((other, _)) = named[..at].iter().find(|n| n.1 == *column) {
                return Err(Error::new(Code::InvalidParameter, format!("{other} and {argument} are the same column"))
                    .detail(format!("Both are \"{}\".", column.unwrap_or_default()))
                    .hint("Name the column with the item, the one with the time, and the one with the user."));
            }
        }
        Ok(())
    }
}

/// Of each level of a column the first one that its type holds equal, where that is not the text.
fn same(typ: Option<IdType>, frame: &Frame, column: &str) -> Result<Option<Vec<u32>>> {
    match typ.map(|t| (t, frame.column(column))) {
        Some((t, Ok(column))) => match &column.values {
            Values::Category { levels, .. } => t.first_equal(levels).map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The items that grow; what was chosen, and why there may be none, is said in a NOTICE.
///
/// # Errors
/// Those of [`Events::hand`] and [`trends::trending`].
pub(crate) fn trending(events: &Events<'_>, asked: &trends::Asked) -> Result<Vec<trends::Trend>> {
    let work = |e: &ItemEvents<'_>, ctx: &Context<'_>| trends::trending(e, asked, ctx).map(|made| (made, e.span()));
    let Some((Trending { rows, recent, past }, span)) = events.hand(work)? else { return Ok(Vec::new()) };
    if !past {
        notice(&format!("there is no past to grow from: recent is {}, events reach back {}", length(recent), length(span)));
    } else if asked.recent.is_none() {
        notice(&format!("recent is {}, events reach back {}", length(recent), length(span)));
    }
    Ok(rows)
}

/// The new items that catch on; what was chosen is said in a NOTICE, and where all is new.
///
/// # Errors
/// Those of [`Events::hand`] and [`trends::new_items`].
pub(crate) fn new_items(events: &Events<'_>, asked: &trends::Asked) -> Result<Vec<trends::Arrival>> {
    let work = |e: &ItemEvents<'_>, ctx: &Context<'_>| trends::new_items(e, asked, ctx).map(|made| (made, e.span()));
    let Some((Arrivals { rows, recent, past }, span)) = events.hand(work)? else { return Ok(Vec::new()) };
    if !past {
        notice(&format!("all items are new: recent is {}, events reach back {}", length(recent), length(span)));
    } else if asked.recent.is_none() {
        notice(&format!("recent is {}, events reach back {}", length(recent), length(span)));
    }
    Ok(rows)
}

/// A time in words.
fn length(micros: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400_000_000, "day"), (3_600_000_000, "hour"), (60_000_000, "minute"), (1_000_000, "second")];
    match UNITS.iter().find(|u| micros >= u.0) {
        Some((unit, name)) => {
            let n = micros / unit;
            format!("{n} {name}{}", if n == 1 { "" } else { "s" })
        }
        None => "less than a second".to_owned(),
    }
}
