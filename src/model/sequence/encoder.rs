//! What turns the rows of a sequence into rows that know what went before: layers that mix a sequence's rows in turn with layers that work
//! row by row, each normalised first (Xiong et al. 2020) and added to what came in, a normalisation at the end. What mixes is self-attention
//! (Kang & McAuley 2018, "Self-Attentive Sequential Recommendation"), a recurrence (Hidasi et al. 2016) or a causal convolution (Yuan et al.
//! 2019).

use crate::base::{Result, Rng, zeros};
use crate::kernel::axpy;
use crate::nn::affine::{LayerNorm, Places};
use crate::nn::convolution::Convolution;
use crate::nn::dropout::{Dropout, drop_out};
use crate::nn::feed_forward::FeedForward;
use crate::nn::layer::{Layer, Pass};
use crate::nn::recurrence::Recurrence;
use crate::nn::self_attention::SelfAttention;
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;

/// What mixes the rows of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mixing {
    /// Self-attention.
    Transformer,
    /// A gated recurrence.
    Gru,
    /// Causal convolutions, each of twice the distance.
    Cnn,
}

/// Rows that a convolution sees.
const TAPS: usize = 3;

/// The layout.
#[derive(Debug, Clone)]
pub struct Encoder {
    width: usize,
    branches: Vec<Branch>,
    last: LayerNorm,
    parameters: usize,
}

#[derive(Debug, Clone)]
struct Branch {
    norm: LayerNorm,
    layer: Arc<dyn Layer>,
}

/// The way of a shard of rows through an encoder and back, with the room that it needs.
#[derive(Debug)]
pub struct Work {
    branches: Vec<BranchWork>,
    normal: Vec<f32>,
    scales: Vec<f32>,
    out: Vec<f32>,
    spare: [Vec<f32>; 2],
}

#[derive(Debug)]
struct BranchWork {
    /// The normalised rows, 1 / their deviations, and the same with gain and shift.
    normal: Vec<f32>,
    scales: Vec<f32>,
    shown: Vec<f32>,
    pass: Box<dyn Pass>,
    mask: Vec<f32>,
    out: Vec<f32>,
}

impl Encoder {
    /// `blocks` blocks over rows of `width` numbers, attention with `heads` heads.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`] when its weights do not fit any memory.
    pub fn new(mixing: Mixing, width: usize, heads: usize, blocks: usize) -> Result<Self> {
        let mut places = Places::default();
        let mut branches = Vec::new();
        for b in 0..blocks {
            let norm = LayerNorm::new(width, &mut places)?;
            let p = &mut places;
            let mixing: Arc<dyn Layer> = match mixing {
                Mixing::Transformer => Arc::new(SelfAttention::new(width, heads, p)?),
                Mixing::Gru => Arc::new(Recurrence::new(width, p)?),
                Mixing::Cnn => Arc::new(Convolution::new(width, TAPS, 1 << b.min(20), p)?),
            };
            branches.push(Branch { norm, layer: mixing });
            let norm = LayerNorm::new(width, &mut places)?;
            branches.push(Branch { norm, layer: Arc::new(FeedForward::new(width, 2 * width, &mut places)?) });
        }
        let last = LayerNorm::new(width, &mut places)?;
        Ok(Self { width, branches, last, parameters: places.taken() })
    }

