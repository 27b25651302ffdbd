//! The networks to evaluate by: fitted on the rows that are not held out, once, or in turns where rows or groups are few.

use super::cross_fit::{Unseen, cross_fit};
use super::plan::{Plans, seeded};
use super::prepare::{Laid, Prepared};
use super::{average, row_metrics};
use crate::base::number::AsIndex;
use crate::base::{Context, Epoch, Result};
use crate::model::mlp::{Mlp, MlpSpec};
use crate::serve::Outcome;
use crate::serve::calibration::Calibration;
use crate::serve::scorer::{Scorer, State, joined};
use crate::train::MetricRow;
use ndarray::Array2;

/// What one turn gave.
pub struct Turn {
    /// Which one.
    pub number: u32,
    /// Rows of the frame that were held out.
    pub rows: Vec<u32>,
    /// The networks, which did not learn from these rows.
    pub networks: Vec<Mlp>,
    /// How many rows they learned from.
    pub networks_saw: usize,
    /// The best epoch of each.
    pub found: Vec<usize>,
    /// The model without a hidden layer, with its best epoch.
    pub simple: Option<(Mlp, usize)>,
    /// What the networks say of the held-out rows: rows × outputs.
    logits: Array2<f64>,
    /// The same of the simple model.
    simple_logits: Option<Array2<f64>>,
    /// The answers of the held-out rows.
    pub answers: Vec<f64>,
    /// Where there is one turn: what the networks say of the rows that said when to stop, and their answers.
    stopped: Option<(Array2<f64>, Vec<f64>)>,
}

/// What all turns come to.
pub struct Evaluated {
    /// Of the version.
    pub calibration: Calibration,
    /// Where there is more than one turn: of each one's networks, by its number.
    pub turn_calibrations: Vec<Calibration>,
    /// Of what is served, on held-out rows: of the networks, calibrated by other rows.
    pub figures: Vec<MetricRow>,
    /// Of the simple model.
    pub simple: Option<Vec<MetricRow>>,
    /// Of the average: the same score for every row.
    pub average: Vec<MetricRow>,
    /// How many rows were held out.
    pub rows: usize,
    /// Where the held-out rows tell nothing for the networks: what every row is given, and the networks' figures, in whose place those of
    /// the average stand in `figures`.
    pub shares: Option<(Vec<f64>, Vec<MetricRow>)>,
}

/// Fits the networks of one turn to its rows, of which some teach.
///
/// # Errors
/// As [`Mlp::fit`].
pub fn fit_turn(
    data: &Prepared<'_>,
    state: &State,
    plans: &Plans,
    (number, laid): (u32, &Laid<'_>),
    (ctx, silent): (&Context<'_>, &Context<'_>),
) -> Result<(Turn, Vec<Epoch>)> {
    let in_turns = data.sides.turns > 1;
    let [train, valid, holdout, _] = laid.ranges();
    let fit = |plan: &MlpSpec, ctx: &Context<'_>| {
        let (x, y) = laid.part(train.clone());
        let stop = (laid.valid > 0).then(|| laid.part(valid.clone()));
        Mlp::fit(x, y, None, stop, plan, ctx)
    };
    let (mut networks, mut found, mut curve) = (Vec::new(), Vec::new(), Vec::new());
    // Networks of several turns are averaged by their evaluation already.
    for i in 0..if in_turns { 1 } else { state.ensemble } {
        let seed = i + number.index();
        let heard = if seed == 0 { ctx } else { silent };
        let (network, epochs, best) = fit(&plans.own, &seeded(heard, seed))?;
        if i == 0 {
            curve = epochs;
        }
        networks.push(network);
        found.push(best.max(1));
    }
    let simple = match &plans.simple {
        Some(plan) => fit(plan, silent).map(|(network, _, best)| Some((network, best.max(1))))?,
        None => None,
    };
    let bare = State { calibration: Calibration::default(), ..state.clone() };
    let scorer = Scorer::new(bare, networks.clone(), simple.as_ref().map(|s| s.0.clone()));
    let simple_logits = scorer.simple().map(|s| s.logits(laid.part(holdout.clone()).0, ctx)).transpose()?;
    let stopped = match laid.valid {
        0 => None,
        _ if in_turns => None,
        _ => Some((scorer.logits(laid.part(valid.clone()).0, ctx)?, laid.answers[valid].to_vec())),
    };
    let turn = Turn {
        number,
        rows: laid.rows[holdout.clone()].to_vec(),
        networks,
        networks_saw: laid.train,
        found,
        simple,
        logits: scorer.logits(laid.part(holdout.clone()).0, ctx)?,
        simple_logits,
        answers: laid.answers[holdout].to_vec(),
        stopped,
    };
    Ok((turn, curve))
}

