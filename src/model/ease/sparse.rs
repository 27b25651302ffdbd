//! The solution where the square of the items does not fit: the weights towards each item sought among the items that go with it most.
//!
//! Column j of B is a regression of its own, of item j on the others. With weights for the candidates C alone it is (G_CC + λ)⁻¹ G_Cj, G =
//! XᵀX: the exact solution on that support, and what the inverse of the square of C and j alone says of j (Steck 2019, "Markov random
//! fields for collaborative filtering", section 3). Work and memory grow with the items, not with their cube and square.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, zeros};
use crate::dataset::Pairs;
use crate::linalg::solve_symmetric;
use crate::model::gather::{Gather, Gathered, look, strongest};
use crate::model::links::Links;

/// Pairs of items that are known, for each candidate: which others of the candidates an item goes with.
const KNOWN: usize = 3;
/// Times that what stands off the diagonal is halved, where the pairs that are not known leave a system that has no solution.
const HALVED: i32 = 6;

/// Products of numbers that an item takes, about.
pub(super) fn products(candidates: usize) -> f64 {
    candidates.real().powi(3) / 6.0 + (KNOWN * candidates * candidates).real()
}

/// The `keep` strongest weights of each item towards others, found among `candidates` of each: those whose weights would be largest, were
/// each the only one. By cosines candidates that few users had come first, and twice as many are needed for the same lists.
pub(super) fn fit(by_user: &Pairs, by_item: &Pairs, lambda: f32, candidates: usize, keep: usize, ctx: &Context) -> Result<Links> {
    let n = by_item.rows();
    let candidates = candidates.min(n.saturating_sub(1));
    let own: Vec<f32> = (0..n).map(|i| by_item.row(i).map(|(_, x)| x * x).sum()).collect();
    let near = strongest(
        n,
        KNOWN.saturating_mul(candidates),
        "the pairs of items",
        ctx,
        |a, gather| {
            for (step, (u, x)) in by_item.row(a.index()).enumerate() {
                look(step);
                by_user.row(u.index()).for_each(|(b, y)| gather.add(b, x * y));
            }
        },
        |_, b, sum| sum / (own[b.index()] + lambda),
        |alone| alone,
    )?;
    // Twice, and to the end: what was gathered in parts and then joined, the allocator keeps.
    let _booked = ctx.budget.take(near.bytes() * 2, "the pairs of items")?;
    let from = solved(&near, candidates, &own, lambda, ctx)?;
    drop(near);
    let _weights = ctx.budget.take(from.bytes(), "the weights of the items")?;
    let sums = |i: u32, gather: &mut Gather| {
        let (targets, weights) = from.row(i.index());
        targets.iter().zip(weights).for_each(|(&j, &w)| gather.add(j, w));
    };
    Links::build(n, keep, ctx, sums, |_, _, w| w)
}

/// The weights from each item: the regressions of all others on it and theirs, turned around.
fn solved(near: &Gathered<f32>, candidates: usize, own: &[f32], lambda: f32, ctx: &Context) -> Result<Gathered<f32>> {
    let n = own.len();
    let chosen = |j: usize| &near.row(j).0[..near.row(j).0.len().min(candidates)];
    let all = (0..n).map(|j| chosen(j).len()).sum::<usize>();
    // A part's length depends on the number of items only.
    let step = (n / 512).clamp(16, 4096);
    let scratch = n.saturating_add(candidates.saturating_mul(candidates)).saturating_mul(4 * ctx.pool.threads());
    let _booked = ctx.budget.take(scratch.saturating_add(all * 12 + n * 16), "the weights of the items")?;
    let mut weights: Vec<f32> = zeros(all)?;
    let mut rest = &mut weights[..];
    let mut parts = Vec::new();
    for first in (0..n).step_by(step) {
        let (part, after) = rest.split_at_mut((first..(first + step).min(n)).map(|j| chosen(j).len()).sum());
        parts.push((part, Ok(())));
        rest = after;
    }
    let run = |p: usize, mut rest: &mut [f32]| -> Result<()> {
        let mut solver = Solver { place: zeros(n)?, square: zeros(candidates * candidates)? };
        for j in p * step..((p + 1) * step).min(n) {
            ctx.check()?;
            let (out, after) = rest.split_at_mut(chosen(j).len());
            solver.solve(near, j, own, lambda, out);
            rest = after;
        }
        Ok(())
    };
    ctx.pool.each_mut(&mut parts, |p, (part, done)| *done = run(p, part));
    parts.into_iter().try_for_each(|p| p.1)?;
    let mut offsets: Vec<usize> = zeros(n + 1)?;
    (0..n).looking().for_each(|j| chosen(j).iter().for_each(|&a| offsets[a.index() + 1] += 1));
    (0..n).for_each(|i| offsets[i + 1] += offsets[i]);
    let mut next = offsets.clone();
    let mut from = Gathered { offsets, targets: zeros(all)?, weights: zeros(all)? };
    let mut each = weights.iter();
    for j in (0..n).looking() {
        for (&a, &w) in chosen(j).iter().zip(&mut each) {
            let at = &mut next[a.index()];
            (from.targets[*at], from.weights[*at]) = (j as u32, w);
            *at += 1;
        }
    }
    Ok(from)
}

