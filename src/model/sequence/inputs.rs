//! What comes in beside the item of an event: how many of its sequence come after it, how long after the one before it was, the columns of
//! its context. Each is a row of a small table, and they are added.

use crate::base::number::{AsIndex, AsReal};
use crate::dataset::event_context::MOST;
use crate::dataset::{Event, Interactions};

/// The tables, one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// Events of a sequence at most: a row each, the latest first.
    pub length: usize,
    /// Whether gaps of time count.
    pub gaps: bool,
    /// How many codes each column of the events' context has.
    pub context: Vec<usize>,
}

/// Rows of gaps: none known, then by doubling minutes to eight years.
pub const GAPS: usize = 24;

impl Inputs {
    /// For events as `data` has them: gaps where there are times, columns that tell anything.
    pub fn of(data: &Interactions, length: usize) -> Self {
        let context = (0..data.context.len()).map(|c| data.context.codes(c)).collect();
        Self { length, gaps: data.span() > 0, context }
    }

    /// What [`Inputs::from_numbers`] reads.
    pub fn to_numbers(&self) -> Vec<i64> {
        std::iter::once(i64::from(self.gaps)).chain(self.context.iter().map(|n| *n as i64)).collect()
    }

    /// Back from what was stored; none of what is none.
    pub fn from_numbers(length: usize, numbers: &[i64]) -> Option<Self> {
        let (gaps, context) = numbers.split_first()?;
        let codes = |n: &i64| usize::try_from(*n).ok().filter(|n| (1..=u16::MAX.index()).contains(n));
        let context = context.iter().map(codes).collect::<Option<Vec<_>>>()?;
        (length > 0 && matches!(gaps, 0 | 1) && context.len() <= MOST).then_some(Self { length, gaps: *gaps == 1, context })
    }

    /// Rows of all tables.
    pub fn rows(&self) -> usize {
        self.length + if self.gaps { GAPS } else { 0 } + self.context.iter().sum::<usize>()
    }

    /// Rows that an event takes.
    pub fn each(&self) -> usize {
        1 + usize::from(self.gaps) + self.context.len()
    }

    /// Calls `row` for each row of `event`, which came after `before`, with `after` more to come.
    pub fn rows_of(&self, event: &Event, before: Option<&Event>, after: usize, mut row: impl FnMut(usize)) {
        row(after.min(self.length - 1));
        let mut start = self.length;
        if self.gaps {
            row(start + before.map_or(0, |b| gap(event.time.saturating_sub(b.time))));
            start += GAPS;
        }
        for (codes, code) in self.context.iter().zip(event.context) {
            row(start + code.index().min(codes - 1));
            start += codes;
        }
    }
}

/// The row of a gap of so many microseconds: 1 below a minute, one more with each doubling.
fn gap(micros: i64) -> usize {
    const MINUTE: f64 = 6e7;
    let doublings = (micros.max(0).real() / MINUTE + 1.0).log2();
    (1 + doublings as usize).min(GAPS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_a_row_of_each_table() {
        let inputs = Inputs { length: 3, gaps: true, context: vec![4, 3] };
        let event = |minutes: i64, context| Event { context, ..Event::new(minutes * 60_000_000, 0, 1.0) };
        let rows = |e: &Event, before: Option<&Event>, after| {
            let mut rows = Vec::new();
            inputs.rows_of(e, before, after, |r| rows.push(r));
            rows
        };
        assert_eq!((inputs.rows(), inputs.each()), (3 + 24 + 7, 4));
        let first = event(0, [2, 1, 0, 0]);
        assert_eq!(rows(&first, None, 0), [0, 3, 3 + 24 + 2, 3 + 24 + 4 + 1]);
        // What is in no table any more is its last row.
        assert_eq!(rows(&event(0, [9, 9, 9, 9]), Some(&first), 7), [2, 4, 3 + 24 + 3, 3 + 24 + 4 + 2]);
        let gaps = [0, 1, 2, 3, 6, 7, 1440, 525_600 * 9].map(|m| rows(&event(m, [0; 4]), Some(&first), 0)[1] - 3);
        assert_eq!(gaps, [1, 2, 2, 3, 3, 4, 11, 23]);
        assert_eq!(Inputs::from_numbers(3, &inputs.to_numbers()), Some(inputs.clone()));
        for none in [&[][..], &[2], &[1, 0], &[0, -1], &[0, 1 << 40], &[0, 2, 2, 2, 2, 2]] {
            assert_eq!(Inputs::from_numbers(3, none), None);
        }
        // Clocks that go back.
        assert_eq!(rows(&event(-5, [0; 4]), Some(&first), 0)[1], 4);
    }
}
