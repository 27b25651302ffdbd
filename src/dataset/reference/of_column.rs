//! What was seen of one column, and what is seen of it now.

use super::levels::{Levels, hash_of};
use super::numbers::Tenths;
use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, hash};
use crate::dataset::encode::Grams;
use crate::dataset::{Cell, Column, MISSING_CODE, Values};
use serde::{Deserialize, Serialize};

/// What a training saw of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The column.
    pub name: String,
    /// Rows that were looked at.
    pub rows: u64,
    /// Of how many there was no value.
    pub missing: u64,
    spread: Spread,
}

/// How the values are spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Spread {
    /// Numbers, times (microseconds), truth values (0 and 1).
    Numbers(Tenths),
    /// Vectors: their lengths.
    Norms(Tenths),
    /// One name a row.
    Names(Levels),
    /// Several names a row.
    Sets(Levels),
    /// Free text: words and pairs of words, each once a text, in [`BUCKETS`] buckets.
    Words(Levels),
}

/// The logarithm of the number of buckets of words.
const BUCKETS: u32 = 14;
/// Texts that are looked at between two looks at whether to stop.
const STEP: usize = 4096;

/// What is seen of a column now, beside what was seen then.
#[derive(Debug, Clone, PartialEq)]
pub struct Now {
    /// Counts of the bins, then and now: by size, or the frequent values first.
    pub bins: Vec<[f64; 2]>,
    /// Rows with a value, then and now: the draws that stand behind the counts.
    pub draws: [f64; 2],
    /// Rows without a value, then and now.
    pub missing: [f64; 2],
    /// The number in the middle, then and now; none of what has none.
    pub middle: Option<[f64; 2]>,
    /// Values that came once then, those that never came until now, and of how many values each, then and now; none of what has no names,
    /// and where it is not known any more.
    pub unseen: Option<[[f64; 2]; 2]>,
}

impl Seen {
    /// What `rows` hold of a column; of what has to be sorted those of `some`.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn of(column: &Column, rows: &[u32], some: &[u32], text: bool, ctx: &Context<'_>) -> Result<Self> {
        let values = &column.values;
        let (spread, rows) = match values {
            Values::Category { .. } if text => (Spread::Words(Levels::of(words(values, some, ctx)?)), some),
            Values::Category { .. } => (Spread::Names(Levels::of(names(values, rows))), rows),
            Values::Labels { .. } => (Spread::Sets(Levels::of(names(values, rows))), rows),
            Values::Vector { .. } => (Spread::Norms(Tenths::of(numbers(values, some))), some),
            _ => (Spread::Numbers(Tenths::of(numbers(values, some))), some),
        };
        Ok(Self { name: column.name.clone(), rows: rows.len() as u64, missing: missing(values, rows), spread })
    }

    /// What all rows of `values` hold, in the same bins; none where they are of another kind.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn now(&self, values: &Values, ctx: &Context<'_>) -> Result<Option<Now>> {
        let rows: Vec<u32> = (0..values.len() as u32).collect();
        let gone = missing(values, &rows).real();
        let missing = [self.missing.real(), gone];
        let draws = [(self.rows - self.missing.min(self.rows)).real(), rows.len().real() - gone];
        let now = Now { bins: Vec::new(), draws, missing, middle: None, unseen: None };
        let named = |l: &Levels, hashes: Vec<(u64, u64)>, tells: bool| {
            let total = |h: &[(u64, u64)]| h.iter().map(|h| h.1.real()).sum::<f64>();
            let new = l.never_came(&hashes).filter(|_| tells);
            let unseen = new.map(|n| [[l.once.real(), n], [l.total().real(), total(&hashes)]]);
            Now { bins: l.count(&hashes), unseen, ..now.clone() }
        };
        let counted = |t: &Tenths| {
            let (bins, middle) = t.count(numbers(values, &rows));
            Now { bins, middle: middle.map(|m| [t.middle, m]), ..now.clone() }
        };
        Ok(Some(match (&self.spread, values) {
            (Spread::Words(l), Values::Category { .. }) => named(l, words(values, &rows, ctx)?, false),
            (Spread::Names(l), Values::Category { .. }) | (Spread::Sets(l), Values::Labels { .. }) => named(l, names(values, &rows), true),
            (Spread::Norms(t), Values::Vector { .. }) => Now { middle: None, ..counted(t) },
            (Spread::Numbers(t), Values::Time(_)) => Now { middle: None, ..counted(t) },
            // Of truth values the middle says less than the share of those that are true.
            (Spread::Numbers(t), Values::Bool(_)) => Now { middle: None, ..counted(t) },
            (Spread::Numbers(t), Values::Real(_) | Values::Double(_)) => counted(t),
            _ => return Ok(None),
        }))
    }

    /// Whether what is stored can be a training's.
    pub fn is_sound(&self) -> bool {
        match &self.spread {
            Spread::Numbers(t) | Spread::Norms(t) => t.is_sound(),
            Spread::Names(l) | Spread::Sets(l) | Spread::Words(l) => l.is_sound(),
        }
    }
}

fn missing(values: &Values, rows: &[u32]) -> u64 {
    rows.iter().looking().filter(|r| values.cell(r.index()) == Cell::Missing).count() as u64
}

/// The finite numbers of rows.
fn numbers(values: &Values, rows: &[u32]) -> Vec<f64> {
    let number = |r: &u32| match values.cell(r.index()) {
        Cell::Number(x) => Some(x),
        Cell::Bool(b) => Some(f64::from(u8::from(b))),
        Cell::Time(t) => Some(t.real()),
        Cell::Vector(v) => Some(v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()),
        _ => None,
    };
    rows.iter().filter_map(number).filter(|x| x.is_finite()).collect()
}

/// The names of rows by their hashes, with their counts.
fn names(values: &Values, rows: &[u32]) -> Vec<(u64, u64)> {
    let (Values::Category { levels, .. } | Values::Labels { levels, .. }) = values else { return Vec::new() };
    let mut counts = vec![0u64; levels.len()];
    let mut add = |code: u32| counts.get_mut(code.index()).into_iter().for_each(|n| *n += 1);
    for r in rows.iter().looking() {
        match values {
            Values::Category { codes, .. } => add(codes[r.index()]),
            _ => values.labels(r.index()).iter().for_each(|c| add(*c)),
        }
    }
    levels.iter().zip(counts).filter(|(_, n)| *n > 0).map(|(name, n)| (hash_of(name), n)).collect()
}

/// The words of texts by their buckets, with the number of texts that have them.
fn words(values: &Values, rows: &[u32], ctx: &Context<'_>) -> Result<Vec<(u64, u64)>> {
    let Values::Category { codes, levels } = values else { return Ok(Vec::new()) };
    let mut counts: hash::Map<u32, u64> = hash::Map::default();
    let mut grams = Grams::default();
    for (step, r) in rows.iter().enumerate() {
        if step % STEP == 0 {
            ctx.check()?;
        }
        let code = codes[r.index()];
        if code == MISSING_CODE {
            continue;
        }
        grams.read(&levels[code.index()], BUCKETS, 3);
        grams.words.sort_unstable();
        grams.words.dedup();
        grams.words.iter().for_each(|w| *counts.entry(*w).or_default() += 1);
    }
    Ok(counts.into_iter().map(|(bucket, n)| (u64::from(bucket), n)).collect())
}
