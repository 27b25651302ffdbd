//! Targets of tags: which tags there are, and which each row has.

use super::inputs::quoted;
use crate::base::memory::reserve;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result, hash};
use crate::dataset::{Cell, Column, MISSING_CODE, Values};
use crate::nn;
use crate::serve::Outcome;

/// The most tags that a model tells.
const MOST: usize = 1000;
/// Rows that a tag needs: one to learn from, one to stop by, one to be held out.
const LEAST: usize = 3;

/// Which tags each row has.
#[derive(Debug, Clone, PartialEq)]
pub struct TagSets {
    starts: Vec<usize>,
    tags: Vec<u32>,
    width: usize,
}

/// The tags of a column of text[] that are learned, in order; a notice tells of those that are not.
///
/// # Errors
/// [`Code::Data`] when no tag has rows enough.
pub fn outcome(column: &Column, notices: &mut Vec<String>) -> Result<Outcome> {
    let Values::Labels { levels, .. } = &column.values else { return Err(Error::internal("A target without tags.")) };
    let mut counts = vec![0usize; levels.len()];
    // A tag that stands twice in a row counts once.
    let mut last = vec![usize::MAX; levels.len()];
    for row in 0..column.values.len() {
        for code in column.values.labels(row).iter().filter(|c| **c != MISSING_CODE).map(|c| c.index()) {
            counts[code] += usize::from(std::mem::replace(&mut last[code], row) != row);
        }
    }
    let mut kept: Vec<usize> = (0..levels.len()).filter(|i| counts[*i] >= LEAST).collect();
    kept.sort_unstable_by(|a, b| counts[*b].cmp(&counts[*a]).then(levels[*a].cmp(&levels[*b])));
    kept.truncate(MOST);
    if kept.is_empty() {
        return Err(Error::new(Code::Data, format!("target \"{}\" has no tag to learn", column.name))
            .detail(format!("None of its {} tags stands in {LEAST} rows or more.", levels.len()))
            .hint("Train on a relation in which the rows have their tags."));
    }
    if kept.len() < levels.len() {
        let out: Vec<&str> = (0..levels.len()).filter(|i| !kept.contains(i)).take(3).map(|i| levels[i].as_str()).collect();
        let more = if levels.len() - kept.len() > out.len() { " …" } else { "" };
        let n = levels.len() - kept.len();
        notices.push(format!("{n} rare tags of \"{}\" are not learned: {}{more}", column.name, quoted(&out)));
    }
    let mut names: Vec<String> = kept.into_iter().map(|i| levels[i].clone()).collect();
    names.sort_unstable();
    Ok(Outcome::Tags(names))
}

impl TagSets {
    /// The tags of every row of a column: their places in `names`, others left out.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn new(values: &Values, names: &[String]) -> Result<Self> {
        let places: hash::Map<&str, u32> = names.iter().enumerate().map(|(i, n)| (n.as_str(), i as u32)).collect();
        let Values::Labels { levels, codes, .. } = values else { return Err(Error::internal("Tags of a column without any.")) };
        let place: Vec<Option<u32>> = levels.iter().map(|l| places.get(l.as_str()).copied()).collect();
        let (mut starts, mut tags) = (crate::base::zeros(values.len() + 1)?, Vec::new());
        reserve(&mut tags, codes.len())?;
        for row in 0..values.len() {
            let from = tags.len();
            tags.extend(values.labels(row).iter().filter_map(|c| place.get(c.index()).copied().flatten()));
            tags[from..].sort_unstable();
            let mut end = from;
            for i in from..tags.len() {
                if i == from || tags[i] != tags[end - 1] {
                    tags[end] = tags[i];
                    end += 1;
                }
            }
            tags.truncate(end);
            starts[row + 1] = end;
        }
        Ok(Self { starts, tags, width: names.len() })
    }

    /// The same for the rows `rows`, in that order.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn take(&self, rows: &[u32]) -> Result<Self> {
        let (mut starts, mut tags) = (crate::base::zeros(rows.len() + 1)?, Vec::new());
        reserve(&mut tags, rows.iter().map(|r| self.of(r.index()).len()).sum())?;
        for (i, r) in rows.iter().enumerate() {
            tags.extend_from_slice(self.of(r.index()));
            starts[i + 1] = tags.len();
        }
        Ok(Self { starts, tags, width: self.width })
    }

    /// The tags of a row, ascending.
    pub fn of(&self, row: usize) -> &[u32] {
        &self.tags[self.starts[row]..self.starts[row + 1]]
    }

    /// A run of rows as a network takes them.
    pub fn targets(&self, range: std::ops::Range<usize>) -> nn::Tags<'_> {
        nn::Tags { starts: &self.starts[range.start..=range.end], tags: &self.tags, width: self.width }
    }

    /// Whether each tag is one of those of `row`, in the order of the tags.
    pub fn each(&self, row: usize) -> impl Iterator<Item = bool> {
        let mut there = self.of(row).iter().peekable();
        (0..self.width as u32).map(move |t| there.next_if_eq(&&t).is_some())
    }
}

