//! k-means (Lloyd 1982, from centres by k-means++, Arthur and Vassilvitskii 2007): groups of rows that are alike.
//!
//! Written here and not taken from linfa: its threads are rayon's global ones, which inside a server are neither bounded by our settings
//! nor shielded from signals.

use super::describe::{BUCKETS, MAX_LEVELS, MIN_COUNT};
use super::rows::{DISTINCT, EXCLUDE, HOLDOUT, INCLUDE, KEEP, KEYS, MAX_ROWS, TEXT};
use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{ParamType, Spec};
use crate::base::tensor::find;
use crate::base::{Code, Context, Error, Numbers, Result, Rng, Shared, Tensor, zeros};
use crate::kernel::dot;
use crate::model::network_tensors::finite;
use serde::Deserialize;

const K: Spec = Spec::new("k", ParamType::Integer, "null", "Segments; null: as many as keep rows nearest to their own (silhouette).")
    .within(2.0, 1000.0);
const MAX_K: Spec =
    Spec::new("max_k", ParamType::Integer, "10", "The most segments that are tried where k is not given.").within(2.0, 100.0);
const STARTS: Spec =
    Spec::new("starts", ParamType::Integer, "8", "Starts from other centres, of which the best counts.").within(1.0, 100.0);
const CATEGORIES: Spec =
    Spec::new("categories", ParamType::Number, "0.5", "What a category weighs against a number: more parts rows by their categories.")
        .within(0.01, 100.0);
const NUMBERS: Spec = Spec::new(
    "numbers",
    ParamType::Choice(&["log", "quantile", "standard", "minmax"]),
    "\"log\"",
    "How numbers are scaled: by the logarithm of their distance from the middle, so that gaps stay and long tails do not count for all; \
     their rank as a normal; less the mean over the deviation; or into 0 to 1.",
);

/// The parameters of `segments`.
pub const SEGMENTS: &[Spec] = &[
    K, MAX_K, STARTS, CATEGORIES, NUMBERS, MIN_COUNT, MAX_LEVELS, BUCKETS, TEXT, EXCLUDE, INCLUDE, KEYS, DISTINCT, HOLDOUT, MAX_ROWS, KEEP,
];

/// What `segments` has beside what all kinds share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Params {
    /// How many; none where the rows decide.
    pub k: Option<usize>,
    /// The most that are tried.
    pub max_k: usize,
    /// Starts of each.
    pub starts: usize,
    /// Weight of a category.
    pub categories: f32,
}

/// Centres of segments over encoded rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Centres {
    columns: usize,
    /// k × columns.
    centres: Shared<f32>,
    /// |centre|² of each.
    squares: Vec<f32>,
}

/// Rows that a thread assigns at a time.
const SHARD: usize = 2048;
/// Rows whose distances to all others a thread takes at a time.
const BLOCK: usize = 64;
/// Turns after which a start ends that still moves: what is left to gain is nothing by then.
const TURNS: usize = 60;
/// A turn that gains less than this share ends a start.
const GAIN: f64 = 1e-5;

/// What rows come to under some centres.
struct Share {
    sums: Vec<f64>,
    counts: Vec<u64>,
    apart: f64,
}

impl Centres {
    fn new(columns: usize, centres: Shared<f32>) -> Self {
        let squares = centres.chunks_exact(columns.max(1)).map(|c| dot(c, c)).collect();
        Self { columns, centres, squares }
    }

    /// How many there are.
    pub fn k(&self) -> usize {
        self.squares.len()
    }

    /// Centre `i`.
    pub fn centre(&self, i: usize) -> &[f32] {
        &self.centres[i * self.columns..(i + 1) * self.columns]
    }

    /// The distances of a row to the centres into `out`, which has [`Centres::k`] places.
    pub fn distances(&self, row: &[f32], out: &mut [f32]) {
        let square = dot(row, row);
        for ((out, c), s) in out.iter_mut().zip(self.centres.chunks_exact(self.columns.max(1))).zip(&self.squares) {
            *out = (square + s - 2.0 * dot(row, c)).max(0.0).sqrt()
        }
    }

    /// The centre nearest to a row, the first of equals, and the squared distance.
    fn nearest(&self, row: &[f32]) -> (usize, f32) {
        let (mut best, mut least) = (0, f32::INFINITY);
        for (i, (c, s)) in self.centres.chunks_exact(self.columns.max(1)).zip(&self.squares).enumerate() {
            let d = s - 2.0 * dot(row, c);
            if d < least {
                (best, least) = (i, d)
            }
        }
        (best, (least + dot(row, row)).max(0.0))
    }

