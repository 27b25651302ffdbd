//! Some rows of a relation, however many it has: a share of them by a hash of their places, so that a hundred million need no more memory
//! than a hundred thousand, and the same rows are looked at every time.

use crate::base::memory::Taken;
use crate::base::number::AsReal;
use crate::base::{Budget, Code, Result};
use crate::dataset::Frame;
use crate::pg::query::column_builder::ColumnRequest;
use crate::pg::query::relation::Relation;
use crate::pg::query::scan::{self, Keep};

/// The share of the share before that is tried where rows were more than was thought. What is read in vain is a seventh of the whole.
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

/// Rows of `relation` that meet `condition`: all where they are `most` or fewer, and fit, else between an eighth of `most` and `most`.
///
/// # Errors
/// As [`scan::frame`].
pub(crate) fn rows<'b>(
    relation: &Relation,
    columns: &'b [ColumnRequest<'b>],
    condition: Option<&str>,
    most: usize,
    budget: &'b Budget,
) -> Result<Sample<'b>> {
    let (mut share, mut limit) = (1.0, most);
    loop {
        match scan::some(relation, columns, condition, Keep::new(share, limit), budget) {
            Ok((_, held, keep)) if keep.full => {
                drop(held);
                share *= LESS;
            }
            Ok((frame, held, keep)) => return Ok(Sample { frame, rows: keep.seen, _held: held }),
            // As many rows as fit: fewer by as much as where there are too many.
            Err(e) if e.code == Code::OutOfMemory && limit.real() * LESS >= FEWEST => limit = (limit.real() * LESS) as usize,
            Err(e) => return Err(e),
        }
    }
}
