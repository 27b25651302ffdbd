//! Where the weights of a layer begin.

use crate::base::{Rng, interrupts};

/// Each weight alike between −`bound` and `bound` (Glorot & Bengio 2010 where the bound is √(6 / (inputs + outputs))).
pub fn uniform(weights: &mut [f32], bound: f32, rng: &mut Rng) {
    for (at, w) in weights.iter_mut().enumerate() {
        interrupts::check_at(at);
        *w = (2.0 * rng.uniform_f32() - 1.0) * bound;
    }
}
