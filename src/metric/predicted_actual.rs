//! Predicted numbers beside the true ones.

/// Cells of the picture across and up.
const CELLS: usize = 40;
/// Groups of rows of equal size, by what was predicted.
const GROUPS: usize = 10;
/// The share of the rows at either end that a picture need not show: a single outlier would press all others into a corner.
const CUT: f64 = 0.005;

/// Rows of one cell of the picture, at their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// The mean of what was predicted.
    pub predicted: f64,
    /// The mean of what was true.
    pub actual: f64,
    /// How many rows.
    pub rows: u64,
}

/// What a plot of predicted against true numbers shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PredictedActual {
    /// Cells that have rows, in [`Self::from`] to [`Self::to`].
    pub dots: Vec<Dot>,
    /// Ten groups of equal size by what was predicted, from low to high; fewer where predictions are the same.
    pub groups: Vec<Dot>,
    /// Where both axes begin.
    pub from: f64,
    /// Where both axes end.
    pub to: f64,
    /// Rows outside of that.
    pub outside: u64,
}

impl PredictedActual {
    /// Of (predicted, true); such as are not finite do not count. None without rows.
    pub fn of(mut pairs: Vec<(f64, f64)>) -> Option<Self> {
        pairs.retain(|p| p.0.is_finite() && p.1.is_finite());
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (first, last) = ends(pairs.iter().map(|p| p.0))?;
        let mut actual: Vec<f64> = pairs.iter().map(|p| p.1).collect();
        actual.sort_unstable_by(f64::total_cmp);
        let (low, high) = ends(actual.into_iter())?;
        let (from, to) = (first.min(low), last.max(high));
        let mut cells = vec![(0u64, 0.0, 0.0); CELLS * CELLS];
        let mut outside = 0;
        let place = |x: f64| (0..CELLS - 1).take_while(|i| (x - from) * CELLS as f64 >= (to - from) * (i + 1) as f64).count();
        for &(p, y) in &pairs {
            if !(from..=to).contains(&p) || !(from..=to).contains(&y) {
                outside += 1;
                continue;
            }
            let cell = &mut cells[place(p) + CELLS * place(y)];
            *cell = (cell.0 + 1, cell.1 + p, cell.2 + y);
        }
        let dot = |(n, p, y): &(u64, f64, f64)| Dot { predicted: p / *n as f64, actual: y / *n as f64, rows: *n };
        let dots = cells.iter().filter(|c| c.0 > 0).map(dot).collect();
        Some(Self { dots, groups: groups(&pairs), from, to, outside })
    }
}

/// The values between which all but [`CUT`] at either end lie; none without any.
fn ends(sorted: impl ExactSizeIterator<Item = f64> + DoubleEndedIterator + Clone) -> Option<(f64, f64)> {
    let skip = (CUT * sorted.len() as f64).floor() as usize;
    Some((sorted.clone().nth(skip)?, sorted.rev().nth(skip)?))
}

/// Groups of rows that follow each other; rows of one prediction stay together.
fn groups(pairs: &[(f64, f64)]) -> Vec<Dot> {
    let (mut out, mut start) = (Vec::new(), 0);
    for g in 1..=GROUPS {
        let mut end = pairs.len() * g / GROUPS;
        while end > start && end < pairs.len() && pairs[end].0 == pairs[end - 1].0 {
            end += 1;
        }
        if end <= start {
            continue;
        }
        let n = (end - start) as f64;
        let (p, y) = pairs[start..end].iter().fold((0.0, 0.0), |sum, x| (sum.0 + x.0 / n, sum.1 + x.1 / n));
        out.push(Dot { predicted: p, actual: y, rows: (end - start) as u64 });
        start = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_predictions_are_on_the_diagonal() {
        let p = PredictedActual::of((0..1000).map(|i| (f64::from(i), f64::from(i))).collect()).unwrap();
        assert!(p.dots.iter().chain(&p.groups).all(|d| (d.predicted - d.actual).abs() < 1e-9));
        assert_eq!((p.groups.len(), p.groups[0].rows, p.dots.len()), (10, 100, CELLS));
        assert_eq!((p.from, p.to, p.outside), (5.0, 994.0, 10));
        assert_eq!(p.dots.iter().map(|d| d.rows).sum::<u64>() + p.outside, 1000);
    }

    #[test]
    fn outliers_and_what_is_no_number_do_not_set_the_scale() {
        let mut pairs: Vec<(f64, f64)> = (0..400).map(|i| (f64::from(i % 20), f64::from(i % 20) + 1.0)).collect();
        pairs.extend([(1e12, 3.0), (f64::NAN, 1.0), (2.0, f64::INFINITY)]);
        let p = PredictedActual::of(pairs).unwrap();
        assert_eq!((p.from, p.to, p.outside), (0.0, 20.0, 1));
        assert!(p.groups.iter().take(9).all(|d| (d.actual - d.predicted - 1.0).abs() < 1e-9), "{:?}", p.groups);
        assert_eq!(PredictedActual::of(vec![(f64::NAN, 1.0)]), None);
    }

    #[test]
    fn one_prediction_for_all_is_one_group() {
        let p = PredictedActual::of((0..50).map(|i| (7.0, f64::from(i % 2))).collect()).unwrap();
        assert_eq!(p.groups, [Dot { predicted: p.groups[0].predicted, actual: p.groups[0].actual, rows: 50 }]);
        assert!((p.groups[0].actual - 0.5).abs() < 1e-9 && p.dots.len() == 2);
        let flat = PredictedActual::of(vec![(3.0, 3.0); 4]).unwrap();
        assert_eq!((flat.from, flat.to, flat.dots.len()), (3.0, 3.0, 1));
    }
}
