//! The strongest elements of each row of an item → item matrix, whose rows are added up one at a time: no square of the items is ever held.

use crate::base::number::AsIndex;
use crate::base::{Context, Error, Result, interrupts, memory, zeros};
use crate::kernel::axpy;
use std::sync::Mutex;

/// Sums by target while the row of one item is gathered.
#[derive(Debug)]
pub struct Gather {
    sums: Vec<f32>,
    touched: Vec<u32>,
}

/// The rows of a sparse matrix one after another, of each the strongest element first.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered<T> {
    /// Where each row begins; items + 1 entries.
    pub offsets: Vec<usize>,
    /// The columns.
    pub targets: Vec<u32>,
    /// What stands there.
    pub weights: Vec<T>,
}

/// Users of one item between two looks at whether to end: that many are gathered in some milliseconds. (Of a million events every thirteenth
/// may be of one item, whose row took 160 ms.)
const USERS: usize = 1024;

/// Looks whether to end, at each 1024th `step` of an item's row.
#[inline]
pub fn look(step: usize) {
    if step.is_multiple_of(USERS) {
        interrupts::check();
    }
}

impl Gather {
    /// Adds `weight` to the element of `target`.
    pub fn add(&mut self, target: u32, weight: f32) {
        let s = &mut self.sums[target.index()];
        if *s == 0.0 {
            self.touched.push(target);
        }
        *s += weight;
    }

    /// Adds `weight` × `row` to the elements of all items; `row` has one an item.
    pub fn add_row(&mut self, weight: f32, row: &[f32]) {
        if self.touched.len() < row.len() {
            self.touched.clear();
            self.touched.extend(0..row.len() as u32);
        }
        axpy(weight, row, &mut self.sums);
    }
}

/// For each of `items`: `sums(item, gather)` adds up its row, `finish(item, target, sum)` turns a sum into a weight, and the `keep` largest
/// in magnitude stay, as `store` has them; what is 0 is left out. Equal magnitudes: the smaller target stays. `what`
/// they are is said in errors.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn strongest<T: Send>(
    items: usize,
    keep: usize,
    what: &str,
    ctx: &Context,
    sums: impl Fn(u32, &mut Gather) + Sync + Send,
    finish: impl Fn(u32, u32, f32) -> f32 + Sync + Send,
    store: impl Fn(f32) -> T + Sync + Send,
) -> Result<Gathered<T>> {
    // A part's length depends on the number of items only, so that the result does not depend on the threads.
    let step = (items / 512).clamp(16, 4096);
    let keep = keep.clamp(1, items.max(1));
    let element = 4 + std::mem::size_of::<T>();
    let mut parts: Vec<Result<Gathered<T>>> = (0..items.div_ceil(step)).map(|_| Ok(Gathered::new())).collect();
    // Of each thread the sums, what was touched and twice what stays; and where the rows begin.
    let own = items * 8 + items.min(2 * keep) * 8;
    let booked = Mutex::new(ctx.budget.take(own * ctx.pool.threads() + items * 16, what)?);
    let grow = |bytes: usize| booked.lock().map_err(|_| Error::internal("a worker panicked"))?.grow(bytes, what);
    let run = |p: usize| -> Result<Gathered<T>> {
        let mut out = Gathered::new();
        let mut gather = Gather { sums: zeros(items)?, touched: Vec::new() };
        let mut row: Vec<u64> = Vec::new();
        for item in (p * step..((p + 1) * step).min(items)).map(|i| i as u32) {
            ctx.check()?;
            sums(item, &mut gather);
            row.clear();
            // As soon as twice as many as stay are there, only those come in that are stronger than the weakest that would stay.
            let mut weakest = u64::MAX;
            for &t in &gather.touched {
                let w = finish(item, t, std::mem::take(&mut gather.sums[t.index()]));
                let key = key(w, t);
                if w != 0.0 && key < weakest {
                    row.push(key);
                    if row.len() == 2 * keep {
                        row.select_nth_unstable(keep - 1);
                        row.truncate(keep);
                        weakest = row[keep - 1];
                    }
                }
            }
            gather.touched.clear();
            if row.len() > keep {
                row.select_nth_unstable(keep - 1);
                row.truncate(keep);
            }
            row.sort_unstable();
            memory::reserve(&mut out.targets, row.len())?;
            memory::reserve(&mut out.weights, row.len())?;
            out.targets.extend(row.iter().map(|k| (k >> 1) as u32));
            out.weights.extend(row.iter().map(|k| store(weight(*k))));
            out.offsets.push(out.targets.len());
        }
        // A list that has grown has room for up to as much again.
        out.targets.shrink_to_fit();
        out.weights.shrink_to_fit();
        grow(out.targets.len() * element)?;
        Ok(out)
    };
    ctx.pool.each_mut(&mut parts, |p, part| *part = run(p));
    let parts: Vec<Gathered<T>> = parts.into_iter().collect::<Result<_>>()?;
    let all: usize = parts.iter().map(|p| p.targets.len()).sum();
    grow(all * element)?;
    let mut joined = Gathered::new();
    memory::reserve(&mut joined.targets, all)?;
    memory::reserve(&mut joined.weights, all)?;
    memory::reserve(&mut joined.offsets, items)?;
    for part in parts {
        let before = joined.targets.len();
        joined.offsets.extend(part.offsets[1..].iter().map(|o| before + o));
        joined.targets.extend(part.targets);
        joined.weights.extend(part.weights);
    }
    ctx.budget.trim();
    Ok(joined)
}

