//! Has a generator learned its training rows by heart? Its rows should be no nearer to them than rows that it never saw.

use crate::base::number::AsReal;
use crate::base::{Context, Result};
use crate::dataset::mixed::{Layout, MixedRows, score};

/// Rows of each sort that are looked up at most, and training rows that they are held against.
const ASKED: usize = 1000;
const AGAINST: usize = 20_000;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// The median distance of a generated row to the nearest training row, over that of a held-out row: 1 or more where nothing was learned
    /// by heart.
    pub ratio: f64,
    /// The share of generated rows that are a training row in every column.
    pub copies: f64,
    /// The same share of held-out rows.
    pub held_copies: f64,
}

/// Compares how near `made` and `held` rows are to those of `train`. None without rows of each.
///
/// The distance is that of the normal scores, a category of another level counting as two.
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn nearest(layout: &Layout, train: &MixedRows, made: &MixedRows, holdout: &MixedRows, ctx: &Context<'_>) -> Result<Option<Nearest>> {
    if train.is_empty() || made.is_empty() || holdout.is_empty() {
        return Ok(None);
    }
    let known = scores(train, AGAINST);
    let of = |rows: &MixedRows| -> Result<(f64, f64)> {
        let own = scores(rows, ASKED);
        let count = rows.len().min(ASKED);
        let mut found = vec![0.0f32; count];
        ctx.pool.each_mut(&mut found, |r, out| {
            if ctx.check().is_ok() {
                *out = closest(layout, (train, &known), (rows, &own), r)
            }
        });
        ctx.check()?;
        found.sort_unstable_by(f32::total_cmp);
        let copies = found.iter().filter(|d| **d < 1e-9).count().real() / count.real();
        Ok((f64::from(found[count / 2]).sqrt(), copies))
    };
    let ((made, copies), (holdout, held_copies)) = (of(made)?, of(holdout)?);
    let ratio = if holdout > 0.0 { made / holdout } else { 1.0 };
    Ok(Some(Nearest { ratio, copies, held_copies }))
}

/// The normal scores of the first rows, at the middle of their ranks.
fn scores(rows: &MixedRows, most: usize) -> Vec<f32> {
    let width = rows.ranks.len() / rows.len().max(1);
    rows.ranks.iter().take(most * width).map(|[low, high]| score(0.5 * (low + high))).collect()
}

/// The squared distance of row `r` of `rows` to the nearest of `train`, each with their scores.
fn closest(layout: &Layout, (train, known): (&MixedRows, &[f32]), (rows, own): (&MixedRows, &[f32]), r: usize) -> f32 {
    let (n, b) = (layout.numbers, layout.blocks.len());
    let (x, l) = (&own[r * n..][..n], &rows.levels[r * b..][..b]);
    let mut best = f32::INFINITY;
    for t in 0..train.len().min(AGAINST) {
        let mut d: f32 = known[t * n..][..n].iter().zip(x).map(|(a, b)| (a - b) * (a - b)).sum();
        d += 2.0 * train.levels[t * b..][..b].iter().zip(l).filter(|(a, b)| a != b).count().single();
        if layout.condition > 0 && train.conditions[t] != rows.conditions[r] {
            d += 2.0;
        }
        best = best.min(d);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};

    fn rows(n: usize, seed: u64) -> MixedRows {
        let mut rng = Rng::new(seed);
        let mut out = MixedRows::default();
        for _ in 0..n {
            out.ranks.extend((0..3).map(|_| [rng.uniform_f32(); 2]));
            out.levels.push(rng.below(3) as u32);
            out.conditions.push(rng.below(2) as u32);
        }
        out
    }

    #[test]
    fn copies_are_found_out() {
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
        let layout = Layout { numbers: 3, blocks: vec![3], condition: 2 };
        let (train, holdout) = (rows(800, 1), rows(300, 2));
        let honest = nearest(&layout, &train, &rows(400, 3), &holdout, &ctx).unwrap().unwrap();
        assert!((honest.ratio - 1.0).abs() < 0.15 && honest.copies == 0.0, "{honest:?}");
        let copied = nearest(&layout, &train, &train, &holdout, &ctx).unwrap().unwrap();
        assert_eq!((copied.ratio, copied.copies, copied.held_copies), (0.0, 1.0, 0.0));
        assert!(nearest(&layout, &train, &MixedRows::default(), &holdout, &ctx).unwrap().is_none());
    }
}