    /// Centres of `rows` (of `columns` numbers each) by the best of `starts`, each with rows of its own, and the sum of squared distances.
    /// There are fewer than `k` where fewer rows differ.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn fit(rows: &[f32], columns: usize, k: usize, starts: usize, ctx: &Context<'_>) -> Result<(Self, f64)> {
        let mut best: Option<(Self, Vec<u64>, f64)> = None;
        for start in 0..starts {
            let mut rng = Rng::stream(ctx.seed, ((k as u64) << 16) + start as u64);
            let mut centres = spread(rows, columns, k, &mut rng, ctx)?;
            let mut before = f64::INFINITY;
            let (mut counts, mut apart) = (Vec::new(), 0.0);
            for _ in 0..TURNS {
                let share = centres.assign(rows, ctx)?;
                (counts, apart) = (share.counts, share.apart);
                if before.is_finite() && before - apart <= GAIN * before {
                    break;
                }
                before = apart;
                for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
                    let at = i * columns..(i + 1) * columns;
                    centres.centres.own()[at.clone()].iter_mut().zip(&share.sums[at]).for_each(|(c, s)| *c = (s / n.real()).single());
                }
                centres = Self::new(columns, centres.centres);
            }
            if best.as_ref().is_none_or(|b| apart < b.2) {
                best = Some((centres, counts, apart))
            }
        }
        let (centres, counts, apart) = best.ok_or_else(|| Error::internal("k-means without a start"))?;
        // A centre may have lost all its rows on the way.
        let kept: Vec<usize> = (0..centres.k()).filter(|i| counts[*i] > 0).collect();
        Ok((centres.ordered(&kept), apart))
    }

    /// The centres `order`, in this order.
    pub fn ordered(&self, order: &[usize]) -> Self {
        Self::new(self.columns, order.iter().flat_map(|i| self.centre(*i)).copied().collect())
    }

    /// The centre nearest to each row, and the squared distance.
    fn places(&self, rows: &[f32], ctx: &Context<'_>) -> Result<Vec<(u32, f32)>> {
        let n = self.columns;
        let mut places: Vec<(u32, f32)> = zeros(rows.len() / n.max(1))?;
        let mut shards: Vec<_> = places.chunks_mut(SHARD).zip(rows.chunks(SHARD * n)).collect();
        ctx.pool.each_mut(&mut shards, |_, (places, rows)| {
            if !ctx.watch.cancelled() {
                for (place, row) in places.iter_mut().zip(rows.chunks_exact(n)) {
                    let (i, d) = self.nearest(row);
                    *place = (i as u32, d);
                }
            }
        });
        ctx.check()?;
        Ok(places)
    }

    /// Assigns rows, and sums them one after another: the number of threads changes nothing.
    fn assign(&self, rows: &[f32], ctx: &Context<'_>) -> Result<Share> {
        let n = self.columns;
        let places = self.places(rows, ctx)?;
        let mut all = Share { sums: zeros(self.centres.len())?, counts: zeros(self.k())?, apart: 0.0 };
        for (r, (row, (i, d))) in rows.chunks_exact(n).zip(&places).enumerate() {
            if r % SHARD == 0 {
                ctx.check()?
            }
            let i = i.index();
            all.sums[i * n..(i + 1) * n].iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(*x));
            all.counts[i] += 1;
            all.apart += f64::from(*d);
        }
        Ok(all)
    }

    /// The tensor `centres` (k × columns).
    pub fn to_tensors(&self) -> Vec<Tensor> {
        vec![Tensor::f32("centres".to_owned(), [self.k(), self.columns], self.centres.clone())]
    }

    /// Back from [`Centres::to_tensors`]; the tensors may be hostile.
    ///
    /// # Errors
    /// [`Code::Corrupt`] when the tensor is missing, of another shape or type, or not finite.
    pub fn from_tensors(k: usize, columns: usize, tensors: &[Tensor]) -> Result<Self> {
        match find(tensors, "centres", &[k, columns])? {
            Numbers::F32(v) if finite(v) => Ok(Self::new(columns, v.clone())),
            _ => {
                Err(Error::new(Code::Corrupt, "stored weights are damaged")
                    .detail("Tensor \"centres\" does not hold finite 32-bit floats."))
            }
        }
    }
}

