//! How much of what is sought stands among the rows that a model puts first.

use super::scores::Scores;
use super::state::Kept;
use crate::base::Result;

/// Points of a curve that are kept.
const POINTS: f64 = 200.0;

/// The scores of rows, from which [`Gain::curve`] is made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gain(Scores);

/// Of the rows in the order of their scores, highest first: which share of the positives is among which share of the rows (cumulative
/// gains).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// (share of the rows, share of the positives), from (0, 0) to (1, 1). Between two points rows of one score share what they have.
    pub points: Vec<(f64, f64)>,
    /// How many rows.
    pub rows: u64,
    /// How many of them are positive.
    pub positives: u64,
}

impl Gain {
    /// Adds a row.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn add(&mut self, score: f64, label: bool) -> Result<()> {
        self.0.add(score, label, 1.0)
    }

    /// The curve; none without a positive row, or where a score is NaN.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn curve(&self) -> Result<Option<Curve>> {
        let (rows, positives) = (Kept::rows(&self.0), self.0.positive.len() as u64);
        if positives == 0 {
            return Ok(None);
        }
        let (n, all) = (rows as f64, positives as f64);
        let (mut seen, mut hits, mut points) = (0.0, 0.0, vec![(0.0, 0.0)]);
        // Rows at the point before, and from which number of rows on the next is kept.
        let (mut before, step) = (0.0, n / POINTS);
        let mut next = step;
        let whole = self.0.walk(|negative, positive| {
            let here = (seen / n, hits / all);
            seen += negative + positive;
            hits += positive;
            if seen < next && seen < n {
                return;
            }
            // Where many rows have one score, the line begins where they do.
            if here.0 * n > before && negative + positive >= step {
                points.push(here);
            }
            points.push((seen / n, hits / all));
            (before, next) = (seen, seen + step);
        })?;
        Ok(whole.then_some(Curve { points, rows, positives }))
    }
}

impl Curve {
    /// The share of the positives among this share of the rows.
    pub fn at(&self, share: f64) -> f64 {
        let behind = self.points.partition_point(|p| p.0 < share);
        match (behind.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(behind)) {
            (Some(a), Some(b)) if b.0 > a.0 => a.1 + (b.1 - a.1) * (share - a.0) / (b.0 - a.0),
            (_, Some(b)) => b.1,
            (a, None) => a.map_or(0.0, |a| a.1),
        }
    }

    /// How many times as many positives are among this share of the rows, the first by score, as among as many at random.
    pub fn lift(&self, share: f64) -> f64 {
        if share > 0.0 { self.at(share) / share } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_order_finds_all_first() {
        let mut g = Gain::default();
        (0..1000).for_each(|i| g.add(f64::from(i), i >= 900).unwrap());
        let c = g.curve().unwrap().unwrap();
        assert_eq!((c.rows, c.positives), (1000, 100));
        assert!((c.at(0.1) - 1.0).abs() < 1e-9 && (c.lift(0.1) - 10.0).abs() < 1e-6 && (c.at(0.05) - 0.5).abs() < 1e-9);
        assert_eq!((c.points.first(), c.points.last()), (Some(&(0.0, 0.0)), Some(&(1.0, 1.0))));
        assert!(c.points.len() <= 202);
    }

    #[test]
    fn one_score_for_all_is_chance() {
        let mut g = Gain::default();
        (0..100).for_each(|i| g.add(0.5, i % 4 == 0).unwrap());
        let c = g.curve().unwrap().unwrap();
        assert_eq!(c.points, [(0.0, 0.0), (1.0, 1.0)]);
        assert_eq!((c.at(0.3), c.lift(0.5), c.lift(0.0)), (0.3, 1.0, 0.0));
    }

    #[test]
    fn by_hand_with_ties() {
        let mut g = Gain::default();
        for (score, label) in [(0.9, true), (0.8, false), (0.8, true), (0.1, false)] {
            g.add(score, label).unwrap();
        }
        assert_eq!(g.curve().unwrap().unwrap().points, [(0.0, 0.0), (0.25, 0.5), (0.75, 1.0), (1.0, 1.0)]);
        g.add(f64::NAN, true).unwrap();
        assert_eq!((g.curve().unwrap(), Gain::default().curve().unwrap()), (None, None));
    }

    #[test]
    fn a_run_of_one_score_begins_where_it_does() {
        let mut g = Gain::default();
        // A hundred rows of scores of their own, among them each second positive, and then one score for 900.
        (0..100).for_each(|i| g.add(1000.0 - f64::from(i), i % 2 == 0).unwrap());
        (0..900).for_each(|_| g.add(0.0, false).unwrap());
        let c = g.curve().unwrap().unwrap();
        assert!(c.at(0.1) > 0.999 && c.at(0.55) > 0.999, "{:?}", c.points);
    }
}
