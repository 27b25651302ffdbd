//! A wide layer with a row an item, whose gradient is made and used up row by row: that of the whole layer is never held.

use crate::base::{Context, Result};
use crate::kernel::{AdamStep, adam};
use crate::linalg::add_rows;

/// Items that a thread takes at a time: fixed, so that the result does not depend on the number of threads.
const ITEMS: usize = 64;

/// Which rows a step changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Every row: where there is no gradient its moments still fade, and still move it.
    All,
    /// Those alone that have a gradient, so that a step's work does not grow with the catalogue (what others call sparse or lazy Adam).
    /// (With a softmax over a sample it took an epoch of `mult_vae` over 50,000 items from 7.7 s to 1.7; one over 200,000 takes 2.0.)
    Own,
}

/// One step of Adam of the rows of items that `touch` says, against the gradient Σ value · row of `delta` over the (row, value) that
/// `of(item)` gives. `delta` has rows of `width` numbers, as the layer has; the layer's three slices are its weights and their first and
/// second moments. Panics on a row outside.
///
/// # Errors
/// [`crate::base::Code::Cancelled`]: a large catalogue takes its time.
pub fn learn_rows<I: Iterator<Item = (usize, f32)>>(
    of: impl Fn(usize) -> I + Sync + Send,
    touch: Touch,
    delta: &[f32],
    width: usize,
    step: AdamStep,
    [weight, first, second]: [&mut [f32]; 3],
    ctx: &Context<'_>,
) -> Result<()> {
    let size = ITEMS * width;
    let mut parts: Vec<_> = weight.chunks_mut(size).zip(first.chunks_mut(size)).zip(second.chunks_mut(size)).collect();
    ctx.pool.each_mut(&mut parts, |p, ((w, m), v)| {
        if ctx.watch.cancelled() {
            return;
        }
        let mut gradient = vec![0.0; width];
        let rows = w.chunks_mut(width).zip(m.chunks_mut(width)).zip(v.chunks_mut(width));
        for (i, ((w, m), v)) in rows.enumerate() {
            let mut of = of(p * ITEMS + i).peekable();
            if touch == Touch::Own && of.peek().is_none() {
                continue;
            }
            gradient.fill(0.0);
            add_rows(of, delta, &mut gradient);
            adam(step, &gradient, m, v, w);
        }
    });
    ctx.check()
}
