//! The discriminator: is a vector of purchases that of the user whose history is the condition? One hidden layer over both, then the logit
//! of a yes.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Context, Result, Rng, zeros};
use crate::kernel::{axpy, dot, tanh, tanh_back};
use crate::linalg::add_rows;
use crate::model::cfgan::marks::{Marks, ROWS};
use crate::model::cfgan::net::{Net, Shape, glorot};
use crate::model::mult_vae::batch::Batch;
use crate::nn::{AdamSpec, Touch, learn_rows};

/// The discriminator, and what it made of a batch: of the real rows, then of the generated ones.
#[derive(Debug)]
pub struct Discriminator {
    width: usize,
    /// Layers: purchases (items × width), condition (items × width), its bias, the last and its bias.
    pub net: Net<5>,
    /// 2 · rows × width: the hidden layer, and the gradient by its sums.
    hidden: Vec<f32>,
    delta: Vec<f32>,
    /// 2 · rows: the logits, then the gradient by them.
    logits: Vec<f32>,
    gradient: Vec<f32>,
}

/// ln(1 + eˣ).
fn softplus(x: f32) -> f64 {
    f64::from(x.max(0.0)) + f64::from((-x.abs()).exp()).ln_1p()
}

/// 1 / (1 + e⁻ˣ).
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Discriminator {
    /// Bytes beside the parameters for batches of at most `rows` rows.
    pub fn bytes(shape: &Shape, rows: usize) -> usize {
        rows.saturating_mul(shape.discriminator.saturating_mul(16).saturating_add(8)).saturating_add(shape.discriminator * 4)
    }

    /// With new weights, for batches of at most `rows` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(shape: &Shape, rows: usize, spec: AdamSpec, rng: &mut Rng) -> Result<Self> {
        let width = shape.discriminator;
        let wide = glorot(shape.items + width);
        let net = Net::new(shape.discriminator(), [wide, wide, 0.0, glorot(width + 1), 0.0], spec, rng)?;
        let (size, count) = (2 * rows * width, 2 * rows);
        Ok(Self { width, net, hidden: zeros(size)?, delta: zeros(size)?, logits: zeros(count)?, gradient: zeros(width)? })
    }

    /// One step that tells real rows from generated ones (`fake`, one number an entry of `marks`). Returns Σ ln(1 + e⁻ʳ) + ln(1 + eᶠ) of
    /// the logits r of real and f of generated rows, as they were before the step.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn learn(&mut self, batch: &Batch, marks: &Marks, fake: &[f32], ctx: &Context<'_>) -> Result<f64> {
        self.forward(batch, marks, fake, true, ctx)?;
        let (rows, width) = (batch.rows(), self.width);
        let (real, made) = self.logits[..2 * rows].split_at_mut(rows);
        let loss = real.iter().map(|l| softplus(-l)).sum::<f64>() + made.iter().map(|l| softplus(*l)).sum::<f64>();
        real.iter_mut().for_each(|l| *l = sigmoid(*l) - 1.0);
        made.iter_mut().for_each(|l| *l = sigmoid(*l));
        self.back(0..2 * rows, ctx);
        self.gradient.fill(0.0);
        self.hidden.chunks(width).zip(&self.logits[..2 * rows]).for_each(|(h, g)| axpy(*g, h, &mut self.gradient));
        let by_logits: f32 = self.logits[..2 * rows].iter().sum();

        let (step, [purchases, condition, [bias, bm, bv], [last, lm, lv], [one, om, ov]]) = self.net.begin(1.0 / rows.single());
        crate::kernel::adam(step, &self.gradient, lm, lv, last);
        crate::kernel::adam(step, &[by_logits], om, ov, one);
        self.gradient.fill(0.0);
        self.delta[..2 * rows * width].chunks(width).for_each(|d| axpy(1.0, d, &mut self.gradient));
        crate::kernel::adam(step, &self.gradient, bm, bv, bias);
        let shown = move |item: usize| {
            marks.of(item).iter().flat_map(move |e| {
                let [own, seen] = marks.ends[e.row.index()];
                let real = (e.at < own).then(|| (e.row.index(), marks.real[e.at]));
                real.into_iter().chain((e.at < seen).then(|| (rows + e.row.index(), fake[e.at])))
            })
        };
        learn_rows(shown, Touch::All, &self.delta, width, step, purchases, ctx)?;
        let given = move |item: usize| {
            let entries = batch.of(item).iter().filter(|e| e.input != 0.0);
            entries.flat_map(move |e| [(e.row.index(), e.input), (rows + e.row.index(), e.input)])
        };
        learn_rows(given, Touch::All, &self.delta, width, step, condition, ctx).map(|()| loss)
    }

    /// How well the generated rows pass for real: Σ ln(1 + e⁻ᶠ) of their logits f, and into `delta` its gradient by each entry of `fake`; 0
    /// for entries that are not shown.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    pub fn evaluate(&mut self, batch: &Batch, marks: &Marks, fake: &[f32], delta: &mut [f32], ctx: &Context<'_>) -> Result<f64> {
        self.forward(batch, marks, fake, false, ctx)?;
        let (rows, width) = (batch.rows(), self.width);
        let made = &mut self.logits[rows..2 * rows];
        let loss = made.iter().map(|l| softplus(-l)).sum();
        made.iter_mut().for_each(|l| *l = sigmoid(*l) - 1.0);
        self.back(rows..2 * rows, ctx);
        let [purchases, ..] = self.net.layers();
        let by_hidden = &self.delta[rows * width..];
        let mut parts = marks.parts(delta);
        ctx.pool.each_mut(&mut parts, |p, delta| {
            let start = marks.offsets[p * ROWS];
            for row in p * ROWS..((p + 1) * ROWS).min(rows) {
                if ctx.watch.cancelled() {
                    return;
                }
                for at in marks.offsets[row]..marks.offsets[row + 1] {
                    let weight = &purchases[marks.items[at].index() * width..][..width];
                    delta[at - start] = if at < marks.ends[row][1] { dot(&by_hidden[row * width..][..width], weight) } else { 0.0 };
                }
            }
        });
        ctx.check().map(|()| loss)
    }

    /// Fills `hidden` and `logits`: of generated rows, and, where `real` is set, of real ones.
    fn forward(&mut self, batch: &Batch, marks: &Marks, fake: &[f32], real: bool, ctx: &Context<'_>) -> Result<()> {
        let (rows, width) = (batch.rows(), self.width);
        let [purchases, condition, bias, last, one] = self.net.layers();
        let (own, made) = self.hidden[..2 * rows * width].split_at_mut(rows * width);
        let (own_logits, made_logits) = self.logits[..2 * rows].split_at_mut(rows);
        let hidden = own.chunks_mut(ROWS * width).zip(made.chunks_mut(ROWS * width));
        let mut parts: Vec<_> = hidden.zip(own_logits.chunks_mut(ROWS).zip(made_logits.chunks_mut(ROWS))).collect();
        ctx.pool.each_mut(&mut parts, |p, ((own, made), (own_logits, made_logits))| {
            for (i, (own, made)) in own.chunks_mut(width).zip(made.chunks_mut(width)).enumerate() {
                if ctx.watch.cancelled() {
                    return;
                }
                let row = p * ROWS + i;
                let (start, [end, seen]) = (marks.offsets[row], marks.ends[row]);
                made.copy_from_slice(bias);
                add_rows(batch.inputs_of(row), condition, made);
                if real {
                    own.copy_from_slice(made);
                    add_rows((start..end).map(|at| (marks.items[at].index(), marks.real[at])), purchases, own);
                    tanh(own);
                    own_logits[i] = one[0] + dot(own, last);
                }
                add_rows((start..seen).map(|at| (marks.items[at].index(), fake[at])), purchases, made);
                tanh(made);
                made_logits[i] = one[0] + dot(made, last);
            }
        });
        ctx.check()
    }

    /// The gradient by the hidden layer's sums of `rows`, from that by their logits.
    fn back(&mut self, rows: std::ops::Range<usize>, ctx: &Context<'_>) {
        let width = self.width;
        let [_, _, _, last, _] = self.net.layers();
        let at = rows.start * width..rows.end * width;
        let (hidden, logits) = (&self.hidden[at.clone()], &self.logits[rows]);
        let mut parts: Vec<_> = self.delta[at].chunks_mut(ROWS * width).collect();
        ctx.pool.each_mut(&mut parts, |p, out| {
            for (i, out) in out.chunks_mut(width).enumerate() {
                let row = p * ROWS + i;
                out.fill(0.0);
                axpy(logits[row], last, out);
                tanh_back(&hidden[row * width..][..width], out);
            }
        });
    }
}
