//! What a model goes by: how much worse its main figure becomes where the values of one column are dealt among the rows (permutation
//! importance, Breiman 2001; Fisher, Rudin & Dominici 2019).

use super::tags::TagSets;
use crate::base::{Context, Result, Rng, zeros};
use crate::dataset::{Cell, Column, Frame};
use crate::metric::Mean;
use crate::serve::Outcome;
use crate::serve::scorer::{Scorer, Scratch};

/// Times that a column is dealt.
pub const REPEATS: usize = 5;
/// Columns that are tried at most: the first.
pub const COLUMNS: usize = 200;
/// Rows by which they are evaluated at most.
pub const ROWS: usize = 4_000;
/// Rows that are scored in all, about: where columns are many, each is told by fewer rows.
const WORK: usize = 400_000;
/// Rows that are held out at least, where there are so many.
const LEAST: usize = 400;
/// Rows that are scored between two looks at whether to stop.
const STEP: usize = 64;

/// How much one column matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The column.
    pub column: String,
    /// By how much the figure is worse without what the column says.
    pub worse: f64,
    /// The 95 % interval of that over rows; none where there are fewer than two.
    pub interval: Option<(f64, f64)>,
}

/// The columns of a model by how much they matter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Importances {
    /// The most important first.
    pub columns: Vec<Importance>,
    /// The figure that becomes worse, of which less is better.
    pub metric: &'static str,
    /// Its value on these rows as they are.
    pub value: f64,
    /// Rows that evaluated.
    pub rows: usize,
    /// Columns that were not tried, as there are too many.
    pub left_out: usize,
}

/// The evaluation rows: each by its part, with its answer.
struct Rows<'a> {
    parts: &'a [(&'a Scorer, &'a [u32])],
    /// (part, row), the rows of a part one after the other.
    of: Vec<(usize, u32)>,
    columns: Vec<&'a Column>,
    answers: &'a [f64],
    tags: Option<&'a TagSets>,
}

/// The importance of every column for rows of `frame`, some by each scorer of `parts`; rows whose answer is NaN do not count. The same seed
/// gives the same.
///
/// # Errors
/// As [`Scorer::score`]; [`crate::base::Code::UndefinedColumn`], [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn importances(
    parts: &[(&Scorer, &[u32])],
    frame: &Frame,
    (answers, tags): (&[f64], Option<&TagSets>),
    ctx: &Context<'_>,
) -> Result<Importances> {
    let Some((first, _)) = parts.first() else { return Ok(Importances::default()) };
    let inputs = first.inputs();
    let columns = inputs.iter().map(|i| frame.column(&i.name)).collect::<Result<Vec<_>>>()?;
    let tried = columns.len().min(COLUMNS);
    let most = (WORK / (REPEATS * tried.max(1))).clamp(LEAST, ROWS);
    let known = parts.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    // Beside the rows themselves each thread has an order of them, and the losses of a column.
    let _held = ctx.budget.take(known.saturating_mul(16) + 16 * most * (1 + ctx.pool.threads()), "The importance of columns")?;
    let rows = Rows { parts, of: sample(parts, answers, most, ctx.seed), columns, answers, tags };
    let value = first.outcome() == &Outcome::Value;
    let plain = rows.losses(None, &mut zeros(rows.of.len())?, ctx)?;
    let mut each: Vec<Result<Importance>> = Vec::new();
    each.resize_with(tried, || Ok(Importance { column: String::new(), worse: 0.0, interval: None }));
    ctx.pool.each_mut(&mut each, |column, out| *out = rows.importance(column, (&plain, value), ctx));
    let mut out = each.into_iter().collect::<Result<Vec<_>>>()?;
    out.iter_mut().zip(inputs).for_each(|(i, input)| i.column.clone_from(&input.name));
    out.sort_by(|a, b| b.worse.total_cmp(&a.worse));
    let mean = mean(&plain);
    Ok(Importances {
        columns: out,
        metric: if value { "rmse" } else { "log_loss" },
        value: if value { mean.sqrt() } else { mean },
        rows: rows.of.len(),
        left_out: inputs.len() - tried,
    })
}

/// At most so many of the rows that have an answer, in their order.
fn sample(parts: &[(&Scorer, &[u32])], answers: &[f64], most: usize, seed: u64) -> Vec<(usize, u32)> {
    let of = |(part, (_, rows)): (usize, &(&Scorer, &[u32]))| rows.iter().map(move |r| (part, *r)).collect::<Vec<_>>();
    let mut rows: Vec<(usize, u32)> = parts.iter().enumerate().flat_map(of).collect();
    rows.retain(|(_, r)| answers.get(*r as usize).is_some_and(|y| !y.is_nan()));
    if rows.len() > most {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        Rng::stream(seed, 0x1a9).shuffle(&mut order);
        order.truncate(most);
        order.sort_unstable();
        rows = order.into_iter().map(|i| rows[i]).collect();
    }
    rows
}

