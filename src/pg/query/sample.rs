//! Some rows of a relation, however many it has and however little memory there is.

use crate::base::memory::Taken;
use crate::base::number::AsReal;
use crate::base::{Budget, Code, Result};
use crate::dataset::Frame;
use crate::pg::query::column_builder::ColumnRequest;
use crate::pg::query::relation::Relation;
use crate::pg::query::scan::{self, Read};

/// The share of the rows that is tried where those before did not fit.
const LESS: f64 = 0.125;
/// Of fewer rows no share is taken, whatever memory they need.
const FEWEST: f64 = 1000.0;

/// Some rows, and how many there are.
pub(crate) struct Sample<'b> {
    /// The rows.
    pub frame: Frame,
    /// How many the relation has that meet the condition.
    pub rows: u64,
    /// The booking of their memory, to be kept as long as they.
    _held: Taken<'b>,
}

/// `most` rows of `relation` that meet `condition`, or all where there are no more; fewer where they do not fit.
///
/// # Errors
/// As [`scan::some`].
pub(crate) fn rows<'b>(
    relation: &Relation,
    columns: &'b [ColumnRequest<'b>],
    condition: Option<&str>,
    most: usize,
    budget: &'b Budget,
) -> Result<Sample<'b>> {
    let mut most = most;
    loop {
        match scan::some(relation, columns, condition, most, budget) {
            Ok(Read { frame, seen, booked, .. }) => return Ok(Sample { frame, rows: seen, _held: booked }),
            Err(e) if e.code == Code::OutOfMemory && most.real() * LESS >= FEWEST => most = (most.real() * LESS) as usize,
            Err(e) => return Err(e),
        }
    }
}
