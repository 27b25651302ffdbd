//! What figures hide: whether probabilities come true, where classes are mixed up, how numbers go astray, and what the model goes by.

use super::importance::{Importances, importances};
use super::tags::TagSets;
use crate::base::{Context, Result, memory};
use crate::dataset::Frame;
use crate::metric::calibration::Calibration;
use crate::metric::confusion::Confusion;
use crate::metric::gain::{Curve, Gain};
use crate::metric::predicted_actual::PredictedActual;
use crate::serve::scorer::Scorer;
use crate::serve::{Outcome, outcome};
use ndarray::ArrayView2;

/// A model on rows, for people to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// What the model predicts.
    pub outcome: Outcome,
    /// Of two classes the probability of the positive one; of several that of the likeliest, and whether it was right; of tags each one's
    /// of each row.
    pub calibration: Option<Calibration>,
    /// How much of the positive class stands in front; for two classes.
    pub gain: Option<Curve>,
    /// By class: as they are chosen where rows are served.
    pub confusion: Option<Confusion>,
    /// From which probability on a row of two classes is said to be positive.
    pub threshold: Option<f64>,
    /// For numbers.
    pub numbers: Option<PredictedActual>,
    /// What the model goes by.
    pub importances: Importances,
}

/// Looks at rows of `frame`, some scored by each of `parts`, whose `scores` stand one below the other.
///
/// # Errors
/// As [`importances`].
pub fn diagnose(
    parts: &[(&Scorer, &[u32])],
    frame: &Frame,
    scores: ArrayView2<'_, f64>,
    (answers, tags): (&[f64], Option<&TagSets>),
    ctx: &Context<'_>,
) -> Result<Diagnosis> {
    let outcome = parts.first().map_or(&Outcome::Value, |(s, _)| s.outcome());
    let weights = parts.first().map_or(&[][..], |(s, _)| s.class_weights());
    let mut out = Diagnosis {
        outcome: outcome.clone(),
        calibration: None,
        gain: None,
        confusion: None,
        threshold: None,
        numbers: None,
        importances: importances(parts, frame, (answers, tags), ctx)?,
    };
    // The scores of two classes are put in order, and so are pairs of numbers.
    let _held = ctx.budget.take(scores.nrows().saturating_mul(32), "The scores")?;
    let rows = || parts.iter().flat_map(|(_, rows)| rows.iter().map(|r| *r as usize));
    let known = || scores.rows().into_iter().zip(rows()).map(|(s, r)| (s, r, answers[r])).filter(|x| !x.2.is_nan()).enumerate();
    let check = |row: usize| if row.is_multiple_of(1 << 14) { ctx.check() } else { Ok(()) };
    let (mut calibration, mut gain) = (Calibration::default(), Gain::default());
    match outcome {
        Outcome::Binary { .. } => {
            let mut confusion = Confusion::new(2)?;
            for (i, (s, _, y)) in known() {
                check(i)?;
                let (p, y) = (s[0], y == 1.0);
                calibration.add(p, y)?;
                gain.add(p, y)?;
                confusion.add(usize::from(y), usize::from(outcome.is_positive(p, weights)));
            }
            out.gain = gain.curve()?;
            out.confusion = Some(confusion);
            out.threshold = Some(if let [negative, positive] = weights { negative / (negative + positive) } else { 0.5 });
        }
        Outcome::Classes(_) => {
            let mut confusion = Confusion::new(outcome.width())?;
            for (i, (s, _, y)) in known() {
                check(i)?;
                let likeliest = outcome::best(s.iter().copied(), &[]);
                calibration.add(s[likeliest].clamp(0.0, 1.0), likeliest == y as usize)?;
                confusion.add(y as usize, outcome::best(s.iter().copied(), weights));
            }
            out.confusion = Some(confusion);
        }
        Outcome::Value => {
            let mut pairs = Vec::new();
            memory::reserve(&mut pairs, scores.nrows())?;
            for (i, (s, _, y)) in known() {
                check(i)?;
                pairs.push((s[0], y));
            }
            out.numbers = PredictedActual::of(pairs);
        }
        Outcome::Tags(_) => {
            for (i, (s, r, _)) in known() {
                check(i * outcome.width())?;
                for (p, there) in s.iter().zip(tags.into_iter().flat_map(|t| t.each(r))) {
                    calibration.add(*p, there)?;
                }
            }
        }
    }
    out.calibration = Some(calibration).filter(|c| c.rows() > 0);
    Ok(out)
}
