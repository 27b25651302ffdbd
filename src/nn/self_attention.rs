//! Self-attention as a layer: queries, keys and values of each row, what [`Attention`] makes of them, and a matrix that mixes its heads.

use crate::base::{Result, Rng, zeros};
use crate::nn::affine::{Linear, Places};
use crate::nn::attention::{Attention, Weights};
use crate::nn::dropout::Dropout;
use crate::nn::layer::{Layer, Pass};
use std::ops::Range;

/// The layout.
#[derive(Debug, Clone)]
pub struct SelfAttention {
    attention: Attention,
    project: Linear,
    mix: Linear,
}

#[derive(Debug)]
struct Through {
    layer: SelfAttention,
    projected: Vec<f32>,
    weights: Weights,
    attended: Vec<f32>,
    by_attended: Vec<f32>,
    by_projected: Vec<f32>,
}

impl SelfAttention {
    /// Over rows of `width` numbers, which `heads` heads share evenly; its parameters lie at the next of `places`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(width: usize, heads: usize, places: &mut Places) -> Result<Self> {
        let (project, mix) = (Linear::new(width, 3 * width, places)?, Linear::new(width, width, places)?);
        Ok(Self { attention: Attention { width, heads }, project, mix })
    }

    /// Pairs of a row and one up to it of `rows` rows at most, of all heads.
    fn pairs(&self, rows: usize, longest: usize) -> usize {
        self.attention.heads * rows * longest.min(rows)
    }
}

impl Layer for SelfAttention {
    fn init(&self, params: &mut [f32], rng: &mut Rng) {
        self.project.init(params, rng);
        self.mix.init(params, rng);
    }

    fn room(&self, rows: usize, longest: usize) -> usize {
        4 * (8 * rows * self.attention.width + 3 * self.pairs(rows, longest) + longest)
    }

    fn pass(&self, rows: usize, longest: usize, training: bool) -> Result<Box<dyn Pass>> {
        let wide = rows * self.attention.width;
        let back = if training { wide } else { 0 };
        Ok(Box::new(Through {
            layer: self.clone(),
            projected: zeros(3 * wide)?,
            weights: Weights::new(self.pairs(rows, longest), longest, training)?,
            attended: zeros(wide)?,
            by_attended: zeros(back)?,
            by_projected: zeros(3 * back)?,
        }))
    }
}

impl Pass for Through {
    fn forward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], dropout: Option<&mut Dropout>, out: &mut [f32]) {
        let (l, n) = (&self.layer, x.len());
        l.project.forward(params, x, &mut self.projected[..3 * n]);
        l.attention.forward(&self.projected[..3 * n], sequences, &mut self.weights, dropout, &mut self.attended[..n]);
        l.mix.forward(params, &self.attended[..n], out);
    }

    fn backward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], delta: &[f32], gradient: &mut [f32], back: &mut [f32]) {
        let (l, n) = (&self.layer, x.len());
        let (by_attended, by_projected) = (&mut self.by_attended[..n], &mut self.by_projected[..3 * n]);
        l.mix.backward(params, &self.attended[..n], delta, gradient, by_attended);
        l.attention.backward(&self.projected[..3 * n], sequences, &mut self.weights, by_attended, by_projected);
        l.project.backward(params, x, by_projected, gradient, back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layer::tests::holds;

    #[test]
    fn it_keeps_what_a_layer_promises() {
        for heads in [1, 2] {
            let mut places = Places::default();
            let layer = SelfAttention::new(6, heads, &mut places).unwrap();
            holds(&layer, places.taken(), [6, 6], 0.4);
        }
    }
}
