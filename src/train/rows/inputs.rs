//! Which columns are learned from, and which of them look wrong.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::rng::mix;
use crate::base::{Code, Context, Error, Result, hash};
use crate::dataset::encode::text::is_text;
use crate::dataset::frame::missing_column;
use crate::dataset::{Cell, Column, Encoder, Family, Frame, MISSING_CODE, Values};
use crate::metric::{Auc, State};
use crate::serve::Outcome;
use std::collections::HashSet;

/// A text column is an id when each of at least so many rows has its own value.
const ID_TEXTS: usize = 20;
/// The same of whole numbers that look like keys; small sets of amounts may be all different by chance.
const ID_NUMBERS: usize = 100;
/// Rows that suspicion is raised on.
const SUSPECTS: usize = 20_000;
/// Bins of a number, for suspicion.
const BINS: usize = 64;
/// From here on a column alone predicts the target almost perfectly.
const PERFECT: f64 = 0.99;

/// The columns to learn from, in the frame's order: all but the target, the split columns `keys`, those excluded, and those in which each
/// of `rows` has its own value and that are not included by name; a notice names the latter. Numbers without a key's name stay where
/// nothing else does.
///
/// # Errors
/// [`Code::UndefinedColumn`] for a name in `exclude` or `include` that is none; [`Code::Data`] when no column is left.
pub fn choose<'a>(
    frame: &'a Frame,
    target: Option<&str>,
    keys: &[&str],
    rows: &[u32],
    (exclude, include): (&[String], &[String]),
    notices: &mut Vec<String>,
) -> Result<Vec<&'a str>> {
    for name in exclude.iter().chain(include) {
        if !frame.columns().iter().any(|c| c.name == *name) {
            return Err(missing_column(name, frame.columns().iter().map(|c| c.name.as_str())));
        }
    }
    let (mut ids, mut empty) = (Vec::new(), Vec::new());
    let mut names = Vec::new();
    for c in frame.columns() {
        let name = c.name.as_str();
        if target == Some(name) || keys.contains(&name) || exclude.contains(&c.name) {
            continue;
        }
        // A kind that gives rows back gives this column back, too.
        if target.is_some() && rows.iter().looking().all(|r| c.values.cell(r.index()) == Cell::Missing) {
            empty.push(name)
        } else if !include.contains(&c.name) && is_id(c, rows) {
            ids.push(name)
        } else {
            names.push(name)
        }
    }
    // What only looks like a counter is all there is to learn from: an amount then, sooner than nothing.
    if names.is_empty() {
        (ids, names) = ids
            .into_iter()
            .partition(|name| named_as_key(name) || frame.column(name).is_ok_and(|c| matches!(c.values, Values::Category { .. })));
    }
    if !empty.is_empty() {
        notices.push(format!("{} {} no value in any row: left out", quoted(&empty), if empty.len() == 1 { "has" } else { "have" }));
    }
    if !ids.is_empty() {
        notices.push(format!(
            "every row has its own value of {}: left out (params => '{{\"include\": [\"{}\"]}}' keeps it)",
            quoted(&ids),
            ids[0]
        ));
    }
    if names.is_empty() {
        return Err(no_columns(frame, target));
    }
    Ok(names)
}

/// Those columns of `frame` that are read as free text: `listed`, or the ones that look like it. Not the target, nor `others`.
///
/// # Errors
/// [`Code::UndefinedColumn`] and [`Code::WrongType`] for a listed one that is none of text.
pub fn texts<'a>(frame: &'a Frame, others: &[&str], rows: &[u32], (listed, min_count): (Option<&[String]>, usize)) -> Result<Vec<&'a str>> {
    for name in listed.into_iter().flatten() {
        let column = frame.column(name)?;
        if !matches!(column.values, Values::Category { .. }) {
            return Err(Error::new(Code::WrongType, format!("column \"{name}\" holds no text"))
                .detail(format!("Parameter \"text\" names it; it holds {}.", Family::of(&column.values).plural()))
                .hint("List columns of text only, or leave \"text\" out: columns of free text are then found by themselves."));
        }
    }
    let free = |c: &&Column| listed.map_or_else(|| is_text(c, rows, min_count), |l| l.contains(&c.name));
    let columns = frame.columns().iter().filter(|c| !others.contains(&c.name.as_str())).filter(free);
    Ok(columns.map(|c| c.name.as_str()).collect())
}

