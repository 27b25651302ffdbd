//! Figures of a model on rows whose answers are known.

use super::tags::TagSets;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result};
use crate::metric::{Accuracy, Auc, AveragePrecision, Brier, LogLoss, Mae, Mean, R2, Rmse, State};
use crate::model::RowKind;
use crate::serve::{Outcome, outcome};
use crate::train::MetricRow;
use ndarray::{ArrayView1, ArrayView2};
use serde_json::{Map, Value, json};

/// Every figure that the outcome has, for the rows of `scores` whose answer is no NaN; `weights` are those by which a class is chosen (see
/// [`crate::train::class_weights`]); `tags` are those that answers point at, and lists of `k` tags are evaluated beside the usual ones.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn figures(
    (outcome, weights): (&Outcome, &[f64]),
    scores: ArrayView2<'_, f64>,
    answers: &[f64],
    (tags, k): (Option<&TagSets>, Option<usize>),
    ctx: &Context<'_>,
) -> Result<Vec<MetricRow>> {
    let known = || scores.rows().into_iter().zip(answers).filter(|(_, y)| !y.is_nan()).enumerate();
    // Adding is fast, but a table may be long; the sorting behind a figure takes longer than the adding.
    let check = |row: usize| if row.is_multiple_of(1 << 16) { ctx.check() } else { Ok(()) };
    let mut out = Vec::new();
    match outcome {
        Outcome::Binary { .. } => {
            let (mut auc, mut ap, mut loss, mut brier, mut accuracy) =
                (Auc::default(), AveragePrecision::default(), LogLoss::default(), Brier::default(), Accuracy::default());
            let mut recalls = [Accuracy::default(); 2];
            for (i, (s, y)) in known() {
                check(i)?;
                let (p, y) = (s[0], *y == 1.0);
                auc.add(p, y)?;
                ap.add(p, y)?;
                loss.add(p, y)?;
                brier.add(p, y)?;
                let right = outcome.is_positive(p, weights) == y;
                accuracy.add(right);
                recalls[usize::from(y)].add(right);
            }
            push(&mut out, ctx, &loss)?;
            push(&mut out, ctx, &auc)?;
            push(&mut out, ctx, &ap)?;
            push(&mut out, ctx, &brier)?;
            push(&mut out, ctx, &accuracy)?;
            out.extend(balanced(&recalls, weights));
        }
        Outcome::Classes(_) => {
            let (mut loss, mut accuracy) = (LogLoss::default(), Accuracy::default());
            let mut recalls = vec![Accuracy::default(); outcome.width()];
            for (i, (s, y)) in known() {
                check(i)?;
                // a class that the model does not know has the probability 0
                loss.add(s.get(*y as usize).copied().unwrap_or(0.0).min(1.0), true)?;
                let right = outcome::best(s.iter().copied(), weights) == *y as usize;
                accuracy.add(right);
                recalls.get_mut(*y as usize).into_iter().for_each(|r| r.add(right));
            }
            push(&mut out, ctx, &loss)?;
            push(&mut out, ctx, &accuracy)?;
            out.extend(balanced(&recalls, weights));
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
        Outcome::Tags(names) => {
            let rows = scores.rows().into_iter().zip(answers).filter(|(_, y)| !y.is_nan());
            let rows: Vec<(ArrayView1<'_, f64>, usize)> = rows.map(|(s, y)| (s, *y as usize)).collect();
            if let Some(tags) = tags {
                of_tags(&rows, (tags, k), names.len(), &mut out, ctx)?;
            }
        }
    }
    Ok(out)
}

/// Where classes weigh differently, the mean over the classes of the share of their rows that is told rightly: what accuracy says of a rare
/// class is little.
fn balanced(recalls: &[Accuracy], weights: &[f64]) -> Option<MetricRow> {
    let mut mean = Mean::default();
    recalls.iter().filter_map(State::value).for_each(|r| mean.add(r));
    let value = mean.value().filter(|_| !weights.is_empty())?;
    let rows = recalls.iter().map(State::rows).sum();
    Some(MetricRow { baseline: None, metric: "balanced_accuracy".into(), k: None, value, low: None, high: None, rows })
}

/// Pairs of a row and a tag that ranking figures are sorted from, at most.
const PAIRS: usize = 2_000_000;
/// Lengths of the lists of likeliest tags that are evaluated.
const LISTS: [usize; 3] = [1, 3, 5];

/// The figures of tags: over all pairs of a row and a tag (`average_precision`, `auc`: micro), as the mean over tags (`macro_…`), and of
/// the list of a row's likeliest tags, for the rows that have any: `precision` is hits / k, `recall` hits / its tags, `recall_capped` hits
/// / min(k, its tags), which a list of k can bring to 1.
fn of_tags(
    rows: &[(ArrayView1<'_, f64>, usize)],
    (tags, k): (&TagSets, Option<usize>),
    width: usize,
    out: &mut Vec<MetricRow>,
    ctx: &Context<'_>,
) -> Result<()> {
    let mut lists: Vec<usize> = LISTS.into_iter().chain(k).filter(|k| (1..width).contains(k)).collect();
    lists.sort_unstable();
    lists.dedup();
    let step = rows.len().div_ceil((PAIRS / width.max(1)).max(1)).max(1);
    let (mut loss, mut auc, mut all) = (LogLoss::default(), Auc::default(), AveragePrecision::default());
    let mut each = vec![AveragePrecision::default(); width];
    let mut of_lists = vec![[Mean::default(); 3]; lists.len()];
    let mut order: Vec<u32> = Vec::new();
    for (i, (p, row)) in rows.iter().enumerate() {
        ctx.check()?;
        for (t, there) in tags.each(*row).enumerate() {
            loss.add(p[t], there)?;
            if i % step == 0 {
                auc.add(p[t], there)?;
                all.add(p[t], there)?;
                each[t].add(p[t], there)?;
            }
        }
        let own = tags.of(*row);
        if own.is_empty() {
            continue;
        }
        order.clear();
        order.extend(0..width as u32);
        order.sort_unstable_by(|a, b| p[b.index()].total_cmp(&p[a.index()]).then(a.cmp(b)));
        for ([precision, recall, capped], k) in of_lists.iter_mut().zip(&lists) {
            let hits = order.iter().take(*k).filter(|t| own.binary_search(t).is_ok()).count().real();
            precision.add(hits / k.real());
            recall.add(hits / own.len().real());
            capped.add(hits / own.len().min(*k).real());
        }
    }
    push(out, ctx, &loss)?;
    push(out, ctx, &all)?;
    let mut mean = Mean::default();
    for one in &each {
        ctx.check()?;
        one.value().into_iter().for_each(|v| mean.add(v));
    }
    let row = |metric: &str, k: Option<usize>, mean: &Mean, rows: u64| {
        let k = k.map(|k| k as u32);
        mean.value().map(|value| MetricRow { baseline: None, metric: metric.into(), k, value, low: None, high: None, rows })
    };
    out.extend(row("macro_average_precision", None, &mean, all.rows()));
    push(out, ctx, &auc)?;
    for (means, k) in of_lists.iter().zip(lists) {
        for (name, mean) in ["precision", "recall", "recall_capped"].into_iter().zip(means) {
            out.extend(row(name, Some(k), mean, mean.count()));
        }
    }
    Ok(())
}

fn push<S: State>(out: &mut Vec<MetricRow>, ctx: &Context<'_>, s: &S) -> Result<()> {
    ctx.check()?;
    let Some(value) = s.value() else { return Ok(()) };
    let (low, high) = s.interval().map_or((None, None), |(l, h)| (Some(l), Some(h)));
    out.push(MetricRow { baseline: None, metric: S::NAME.into(), k: None, value, low, high, rows: s.rows() });
    Ok(())
}

/// The figure by which versions are compared, higher is better: the first of [`figures`], which is a loss.
pub fn evaluated(figures: &[MetricRow]) -> Option<f64> {
    figures.first().map(|f| -f.value)
}

/// The kind of the model without a hidden layer beside one of this outcome.
pub fn simple_kind(outcome: &Outcome) -> &'static str {
    if *outcome == Outcome::Value { RowKind::Linear.name() } else { RowKind::Logistic.name() }
}

/// Figures as a JSON object by name, `precision@3` for those of lists.
pub fn object(figures: &[MetricRow]) -> Map<String, Value> {
    let name = |f: &MetricRow| f.k.map_or_else(|| f.metric.clone(), |k| format!("{}@{k}", f.metric));
    figures.iter().map(|f| (name(f), json!(f.value))).collect()
}