fn mean(x: &[f64]) -> f64 {
    if x.is_empty() { 0.0 } else { x.iter().sum::<f64>() / x.len() as f64 }
}

impl Rows<'_> {
    /// The loss of each row: of log loss or of the squared error; the values of column `dealt.0` are those of the rows `dealt.1`.
    fn losses(&self, dealt: Option<(usize, &[u32])>, out: &mut [f64], ctx: &Context<'_>) -> Result<Vec<f64>> {
        let mut scratch = Scratch::default();
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(self.columns.len());
        for (i, ((part, row), loss)) in self.of.iter().zip(out.iter_mut()).enumerate() {
            if i.is_multiple_of(STEP) {
                ctx.check()?;
            }
            cells.clear();
            cells.extend(self.columns.iter().map(|c| c.values.cell(*row as usize)));
            if let Some((column, rows)) = dealt {
                cells[column] = self.columns[column].values.cell(rows[i] as usize);
            }
            let scorer = self.parts[*part].0;
            *loss += self.loss(scorer.outcome(), scorer.score(&cells, &mut scratch)?, *row);
        }
        Ok(out.to_vec())
    }

    fn loss(&self, outcome: &Outcome, scores: &[f64], row: u32) -> f64 {
        let answer = self.answers[row as usize];
        let nats = |p: f64| -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
        match outcome {
            Outcome::Binary { .. } => nats(if answer == 1.0 { scores[0] } else { 1.0 - scores[0] }),
            Outcome::Classes(_) => nats(scores.get(answer as usize).copied().unwrap_or(0.0)),
            Outcome::Value => (scores[0] - answer).powi(2),
            Outcome::Tags(_) => {
                let each = self.tags.into_iter().flat_map(|t| t.each(row as usize));
                let sum: f64 = scores.iter().zip(each).map(|(p, there)| nats(if there { *p } else { 1.0 - p })).sum();
                sum / scores.len().max(1) as f64
            }
        }
    }

    /// A column's values are dealt among the rows that one scorer evaluates, so that those of a turn stay with it.
    fn importance(&self, column: usize, (plain, value): (&[f64], bool), ctx: &Context<'_>) -> Result<Importance> {
        let mut dealt = zeros(self.of.len())?;
        let mut order: Vec<u32> = self.of.iter().map(|r| r.1).collect();
        for repeat in 0..REPEATS {
            let mut rng = Rng::stream(ctx.seed, 0x9e00 + (column * REPEATS + repeat) as u64);
            let mut from = 0;
            while from < order.len() {
                let part = self.of[from].0;
                let end = from + self.of[from..].partition_point(|r| r.0 == part);
                rng.shuffle(&mut order[from..end]);
                from = end;
            }
            self.losses(Some((column, &order)), &mut dealt, ctx)?;
        }
        dealt.iter_mut().for_each(|x| *x /= REPEATS as f64);
        Ok(worse(plain, &dealt, value))
    }
}

/// By how much the mean loss of rows is worse, or its root, with an interval over the rows: each is evaluated with and without, and what
/// they differ by has a mean and a deviation of its own (for roots by their first derivative).
fn worse(plain: &[f64], dealt: &[f64], root: bool) -> Importance {
    let (a, b) = (mean(plain), mean(dealt));
    let slope = |x: f64| if x > 0.0 { 0.5 / x.sqrt() } else { 0.0 };
    let (before, after, worse) = if root { (slope(a), slope(b), b.sqrt() - a.sqrt()) } else { (1.0, 1.0, b - a) };
    let mut apart = Mean::default();
    plain.iter().zip(dealt).for_each(|(x, y)| apart.add(after * (y - b) - before * (x - a)));
    let half = apart.interval().map(|(low, high)| (high - low) / 2.0);
    Importance { column: String::new(), worse, interval: half.map(|h| (worse - h, worse + h)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_difference() {
        let i = worse(&[1.0, 2.0, 3.0, 2.0], &[2.0, 2.0, 5.0, 3.0], false);
        // Differences 1, 0, 2, 1: mean 1, standard error sqrt(2/3) / 2.
        let half = 1.959_963_984_540_054 * (2.0f64 / 3.0).sqrt() / 2.0;
        let (low, high) = i.interval.unwrap();
        assert!((i.worse - 1.0).abs() < 1e-12 && (low - 1.0 + half).abs() < 1e-9 && (high - 1.0 - half).abs() < 1e-9, "{i:?}");
        // Four times the squared error is twice the root; errors that are all the same have no spread.
        let i = worse(&[4.0; 5], &[16.0; 5], true);
        assert_eq!((i.worse, i.interval), (2.0, Some((2.0, 2.0))));
        assert_eq!(worse(&[0.0], &[0.0], true).worse, 0.0);
        assert_eq!(worse(&[], &[], false).interval, None);
    }
}
