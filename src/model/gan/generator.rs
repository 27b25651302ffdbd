//! The generator: noise and a condition into a row. An MLP with batch norm and ReLU whose every layer also sees the noise and all layers
//! before it (the residual blocks of Xu et al. 2019, "Modeling tabular data using conditional GAN"); the condition has a row of weights in
//! each layer.
//!
//! Numbers come out as normal scores, categories as a softmax over logits plus Gumbel noise at a low temperature (Jang, Gu & Poole 2017;
//! Maddison, Mnih & Teh 2017): nearly one-hot, and still differentiable. The statistics of batch norm are those of a shard ("ghost" batch
//! norm, Hoffer, Hubara & Soudry 2017), so that a shard depends on no other; a finished generator uses fixed ones.

use super::critic::{Dense, too_large, turned};
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Result, Rng, zeros};
use crate::dataset::mixed::Layout;
use crate::kernel::dense::{Product, Start};
use crate::kernel::{self, softmax};
use crate::linalg::{column_sums, multiply};
use std::ops::Range;

/// Added to a variance.
const EPSILON: f32 = 1e-5;

/// The shape of a generator. Parameters are one flat vector: for each hidden layer its weights, then scale and shift of the batch norm; the
/// last layer's weights and biases; then the condition's rows for every layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    layout: Layout,
    noise: usize,
    /// The bias of a hidden layer is the batch norm's scale, then its shift.
    layers: Vec<Dense>,
    last: Dense,
    /// The condition's rows, one range a layer, the last layer's last.
    embeddings: Vec<Range<usize>>,
}

/// Buffers for so many rows.
#[derive(Debug, Clone, Default)]
pub struct GeneratorWork {
    /// Rows × (noise, then the outputs of every hidden layer).
    pub seen: Vec<f32>,
    /// Each layer's sums, normalised.
    normed: Vec<Vec<f32>>,
    /// 1 / standard deviation of each unit.
    spread: Vec<Vec<f32>>,
    /// Rows × width: the rows.
    pub out: Vec<f32>,
    /// The gradients by `seen`.
    by_seen: Vec<f32>,
    /// By each layer's sums; the last layer's last.
    pub by_sums: Vec<Vec<f32>>,
    sums: [Vec<f32>; 2],
    /// Batch norm's scale by the deviation.
    slope: Vec<f32>,
}

impl Generator {
    /// A generator of rows of `layout` from `noise` numbers, with hidden layers of these widths.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`] when its parameters do not fit the address space.
    pub fn new(layout: &Layout, noise: usize, hidden: &[usize]) -> Result<Self> {
        let all = || {
            let (mut layers, mut at, mut inputs) = (Vec::new(), 0usize, noise);
            let mut dense = |inputs: usize, outputs: usize, biases: usize| {
                let weight = at..at.checked_add(inputs.checked_mul(outputs)?)?;
                let bias = weight.end..weight.end.checked_add(outputs.checked_mul(biases)?)?;
                at = bias.end;
                Some(Dense { inputs, outputs, weight, bias })
            };
            for &outputs in hidden {
                layers.push(dense(inputs, outputs, 2)?);
                inputs = inputs.checked_add(outputs)?;
            }
            let last = dense(inputs, layout.width(), 1)?;
            let mut embeddings = Vec::new();
            for l in layers.iter().chain([&last]) {
                let end = at.checked_add(layout.condition.checked_mul(l.outputs)?)?;
                embeddings.push(at..end);
                at = end;
            }
            (at < usize::MAX / 256).then_some(Self { layout: layout.clone(), noise, layers, last, embeddings })
        };
        all().ok_or_else(|| too_large("generator"))
    }

    /// The hidden layers; the bias of each is the batch norm's scale and shift.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// The last layer.
    pub fn last(&self) -> &Dense {
        &self.last
    }

    /// The places of the condition's rows, levels × width of each layer, the last layer's last.
    pub fn embeddings(&self) -> &[Range<usize>] {
        &self.embeddings
    }

    /// How many parameters.
    pub fn parameters(&self) -> usize {
        self.embeddings.last().map_or(0, |e| e.end)
    }

    /// How many of them stand before the condition's rows.
    pub fn dense(&self) -> usize {
        self.last.bias.end
    }

    /// Numbers of noise.
    pub fn noise(&self) -> usize {
        self.noise
    }

    /// Numbers that all hidden layers put out, and so many means and deviations has a finished generator.
    pub fn hidden(&self) -> usize {
        self.last.inputs - self.noise
    }

