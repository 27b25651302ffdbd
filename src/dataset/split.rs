//! Which rows teach, which say when to stop, and which are held out.
//!
//! A row's place on a circle of length 1 is a hash of its values and of how many equal rows stand before it, so equal rows are spread over
//! all sides as the others are, and the n-th copy of a row keeps its place over all retrains, wherever it stands in the table and whatever
//! rows were added: a new version and the deployed one can be evaluated on rows that neither has seen. (A hash of the values alone put all
//! equal rows on one side: with six distinct rows, probabilities were off by up to .45.)

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result, memory::reserve, rng::mix, zeros};
use crate::dataset::groups::{self, Ask};
use crate::dataset::row_hash::{cell_hash, place, row_hashes};
use crate::dataset::{Cell, Frame, Values};

/// What decides on a row's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// The values of these columns, in any order.
    Row(&'a [&'a str]),
    /// The newest rows by this column are held out, those before them say when to stop; the values of the others tell rows apart.
    Time(&'a str, &'a [&'a str]),
    /// Rows with one value of this column stay together; rows without one go by the values of these columns.
    Group(&'a str, &'a [&'a str]),
}

/// How many rows go where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares<'a> {
    /// Share of the evaluation rows.
    pub holdout: f64,
    /// Share of the other rows that say when to stop.
    pub valid: f64,
    /// Whether few rows, or few groups, may be held out in turns; otherwise one part of them is held out.
    pub turns: bool,
    /// The class of each row of the frame, NaN for none: small classes are dealt evenly over the sides.
    pub classes: Option<&'a [f64]>,
    /// Groups that have their fold already.
    pub dealt: &'a [(u64, u32)],
}

/// The three parts; each in the order of the frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts {
    /// Rows to learn from.
    pub train: Vec<u32>,
    /// Rows that say when to stop, and calibrate.
    pub valid: Vec<u32>,
    /// Rows that are held out.
    pub holdout: Vec<u32>,
}

/// The side of every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    rows: Vec<u32>,
    /// On the circle: by time only 0 for evaluation rows, and so on.
    places: Vec<f64>,
    /// Where groups were dealt: the fold of each row.
    folds: Vec<u32>,
    holdout: f64,
    valid: f64,
    /// How often parts of the rows take turns at being held out; 1: one part is held out.
    pub turns: u32,
    /// By time: the instant or number from which on rows are held out.
    pub cut: Option<f64>,
    /// The groups that were dealt, by hash, each with its fold.
    pub dealt: Vec<(u64, u32)>,
    /// How many groups there are, at most [`groups::MANY`]; 0 without groups.
    pub groups: usize,
}

/// Below so many rows they are held out in turns: a fifth of fewer is a sample whose AUC is known to ±.03 at best.
pub const FEW: usize = 2_000;
/// A class of fewer rows is dealt: of 40 rows, a fifth by hash is 3 to 13.
const SMALL: usize = 500;

impl Sides {
    /// Rows at their places, of which one part is held out.
    fn at(rows: &[u32], places: Vec<f64>, holdout: f64, valid: f64) -> Self {
        Self { rows: rows.to_vec(), places, folds: Vec::new(), holdout, valid, turns: 1, cut: None, dealt: Vec::new(), groups: 0 }
    }

    /// The parts when the rows of turn `turn` are held out.
    pub fn parts(&self, turn: u32) -> Parts {
        let mut parts = Parts::default();
        let turns = f64::from(self.turns);
        let share = if self.turns > 1 { 1.0 / turns } else { self.holdout };
        for (i, row) in self.rows.iter().enumerate() {
            let at = self.places[i];
            let (evaluates, stops) = match self.folds.get(i) {
                Some(fold) => (share > 0.0 && *fold == turn, at < self.valid),
                None => {
                    let fold = if self.turns > 1 { ((at * turns) as u32).min(self.turns - 1) } else { u32::from(at >= share) };
                    // the circle is turned so that the held-out part begins at 0
                    let turned = (at - f64::from(turn) / turns).rem_euclid(1.0);
                    (fold == turn, turned < share + self.valid * (1.0 - share))
                }
            };
            if evaluates {
                parts.holdout.push(*row)
            } else if stops {
                parts.valid.push(*row)
            } else {
                parts.train.push(*row)
            }
        }
        parts
    }
}

/// Finds the sides of `rows` of a frame.
///
/// # Errors
/// [`Code::UndefinedColumn`]; [`Code::OutOfMemory`]; for a time column [`Code::WrongType`] and, where all its rows are of one time, [`Code::Data`].
pub fn sides(frame: &Frame, rows: &[u32], by: By<'_>, shares: Shares<'_>) -> Result<Sides> {
    let columns = match by {
        By::Row(columns) | By::Group(_, columns) | By::Time(_, columns) => columns,
    };
    if let By::Time(column, _) = by {
        return by_time(frame, rows, column, shares);
    }
    let places = identities(frame, columns, rows)?.iter().map(|h| place(*h)).collect();
    let mut all = Sides::at(rows, places, shares.holdout, shares.valid);
    let turns = if shares.holdout > 0.0 { ((1.0 / shares.holdout).round() as u32).clamp(2, 10) } else { 1 };
    let few = shares.turns && rows.len() < FEW;
    if let By::Group(group, _) = by {
        let mut keys = zeros::<u64>(rows.len())?;
        let values = &frame.column(group)?.values;
        for (k, r) in keys.iter_mut().zip(rows) {
            let cell = values.cell(r.index());
            *k = if cell == Cell::Missing { groups::NONE } else { mix(cell_hash(&cell)) };
        }
        let ask = Ask { holdout: shares.holdout, turns, in_turns: shares.turns, few, dealt: shares.dealt };
        let found = groups::deal(&keys, &all.places, ask)?;
        all.groups = found.groups;
        all.dealt = found.dealt;
        all.folds = found.folds;
        if found.turns > 1 {
            all.turns = found.turns;
        } else if few && found.groups > 1 {
            all.turns = turns;
        }
        if found.groups > 1 {
            if all.folds.is_empty() {
                all.places.iter_mut().zip(&keys).filter(|(_, k)| **k != groups::NONE).for_each(|(p, k)| *p = place(*k));
            }
            return Ok(all);
        }
        // one group only: its rows go singly
        all.folds = Vec::new();
    }
    if let Some(classes) = shares.classes {
        deal_small_classes(&mut all, classes)?
    }
    if few {
        all.turns = turns;
    }
    Ok(all)
}

