//! Which class was predicted for rows of which.

use crate::base::{Result, zeros};

/// Counts of rows by their true class and the predicted one. True classes that the model does not know count as one more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Confusion {
    classes: usize,
    /// (classes + 1) × classes: a line for each true class.
    counts: Vec<u64>,
}

impl Confusion {
    /// No rows yet.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(classes: usize) -> Result<Self> {
        Ok(Self { classes, counts: zeros(classes.saturating_add(1).saturating_mul(classes))? })
    }

    /// Adds a row. A true class from [`Confusion::classes`] on is one that the model does not know.
    pub fn add(&mut self, actual: usize, predicted: usize) {
        if predicted < self.classes
            && let Some(n) = self.counts.get_mut(actual.min(self.classes) * self.classes + predicted)
        {
            *n += 1
        }
    }

    /// How many classes the model knows.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Rows of class `actual` for which `predicted` was.
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        if predicted < self.classes { self.counts.get(actual * self.classes + predicted).copied().unwrap_or(0) } else { 0 }
    }

    /// Rows of class `actual`.
    pub fn of(&self, actual: usize) -> u64 {
        (0..self.classes).map(|p| self.count(actual, p)).sum()
    }

    /// Rows for which `predicted` was.
    pub fn told(&self, predicted: usize) -> u64 {
        (0..=self.classes).map(|a| self.count(a, predicted)).sum()
    }

    /// The share of the rows of a class that is told rightly; none without any.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.of(class))
    }

    /// The share of the rows for which a class is predicted that are of it; none without any.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.told(class))
    }

    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The `most` classes of most rows, in their order.
    pub fn frequent(&self, most: usize) -> Vec<usize> {
        let mut all: Vec<(u64, usize)> = (0..self.classes).map(|c| (self.of(c), c)).collect();
        all.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(most);
        let mut kept: Vec<usize> = all.into_iter().map(|c| c.1).collect();
        kept.sort_unstable();
        kept
    }
}

fn share(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let mut c = Confusion::new(3).unwrap();
        // Class 3 is none that the model knows; a prediction of a class that there is not, no row.
        for (actual, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1), (2, 1), (2, 2), (2, 2), (2, 2), (3, 0), (9, 0), (0, 3)] {
            c.add(actual, predicted);
        }
        assert_eq!((c.count(0, 0), c.count(0, 1), c.count(2, 1), c.count(3, 0), c.count(1, 2)), (2, 1, 1, 2, 0));
        assert_eq!(((0..4).map(|a| c.of(a)).collect::<Vec<_>>(), c.rows()), (vec![3, 1, 4, 2], 10));
        assert_eq!((c.recall(0), c.recall(2), c.recall(3)), (Some(2.0 / 3.0), Some(0.75), Some(0.0)));
        assert_eq!((c.precision(0), c.precision(1), c.precision(2)), (Some(0.5), Some(1.0 / 3.0), Some(1.0)));
        assert_eq!((c.frequent(2), c.frequent(9)), (vec![0, 2], vec![0, 1, 2]));
        let none = Confusion::new(2).unwrap();
        assert_eq!((none.recall(0), none.precision(1), none.rows()), (None, None, 0));
    }
}
