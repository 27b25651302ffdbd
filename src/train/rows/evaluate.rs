//! A model evaluated on the rows of a relation, in which rows that taught it do not count as if it had never seen them.

use super::diagnosis::{self, Diagnosis};
use super::tags::TagSets;
use super::{row_metrics, target};
use crate::base::number::AsIndex;
use crate::base::{Code, Context, Error, Result};
use crate::dataset::Frame;
use crate::serve::scorer::Scorer;
use crate::serve::scorer::score_parts;
use crate::train::MetricRow;
use ndarray::ArrayView2;
use std::borrow::Cow;

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

/// The evaluation rows, each by a model that did not learn from it where that can be.
struct Judging<'a> {
    /// The model as it serves, or those that know nothing of their rows.
    parts: Vec<(Cow<'a, Scorer>, Vec<u32>)>,
    /// One a row of the frame.
    answers: Vec<f64>,
    tags: Option<TagSets>,
    notice: Option<String>,
}

impl Judging<'_> {
    fn parts(&self) -> Vec<(&Scorer, &[u32])> {
        self.parts.iter().map(|(s, rows)| (&**s, &rows[..])).collect()
    }
}

/// The figures of a model on the rows of a frame whose target is known. Where some of them taught it, it is evaluated on those that are, or
/// were they known would have been, held out, each by networks that did not learn from it; with `all_rows` every row counts, by the model
/// as it serves. Of tags, lists of `k` are evaluated beside the usual ones.
///
/// # Errors
/// As [`Scorer::score_frame`] and [`target::answers`].
pub fn evaluate(
    scorer: &Scorer,
    frame: &Frame,
    (target, k, all_rows): (&str, Option<usize>, bool),
    ctx: &Context<'_>,
) -> Result<Evaluated> {
    let evaluating = evaluating(scorer, frame, target, all_rows)?;
    let parts = evaluating.parts();
    let scores = score_parts(&parts, frame, ctx)?;
    let figures = figures(&parts, frame, scores.view(), (&evaluating.answers, evaluating.tags.as_ref(), k), ctx)?;
    Ok(Evaluated { figures, notice: evaluating.notice })
}

/// As [`evaluate`], with a closer look at the same rows.
///
/// # Errors
/// As [`evaluate`].
pub fn diagnose(scorer: &Scorer, frame: &Frame, (target, k): (&str, Option<usize>), ctx: &Context<'_>) -> Result<(Evaluated, Diagnosis)> {
    let evaluating = evaluating(scorer, frame, target, false)?;
    let parts = evaluating.parts();
    let scores = score_parts(&parts, frame, ctx)?;
    let figures = figures(&parts, frame, scores.view(), (&evaluating.answers, evaluating.tags.as_ref(), k), ctx)?;
    let diagnosis = diagnosis::diagnose(&parts, frame, scores.view(), (&evaluating.answers, evaluating.tags.as_ref()), ctx)?;
    Ok((Evaluated { figures, notice: evaluating.notice }, diagnosis))
}

/// Which rows of a frame a model is evaluated on, and by which networks.
fn evaluating<'a>(scorer: &'a Scorer, frame: &Frame, target: &str, all_rows: bool) -> Result<Judging<'a>> {
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
    let everything = |answers: Vec<f64>, notice: Option<String>| {
        let parts = vec![(Cow::Borrowed(scorer), (0..frame.rows() as u32).collect())];
        Ok(Judging { parts, answers, tags: tags.clone(), notice })
    };
    if known <= FRESH {
        let alike = scorer.split().alike(frame, &rows)?;
        let notice = (alike > FRESH).then(|| {
            format!(
                "{:.0} % of these rows have the inputs of rows that taught the model: on rows that it has not seen it may not be as good",
                100.0 * alike
            )
        });
        return everything(answers, notice);
    }
    if all_rows {
        return everything(answers, Some(taught(known)));
    }
    let classes = outcome.is_class().then_some(&answers[..]);
    let sides = scorer.split().again(frame, &rows, classes)?;
    let turns = (0..sides.turns).map(|t| Some((Cow::Owned(scorer.unseen(t)?), sides.parts(t).holdout)));
    // A turn in which nothing could be learned has no network, and its rows are evaluated by none.
    let parts: Vec<(Cow<'_, Scorer>, Vec<u32>)> = turns.flatten().filter(|t| !t.1.is_empty()).collect();
    let evaluated: usize = parts.iter().map(|t| t.1.len()).sum();
    let notice = match evaluated {
        0 => {
            let notice = format!("{these} taught the model and none was held out: on rows that it has not seen it is not as good");
            return everything(answers, Some(notice));
        }
        n if n == rows.len() => {
            format!("{these} taught the model: each of the {n} is evaluated by a network that did not learn from it")
        }
        n => format!(
            "{these} taught the model: it is evaluated on the {n} of {} that were held out, by networks that did not learn from them (all_rows => true: all)",
            rows.len()
        ),
    };
    Ok(Judging { parts, answers, tags, notice: Some(notice) })
}

/// That this share of some rows taught the model which is evaluated by them.
pub fn taught(share: f64) -> String {
    format!("{} taught the model: on rows that it has not seen it is not as good", these(share))
}

fn these(share: f64) -> String {
    if share > 0.99 { "these rows".to_owned() } else { format!("{} % of these rows", (100.0 * share).round()) }
}

/// The figures of rows of a frame, some by each scorer, whose scores stand one below the other, then those of the simple models beside
/// them.
fn figures(
    parts: &[(&Scorer, &[u32])],
    frame: &Frame,
    own: ArrayView2<'_, f64>,
    (answers, tags, k): (&[f64], Option<&TagSets>, Option<usize>),
    ctx: &Context<'_>,
) -> Result<Vec<MetricRow>> {
    let Some((first, _)) = parts.first() else { return Ok(Vec::new()) };
    let outcome = first.outcome();
    let truth: Vec<f64> = parts.iter().flat_map(|(_, rows)| rows.iter().map(|r| answers[*r as usize])).collect();
    let of = |scores: ArrayView2<'_, f64>| row_metrics::figures((outcome, first.class_weights()), scores, &truth, (tags, k), ctx);
    let mut out = of(own)?;
    let simple: Option<Vec<(Scorer, &[u32])>> = parts.iter().map(|(s, rows)| Some((s.simple()?, *rows))).collect();
    if let Some(simple) = simple {
        let name = row_metrics::simple_kind(outcome);
        let parts: Vec<(&Scorer, &[u32])> = simple.iter().map(|(s, rows)| (s, *rows)).collect();
        let scores = score_parts(&parts, frame, ctx)?;
        out.extend(of(scores.view())?.into_iter().map(|r| MetricRow { baseline: Some(name.into()), ..r }));
    }
    Ok(out)
}
