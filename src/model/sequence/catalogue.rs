//! The items as a network sees them: each the sum of a row of its own and one of each of its attributes' groups, so that rare items share
//! what their category or maker has learned.

use crate::base::number::AsIndex;
use crate::dataset::{Attribute, MISSING_CODE};
use crate::kernel::axpy;

/// The items' rows and, after these, the groups'.
#[derive(Debug, Clone)]
pub struct Catalogue<'a> {
    items: usize,
    /// Each with the place of its first group's row.
    attributes: Vec<(usize, &'a Attribute)>,
    rows: usize,
}

impl<'a> Catalogue<'a> {
    /// Of so many items with these attributes.
    pub fn new(items: usize, attributes: &'a [Attribute]) -> Self {
        let mut rows = items;
        let place = |a: &'a Attribute| {
            let first = rows;
            rows += a.groups;
            (first, a)
        };
        let attributes = attributes.iter().map(place).collect();
        Self { items, attributes, rows }
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Rows of all tables.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows whose sum `item` is: at most `1 + attributes`.
    pub fn rows_of(&self, item: u32) -> impl Iterator<Item = usize> + '_ {
        let group = move |(first, a): &(usize, &Attribute)| {
            let group = a.of[item.index()];
            (group != MISSING_CODE).then(|| first + group.index())
        };
        std::iter::once(item.index()).chain(self.attributes.iter().filter_map(group))
    }

    /// `out` ← the sum of the rows of `item` in `table`, whose rows are as wide as `out`.
    pub fn gather(&self, table: &[f32], item: u32, out: &mut [f32]) {
        let width = out.len();
        out.copy_from_slice(&table[item.index() * width..][..width]);
        for row in self.rows_of(item).skip(1) {
            axpy(1.0, &table[row * width..][..width], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_the_sum_of_its_rows() {
        let attributes = [
            Attribute { name: "maker".into(), groups: 2, of: vec![1, MISSING_CODE, 0] },
            Attribute { name: "price".into(), groups: 2, of: vec![0, 0, MISSING_CODE] },
        ];
        let c = Catalogue::new(3, &attributes);
        assert_eq!((c.items(), c.rows()), (3, 7));
        let rows = |item| c.rows_of(item).collect::<Vec<_>>();
        assert_eq!((rows(0), rows(1), rows(2)), (vec![0, 4, 5], vec![1, 5], vec![2, 3]));
        let table: Vec<f32> = (0..7).flat_map(|r| [r as f32, 10.0]).collect();
        let mut out = [0.0; 2];
        c.gather(&table, 0, &mut out);
        assert_eq!(out, [9.0, 30.0]);
        c.gather(&table, 2, &mut out);
        assert_eq!(out, [5.0, 20.0]);
    }
}
