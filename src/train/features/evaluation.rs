//! A model that gives rows back, evaluated on the rows of a relation, with a typical row beside it.

use super::figures::{self, Figure, Sums, blocks};
use super::rebuild::{Rebuild, Scratch};
use crate::base::number::AsReal;
use crate::base::{Context, Result, Rng};
use crate::dataset::{Cell, Encoder, Frame};
use crate::train::MetricRow;

/// Draws of rows with replacement, for the intervals (Efron 1979; percentiles).
const DRAWS: usize = 500;

/// What gives every row back as the same one: of each number the middle, of each category the most frequent value.
struct Typical<'e> {
    encoder: &'e Encoder,
    row: Vec<f32>,
}

impl<'e> Typical<'e> {
    fn new(encoder: &'e Encoder) -> Result<Self> {
        let mut row = vec![0.0; encoder.width()];
        // A value that is missing counts as this.
        encoder.row(&vec![Cell::Missing; encoder.inputs().len()], &mut row)?;
        Ok(Self { encoder, row })
    }
}

impl Rebuild for Typical<'_> {
    fn encoder(&self) -> &Encoder {
        self.encoder
    }

    fn usual(&self) -> &[f64] {
        &[]
    }

    fn encode(&self, _: &[Cell<'_>], _: &mut Scratch) -> Result<()> {
        Ok(())
    }

    fn rebuild(&self, scratch: &mut Scratch) {
        scratch.rebuilt.clone_from(&self.row)
    }

    fn numbers<'s>(&self, i: usize, scratch: &'s Scratch) -> &'s [f32] {
        &scratch.rebuilt[self.encoder.range(i)]
    }

    fn error(&self, _: usize, _: &Cell<'_>, _: &Scratch) -> f64 {
        0.0
    }
}

/// How well the rows of `frame` come back: over all columns (`reconstruction`: the mean over the columns), over those with an `r2` and
/// those with an `accuracy`, and each column by itself (`r2.price`); then the same of a typical row. Of very many rows some, evenly spread.
///
/// # Errors
/// [`crate::base::Code::UndefinedColumn`], [`crate::base::Code::WrongType`], [`crate::base::Code::ArrayLength`],
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn evaluate(model: &dyn Rebuild, frame: &Frame, ctx: &Context<'_>) -> Result<Vec<MetricRow>> {
    let mut out = of(model, None, frame, ctx)?;
    out.extend(of(&Typical::new(model.encoder())?, Some("typical row"), frame, ctx)?);
    Ok(out)
}

fn of(model: &dyn Rebuild, baseline: Option<&str>, frame: &Frame, ctx: &Context<'_>) -> Result<Vec<MetricRow>> {
    let by = model.encoder();
    let rows: Vec<u32> = (0..frame.rows() as u32).collect();
    let blocks = blocks(model, by, frame, &rows, ctx)?;
    let together = |chosen: &mut dyn Iterator<Item = &Sums>| {
        let mut all = Sums::new(by, model);
        chosen.for_each(|s| all.add(s));
        all.figures(by)
    };
    let figures = together(&mut blocks.iter());
    let mut rng = Rng::stream(ctx.seed, 0xb00);
    let mut drawn: Vec<Vec<(String, f64)>> = Vec::new();
    if blocks.len() > 1 {
        for _ in 0..DRAWS {
            ctx.check()?;
            let mut chosen = (0..blocks.len()).map(|_| &blocks[rng.below(blocks.len())]);
            drawn.push(named(&together(&mut chosen)).into_iter().map(|(name, value, _)| (name, value)).collect());
        }
    }
    let one = |(metric, value, rows): (String, f64, u64)| {
        let mut values: Vec<f64> = drawn.iter().filter_map(|d| d.iter().find(|(name, _)| *name == metric)).map(|d| d.1).collect();
        values.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| values.get((share * values.len() as f64) as usize).copied();
        MetricRow { baseline: baseline.map(str::to_owned), metric, k: None, value, low: at(0.025), high: at(0.975), rows }
    };
    Ok(named(&figures).into_iter().map(one).collect())
}

/// Figures by name, those of all columns first, with the rows behind them.
fn named(figures: &[Figure]) -> Vec<(String, f64, u64)> {
    let rows = |of: &[&Figure]| of.iter().map(|f| f.rows).max().unwrap_or(0);
    let all: Vec<&Figure> = figures.iter().collect();
    let mut out: Vec<(String, f64, u64)> =
        figures::evaluated(figures).map(|x| ("reconstruction".to_owned(), x, rows(&all))).into_iter().collect();
    for metric in ["r2", "accuracy"] {
        let of: Vec<&Figure> = figures.iter().filter(|f| f.metric == metric).collect();
        if !of.is_empty() {
            out.push((metric.to_owned(), of.iter().map(|f| f.value).sum::<f64>() / of.len().real(), rows(&of)));
        }
    }
    out.extend(figures.iter().map(|f| (format!("{}.{}", f.metric, f.column), f.value, f.rows)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::dataset::{Column, Values};
    use crate::train::features::{Features, FeaturesSpec, fit};
    use serde_json::json;

    #[test]
    fn a_model_is_better_than_a_typical_row_and_its_intervals_hold_it() {
        let (pool, budget) = (Pool::new(2).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let frame = |n: usize, seed: u64| {
            let mut r = Rng::new(seed);
            let a: Vec<f64> = (0..n).map(|_| r.normal()).collect();
            let c = |name: &str, values| Column { name: name.into(), values };
            let codes = a.iter().map(|a| if *a > 0.7 { 2 } else { u32::from(*a > -0.3) }).collect();
            Frame::new(vec![
                c("x", Values::Double(a.iter().map(|a| a + 0.3 * r.normal()).collect())),
                c("y", Values::Double(a.iter().map(|a| 5.0 - 2.0 * a).collect())),
                c("level", Values::Category { codes, levels: ["low", "middle", "high"].map(str::to_owned).to_vec() }),
            ])
            .unwrap()
        };
        let spec = FeaturesSpec { kind: "pca".into(), time_col: None, group_col: None, params: json!({"width": 2}) };
        let t = fit(&frame(2000, 1), &spec, None, &ctx).unwrap();
        let model = Features::load("pca", &t.state, &t.tensors).unwrap();
        let rows = model.evaluate(&frame(1500, 2), &ctx).unwrap();
        let names: Vec<&str> = rows.iter().filter(|r| r.baseline.is_none()).map(|r| r.metric.as_str()).collect();
        assert_eq!(names, ["reconstruction", "r2", "accuracy", "r2.x", "r2.y", "accuracy.level"]);
        assert_eq!(rows.len(), 12);
        for (own, simple) in rows[..6].iter().zip(&rows[6..]) {
            assert_eq!((&own.metric, simple.baseline.as_deref(), own.rows), (&simple.metric, Some("typical row"), 1500));
            for r in [own, simple] {
                let (low, high) = (r.low.unwrap(), r.high.unwrap());
                assert!(low <= r.value && r.value <= high && high - low < 0.15, "{r:?}");
            }
            assert!(own.low > simple.high, "{own:?} {simple:?}");
        }
        // accuracy's interval is that of a share of 1500 rows
        let share = &rows[11];
        let half = 1.96 * (share.value * (1.0 - share.value) / 1500.0).sqrt();
        let is = (share.high.unwrap() - share.low.unwrap()) / 2.0;
        assert!((is / half - 1.0).abs() < 0.25, "{is} {half}");
        // one row has no interval
        assert!(model.evaluate(&frame(1, 3), &ctx).unwrap().iter().all(|r| r.low.is_none()));
    }
}
