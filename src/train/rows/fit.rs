//! The training itself.

use super::calibrate::Calibration;
use super::prepare::{Prepared, prepare};
use super::scorer::{BASELINE, Encoded, State, TWIN, prefix};
use super::{RowsSpec, Scorer, judge};
use crate::base::{Code, Context, Error, Result, rng::mix};
use crate::dataset::Frame;
use crate::model::Kind;
use crate::model::mlp::{Mlp, MlpSpec};
use crate::model::rows::Params;
use crate::nn::Loss;
use crate::train::hold::same_side;
use crate::train::unheard::Unheard;
use crate::train::{MetricRow, Outcome, Report, Trained};
use serde_json::{Value, json};

/// Trains a model on the rows of `frame`, which holds the target, the split columns and the inputs. `incumbent` is the deployed
/// version, which is judged on the same held-out rows as it was before it saw them.
///
/// # Errors
/// [`Code::UndefinedObject`] and [`Code::InvalidParameter`] for the call; [`Code::UndefinedColumn`]; [`Code::WrongType`] for a target or
/// time column of a type that cannot serve, or a kind that does not fit the target; [`Code::Data`] when there are no rows, one class, no
/// column, or a column without values; [`Code::OutOfMemory`]; [`Code::Cancelled`].
pub fn fit(frame: &Frame, spec: &RowsSpec, incumbent: Option<&Scorer>, ctx: &Context<'_>) -> Result<Trained> {
    let (kind, mut resolved, params) = spec.parsed()?;
    let mut report = Report::default();
    let before = incumbent.map(|i| &i.state().split);
    let data = prepare(frame, spec, &params, before, &mut report.notices, ctx)?;
    fits(kind, &data.outcome, &spec.target)?;
    report.rows_used = data.rows.len() as u64;
    report.rows_skipped = data.skipped as u64;

    let mut state = State {
        encoder: data.encoder.clone(),
        outcome: data.outcome.clone(),
        hidden: params.hidden.clone(),
        ensemble: params.ensemble.unwrap_or(match data.train {
            _ if params.hidden.is_empty() => 1,
            n if n <= SMALL => 4,
            n if n <= MIDDLE => 2,
            _ => 1,
        }),
        calibration: Calibration::default(),
        center: data.center,
        spread: data.spread,
        refit: false,
        split: data.split.clone(),
    };
    let [train, valid, holdout, all] = data.ranges();
    let plan = plan(&state, &params, data.train);
    for (name, value) in [("epochs", plan.epochs), ("batch", plan.batch), ("patience", plan.patience), ("ensemble", state.ensemble)] {
        resolved.insert(name.into(), json!(value));
    }
    resolved.insert("learning_rate".into(), json!(f64::from(plan.learning_rate)));

    let quiet = Unheard(ctx.watch);
    let unheard = Context { watch: &quiet, ..*ctx };
    let mut networks = Vec::new();
    let mut found = Vec::new();
    for i in 0..state.ensemble {
        let (x, y) = data.part(train.clone());
        let stop = (data.valid > 0).then(|| data.part(valid.clone()));
        let (network, epochs, best) = Mlp::fit(x, y, None, stop, &plan, &seeded(if i == 0 { ctx } else { &unheard }, i))?;
        if i == 0 {
            report.epochs = epochs;
        }
        networks.push(network);
        found.push(best.max(1));
    }
    let simple = if plan.hidden.is_empty() { None } else { Some(baseline(&state, &params, &data, &unheard)?) };
    let mut scorer = Scorer::new(state.clone(), networks.clone(), Vec::new(), simple);
    if params.calibrate && data.valid > 0 {
        state.calibration = calibration(&scorer, &data, ctx)?;
        scorer = Scorer::new(state.clone(), networks.clone(), Vec::new(), scorer.simple_network());
    }

    if !holdout.is_empty() {
        let of = |s: &Scorer| -> Result<Vec<MetricRow>> {
            let (x, _) = data.part(holdout.clone());
            judge::figures(&data.outcome, s.score_encoded(x, ctx)?.view(), &data.answers[holdout.clone()], data.tags.as_ref(), ctx)
        };
        let figures = of(&scorer)?;
        report.judged = judge::judged(&figures);
        report.metrics = judge::object(&figures);
        report.metrics.insert("rows".into(), json!(holdout.len()));
        if let Some(f) = figures.first() {
            report.metrics.insert("judged_by".into(), json!(f.metric));
        }
        if let Some(s) = scorer.simple() {
            let mut of_simple = judge::object(&of(&s)?);
            of_simple.insert("kind".into(), json!(if data.outcome == Outcome::Value { "linear" } else { "logistic" }));
            report.metrics.insert("baseline".into(), Value::Object(of_simple));
        }
        if let Some(i) = incumbent {
            match deployed(i, frame, &data, ctx)? {
                Ok(figure) => report.incumbent = Some(figure),
                Err(why) => report.notices.push(format!("the deployed version was not judged on the held-out rows: {why}")),
            }
        }
    }
    report.metrics.insert("epochs".into(), json!(found[0]));

    let mut tensors = Vec::new();
    if params.refit && train != all {
        for (i, n) in networks.iter().enumerate() {
            tensors.extend(n.to_tensors(&format!("{TWIN}{}", prefix(i))));
        }
        state.refit = true;
        for (i, n) in networks.iter_mut().enumerate() {
            let (x, y) = data.part(all.clone());
            let again = MlpSpec { epochs: found[i], patience: 0, ..plan.clone() };
            *n = Mlp::fit(x, y, None, None, &again, &seeded(&unheard, i))?.0;
        }
    }
    for (i, n) in networks.iter().enumerate() {
        tensors.extend(n.to_tensors(&prefix(i)));
    }
    if let Some(n) = scorer.simple_network() {
        tensors.extend(n.to_tensors(BASELINE));
    }
    let state = serde_json::to_value(&state).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok(Trained { params: Value::Object(resolved), state, tensors, report })
}

