//! Two dense layers with SiLU between them, row by row.

use crate::base::{Result, Rng, zeros};
use crate::nn::affine::{Linear, Places};
use crate::nn::dropout::Dropout;
use crate::nn::layer::{Layer, Pass};
use crate::nn::silu::{silu, silu_back};
use std::ops::Range;

/// The layout.
#[derive(Debug, Clone)]
pub struct FeedForward {
    inner: usize,
    up: Linear,
    down: Linear,
}

#[derive(Debug)]
struct Through {
    layer: FeedForward,
    up: Vec<f32>,
    gate: Vec<f32>,
    active: Vec<f32>,
    by_active: Vec<f32>,
}

impl FeedForward {
    /// From rows of `width` numbers over `inner` back to `width`; its parameters lie at the next of `places`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(width: usize, inner: usize, places: &mut Places) -> Result<Self> {
        Ok(Self { inner, up: Linear::new(width, inner, places)?, down: Linear::new(inner, width, places)? })
    }
}

impl Layer for FeedForward {
    fn init(&self, params: &mut [f32], rng: &mut Rng) {
        self.up.init(params, rng);
        self.down.init(params, rng);
    }

    fn room(&self, rows: usize, _longest: usize) -> usize {
        4 * 4 * rows * self.inner
    }

    fn pass(&self, rows: usize, _longest: usize, training: bool) -> Result<Box<dyn Pass>> {
        let n = rows * self.inner;
        let by_active = zeros(if training { n } else { 0 })?;
        Ok(Box::new(Through { layer: self.clone(), up: zeros(n)?, gate: zeros(n)?, active: zeros(n)?, by_active }))
    }
}

impl Through {
    /// Numbers between the layers of so many that come in.
    fn inner(&self, x: &[f32]) -> usize {
        x.len() / self.layer.up.inputs() * self.layer.inner
    }
}

impl Pass for Through {
    fn forward(&mut self, params: &[f32], x: &[f32], _: &[Range<usize>], _: Option<&mut Dropout>, out: &mut [f32]) {
        let n = self.inner(x);
        self.layer.up.forward(params, x, &mut self.up[..n]);
        silu(&self.up[..n], &mut self.gate[..n], &mut self.active[..n]);
        self.layer.down.forward(params, &self.active[..n], out);
    }

    fn backward(&mut self, params: &[f32], x: &[f32], _: &[Range<usize>], delta: &[f32], gradient: &mut [f32], back: &mut [f32]) {
        let n = self.inner(x);
        let by_active = &mut self.by_active[..n];
        self.layer.down.backward(params, &self.active[..n], delta, gradient, by_active);
        silu_back(&self.gate[..n], &self.active[..n], by_active);
        self.layer.up.backward(params, x, by_active, gradient, back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layer::tests::holds;

    #[test]
    fn it_keeps_what_a_layer_promises() {
        let mut places = Places::default();
        let layer = FeedForward::new(6, 10, &mut places).unwrap();
        holds(&layer, places.taken(), [6, 6], 0.0);
    }
}
