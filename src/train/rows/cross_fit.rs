//! Whether a calibration is worth having: fitted on all parts of the rows but one and evaluated on that one, in turns; where the log loss
//! of the parts is not lower with it, there is none. (Groups make the difference: fitted on some groups, a line through the logits may be
//! wrong for the others.)

use super::tags::TagSets;
use crate::base::{Context, Result};
use crate::serve::Outcome;
use crate::serve::calibration::Calibration;
use ndarray::{ArrayView1, ArrayView2};

/// Rows with what networks said of them that did not learn from them, and the answers.
#[derive(Debug, Clone, Copy)]
pub struct Unseen<'a> {
    /// Rows × outputs.
    pub logits: ArrayView2<'a, f64>,
    /// One a row, as in [`super::target::answers`].
    pub answers: &'a [f64],
    /// For tags: the sets that answers point at.
    pub tags: Option<&'a TagSets>,
}

/// Pairs of a row and a tag that probabilities of tags are calibrated on, at most.
const PAIRS: usize = 500_000;

/// The calibration from all rows, and for each part the one from the rows of the others; all of them neutral where calibration does not
/// pay. `part` says to which of `parts` parts a row belongs.
///
/// # Errors
/// [`crate::base::Code::Cancelled`].
pub fn cross_fit(
    outcome: &Outcome,
    rows: Unseen<'_>,
    (parts, part): (usize, impl Fn(usize) -> usize),
    ctx: &Context<'_>,
) -> Result<(Calibration, Vec<Calibration>)> {
    let neutral = (Calibration::default(), vec![Calibration::default(); parts]);
    if *outcome == Outcome::Value || rows.answers.is_empty() {
        return Ok(neutral);
    }
    let (mut own, mut before, mut after) = (Vec::new(), 0.0, 0.0);
    for p in 0..parts {
        let c = of(outcome, rows, &|i| part(i) != p, ctx)?;
        before += loss(outcome, rows, &Calibration::default(), &|i| part(i) == p, ctx)?;
        after += loss(outcome, rows, &c, &|i| part(i) == p, ctx)?;
        own.push(c);
    }
    if after >= before {
        return Ok(neutral);
    }
    Ok((of(outcome, rows, &|_| true, ctx)?, own))
}

fn step(outcome: &Outcome, rows: Unseen<'_>) -> usize {
    match outcome {
        Outcome::Tags(names) => rows.answers.len().div_ceil((PAIRS / names.len().max(1)).max(1)).max(1),
        _ => 1,
    }
}

/// The calibration from the rows that `take` takes.
fn of(outcome: &Outcome, rows: Unseen<'_>, take: &dyn Fn(usize) -> bool, ctx: &Context<'_>) -> Result<Calibration> {
    ctx.check()?;
    let (mut z, mut y) = (Vec::new(), Vec::new());
    for i in (0..rows.answers.len()).step_by(step(outcome, rows)).filter(|i| take(*i)) {
        z.extend(rows.logits.row(i));
        match rows.tags {
            Some(tags) => y.extend(tags.each(rows.answers[i] as usize).map(|there| f64::from(u8::from(there)))),
            None => y.push(rows.answers[i]),
        }
    }
    Ok(match outcome {
        Outcome::Classes(names) => Calibration::classes(&z, names.len(), &y),
        _ => Calibration::binary(&z, &y),
    })
}

/// The sum of the log losses of the rows that `take` takes, calibrated by `c`.
fn loss(outcome: &Outcome, rows: Unseen<'_>, c: &Calibration, take: &dyn Fn(usize) -> bool, ctx: &Context<'_>) -> Result<f64> {
    ctx.check()?;
    let binary = |z: f64, yes: bool| {
        let p = c.probability(z);
        -(if yes { p } else { 1.0 - p }).max(f64::MIN_POSITIVE).ln()
    };
    let mut p = vec![0.0; outcome.width()];
    let mut one = |z: ArrayView1<'_, f64>, y: f64| match (outcome, rows.tags) {
        (Outcome::Tags(_), Some(tags)) => z.iter().zip(tags.each(y as usize)).map(|(z, there)| binary(*z, there)).sum(),
        (Outcome::Classes(_), _) => {
            c.probabilities(z.iter().copied(), &mut p);
            -p.get(y as usize).copied().unwrap_or(0.0).max(f64::MIN_POSITIVE).ln()
        }
        _ => binary(z[0], y == 1.0),
    };
    let taken = (0..rows.answers.len()).step_by(step(outcome, rows)).filter(|i| take(*i));
    Ok(taken.map(|i| one(rows.logits.row(i), rows.answers[i])).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};
    use crate::serve::calibration::sigmoid;
    use ndarray::Array2;

    const TWO: fn() -> Outcome = || Outcome::Binary { negative: "no".into(), positive: "yes".into() };

    fn run(z: &[f64], y: &[f64], parts: usize, part: impl Fn(usize) -> usize) -> (Calibration, Vec<Calibration>) {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let logits = Array2::from_shape_vec((z.len(), 1), z.to_vec()).unwrap();
        cross_fit(&TWO(), Unseen { logits: logits.view(), answers: y, tags: None }, (parts, part), &ctx).unwrap()
    }

    #[test]
    fn a_calibration_that_pays_is_kept_and_parts_do_not_calibrate_themselves() {
        let mut r = Rng::new(3);
        let z: Vec<f64> = (0..4000).map(|_| r.normal()).collect();
        let y: Vec<f64> = z.iter().map(|z| f64::from(u8::from(r.uniform() < sigmoid(*z)))).collect();
        let loud: Vec<f64> = z.iter().map(|z| 3.0 * z).collect();
        let (all, own) = run(&loud, &y, 4, |i| i % 4);
        assert!((all.slope - 1.0 / 3.0).abs() < 0.05, "{all:?}");
        assert!(own.len() == 4 && own.iter().all(|c| (c.slope - 1.0 / 3.0).abs() < 0.08 && *c != all), "{own:?}");
    }

    #[test]
    fn one_that_is_wrong_for_other_parts_is_not_applied() {
        // Two groups of opposite frequencies, the same logits: what one group teaches is wrong for the other.
        let z = vec![0.0; 2000];
        let y: Vec<f64> = (0..2000).map(|i| f64::from(u8::from((i < 1000) == (i % 10 < 9)))).collect();
        assert_eq!(run(&z, &y, 2, |i| i / 1000), (Calibration::default(), vec![Calibration::default(); 2]));
        // as one population, the shift is learned: nine tenths of the first half
        let (all, _) = run(&z[..1000], &y[..1000], 2, |i| i % 2);
        assert!(all.shift > 1.5, "{all:?}");
        assert_eq!(run(&[], &[], 2, |_| 0).0, Calibration::default());
    }
}
