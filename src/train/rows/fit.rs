//! The training itself.

use super::plan::{Plans, networks, seeded};
use super::prepare::{Laid, Prepared, prepare};
use super::turns::{Turn, evaluate_turns, fit_turn};
use super::{RowsSpec, average, row_metrics, verdict};
use crate::base::tensor_names::{BASELINE, HOLDOUT};
use crate::base::{Code, Context, Error, Result, Tensor};
use crate::dataset::{Column, Frame, Values};
use crate::model::RowKind;
use crate::model::mlp::{Mlp, MlpSpec};
use crate::model::rows::Params;
use crate::serve::calibration::Calibration;
use crate::serve::scorer::{Scorer, Shares, State, prefix, score_parts, turn_prefix};
use crate::serve::{Outcome, outcome};
use crate::train::holdout::same_side;
use crate::train::silent::Silent;
use crate::train::{Report, Trained};
use serde_json::{Value, json};

/// Trains a model on the rows of `frame`, which holds the target, the split columns and the inputs. `incumbent` is the deployed
/// version, which is evaluated on the same held-out rows as it was before it saw them.
///
/// # Errors
/// [`Code::UndefinedObject`] and [`Code::InvalidParameter`] for the call; [`Code::UndefinedColumn`]; [`Code::WrongType`] for a target or
/// time column of a type that cannot serve, or a kind that does not fit the target; [`Code::Data`] when there are no rows, one class, or no
/// column with values; [`Code::OutOfMemory`]; [`Code::Cancelled`].
pub fn fit(frame: &Frame, spec: &RowsSpec, incumbent: Option<&Scorer>, ctx: &Context<'_>) -> Result<Trained> {
    let (kind, mut resolved, params) = spec.parsed()?;
    let mut report = Report::default();
    let before = incumbent.map(|i| &i.state().split);
    let data = prepare(frame, spec, &params, before, &mut report.notices, ctx)?;
    fits(kind, &data.outcome, frame.column(&spec.target)?)?;
    report.rows_used = data.rows as u64;
    report.rows_skipped = data.skipped as u64;

    let teach = if data.sides.turns > 1 { data.rows } else { data.sides.parts(0).train.len() };
    let mut state = State {
        encoder: data.encoder.clone(),
        outcome: data.outcome.clone(),
        hidden: params.hidden.clone(),
        ensemble: networks(&params, teach),
        calibration: Calibration::default(),
        turn_calibrations: Vec::new(),
        shares: None,
        center: data.center,
        spread: data.spread,
        class_weights: data.class_weights.clone(),
        refit: false,
        split: data.split.clone(),
    };
    let plans = Plans::new(&state, &params, teach);
    let plan = &plans.own;
    for (name, value) in [("epochs", plan.epochs), ("batch", plan.batch), ("patience", plan.patience), ("ensemble", state.ensemble)] {
        resolved.insert(name.into(), json!(value));
    }
    resolved.insert("learning_rate".into(), json!(f64::from(plan.learning_rate)));

    let quiet = Silent(ctx.watch);
    let silent = Context { watch: &quiet, ..*ctx };
    let (turns, all_laid) = fit_turns(&data, &state, &plans, &mut report, (ctx, &silent))?;
    let Some(first) = turns.first() else {
        return Err(Error::new(Code::Data, "too few rows to learn from")
            .detail(format!("There are {} rows with a target, and none is left when a part of them is held out.", data.rows))
            .hint("Train on more rows, or: params => '{\"holdout\": 0, \"validation\": 0}'."));
    };
    let evaluated = evaluate_turns(&turns, &data, &state, params.calibrate, ctx)?;
    state.calibration = evaluated.calibration.clone();
    state.turn_calibrations = evaluated.turn_calibrations.clone();
    state.shares = evaluated.shares.as_ref().map(|(unseen, _)| {
        let all = || average::scores(&data.outcome, &data.answers_of(&data.all().train), data.tags.as_ref());
        let served = if params.refit { all() } else { unseen.clone() };
        Shares { served, unseen: unseen.clone() }
    });
    report.metrics.insert("epochs".into(), json!(first.found[0]));
    verdict::report_to(&evaluated, &data, &mut report);
    if let (false, Some(classes)) = (data.class_weights.is_empty(), outcome::classes(&data.outcome)) {
        let each = classes.iter().zip(&data.class_weights).map(|(c, w)| ((*c).to_owned(), json!((w * 1e6).round() / 1e6)));
        report.metrics.insert("class_weight".into(), Value::Object(each.collect()));
    }
    if evaluated.rows > 0
        && let Some(i) = incumbent
    {
        match deployed(i, frame, &data, &turns, ctx)? {
            Ok(figure) => report.incumbent = Some(figure),
            Err(why) => report.notices.push(format!("the deployed version was not evaluated on the held-out rows: {why}")),
        }
    }

    let tensors = networks_of(&mut state, &params, &data, &turns, &plans, all_laid, (ctx, &silent))?;
    let mut state = serde_json::to_value(&state).map_err(|e| Error::internal(format!("state: {e}")))?;
    data.reference.put(&mut state)?;
    Ok(Trained { params: Value::Object(resolved), state, tensors, report })
}