/// What a thread solves with.
struct Solver {
    /// Where an item stands among the candidates, from 1 on; 0 for all others.
    place: Vec<u32>,
    /// The candidates' square.
    square: Vec<f32>,
}

impl Solver {
    /// The weights towards `j` from its strongest, as many as `out` has.
    ///
    /// In cosines, the items' own scale: the diagonal is 1 + λ / own.
    fn solve(&mut self, near: &Gathered<f32>, j: usize, own: &[f32], lambda: f32, out: &mut [f32]) {
        let c = out.len();
        let chosen = &near.row(j).0[..c];
        // What stands in `near` is G_ab / (own_b + λ).
        let cosine = |a: usize, b: u32, alone: f32| {
            let b = own[b.index()];
            alone * (b + lambda) / (own[a] * b).sqrt()
        };
        chosen.iter().zip(1..).for_each(|(&a, place)| self.place[a.index()] = place);
        for halved in 0..=HALVED {
            let square = &mut self.square[..c * c];
            square.fill(0.0);
            let scale = 0.5f32.powi(halved);
            for (i, &a) in chosen.iter().enumerate() {
                // What either of two items knows of the other is known.
                let (others, alone) = near.row(a.index());
                for (&b, &alone) in others.iter().zip(alone) {
                    let k = self.place[b.index()].index();
                    if k > 0 {
                        square[i.max(k - 1) * c + i.min(k - 1)] = scale * cosine(a.index(), b, alone);
                    }
                }
                square[i * c + i] = 1.0 + lambda / own[a.index()];
            }
            out.iter_mut().zip(chosen.iter().zip(near.row(j).1)).for_each(|(x, (&a, &alone))| *x = cosine(j, a, alone));
            if solve_symmetric(square, c, out) {
                break;
            }
        }
        chosen.iter().for_each(|&a| self.place[a.index()] = 0);
        out.iter_mut().zip(chosen).for_each(|(w, &a)| *w *= (own[j] / own[a.index()]).sqrt());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Code, Pool, Quiet};
    use crate::model::ease::dense;
    use crate::model::ease::tests::random;

    fn with<R>(threads: usize, budget: &Budget, f: impl FnOnce(&Context<'_>) -> R) -> R {
        let pool = Pool::new(threads).unwrap();
        f(&Context { seed: 0, pool: &pool, budget, watch: &Quiet })
    }

    #[test]
    fn with_all_items_as_candidates_it_is_the_exact_solution() {
        let (by_user, by_item) = random(60, 40, 900);
        let n = by_item.rows();
        let exact = with(1, &Budget::unlimited(), |ctx| dense::by_items(&by_user, &by_item, 3.0, n, ctx)).unwrap();
        let found = with(1, &Budget::unlimited(), |ctx| fit(&by_user, &by_item, 3.0, n, n, ctx)).unwrap();
        for i in 0..n as u32 {
            let mut row = vec![0.0; n];
            exact.of(i).for_each(|(j, w)| row[j as usize] = w);
            found.of(i).for_each(|(j, w)| row[j as usize] -= w);
            assert!(row.iter().all(|x| x.abs() < 2e-3), "{i}: {row:?}");
        }
    }

    #[test]
    fn few_candidates_give_few_finite_weights_whatever_the_threads_and_within_the_memory() {
        let (by_user, by_item) = random(300, 200, 6000);
        let links =
            |threads: usize, lambda: f32, budget: &Budget| with(threads, budget, |ctx| fit(&by_user, &by_item, lambda, 10, 50, ctx));
        let one = links(1, 0.1, &Budget::unlimited()).unwrap();
        assert_eq!(one, links(3, 0.1, &Budget::unlimited()).unwrap());
        let all: Vec<f32> = (0..200).flat_map(|i| one.of(i).map(|x| x.1)).collect();
        assert!(all.len() <= 2000 && all.len() > 1000 && all.iter().all(|w| w.abs() < 2.0));
        assert_eq!(links(1, 0.1, &Budget::new(20_000)).unwrap_err().code, Code::OutOfMemory);
    }
}