    /// How many parameters it has.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Parameters to begin with.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for b in &self.branches {
            b.norm.init(params);
            b.layer.init(params, rng);
        }
        self.last.init(params);
    }

    /// Bytes of [`Encoder::work`].
    pub fn room(&self, rows: usize, longest: usize) -> usize {
        let own: usize = self.branches.iter().map(|b| b.layer.room(rows, longest)).sum();
        own + 4 * rows * (self.branches.len() * (4 * self.width + 1) + 4 * self.width + 1)
    }

    /// Room for `rows` rows at once, of sequences of `longest` at most; `training` where there is a way back.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn work(&self, rows: usize, longest: usize, training: bool) -> Result<Work> {
        let n = rows * self.width;
        let branch = |b: &Branch| -> Result<BranchWork> {
            let pass = b.layer.pass(rows, longest, training)?;
            let mask = zeros(if training { n } else { 0 })?;
            Ok(BranchWork { normal: zeros(n)?, scales: zeros(rows)?, shown: zeros(n)?, pass, mask, out: zeros(n)? })
        };
        let branches = self.branches.iter().map(branch).collect::<Result<_>>()?;
        Ok(Work { branches, normal: zeros(n)?, scales: zeros(rows)?, out: zeros(n)?, spare: [zeros(n)?, zeros(n)?] })
    }

    /// Sends the rows of `x` through; what comes out.
    pub fn forward<'w>(
        &self,
        params: &[f32],
        x: &[f32],
        sequences: &[Range<usize>],
        w: &'w mut Work,
        mut dropout: Option<&mut Dropout>,
    ) -> &'w [f32] {
        let (n, rows) = (x.len(), x.len() / self.width);
        let through = &mut w.spare[0][..n];
        for i in 0..self.branches.len() {
            let (b, (before, own)) = (&self.branches[i], w.branches.split_at_mut(i));
            let input = before.last().map_or(x, |b| &b.out[..n]);
            let own = &mut own[0];
            b.norm.forward(params, input, &mut own.normal[..n], &mut own.scales[..rows], &mut own.shown[..n]);
            own.pass.forward(params, &own.shown[..n], sequences, dropout.as_deref_mut(), through);
            if let Some(d) = &mut dropout {
                drop_out(through, &mut own.mask[..n], d.rate, &mut d.rng);
            }
            own.out[..n].copy_from_slice(input);
            axpy(1.0, through, &mut own.out[..n]);
        }
        let input = w.branches.last().map_or(x, |b| &b.out[..n]);
        self.last.forward(params, input, &mut w.normal[..n], &mut w.scales[..rows], &mut w.out[..n]);
        &w.out[..n]
    }

    /// The way back after [`Encoder::forward`] of the same, with dropout or without (`dropped`): `delta`, the gradient by what came out,
    /// becomes that by `x`; `gradient` gets that of the parameters.
    pub fn backward(
        &self,
        params: &[f32],
        sequences: &[Range<usize>],
        w: &mut Work,
        dropped: bool,
        delta: &mut [f32],
        gradient: &mut [f32],
    ) {
        let (n, rows) = (delta.len(), delta.len() / self.width);
        self.last.backward(params, &w.normal[..n], &w.scales[..rows], delta, gradient);
        let [through, back] = w.spare.each_mut().map(|s| &mut s[..n]);
        for (b, own) in self.branches.iter().zip(&mut w.branches).rev() {
            // `delta` goes on beside the branch as it is.
            through.copy_from_slice(delta);
            if dropped {
                through.iter_mut().zip(&own.mask).for_each(|(x, m)| *x *= m);
            }
            own.pass.backward(params, &own.shown[..n], sequences, through, gradient, back);
            b.norm.backward(params, &own.normal[..n], &own.scales[..rows], back, gradient);
            axpy(1.0, back, delta);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;
    use crate::nn::layer::tests::{SEQUENCES, normals};

    #[test]
    fn gradients_are_those_of_what_comes_out() {
        for mixing in [Mixing::Transformer, Mixing::Gru, Mixing::Cnn] {
            for rate in [0.0, 0.3] {
                let encoder = Encoder::new(mixing, 4, 2, 2).unwrap();
                let mut params = vec![0.0; encoder.parameters()];
                encoder.init(&mut params, &mut Rng::new(3));
                let (x, c) = (normals(9 * 4, 1), normals(9 * 4, 2));
                let forward = |params: &[f32], x: &[f32]| {
                    let mut work = encoder.work(9, 5, true).unwrap();
                    let mut drop = Dropout { rate, rng: Rng::new(5) };
                    let out = encoder.forward(params, x, &SEQUENCES, &mut work, (rate > 0.0).then_some(&mut drop)).to_vec();
                    (work, out)
                };
                let (mut work, _) = forward(&params, &x);
                let (mut gradient, mut delta) = (vec![0.0; params.len()], c.clone());
                encoder.backward(&params, &SEQUENCES, &mut work, rate > 0.0, &mut delta, &mut gradient);
                let value = |p: &[f32], x: &[f32]| forward(p, x).1.iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum::<f64>();
                gradient_check(&x, &delta, |x| value(&params, x), 2e-3, "rows");
                gradient_check(&params, &gradient, |p| value(p, &x), 2e-3, "parameters");
            }
        }
    }
}