/// First centres: each a row, drawn by its squared distance to the nearest so far.
fn spread(rows: &[f32], columns: usize, k: usize, rng: &mut Rng, ctx: &Context<'_>) -> Result<Centres> {
    let n = rows.len() / columns;
    let row = |i: usize| &rows[i * columns..(i + 1) * columns];
    let mut centres = row(rng.below(n)).to_vec();
    let mut nearest: Vec<f32> = zeros(n)?;
    nearest.fill(f32::INFINITY);
    while centres.len() < k * columns {
        ctx.check()?;
        let last = &centres[centres.len() - columns..];
        let square = dot(last, last);
        for (i, d) in nearest.iter_mut().enumerate() {
            // The same row is at no distance, whatever rounding says: else it could be drawn again.
            let apart = if row(i) == last { 0.0 } else { (dot(row(i), row(i)) + square - 2.0 * dot(row(i), last)).max(0.0) };
            *d = d.min(apart);
        }
        let total: f64 = nearest.iter().map(|d| f64::from(*d)).sum();
        if total <= 0.0 {
            break;
        }
        let mut at = rng.uniform() * total;
        let drawn = nearest.iter().position(|d| {
            at -= f64::from(*d);
            at < 0.0 && *d > 0.0
        });
        let Some(drawn) = drawn.or_else(|| nearest.iter().rposition(|d| *d > 0.0)) else { break };
        centres.extend_from_slice(row(drawn));
    }
    Ok(Centres::new(columns, centres.into()))
}

/// The number of segments, from 2 to `most`, at which the rows lie nearest to those of their own segment against those of the next: the
/// largest mean silhouette (Rousseeuw 1987); and these means. Takes time with the square of the rows: for a sample. (Whether there are any
/// at all it does not tell: in one round cloud it finds six.)
///
/// # Errors
/// As [`Centres::fit`].
pub fn choose(rows: &[f32], columns: usize, most: usize, starts: usize, ctx: &Context<'_>) -> Result<(usize, Vec<f64>)> {
    let mut tried = Vec::new();
    for k in 2..=most.min(rows.len() / columns.max(1)) {
        let (centres, _) = Centres::fit(rows, columns, k, starts, ctx)?;
        if centres.k() < k {
            break;
        }
        tried.push(centres.places(rows, ctx)?.into_iter().map(|p| p.0).collect());
    }
    let means = silhouettes(rows, columns, &tried, ctx)?;
    let best = (0..means.len()).fold(0, |best, i| if means[i] > means[best] { i } else { best });
    Ok((best + 2, means))
}