/// The fault of a relation that holds nothing to learn from.
pub fn no_columns(frame: &Frame, target: Option<&str>) -> Error {
    let all: Vec<&str> = frame.columns().iter().map(|c| c.name.as_str()).collect();
    let beside = target.map_or_else(String::new, |t| format!("the target \"{t}\" and "));
    Error::new(Code::Data, "no column to learn from")
        .detail(format!("The relation has {}; beside {beside}what was left out, none varies.", quoted(&all)))
        .hint("Add columns that describe the row to the relation.")
}

/// Names those of `names` for which `encoder` found nothing to learn.
pub fn dull(names: &[&str], encoder: &Encoder) -> Option<String> {
    let dull: Vec<&str> = names.iter().filter(|n| !encoder.inputs().iter().any(|i| i.name == **n)).copied().collect();
    (!dull.is_empty()).then(|| {
        format!("{} {} the same in all rows, or too rarely another: left out", quoted(&dull), if dull.len() == 1 { "is" } else { "are" })
    })
}

/// `"a", "b"`.
pub fn quoted(names: &[&str]) -> String {
    names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ")
}

/// Share of the rows in which a key may be missing; where it is missing oftener, that it is says something.
const ID_MISSING: f64 = 0.25;

fn is_id(column: &Column, rows: &[u32]) -> bool {
    let missing = rows.iter().looking().filter(|r| column.values.cell(**r as usize) == Cell::Missing).count();
    missing as f64 <= ID_MISSING * rows.len() as f64 && each_has_its_own(column, rows)
}

/// Whether no two rows have the same value, and there are too many to be so by chance.
fn each_has_its_own(column: &Column, rows: &[u32]) -> bool {
    match &column.values {
        Values::Category { codes, .. } => {
            let mut seen = HashSet::new();
            rows.len() >= ID_TEXTS
                && rows.iter().looking().map(|r| codes[r.index()]).filter(|c| *c != MISSING_CODE).all(|c| seen.insert(c))
                && seen.len() >= ID_TEXTS
        }
        v @ (Values::Real(_) | Values::Double(_)) => {
            let mut seen = HashSet::new();
            let whole = rows.len() >= ID_NUMBERS
                && rows.iter().looking().all(|r| match v.cell(r.index()) {
                    Cell::Number(x) => x.fract() == 0.0 && seen.insert(x.to_bits()),
                    _ => true,
                });
            whole && seen.len() >= ID_NUMBERS && (named_as_key(&column.name) || counts_on(&seen))
        }
        _ => false,
    }
}

/// Whether a name says that its numbers are keys; other whole numbers that are all different may be amounts in cents.
fn named_as_key(name: &str) -> bool {
    let name = name.to_lowercase();
    let last = name.rsplit(['_', ' ', '-', '.']).next().unwrap_or_default();
    ["id", "key", "pk", "nr", "no", "number", "num", "code", "sku", "uuid", "oid", "rowid", "index"].contains(&last)
        || ["userid", "customerid", "orderid", "productid", "itemid", "clientid", "sessionid"].contains(&name.as_str())
}

/// Whether numbers that are all different come from a counter: they fill a good part of their range.
fn counts_on(seen: &HashSet<u64>) -> bool {
    let (low, high) = seen.iter().map(|x| f64::from_bits(*x)).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    high - low < 4.0 * seen.len().real()
}

