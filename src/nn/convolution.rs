//! Causal convolution over sequences (van den Oord et al. 2016; of shop events Yuan et al. 2019, "NextItNet"): a row knows itself and rows
//! before it at a fixed distance, none of another sequence.

use crate::base::{Result, Rng, zeros};
use crate::kernel::axpy;
use crate::nn::affine::{Linear, Places};
use crate::nn::dropout::Dropout;
use crate::nn::layer::{Layer, Pass};
use std::ops::Range;

/// The layout.
#[derive(Debug, Clone)]
pub struct Convolution {
    width: usize,
    taps: usize,
    dilation: usize,
    linear: Linear,
}

#[derive(Debug)]
struct Through {
    layer: Convolution,
    /// Rows × taps × width: each row's, the latest first, 0 before the sequence begins.
    taken: Vec<f32>,
    by_taken: Vec<f32>,
}

impl Convolution {
    /// Over rows of `width` numbers: a row sees `taps` of them, each `dilation` before the other; its parameters lie at the next of `places`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(width: usize, taps: usize, dilation: usize, places: &mut Places) -> Result<Self> {
        Ok(Self { width, taps, dilation, linear: Linear::new(taps * width, width, places)? })
    }

    /// Which rows each of the rows of `sequences` sees: of each tap that has one, its place among the taken rows, and the row.
    fn seen<'a>(&'a self, sequences: &'a [Range<usize>]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let row = move |i: usize, start: usize| {
            let of = move |tap: usize| (tap * self.dilation <= i - start).then(|| (i * self.taps + tap, i - tap * self.dilation));
            (0..self.taps).map_while(of)
        };
        sequences.iter().flat_map(move |s| s.clone().flat_map(move |i| row(i, s.start)))
    }
}

impl Layer for Convolution {
    fn init(&self, params: &mut [f32], rng: &mut Rng) {
        self.linear.init(params, rng);
    }

    fn room(&self, rows: usize, _longest: usize) -> usize {
        4 * 2 * rows * self.taps * self.width
    }

    fn pass(&self, rows: usize, _longest: usize, training: bool) -> Result<Box<dyn Pass>> {
        let n = rows * self.taps * self.width;
        Ok(Box::new(Through { layer: self.clone(), taken: zeros(n)?, by_taken: zeros(if training { n } else { 0 })? }))
    }
}

impl Pass for Through {
    fn forward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], _: Option<&mut Dropout>, out: &mut [f32]) {
        let (l, width) = (&self.layer, self.layer.width);
        let taken = &mut self.taken[..x.len() * l.taps];
        taken.fill(0.0);
        for (place, row) in l.seen(sequences) {
            taken[place * width..][..width].copy_from_slice(&x[row * width..][..width]);
        }
        l.linear.forward(params, taken, out);
    }

    fn backward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], delta: &[f32], gradient: &mut [f32], back: &mut [f32]) {
        let (l, width, n) = (&self.layer, self.layer.width, x.len() * self.layer.taps);
        let by_taken = &mut self.by_taken[..n];
        l.linear.backward(params, &self.taken[..n], delta, gradient, by_taken);
        back.fill(0.0);
        for (place, row) in l.seen(sequences) {
            axpy(1.0, &by_taken[place * width..][..width], &mut back[row * width..][..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layer::tests::holds;

    #[test]
    fn it_keeps_what_a_layer_promises() {
        for (taps, dilation) in [(1, 1), (3, 1), (2, 2)] {
            let mut places = Places::default();
            let layer = Convolution::new(4, taps, dilation, &mut places).unwrap();
            holds(&layer, places.taken(), [4, 4], 0.0);
        }
    }
}