fn seeded<'a>(ctx: &Context<'a>, network: usize) -> Context<'a> {
    Context { seed: mix(ctx.seed.wrapping_add(mix(network as u64))), ..*ctx }
}

fn fits(kind: Kind, outcome: &Outcome, target: &str) -> Result<()> {
    let (is, other) = match (kind, outcome) {
        (Kind::Logistic, Outcome::Value) => ("a number", "linear"),
        (Kind::Linear, Outcome::Binary { .. } | Outcome::Classes(_)) => ("classes", "logistic"),
        (Kind::Linear, Outcome::Tags(_)) => ("tags", "logistic"),
        _ => return Ok(()),
    };
    Err(Error::new(Code::WrongType, format!("kind {} does not fit the target \"{target}\"", kind.name()))
        .detail(format!("The target holds {is}."))
        .hint(format!("Use kind => '{other}' or kind => 'mlp'.")))
}

/// Share of a text's words and runs that sit out a step of a model without a hidden layer.
const TEXT_DROPOUT: f32 = 0.3;

/// Pairs of a row and a tag that probabilities of tags are calibrated on, at most.
const PAIRS: usize = 500_000;

/// Up to so many rows that teach, several networks cost a second and are worth it: chance decides much of what one learns.
const SMALL: usize = 20_000;
/// Up to here two still cost little.
const MIDDLE: usize = 400_000;

