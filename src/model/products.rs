//! Scores that are products of a user's vector with the items': the best items for many users at once, by products of matrices.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, memory, zeros};
use crate::dataset::Event;
use crate::kernel::dense::Product;
use crate::kernel::{Best, above, dot_f16, from_f16, highest, product, sum_squares};
use half::f16;

/// Users of a panel: of vectors of 64 numbers it is 16 kB and stays in the first cache while items pass by; of 128 it fills that, or goes
/// to the second.
pub const PANEL: usize = 64;
/// Items of a tile, whose scores for a panel are 15 kB: whole tiles of the product, which takes six rows of four registers (AVX-512) or of
/// two (AVX2) at a time.
const TILE: usize = 60;

/// Items by which bars begin, at most.
const SOME: usize = 10 * TILE;
/// The longest list whose bar begins so.
const FEW: usize = 32;
/// How many of these items may be left out of a user's list.
const SPARE: usize = 6;

/// A user to find the best items for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The user's vector.
    pub vector: &'a [f32],
    /// Items that are left out, ascending.
    pub left_out: &'a [u32],
}

/// Makes users' vectors of their histories, one after another with the same memory.
pub trait Folder {
    /// Writes the vector of a user with this history, oldest event first, into `out`. False when nothing of it counts.
    fn user(&mut self, history: &[Event], out: &mut [f32]) -> bool;
}

/// The items of a model whose score is the product of a user's vector with the item's, with or without a number of the item's own.
#[derive(Debug, Clone, Copy)]
pub struct Products<'a> {
    /// Items × `width`.
    pub vectors: &'a [f16],
    /// Numbers of a vector.
    pub width: usize,
    /// What is added of each item's own.
    pub bias: Option<&'a [f32]>,
    /// The length of the longest vector.
    pub longest: f32,
}

impl Products<'_> {
    fn items(&self) -> usize {
        self.vectors.len() / self.width
    }

    /// The score of one item.
    pub fn one(&self, vector: &[f32], item: u32) -> f32 {
        let product = dot_f16(vector, &self.vectors[item.index() * self.width..][..self.width]);
        self.bias.map_or(product, |bias| bias[item.index()] + product)
    }

    /// The products of `n` items from `first` on with a panel's users, into `scores`, by way of `rows`.
    fn tile(&self, first: usize, n: usize, panel: &[f32], rows: &[f32], scores: &mut [f32]) {
        product(&Product::new(n, PANEL, self.width, rows, panel), scores);
        if let Some(bias) = self.bias {
            for (scores, bias) in scores.chunks_exact_mut(PANEL).zip(&bias[first..]) {
                scores.iter_mut().for_each(|s| *s += bias);
            }
        }
    }

    /// The best `k` items for each of `wishes`, best first, without those that are left out; equal scores as in [`Best`], by `popularity`. On
    /// the calling thread: the products of many users with a tile of items are one product of matrices, and those that come near a user's
    /// bar are taken again by [`Products::one`], so that scores and ties are to the bit those of one user alone.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn best_of_many(&self, wishes: &[Wish<'_>], k: usize, popularity: &[f32], ctx: &Context) -> Result<Vec<Vec<(u32, f32)>>> {
        let (width, items) = (self.width, self.items());
        let greatest = self.bias.map_or(0.0, |bias| bias.iter().fold(0.0, |m: f32, b| m.max(b.abs())));
        let mut best: Vec<Best<'_>> = wishes.iter().map(|_| Best::new(k, items, Some(popularity))).collect();
        let panels = wishes.len().div_ceil(PANEL);
        let mut columns: Vec<f32> = zeros(panels * PANEL * width)?;
        // Beyond the last user nothing reaches the bar.
        let mut bars = vec![f32::INFINITY; panels * PANEL];
        let mut slack = vec![0.0; wishes.len()];
        for (u, wish) in wishes.iter().enumerate() {
            let panel = &mut columns[u / PANEL * PANEL * width..][..PANEL * width];
            wish.vector.iter().enumerate().for_each(|(j, x)| panel[j * PANEL + u % PANEL] = *x);
            // Two sums of `width` products and one number may be off by that much (Higham 2002, equation 3.5).
            slack[u] = 2.0 * (width + 1).single() * f32::EPSILON * (sum_squares(wish.vector).sqrt() * self.longest + greatest);
            bars[u] = best[u].bar();
        }
        let mut rows: Vec<f32> = zeros(TILE * width)?;
        let mut scores: Vec<f32> = zeros(TILE * PANEL)?;
        let mut found: Vec<u32> = Vec::new();
        memory::reserve(&mut found, TILE * PANEL)?;
        self.begin(wishes, k, &columns, &slack, &mut bars, ctx)?;
        for first in (0..items).step_by(TILE) {
            ctx.check()?;
            let n = TILE.min(items - first);
            from_f16(&self.vectors[first * width..][..n * width], &mut rows[..n * width]);
            for (p, panel) in columns.chunks_exact(PANEL * width).enumerate() {
                let scores = &mut scores[..n * PANEL];
                self.tile(first, n, panel, &rows[..n * width], scores);
                let bars = &mut bars[p * PANEL..][..PANEL];
                found.clear();
                above(scores, bars, &mut found);
                for &at in &found {
                    let (item, u) = ((first + at.index() / PANEL) as u32, p * PANEL + at.index() % PANEL);
                    let wish = &wishes[u];
                    let score = self.one(wish.vector, item);
                    if score >= best[u].bar() && wish.left_out.binary_search(&item).is_err() {
                        best[u].add(item, score);
                        bars[u % PANEL] = bars[u % PANEL].max(best[u].bar() - slack[u]);
                    }
                }
            }
        }
        Ok(best.into_iter().map(Best::into_list).collect())
    }

    /// Raises the `bars` of long catalogues to where the k best of some items put them, so that few items come near: those of `columns`'
    /// panels.
    fn begin(&self, wishes: &[Wish<'_>], k: usize, columns: &[f32], slack: &[f32], bars: &mut [f32], ctx: &Context) -> Result<()> {
        let some = (self.items() / 10).min(SOME) / TILE * TILE;
        if k == 0 || k > FEW || some == 0 {
            return Ok(());
        }
        let (width, depth) = (self.width, k + SPARE);
        let mut rows: Vec<f32> = zeros(TILE * width)?;
        let mut scores: Vec<f32> = zeros(TILE * PANEL)?;
        let mut best: Vec<f32> = zeros(bars.len() * depth)?;
        best.fill(f32::NEG_INFINITY);
        for first in (0..some).step_by(TILE) {
            ctx.check()?;
            from_f16(&self.vectors[first * width..][..TILE * width], &mut rows);
            for (panel, best) in columns.chunks_exact(PANEL * width).zip(best.chunks_exact_mut(PANEL * depth)) {
                self.tile(first, TILE, panel, &rows, &mut scores);
                highest(&scores, PANEL, best);
            }
        }
        for (u, wish) in wishes.iter().enumerate() {
            // Those that are left out may be among the best.
            let place = k - 1 + wish.left_out.partition_point(|&i| i.index() < some);
            if place < depth {
                bars[u] = best[u / PANEL * PANEL * depth + place * PANEL + u % PANEL] - slack[u];
            }
        }
        Ok(())
    }
}

/// The length of the longest of `vectors`.
pub fn longest(vectors: &[f16], width: usize) -> f32 {
    let mut wide = vec![0.0; width];
    let length = |v: &[f16]| {
        from_f16(v, &mut wide);
        sum_squares(&wide).sqrt()
    };
    vectors.chunks_exact(width).map(length).fold(0.0, f32::max)
}
