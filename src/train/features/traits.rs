//! What sets groups of rows apart, for people to read: each column's mean, or a value's share, in a group beside that of all rows.

use crate::base::number::{AsIndex, AsReal};
use crate::dataset::{Cell, Encoder, Family, ValueType};
use serde::{Deserialize, Serialize};

/// One line of what sets a segment apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Apart {
    /// The segment, from 1.
    pub segment: String,
    /// Its rows.
    pub rows: u64,
    /// The column; `column = value` for a text's value, `column[2]` for an array's element. The year, in parts too, stands for an instant,
    /// the hour for a time of day, the seconds for an interval.
    pub column: String,
    /// The segment's mean over the rows that have a value; for truth values and values of texts their share.
    pub mean: f64,
    /// That of all rows.
    pub overall: f64,
    /// Their difference in standard deviations of all rows.
    pub effect: f64,
}

/// One number that is followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trait {
    /// As in [`Apart::column`].
    column: String,
    /// Which input.
    input: usize,
    /// The value of a text whose share it is.
    value: Option<String>,
    /// The element of an array.
    element: Option<usize>,
    /// Whether it is a time of day, which is followed in hours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hours: bool,
    /// Over all rows that have a value.
    mean: f64,
    /// The standard deviation there; 0 where rows do not differ.
    spread: f64,
    /// By segment; none where no row of it has a value.
    means: Vec<Option<f64>>,
}

/// The numbers by which groups are described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traits(Vec<Trait>);

/// Count, sum and sum of squares; the sums of differences to the first value seen, so that no digits are lost.
#[derive(Clone, Copy, Default)]
pub struct Sum(f64, f64, f64);

/// Sums by trait and segment, and each trait's first value.
pub struct Sums {
    first: Vec<Option<f64>>,
    of: Vec<Vec<Sum>>,
}

/// Values of a text, the most frequent, and elements of an array whose shares and means are kept.
const VALUES: usize = 20;
/// The Gregorian year in microseconds.
const YEAR: f64 = 365.2425 * 86_400e6;
/// An hour.
const HOUR: f64 = 3600e6;

impl Traits {
    /// The traits of `k` groups of rows that `encoder` reads.
    pub fn of(encoder: &Encoder, k: usize) -> Self {
        let mut traits = Vec::new();
        for (input, column) in encoder.inputs().iter().enumerate() {
            let (name, typ) = (&column.name, column.value_type);
            let mut push = |column: String, value, element| {
                let hours = matches!(typ, ValueType::Clock | ValueType::ZonedClock);
                traits.push(Trait { column, input, value, element, hours, mean: 0.0, spread: 0.0, means: vec![None; k] })
            };
            match column.family {
                Family::Number | Family::Bool | Family::Time => push(name.clone(), None, None),
                Family::Text | Family::Labels => {
                    encoder.values(input).iter().take(VALUES).for_each(|v| push(format!("{name} = {v}"), Some(v.clone()), None))
                }
                Family::Vector(n) => (0..n.index().min(VALUES)).for_each(|e| push(format!("{name}[{}]", e + 1), None, Some(e))),
            }
        }
        Self(traits)
    }

    /// Whether stored traits are those of `k` groups.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn check(&self, k: usize) -> Result<(), &'static str> {
        let good =
            |t: &Trait| t.means.len() == k && t.spread >= 0.0 && t.mean.is_finite() && t.means.iter().flatten().all(|m| m.is_finite());
        if self.0.iter().all(good) { Ok(()) } else { Err("What sets its segments apart is not whole.") }
    }

    /// Nothing added yet.
    pub fn sums(&self) -> Sums {
        Sums { first: vec![None; self.0.len()], of: self.0.iter().map(|t| vec![Sum::default(); t.means.len()]).collect() }
    }

    /// Adds a row of a group.
    pub fn add(&self, sums: &mut Sums, group: usize, row: &[Cell<'_>]) {
        for ((t, first), sums) in self.0.iter().zip(&mut sums.first).zip(&mut sums.of) {
            let Some(x) = row.get(t.input).and_then(|cell| t.number(cell)) else { continue };
            let d = x - *first.get_or_insert(x);
            let s = &mut sums[group];
            *s = Sum(s.0 + 1.0, s.1 + d, s.2 + d * d);
        }
    }

    /// Takes means from the sums, of the groups `order` in this order.
    pub fn end(&mut self, sums: &Sums, order: &[usize]) {
        for ((t, first), sums) in self.0.iter_mut().zip(&sums.first).zip(&sums.of) {
            let first = first.unwrap_or(0.0);
            let all = sums.iter().fold(Sum::default(), |a, s| Sum(a.0 + s.0, a.1 + s.1, a.2 + s.2));
            let apart = all.1 / all.0.max(1.0);
            let variance = (all.2 / all.0.max(1.0) - apart * apart).max(0.0);
            t.mean = first + apart;
            t.spread = if variance.is_finite() { variance.sqrt() } else { 0.0 };
            t.means = order.iter().map(|i| sums[*i]).map(|s| (s.0 > 0.0).then(|| first + s.1 / s.0)).collect();
        }
        self.0.retain(|t| t.mean.is_finite() && t.means.iter().flatten().all(|m| m.is_finite()));
    }

    /// What sets groups of so many rows apart, the strongest of each first.
    pub fn apart(&self, sizes: &[u64]) -> Vec<Apart> {
        let mut lines = Vec::new();
        for (i, rows) in sizes.iter().enumerate() {
            let from = lines.len();
            for t in &self.0 {
                let Some(mean) = t.means.get(i).copied().flatten().filter(|_| t.spread > 0.0) else { continue };
                let effect = (mean - t.mean) / t.spread;
                lines.push(Apart { segment: (i + 1).to_string(), rows: *rows, column: t.column.clone(), mean, overall: t.mean, effect });
            }
            lines[from..].sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        }
        lines
    }
}

impl Trait {
    /// What a value counts as; none for a missing one.
    fn number(&self, cell: &Cell<'_>) -> Option<f64> {
        let share = |yes: bool| f64::from(u8::from(yes));
        match (cell, &self.value) {
            (Cell::Number(x), _) => Some(*x).filter(|x| x.is_finite()),
            (Cell::Bool(b), _) => Some(share(*b)),
            (Cell::Text(t), Some(value)) => Some(share(t == value)),
            (Cell::Labels(l), Some(value)) => Some(share(l.iter().any(|t| t == value))),
            (Cell::Time(t), _) if self.hours => Some(t.real() / HOUR),
            (Cell::Time(t), _) => Some(2000.0 + t.real() / YEAR),
            (Cell::Vector(v), _) => v.get(self.element?).map(|x| f64::from(*x)).filter(|x| x.is_finite()),
            _ => None,
        }
    }
}