/// The sides of rows that were held out from `cut` on, in any relation.
///
/// # Errors
/// As [`sides`].
pub fn from_cut(frame: &Frame, rows: &[u32], column: &str, cut: f64) -> Result<Sides> {
    let values = &frame.column(column)?.values;
    let places = rows.iter().map(|r| if time(values, *r) >= cut { 0.0 } else { 1.0 - f64::EPSILON }).collect();
    Ok(Sides { cut: Some(cut), ..Sides::at(rows, places, 0.5, 0.0) })
}

/// What tells a row from all others: the hash of its values, and for each equal row before it one step on.
fn identities(frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<Vec<u64>> {
    let mut hashes = row_hashes(frame, columns, rows)?;
    let mut order: Vec<(u64, u32)> = Vec::new();
    reserve(&mut order, rows.len())?;
    order.extend(hashes.iter().zip(0..).map(|(h, i)| (*h, i)));
    order.sort_unstable();
    let (mut before, mut copy) = (None, 0u64);
    for (h, i) in order {
        copy = if before == Some(h) { copy + 1 } else { 0 };
        before = Some(h);
        if copy > 0 {
            hashes[i.index()] = mix(h ^ copy.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
    }
    Ok(hashes)
}

/// Rows of a small class are put at even distances, in the order of their hashes: each side gets its share, also of 40 rows. The price is
/// that a few of them change sides when rows are added; a class of [`SMALL`] rows or more has its share without that.
fn deal_small_classes(sides: &mut Sides, classes: &[f64]) -> Result<()> {
    let mut order: Vec<(f64, f64, u32)> = Vec::new();
    reserve(&mut order, sides.rows.len())?;
    order.extend(sides.rows.iter().zip(&sides.places).zip(0..).map(|((r, p), i)| (classes[r.index()], *p, i)));
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    for class in order.chunk_by(|a, b| a.0 == b.0).filter(|c| c.len() < SMALL) {
        for (k, (_, _, i)) in class.iter().enumerate() {
            sides.places[i.index()] = (k.real() + 0.5) / class.len().real();
        }
    }
    Ok(())
}

/// A row's time, or number; −∞ where it has none.
fn time(values: &Values, row: u32) -> f64 {
    match values.cell(row.index()) {
        Cell::Time(t) => t.real(),
        Cell::Number(x) => x,
        _ => f64::NEG_INFINITY,
    }
}

fn by_time(frame: &Frame, rows: &[u32], column: &str, Shares { holdout, valid, .. }: Shares<'_>) -> Result<Sides> {
    let values = &frame.column(column)?.values;
    let time = |r: u32| time(values, r);
    if !matches!(values, Values::Time(_) | Values::Real(_) | Values::Double(_)) {
        return Err(Error::new(Code::WrongType, format!("time column \"{column}\" holds no times"))
            .detail("Dates, timestamps and numbers can be put in order of time.")
            .hint(format!("Cast it in a view: {column}::timestamptz.")));
    }
    let mut order: Vec<f64> = rows.iter().map(|r| time(*r)).collect();
    order.sort_unstable_by(f64::total_cmp);
    if rows.is_empty() || order[0] == order[order.len() - 1] {
        return Err(Error::new(Code::Data, format!("time column \"{column}\" does not vary"))
            .detail(format!("All {} rows are of one time, so none can be held out as newer than the others.", rows.len()))
            .hint("Leave out time_col: rows are then held out by a hash of their values."));
    }
    // rows of one time stay together: the first time that is wholly within the share, or the newest one
    let at = |share: f64| -> f64 {
        if share <= 0.0 {
            return f64::INFINITY;
        }
        let t = order[((order.len() as f64 * (1.0 - share)) as usize).min(order.len() - 1)];
        if t > order[0] { t } else { order[order.partition_point(|x| *x <= t)] }
    };
    let cut = at(holdout);
    let stop = if valid <= 0.0 { cut } else { at(holdout + valid * (1.0 - holdout)).min(cut) };
    let side = |r: &u32| match time(*r) {
        t if t >= cut => 0.0,
        t if t >= stop => holdout,
        _ => 1.0 - f64::EPSILON,
    };
    let places = rows.iter().map(side).collect();
    Ok(Sides { cut: (cut < f64::INFINITY).then_some(cut), ..Sides::at(rows, places, holdout, valid) })
}

/// The first row of each set of `rows` that agree in all `columns`.
///
/// # Errors
/// As [`row_hashes`].
pub fn distinct(frame: &Frame, columns: &[&str], rows: &[u32]) -> Result<Vec<u32>> {
    let hashes = row_hashes(frame, columns, rows)?;
    let mut seen = std::collections::HashSet::new();
    Ok(rows.iter().zip(hashes).filter(|(_, h)| seen.insert(*h)).map(|(r, _)| *r).collect())
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