/// The networks of each turn; and of one turn its rows, which are all rows, as they were encoded.
fn fit_turns<'c>(
    data: &Prepared,
    state: &State,
    plans: &Plans,
    report: &mut Report,
    (ctx, silent): (&Context<'c>, &Context<'c>),
) -> Result<(Vec<Turn>, Option<Laid<'c>>)> {
    let one = data.sides.turns == 1;
    let (mut turns, mut all_laid) = (Vec::new(), None);
    for number in 0..data.sides.turns {
        let parts = data.sides.parts(number);
        if parts.train.is_empty() || (!one && parts.holdout.is_empty()) {
            continue;
        }
        let laid = data.lay(parts, ctx)?;
        let (turn, curve) = fit_turn(data, state, plans, (number, &laid), (ctx, silent))?;
        if turns.is_empty() {
            report.epochs = curve;
        }
        turns.push(turn);
        all_laid = one.then_some(laid);
    }
    Ok((turns, all_laid))
}

/// The tensors of the version: those of the first turn, or where rows were held out and `refit` is asked, networks that learn from all rows
/// for as long as was found best, beside those of the turns.
fn networks_of<'c>(
    state: &mut State,
    params: &Params,
    data: &Prepared,
    turns: &[Turn],
    plans: &Plans,
    laid: Option<Laid<'c>>,
    (ctx, silent): (&Context<'c>, &Context<'c>),
) -> Result<Vec<Tensor>> {
    let one = data.sides.turns == 1;
    let Some(first) = turns.first() else { return Ok(Vec::new()) };
    let mut own = first.networks.clone();
    let mut simple = first.simple.as_ref().map(|s| s.0.clone());
    let mut tensors = Vec::new();
    if params.refit && (!one || first.networks_saw < data.rows) {
        turns.iter().for_each(|t| tensors.extend(kept(t, one)));
        state.refit = true;
        let laid = laid.map_or_else(|| data.lay(data.all(), ctx), Ok)?;
        let [.., all] = laid.ranges();
        let again = |plan: &MlpSpec, epochs: usize, ctx: &Context<'_>| {
            let (x, y) = laid.part(all.clone());
            Ok::<_, Error>(Mlp::fit(x, y, None, None, &MlpSpec { epochs, patience: 0, ..plan.clone() }, ctx)?.0)
        };
        let usual = median(turns.iter().flat_map(|t| t.found.iter().copied()).collect());
        own = (0..state.ensemble)
            .map(|i| again(&plans.own, if one { first.found[i] } else { usual }, &seeded(silent, i)))
            .collect::<Result<_>>()?;
        if let (false, Some(plan)) = (one, &plans.simple) {
            let epochs = median(turns.iter().filter_map(|t| t.simple.as_ref().map(|s| s.1)).collect());
            simple = Some(again(plan, epochs, silent)?);
        }
    }
    for (i, n) in own.iter().enumerate() {
        tensors.extend(n.to_tensors(&prefix(i)));
    }
    if let Some(n) = simple {
        tensors.extend(n.to_tensors(BASELINE));
    }
    Ok(tensors)
}

