//! A model evaluated on the rows of a relation, in which rows that taught it do not count as if it had never seen them.

use super::tags::TagSets;
use super::{row_metrics, target};
use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result};
use crate::dataset::Frame;
use crate::serve::scorer::Scorer;
use crate::serve::scorer::score_parts;
use crate::train::MetricRow;

/// Rows of which no more than this share is known are as good as fresh.
pub const FRESH: f64 = 0.05;

/// Figures of a model, those of the model without a hidden layer that was trained beside it, and what is to be said of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The model's own first.
    pub figures: Vec<MetricRow>,
    /// Where some of the rows taught the model: how they were evaluated, or that they were not left out.
    pub notice: Option<String>,
}

/// The figures of a model on the rows of a frame whose target is known. Where some of them taught it, those evaluate that are, or were they known would have been, held out,
/// each by networks that did not learn from it; with `all_rows` every row evaluates, by the model as it serves. Of tags, lists of `k` are evaluated beside the usual ones.
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
    let rows: Vec<u32> = (0..frame.rows() as u32).filter(|r| !answers[r.index()].is_nan()).collect();
    if rows.is_empty() {
        return Err(Error::new(Code::Data, format!("no row has a value of \"{target}\""))
            .detail("There is nothing to evaluate the model on.")
            .hint("Evaluate it on rows whose outcome is known."));
    }
    let known = scorer.split().known(frame, &rows)?;
    let these = these(known);
    let everything = |notice: Option<String>| -> Result<Evaluated> {
        let rows: Vec<u32> = (0..frame.rows() as u32).collect();
        let figures = figures(&[(scorer, &rows)], frame, &answers, (tags.as_ref(), k), ctx)?;
        Ok(Evaluated { figures, notice })
    };
    if known <= FRESH {
        let alike = scorer.split().alike(frame, &rows)?;
        let notice = (alike > FRESH).then(|| {
            format!(
                "{:.0} % of these rows have the inputs of rows that taught the model: on rows that it has not seen it may not be as good",
                100.0 * alike
            )
        });
        return everything(notice);
    }
    if all_rows {
        return everything(Some(taught(known)));
    }
    let classes = outcome.is_class().then_some(&answers[..]);
    let sides = scorer.split().again(frame, &rows, classes)?;
    let turns = (0..sides.turns).map(|t| Some((scorer.unseen(t)?, sides.parts(t).holdout)));
    // A turn in which nothing could be learned has no network, and its rows are evaluated by none.
    let turns: Vec<(Scorer, Vec<u32>)> = turns.flatten().filter(|t| !t.1.is_empty()).collect();
    let evaluated: usize = turns.iter().map(|t| t.1.len()).sum();
    if evaluated == 0 {
        return everything(Some(format!("{these} taught the model and none was held out: on rows that it has not seen it is not as good")));
    }
    let parts: Vec<(&Scorer, &[u32])> = turns.iter().map(|(s, r)| (s, &r[..])).collect();
    Ok(Evaluated {
        figures: figures(&parts, frame, &answers, (tags.as_ref(), k), ctx)?,
        notice: Some(match evaluated {
            n if n == rows.len() => {
                format!("{these} taught the model: each of the {n} is evaluated by a network that did not learn from it")
            }
            n => format!(
                "{these} taught the model: of {} the {n} on the side that was held out evaluate, by networks that did not learn from them (all_rows => true: all)",
                rows.len()
            ),
        }),
    })
}

/// That this share of some rows taught the model which is evaluated by them.
pub fn taught(share: f64) -> String {
    format!("{} taught the model: on rows that it has not seen it is not as good", these(share))
}

fn these(share: f64) -> String {
    if share > 0.99 { "these rows".to_owned() } else { format!("{} % of these rows", (100.0 * share).round()) }
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
    let truth: Vec<f64> = parts.iter().flat_map(|(_, rows)| rows.iter().map(|r| answers[r.index()])).collect();
    let of = |parts: &[(&Scorer, &[u32])]| {
        row_metrics::figures((outcome, first.class_weights()), score_parts(parts, frame, ctx)?.view(), &truth, tags, ctx)
    };
    let mut out = of(parts)?;
    let simple: Option<Vec<(Scorer, &[u32])>> = parts.iter().map(|(s, rows)| Some((s.simple()?, *rows))).collect();
    if let Some(simple) = simple {
        let name = row_metrics::simple_kind(outcome);
        let parts: Vec<(&Scorer, &[u32])> = simple.iter().map(|(s, rows)| (s, *rows)).collect();
        out.extend(of(&parts)?.into_iter().map(|r| MetricRow { baseline: Some(name.into()), ..r }));
    }
    Ok(out)
}
