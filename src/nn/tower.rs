//! Dense layers with layer normalisation and SiLU between them, over one flat vector of parameters.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, Rng, zeros};
use crate::kernel::dense::{Product, Start};
use crate::kernel::{axpy, dense_row};
use crate::linalg::{column_sums, multiply, multiply_transposed};
use crate::nn::norm::{normalise, normalise_back};
use crate::nn::silu::{silu, silu_back};
use crate::nn::start;
use std::ops::Range;

/// One layer: x·W + b, W of `inputs` × `outputs`, row-major; all but the last go on to silu(gain ∘ normalised + shift).
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Where W lies.
    pub weight: Range<usize>,
    /// Where b lies.
    pub bias: Range<usize>,
    /// Where the gain and the shift of the normalisation lie; none in the last layer.
    pub norm: Option<[Range<usize>; 2]>,
}

/// The layout of a tower; the parameters are a slice of one flat vector, from the place that [`Tower::new`] was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Tower {
    layers: Vec<Layer>,
    end: usize,
}

/// What one shard of rows needs on its way through a tower and back.
#[derive(Debug, Default)]
pub struct Work {
    /// Of each layer, rows × outputs: its output.
    outputs: Vec<Vec<f32>>,
    /// Of each hidden layer: the normalised sums.
    normal: Vec<Vec<f32>>,
    /// Of each hidden layer: the gate of SiLU.
    gates: Vec<Vec<f32>>,
    /// Of each hidden layer, one a row: 1 / the deviation.
    scales: Vec<Vec<f32>>,
    /// Gradients by the outputs of hidden layers, each of the widest.
    delta: [Vec<f32>; 2],
    sums: Vec<f32>,
}

