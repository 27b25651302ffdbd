//! Where the weights of a layer begin.

use crate::base::Rng;
use crate::base::interrupts::Looking;

/// Each weight alike between −`bound` and `bound` (Glorot & Bengio 2010 where the bound is √(6 / (inputs + outputs))).
pub fn uniform(weights: &mut [f32], bound: f32, rng: &mut Rng) {
    weights.iter_mut().looking().for_each(|w| *w = (2.0 * rng.uniform_f32() - 1.0) * bound);
}