    /// Weights uniform in ±√(1 / inputs); batch norm begins as none.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for l in self.layers.iter().chain([&self.last]) {
            let bound = (1.0 / l.inputs.max(1).real()).sqrt().single();
            params[l.weight.clone()].iter_mut().for_each(|w| *w = (2.0 * rng.uniform_f32() - 1.0) * bound);
            params[l.bias.clone()].fill(0.0);
        }
        for l in &self.layers {
            params[l.bias.start..l.bias.start + l.outputs].fill(1.0);
        }
        params[self.dense()..].iter_mut().for_each(|w| *w = 0.1 * rng.normal().single());
    }

    /// Buffers for at most `rows` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn work(&self, rows: usize) -> Result<GeneratorWork> {
        let each = |rows: usize| self.layers.iter().map(|l| zeros(rows * l.outputs)).collect::<Result<Vec<Vec<f32>>>>();
        let mut by_sums = each(rows)?;
        by_sums.push(zeros(rows * self.last.outputs)?);
        let widest = self.layers.iter().map(|l| l.outputs).max().unwrap_or(0);
        Ok(GeneratorWork {
            seen: zeros(rows * self.last.inputs)?,
            normed: each(rows)?,
            spread: each(1)?,
            out: zeros(rows * self.last.outputs)?,
            by_seen: zeros(rows * self.last.inputs)?,
            by_sums,
            sums: [zeros(widest)?, zeros(widest)?],
            slope: zeros(widest)?,
        })
    }

    /// Bytes of [`Generator::work`].
    pub fn work_bytes(&self, rows: usize) -> usize {
        rows.saturating_mul(2 * self.last.inputs + 2 * self.hidden() + 2 * self.last.outputs).saturating_mul(4)
    }

    /// Fills the noise of `rows` rows.
    pub fn draw(&self, rows: usize, rng: &mut Rng, w: &mut GeneratorWork) {
        for line in w.seen.chunks_exact_mut(self.last.inputs).take(rows) {
            line[..self.noise].iter_mut().for_each(|z| *z = near_normal(rng.bits()));
        }
    }

    /// The rows' numbers and logits from their noise and conditions, into `w.out`. Batch norm takes the statistics of these rows, or
    /// `fixed` ones: means of all hidden sums, then their deviations (see [`Generator::statistics`]).
    pub fn forward(&self, params: &[f32], codes: &[u32], fixed: Option<&[f32]>, w: &mut GeneratorWork) {
        let (n, all) = (codes.len(), self.last.inputs);
        let mut at = self.noise;
        for (i, l) in self.layers.iter().enumerate() {
            let x = &mut w.normed[i][..n * l.outputs];
            self.begin(params, i, codes, l.outputs, x);
            multiply(
                &Product { a_row: all, start: Start::Keep, ..Product::new(n, l.outputs, l.inputs, &w.seen, &params[l.weight.clone()]) },
                x,
            );
            match fixed {
                None => normalise(x, &mut w.spread[i], &mut w.sums[0][..l.outputs]),
                Some(f) => {
                    let (mean, deviation) = f.split_at(self.hidden());
                    let own = at - self.noise..at - self.noise + l.outputs;
                    for x in x.chunks_exact_mut(l.outputs) {
                        x.iter_mut().zip(&mean[own.clone()]).zip(&deviation[own.clone()]).for_each(|((x, m), d)| *x = (*x - m) / d);
                    }
                }
            }
            let (gain, shift) = params[l.bias.clone()].split_at(l.outputs);
            for (x, y) in x.chunks_exact(l.outputs).zip(w.seen.chunks_exact_mut(all)) {
                for (((y, x), g), s) in y[at..at + l.outputs].iter_mut().zip(x).zip(gain).zip(shift) {
                    *y = (g * x + s).max(0.0);
                }
            }
            at += l.outputs;
        }
        let out = &mut w.out[..n * self.last.outputs];
        self.begin(params, self.layers.len(), codes, self.last.outputs, out);
        let bias = &params[self.last.bias.clone()];
        out.chunks_exact_mut(bias.len().max(1)).for_each(|o| kernel::axpy(1.0, bias, o));
        multiply(
            &Product { start: Start::Keep, ..Product::new(n, self.last.outputs, all, &w.seen, &params[self.last.weight.clone()]) },
            out,
        );
    }

    /// What a layer's sums begin with: the condition's row.
    fn begin(&self, params: &[f32], layer: usize, codes: &[u32], width: usize, out: &mut [f32]) {
        if self.layout.condition == 0 {
            return out.fill(0.0);
        }
        let rows = &params[self.embeddings[layer].clone()];
        for (o, c) in out.chunks_exact_mut(width.max(1)).zip(codes) {
            o.copy_from_slice(&rows[c.index() * width..][..width]);
        }
    }

    /// Logits into soft choices: y = softmax((logit + Gumbel noise) / temperature), block by block.
    pub fn choose(&self, rows: usize, temperature: f32, gumbel: &Gumbel, rng: &mut Rng, w: &mut GeneratorWork) {
        for line in w.out.chunks_exact_mut(self.last.outputs.max(1)).take(rows) {
            self.layout.each_block(|_, from, to| {
                let block = &mut line[from..to];
                gumbel.add(rng, block);
                kernel::scale(1.0 / temperature, block);
                softmax(block);
            });
        }
    }

    /// The gradient by the parameters before the condition's rows, into `gradient`, from that by the rows in `by_out` after
    /// [`Generator::forward`] without fixed statistics and [`Generator::choose`]; [`Generator::embed`] then adds the condition's.
    pub fn backward(&self, params: &[f32], codes: &[u32], temperature: f32, by_out: &[f32], w: &mut GeneratorWork, gradient: &mut [f32]) {
        let (n, all, width) = (codes.len(), self.last.inputs, self.last.outputs);
        let top = self.layers.len();
        let g = &mut w.by_sums[top][..n * width];
        g.copy_from_slice(&by_out[..n * width]);
        for (g, y) in g.chunks_exact_mut(width.max(1)).zip(w.out.chunks_exact(width.max(1))) {
            self.layout.each_block(|_, from, to| {
                let (g, y) = (&mut g[from..to], &y[from..to]);
                let mean = kernel::dot(g, y);
                g.iter_mut().zip(y).for_each(|(g, y)| *g = y * (*g - mean) / temperature);
            });
        }
        multiply(&Product::transposed(all, width, n, &w.seen, g), &mut gradient[self.last.weight.clone()]);
        column_sums(g, n, &mut gradient[self.last.bias.clone()]);
        turned(&Product::new(n, all, width, g, &params[self.last.weight.clone()]), width, &mut w.by_seen);
        let mut at = all;
        for (i, l) in self.layers.iter().enumerate().rev() {
            at -= l.outputs;
            let (g, x) = (&mut w.by_sums[i][..n * l.outputs], &w.normed[i]);
            let (by_gain, by_shift) = w.sums.split_at_mut(1);
            let (by_gain, by_shift) = (&mut by_gain[0][..l.outputs], &mut by_shift[0][..l.outputs]);
            by_gain.fill(0.0);
            by_shift.fill(0.0);
            for (r, (g, x)) in g.chunks_exact_mut(l.outputs).zip(x.chunks_exact(l.outputs)).enumerate() {
                let (y, by) = (&w.seen[r * all + at..][..l.outputs], &w.by_seen[r * all + at..][..l.outputs]);
                g.copy_from_slice(by);
                kernel::relu_back(y, g);
                kernel::axpy(1.0, g, by_shift);
                by_gain.iter_mut().zip(&*g).zip(x).for_each(|((sum, g), x)| *sum += g * x);
            }
            let bias = &mut gradient[l.bias.clone()];
            bias[..l.outputs].copy_from_slice(by_gain);
            bias[l.outputs..].copy_from_slice(by_shift);
            // g ← gain · spread · (g − (Σ g + x Σ g x) / n)
            let share = 1.0 / n.single();
            kernel::scale(share, by_gain);
            kernel::scale(share, by_shift);
            w.slope[..l.outputs].copy_from_slice(&params[l.bias.start..l.bias.start + l.outputs]);
            w.slope.iter_mut().zip(&w.spread[i]).for_each(|(s, spread)| *s *= spread);
            for (g, x) in g.chunks_exact_mut(l.outputs).zip(x.chunks_exact(l.outputs)) {
                let (sums, slope) = (by_gain.iter().zip(&*by_shift), &w.slope);
                for ((g, x), ((gain, shift), slope)) in g.iter_mut().zip(x).zip(sums.zip(slope)) {
                    *g = slope * (*g - shift - x * gain);
                }
            }
            let p = Product::transposed(l.inputs, l.outputs, n, &w.seen, g);
            multiply(&Product { a_column: all, ..p }, &mut gradient[l.weight.clone()]);
            if i > 0 {
                // The noise has no need of a gradient.
                let weight = &params[l.weight.start + self.noise * l.outputs..l.weight.end];
                let p = Product::new(n, l.inputs - self.noise, l.outputs, g, weight);
                turned(&Product { c_row: all, start: Start::Keep, ..p }, l.outputs, &mut w.by_seen[self.noise..]);
            }
        }
    }

    /// Adds the gradient by the condition's rows after [`Generator::backward`] to `gradient`, that of all parameters.
    pub fn embed(&self, codes: &[u32], w: &GeneratorWork, gradient: &mut [f32]) {
        if self.layout.condition == 0 {
            return;
        }
        for (g, to) in w.by_sums.iter().zip(&self.embeddings) {
            let width = to.len() / self.layout.condition;
            for (g, c) in g.chunks_exact(width.max(1)).zip(codes) {
                kernel::axpy(1.0, g, &mut gradient[to.start + c.index() * width..][..width]);
            }
        }
    }

    /// The means of all hidden sums over rows of these conditions, then their deviations: what a finished generator normalises with.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn statistics(&self, params: &[f32], codes: &[u32], rng: &mut Rng) -> Result<Vec<f32>> {
        let mut out: Vec<f32> = zeros(2 * self.hidden())?;
        let mut w = self.work(codes.len())?;
        self.draw(codes.len(), rng, &mut w);
        self.forward(params, codes, None, &mut w);
        let mut at = 0;
        for (i, l) in self.layers.iter().enumerate() {
            let mut x: Vec<f32> = zeros(codes.len() * l.outputs)?;
            self.begin(params, i, codes, l.outputs, &mut x);
            let p = Product::new(codes.len(), l.outputs, l.inputs, &w.seen, &params[l.weight.clone()]);
            multiply(&Product { a_row: self.last.inputs, start: Start::Keep, ..p }, &mut x);
            let (mean, deviation) = out.split_at_mut(self.hidden());
            let mut spread = vec![0.0; l.outputs];
            normalise(&mut x, &mut spread, &mut mean[at..at + l.outputs]);
            deviation[at..at + l.outputs].iter_mut().zip(&spread).for_each(|(d, s)| *d = 1.0 / s);
            at += l.outputs;
        }
        Ok(out)
    }
}

