//! Generated rows beside real ones: can a classifier tell them apart, and how far apart are their columns.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, Rng, hash};
use crate::dataset::encode::Options;
use crate::dataset::{Cell, Column, Encoder, Family, Frame};
use crate::metric::two_sample::{kolmogorov_smirnov, rank_correlation, total_variation};
use crate::metric::{Auc, State};
use crate::model::mlp::{Mlp, MlpSpec};
use crate::nn::{Loss, Targets};
use crate::train::MetricRow;
use ndarray::{Array2, s};

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    /// Held-out AUC of a classifier that learned to tell the two apart: 0.5 where it cannot; none of too few rows.
    pub auc: Option<f64>,
    /// The Kolmogorov-Smirnov statistic of each number or time that both sides have.
    pub ks: Vec<(String, f64)>,
    /// The total variation distance of each text or truth value.
    pub tv: Vec<(String, f64)>,
    /// The mean difference of the rank correlations of two numbers that vary on both sides; none of fewer.
    pub correlation: Option<f64>,
    /// The mean total variation distance of pairs of texts; none of fewer.
    pub joint: Option<f64>,
    /// Rows of each side.
    pub rows: usize,
}

/// Folds of the classifier: what was learned on the others is evaluated on each.
const FOLDS: usize = 3;
/// Rows of each side that it is shown at most.
const SHOWN: usize = 5_000;
/// Categories whose pairs are compared at most.
const PAIRED: usize = 8;

/// Compares `made` rows with as many `real` ones, in the columns of `made`.
///
/// # Errors
/// [`crate::base::Code::UndefinedColumn`], [`crate::base::Code::WrongType`], [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn compare(real: &Frame, made: &Frame, ctx: &Context<'_>) -> Result<Comparison> {
    let mut out = Comparison { auc: two_sample(real, made, ctx)?, rows: real.rows().min(made.rows()), ..Comparison::default() };
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for m in made.columns() {
        ctx.check()?;
        let r = real.column(&m.name)?;
        match Family::of(&m.values) {
            Family::Number | Family::Time => {
                let known = |c: &Column| values(c).into_iter().filter(|x| !x.is_nan()).collect::<Vec<_>>();
                out.ks.extend(kolmogorov_smirnov(&mut known(r), &mut known(m)).map(|x| (m.name.clone(), x)));
                numbers.push((r, m));
            }
            Family::Text | Family::Bool => {
                out.tv.extend(total_variation(keys(r).into_iter(), keys(m).into_iter()).map(|x| (m.name.clone(), x)));
                texts.push((r, m));
            }
            Family::Vector(_) | Family::Labels => {}
        }
    }
    texts.truncate(PAIRED);
    let pairs = |n: usize| (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)));
    let mean = |x: &[f64]| (!x.is_empty()).then(|| x.iter().sum::<f64>() / x.len().real());
    let joint: Vec<f64> = pairs(texts.len())
        .filter_map(|(i, j)| {
            let both = |a: &Column, b: &Column| keys(a).into_iter().zip(keys(b));
            total_variation(both(texts[i].0, texts[j].0), both(texts[i].1, texts[j].1))
        })
        .collect();
    out.joint = mean(&joint);
    let mut apart = Vec::new();
    for (i, j) in pairs(numbers.len()) {
        ctx.check()?;
        let of = |a: &Column, b: &Column| {
            let (a, b): (Vec<f64>, Vec<f64>) = values(a).into_iter().zip(values(b)).filter(|(x, y)| !x.is_nan() && !y.is_nan()).unzip();
            rank_correlation(&a, &b)
        };
        let both = of(numbers[i].0, numbers[j].0).zip(of(numbers[i].1, numbers[j].1));
        apart.extend(both.map(|(real, made)| (real - made).abs()));
    }
    out.correlation = mean(&apart);
    Ok(out)
}

