//! How the rows of a training were held out, kept with its version.

use crate::base::Result;
use crate::dataset::Frame;
use crate::dataset::recognise::Marks;
use crate::dataset::split::{self, By, Shares, Sides};
use serde::{Deserialize, Serialize};

/// How rows were held out: enough to find those rows again in a later training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The columns whose hash decided.
    pub columns: Vec<String>,
    /// The column whose time decided.
    pub time: Option<String>,
    /// The column whose groups stay together.
    pub group: Option<String>,
    /// The share.
    pub holdout: f64,
    /// By time: rows from here on were held out.
    pub cut: Option<f64>,
    /// How many parts of the rows took turns at being held out; 1: one part was.
    pub turns: u32,
    /// Groups that were dealt over the turns, by hash: where there are few, or one holds most of the rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dealt: Vec<(u64, u32)>,
    /// What recognises the rows that were used in another relation; nothing for kinds without a target, whose rows are told by their
    /// inputs.
    #[serde(default)]
    pub marks: Marks,
    /// The inputs, and what recognises the rows by these alone: see [`Split::alike`].
    #[serde(default)]
    pub inputs: (Vec<String>, Marks),
}

impl Split {
    /// The columns that tell a row's side: those of its identity, the time, the group.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().chain(&self.time).chain(&self.group).map(String::as_str)
    }

    /// Which share of `rows` of a frame was used in the training that held rows out so; 0 where the frame lacks a column that tells.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn known(&self, frame: &Frame, rows: &[u32]) -> Result<f64> {
        if self.reads().any(|n| frame.column(n).is_err()) {
            return Ok(0.0);
        }
        let columns: Vec<&str> = self.reads().collect();
        self.marks.known(frame, &columns, rows)
    }

    /// Keeps what recognises `rows` of a frame by all that tells a row: one of another time or group is another row.
    ///
    /// # Errors
    /// As [`Marks::of`].
    pub fn mark(&mut self, frame: &Frame, rows: &[u32]) -> Result<()> {
        self.marks = Marks::of(frame, &self.reads().collect::<Vec<_>>(), rows)?;
        Ok(())
    }

    /// Keeps what recognises `rows` of a frame by the columns `inputs`.
    ///
    /// # Errors
    /// As [`Marks::of`].
    pub fn mark_inputs<'a>(&mut self, frame: &Frame, rows: &[u32], inputs: impl Iterator<Item = &'a str>) -> Result<()> {
        let names: Vec<&str> = inputs.collect();
        self.inputs = (names.iter().map(|n| (*n).to_owned()).collect(), Marks::of(frame, &names, rows)?);
        Ok(())
    }

    /// Which share of `rows` of a frame has the inputs of rows that were used: most likely these rows, but that a column that would tell is
    /// not there, or called otherwise, or of another type.
    ///
    /// # Errors
    /// As [`Split::known`].
    pub fn alike(&self, frame: &Frame, rows: &[u32]) -> Result<f64> {
        let (names, marks) = &self.inputs;
        let columns: Vec<&str> = names.iter().map(String::as_str).filter(|n| frame.column(n).is_ok()).collect();
        if columns.len() < names.len() { Ok(0.0) } else { marks.alike(frame, &columns, rows) }
    }

    /// The sides of `rows` of a frame that holds the rows of the training: each is held out in the turn in which it was. `classes` as in
    /// `Asked` of the training.
    ///
    /// # Errors
    /// As [`split::sides`].
    pub fn again(&self, frame: &Frame, rows: &[u32], classes: Option<&[f64]>) -> Result<Sides> {
        if let (Some(time), Some(cut)) = (&self.time, self.cut) {
            return split::from_cut(frame, rows, time, cut);
        }
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let by = self.group.as_deref().map_or(By::Row(&columns), |g| By::Group(g, &columns));
        let shares = Shares { holdout: self.holdout, valid: 0.0, turns: self.turns > 1, classes, dealt: &self.dealt };
        let mut sides = split::sides(frame, rows, by, shares)?;
        sides.turns = self.turns;
        Ok(sides)
    }
}