/// Names those of `names` that alone predict the target almost perfectly: half of some rows teaches what each value means, the other
/// half is predicted from it.
///
/// # Errors
/// [`Code::Cancelled`]; [`Code::OutOfMemory`].
pub fn suspect(
    frame: &Frame,
    names: &[&str],
    rows: &[u32],
    answers: &[f64],
    outcome: &Outcome,
    ctx: &Context<'_>,
) -> Result<Option<String>> {
    let mut rows: Vec<u32> = rows.iter().step_by(rows.len().div_ceil(SUSPECTS).max(1)).copied().collect();
    // A relation may be ordered by the target, as one side of a UNION ALL after the other is.
    rows.sort_unstable_by_key(|r| mix(u64::from(*r)));
    if rows.len() < 50 || matches!(outcome, Outcome::Tags(_)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for name in names {
        ctx.check()?;
        let column = frame.column(name)?;
        let bins = bins(column, &rows);
        ctx.check()?;
        let line = *outcome == Outcome::Value && on_a_line(column, &rows, answers);
        if line || (!bins.is_empty() && predicts(&bins, &rows, answers, outcome)?) {
            found.push(*name)
        }
    }
    Ok((!found.is_empty()).then(|| {
        format!(
            "{} alone {} the target almost perfectly: if it becomes known only with the outcome, leave it out (params => '{{\"exclude\": [\"{}\"]}}')",
            quoted(&found),
            if found.len() == 1 { "predicts" } else { "predict" },
            found.join("\", \"")
        )
    }))
}

/// A bin for each row; none for arrays.
fn bins(column: &Column, rows: &[u32]) -> Vec<u64> {
    let cells = || rows.iter().looking().map(|r| column.values.cell(r.index()));
    let rank = |x: Vec<f64>| {
        let mut order: Vec<f64> = x.iter().copied().filter(|x| !x.is_nan()).collect();
        order.sort_unstable_by(f64::total_cmp);
        let edges: Vec<f64> = (1..BINS).filter_map(|k| order.get(k * order.len() / BINS).copied()).collect();
        x.iter().map(|x| if x.is_nan() { u64::MAX } else { edges.partition_point(|e| e <= x) as u64 }).collect()
    };
    match &column.values {
        Values::Real(_) | Values::Double(_) => rank(cells().map(|c| if let Cell::Number(x) = c { x } else { f64::NAN }).collect()),
        Values::Time(_) => rank(cells().map(|c| if let Cell::Time(x) = c { x.real() } else { f64::NAN }).collect()),
        Values::Bool(v) => rows.iter().map(|r| u64::from(v[r.index()])).collect(),
        Values::Category { codes, .. } => rows.iter().map(|r| u64::from(codes[r.index()])).collect(),
        Values::Vector { .. } | Values::Labels { .. } => Vec::new(),
    }
}

/// Whether a number and the target lie on a line: bins of few rows are too coarse to show it.
fn on_a_line(column: &Column, rows: &[u32], answers: &[f64]) -> bool {
    let pairs = || {
        rows.iter().filter_map(|r| match column.values.cell(r.index()) {
            Cell::Number(x) => Some((x, answers[r.index()])),
            _ => None,
        })
    };
    let n = pairs().count().real();
    let (mx, my) = pairs().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (xx, xy, yy) = pairs().fold((0.0, 0.0, 0.0), |(a, b, c), (x, y)| {
        let (x, y) = (x - mx, y - my);
        (a + x * x, b + x * y, c + y * y)
    });
    xy * xy >= PERFECT * xx * yy && xy != 0.0
}

fn predicts(bins: &[u64], rows: &[u32], answers: &[f64], outcome: &Outcome) -> Result<bool> {
    let y = |i: usize| answers[rows[i].index()];
    let half = rows.len() / 2;
    let mean = (0..half).map(y).sum::<f64>() / half.real();
    match outcome {
        Outcome::Classes(_) => {
            let mut counts: hash::Map<(u64, u64), usize> = hash::Map::default();
            let mut best: hash::Map<u64, (usize, u64)> = hash::Map::default();
            let mut total: hash::Map<u64, usize> = hash::Map::default();
            for (i, bin) in bins.iter().enumerate().take(half).looking() {
                let class = y(i) as u64;
                let n = counts.entry((*bin, class)).or_default();
                *n += 1;
                let b = best.entry(*bin).or_default();
                *b = (*b).max((*n, class));
                *total.entry(class).or_default() += 1;
            }
            let most = total.values().max().copied().unwrap_or(0).real() / half.real();
            let right = (half..rows.len()).filter(|i| best.get(&bins[*i]).is_some_and(|b| b.1 == y(*i) as u64)).count();
            Ok(most < 0.95 && right.real() >= PERFECT * (rows.len() - half).real())
        }
        _ => {
            let mut sums: hash::Map<u64, (f64, f64)> = hash::Map::default();
            for (i, bin) in bins.iter().enumerate().take(half).looking() {
                let s = sums.entry(*bin).or_insert((0.0, 0.0));
                *s = (s.0 + y(i), s.1 + 1.0);
            }
            // a value met once says little: it counts half as an average row
            let guess = |i: usize| sums.get(&bins[i]).map_or(mean, |s| (s.0 + mean) / (s.1 + 1.0));
            let rest = half..rows.len();
            if *outcome == Outcome::Value {
                let (mut error, mut spread) = (0.0, 0.0);
                for i in rest {
                    error += (y(i) - guess(i)).powi(2);
                    spread += (y(i) - mean).powi(2);
                }
                return Ok(spread > 0.0 && 1.0 - error / spread >= PERFECT);
            }
            let mut auc = Auc::default();
            for i in rest {
                auc.add(guess(i), y(i) == 1.0)?;
            }
            Ok(auc.value().is_some_and(|a| a >= PERFECT))
        }
    }
}
