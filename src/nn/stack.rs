//! Dense layers, one behind the other, over one flat vector of parameters.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, Rng, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{axpy, dense_row, product};
use crate::linalg::{add_rows, column_sums, multiply, multiply_transposed, transpose, transposed_suits};
use crate::nn::dropout::{Dropout, drop_out, drop_out_back};
use crate::nn::{Activation, start};
use std::ops::Range;

/// One dense layer: f(x·W + b), W of `inputs` × `outputs`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Where W lies in the flat vector.
    pub weight: Range<usize>,
    /// Where b lies in the flat vector.
    pub bias: Range<usize>,
    /// f.
    pub activation: Activation,
}

/// The layout of a stack of dense layers; the parameters themselves are a plain slice, so that the optimiser sees one vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    layers: Vec<Dense>,
    /// Sparse inputs, beside the dense ones.
    sparse: usize,
    /// The numbers that they become, which are the last inputs of the first layer; 0: they go to its outputs.
    factors: usize,
    parameters: usize,
}

/// What one shard of rows needs on its way through a stack and back.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Of each layer, rows × outputs.
    outputs: Vec<Vec<f32>>,
    /// Gradients by those, but the last.
    deltas: Vec<Vec<f32>>,
    /// Dropout's factors of the hidden layers.
    masks: Vec<Vec<f32>>,
    /// The rate at which they were drawn; 0 without.
    rate: f32,
    /// Rows × inputs of the first layer, where some of them are made of sparse ones.
    entry: Vec<f32>,
    /// Rows × factors: gradients by those.
    factors: Vec<f32>,
}

/// The sparse inputs of some rows: `of(i)` gives the inputs that row `i` sets, each once, and their numbers.
pub trait Sparse {
    /// The entries of row `row`.
    fn of(&self, row: usize) -> impl Iterator<Item = (usize, f32)>;
}

/// Rows without sparse inputs.
impl Sparse for () {
    fn of(&self, _: usize) -> impl Iterator<Item = (usize, f32)> {
        std::iter::empty()
    }
}

/// The size of the first weights of sparse inputs: far below Glorot's bound, since what a rare input begins with it keeps (see
/// [`Stack::init`]).
const START: f32 = 0.02;

