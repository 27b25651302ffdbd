//! The outputs of a network for many rows, on all threads, and what is made of them.

use crate::base::memory::reserve;
use crate::base::number::AsIndex;
use crate::base::{Context, Result, zeros};
use crate::dataset::TextRows;
use crate::model::row_weights::{biases, class_of, tag_biases};
use crate::nn::shards::{Entries, SHARD};
use crate::nn::{Stack, Targets};
use ndarray::ArrayView2;
use std::borrow::Cow;

/// Bytes that [`contiguous`] copies.
pub(super) fn gaps(x: &ArrayView2<'_, f32>) -> usize {
    if x.as_slice().is_some() { 0 } else { x.len() * 4 }
}

/// The rows side by side; copied only when they are not.
pub(super) fn contiguous<'a>(x: ArrayView2<'a, f32>) -> Result<Cow<'a, [f32]>> {
    if let Some(s) = x.to_slice() {
        return Ok(Cow::Borrowed(s));
    }
    let mut v = Vec::new();
    reserve(&mut v, x.len())?;
    v.extend(x.iter().copied());
    Ok(Cow::Owned(v))
}

/// Sends the rows of `x` through in shards that the threads share out: `out` (rows × outputs) gets the outputs, which `f(first row,
/// outputs)` may change; returns the sum of what it returns, in the order of the rows.
pub(super) fn each_shard(
    stack: &Stack,
    params: &[f32],
    (x, texts): (&[f32], Option<TextRows<'_>>),
    out: &mut [f32],
    ctx: &Context<'_>,
    f: impl Fn(usize, &mut [f32]) -> f64 + Sync + Send,
) -> Result<f64> {
    let (inputs, outputs) = (stack.inputs(), stack.outputs());
    let mut parts: Vec<_> = out.chunks_mut(SHARD * outputs).map(|o| (o, Ok(0.0))).collect();
    let one = |i: usize, out: &mut [f32]| {
        ctx.check()?;
        let rows = out.len() / outputs;
        let mut work = stack.workspace(rows, false)?;
        let sparse = Entries { texts, place: |row| i * SHARD + row, dropped: (0.0, 0) };
        stack.forward_sparse(params, (&x[i * SHARD * inputs..][..rows * inputs], &sparse), rows, &mut work, None);
        out.copy_from_slice(work.result());
        Ok(f(i * SHARD, out))
    };
    ctx.pool.each_mut(&mut parts, |i, (out, sum)| *sum = one(i, out));
    parts.into_iter().map(|p| p.1).sum()
}

/// Pairs of a row and a class from which biases are set, at most, but for the last block.
const PAIRS: usize = 2_000_000;
/// Rows of a block of these: whole shards.
const BLOCK: usize = 32 * SHARD;

/// What is to be added to the last biases of a network of classes, which learned with class `weights` and `smoothed` labels, or of tags:
/// see [`biases`] and [`tag_biases`]. By blocks of rows, evenly spread where there are many.
pub(super) fn to_shares(
    stack: &Stack,
    params: &[f32],
    (x, texts, rows): (&[f32], Option<TextRows<'_>>, usize),
    y: Targets<'_>,
    (weights, smoothed): (&[f32], f32),
    ctx: &Context<'_>,
) -> Result<Vec<f32>> {
    let (inputs, outputs) = (stack.inputs(), stack.outputs());
    let blocks = rows.div_ceil(BLOCK);
    let every = (rows * outputs).div_ceil(PAIRS).max(1);
    let _held = ctx.budget.take((blocks.div_ceil(every) * BLOCK).min(rows).saturating_mul(4 * (outputs + 1)), "Setting biases")?;
    let (mut z, mut used) = (Vec::new(), Vec::new());
    for block in (0..blocks).step_by(every) {
        let (first, end) = (block * BLOCK, ((block + 1) * BLOCK).min(rows));
        let mut out = zeros((end - first) * outputs)?;
        each_shard(stack, params, (&x[first * inputs..end * inputs], texts.map(|t| t.skip(first))), &mut out, ctx, |_, _| 0.0)?;
        reserve(&mut z, out.len())?;
        z.extend_from_slice(&out);
        reserve(&mut used, end - first)?;
        used.extend((first..end).map(|row| row as u32));
    }
    if let Targets::Tags(tags) = y {
        return tag_biases(&z, outputs, |i| tags.of(used[i].index()), ctx);
    }
    let classes: Vec<u32> = used.into_iter().filter_map(|row| class_of(y, row.index())).collect();
    biases(&z, &classes, outputs, (weights, smoothed), ctx)
}
