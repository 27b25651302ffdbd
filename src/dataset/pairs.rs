//! Interactions without their repeats: a sparse matrix of distinct (user, item) pairs, by either side.

use crate::base::number::AsIndex;
use crate::base::{Context, Result, memory, zeros};
use crate::dataset::Interactions;

/// A sparse matrix by rows: the distinct columns of each row with a value in (0, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Row `r` is `offsets[r] .. offsets[r + 1]` of the others.
    pub offsets: Vec<usize>,
    /// Columns.
    pub columns: Vec<u32>,
    /// The pair's heaviest event over the heaviest of all: 1 throughout where events have no weights.
    pub values: Vec<f32>,
    width: usize,
}

impl Pairs {
    /// Users by items; each user's items in the order of their latest events, of which the last `limit` are kept.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn by_user(data: &Interactions, limit: usize, ctx: &Context) -> Result<Self> {
        let heaviest = data.heaviest();
        let mut seen: Vec<u32> = zeros(data.items.len())?;
        let mut place: Vec<u32> = zeros(data.items.len())?;
        let mut pairs = Self { offsets: vec![0], columns: Vec::new(), values: Vec::new(), width: data.items.len() };
        for u in 0..data.users.len() as u32 {
            ctx.check_at(u.index())?;
            let start = pairs.columns.len();
            // Newest first, so that an item stands at its latest event; `seen` holds user + 1.
            for e in data.history(u).iter().rev() {
                let (i, value) = (e.item.index(), e.weight / heaviest);
                if seen[i] == u + 1 {
                    if let Some(v) = pairs.values.get_mut(start + place[i].index()) {
                        *v = v.max(value);
                    }
                } else if pairs.columns.len() - start < limit {
                    seen[i] = u + 1;
                    place[i] = (pairs.columns.len() - start) as u32;
                    memory::reserve_slowly(&mut pairs.columns, 1)?;
                    memory::reserve_slowly(&mut pairs.values, 1)?;
                    pairs.columns.push(e.item);
                    pairs.values.push(value);
                }
            }
            pairs.columns[start..].reverse();
            pairs.values[start..].reverse();
            pairs.offsets.push(pairs.columns.len());
        }
        Ok(pairs)
    }

    /// The transpose; each row's columns ascending.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn transpose(&self, ctx: &Context) -> Result<Self> {
        let mut offsets: Vec<usize> = zeros(self.width + 1)?;
        self.columns.iter().for_each(|&c| offsets[c.index() + 1] += 1);
        (1..offsets.len()).for_each(|i| offsets[i] += offsets[i - 1]);
        let mut next = offsets.clone();
        let mut columns: Vec<u32> = zeros(self.columns.len())?;
        let mut values: Vec<f32> = zeros(self.columns.len())?;
        for r in 0..self.rows() {
            ctx.check_at(r)?;
            for (c, v) in self.row(r) {
                columns[next[c.index()]] = r as u32;
                values[next[c.index()]] = v;
                next[c.index()] += 1;
            }
        }
        Ok(Self { offsets, columns, values, width: self.rows() })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The columns of row `r` with their values.
    pub fn row(&self, r: usize) -> impl DoubleEndedIterator<Item = (u32, f32)> + '_ {
        let at = self.offsets[r]..self.offsets[r + 1];
        self.columns[at.clone()].iter().copied().zip(self.values[at].iter().copied())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.offsets.len() * 8 + self.columns.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Context, Pool, Quiet};
    use crate::dataset::{Column, EventColumns, Frame, IdKind, Values};

    #[test]
    fn repeats_collapse_at_their_latest_event() {
        let levels: Vec<String> = ["0", "1", "2"].iter().map(|s| (*s).to_owned()).collect();
        let category =
            |name: &str, codes: Vec<u32>| Column { name: name.into(), values: Values::Category { codes, levels: levels.clone() } };
        let frame = Frame::new(vec![
            category("u", vec![0, 0, 0, 1, 0]),
            category("i", vec![0, 1, 0, 1, 2]),
            Column { name: "t".into(), values: Values::Time(vec![1, 2, 3, 1, 0]) },
            Column { name: "w".into(), values: Values::Real(vec![4.0, 2.0, 1.0, 1.0, 1.0]) },
        ])
        .unwrap();
        let columns = EventColumns {
            user: "u".into(),
            item: "i".into(),
            time: Some("t".into()),
            weight: Some("w".into()),
            ..EventColumns::default()
        };
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let (data, _) = Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, &ctx).unwrap();
        let p = Pairs::by_user(&data, 10, &ctx).unwrap();
        assert_eq!(p.row(0).collect::<Vec<_>>(), [(2, 0.25), (1, 0.5), (0, 1.0)]);
        assert_eq!(Pairs::by_user(&data, 2, &ctx).unwrap().row(0).map(|x| x.0).collect::<Vec<_>>(), [1, 0]);
        let t = p.transpose(&ctx).unwrap();
        assert_eq!((t.rows(), t.row(1).collect::<Vec<_>>()), (3, vec![(0, 0.5), (1, 0.25)]));
    }
}