impl Stack {
    /// Layers of `widths[0]` → `widths[1]` → …: all but the last with the activation `hidden`, the last with `last`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when the number of parameters does not fit the address space.
    pub fn new(widths: &[usize], hidden: Activation, last: Activation) -> Result<Self> {
        let mut layers = Vec::with_capacity(widths.len());
        let mut at = 0usize;
        for (i, w) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (w[0], w[1]);
            let size = inputs.checked_mul(outputs).and_then(|n| n.checked_add(outputs)).and_then(|n| n.checked_add(at));
            // Room for a few copies in bytes, so that no later product of sizes overflows.
            let Some(end) = size.filter(|n| *n < usize::MAX / 64) else {
                return Err(too_large(inputs, outputs));
            };
            let middle = end - outputs;
            let activation = if i + 2 == widths.len() { last } else { hidden };
            layers.push(Dense { inputs, outputs, weight: at..middle, bias: middle..end, activation });
            at = end;
        }
        Ok(Self { layers, sparse: 0, factors: 0, parameters: at })
    }

    /// The same with `sparse` sparse inputs, which a matrix turns into the last `factors` inputs of the first layer, or into more of its
    /// outputs where `factors` is 0. Their weights, `sparse` × `factors` or × outputs, stand behind all others.
    ///
    /// # Errors
    /// As [`Stack::new`].
    pub fn with_sparse(self, sparse: usize, factors: usize) -> Result<Self> {
        let with = Self { sparse, factors, ..self };
        let width = with.sparse_width();
        match sparse.checked_mul(width).and_then(|n| n.checked_add(with.parameters)).filter(|n| *n < usize::MAX / 64) {
            Some(parameters) => Ok(Self { parameters, ..with }),
            None => Err(too_large(sparse, width)),
        }
    }

    /// Where the weights of the sparse inputs lie in the flat vector.
    pub fn sparse_weight(&self) -> Range<usize> {
        self.parameters - self.sparse * self.sparse_width()..self.parameters
    }

    /// What a sparse input has weights for.
    pub fn sparse_width(&self) -> usize {
        if self.factors > 0 { self.factors } else { self.layers.first().map_or(0, |l| l.outputs) }
    }

    /// Dense inputs.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.inputs - self.factors)
    }

    /// Where the weights of these inputs of the first layer lie in the flat vector.
    pub fn of_inputs(&self, inputs: Range<usize>) -> Range<usize> {
        let at = |i: usize| self.layers.first().map_or(0, |l| l.weight.start + i * l.outputs);
        at(inputs.start)..at(inputs.end)
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// How many numbers all layers have.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Numbers that the last layer gives.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |l| l.outputs)
    }

    /// Sum of the widths of all layers: a row's floats on the way through.
    pub fn width(&self) -> usize {
        let entry = if self.factors > 0 { self.inputs() + 2 * self.factors } else { 0 };
        self.layers.iter().fold(entry, |n, l| n.saturating_add(l.outputs))
    }

    /// Fills `params` with weights uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010), those of sparse inputs far smaller, and
    /// biases of 0.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for l in &self.layers {
            let bound = (6.0 / (l.inputs + l.outputs).max(1).real()).sqrt().single();
            start::uniform(&mut params[l.weight.clone()], bound, rng);
            params[l.bias.clone()].fill(0.0);
        }
        if self.sparse > 0 {
            // What a rare input begins with it keeps, as noise: nothing where no factors need to be told apart, and little where they do.
            let bound = if self.layers.len() == 1 { 0.0 } else { START };
            start::uniform(&mut params[self.sparse_weight()], bound, rng);
        }
    }

    /// Room for `rows` rows at once.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn workspace(&self, rows: usize, dropout: bool) -> Result<Workspace> {
        let hidden = &self.layers[..self.layers.len().saturating_sub(1)];
        let room = |l: &Dense| zeros(rows * l.outputs);
        Ok(Workspace {
            outputs: self.layers.iter().map(room).collect::<Result<_>>()?,
            deltas: hidden.iter().map(room).collect::<Result<_>>()?,
            masks: if dropout { hidden.iter().map(room).collect::<Result<_>>()? } else { Vec::new() },
            rate: 0.0,
            entry: zeros(if self.factors > 0 { rows * (self.inputs() + self.factors) } else { 0 })?,
            factors: zeros(rows * self.factors)?,
        })
    }

    /// Floats that [`Stack::turn`] writes.
    pub fn turned_size(&self) -> usize {
        self.turned().map(|l| l.weight.len()).sum()
    }

    /// Layers whose transposed weights are worth a copy: not the first, which sends no gradient further.
    fn turned(&self) -> impl Iterator<Item = &Dense> {
        self.layers.iter().skip(1).filter(|l| l.outputs > 1 && transposed_suits(l.inputs, l.outputs))
    }

    /// Transposed copies of the weights that [`Stack::backward`] reads, made once a step for all shards.
    pub fn turn(&self, params: &[f32], out: &mut [f32]) {
        let mut at = 0;
        for l in self.turned() {
            let n = l.weight.len();
            transpose(&params[l.weight.clone()], l.inputs, l.outputs, &mut out[at..at + n]);
            at += n;
        }
    }

    /// Sends `rows` rows of `x` through; the result is [`Workspace::result`].
    pub fn forward(&self, params: &[f32], x: &[f32], rows: usize, work: &mut Workspace, drop: Option<&mut Dropout>) {
        self.forward_sparse(params, (x, &()), rows, work, drop)
    }

    /// [`Stack::forward`] for rows that have sparse inputs beside `x`.
    pub fn forward_sparse(
        &self,
        params: &[f32],
        (x, sparse): (&[f32], &impl Sparse),
        rows: usize,
        work: &mut Workspace,
        mut drop: Option<&mut Dropout>,
    ) {
        work.rate = drop.as_ref().map_or(0.0, |d| d.rate);
        let x = if self.factors > 0 { self.enter(params, (x, sparse), rows, &mut work.entry) } else { x };
        for (i, l) in self.layers.iter().enumerate() {
            let (before, rest) = work.outputs.split_at_mut(i);
            let input = before.last().map_or(x, |v| &v[..rows * l.inputs]);
            let out = &mut rest[0][..rows * l.outputs];
            let relu = l.activation == Activation::Relu;
            let (weight, bias) = (&params[l.weight.clone()], &params[l.bias.clone()]);
            let mut start = Start::Row(bias);
            if i == 0 && self.sparse > 0 && self.factors == 0 {
                let weight = &params[self.sparse_weight()];
                for (row, out) in out.chunks_exact_mut(l.outputs).enumerate() {
                    out.copy_from_slice(bias);
                    add_rows(sparse.of(row), weight, out);
                }
                start = Start::Keep;
            }
            multiply(&Product { start, relu, ..Product::new(rows, l.outputs, l.inputs, input, weight) }, out);
            if !relu {
                l.activation.forward(out);
            }
            if let Some(d) = drop.as_deref_mut().filter(|_| i + 1 < self.layers.len()) {
                drop_out(out, &mut work.masks[i][..out.len()], d.rate, &mut d.rng);
            }
        }
    }

    /// The inputs of the first layer: those of `x`, then what the sparse ones become.
    fn enter<'w>(&self, params: &[f32], (x, sparse): (&[f32], &impl Sparse), rows: usize, entry: &'w mut [f32]) -> &'w [f32] {
        let (dense, weight) = (self.inputs(), &params[self.sparse_weight()]);
        let entry = &mut entry[..rows * (dense + self.factors)];
        for (row, out) in entry.chunks_exact_mut(dense + self.factors).enumerate() {
            let (own, factors) = out.split_at_mut(dense);
            own.copy_from_slice(&x[row * dense..][..dense]);
            factors.fill(0.0);
            add_rows(sparse.of(row), weight, factors);
        }
        entry
    }

    /// The way back after [`Stack::forward`] of the same rows: [`Workspace::result`] must hold the gradient by the last layer's sums.
    /// Writes the gradient of every parameter into `gradient`. `turned` is from [`Stack::turn`].
    pub fn backward(&self, params: &[f32], turned: &[f32], x: &[f32], rows: usize, work: &mut Workspace, gradient: &mut [f32]) {
        self.backward_sparse(params, turned, (x, &()), rows, work, gradient)
    }

    /// [`Stack::backward`] after [`Stack::forward_sparse`].
    pub fn backward_sparse(
        &self,
        params: &[f32],
        turned: &[f32],
        (x, sparse): (&[f32], &impl Sparse),
        rows: usize,
        work: &mut Workspace,
        gradient: &mut [f32],
    ) {
        let mut turned_end = self.turned_size();
        for (i, l) in self.layers.iter().enumerate().rev() {
            let (before, rest) = work.outputs.split_at_mut(i);
            let (deltas_before, deltas) = work.deltas.split_at_mut(i);
            let delta = &(if i + 1 == self.layers.len() { &rest[0] } else { &deltas[0] })[..rows * l.outputs];
            let first = if self.factors > 0 { &work.entry } else { x };
            let input = &before.last().map_or(first, |v| v)[..rows * l.inputs];
            multiply(&Product::transposed(l.inputs, l.outputs, rows, input, delta), &mut gradient[l.weight.clone()]);
            column_sums(delta, rows, &mut gradient[l.bias.clone()]);
            if i == 0 && self.sparse > 0 {
                let width = self.sparse_width();
                let mut delta = delta;
                if self.factors > 0 {
                    let weight = &params[l.weight.clone()][self.inputs() * l.outputs..];
                    let out = &mut work.factors[..rows * width];
                    multiply_transposed(rows, width, l.outputs, delta, weight, None, out);
                    delta = out;
                }
                let gradient = &mut gradient[self.sparse_weight()];
                gradient.fill(0.0);
                for (row, delta) in delta.chunks_exact(width).enumerate() {
                    sparse.of(row).for_each(|(input, x)| axpy(x, delta, &mut gradient[input * width..][..width]));
                }
            }
            let (Some(output), Some(out)) = (before.last_mut(), deltas_before.last_mut()) else { continue };
            let (output, out) = (&mut output[..rows * l.inputs], &mut out[..rows * l.inputs]);
            let weight = &params[l.weight.clone()];
            if l.outputs == 1 {
                product(&Product::new(rows, l.inputs, 1, delta, weight), out);
            } else {
                let suits = transposed_suits(l.inputs, l.outputs);
                let copy = suits.then(|| &turned[turned_end - weight.len()..turned_end]);
                turned_end -= if suits { weight.len() } else { 0 };
                multiply_transposed(rows, l.inputs, l.outputs, delta, weight, copy, out);
            }
            if work.rate > 0.0 {
                drop_out_back(output, out, &work.masks[i - 1][..rows * l.inputs], work.rate);
            }
            self.layers[i - 1].activation.backward(output, out);
        }
    }

    /// One row through the layers, by way of the two buffers, which must hold the widest layer. Returns which buffer holds the result.
    pub fn row(&self, params: &[f32], x: &[f32], a: &mut [f32], b: &mut [f32]) -> bool {
        self.row_from(0, params, x, a, b)
    }

    /// [`Stack::row`] for a row that sets sparse inputs too.
    pub fn row_sparse(&self, params: &[f32], x: &[f32], entries: &[(usize, f32)], a: &mut [f32], b: &mut [f32]) -> bool {
        let Some(l) = self.layers.first() else { return false };
        let (weight, sparse) = (&params[l.weight.clone()], &params[self.sparse_weight()]);
        let out = &mut b[..l.outputs];
        out.copy_from_slice(&params[l.bias.clone()]);
        let (dense, rest) = weight.split_at(x.len() * l.outputs);
        if self.factors > 0 {
            let factors = &mut a[..self.factors];
            factors.fill(0.0);
            add_rows(entries.iter().copied(), sparse, factors);
            product(&Product { start: Start::Keep, ..Product::new(1, l.outputs, self.factors, factors, rest) }, out);
        } else {
            add_rows(entries.iter().copied(), sparse, out);
        }
        product(&Product { start: Start::Keep, ..Product::new(1, l.outputs, x.len(), x, dense) }, out);
        l.activation.forward(out);
        self.row_from(1, params, x, a, b)
    }

    /// The layers from `first` on; the second finds its input in `b`.
    fn row_from(&self, first: usize, params: &[f32], x: &[f32], a: &mut [f32], b: &mut [f32]) -> bool {
        let mut in_a = false;
        for (i, l) in self.layers.iter().enumerate().skip(first) {
            let (weight, bias) = (&params[l.weight.clone()], &params[l.bias.clone()]);
            let (from, to): (&[f32], &mut [f32]) = match (i, in_a) {
                (0, _) => (x, &mut *a),
                (_, true) => (&a[..l.inputs], &mut *b),
                (_, false) => (&b[..l.inputs], &mut *a),
            };
            in_a = i == 0 || !in_a;
            let out = &mut to[..l.outputs];
            let relu = l.activation == Activation::Relu;
            dense_row(from, weight, bias, out, relu);
            if !relu {
                l.activation.forward(out);
            }
        }
        in_a
    }
}

fn too_large(inputs: usize, outputs: usize) -> Error {
    Error::new(Code::OutOfMemory, "the network is too large")
        .detail(format!("A layer of {inputs} × {outputs} weights does not fit any memory."))
        .hint("Use smaller layers.")
}

impl Workspace {
    /// The last layer's outputs, or their gradient once the loss has written it there: the first rows × outputs.
    pub fn result(&mut self) -> &mut [f32] {
        self.outputs.last_mut().map_or(&mut [], |v| v)
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