/// The network and how it is trained, with what the caller left open chosen by the number of rows.
fn plan(state: &State, params: &Params, rows: usize) -> MlpSpec {
    let (batch, epochs) = match rows {
        n if n <= SMALL => (128, 60),
        n if n < 100_000 => (256, 40),
        n if n <= MIDDLE => (512, 20),
        _ => (1024, 12),
    };
    let epochs = params.epochs.unwrap_or(epochs);
    let spec = MlpSpec {
        // Without a hidden layer it acts on texts alone.
        dropout: if params.hidden.is_empty() { TEXT_DROPOUT } else { params.dropout },
        epochs,
        batch: params.batch.unwrap_or(batch),
        learning_rate: params.learning_rate.unwrap_or(if params.hidden.is_empty() { 1e-2 } else { 1e-3 }),
        weight_decay: params.weight_decay,
        patience: params.patience.unwrap_or((epochs / 6).max(3)),
        ..state.spec(&params.hidden)
    };
    if params.label_smoothing > 0.0 && matches!(spec.loss, Loss::SoftmaxCe) {
        return MlpSpec { loss: Loss::SmoothCe(params.label_smoothing), ..spec };
    }
    spec
}

/// The model without a hidden layer, on the same rows.
fn baseline(state: &State, params: &Params, data: &Prepared<'_>, ctx: &Context<'_>) -> Result<Mlp> {
    let bare =
        Params { hidden: Vec::new(), dropout: 0.0, learning_rate: None, epochs: None, batch: None, patience: None, ..params.clone() };
    let [train, valid, ..] = data.ranges();
    let (x, y) = data.part(train);
    let stop = (data.valid > 0).then(|| data.part(valid));
    Ok(Mlp::fit(x, y, None, stop, &plan(state, &bare, data.train), ctx)?.0)
}

fn calibration(scorer: &Scorer, data: &Prepared<'_>, ctx: &Context<'_>) -> Result<Calibration> {
    let [_, valid, ..] = data.ranges();
    let (x, _) = data.part(valid.clone());
    let logits = scorer.logits(x, ctx)?;
    let (logits, k): (Vec<f64>, usize) = (logits.iter().copied().collect(), logits.ncols());
    let answers = &data.answers[valid];
    Ok(match data.outcome {
        Outcome::Binary { .. } => Calibration::binary(&logits, answers),
        Outcome::Classes(_) => Calibration::classes(&logits, k, answers),
        Outcome::Tags(_) => {
            let (mut z, mut y) = (Vec::new(), Vec::new());
            let Some(tags) = &data.tags else { return Ok(Calibration::default()) };
            let step = answers.len().div_ceil((PAIRS / k).max(1)).max(1);
            for (z_row, row) in logits.chunks_exact(k).zip(answers).step_by(step) {
                z.extend_from_slice(z_row);
                y.extend(tags.each(*row as usize).map(|there| f64::from(u8::from(there))));
            }
            ctx.check()?;
            Calibration::binary(&z, &y)
        }
        Outcome::Value => Calibration::default(),
    })
}

/// The deployed version's figure on the held-out rows, or why there is none.
fn deployed(scorer: &Scorer, frame: &Frame, data: &Prepared<'_>, ctx: &Context<'_>) -> Result<std::result::Result<f64, String>> {
    let Some(scorer) = scorer.unseen() else { return Ok(Err("how it was before it saw them is not stored".into())) };
    if *scorer.outcome() != data.outcome {
        return Ok(Err("it predicts something else".into()));
    }
    if let Err(why) = same_side(&scorer.state().split, &data.split) {
        return Ok(Err(why));
    }
    let [.., holdout, _] = data.ranges();
    let x = match Encoded::new(&scorer.state().encoder, frame, &data.rows[holdout.clone()], ctx) {
        Err(e) if matches!(e.code, Code::UndefinedColumn | Code::WrongType | Code::ArrayLength) => return Ok(Err(e.message)),
        x => x?,
    };
    let figures = judge::figures(
        &data.outcome,
        scorer.score_encoded(x.inputs(0..holdout.len()), ctx)?.view(),
        &data.answers[holdout],
        data.tags.as_ref(),
        ctx,
    )?;
    Ok(judge::judged(&figures).ok_or_else(|| "there are none".into()))
}
