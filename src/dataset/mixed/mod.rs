//! Rows of mixed columns for a model that generates rows: numbers and times by rank, texts and truth values by level; and back.

mod layout;
mod marginal;
mod part;

pub use layout::{Layout, MixedRows, REACH, UNKNOWN, score};
pub use part::Level;

use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result, Rng, names};
use crate::dataset::frame::missing_column;
use crate::dataset::{Cell, Column, Family, Frame, Input};
use part::{Part, Written};
use serde::{Deserialize, Serialize};

/// The columns of a relation as a generator learns them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Mixed {
    inputs: Vec<Input>,
    parts: Vec<Part>,
    /// The column whose values stand apart, as the condition.
    condition: Option<usize>,
    layout: Layout,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    inputs: Vec<Input>,
    parts: Vec<Part>,
    condition: Option<usize>,
}

/// What is generated of so many rows, as the networks give it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Generated {
    /// Rows × numbers, normal scores.
    pub scores: Vec<f32>,
    /// Rows × blocks.
    pub levels: Vec<u32>,
    /// One a row; of no meaning without a condition.
    pub conditions: Vec<u32>,
}

impl Mixed {
    /// The columns `names` of `frame`, fitted on `rows`. A text needs `min_count` rows for a level of its own, and the most frequent
    /// `max_levels` get one; the rest share one. Columns of one value are kept and not learned. Without `condition`, the text with the most
    /// levels is it.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`]; [`Code::WrongType`] for an array, or a condition that is neither text nor truth value; [`Code::Cancelled`].
    pub fn fit(
        frame: &Frame,
        names: &[&str],
        rows: &[u32],
        limits: (usize, usize),
        condition: Option<&str>,
        ctx: &Context<'_>,
    ) -> Result<Self> {
        let columns = names.iter().map(|n| frame.column(n)).collect::<Result<Vec<_>>>()?;
        let mut fitted: Vec<Result<Part>> = columns.iter().map(|_| Ok(Part::Constant(None))).collect();
        ctx.pool.each_mut(&mut fitted, |i, out| *out = ctx.check().and_then(|()| Part::fit(columns[i], rows, limits)));
        let parts = fitted.into_iter().collect::<Result<Vec<_>>>()?;
        let inputs: Vec<Input> = columns.iter().map(|c| Input::of(frame, c, rows)).collect();
        let condition = match condition {
            Some(name) => {
                let i = names.iter().position(|n| *n == name).ok_or_else(|| missing_column(name, names.iter().copied()))?;
                if parts[i].conditions() == 0 {
                    return Err(Error::new(Code::WrongType, format!("column \"{name}\" cannot be the condition"))
                        .detail("A condition is a text or a truth value that varies.")
                        .hint("Name another column in params => '{\"condition\": \"…\"}', or none."));
                }
                Some(i)
            }
            None => {
                let texts = (0..parts.len()).filter(|i| inputs[*i].family == Family::Text && parts[*i].conditions() > 1);
                texts.max_by_key(|i| (parts[*i].conditions(), std::cmp::Reverse(*i)))
            }
        };
        Ok(Self::new(inputs, parts, condition))
    }

    fn new(inputs: Vec<Input>, parts: Vec<Part>, condition: Option<usize>) -> Self {
        let mut layout = Layout { numbers: 0, blocks: Vec::new(), condition: condition.map_or(0, |i| parts[i].conditions()) };
        for (i, p) in parts.iter().enumerate().filter(|(i, _)| Some(*i) != condition) {
            let _ = i;
            layout.numbers += usize::from(p.is_number());
            layout.blocks.extend(p.levels());
        }
        Self { inputs, parts, condition, layout }
    }

    /// The columns, in the relation's order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// What a row is to the networks.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The column that is the condition.
    pub fn condition(&self) -> Option<&Input> {
        self.condition.map(|i| &self.inputs[i])
    }

    /// The share of the training rows of each level of the condition.
    pub fn shares(&self) -> Vec<f64> {
        self.condition.map_or(Vec::new(), |i| self.parts[i].shares())
    }