/// The held-out AUC of an MLP that learns to tell `made` rows from as many `real` ones; none of too few rows, or without a column to learn
/// from. (It sees less than gradient boosting, which still tells rows apart when this one no longer does: `gan` goes on past that.)
///
/// # Errors
/// As [`compare`].
pub fn two_sample(real: &Frame, made: &Frame, ctx: &Context<'_>) -> Result<Option<f64>> {
    let n = real.rows().min(made.rows()).min(SHOWN);
    let rows: Vec<u32> = (0..n as u32).collect();
    let known = |c: &&Column| rows.iter().any(|r| c.values.cell(r.index()) != Cell::Missing);
    let names: Vec<&str> = made
        .columns()
        .iter()
        .map(|m| real.column(&m.name))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .filter(known)
        .map(|c| c.name.as_str())
        .collect();
    let options = Options { min_count: 5, ..Options::default() };
    let encoder = Encoder::fit(real, &names, &rows, &options, ctx)?;
    if n < 2 * FOLDS || encoder.width() == 0 {
        return Ok(None);
    }
    let _held = ctx.budget.take(encoder.bytes(4 * n), "Telling generated rows from real ones")?;
    // Real and generated rows by turns, so that every fold has as many of each.
    let (a, b) = (encoder.frame(real, &rows, ctx)?, encoder.frame(made, &rows, ctx)?);
    let mut x = Array2::zeros((2 * n, encoder.width()));
    x.slice_mut(s![..;2, ..]).assign(&a);
    x.slice_mut(s![1..;2, ..]).assign(&b);
    drop((a, b));
    let y: Vec<f32> = (0..2 * n).map(|i| (i % 2).single()).collect();
    let spec = MlpSpec {
        dropout: 0.2,
        epochs: 15,
        patience: 0,
        learning_rate: 2e-3,
        weight_decay: 0.01,
        ..MlpSpec::new(encoder.width(), 1, Loss::Bce)
    };
    let quiet = crate::train::silent::Silent(ctx.watch);
    let ctx = &Context { watch: &quiet, ..*ctx };
    let mut sum = 0.0;
    for fold in 0..FOLDS {
        let side = |holdout: bool| (0..2 * n).filter(move |i| (i / 2 % FOLDS == fold) == holdout).collect::<Vec<_>>();
        let (train, test) = (side(false), side(true));
        let answers: Vec<f32> = train.iter().map(|i| y[*i]).collect();
        let (m, ..) = Mlp::fit(x.select(ndarray::Axis(0), &train).view(), Targets::Binary(&answers), None, None, &spec, ctx)?;
        let z = m.logits(x.select(ndarray::Axis(0), &test).view(), ctx.pool)?;
        let mut auc = Auc::default();
        for (z, i) in z.iter().zip(&test) {
            auc.add(f64::from(*z), i % 2 == 1)?;
        }
        let Some(auc) = auc.figure()? else { return Ok(None) };
        sum += auc / FOLDS.real();
    }
    Ok(Some(sum))
}

/// Real rows with every column put into another order by itself: what is left when no column knows of another.
pub fn independent(real: &Frame, ctx: &Context<'_>) -> Result<Frame> {
    let columns = real.columns().iter().enumerate().map(|(i, c)| {
        let mut order: Vec<u32> = (0..real.rows() as u32).collect();
        Rng::stream(ctx.seed, 0x9u64 << 32 | i as u64).shuffle(&mut order);
        Column { name: c.name.clone(), values: c.values.take(&order) }
    });
    Frame::new(columns.collect())
}

/// A comparison as figures; those of each column have its name behind a dot.
pub fn figures(c: &Comparison, baseline: Option<&str>) -> Vec<MetricRow> {
    let one = |metric: String, value: f64| MetricRow {
        baseline: baseline.map(str::to_owned),
        metric,
        k: None,
        value,
        low: None,
        high: None,
        rows: c.rows as u64,
    };
    let mut out: Vec<MetricRow> = c.auc.map(|x| one("two_sample_auc".into(), x)).into_iter().collect();
    for (name, of) in [("ks", &c.ks), ("tv", &c.tv)] {
        if !of.is_empty() {
            out.push(one(name.into(), of.iter().map(|x| x.1).sum::<f64>() / of.len().real()));
        }
    }
    out.extend(c.correlation.map(|x| one("correlation".into(), x)));
    out.extend(c.joint.map(|x| one("joint_tv".into(), x)));
    if baseline.is_none() {
        for (name, of) in [("ks", &c.ks), ("tv", &c.tv)] {
            out.extend(of.iter().map(|(column, x)| one(format!("{name}.{column}"), *x)));
        }
    }
    out
}

