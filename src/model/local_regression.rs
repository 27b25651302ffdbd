//! Many ridge regressions on few inputs each: every item's on the items that go with it most, where one on all of them does not fit.
//!
//! With weights for the candidates C of item j alone, column j of the weights is (G_CC + λ)⁻¹ C_Cj, G = SᵀS of what is known and C = SᵀT of
//! what it is to foretell: the exact solution on that support. Work and memory grow with the items, not with their cube and square.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, zeros};
use crate::linalg::solve_symmetric;
use crate::model::gather::{Gather, Gathered};

/// Pairs of items that are to be known, for each candidate: which others of the candidates an item goes with.
pub const KNOWN: usize = 3;
/// Times that what stands off the diagonal is halved, where the pairs that are not known leave a system that has no solution.
const HALVED: i32 = 6;

/// Products of numbers that an item takes, about.
pub fn products(candidates: usize) -> f64 {
    candidates.real().powi(3) / 6.0 + (KNOWN * candidates * candidates).real()
}

/// One regression an item.
pub struct Regressions<'a> {
    /// Row a: G_ab / (G_bb + λ) of the items b that a goes with, not of itself.
    pub square: &'a Gathered<f32>,
    /// Row j: C_aj / (G_aa + λ), what the weight of a towards j would be were a alone; the first ones are its candidates.
    pub towards: &'a Gathered<f32>,
    /// Candidates of an item at most.
    pub candidates: usize,
    /// G_aa, none 0 that is a candidate.
    pub own: &'a [f32],
    /// λ.
    pub lambda: f32,
}

impl Regressions<'_> {
    fn chosen(&self, j: usize) -> (&[u32], &[f32]) {
        let (from, alone) = self.towards.row(j);
        let n = from.len().min(self.candidates);
        (&from[..n], &alone[..n])
    }

    /// The weights from each item: the solutions towards all, turned around.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn solved(&self, ctx: &Context) -> Result<Gathered<f32>> {
        let (n, c) = (self.own.len(), self.candidates);
        let count = |j: usize| self.chosen(j).0.len();
        let all = (0..n).map(count).sum::<usize>();
        // A part's length depends on the number of items only.
        let step = (n / 512).clamp(16, 4096);
        let scratch = n.saturating_add(c.saturating_mul(c)).saturating_mul(4 * ctx.pool.threads());
        let _booked = ctx.budget.take(scratch.saturating_add(all * 12 + n * 16), "the weights of the items")?;
        let mut weights: Vec<f32> = zeros(all)?;
        let mut rest = &mut weights[..];
        let mut parts = Vec::new();
        for first in (0..n).step_by(step) {
            let (part, after) = rest.split_at_mut((first..(first + step).min(n)).map(count).sum());
            parts.push((part, Ok(())));
            rest = after;
        }
        let run = |p: usize, mut rest: &mut [f32]| -> Result<()> {
            let mut scratch = Scratch { place: zeros(n)?, square: zeros(c * c)? };
            for j in p * step..((p + 1) * step).min(n) {
                ctx.check()?;
                let (out, after) = rest.split_at_mut(count(j));
                self.solve(j, &mut scratch, out);
                rest = after;
            }
            Ok(())
        };
        ctx.pool.each_mut(&mut parts, |p, (part, done)| *done = run(p, part));
        parts.into_iter().try_for_each(|p| p.1)?;
        let mut offsets: Vec<usize> = zeros(n + 1)?;
        (0..n).looking().for_each(|j| self.chosen(j).0.iter().for_each(|&a| offsets[a.index() + 1] += 1));
        (0..n).for_each(|i| offsets[i + 1] += offsets[i]);
        let mut next = offsets.clone();
        let mut from = Gathered { offsets, targets: zeros(all)?, weights: zeros(all)? };
        let mut each = weights.iter();
        for j in (0..n).looking() {
            for (&a, &w) in self.chosen(j).0.iter().zip(&mut each) {
                let at = &mut next[a.index()];
                (from.targets[*at], from.weights[*at]) = (j as u32, w);
                *at += 1;
            }
        }
        Ok(from)
    }

    /// The weights towards `j` from its candidates, as many as `out` has.
    ///
    /// In cosines, the items' own scale: the diagonal is 1 + λ / own.
    fn solve(&self, j: usize, scratch: &mut Scratch, out: &mut [f32]) {
        let Self { own, lambda, .. } = *self;
        let c = out.len();
        let (chosen, alone) = self.chosen(j);
        chosen.iter().zip(1..).for_each(|(&a, place)| scratch.place[a.index()] = place);
        for halved in 0..=HALVED {
            let square = &mut scratch.square[..c * c];
            square.fill(0.0);
            let scale = 0.5f32.powi(halved);
            for (i, &a) in chosen.iter().enumerate() {
                // What either of two items knows of the other is known.
                let (others, alone) = self.square.row(a.index());
                for (&b, &alone) in others.iter().zip(alone) {
                    let k = scratch.place[b.index()].index();
                    if k > 0 {
                        let (a, b) = (own[a.index()], own[b.index()]);
                        square[i.max(k - 1) * c + i.min(k - 1)] = scale * alone * (b + lambda) / (a * b).sqrt();
                    }
                }
                square[i * c + i] = 1.0 + lambda / own[a.index()];
            }
            for (x, (&a, alone)) in out.iter_mut().zip(chosen.iter().zip(alone)) {
                *x = alone * (own[a.index()] + lambda) / own[a.index()].sqrt();
            }
            if solve_symmetric(square, c, out) {
                break;
            }
        }
        chosen.iter().for_each(|&a| scratch.place[a.index()] = 0);
        out.iter_mut().zip(chosen).for_each(|(w, &a)| *w /= own[a.index()].sqrt());
    }
}

/// What a thread solves with.
struct Scratch {
    /// Where an item stands among the candidates, from 1 on; 0 for all others.
    place: Vec<u32>,
    /// The candidates' square.
    square: Vec<f32>,
}

impl Gathered<f32> {
    /// Adds row `item`.
    pub fn add_row(&self, item: u32, gather: &mut Gather) {
        let (targets, weights) = self.row(item.index());
        targets.iter().zip(weights).for_each(|(&j, &w)| gather.add(j, w));
    }
}