    /// The rows `rows` of a frame, columns found by name.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], [`Code::WrongType`], [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn rows(&self, frame: &Frame, rows: &[u32], ctx: &Context<'_>) -> Result<MixedRows> {
        let columns = self.inputs.iter().map(|i| frame.column(&i.name).map(|c| &c.values)).collect::<Result<Vec<_>>>()?;
        let mut out = MixedRows::default();
        crate::base::memory::reserve(&mut out.ranks, rows.len().saturating_mul(self.layout.numbers))?;
        crate::base::memory::reserve(&mut out.levels, rows.len().saturating_mul(self.layout.blocks.len()))?;
        crate::base::memory::reserve(&mut out.conditions, rows.len())?;
        for (i, r) in rows.iter().enumerate() {
            if i % 4096 == 0 {
                ctx.check()?;
            }
            let mut condition = 0;
            for (c, part) in self.parts.iter().enumerate() {
                let w = self.written(c, part, &columns[c].cell(r.index()))?;
                if self.condition == Some(c) {
                    condition = w.level.unwrap_or(UNKNOWN);
                    continue;
                }
                out.ranks.extend(w.rank.filter(|_| part.is_number()));
                if part.levels().is_some() {
                    out.levels.push(w.level.unwrap_or(UNKNOWN));
                }
            }
            out.conditions.push(condition);
        }
        Ok(out)
    }

    /// One row, `row[i]` the value of input `i`, for the critic: numbers at the middle of their ranks, into `out` of [`Layout::width`]
    /// places. Returns the level of its condition; [`UNKNOWN`] where training never met it.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a value of another family, [`Code::ArrayLength`] for a row of another length.
    pub fn row(&self, row: &[Cell<'_>], out: &mut [f32]) -> Result<u32> {
        if row.len() != self.parts.len() {
            return Err(Error::new(Code::ArrayLength, format!("{} values where the model reads {}", row.len(), self.parts.len()))
                .detail(format!("Its inputs are: {}.", self.inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", "))));
        }
        let (mut number, mut from, mut condition) = (0, self.layout.numbers, 0);
        out.fill(0.0);
        for (c, (part, cell)) in self.parts.iter().zip(row).enumerate() {
            let w = self.written(c, part, cell)?;
            if self.condition == Some(c) {
                condition = w.level.unwrap_or(UNKNOWN);
                continue;
            }
            if part.is_number() {
                out[number] = w.rank.map_or(0.0, |[low, high]| score(0.5 * (low + high)));
                number += 1;
            }
            if let Some(levels) = part.levels() {
                if let Some(l) = w.level {
                    out[from + l.index()] = 1.0;
                }
                from += levels;
            }
        }
        Ok(condition)
    }

    fn written(&self, c: usize, part: &Part, cell: &Cell<'_>) -> Result<Written> {
        part.write(cell).ok_or_else(|| {
            let input = &self.inputs[c];
            Error::new(Code::WrongType, format!("column \"{}\" has the wrong type", input.name))
                .detail(format!("It is {}; the model was trained on {}.", crate::dataset::input::describe(cell), input.family.plural()))
                .hint(format!("Cast or rename it in a sub-select or view, so that \"{}\" holds {}.", input.name, input.family.plural()))
        })
    }

    /// Generated rows as a frame of all columns, in the relation's order. `rng` draws the texts that share a level.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] where the numbers are not of this layout.
    pub fn frame(&self, g: &Generated, rng: &mut Rng) -> Result<Frame> {
        let n = g.conditions.len();
        let (mut number, mut block) = (0, 0);
        let mut columns = Vec::with_capacity(self.parts.len());
        for (c, part) in self.parts.iter().enumerate() {
            let own = self.condition == Some(c);
            let scores = |r: usize| g.scores.get(r * self.layout.numbers + number).copied().unwrap_or(0.0);
            let levels = |r: usize| {
                if own { g.conditions[r] } else { g.levels.get(r * self.layout.blocks.len() + block).copied().unwrap_or(0) }
            };
            columns.push(Column { name: self.inputs[c].name.clone(), values: part.read(n, scores, levels, self.inputs[c].family, rng) });
            if !own {
                number += usize::from(part.is_number());
                block += usize::from(part.levels().is_some());
            }
        }
        Frame::new(columns)
    }

    /// What the condition `column` = `value` asks for.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`]; [`Code::Unsupported`] for a column of numbers or times; [`Code::Data`] for a value that training never met.
    pub fn asked(&self, column: &str, value: &serde_json::Value) -> Result<Level> {
        let known = || self.inputs.iter().map(|i| i.name.as_str());
        let at = known().position(|n| n == column).ok_or_else(|| missing_column(column, known()))?;
        self.parts[at].asked(at, value).ok_or_else(|| {
            let texts = self.parts[at].values();
            if texts.is_empty() {
                return Error::new(Code::Unsupported, format!("column \"{column}\" cannot be a condition"))
                    .detail("A condition is a text or a truth value; numbers and times are generated.")
                    .hint("Filter the generated rows by it: … WHERE (r ->> 'column')::numeric > ….");
            }
            let e = Error::new(Code::Data, format!("column \"{column}\" has no such value"))
                .detail(format!("The condition asks for {}, which no training row had.", names::shown_json(value)));
            match value.as_str().and_then(|v| names::nearest(v, texts.iter().map(String::as_str))) {
                Some(near) => e.hint(format!("Did you mean \"{near}\"?")),
                None => e.hint(format!("Values are: {}.", texts.iter().take(10).map(|t| names::shown(t)).collect::<Vec<_>>().join(", "))),
            }
        })
    }

    /// Whether row `r` of what was generated meets a condition.
    pub fn meets(&self, g: &Generated, r: usize, level: &Level) -> bool {
        if self.condition == Some(level.column) {
            return g.conditions[r] == level.level;
        }
        let block: usize =
            self.parts[..level.column].iter().enumerate().filter(|(i, p)| Some(*i) != self.condition && p.levels().is_some()).count();
        match self.parts[level.column].levels() {
            Some(_) => g.levels.get(r * self.layout.blocks.len() + block) == Some(&level.level),
            // The one value of a column that does not vary.
            None => true,
        }
    }

    /// Whether a level of this column is the condition that the networks know.
    pub fn is_condition(&self, level: &Level) -> bool {
        self.condition == Some(level.column)
    }
}

impl TryFrom<Stored> for Mixed {
    type Error = String;
    fn try_from(s: Stored) -> std::result::Result<Self, String> {
        let pairs = s.inputs.iter().zip(&s.parts).all(|(i, p)| p.takes(i.family));
        let condition = s.condition.is_none_or(|c| s.parts.get(c).is_some_and(|p| p.conditions() > 0));
        if s.inputs.len() == s.parts.len() && pairs && condition {
            Ok(Self::new(s.inputs, s.parts, s.condition))
        } else {
            Err("the columns of a generator are damaged".into())
        }
    }
}

impl From<Mixed> for Stored {
    fn from(m: Mixed) -> Self {
        Self { inputs: m.inputs, parts: m.parts, condition: m.condition }
    }
}

#[cfg(test)]
mod tests;
