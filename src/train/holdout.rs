//! Which rows are held out, and whether two versions held out the same.

use crate::base::interrupts::Looking;
use crate::base::number::AsIndex;
use crate::base::{Code, Error, Result};
use crate::dataset::recognise::Marks;
use crate::dataset::split::{self, By, Shares, Sides};
use crate::dataset::{Cell, Frame};
use crate::serve::row_split::Split;

/// What decides on a row's side, and how many rows go where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked<'a> {
    /// The column whose time decides.
    pub time: Option<&'a str>,
    /// The column whose groups stay together, where no time decides.
    pub group: Option<&'a str>,
    /// Share of the evaluation rows.
    pub holdout: f64,
    /// Share of the other rows that say when to stop.
    pub validation: f64,
    /// Whether few rows, or few groups, may be held out in turns.
    pub turns: bool,
    /// The class of each row of the frame, NaN for none.
    pub classes: Option<&'a [f64]>,
}

/// The rows of `frame` that can be used: those that are `known` and, where there is a column `time`, have one; each once where `distinct`.
/// And how many were left out before duplicates were.
///
/// # Errors
/// [`Code::UndefinedColumn`].
pub fn usable(
    frame: &Frame,
    time: Option<&str>,
    known: impl Fn(u32) -> bool,
    distinct: bool,
    notices: &mut Vec<String>,
) -> Result<(Vec<u32>, usize)> {
    let times = time.map(|t| frame.column(t)).transpose()?;
    let timed = |r: u32| times.is_none_or(|t| t.values.cell(r.index()) != Cell::Missing);
    let mut rows: Vec<u32> = (0..frame.rows() as u32).looking().filter(|r| known(*r) && timed(*r)).collect();
    let skipped = frame.rows() - rows.len();
    if distinct {
        let all: Vec<&str> = frame.columns().iter().map(|c| c.name.as_str()).collect();
        let once = split::distinct(frame, &all, &rows)?;
        if once.len() < rows.len() {
            notices.push(format!("{} of {} rows are duplicates and count once", rows.len() - once.len(), rows.len()));
        }
        rows = once;
    }
    Ok((rows, skipped))
}

/// Whether there is anything to learn from.
///
/// # Errors
/// [`Code::Data`] for a frame without rows.
pub fn not_empty(frame: &Frame) -> Result<()> {
    if frame.rows() > 0 {
        return Ok(());
    }
    Err(Error::new(Code::Data, "no rows to learn from")
        .detail("The relation is empty, or row security shows none of its rows to its reader.")
        .hint("Look at it first: SELECT count(*) FROM …."))
}

/// Finds the sides of `rows`; the values of `names` decide. `before` is how the deployed version held rows out: where its columns are still
/// there, rows stay on the side on which that version had them.
///
/// # Errors
/// As [`split::sides`].
pub fn divide(
    frame: &Frame,
    rows: &[u32],
    names: &[&str],
    asked: Asked<'_>,
    before: Option<&Split>,
    notices: &mut Vec<String>,
) -> Result<(Sides, Split)> {
    let there = |c: &String| frame.columns().iter().any(|d| d.name == *c);
    let columns = match before {
        Some(b) if !b.columns.is_empty() && b.columns.iter().all(there) => b.columns.clone(),
        _ => names.iter().map(|n| (*n).to_owned()).collect(),
    };
    let hashed: Vec<&str> = columns.iter().map(String::as_str).collect();
    let by = match (asked.time, asked.group) {
        (Some(t), _) => By::Time(t, &hashed),
        (None, Some(g)) => By::Group(g, &hashed),
        (None, None) => By::Row(&hashed),
    };
    let dealt = before.filter(|b| b.group.as_deref() == asked.group && asked.time.is_none()).map_or(&[][..], |b| &b.dealt);
    let shares = Shares { holdout: asked.holdout, valid: asked.validation, turns: asked.turns, classes: asked.classes, dealt };
    let sides = split::sides(frame, rows, by, shares)?;
    if let (By::Group(g, _), 0..2) = (by, sides.groups) {
        notices.push(format!("all rows are of one group of \"{g}\": rows are held out singly"));
    }
    let split = Split {
        columns,
        time: asked.time.map(str::to_owned),
        group: asked.group.filter(|_| asked.time.is_none()).map(str::to_owned),
        holdout: asked.holdout,
        cut: sides.cut,
        turns: sides.turns,
        dealt: sides.dealt.clone(),
        marks: Marks::default(),
        inputs: Default::default(),
    };
    Ok((sides, split))
}

/// Whether all rows that `new` holds out, in each of its turns, were held out by `old` in the same turn.
///
/// # Errors
/// Why they were not, as half a sentence.
pub fn same_side(old: &Split, new: &Split) -> std::result::Result<(), String> {
    if old.time != new.time || old.group != new.group {
        return Err("rows are held out by another column now".into());
    }
    let learned = || Err("it learned from some of them".into());
    match (old.cut, new.cut) {
        (Some(a), Some(b)) => return if a <= b { Ok(()) } else { learned() },
        (None, None) => {}
        _ => return learned(),
    }
    let share = |s: &Split| if s.turns > 1 { 1.0 / f64::from(s.turns) } else { s.holdout };
    match () {
        () if old.columns != new.columns => Err("the columns that decide which rows are held out have changed".into()),
        () if old.dealt.is_empty() != new.dealt.is_empty() => Err("its groups are dealt in another way now".into()),
        () if new.turns > 1 && old.turns != new.turns => Err("rows are held out in other turns now".into()),
        () if share(old) + 1e-9 < share(new) => learned(),
        () => Ok(()),
    }
}
