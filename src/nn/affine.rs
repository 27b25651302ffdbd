//! Rows times a matrix plus a row, and layer normalisation with a learned gain and shift: the pieces of layers over one flat vector of
//! parameters.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, Rng};
use crate::kernel::axpy;
use crate::kernel::dense::{Product, Start};
use crate::linalg::{column_sums, multiply, multiply_transposed};
use crate::nn::norm::{normalise, normalise_back};
use crate::nn::start;
use std::ops::Range;

/// Hands out the places of parameters in a flat vector.
#[derive(Debug, Clone, Default)]
pub struct Places {
    next: usize,
}

impl Places {
    /// The next `n` places.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when they do not fit the address space.
    pub fn take(&mut self, n: Option<usize>) -> Result<Range<usize>> {
        let end = n.and_then(|n| self.next.checked_add(n)).filter(|e| *e < usize::MAX / 64).ok_or_else(|| {
            Error::new(Code::OutOfMemory, "the network is too large")
                .detail("Its weights do not fit any memory.")
                .hint("Use smaller layers.")
        })?;
        Ok(std::mem::replace(&mut self.next, end)..end)
    }

    /// How many were handed out.
    pub fn taken(&self) -> usize {
        self.next
    }
}

/// y = x·W + b, W of `inputs` × `outputs`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    weight: Range<usize>,
    bias: Range<usize>,
}

impl Linear {
    /// At the next of `places`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn new(inputs: usize, outputs: usize, places: &mut Places) -> Result<Self> {
        Ok(Self { inputs, outputs, weight: places.take(inputs.checked_mul(outputs))?, bias: places.take(Some(outputs))? })
    }

    /// Numbers in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Weights uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010), the bias 0.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        let bound = (6.0 / (self.inputs + self.outputs).max(1).real()).sqrt().single();
        start::uniform(&mut params[self.weight.clone()], bound, rng);
        params[self.bias.clone()].fill(0.0);
    }

    /// `y` (rows × outputs) of `x` (rows × inputs).
    pub fn forward(&self, params: &[f32], x: &[f32], y: &mut [f32]) {
        let rows = y.len() / self.outputs.max(1);
        let start = Start::Row(&params[self.bias.clone()]);
        multiply(&Product { start, ..Product::new(rows, self.outputs, self.inputs, x, &params[self.weight.clone()]) }, y);
    }

    /// The way back: `gradient` gets that of the parameters, `back` (rows × inputs) that by `x`, of `delta` (rows × outputs) by the result.
    pub fn backward(&self, params: &[f32], x: &[f32], delta: &[f32], gradient: &mut [f32], back: &mut [f32]) {
        self.gradient(x, delta, gradient);
        self.back(params, delta, back);
    }

    /// Of [`Linear::backward`] the gradient of the parameters.
    pub fn gradient(&self, x: &[f32], delta: &[f32], gradient: &mut [f32]) {
        let rows = delta.len() / self.outputs.max(1);
        multiply(&Product::transposed(self.inputs, self.outputs, rows, x, delta), &mut gradient[self.weight.clone()]);
        column_sums(delta, rows, &mut gradient[self.bias.clone()]);
    }

    /// Of [`Linear::backward`] the gradient by `x`.
    pub fn back(&self, params: &[f32], delta: &[f32], back: &mut [f32]) {
        let rows = delta.len() / self.outputs.max(1);
        multiply_transposed(rows, self.inputs, self.outputs, delta, &params[self.weight.clone()], None, back);
    }
}

/// y = gain ∘ x' + shift, x' each row of x at mean 0 and deviation 1 (Ba, Kiros & Hinton 2016).
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    width: usize,
    gain: Range<usize>,
    shift: Range<usize>,
}

impl LayerNorm {
    /// At the next of `places`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn new(width: usize, places: &mut Places) -> Result<Self> {
        Ok(Self { width, gain: places.take(Some(width))?, shift: places.take(Some(width))? })
    }

    /// The gain 1, the shift 0.
    pub fn init(&self, params: &mut [f32]) {
        params[self.gain.clone()].fill(1.0);
        params[self.shift.clone()].fill(0.0);
    }

    /// `y` of `x`; `normal` (as long) gets x', `scales` (one a row) what the way back needs.
    pub fn forward(&self, params: &[f32], x: &[f32], normal: &mut [f32], scales: &mut [f32], y: &mut [f32]) {
        let (gain, shift) = (&params[self.gain.clone()], &params[self.shift.clone()]);
        normal.copy_from_slice(x);
        let rows = normal.chunks_exact_mut(self.width).zip(y.chunks_exact_mut(self.width));
        for ((n, y), scale) in rows.zip(scales) {
            *scale = normalise(n);
            y.iter_mut().zip(&*n).zip(gain.iter().zip(shift)).for_each(|((y, x), (g, s))| *y = x * g + s);
        }
    }

    /// The way back: `delta`, the gradient by the result, becomes that by `x`; `gradient` gets that of the parameters.
    pub fn backward(&self, params: &[f32], normal: &[f32], scales: &[f32], delta: &mut [f32], gradient: &mut [f32]) {
        let gain = &params[self.gain.clone()];
        gradient[self.gain.clone()].fill(0.0);
        gradient[self.shift.clone()].fill(0.0);
        for ((d, n), scale) in delta.chunks_exact_mut(self.width).zip(normal.chunks_exact(self.width)).zip(scales) {
            axpy(1.0, d, &mut gradient[self.shift.clone()]);
            gradient[self.gain.clone()].iter_mut().zip(d.iter().zip(n)).for_each(|(g, (d, n))| *g += d * n);
            d.iter_mut().zip(gain).for_each(|(d, a)| *d *= a);
            normalise_back(n, *scale, d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;
    use crate::nn::layer::tests::normals;

    #[test]
    fn gradients_are_those_of_the_pieces() {
        let mut places = Places::default();
        let (norm, linear) = (LayerNorm::new(5, &mut places).unwrap(), Linear::new(5, 3, &mut places).unwrap());
        let (params, x, c) = (normals(places.taken(), 1), normals(4 * 5, 2), normals(4 * 3, 3));
        let forward = |params: &[f32], x: &[f32]| {
            let (mut n, mut s, mut y, mut z) = (vec![0.0; 20], vec![0.0; 4], vec![0.0; 20], vec![0.0; 12]);
            norm.forward(params, x, &mut n, &mut s, &mut y);
            linear.forward(params, &y, &mut z);
            (n, s, y, z)
        };
        let (n, s, y, _) = forward(&params, &x);
        let (mut gradient, mut back) = (vec![0.0; params.len()], vec![0.0; 20]);
        linear.backward(&params, &y, &c, &mut gradient, &mut back);
        norm.backward(&params, &n, &s, &mut back, &mut gradient);
        let value = |p: &[f32], x: &[f32]| forward(p, x).3.iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum::<f64>();
        gradient_check(&params, &gradient, |p| value(p, &x), 2e-3, "parameters");
        gradient_check(&x, &back, |x| value(&params, x), 2e-3, "inputs");
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        assert_eq!(Linear::new(usize::MAX / 2, 3, &mut Places::default()).unwrap_err().code, Code::OutOfMemory);
    }
}
