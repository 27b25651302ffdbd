//! The critic: how real a row looks, given its condition. An MLP with leaky ReLU; the condition has a row of weights in the first layer.
//!
//! It learns max E D(real) − E D(generated) with a penalty on the length of its gradient by the row (Gulrajani et al. 2017, "Improved
//! training of Wasserstein GANs", equation 3): λ (‖∇D(x̂)‖ − 1)² at x̂ = ε real + (1 − ε) generated. The derivative of the penalty by the
//! weights is a second derivative, and here in closed form. With leaky ReLU the network is linear around x̂: its gradient by the row is the
//! backward pass aₗ₋₁ = (aₗ Wₗᵀ) ∘ m, where m are the slopes. That pass is itself a chain of products, whose own backward pass runs
//! *forward* through the layers: t₀ = ∂penalty/∂∇D, tₗ = (tₗ₋₁ Wₗ) ∘ m, and the derivative by Wₗ is tₗ₋₁ᵀ aₗ. The slopes are constants
//! (their derivative is 0 almost everywhere). Real and generated rows have ∂/∂Wₗ = inputᵀ aₗ, so with t in the place of the input one
//! product a layer serves all three.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result, Rng, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{self, leaky, leaky_back, product_blocked};
use crate::linalg::{column_sums, multiply};
use std::ops::Range;

/// A dense layer's place in the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Inputs × outputs.
    pub weight: Range<usize>,
    /// Outputs.
    pub bias: Range<usize>,
}

/// The shape of a critic. Parameters are one flat vector: the layers, the last row of weights, then the condition's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Critic {
    layers: Vec<Dense>,
    last: Range<usize>,
    condition: usize,
}

/// Buffers for so many rows of each sort.
#[derive(Debug, Clone, Default)]
pub struct CriticWork {
    rows: usize,
    /// Three runs of rows: real, generated, and in the third t₀.
    pub x: Vec<f32>,
    /// The outputs of each layer, for the same three runs; in the third later tₗ.
    h: Vec<Vec<f32>>,
    /// The gradients by the sums of each layer.
    g: Vec<Vec<f32>>,
    t: Vec<f32>,
    weights: Vec<f32>,
}

/// The figures of the critic's loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wasserstein {
    /// λ, the weight of the penalty.
    pub lambda: f32,
    /// What every row's loss is multiplied with: 1 / rows of the batch.
    pub scale: f32,
}

/// Sums over rows, of what a critic's step saw.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// Σ D(real).
    pub real: f64,
    /// Σ D(generated).
    pub generated: f64,
    /// Σ (‖∇D‖ − 1)².
    pub penalty: f64,
}

impl Critic {
    /// A critic of rows of `inputs` numbers, with hidden layers of these widths.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when its parameters do not fit the address space.
    pub fn new(inputs: usize, hidden: &[usize], condition: usize) -> Result<Self> {
        let all = || {
            let (mut layers, mut at, mut n) = (Vec::new(), 0usize, inputs);
            for &outputs in hidden {
                let weight = at..at.checked_add(n.checked_mul(outputs)?)?;
                let bias = weight.end..weight.end.checked_add(outputs)?;
                at = bias.end;
                layers.push(Dense { inputs: n, outputs, weight, bias });
                n = outputs;
            }
            let last = at..at.checked_add(n)?;
            let end = last.end.checked_add(condition.checked_mul(layers.first()?.outputs)?)?;
            (end < usize::MAX / 256).then_some(Self { layers, last, condition })
        };
        all().ok_or_else(|| too_large("critic"))
    }

    /// The layers.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// The place of the last row of weights.
    pub fn last(&self) -> Range<usize> {
        self.last.clone()
    }

    /// The place of the condition's rows, levels × the first layer's width.
    pub fn embedding(&self) -> Range<usize> {
        self.last.end..self.last.end + self.condition * self.first()
    }

    /// How many parameters.
    pub fn parameters(&self) -> usize {
        self.embedding().end
    }

    /// How many of them stand before the condition's rows.
    pub fn dense(&self) -> usize {
        self.last.end
    }

    fn first(&self) -> usize {
        self.layers.first().map_or(0, |l| l.outputs)
    }