/// The answer of each row of tags: its place in the frame, NaN for rows without any array.
pub fn answers(values: &Values) -> Vec<f64> {
    (0..values.len()).map(|r| if values.cell(r) == Cell::Missing { f64::NAN } else { r.real() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(rows: &[Option<&[&str]>]) -> Column {
        let (mut ends, mut codes, mut levels) = (Vec::new(), Vec::new(), Vec::<String>::new());
        for row in rows {
            for t in row.unwrap_or_default() {
                let code = levels.iter().position(|l| l == t).unwrap_or_else(|| {
                    levels.push((*t).to_owned());
                    levels.len() - 1
                });
                codes.push(code as u32);
            }
            if row.is_none() {
                codes.push(MISSING_CODE)
            }
            ends.push(codes.len());
        }
        Column { name: "tags".into(), values: Values::Labels { ends, codes, levels } }
    }

    #[test]
    fn tags_are_found_counted_once_a_row_and_rare_ones_left_out() {
        let c = column(&[
            Some(&["b", "a", "b"]),
            Some(&["a"]),
            None,
            Some(&[]),
            Some(&["b", "once"]),
            Some(&["a", "b", "twice"]),
            Some(&["twice", "twice"]),
        ]);
        let mut notices = Vec::new();
        let Outcome::Tags(names) = outcome(&c, &mut notices).unwrap() else { panic!() };
        assert_eq!(names, ["a", "b"]);
        assert_eq!(notices, ["2 rare tags of \"tags\" are not learned: \"once\", \"twice\""]);
        let sets = TagSets::new(&c.values, &names).unwrap();
        assert_eq!(
            (0..7).map(|r| sets.of(r).to_vec()).collect::<Vec<_>>(),
            [vec![0, 1], vec![0], vec![], vec![], vec![1], vec![0, 1], vec![]]
        );
        let some = sets.take(&[4, 0]).unwrap();
        assert_eq!((some.of(0), some.of(1)), (&[1][..], &[0, 1][..]));
        assert_eq!(some.targets(1..2).of(0), [0, 1]);
        assert_eq!(sets.each(4).collect::<Vec<_>>(), [false, true]);
        assert_eq!(answers(&c.values).iter().map(|x| x.is_nan()).collect::<Vec<_>>(), [false, false, true, false, false, false, false]);
    }

    #[test]
    fn a_target_without_tags_teaches_nothing() {
        let e = outcome(&column(&[Some(&["a"]), None, Some(&[])]), &mut Vec::new()).unwrap_err();
        assert_eq!((e.code, e.message.as_str()), (Code::Data, "target \"tags\" has no tag to learn"));
        assert_eq!(e.detail.as_deref(), Some("None of its 1 tags stands in 3 rows or more."));
    }
}
