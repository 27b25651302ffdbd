//! The generator: a user's history, as the condition, through one hidden layer to how likely each item is that user's.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, Rng, memory::reserve, zeros};
use crate::kernel::{adam, dot, sigmoid, sigmoid_back, tanh_back};
use crate::linalg::{add_rows, column_sums};
use crate::model::cfgan::marks::{Marks, ROWS};
use crate::model::cfgan::net::{Net, Shape, glorot};
use crate::model::mult_vae::batch::Batch;
use crate::model::mult_vae::input;
use crate::nn::{AdamSpec, Touch, learn_rows};

/// The generator, and what it made of a batch.
#[derive(Debug)]
pub struct Generator {
    width: usize,
    /// Layers: input (items × width), its bias, output (items × width), its bias.
    pub net: Net<4>,
    /// Rows × width: the hidden layer, and the gradient by its sums.
    hidden: Vec<f32>,
    hidden_delta: Vec<f32>,
    /// One an entry: the probability that the item is the user's.
    pub fake: Vec<f32>,
    /// The gradient by those, then by their sums.
    pub delta: Vec<f32>,
    gradient: Vec<f32>,
}

impl Generator {
    /// Bytes beside the parameters for batches of at most `rows` rows and `entries` entries.
    pub fn bytes(shape: &Shape, rows: usize, entries: usize) -> usize {
        let small = rows.saturating_mul(2).saturating_add(1).saturating_mul(shape.hidden).saturating_add(shape.items);
        small.saturating_add(entries.saturating_mul(2)).saturating_mul(4)
    }

    /// With new weights, for batches of at most `rows` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(shape: &Shape, rows: usize, spec: AdamSpec, rng: &mut Rng) -> Result<Self> {
        let width = shape.hidden;
        let wide = glorot(shape.items + width);
        let net = Net::new(shape.generator(), [wide, 0.0, wide, 0.0], spec, rng)?;
        let (hidden, hidden_delta) = (zeros(rows * width)?, zeros(rows * width)?);
        Ok(Self { width, net, hidden, hidden_delta, fake: Vec::new(), delta: Vec::new(), gradient: zeros(width.max(shape.items))? })
    }

    /// Fills `fake` for the entries of `marks`, under the condition of `batch`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
    pub fn make(&mut self, batch: &Batch, marks: &Marks, ctx: &Context<'_>) -> Result<()> {
        let (width, rows, entries) = (self.width, batch.rows(), marks.items.len());
        for v in [&mut self.fake, &mut self.delta] {
            reserve(v, entries.saturating_sub(v.len()))?;
            v.resize(entries, 0.0);
        }
        let [weight, bias, output, output_bias] = self.net.layers();
        input::forward(batch, weight, bias, &mut self.hidden, ctx.pool);
        let hidden = &self.hidden;
        let mut parts = marks.parts(&mut self.fake);
        ctx.pool.each_mut(&mut parts, |p, out| {
            let start = marks.offsets[p * ROWS];
            for row in p * ROWS..((p + 1) * ROWS).min(rows) {
                if ctx.watch.cancelled() {
                    return;
                }
                let h = &hidden[row * width..][..width];
                for at in marks.offsets[row]..marks.offsets[row + 1] {
                    let item = marks.items[at].index();
                    out[at - start] = output_bias[item] + dot(h, &output[item * width..][..width]);
                }
            }
            sigmoid(out);
        });
        ctx.check()
    }

    /// One step after [`Generator::make`] of the same batch; `delta` holds the gradient by `fake`.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn learn(&mut self, batch: &Batch, marks: &Marks, ctx: &Context<'_>) -> Result<()> {
        let (width, rows) = (self.width, batch.rows());
        sigmoid_back(&self.fake, &mut self.delta);
        let [_, _, output, _] = self.net.layers();
        let (hidden, delta) = (&self.hidden[..rows * width], &self.delta);
        let mut parts: Vec<_> = self.hidden_delta[..rows * width].chunks_mut(ROWS * width).collect();
        ctx.pool.each_mut(&mut parts, |p, out| {
            for (i, out) in out.chunks_mut(width).enumerate() {
                if ctx.watch.cancelled() {
                    return;
                }
                let at = marks.offsets[p * ROWS + i]..marks.offsets[p * ROWS + i + 1];
                out.fill(0.0);
                add_rows(at.map(|at| (marks.items[at].index(), delta[at])), output, out);
                tanh_back(&hidden[(p * ROWS + i) * width..][..width], out);
            }
        });
        ctx.check()?;
        let (step, [weight, [bias, bm, bv], output, [output_bias, om, ov]]) = self.net.begin(1.0 / rows.single());
        learn_rows(
            move |item| marks.of(item).iter().map(move |e| (e.row.index(), delta[e.at])),
            Touch::All,
            hidden,
            width,
            step,
            output,
            ctx,
        )?;
        let sums = &mut self.gradient[..output_bias.len()];
        sums.iter_mut().enumerate().for_each(|(item, g)| *g = marks.of(item).iter().map(|e| delta[e.at]).sum());
        adam(step, sums, om, ov, output_bias);
        input::learn((batch, Touch::All), &self.hidden_delta, width, step, weight, ctx)?;
        let sums = &mut self.gradient[..width];
        column_sums(&self.hidden_delta, rows, sums);
        adam(step, sums, bm, bv, bias);
        Ok(())
    }
}