/// The mean silhouette of each of some ways to part the same rows: of a row with a mean distance a to the others of its part and b to those
/// of the nearest other part, (b − a) / max(a, b), and 0 of one alone.
fn silhouettes(rows: &[f32], columns: usize, ways: &[Vec<u32>], ctx: &Context<'_>) -> Result<Vec<f64>> {
    let n = rows.len() / columns.max(1);
    let row = |i: usize| &rows[i * columns..(i + 1) * columns];
    let squares: Vec<f32> = (0..n).map(|i| dot(row(i), row(i))).collect();
    let sizes: Vec<Vec<u32>> = ways
        .iter()
        .map(|way| {
            let mut sizes = vec![0; way.iter().max().map_or(0, |m| m.index() + 1)];
            way.iter().for_each(|p| sizes[p.index()] += 1);
            sizes
        })
        .collect();
    let mut blocks: Vec<Vec<f64>> = vec![vec![0.0; ways.len()]; n.div_ceil(BLOCK)];
    ctx.pool.each_mut(&mut blocks, |b, out| {
        let (mut distances, mut sums) = (vec![0.0; n], Vec::new());
        for i in b * BLOCK..((b + 1) * BLOCK).min(n) {
            if ctx.watch.cancelled() {
                return;
            }
            for (j, d) in distances.iter_mut().enumerate() {
                *d = f64::from((squares[i] + squares[j] - 2.0 * dot(row(i), row(j))).max(0.0).sqrt());
            }
            for ((way, sizes), out) in ways.iter().zip(&sizes).zip(&mut *out) {
                sums.clear();
                sums.resize(sizes.len(), 0.0);
                way.iter().zip(&distances).for_each(|(p, d)| sums[p.index()] += d);
                let own = way[i].index();
                if sizes[own] > 1 {
                    let a = sums[own] / f64::from(sizes[own] - 1);
                    let others = (0..sizes.len()).filter(|p| *p != own && sizes[*p] > 0);
                    let b = others.map(|p| sums[p] / f64::from(sizes[p])).fold(f64::INFINITY, f64::min);
                    let most = a.max(b);
                    *out += if most > 0.0 && b.is_finite() { (b - a) / most } else { 0.0 };
                }
            }
        }
    });
    ctx.check()?;
    Ok((0..ways.len()).map(|w| blocks.iter().map(|b| b[w]).sum::<f64>() / n.max(1).real()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};

    fn with<T>(threads: usize, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        f(&Context { seed: 5, pool: &pool, budget: &budget, watch: &Quiet })
    }

    /// Four heaps of two numbers.
    fn heaps() -> Vec<f32> {
        let mut rng = Rng::new(9);
        let places = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0)];
        (0..5000)
            .flat_map(|i| {
                let (x, y) = places[[0, 0, 1, 2, 3][i % 5]];
                [(x + rng.normal()) as f32, (y + rng.normal()) as f32]
            })
            .collect()
    }

    #[test]
    fn heaps_are_found_and_counted() {
        let rows = heaps();
        let sample = &rows[..2 * 1000];
        let (k, means) = with(2, |ctx| choose(sample, 2, 8, 4, ctx)).unwrap();
        assert_eq!((k, means.len()), (4, 7), "{means:?}");
        assert_eq!(means, with(1, |ctx| choose(sample, 2, 8, 4, ctx)).unwrap().1);
        let (c, apart) = with(2, |ctx| Centres::fit(&rows, 2, 4, 4, ctx)).unwrap();
        assert!((apart / 10_000.0 - 1.0).abs() < 0.1, "{apart}");
        assert_eq!(c, with(1, |ctx| Centres::fit(&rows, 2, 4, 4, ctx)).unwrap().0);
        let mut d = [0.0; 4];
        for place in [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]] {
            c.distances(&place, &mut d);
            d.sort_unstable_by(f32::total_cmp);
            assert!(d[0] < 0.3 && d[1] > 9.0, "{d:?}");
        }
        let turned = c.ordered(&[3, 0]);
        assert_eq!((turned.k(), turned.centre(0), turned.centre(1)), (2, c.centre(3), c.centre(0)));
    }

    #[test]
    fn silhouettes_are_those_of_the_definition() {
        // 0, 1 | 4, 6 and 0, 1, 4 | 6
        let means = with(1, |ctx| silhouettes(&[0.0, 1.0, 4.0, 6.0], 1, &[vec![0, 0, 1, 1], vec![0, 0, 0, 1]], ctx)).unwrap();
        let first = ((1.0 - 1.0 / 5.0) + (1.0 - 1.0 / 4.0) + (1.0 - 2.0 / 3.5) + (1.0 - 2.0 / 5.5)) / 4.0;
        let second = ((1.0 - 2.5 / 6.0) + (1.0 - 2.0 / 5.0) + (2.0 / 3.5 - 1.0)) / 4.0;
        assert!((means[0] - first).abs() < 1e-6 && (means[1] - second).abs() < 1e-6, "{means:?} {first} {second}");
    }

    #[test]
    fn rows_that_do_not_differ_make_no_more_segments() {
        let (c, apart) = with(1, |ctx| Centres::fit(&[1.0, 2.0, 1.0, 2.0, 3.0, 3.0], 2, 3, 2, ctx)).unwrap();
        assert_eq!((c.k(), apart), (2, 0.0));
        assert_eq!(with(1, |ctx| Centres::fit(&[1.0, 1.0], 1, 2, 1, ctx)).unwrap().0.k(), 1);
    }

    #[test]
    fn centres_come_back_and_hostile_ones_are_refused() {
        let c = Centres::new(2, vec![1.0, 2.0, 3.0, 4.0].into());
        assert_eq!(Centres::from_tensors(2, 2, &c.to_tensors()).unwrap(), c);
        assert_eq!(Centres::from_tensors(4, 1, &c.to_tensors()).unwrap_err().code, Code::Corrupt);
        let bad = Centres::new(2, vec![1.0, f32::NAN].into()).to_tensors();
        assert_eq!(Centres::from_tensors(1, 2, &bad).unwrap_err().code, Code::Corrupt);
    }
}