/// Calibrates and evaluates. `state` is that of the version.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn evaluate_turns(turns: &[Turn], data: &Prepared<'_>, state: &State, calibrate: bool, ctx: &Context<'_>) -> Result<Evaluated> {
    let tags = data.tags.as_ref();
    let logits = joined(turns.iter().map(|t| t.logits.view()))?;
    let answers: Vec<f64> = turns.iter().flat_map(|t| t.answers.iter().copied()).collect();
    let turn_of: Vec<usize> = turns.iter().enumerate().flat_map(|(i, t)| std::iter::repeat_n(i, t.answers.len())).collect();
    // One temperature for all classes would undo what biases were set to after training by weights: a rare class would come out too low,
    // for the sake of the others.
    let biased = !data.class_weights.is_empty() && matches!(data.outcome, Outcome::Classes(_));
    let fitted = match turns {
        _ if !calibrate || biased => None,
        [_, _, ..] => {
            let rows = Unseen { logits: logits.view(), answers: &answers, tags };
            Some(cross_fit(&data.outcome, rows, (turns.len(), |i| turn_of[i]), ctx)?)
        }
        // interleaved, so that a table in some order makes no difference
        [Turn { stopped: Some((z, y)), .. }] => {
            let c = cross_fit(&data.outcome, Unseen { logits: z.view(), answers: y, tags }, (PARTS, |i| i % PARTS), ctx)?.0;
            Some((c.clone(), vec![c]))
        }
        _ => None,
    };
    let (calibration, own) = fitted.unwrap_or_else(|| (Calibration::default(), vec![Calibration::default(); turns.len()]));
    let mut turn_calibrations = vec![calibration.clone(); if turns.len() > 1 { data.sides.turns.index() } else { 0 }];
    for (turn, own) in turns.iter().zip(&own) {
        turn_calibrations.get_mut(turn.number.index()).into_iter().for_each(|c| c.clone_from(own));
    }
    let figures =
        |scores: &Array2<f64>| row_metrics::figures((&data.outcome, &data.class_weights), scores.view(), &answers, (tags, None), ctx);
    let finished = |mut logits: Array2<f64>, calibrations: &[Calibration], of: &dyn Fn(usize) -> usize| {
        state.finish_all(&mut logits, (calibrations, of), ctx)?;
        figures(&logits)
    };
    let simple = match turns.iter().map(|t| t.simple_logits.as_ref().map(|l| l.view())).collect::<Option<Vec<_>>>() {
        Some(views) if !views.is_empty() => Some(finished(joined(views.into_iter())?, &[Calibration::default()], &|_| 0)?),
        _ => None,
    };
    let shares = average::scores(&data.outcome, &data.beside_judging(), tags);
    let average = figures(&Array2::from_shape_fn(logits.dim(), |(_, k)| shares.get(k).copied().unwrap_or(0.0)))?;
    let networks = finished(logits, &own, &|i| turn_of[i])?;
    let nothing = calibrate && average::tells_nothing(&data.outcome, &networks, &average);
    let (figures, shares) = if nothing { (average.clone(), Some((shares, networks))) } else { (networks, None) };
    Ok(Evaluated { calibration, turn_calibrations, figures, simple, average, rows: answers.len(), shares })
}

/// Parts that the rows which say when to stop are cut into, to see whether a calibration pays.
const PARTS: usize = 4;