/// x ← (x − mean) · spread by column, with mean and spread = 1 / √(variance + ε) of its rows.
fn normalise(x: &mut [f32], spread: &mut [f32], mean: &mut [f32]) {
    let width = mean.len();
    let share = width.single() / x.len().single();
    mean.fill(0.0);
    spread.fill(0.0);
    x.chunks_exact(width).for_each(|x| kernel::axpy(1.0, x, mean));
    kernel::scale(share, mean);
    for x in x.chunks_exact_mut(width) {
        for ((x, m), s) in x.iter_mut().zip(&*mean).zip(&mut *spread) {
            *x -= m;
            *s += *x * *x;
        }
    }
    spread.iter_mut().for_each(|s| *s = 1.0 / (*s * share + EPSILON).sqrt());
    for x in x.chunks_exact_mut(width) {
        x.iter_mut().zip(&*spread).for_each(|(x, s)| *x *= s);
    }
}

/// Four uniform parts of 64 bits, added: mean 0, variance 1, within ±3.5. Whether noise is exactly normal is of no matter to a network, the
/// time that drawing it takes is.
fn near_normal(bits: u64) -> f32 {
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    // 4 / 12 is the variance of four uniforms.
    (sum.single() * (1.0 / 65536.0) - 2.0) * 1.732_050_8
}

/// Gumbel noise −ln(−ln u) out of a table, at the middles of equal parts of u.
#[derive(Debug, Clone)]
pub struct Gumbel(Vec<f32>);

impl Gumbel {
    /// The table.
    pub fn new() -> Self {
        Self((0..4096).map(|i| (-(-((f64::from(i) + 0.5) / 4096.0).ln()).ln()) as f32).collect())
    }

    /// Adds noise to each element.
    fn add(&self, rng: &mut Rng, x: &mut [f32]) {
        for x in x.chunks_mut(5) {
            // Twelve bits an element: a draw serves five.
            let mut bits = rng.bits();
            for x in x {
                *x += self.0[(bits & 4095) as usize];
                bits >>= 12;
            }
        }
    }
}

impl Default for Gumbel {
    fn default() -> Self {
        Self::new()
    }
}