impl Tower {
    /// Layers of `widths[0]` → `widths[1]` → …, whose parameters begin at `start`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when their number does not fit the address space.
    pub fn new(widths: &[usize], start: usize) -> Result<Self> {
        let mut layers = Vec::with_capacity(widths.len());
        let mut at = start;
        for (i, w) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (w[0], w[1]);
            let mut part = |n: Option<usize>| {
                let end = n.and_then(|n| at.checked_add(n)).filter(|e| *e < usize::MAX / 64).ok_or_else(|| {
                    Error::new(Code::OutOfMemory, "the network is too large")
                        .detail(format!("A layer of {inputs} × {outputs} weights does not fit any memory."))
                        .hint("Use smaller layers.")
                })?;
                Ok::<_, Error>(std::mem::replace(&mut at, end)..end)
            };
            let (weight, bias) = (part(inputs.checked_mul(outputs))?, part(Some(outputs))?);
            let norm = if i + 2 < widths.len() { Some([part(Some(outputs))?, part(Some(outputs))?]) } else { None };
            layers.push(Layer { inputs, outputs, weight, bias, norm });
        }
        Ok(Self { layers, end: at })
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The place behind the last parameter.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Numbers in.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.inputs)
    }

    /// Numbers out.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |l| l.outputs)
    }

    /// Floats of a row's way through and back.
    pub fn width(&self) -> usize {
        let all: usize = self.layers.iter().map(|l| 3 * l.outputs).sum();
        all + 3 * self.widest()
    }

    fn widest(&self) -> usize {
        self.layers.iter().map(|l| l.inputs.max(l.outputs)).max().unwrap_or(0)
    }

    /// Weights uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010), biases and shifts 0, gains 1.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for l in &self.layers {
            let bound = (6.0 / (l.inputs + l.outputs).max(1).real()).sqrt().single();
            start::uniform(&mut params[l.weight.clone()], bound, rng);
            params[l.bias.clone()].fill(0.0);
            if let Some([gain, shift]) = &l.norm {
                params[gain.clone()].fill(1.0);
                params[shift.clone()].fill(0.0);
            }
        }
    }

    /// Room for `rows` rows at once.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn work(&self, rows: usize) -> Result<Work> {
        let hidden = &self.layers[..self.layers.len().saturating_sub(1)];
        let room = |l: &Layer| zeros(rows * l.outputs);
        Ok(Work {
            outputs: self.layers.iter().map(room).collect::<Result<_>>()?,
            normal: hidden.iter().map(room).collect::<Result<_>>()?,
            gates: hidden.iter().map(room).collect::<Result<_>>()?,
            scales: hidden.iter().map(|_| zeros(rows)).collect::<Result<_>>()?,
            delta: [zeros(rows * self.widest())?, zeros(rows * self.widest())?],
            sums: zeros(self.widest())?,
        })
    }

    /// Sends `rows` rows of `x` through; the result is [`Work::result`].
    pub fn forward(&self, params: &[f32], x: &[f32], rows: usize, work: &mut Work) {
        for (i, l) in self.layers.iter().enumerate() {
            let (before, rest) = work.outputs.split_at_mut(i);
            let input = before.last().map_or(x, |v| &v[..rows * l.inputs]);
            let out = &mut rest[0][..rows * l.outputs];
            let bias = &params[l.bias.clone()];
            let product = Product { start: Start::Row(bias), ..Product::new(rows, l.outputs, l.inputs, input, &params[l.weight.clone()]) };
            let Some([gain, shift]) = &l.norm else {
                multiply(&product, out);
                continue;
            };
            let normal = &mut work.normal[i][..out.len()];
            multiply(&product, normal);
            let (gain, shift) = (&params[gain.clone()], &params[shift.clone()]);
            let lines = normal.chunks_exact_mut(l.outputs).zip(out.chunks_exact_mut(l.outputs));
            for (((n, y), gate), scale) in lines.zip(work.gates[i].chunks_exact_mut(l.outputs)).zip(&mut work.scales[i]) {
                *scale = normalise(n);
                let sums = &mut work.sums[..l.outputs];
                affine(n, gain, shift, sums);
                silu(sums, gate, y);
            }
        }
    }

    /// The way back after [`Tower::forward`] of the same rows: `delta` is the gradient by the result, rows × outputs. Writes the gradient
    /// of every parameter into `gradient`, as long as the parameters, and that by `x` into `back`, where there is one.
    pub fn backward(&self, params: &[f32], x: &[f32], delta: &[f32], work: &mut Work, gradient: &mut [f32], mut back: Option<&mut [f32]>) {
        let rows = delta.len().checked_div(self.outputs()).unwrap_or(0);
        let Work { outputs, normal, gates, scales, delta: [ping, pong], sums } = work;
        let (mut here, mut there) = (ping, pong);
        for (i, l) in self.layers.iter().enumerate().rev() {
            let last = i + 1 == self.layers.len();
            let d = &mut here[..rows * l.outputs];
            if last {
                d.copy_from_slice(delta);
            }
            if let Some([gain, shift]) = &l.norm {
                gradient[gain.clone()].fill(0.0);
                gradient[shift.clone()].fill(0.0);
                let lines = d.chunks_exact_mut(l.outputs).zip(outputs[i].chunks_exact(l.outputs)).zip(gates[i].chunks_exact(l.outputs));
                for (((g, y), gate), (n, scale)) in lines.zip(normal[i].chunks_exact(l.outputs).zip(&scales[i])) {
                    silu_back(gate, y, g);
                    axpy(1.0, g, &mut gradient[shift.clone()]);
                    sums[..l.outputs].iter_mut().zip(g.iter().zip(n)).for_each(|(s, (g, n))| *s = g * n);
                    axpy(1.0, &sums[..l.outputs], &mut gradient[gain.clone()]);
                    g.iter_mut().zip(&params[gain.clone()]).for_each(|(g, a)| *g *= a);
                    normalise_back(n, *scale, g);
                }
            }
            let d = &*d;
            let input = if i == 0 { x } else { &outputs[i - 1][..rows * l.inputs] };
            multiply(&Product::transposed(l.inputs, l.outputs, rows, input, d), &mut gradient[l.weight.clone()]);
            column_sums(d, rows, &mut gradient[l.bias.clone()]);
            let to = if i > 0 { Some(&mut there[..rows * l.inputs]) } else { back.as_deref_mut().map(|b| &mut b[..rows * l.inputs]) };
            if let Some(to) = to {
                multiply_transposed(rows, l.inputs, l.outputs, d, &params[l.weight.clone()], None, to);
            }
            std::mem::swap(&mut here, &mut there);
        }
    }

    /// One row through the layers from the second on, after `first` made the first layer's sums in `a`: by way of the two buffers, which
    /// hold at least the widest layer. Returns which buffer holds the result.
    pub fn row(&self, params: &[f32], first: impl FnOnce(&mut [f32]), a: &mut [f32], b: &mut [f32]) -> bool {
        let mut in_a = true;
        let mut first = Some(first);
        for l in &self.layers {
            let (weight, bias) = (&params[l.weight.clone()], &params[l.bias.clone()]);
            if let Some(first) = first.take() {
                first(&mut a[..l.outputs]);
            } else if in_a {
                dense_row(&a[..l.inputs], weight, bias, &mut b[..l.outputs], false);
                in_a = false;
            } else {
                dense_row(&b[..l.inputs], weight, bias, &mut a[..l.outputs], false);
                in_a = true;
            }
            let Some([gain, shift]) = &l.norm else { continue };
            let (now, free) = if in_a { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
            let now = &mut now[..l.outputs];
            normalise(now);
            let (sums, gate) = free.split_at_mut(l.outputs);
            affine(now, &params[gain.clone()], &params[shift.clone()], sums);
            silu(sums, &mut gate[..l.outputs], now);
        }
        in_a
    }

    /// Floats that each of the buffers of [`Tower::row`] needs.
    pub fn buffer(&self) -> usize {
        2 * self.widest()
    }
}

