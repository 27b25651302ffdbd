//! The best items for a user's vector, by the products themselves: no list of all scores is written.

use super::Factors;
use crate::base::number::AsIndex;
use crate::base::{Context, Result};
use crate::kernel::{Best, above, dots_f16};
use crate::model::products::Wish;

/// Items that a thread scans at a time, for one user.
const PART: usize = 1 << 16;
/// Scores that are written before they are looked through.
const BLOCK: usize = 1024;
/// Scores that are compared with the bar at a time.
const WIDE: usize = 64;

impl Factors {
    /// The best `k` items for a user's vector, best first, without those of `left_out` (ascending); equal scores as in [`Best`], by
    /// `popularity`. The items are shared out over the threads and read once. (Of 1,000,000 items × 64 it takes .9 to 1.4 times as long as
    /// plainly reading them, by machine.)
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn best(&self, wish: Wish<'_>, k: usize, popularity: &[f32], ctx: &Context) -> Result<Vec<(u32, f32)>> {
        let items = self.items();
        let parts = items.div_ceil(PART);
        let _booked = ctx.budget.take(k.min(PART).saturating_mul(16 * parts), "the best items of each part")?;
        let mut found: Vec<Result<Best<'_>>> = (0..parts).map(|_| Ok(Best::new(0, 0, None))).collect();
        ctx.pool.each_mut(&mut found, |p, best| {
            *best = ctx.check().map(|()| self.scan(wish, k, popularity, p * PART..((p + 1) * PART).min(items)));
        });
        let mut all = Best::new(k, items, Some(popularity));
        for best in found {
            all.merge(&best?);
        }
        Ok(all.into_list())
    }

    /// The best of a run of items.
    fn scan<'t>(&self, wish: Wish<'_>, k: usize, popularity: &'t [f32], items: std::ops::Range<usize>) -> Best<'t> {
        let mut best = Best::new(k, items.len(), Some(popularity));
        // What stays of the last block is no score.
        let mut scores = [f32::NEG_INFINITY; BLOCK];
        let mut found = Vec::with_capacity(BLOCK);
        for first in items.clone().step_by(BLOCK) {
            let n = BLOCK.min(items.end - first);
            dots_f16(wish.vector, &self.vectors[first * self.width..][..n * self.width], &mut scores[..n]);
            for start in (0..n).step_by(WIDE) {
                let x = &mut scores[start..start + WIDE];
                if start + WIDE > n {
                    x[n - start..].fill(f32::NEG_INFINITY);
                }
                found.clear();
                above(x, &[best.bar(); WIDE], &mut found);
                for &i in &found {
                    let item = (first + start) as u32 + i;
                    if wish.left_out.binary_search(&item).is_err() {
                        best.add(item, scores[start + i.index()]);
                    }
                }
            }
        }
        best
    }

    /// The score of one item: that which [`Factors::best`] finds.
    pub fn one(&self, vector: &[f32], item: u32) -> f32 {
        self.products().one(vector, item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};
    use crate::kernel::top_k;
    use crate::model::factors::Rule;

    fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        f(&Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet })
    }

    #[test]
    fn lists_are_those_of_all_scores() {
        let mut r = Rng::new(3);
        let rule = Rule::Pointwise { unobserved: 0.1, regularization: 0.1, scaling: 1.0 };
        for (items, width) in [(1, 3), (59, 8), (700, 64), (70_000, 5)] {
            // Every third item is one of few vectors, and some are 0, so that ties are common.
            let row = |i: usize, r: &mut Rng| -> Vec<f32> {
                let mut own = if i.is_multiple_of(3) { Rng::new(i as u64 % 7) } else { Rng::new(r.below(1 << 30) as u64) };
                (0..width).map(|_| if i % 50 == 1 { 0.0 } else { own.normal() as f32 }).collect()
            };
            let vectors: Vec<f32> = (0..items).flat_map(|i| row(i, &mut r)).collect();
            let model = with(1, |ctx| Factors::new(vectors, width, rule, 1.0, 20.0, ctx)).unwrap();
            let popularity: Vec<f32> = (0..items).map(|_| r.below(3) as f32).collect();
            let users: Vec<Vec<f32>> = (0..130).map(|_| (0..width).map(|_| r.normal() as f32).collect()).collect();
            // Of some users many items are left out, of others few.
            let leaves =
                |u: u32| (0..items as u32).filter(move |i| (i + u).is_multiple_of(if u.is_multiple_of(2) { 4 } else { 301 })).collect();
            let left: Vec<Vec<u32>> = (0..130).map(leaves).collect();
            let wishes: Vec<Wish<'_>> = users.iter().zip(&left).map(|(vector, left_out)| Wish { vector, left_out }).collect();
            for k in [0, 1, 10, items] {
                if k > 1000 {
                    continue;
                }
                let many = with(2, |ctx| model.products().best_of_many(&wishes, k, &popularity, ctx)).unwrap();
                for (u, wish) in wishes.iter().enumerate().step_by(13) {
                    let mut scores = vec![0.0; items];
                    scores.iter_mut().enumerate().for_each(|(i, s)| *s = model.one(wish.vector, i as u32));
                    left[u].iter().for_each(|&i| scores[i as usize] = f32::NEG_INFINITY);
                    let all: Vec<(u32, f32)> = top_k(&scores, k, Some(&popularity)).into_iter().map(|i| (i, scores[i as usize])).collect();
                    assert_eq!(many[u], all, "{items} {width} {k} {u}");
                    for threads in [1, 3] {
                        assert_eq!(with(threads, |ctx| model.best(*wish, k, &popularity, ctx)).unwrap(), all, "{items} {width} {k} {u}");
                    }
                }
            }
        }
        let none = Factors { vectors: Vec::new().into(), ..with(1, |ctx| Factors::new(vec![1.0], 1, rule, 1.0, 1.0, ctx)).unwrap() };
        let wish = Wish { vector: &[1.0], left_out: &[] };
        assert!(with(1, |ctx| none.best(wish, 3, &[], ctx)).unwrap().is_empty());
        assert_eq!(with(1, |ctx| none.products().best_of_many(&[wish], 3, &[], ctx)).unwrap(), [[]]);
    }
}