impl<T> Gathered<T> {
    fn new() -> Self {
        Self { offsets: vec![0], targets: Vec::new(), weights: Vec::new() }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.offsets.len() * 8 + self.targets.len() * (4 + std::mem::size_of::<T>())
    }

    /// The targets of row `item`, strongest first, and what stands there.
    pub fn row(&self, item: usize) -> (&[u32], &[T]) {
        let at = self.offsets[item]..self.offsets[item + 1];
        (&self.targets[at.clone()], &self.weights[at])
    }
}

/// A number whose order is that of the elements, strongest first, then by target: what is ordered is one integer each. From the top the
/// magnitude's 31 bits turned over, the target's 32, the sign.
fn key(weight: f32, target: u32) -> u64 {
    let bits = weight.to_bits();
    u64::from(!bits & (u32::MAX >> 1)) << 33 | u64::from(target) << 1 | u64::from(bits >> 31)
}

/// The weight of a [`key`].
fn weight(key: u64) -> f32 {
    f32::from_bits(!((key >> 33) as u32) & (u32::MAX >> 1) | (key as u32) << 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Code, Pool, Quiet, Rng};

    #[test]
    fn keys_order_by_magnitude_and_target_and_give_the_weight_back() {
        let sorted = [(7, f32::INFINITY), (3, -2.5), (4, 2.5), (4, -2.0), (0, 1e-30), (u32::MAX, -1e-30), (9, 0.0)];
        assert!(sorted.map(|(t, w)| key(w, t)).is_sorted());
        for (t, w) in sorted {
            assert_eq!((weight(key(w, t)).to_bits(), (key(w, t) >> 1) as u32), (w.to_bits(), t));
        }
    }

    #[test]
    fn the_strongest_are_those_of_a_sorted_row_whatever_the_threads() {
        let n = 150;
        let mut rng = Rng::new(5);
        // Few values, so that many are equal; and zeros.
        let a: Vec<f32> = (0..n * n).map(|_| rng.below(9) as f32 - 4.0).collect();
        let gathered = |keep: usize, threads: usize, budget: &Budget| {
            let pool = Pool::new(threads).unwrap();
            let ctx = Context { seed: 0, pool: &pool, budget, watch: &Quiet };
            strongest(n, keep, "rows", &ctx, |i, g| g.add_row(0.5, &a[i as usize * n..][..n]), |_, _, sum| 2.0 * sum, |w| w)
        };
        for keep in [1, 7, 60, 1000] {
            let found = gathered(keep, 1, &Budget::unlimited()).unwrap();
            assert_eq!(found, gathered(keep, 3, &Budget::unlimited()).unwrap());
            for i in 0..n {
                let mut row: Vec<(u32, f32)> = (0..n as u32).map(|t| (t, a[i * n + t as usize])).collect();
                row.retain(|x| x.1 != 0.0);
                row.sort_by(|x, y| y.1.abs().total_cmp(&x.1.abs()).then(x.0.cmp(&y.0)));
                row.truncate(keep);
                assert_eq!(found.row(i).0.iter().copied().zip(found.row(i).1.iter().copied()).collect::<Vec<_>>(), row);
            }
        }
        assert_eq!(gathered(7, 2, &Budget::new(9000)).unwrap_err().code, Code::OutOfMemory);
    }
}
