//! What a sequence network learns from: of each user the latest events, each with the one that came next; and those of a step, side by side.

use crate::base::number::AsIndex;
use crate::base::{Context, Result, memory};
use crate::dataset::{Event, Interactions};
use crate::model::sequence::inputs::Inputs;
use std::ops::Range;

/// The users of more than one event: of a single one nothing came next.
#[derive(Debug)]
pub struct Sequences<'a> {
    data: &'a Interactions,
    users: Vec<u32>,
    length: usize,
}

impl<'a> Sequences<'a> {
    /// Of each user the latest `length` events, and the one before them that tells what the first of these came after.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn new(data: &'a Interactions, length: usize, ctx: &Context) -> Result<Self> {
        let mut users = Vec::new();
        for u in 0..data.users.len() as u32 {
            ctx.check_at(u.index())?;
            if data.history(u).len() > 1 {
                memory::reserve_slowly(&mut users, 1)?;
                users.push(u);
            }
        }
        Ok(Self { data, users, length })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// The events of one, oldest first: at least two.
    fn of(&self, sequence: u32) -> &'a [Event] {
        let history = self.data.history(self.users[sequence.index()]);
        &history[history.len().saturating_sub(self.length + 1)..]
    }

    /// Rows of the longest.
    pub fn longest(&self) -> usize {
        (0..self.len() as u32).map(|s| self.of(s).len()).max().unwrap_or(1) - 1
    }
}

/// The sequences of a step: a row an event but each sequence's last, which is what the row before it is to foretell.
#[derive(Debug, Default)]
pub struct Packed {
    /// The item of each row.
    pub items: Vec<u32>,
    /// What came next.
    pub next: Vec<u32>,
    /// The rows of [`Inputs`] of each row, as many of each.
    pub inputs: Vec<u32>,
    /// The rows of each sequence.
    pub rows: Vec<Range<usize>>,
}

impl Packed {
    /// Takes the sequences `of` instead of those it has.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn take(&mut self, all: &Sequences<'_>, inputs: &Inputs, of: &[u32]) -> Result<()> {
        self.items.clear();
        self.next.clear();
        self.inputs.clear();
        self.rows.clear();
        for s in of {
            let events = all.of(*s);
            let (n, start) = (events.len() - 1, self.items.len());
            memory::reserve(&mut self.items, n)?;
            memory::reserve(&mut self.next, n)?;
            memory::reserve(&mut self.inputs, n * inputs.each())?;
            self.items.extend(events[..n].iter().map(|e| e.item));
            self.next.extend(events[1..].iter().map(|e| e.item));
            for (i, e) in events[..n].iter().enumerate() {
                inputs.rows_of(e, i.checked_sub(1).map(|b| &events[b]), n - 1 - i, |row| self.inputs.push(row as u32));
            }
            self.rows.push(start..start + n);
        }
        Ok(())
    }

    /// The sequences in runs of about `rows` rows, whole ones: the places of each run's first and last.
    pub fn shards(&self, rows: usize) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let mut first = 0;
        for (i, r) in self.rows.iter().enumerate() {
            if i > first && r.end - self.rows[first].start > rows {
                out.push(first..i);
                first = i;
            }
        }
        if first < self.rows.len() {
            out.push(first..self.rows.len());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_events::{shelves, with};

    #[test]
    fn a_step_has_each_event_with_what_came_next() {
        let data = shelves(5, 1, 40);
        let all = with(1, |ctx| Sequences::new(&data, 3, ctx)).unwrap();
        let inputs = Inputs::of(&data, 3);
        assert_eq!((all.len(), all.longest(), inputs.each()), (5, 3, 1));
        let mut packed = Packed::default();
        packed.take(&all, &inputs, &[4, 1]).unwrap();
        assert_eq!(packed.rows, [0..3, 3..6]);
        // The latest three that something came after, and it.
        for (rows, user) in packed.rows.iter().zip([4, 1]) {
            let items: Vec<u32> = data.history(user).iter().map(|e| e.item).collect();
            let n = items.len();
            assert_eq!(packed.items[rows.clone()], items[n - 4..n - 1]);
            assert_eq!(packed.next[rows.clone()], items[n - 3..]);
            assert_eq!(packed.inputs[rows.clone()], [2, 1, 0]);
        }
        packed.take(&all, &inputs, &[0, 1, 2, 3, 4]).unwrap();
        assert_eq!(packed.items.len(), 15);
        let shards = |rows| packed.shards(rows).iter().map(Range::len).collect::<Vec<_>>();
        assert_eq!((shards(6), shards(2), shards(100)), (vec![2, 2, 1], vec![1; 5], vec![5]));
    }

    #[test]
    fn who_has_one_event_teaches_nothing() {
        let data = shelves(5, 1, 40);
        let first = with(1, |ctx| data.filter(ctx, |u, at, _| at == 0 || u == 2)).unwrap();
        let all = with(1, |ctx| Sequences::new(&first, 3, ctx)).unwrap();
        assert_eq!((all.len(), all.of(0).len()), (1, 4));
        let none = with(1, |ctx| data.filter(ctx, |_, at, _| at == 0)).unwrap();
        let all = with(1, |ctx| Sequences::new(&none, 3, ctx)).unwrap();
        assert_eq!((all.len(), all.longest()), (0, 0));
    }
}
