//! A model judged on the rows of a relation, in which rows that taught it do not count as if it had never seen them.

use super::scorer::score_parts;
use super::tags::TagSets;
use super::{Scorer, judge, target};
use crate::base::{Context, Result};
use crate::dataset::Frame;
use crate::train::MetricRow;

/// Rows of which more than this share is known are not fresh: chance would find none.
const FRESH: f64 = 0.05;
/// From this share on a relation is taken as that of the training, as it is now.
const MOSTLY: f64 = 0.5;

/// Figures of a model, those of the model without a hidden layer that was trained beside it, and what is to be said of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The model's own first.
    pub figures: Vec<MetricRow>,
    /// Where some of the rows taught the model: how they were judged, or that they were not left out.
    pub notice: Option<String>,
}

/// The figures of a model on the rows of a frame whose target is known. Of the relation that taught it, the held-out rows judge, each by networks that
/// did not learn from it; with `all_rows` every row judges, by the model as it serves. Of tags, lists of `k` are judged beside the usual ones.
///
/// # Errors
/// As [`Scorer::score_frame`] and [`target::answers`].
pub fn evaluate(
    scorer: &Scorer,
    frame: &Frame,
    (target, k, all_rows): (&str, Option<usize>, bool),
    ctx: &Context<'_>,
) -> Result<Evaluated> {
    let outcome = scorer.outcome();
    let answers = target::answers(frame, target, outcome)?;
    let tags = target::tags(frame, target, outcome)?;
    let known = scorer.split().known(frame)?;
    let percent = (100.0 * known).round();
    let everything = |notice: Option<String>| -> Result<Evaluated> {
        let rows: Vec<u32> = (0..frame.rows() as u32).collect();
        let figures = figures(&[(scorer, &rows)], frame, &answers, (tags.as_ref(), k), ctx)?;
        Ok(Evaluated { figures, notice })
    };
    if known <= FRESH {
        return everything(None);
    }
    if all_rows || known < MOSTLY {
        return everything(Some(format!("{percent} % of these rows taught the model: on rows that it has not seen it is not as good")));
    }
    let rows: Vec<u32> = (0..frame.rows() as u32).filter(|r| !answers[*r as usize].is_nan()).collect();
    let classes = outcome.is_class().then_some(&answers[..]);
    let sides = scorer.split().again(frame, &rows, classes)?;
    let turns = (0..sides.turns).map(|t| Some((scorer.unseen(t)?, sides.parts(t).holdout)));
    // A turn in which nothing could be learned has no network, and its rows are judged by none.
    let turns: Vec<(Scorer, Vec<u32>)> = turns.flatten().filter(|t| !t.1.is_empty()).collect();
    let judged: usize = turns.iter().map(|t| t.1.len()).sum();
    if judged == 0 {
        return everything(Some(format!(
            "{percent} % of these rows taught the model and none was held out: on rows that it has not seen it is not as good"
        )));
    }
    let parts: Vec<(&Scorer, &[u32])> = turns.iter().map(|(s, r)| (s, &r[..])).collect();
    Ok(Evaluated {
        figures: figures(&parts, frame, &answers, (tags.as_ref(), k), ctx)?,
        notice: Some(match judged {
            n if n == rows.len() => {
                format!("these rows taught the model: each of the {n} is judged by a network that did not learn from it")
            }
            n => format!(
                "these rows taught the model: of {} the {n} that were held out judge, by networks that did not learn from them (all_rows => true: all)",
                rows.len()
            ),
        }),
    })
}

/// The figures of rows of a frame, some by each scorer, then those of the simple models beside them.
fn figures(
    parts: &[(&Scorer, &[u32])],
    frame: &Frame,
    answers: &[f64],
    tags: (Option<&TagSets>, Option<usize>),
    ctx: &Context<'_>,
) -> Result<Vec<MetricRow>> {
    let Some((first, _)) = parts.first() else { return Ok(Vec::new()) };
    let outcome = first.outcome();
    let truth: Vec<f64> = parts.iter().flat_map(|(_, rows)| rows.iter().map(|r| answers[*r as usize])).collect();
    let of = |parts: &[(&Scorer, &[u32])]| {
        judge::figures((outcome, first.class_weights()), score_parts(parts, frame, ctx)?.view(), &truth, tags, ctx)
    };
    let mut out = of(parts)?;
    let simple: Option<Vec<(Scorer, &[u32])>> = parts.iter().map(|(s, rows)| Some((s.simple()?, *rows))).collect();
    if let Some(simple) = simple {
        let name = judge::simple_kind(outcome);
        let parts: Vec<(&Scorer, &[u32])> = simple.iter().map(|(s, rows)| (s, *rows)).collect();
        out.extend(of(&parts)?.into_iter().map(|r| MetricRow { baseline: Some(name.into()), ..r }));
    }
    Ok(out)
}
