//! `kind => 'gan'`: rows that are like those of a relation.

use super::compare::{self, Comparison};
use super::generative::{Generative, State, like};
use super::nearest::{Nearest, nearest};
use super::prepare::Job;
use crate::base::number::AsReal;
use crate::base::{Context, Epoch, Error, Result, Rng, Tensor, params};
use crate::dataset::mixed::{Mixed, MixedRows};
use crate::dataset::{Family, Frame};
use crate::model::gan::{Gan, GanSpec, Losses, Params, Training};
use crate::train::holdout::same_side;
use crate::train::rows::inputs;
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Rows without which an evaluation says nothing.
/// (The AUC of 193 still scatters by .1.)
const FEW: usize = 50;
/// Rows that an epoch is evaluated on at most.
const EVALUATED: usize = 2000;
/// Epochs that pass without a better one before it stops, as a share of all.
const PATIENCE: f64 = 0.5;

/// Trains on the rows that teach, keeps the epoch whose rows are hardest to tell from those that say when to stop, evaluates.
///
/// # Errors
/// Those of [`super::fit`].
pub fn fit(job: &mut Job<'_>, ctx: &Context<'_>) -> Result<(Value, Vec<Tensor>)> {
    let own: Params = params::typed(job.params)?;
    let data = &job.data;
    let frame = data.frame;
    let (arrays, names): (Vec<&str>, Vec<&str>) =
        data.names.iter().partition(|n| frame.column(n).is_ok_and(|c| matches!(Family::of(&c.values), Family::Vector(_) | Family::Labels)));
    if !arrays.is_empty() {
        job.report.notices.push(format!("arrays are not generated: {} left out", inputs::quoted(&arrays)));
    }
    let train = &data.parts.train;
    let mixed = Mixed::fit(frame, &names, train, (job.common.min_count, job.common.max_levels), own.condition.as_deref(), ctx)?;
    if mixed.layout().width() == 0 {
        return Err(inputs::no_columns(frame, None));
    }
    if let Some(c) = mixed.condition() {
        job.params.insert("condition".into(), json!(c.name));
    }
    let spec = own.spec(mixed.layout().clone())?;
    let (critic, generator) = (spec.critic()?, spec.generator()?);
    let bytes = Training::bytes(&spec, &critic, &generator, train.len()).saturating_add(MixedRows::bytes(mixed.layout(), train.len()));
    let _held = ctx.budget.take(bytes, &format!("Training a GAN of {} weights", critic.parameters() + generator.parameters()))?;
    let rows = mixed.rows(frame, train, ctx)?;

    let valid = frame.take(&data.parts.valid[..data.parts.valid.len().min(EVALUATED)]);
    let evaluate = |gan: &Gan| -> Result<Option<f64>> {
        if valid.rows() < FEW {
            return Ok(None);
        }
        compare::two_sample(&valid, &like(gan, &mixed, &valid, ctx)?.0, ctx)
    };
    // Twice the standard error of the AUC of two samples of one law.
    let slack = 2.0 * (1.0 / (6.0 * valid.rows().max(1).real())).sqrt();
    let (kept, mut gan) = run(&spec, (own.epochs, slack), &rows, &evaluate, &mut job.report.epochs, ctx)?;
    gan.level(&mut Rng::stream(ctx.seed, 6))?;
    job.report.metrics.insert("epochs".into(), json!(kept));

    // Scores of rows that the critic did not learn from, where there are any.
    let parts = &data.parts;
    let unseen = [&parts.holdout[..], &parts.valid[..]].concat();
    let asked = if unseen.len() < FEW { train } else { &unseen };
    let state = State::new(mixed.clone(), spec, data.split.clone());
    let mut model = Generative::new(state, gan);
    model.rank_scores(frame, asked, ctx)?;
    if parts.holdout.len() >= FEW {
        let holdout = frame.take(&parts.holdout);
        let (made, made_rows) = like(model.gan(), &mixed, &holdout, ctx)?;
        let all: Vec<u32> = (0..holdout.rows() as u32).collect();
        let near = nearest(mixed.layout(), &rows, &made_rows, &mixed.rows(&holdout, &all, ctx)?, ctx)?;
        let own = compare::compare(&holdout, &made, ctx)?;
        let names: Vec<&str> = made.columns().iter().map(|c| c.name.as_str()).collect();
        let simple = compare::two_sample(&compare::independent(&only(&holdout, &names)?, ctx)?, &only(&holdout, &names)?, ctx)?;
        report(job, &own, near.as_ref(), simple);
        model.set_nearest(near.map(|n| n.ratio));
        incumbent(job, &holdout, ctx)?;
    }
    let state = serde_json::to_value(model.state()).map_err(|e| Error::internal(format!("state: {e}")))?;
    Ok((state, model.gan().to_tensors()))
}