    /// Numbers of a row.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.inputs)
    }

    /// Weights uniform in ±√(1 / inputs), biases too (as LeCun 1998 and the libraries of today).
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for l in &self.layers {
            let bound = (1.0 / l.inputs.max(1).real()).sqrt().single();
            params[l.weight.start..l.bias.end].iter_mut().for_each(|w| *w = (2.0 * rng.uniform_f32() - 1.0) * bound);
        }
        let bound = (1.0 / self.last.len().max(1).real()).sqrt().single();
        params[self.last.clone()].iter_mut().for_each(|w| *w = (2.0 * rng.uniform_f32() - 1.0) * bound);
        // A condition says something from the start, but less than the row.
        params[self.embedding()].iter_mut().for_each(|w| *w = 0.1 * rng.normal().single());
    }

    /// Buffers for steps of at most `rows` rows.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn work(&self, rows: usize) -> Result<CriticWork> {
        let layers = || self.layers.iter().map(|l| zeros(3 * rows * l.outputs)).collect::<Result<Vec<Vec<f32>>>>();
        let widest = self.layers.iter().map(|l| l.outputs).max().unwrap_or(0);
        Ok(CriticWork {
            rows,
            x: zeros(3 * rows * self.inputs())?,
            h: layers()?,
            g: layers()?,
            t: zeros(rows * widest)?,
            weights: zeros(3 * rows)?,
        })
    }

    /// Bytes of [`Critic::work`].
    pub fn work_bytes(&self, rows: usize) -> usize {
        let width: usize = self.layers.iter().map(|l| 7 * l.outputs).sum();
        rows.saturating_mul(3 * self.inputs() + width + 3).saturating_mul(4)
    }

    /// Outputs of all layers for the first `rows` rows of `w.x`, of which every run of `codes.len()` has these conditions; `mixed` adds a
    /// run between the first two (see [`Critic::step`]).
    fn forward(&self, params: &[f32], codes: &[u32], rows: usize, mixed: Option<&[f32]>, w: &mut CriticWork) {
        let (n, width) = (codes.len(), self.first());
        let embedding = &params[self.embedding()];
        let mut total = rows;
        for (i, l) in self.layers.iter().enumerate() {
            let bias = &params[l.bias.clone()];
            let weight = &params[l.weight.clone()];
            if i > 0 {
                let (before, own) = w.h.split_at_mut(i);
                let out = &mut own[0][..total * l.outputs];
                multiply(&Product { start: Start::Row(bias), ..Product::new(total, l.outputs, l.inputs, &before[i - 1], weight) }, out);
                leaky(out);
                continue;
            }
            let out = &mut w.h[0];
            for (r, o) in out.chunks_exact_mut(width).take(rows).enumerate() {
                o.copy_from_slice(bias);
                // A condition that training never met says nothing.
                if let Some(e) = embedding.chunks_exact(width).nth(codes[r % n].index()) {
                    kernel::axpy(1.0, e, o);
                }
            }
            multiply(&Product { start: Start::Keep, ..Product::new(rows, width, l.inputs, &w.x, weight) }, out);
            if let Some(mixed) = mixed {
                // The first layer's sums are linear in the row: those between two rows lie between theirs.
                let (ends, between) = out.split_at_mut(2 * n * width);
                for (r, o) in between.chunks_exact_mut(width).take(n).enumerate() {
                    let e = mixed[r];
                    o.copy_from_slice(&ends[r * width..][..width]);
                    kernel::scale(e, o);
                    kernel::axpy(1.0 - e, &ends[(n + r) * width..][..width], o);
                }
                total = 3 * n;
            }
            leaky(&mut out[..total * width]);
        }
    }

    /// D of the first `rows` rows of `w.x`.
    pub fn scores(&self, params: &[f32], codes: &[u32], rows: usize, w: &mut CriticWork) -> Vec<f32> {
        self.forward(params, codes, rows, None, w);
        self.outputs(params, rows, w).collect()
    }

    /// The outputs of the last hidden layer after [`Critic::scores`], rows × width.
    pub fn features<'w>(&self, w: &'w CriticWork) -> &'w [f32] {
        w.h.last().map_or(&[], Vec::as_slice)
    }

    fn outputs<'w>(&'w self, params: &'w [f32], rows: usize, w: &'w CriticWork) -> impl Iterator<Item = f32> + 'w {
        let last = &params[self.last.clone()];
        self.features(w).chunks_exact(last.len().max(1)).take(rows).map(|h| kernel::dot(h, last))
    }

    /// The gradients by the sums of each layer, for the rows of which `w.weights` has a weight.
    fn backward(&self, params: &[f32], rows: usize, w: &mut CriticWork) {
        let last = &params[self.last.clone()];
        let top = self.layers.len() - 1;
        let (g, width) = (&mut w.g[top], last.len());
        for (g, weight) in g.chunks_exact_mut(width).zip(&w.weights[..rows]) {
            g.copy_from_slice(last);
            kernel::scale(*weight, g);
        }
        leaky_back(&w.h[top][..rows * width], &mut g[..rows * width]);
        for i in (0..top).rev() {
            let l = &self.layers[i + 1];
            let (own, after) = w.g.split_at_mut(i + 1);
            let out = &mut own[i][..rows * l.inputs];
            turned(&Product::new(rows, l.inputs, l.outputs, &after[0], &params[l.weight.clone()]), l.outputs, out);
            leaky_back(&w.h[i][..rows * l.inputs], out);
        }
    }

    /// A step's gradient. `w.x` holds as many real rows as `codes`, then as many generated ones with the same conditions; `mixed` are their
    /// ε. The loss is scale · Σ (D(generated) − D(real) + λ (‖∇D‖ − 1)²). `gradient` becomes that by the parameters before the condition's
    /// rows, and [`Critic::embed`] adds the condition's.
    pub fn step(&self, params: &[f32], codes: &[u32], mixed: &[f32], loss: Wasserstein, w: &mut CriticWork, gradient: &mut [f32]) -> Seen {
        let (n, d, Wasserstein { lambda, scale }) = (codes.len(), self.inputs(), loss);
        self.forward(params, codes, 2 * n, Some(mixed), w);
        let mut seen = Seen::default();
        for (r, score) in self.outputs(params, 2 * n, w).enumerate() {
            *(if r < n { &mut seen.real } else { &mut seen.generated }) += f64::from(score);
        }
        w.weights[..n].fill(-scale);
        w.weights[n..2 * n].fill(scale);
        w.weights[2 * n..3 * n].fill(1.0);
        self.backward(params, 3 * n, w);

        // The gradient by the row between, and the penalty's derivative by it.
        let l = &self.layers[0];
        let x = &mut w.x[2 * n * d..3 * n * d];
        turned(&Product::new(n, d, l.outputs, &w.g[0][2 * n * l.outputs..], &params[l.weight.clone()]), l.outputs, x);
        for q in x.chunks_exact_mut(d.max(1)) {
            let length = kernel::sum_squares(q).sqrt().max(1e-12);
            seen.penalty += f64::from((length - 1.0) * (length - 1.0));
            kernel::scale(2.0 * lambda * scale * (length - 1.0) / length, q);
        }
        for (i, l) in self.layers.iter().enumerate() {
            let (before, own) = w.h.split_at_mut(i);
            let input = if i == 0 { &w.x } else { &before[i - 1] };
            let (t, h) = (&mut w.t[..n * l.outputs], &mut own[0][2 * n * l.outputs..3 * n * l.outputs]);
            multiply(&Product::new(n, l.outputs, l.inputs, &input[2 * n * l.inputs..], &params[l.weight.clone()]), t);
            leaky_back(h, t);
            h.copy_from_slice(t);
            multiply(&Product::transposed(l.inputs, l.outputs, 3 * n, input, &w.g[i]), &mut gradient[l.weight.clone()]);
            column_sums(&w.g[i], 2 * n, &mut gradient[l.bias.clone()]);
        }
        multiply(&Product::new(1, self.last.len(), 3 * n, &w.weights, self.features(w)), &mut gradient[self.last.clone()]);
        seen
    }

    /// Adds the gradient by the condition's rows after [`Critic::step`] to `gradient`, that of [`Critic::embedding`].
    pub fn embed(&self, codes: &[u32], w: &CriticWork, gradient: &mut [f32]) {
        let width = self.first();
        if self.condition > 0 {
            for (r, g) in w.g[0].chunks_exact(width).take(2 * codes.len()).enumerate() {
                kernel::axpy(1.0, g, &mut gradient[codes[r % codes.len()].index() * width..][..width]);
            }
        }
    }

    /// For the generator: Σ D of the first rows of `w.x`, and the gradient of −scale · Σ D by them, into `out`.
    pub fn descend(&self, params: &[f32], codes: &[u32], scale: f32, w: &mut CriticWork, out: &mut [f32]) -> f64 {
        let (n, l) = (codes.len(), &self.layers[0]);
        self.forward(params, codes, n, None, w);
        let sum = self.outputs(params, n, w).map(f64::from).sum();
        w.weights[..n].fill(-scale);
        self.backward(params, n, w);
        turned(&Product::new(n, l.inputs, l.outputs, &w.g[0], &params[l.weight.clone()]), l.outputs, out);
        sum
    }
}

impl CriticWork {
    /// Rows of a run.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// C = A·Bᵀ for `p` that names Bᵀ: B is `n` × `k` with rows of `k`.
pub(super) fn turned(p: &Product<'_>, k: usize, c: &mut [f32]) {
    product_blocked(&Product { b_row: 1, ..*p }, k, c)
}

pub(super) fn too_large(what: &str) -> Error {
    Error::new(Code::OutOfMemory, "the network is too large")
        .detail(format!("The {what}'s parameters do not fit any memory."))
        .hint("Use narrower hidden layers, or fewer levels of categories (max_levels).")
}
