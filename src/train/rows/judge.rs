//! Figures of a model on rows whose answers are known.

use super::Scorer;
use super::target;
use crate::base::{Context, Result};
use crate::dataset::Frame;
use crate::metric::{Accuracy, Auc, AveragePrecision, Brier, LogLoss, Mae, R2, Rmse, State};
use crate::train::{MetricRow, Outcome};
use ndarray::ArrayView2;
use serde_json::{Map, Value, json};

/// Every figure that the outcome has, for the rows of `scores` whose answer is no NaN.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn figures(outcome: &Outcome, scores: ArrayView2<'_, f64>, answers: &[f64], ctx: &Context<'_>) -> Result<Vec<MetricRow>> {
    let known = || scores.rows().into_iter().zip(answers).filter(|(_, y)| !y.is_nan()).enumerate();
    // Adding is fast, but a table may be long; the sorting behind a figure takes longer than the adding.
    let check = |row: usize| if row.is_multiple_of(1 << 16) { ctx.check() } else { Ok(()) };
    let mut out = Vec::new();
    match outcome {
        Outcome::Binary { .. } => {
            let (mut auc, mut ap, mut loss, mut brier, mut accuracy) =
                (Auc::default(), AveragePrecision::default(), LogLoss::default(), Brier::default(), Accuracy::default());
            for (i, (s, y)) in known() {
                check(i)?;
                let (p, y) = (s[0], *y == 1.0);
                auc.add(p, y)?;
                ap.add(p, y)?;
                loss.add(p, y)?;
                brier.add(p, y)?;
                accuracy.add((p > 0.5) == y);
            }
            push(&mut out, ctx, &loss)?;
            push(&mut out, ctx, &auc)?;
            push(&mut out, ctx, &ap)?;
            push(&mut out, ctx, &brier)?;
            push(&mut out, ctx, &accuracy)?;
        }
        Outcome::Classes(_) => {
            let (mut loss, mut accuracy) = (LogLoss::default(), Accuracy::default());
            for (i, (s, y)) in known() {
                check(i)?;
                // a class that the model does not know has the probability 0
                loss.add(s.get(*y as usize).copied().unwrap_or(0.0).min(1.0), true)?;
                let best = s.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|b| b.0);
                accuracy.add(best == Some(*y as usize));
            }
            push(&mut out, ctx, &loss)?;
            push(&mut out, ctx, &accuracy)?;
        }
        Outcome::Value => {
            let (mut rmse, mut mae, mut r2) = (Rmse::default(), Mae::default(), R2::default());
            for (i, (s, y)) in known() {
                check(i)?;
                rmse.add(s[0], *y);
                mae.add(s[0], *y);
                r2.add(s[0], *y);
            }
            push(&mut out, ctx, &rmse)?;
            push(&mut out, ctx, &mae)?;
            push(&mut out, ctx, &r2)?;
        }
    }
    Ok(out)
}

fn push<S: State>(out: &mut Vec<MetricRow>, ctx: &Context<'_>, s: &S) -> Result<()> {
    ctx.check()?;
    let Some(value) = s.value() else { return Ok(()) };
    let (low, high) = s.interval().map_or((None, None), |(l, h)| (Some(l), Some(h)));
    out.push(MetricRow { baseline: None, metric: S::NAME.into(), k: None, value, low, high, rows: s.rows() });
    Ok(())
}

/// The figure by which versions are compared, higher is better: the first of [`figures`], which is a loss.
pub fn judged(figures: &[MetricRow]) -> Option<f64> {
    figures.first().map(|f| -f.value)
}

/// Figures as a JSON object by name.
pub fn object(figures: &[MetricRow]) -> Map<String, Value> {
    figures.iter().map(|f| (f.metric.clone(), json!(f.value))).collect()
}

/// The figures of a model on all rows of a frame whose target is known; then those of the model without a hidden layer that was
/// trained beside it.
///
/// # Errors
/// As [`Scorer::score_frame`] and [`target::answers`].
pub fn evaluate(scorer: &Scorer, frame: &Frame, target: &str, ctx: &Context<'_>) -> Result<Vec<MetricRow>> {
    let answers = target::answers(frame, target, scorer.outcome())?;
    let mut out = figures(scorer.outcome(), scorer.score_frame(frame, ctx)?.view(), &answers, ctx)?;
    if let Some(simple) = scorer.simple() {
        let name = if *scorer.outcome() == Outcome::Value { "linear" } else { "logistic" };
        let rows = figures(simple.outcome(), simple.score_frame(frame, ctx)?.view(), &answers, ctx)?;
        out.extend(rows.into_iter().map(|r| MetricRow { baseline: Some(name.into()), ..r }));
    }
    Ok(out)
}
