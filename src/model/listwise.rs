//! A small network that scores the candidates of a list, learnt from whole lists at once.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Epoch, Error, Result, Rng, zeros};
use crate::kernel::{axpy, softmax};
use crate::nn::monitor::{Evaluation, Fitted};
use crate::nn::{Adam, AdamSpec, Loop, Stack, Trainee, Workspace};

/// Lists to learn from, one behind the other.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// Numbers of a row.
    pub inputs: usize,
    /// Rows × inputs.
    pub x: Vec<f32>,
    /// One a row: what the user had in the time after, and whether before.
    pub relevant: Vec<bool>,
    /// One a row: new to the user.
    pub new: Vec<bool>,
    /// Where each list begins, and their end.
    pub bounds: Vec<usize>,
}

/// Lists of a step.
const BATCH: usize = 16;
/// The highest learning rate.
const RATE: f32 = 3e-3;

/// A network of these widths in training.
struct Training<'a> {
    stack: &'a Stack,
    lists: &'a Lists,
    params: Vec<f32>,
    adam: Adam,
    shards: Vec<Shard>,
    steps: u64,
}

struct Shard {
    work: Workspace,
    gradient: Vec<f32>,
    loss: f64,
}

/// The parameters of `stack` after `epochs` over the lists, and the learning curve. AdamW in one cycle of the learning rate (Smith & Topin
/// 2019) on the softmax over each list (Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach"), plus the same
/// over its new items alone. (Binary cross-entropy of each candidate by itself cost .007 of NDCG@20 in a trial.)
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`], [`crate::base::Code::Data`].
pub fn fit(stack: &Stack, lists: &Lists, epochs: usize, stream: u64, ctx: &Context) -> Result<(Vec<f32>, Vec<Epoch>)> {
    let count = lists.bounds.len().saturating_sub(1);
    let longest = lists.bounds.windows(2).map(|b| b[1] - b[0]).max().unwrap_or(0);
    let bytes = (longest.saturating_mul(stack.width() * 2) + stack.parameters()).saturating_mul(4 * BATCH);
    let _booked = ctx.budget.take(bytes, "the network of lists")?;
    let mut params = zeros(stack.parameters())?;
    stack.init(&mut params, &mut Rng::stream(ctx.seed, stream));
    let shard = || Ok(Shard { work: stack.workspace(longest, false)?, gradient: zeros(stack.parameters())?, loss: 0.0 });
    let spec = AdamSpec { learning_rate: RATE, weight_decay: 0.01, ..AdamSpec::default() };
    let mut training = Training {
        stack,
        lists,
        adam: Adam::new(spec, params.len())?,
        params,
        shards: (0..BATCH).map(|_| shard()).collect::<Result<_>>()?,
        steps: (count.div_ceil(BATCH) * epochs) as u64,
    };
    let plan = Loop { rows: count, epochs, batch: BATCH, patience: 0 };
    // Another order of the lists for each network.
    let own = Context { seed: ctx.seed ^ stream << 32, ..*ctx };
    let Fitted { epochs, .. } = plan.run(&mut training, &own)?;
    Ok((training.params, epochs))
}

/// Mean and deviation of each number over all rows; 0 and 1 without rows, and where a number never changes.
pub fn scale(lists: &Lists) -> (Vec<f32>, Vec<f32>) {
    let n = lists.inputs;
    let rows = (lists.x.len() / n).max(1).real();
    let mut mean = vec![0.0f64; n];
    lists.x.chunks(n).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, x)| *m += f64::from(*x) / rows));
    let mut variance = vec![0.0f64; n];
    lists
        .x
        .chunks(n)
        .for_each(|row| variance.iter_mut().zip(row).zip(&mean).for_each(|((v, x), m)| *v += (f64::from(*x) - m).powi(2) / rows));
    let deviation = variance.iter().map(|v| if *v > 1e-12 { v.sqrt().single() } else { 1.0 }).collect();
    (mean.iter().map(|m| m.single()).collect(), deviation)
}

impl Trainee for Training<'_> {
    fn step(&mut self, rows: &[u32], _: &[u32], step: u64, ctx: &Context<'_>) -> Result<f64> {
        let Self { stack, lists, params, adam, shards, steps } = self;
        let mut turned = zeros(stack.turned_size())?;
        stack.turn(params, &mut turned);
        ctx.pool.each_mut(&mut shards[..rows.len()], |at, s| {
            let list = rows[at].index();
            let (from, to) = (lists.bounds[list], lists.bounds[list + 1]);
            let x = &lists.x[from * lists.inputs..to * lists.inputs];
            stack.forward(params, x, to - from, &mut s.work, None);
            s.loss = loss(&mut s.work.result()[..to - from], &lists.relevant[from..to], &lists.new[from..to]);
            stack.backward(params, &turned, x, to - from, &mut s.work, &mut s.gradient);
        });
        let (first, others) = shards[..rows.len()].split_first_mut().ok_or_else(|| Error::internal("a step without lists"))?;
        others.iter().for_each(|s| axpy(1.0, &s.gradient, &mut first.gradient));
        adam.set_learning_rate(RATE * cycle(step.single() / (*steps).max(1).single()));
        adam.step(params, &first.gradient, 1.0 / rows.len().single(), ctx.pool);
        Ok(first.loss + others.iter().map(|s| s.loss).sum::<f64>())
    }

    fn evaluate(&mut self, _: &Context<'_>) -> Result<Option<Evaluation>> {
        Ok(None)
    }

    fn parameters(&mut self) -> &mut [f32] {
        &mut self.params
    }
}

/// The share of the highest rate at `t` of the way: up over the first three tenths, then down by half a cosine.
fn cycle(t: f32) -> f32 {
    const UP: f32 = 0.3;
    if t < UP { 0.04 + 0.96 * t / UP } else { 0.5 + 0.5 * (std::f32::consts::PI * (t - UP) / (1.0 - UP)).cos() }
}

/// The loss of one list's scores, which become its gradient: −Σ over the relevant of ln softmax / their number, over all and over the new
/// ones.
fn loss(z: &mut [f32], relevant: &[bool], new: &[bool]) -> f64 {
    let mut gradient = vec![0.0; z.len()];
    let mut total = 0.0;
    for only_new in [false, true] {
        let rows: Vec<usize> = (0..z.len()).filter(|&i| !only_new || new[i]).collect();
        let hits = rows.iter().filter(|&&i| relevant[i]).count();
        if hits == 0 {
            continue;
        }
        let mut part: Vec<f32> = rows.iter().map(|&i| z[i]).collect();
        let all = softmax(&mut part);
        for (&i, p) in rows.iter().zip(&part) {
            gradient[i] += p;
            if relevant[i] {
                gradient[i] -= 1.0 / hits.single();
                total += f64::from(all - z[i]) / hits.real();
            }
        }
    }
    z.copy_from_slice(&gradient);
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};
    use crate::nn::Activation;
    use crate::nn::check::gradient_check;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let z = [0.3, -1.2, 2.5, 0.0, -0.7, 1.1];
        for relevant in [[true, false, true, false, true, false], [false, true, false, false, false, false], [false; 6]] {
            let new = [false, false, false, true, true, true];
            let mut g = z;
            loss(&mut g, &relevant, &new);
            gradient_check(&z, &g, |z| loss(&mut z.to_vec(), &relevant, &new), 1e-2, &format!("{relevant:?}"));
        }
    }

    #[test]
    fn finds_what_is_wanted_whatever_the_threads() {
        // Wanted is what has the larger product of its two numbers, which no linear score finds.
        let mut rng = Rng::new(3);
        let mut lists = Lists { inputs: 2, bounds: vec![0], ..Lists::default() };
        for _ in 0..200 {
            let x: Vec<f32> = (0..20).map(|_| rng.normal() as f32).collect();
            let products: Vec<f32> = x.chunks(2).map(|p| p[0] * p[1]).collect();
            let best = products.iter().fold(f32::MIN, |a, b| a.max(*b));
            lists.relevant.extend(products.iter().map(|p| *p == best));
            lists.new.extend([true, false].repeat(5));
            lists.x.extend(x);
            lists.bounds.push(lists.relevant.len());
        }
        let stack = Stack::new(&[2, 16, 1], Activation::Relu, Activation::Identity).unwrap();
        let run = |threads: usize| {
            let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
            let ctx = Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet };
            fit(&stack, &lists, 40, 9, &ctx).unwrap()
        };
        let (params, epochs) = run(1);
        assert_eq!(params, run(3).0);
        assert_eq!(epochs.len(), 40);
        let (mut a, mut b, mut hits) = (vec![0.0; 64], vec![0.0; 64], 0);
        for list in lists.bounds.windows(2) {
            let score =
                |row: usize, a: &mut [f32], b: &mut [f32]| if stack.row(&params, &lists.x[row * 2..][..2], a, b) { a[0] } else { b[0] };
            let scores: Vec<f32> = (list[0]..list[1]).map(|r| score(r, &mut a, &mut b)).collect();
            let best = (0..10).reduce(|x, y| if scores[y] > scores[x] { y } else { x }).unwrap();
            hits += usize::from(lists.relevant[list[0] + best]);
        }
        assert!(hits > 150, "{hits}");
    }
}