/// The columns of a frame that were learned.
fn only(frame: &Frame, names: &[&str]) -> Result<Frame> {
    Frame::new(names.iter().map(|n| frame.column(n).cloned()).collect::<Result<_>>()?)
}

/// The training: every part of it is an epoch, with the critic's mean loss, the generator's and the evaluation. Kept are the networks of
/// the last epoch that is not worse than the best by more than `slack`, what chance may do: training goes on improving after the classifier
/// sees nothing any more.
fn run(
    spec: &GanSpec,
    (epochs, slack): (usize, f64),
    rows: &MixedRows,
    evaluate: &dyn Fn(&Gan) -> Result<Option<f64>>,
    curve: &mut Vec<Epoch>,
    ctx: &Context<'_>,
) -> Result<(u32, Gan)> {
    let mut training = Training::new(spec, rows, ctx.seed)?;
    let epochs = epochs.min(spec.steps).max(1);
    let mut lowest = f64::INFINITY;
    let mut kept: Option<(u32, Gan)> = None;
    for epoch in 1..=epochs {
        let start = Instant::now();
        let steps = spec.steps * epoch / epochs - spec.steps * (epoch - 1) / epochs;
        let mut sum = Losses::default();
        for _ in 0..steps {
            let l = training.step(ctx)?;
            sum.critic += l.critic / steps.real();
            sum.generator += l.generator / steps.real();
        }
        let seconds = start.elapsed().as_secs_f64();
        let gan = training.snapshot(ctx.seed)?;
        let figure = evaluate(&gan)?;
        let number = epoch as u32;
        let metric = figure.map(|f| ("two_sample_auc".to_owned(), f));
        let e = Epoch { epoch: number, train_loss: sum.critic, valid_loss: Some(sum.generator), metric, seconds };
        ctx.watch.epoch(&e);
        ctx.watch.done(epoch as u64, epochs as u64);
        curve.push(e);
        // Without an evaluation the last is as good as any.
        let figure = figure.unwrap_or(0.0);
        lowest = lowest.min(figure);
        match &kept {
            Some((at, _)) if figure > lowest + slack => {
                if f64::from(number - at) > PATIENCE * epochs.real() {
                    break;
                }
            }
            _ => kept = Some((number, gan)),
        }
    }
    kept.ok_or_else(|| Error::internal("a GAN without an epoch"))
}

fn report(job: &mut Job<'_>, own: &Comparison, near: Option<&Nearest>, simple: Option<f64>) {
    let round = |x: f64| json!((x * 1e5).round() / 1e5);
    let metrics = &mut job.report.metrics;
    for f in compare::figures(own, None).into_iter().filter(|f| !f.metric.contains('.')) {
        metrics.insert(f.metric, round(f.value));
    }
    let columns: Map<String, Value> = own.ks.iter().chain(&own.tv).map(|(c, x)| (c.clone(), round(*x))).collect();
    metrics.insert("columns".into(), Value::Object(columns));
    if let Some(n) = near {
        metrics.insert("nearest".into(), round(n.ratio));
        metrics.insert("copies".into(), json!({"generated": round(n.copies), "held_out": round(n.held_copies)}));
    }
    metrics.insert("evaluated_by".into(), json!("two_sample_auc"));
    metrics.insert("rows".into(), json!(own.rows));
    metrics.insert("baseline".into(), json!({"independent columns": simple.map(|x| json!({"two_sample_auc": round(x)}))}));
    job.report.evaluated = own.auc.map(|x| -x);
}

/// The deployed version's figure on the same rows.
fn incumbent(job: &mut Job<'_>, holdout: &Frame, ctx: &Context<'_>) -> Result<()> {
    let Some(deployed) = job.incumbent else { return Ok(()) };
    let why = match deployed.generative() {
        Some(m) => match same_side(m.split(), &job.data.split) {
            Ok(()) => match m.like(holdout, ctx).and_then(|made| compare::two_sample(holdout, &made, ctx)) {
                Ok(auc) => {
                    job.report.incumbent = auc.map(|x| -x);
                    return Ok(());
                }
                Err(e) if matches!(e.code, crate::base::Code::UndefinedColumn | crate::base::Code::WrongType) => e.message,
                Err(e) => return Err(e),
            },
            Err(why) => why,
        },
        None => "it generates no rows".into(),
    };
    job.report.notices.push(format!("the deployed version was not evaluated on the held-out rows: {why}"));
    Ok(())
}