/// out ← gain ∘ x + shift.
fn affine(x: &[f32], gain: &[f32], shift: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(x).zip(gain.iter().zip(shift)).for_each(|((o, x), (g, s))| *o = x * g + s);
}

impl Work {
    /// The last layer's outputs: the first rows × outputs.
    pub fn result(&self) -> &[f32] {
        self.outputs.last().map_or(&[], |v| v)
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

    #[test]
    fn every_gradient_is_that_of_its_tower() {
        for widths in [&[3, 5, 4, 2][..], &[3, 2], &[2, 6, 3]] {
            let t = Tower::new(widths, 2).unwrap();
            let (rows, inputs, outputs) = (4, widths[0], t.outputs());
            let (x, c) = (normals(rows * inputs, 1), normals(rows * outputs, 2));
            let mut params = normals(t.end(), 4);
            t.init(&mut params, &mut Rng::new(3));
            let value = |p: &[f32], x: &[f32]| {
                let mut w = t.work(rows).unwrap();
                t.forward(p, x, rows, &mut w);
                w.result().iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum::<f64>()
            };
            let mut work = t.work(rows).unwrap();
            t.forward(&params, &x, rows, &mut work);
            let (mut gradient, mut back) = (vec![0.0; t.end()], vec![0.0; rows * inputs]);
            t.backward(&params, &x, &c, &mut work, &mut gradient, Some(&mut back));
            assert_eq!(gradient[..2], [0.0; 2], "what lies before the tower is left alone");
            gradient_check(&params, &gradient, |p| value(p, &x), 2e-3, &format!("{widths:?}"));
            gradient_check(&x, &back, |x| value(&params, x), 2e-3, &format!("{widths:?} inputs"));
        }
    }

    #[test]
    fn a_row_alone_is_the_row_in_a_batch() {
        let t = Tower::new(&[5, 9, 12, 3], 0).unwrap();
        let mut params = vec![0.0; t.end()];
        t.init(&mut params, &mut Rng::new(3));
        let x = normals(4 * 5, 1);
        let mut work = t.work(4).unwrap();
        t.forward(&params, &x, 4, &mut work);
        let (mut a, mut b) = (vec![0.0; t.buffer()], vec![0.0; t.buffer()]);
        let l = t.layers()[0].clone();
        for (x, y) in x.chunks(5).zip(work.result().chunks(3)) {
            let first = |out: &mut [f32]| dense_row(x, &params[l.weight.clone()], &params[l.bias.clone()], out, false);
            let out = if t.row(&params, first, &mut a, &mut b) { &a } else { &b };
            assert!(out.iter().zip(y).all(|(p, q)| (p - q).abs() < 1e-5));
        }
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        assert_eq!(Tower::new(&[usize::MAX / 2, 3, 1], 0).unwrap_err().code, Code::OutOfMemory);
    }
}
