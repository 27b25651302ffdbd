//! Dense layers, one behind the other, over one flat vector of parameters.

use crate::base::{Code, Error, Result, Rng, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{dense_row, product};
use crate::linalg::{column_sums, multiply, multiply_transposed, transpose, transposed_suits};
use crate::nn::Activation;
use crate::nn::dropout::{drop_out, drop_out_back};
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
}

/// Dropout of the hidden outputs, in training.
#[derive(Debug)]
pub struct Drop {
    /// Share that is dropped, in [0, 1).
    pub rate: f32,
    /// Which.
    pub rng: Rng,
}

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
                return Err(Error::new(Code::OutOfMemory, "the network is too large")
                    .detail(format!("A layer of {inputs} × {outputs} weights does not fit any memory."))
                    .hint("Use smaller layers."));
            };
            let middle = end - outputs;
            let activation = if i + 2 == widths.len() { last } else { hidden };
            layers.push(Dense { inputs, outputs, weight: at..middle, bias: middle..end, activation });
            at = end;
        }
        Ok(Self { layers, parameters: at })
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
        self.layers.iter().fold(0, |n, l| n.saturating_add(l.outputs))
    }

    /// Fills `params` with weights uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010) and biases of 0.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for l in &self.layers {
            let bound = (6.0 / (l.inputs + l.outputs).max(1) as f64).sqrt() as f32;
            params[l.weight.clone()].iter_mut().for_each(|w| *w = (2.0 * rng.uniform_f32() - 1.0) * bound);
            params[l.bias.clone()].fill(0.0);
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
    pub fn forward(&self, params: &[f32], x: &[f32], rows: usize, work: &mut Workspace, mut drop: Option<&mut Drop>) {
        work.rate = drop.as_ref().map_or(0.0, |d| d.rate);
        for (i, l) in self.layers.iter().enumerate() {
            let (before, rest) = work.outputs.split_at_mut(i);
            let input = before.last().map_or(x, |v| &v[..rows * l.inputs]);
            let out = &mut rest[0][..rows * l.outputs];
            let relu = l.activation == Activation::Relu;
            let (weight, bias) = (&params[l.weight.clone()], &params[l.bias.clone()]);
            multiply(&Product { start: Start::Row(bias), relu, ..Product::new(rows, l.outputs, l.inputs, input, weight) }, out);
            if !relu {
                l.activation.forward(out);
            }
            if let Some(d) = drop.as_deref_mut().filter(|_| i + 1 < self.layers.len()) {
                drop_out(out, &mut work.masks[i][..out.len()], d.rate, &mut d.rng);
            }
        }
    }

    /// The way back after [`Stack::forward`] of the same rows: [`Workspace::result`] must hold the gradient by the last layer's sums.
    /// Writes the gradient of every parameter into `gradient`. `turned` is from [`Stack::turn`].
    pub fn backward(&self, params: &[f32], turned: &[f32], x: &[f32], rows: usize, work: &mut Workspace, gradient: &mut [f32]) {
        let mut turned_end = self.turned_size();
        for (i, l) in self.layers.iter().enumerate().rev() {
            let (before, rest) = work.outputs.split_at_mut(i);
            let (deltas_before, deltas) = work.deltas.split_at_mut(i);
            let delta = &(if i + 1 == self.layers.len() { &rest[0] } else { &deltas[0] })[..rows * l.outputs];
            let input = before.last().map_or(x, |v| &v[..rows * l.inputs]);
            multiply(&Product::transposed(l.inputs, l.outputs, rows, input, delta), &mut gradient[l.weight.clone()]);
            column_sums(delta, rows, &mut gradient[l.bias.clone()]);
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
        let mut in_a = false;
        for (i, l) in self.layers.iter().enumerate() {
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

impl Workspace {
    /// The last layer's outputs, or their gradient once the loss has written it there: the first rows × outputs.
    pub fn result(&mut self) -> &mut [f32] {
        self.outputs.last_mut().map_or(&mut [], |v| v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;

    fn normals(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// The gradient of Σ c·output by every parameter, against differences.
    fn check(widths: &[usize], hidden: Activation, rate: f32) {
        let s = Stack::new(widths, hidden, Activation::Identity).unwrap();
        let rows = 5;
        let (x, c) = (normals(rows * widths[0], 1), normals(rows * s.outputs(), 2));
        let mut params = vec![0.0; s.parameters()];
        s.init(&mut params, &mut Rng::new(3));
        let forward = |p: &[f32]| {
            let mut w = s.workspace(rows, true).unwrap();
            let mut drop = Drop { rate, rng: Rng::new(9) };
            s.forward(p, &x, rows, &mut w, (rate > 0.0).then_some(&mut drop));
            w
        };
        let value = |p: &[f32]| forward(p).result().iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum();
        let mut work = forward(&params);
        work.result().copy_from_slice(&c);
        let (mut turned, mut gradient) = (vec![0.0; s.turned_size()], vec![f32::NAN; s.parameters()]);
        s.turn(&params, &mut turned);
        s.backward(&params, &turned, &x, rows, &mut work, &mut gradient);
        // ReLU has corners, which a small step seldom crosses; the others are smooth.
        let step = if hidden == Activation::Relu { 1e-3 } else { 1e-2 };
        gradient_check(&params, &gradient, value, step, &format!("{widths:?} {hidden:?} {rate}"));
    }

    #[test]
    fn every_gradient_is_that_of_its_stack() {
        for hidden in [Activation::Relu, Activation::Sigmoid, Activation::Tanh] {
            check(&[3, 4, 2, 1], hidden, 0.0);
            check(&[3, 7, 5], hidden, 0.4);
            check(&[4, 2], hidden, 0.0);
        }
        // A middle layer of one, and one whose transposed weights are not copied.
        check(&[3, 1, 2], Activation::Tanh, 0.0);
        check(&[1, 130, 140, 1], Activation::Tanh, 0.0);
    }

    #[test]
    fn a_row_alone_is_the_row_in_a_batch() {
        for widths in [&[20, 64, 32, 1][..], &[5, 3], &[7, 9, 4]] {
            let s = Stack::new(widths, Activation::Relu, Activation::Identity).unwrap();
            let mut params = vec![0.0; s.parameters()];
            s.init(&mut params, &mut Rng::new(3));
            let x = normals(6 * widths[0], 4);
            let mut w = s.workspace(6, false).unwrap();
            s.forward(&params, &x, 6, &mut w, None);
            let (mut a, mut b) = (vec![0.0; 64], vec![0.0; 64]);
            for (row, y) in x.chunks(widths[0]).zip(w.result().chunks(s.outputs())) {
                let out = if s.row(&params, row, &mut a, &mut b) { &a } else { &b };
                assert!(out.iter().zip(y).all(|(p, q)| (p - q).abs() < 1e-5));
            }
        }
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        let e = Stack::new(&[usize::MAX / 2, 3, 1], Activation::Relu, Activation::Identity).unwrap_err();
        assert_eq!(e.code, Code::OutOfMemory);
    }
}
