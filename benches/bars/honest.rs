//! `split-honest`: tables of few distinct rows, where a frequency table is all there is to know. A model must not be worse than a constant,
//! and hardly worse than the table, on fresh rows of the same distribution.

use crate::bench::{Bench, Better};
use pg_affinity::base::{Budget, Context, Pool, Quiet, Rng};
use pg_affinity::dataset::{Column, Frame, Values};
use pg_affinity::serve::scorer::Scorer;
use pg_affinity::train::rows::{RowsSpec, fit};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Levels of each of two columns: 4, 9, 36 and 100 combinations.
const LEVELS: [usize; 4] = [2, 3, 6, 10];
/// Tables of each.
const TABLES: u64 = 60;
/// Rows that teach, and as many fresh ones.
const ROWS: usize = 6_000;
/// Log loss above that of the frequency table, as a share of it.
const EXCESS: f64 = 0.03;

pub fn run(bench: &mut Bench) -> Result<()> {
    let (mut worse, mut worst) = (0usize, 0.0f64);
    for levels in LEVELS {
        let mut excess = Vec::new();
        for seed in 0..TABLES {
            let found = table(levels, seed)?;
            if found.model > found.constant {
                worse += 1;
                let Found { model, table, constant } = found;
                let text = format!("{} combinations, seed {seed}: model {model:.5}, constant {constant:.5}, frequency table {table:.5}", levels * levels);
                bench.note("split-honest.worse-than-a-constant", &text);
            }
            excess.push(found.model / found.table - 1.0);
        }
        excess.sort_unstable_by(f64::total_cmp);
        let most = excess[excess.len() - 1];
        worst = worst.max(most);
        let mean = excess.iter().sum::<f64>() / excess.len() as f64;
        bench.note(
            "split-honest",
            &format!("{} combinations: log loss above the frequency table's, mean {mean:.4}, worst {most:.4}", levels * levels),
        );
    }
    bench.none("split-honest.worse-than-a-constant", worse);
    bench.bar("split-honest", worst, EXCESS, Better::Less);
    Ok(())
}

/// Mean log losses on fresh rows.
pub struct Found {
    /// Of the model.
    pub model: f64,
    /// Of the frequency table with one added to each count.
    pub table: f64,
    /// Of the share in the rows that teach.
    pub constant: f64,
}

/// One random table: the combinations are unequally frequent, each has a rate of its own, in every second table a low one. Of every four
/// tables one names its levels by texts, one by whole numbers, two by both.
pub fn table(levels: usize, seed: u64) -> Result<Found> {
    let mut r = Rng::new(seed * 1_000 + levels as u64);
    let cells = levels * levels;
    let often: Vec<f64> = (0..cells).map(|_| -(1.0 - r.uniform()).ln()).collect();
    let rate: Vec<f64> =
        (0..cells).map(|_| if seed.is_multiple_of(2) { 0.02 + 0.96 * r.uniform() } else { 0.01 + 0.6 * r.uniform().powi(3) }).collect();
    let sum: f64 = often.iter().sum();
    let mut draw = |n: usize| -> Vec<(usize, bool)> {
        let one = |r: &mut Rng| {
            let mut u = r.uniform() * sum;
            let cell = often
                .iter()
                .position(|w| {
                    u -= w;
                    u <= 0.0
                })
                .unwrap_or(cells - 1);
            (cell, r.uniform() < rate[cell])
        };
        (0..n).map(|_| one(&mut r)).collect()
    };
    let (past, fresh) = (draw(ROWS), draw(ROWS));
    let frame = |rows: &[(usize, bool)]| -> Result<Frame> {
        let column = |name: &str, level: &dyn Fn(usize) -> usize, text: bool| Column {
            name: name.into(),
            values: if text {
                Values::Category {
                    codes: rows.iter().map(|x| level(x.0) as u32).collect(),
                    levels: (0..levels).map(|l| format!("{name}{l}")).collect(),
                }
            } else {
                Values::Double(rows.iter().map(|x| level(x.0) as f64).collect())
            },
        };
        Ok(Frame::new(vec![
            column("a", &|c| c % levels, !seed.is_multiple_of(4)),
            column("b", &|c| c / levels, seed % 4 == 1),
            Column { name: "y".into(), values: Values::Bool(rows.iter().map(|x| u8::from(x.1)).collect()) },
        ])?)
    };
    let (pool, budget) = (Pool::new(2)?, Budget::unlimited());
    let ctx = Context { seed, pool: &pool, budget: &budget, watch: &Quiet };
    let spec = RowsSpec { kind: "mlp".into(), target: "y".into(), time_col: None, group_col: None, params: serde_json::json!({}) };
    let trained = fit(&frame(&past)?, &spec, None, &ctx)?;
    let scores = Scorer::load("mlp", &trained.state, &trained.tensors)?.score_frame(&frame(&fresh)?, &ctx)?;
    let (mut n, mut yes) = (vec![2.0; cells], vec![1.0; cells]);
    past.iter().for_each(|(c, y)| {
        n[*c] += 1.0;
        yes[*c] += f64::from(u8::from(*y))
    });
    let share = past.iter().filter(|x| x.1).count() as f64 / ROWS as f64;
    let loss = |p: &dyn Fn(usize, usize) -> f64| {
        let one = |(i, (c, y)): (usize, &(usize, bool))| {
            let p = p(i, *c);
            -(if *y { p } else { 1.0 - p }).max(1e-300).ln()
        };
        fresh.iter().enumerate().map(one).sum::<f64>() / ROWS as f64
    };
    Ok(Found { model: loss(&|i, _| scores[[i, 0]]), table: loss(&|_, c| yes[c] / n[c]), constant: loss(&|_, _| share) })
}
