//! A layer over sequences: rows in, rows out, each of which may know the rows of its own sequence before it.

use crate::base::{Result, Rng};
use crate::nn::dropout::Dropout;
use std::fmt::Debug;
use std::ops::Range;

/// The layout of a layer, whose parameters lie in one flat vector. Sequences lie one after another, without padding.
pub trait Layer: Debug + Send + Sync {
    /// Parameters to begin with.
    fn init(&self, params: &mut [f32], rng: &mut Rng);

    /// Bytes of [`Layer::pass`].
    fn room(&self, rows: usize, longest: usize) -> usize;

    /// What sends `rows` rows at once through, of sequences of `longest` rows at most; `training` where there is a way back.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    fn pass(&self, rows: usize, longest: usize, training: bool) -> Result<Box<dyn Pass>>;
}

/// The way of a shard of rows through a layer and back, with the room that it needs.
pub trait Pass: Debug + Send + Sync {
    /// `out` ← what the layer makes of the rows of `x`.
    fn forward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], dropout: Option<&mut Dropout>, out: &mut [f32]);

    /// The way back after [`Pass::forward`] of the same: `back` ← the gradient by `x`, of `delta`, that by what came out; `gradient` gets
    /// that of the parameters.
    fn backward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], delta: &[f32], gradient: &mut [f32], back: &mut [f32]);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::nn::check::gradient_check;

    /// Sequences of nine rows.
    pub const SEQUENCES: [Range<usize>; 3] = [0..3, 3..4, 4..9];

    /// Numbers as of a normal distribution.
    pub fn normals(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// Holds a layer of `parameters` parameters, from rows of `inputs` numbers to rows of `outputs`, to its promises: a row sees its own
    /// sequence up to itself, what is around it changes nothing, and the gradients are those of what it gives.
    pub fn holds(layer: &dyn Layer, parameters: usize, [inputs, outputs]: [usize; 2], dropout: f32) {
        let mut params = vec![0.0; parameters];
        layer.init(&mut params, &mut Rng::new(7));
        params.iter_mut().zip(normals(parameters, 8)).for_each(|(p, x)| *p += 0.3 * x);
        let (x, c) = (normals(9 * inputs, 1), normals(9 * outputs, 2));
        let forward = |params: &[f32], x: &[f32], sequences: &[Range<usize>], rate: f32| {
            let (mut pass, mut out) = (layer.pass(x.len() / inputs, 5, true).unwrap(), vec![0.0; x.len() / inputs * outputs]);
            let mut drop = Dropout { rate, rng: Rng::new(5) };
            pass.forward(params, x, sequences, (rate > 0.0).then_some(&mut drop), &mut out);
            (pass, out)
        };
        let (_, out) = forward(&params, &x, &SEQUENCES, 0.0);
        for changed in 0..9 {
            let mut y = x.clone();
            y[changed * inputs..][..inputs].iter_mut().for_each(|v| *v += 1.0);
            let (_, other) = forward(&params, &y, &SEQUENCES, 0.0);
            for row in 0..9 {
                let same = out[row * outputs..][..outputs] == other[row * outputs..][..outputs];
                let may = SEQUENCES.iter().any(|s| s.contains(&row) && s.contains(&changed)) && changed <= row;
                assert!(same || may, "row {row} when {changed} changes");
                assert!(row != changed || !same, "row {row} does not see itself");
            }
        }
        for s in SEQUENCES {
            let (_, alone) = forward(&params, &x[s.start * inputs..s.end * inputs], std::slice::from_ref(&(0..s.len())), 0.0);
            assert!(alone.iter().zip(&out[s.start * outputs..]).all(|(a, b)| (a - b).abs() < 1e-5));
        }
        for rate in [0.0, dropout] {
            let (mut pass, _) = forward(&params, &x, &SEQUENCES, rate);
            let (mut gradient, mut back) = (vec![0.0; parameters], vec![0.0; 9 * inputs]);
            pass.backward(&params, &x, &SEQUENCES, &c, &mut gradient, &mut back);
            let value = |p: &[f32], x: &[f32]| {
                let (_, out) = forward(p, x, &SEQUENCES, rate);
                out.iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum()
            };
            gradient_check(&x, &back, |x| value(&params, x), 2e-3, "rows");
            gradient_check(&params, &gradient, |p| value(p, &x), 2e-3, "parameters");
        }
    }
}