/// Numbers or times as numbers, NaN where missing.
fn values(c: &Column) -> Vec<f64> {
    let one = |r| match c.values.cell(r) {
        Cell::Number(x) => x,
        Cell::Time(t) => t.real(),
        _ => f64::NAN,
    };
    (0..c.values.len()).looking().map(one).collect()
}

/// A hash of each text or truth value.
fn keys(c: &Column) -> Vec<u64> {
    let one = |r| match c.values.cell(r) {
        Cell::Text(t) => hash::bytes(1, t.as_bytes()),
        Cell::Bool(b) => 2 + u64::from(b),
        _ => 1,
    };
    (0..c.values.len()).looking().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::Values;

    fn rows(n: usize, seed: u64, shift: f64) -> Frame {
        let mut rng = Rng::new(seed);
        let (mut a, mut b, mut t, mut u) = (vec![], vec![], vec![], vec![]);
        for _ in 0..n {
            let z = rng.normal();
            a.push(z + shift);
            b.push(2.0 * z + 0.5 * rng.normal());
            t.push(u32::from(z > 0.0));
            u.push(u8::from(z + 0.3 * rng.normal() > 0.0));
        }
        let levels = vec!["low".to_owned(), "high".to_owned()];
        let c = |name: &str, values| Column { name: name.into(), values };
        Frame::new(vec![
            c("a", Values::Double(a)),
            c("b", Values::Double(b)),
            c("t", Values::Category { codes: t, levels }),
            c("u", Values::Bool(u)),
        ])
        .unwrap()
    }

    #[test]
    fn the_same_law_cannot_be_told_apart_and_another_can() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
        let real = rows(1500, 1, 0.0);
        let same = compare(&real, &rows(1500, 2, 0.0), &ctx).unwrap();
        assert!((same.auc.unwrap() - 0.5).abs() < 0.05 && same.correlation.unwrap() < 0.02 && same.joint.unwrap() < 0.06, "{same:?}");
        assert!(same.ks.iter().chain(&same.tv).all(|x| x.1 < 0.06) && same.rows == 1500);
        let moved = compare(&real, &rows(1500, 2, 1.0), &ctx).unwrap();
        assert!(moved.auc.unwrap() > 0.9 && moved.ks[0].1 > 0.3 && moved.ks[1].1 < 0.06, "{moved:?}");
        let shuffled = independent(&real, &ctx).unwrap();
        let apart = compare(&real, &shuffled, &ctx).unwrap();
        assert!(apart.auc.unwrap() > 0.85 && apart.correlation.unwrap() > 0.8 && apart.joint.unwrap() > 0.3, "{apart:?}");
        assert!(apart.ks.iter().chain(&apart.tv).all(|x| x.1 == 0.0));
        let names: Vec<String> = figures(&apart, None).into_iter().map(|f| f.metric).collect();
        assert_eq!(names, ["two_sample_auc", "ks", "tv", "correlation", "joint_tv", "ks.a", "ks.b", "tv.t", "tv.u"]);
        assert_eq!(figures(&apart, Some("independent columns")).len(), 5);
    }

    #[test]
    fn of_few_rows_there_is_no_figure() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
        let one = compare(&rows(1, 1, 0.0), &rows(1, 2, 0.0), &ctx).unwrap();
        assert_eq!((one.auc, one.correlation, one.ks.len()), (None, None, 2));
        assert!(figures(&one, None).iter().all(|f| f.metric != "two_sample_auc" && f.metric != "correlation"));
    }
}