/// What is kept of a turn: its networks, and the simple one beside them where there are several turns.
fn kept(turn: &Turn, one: bool) -> Vec<Tensor> {
    let name = |i| if one { format!("{HOLDOUT}{}", prefix(i)) } else { turn_prefix(turn.number) };
    let mut tensors: Vec<Tensor> = turn.networks.iter().enumerate().flat_map(|(i, n)| n.to_tensors(&name(i))).collect();
    if let (false, Some((simple, _))) = (one, &turn.simple) {
        tensors.extend(simple.to_tensors(&format!("{}{BASELINE}", turn_prefix(turn.number))));
    }
    tensors
}

fn median(mut of: Vec<usize>) -> usize {
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or(1)
}

fn fits(kind: RowKind, outcome: &Outcome, target: &Column) -> Result<()> {
    let (is, other) = match (kind, outcome) {
        (RowKind::Logistic, Outcome::Value) => ("a number", RowKind::Linear.name()),
        (RowKind::Linear, Outcome::Binary { .. } | Outcome::Classes(_)) => ("classes", RowKind::Logistic.name()),
        (RowKind::Linear, Outcome::Tags(_)) => ("tags", RowKind::Logistic.name()),
        _ => return Ok(()),
    };
    let hint = match target.values {
        Values::Real(_) | Values::Double(_) if kind == RowKind::Linear => {
            format!("Use kind => '{other}' or kind => 'mlp'; or learn the numbers as they are: params => '{{\"task\": \"value\"}}'.")
        }
        _ => format!("Use kind => '{other}' or kind => 'mlp'."),
    };
    Err(Error::new(Code::WrongType, format!("kind {} does not fit the target \"{}\"", kind.name(), target.name))
        .detail(format!("The target holds {is}."))
        .hint(hint))
}

/// The deployed version's figure on the held-out rows, each evaluated by a network that did not see it, or why there is none.
fn deployed(
    scorer: &Scorer,
    frame: &Frame,
    data: &Prepared<'_>,
    turns: &[Turn],
    ctx: &Context<'_>,
) -> Result<std::result::Result<f64, String>> {
    if *scorer.outcome() != data.outcome {
        return Ok(Err("it predicts something else".into()));
    }
    if let Err(why) = same_side(&scorer.state().split, &data.split) {
        return Ok(Err(why));
    }
    let unseen = turns.iter().map(|t| Some((scorer.unseen(t.number)?, &t.rows[..]))).collect::<Option<Vec<_>>>();
    let Some(unseen) = unseen else { return Ok(Err("how it was before it saw them is not stored".into())) };
    let parts: Vec<(&Scorer, &[u32])> = unseen.iter().map(|(s, rows)| (s, *rows)).collect();
    let scores = match score_parts(&parts, frame, ctx) {
        Err(e) if matches!(e.code, Code::UndefinedColumn | Code::WrongType | Code::ArrayLength) => return Ok(Err(e.message)),
        scores => scores?,
    };
    let answers: Vec<f64> = turns.iter().flat_map(|t| t.answers.iter().copied()).collect();
    let figures = row_metrics::figures((&data.outcome, scorer.class_weights()), scores.view(), &answers, (data.tags.as_ref(), None), ctx)?;
    Ok(row_metrics::evaluated(&figures).ok_or_else(|| "there are none".into()))
}
