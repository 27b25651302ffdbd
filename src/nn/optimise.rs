//! The optimiser: Adam with decoupled weight decay.

use crate::base::number::AsReal;
use crate::base::{Pool, Result, zeros};
use crate::kernel::{AdamStep, adam};

/// Settings of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSpec {
    /// Step size, above 0.
    pub learning_rate: f32,
    /// Decay of the first moment, in [0, 1).
    pub beta1: f32,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Decoupled (AdamW): each step a weight loses this share of itself times the learning rate. 0 is plain Adam.
    pub weight_decay: f32,
}

impl Default for AdamSpec {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019): its two moments for each parameter.
#[derive(Debug)]
pub struct Adam {
    spec: AdamSpec,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

/// Parameters that one thread updates at a time. Every element stands alone, so the split changes no bit.
const PART: usize = 32 * 1024;

impl Adam {
    /// For `parameters` parameters.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(spec: AdamSpec, parameters: usize) -> Result<Self> {
        Ok(Self { spec, first: zeros(parameters)?, second: zeros(parameters)?, steps: 0 })
    }

    /// Another learning rate from the next step on.
    pub fn set_learning_rate(&mut self, rate: f32) {
        self.spec.learning_rate = rate;
    }

    /// Begins the next step, whose gradients are to be multiplied by `scale`: the figures that the caller hands to [`adam`] with each slice
    /// of [`Adam::moments`]. For layers whose gradient is made and used up part by part.
    pub fn begin(&mut self, scale: f32) -> AdamStep {
        self.steps = self.steps.saturating_add(1);
        self.nth(self.steps, scale)
    }

    /// [`Adam::begin`] for the `steps`-th step, counted from 1 by a caller whose layers do not all learn in every step.
    pub fn nth(&self, steps: i32, scale: f32) -> AdamStep {
        let s = &self.spec;
        let (c1, c2) = (1.0 - f64::from(s.beta1).powi(steps), 1.0 - f64::from(s.beta2).powi(steps));
        AdamStep {
            beta1: s.beta1,
            beta2: s.beta2,
            rate: (f64::from(s.learning_rate) / c1).single(),
            root: (1.0 / c2.sqrt()).single(),
            epsilon: s.epsilon,
            keep: 1.0 - s.learning_rate * s.weight_decay,
            scale,
        }
    }

    /// The first and the second moment of every parameter.
    pub fn moments(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.first, &mut self.second)
    }

    /// One step of `weights` against `gradient` · `scale`. Panics on lengths other than at the start.
    pub fn step(&mut self, weights: &mut [f32], gradient: &[f32], scale: f32, pool: &Pool) {
        let step = self.begin(scale);
        if weights.len() <= PART {
            return adam(step, gradient, &mut self.first, &mut self.second, weights);
        }
        let parts = weights.chunks_mut(PART).zip(gradient.chunks(PART)).zip(self.first.chunks_mut(PART)).zip(self.second.chunks_mut(PART));
        let mut parts: Vec<_> = parts.collect();
        pool.each_mut(&mut parts, |_, (((w, g), m), v)| adam(step, g, m, v, w));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_bowl() {
        let mut w = [5.0, -3.0];
        let mut adam = Adam::new(AdamSpec { learning_rate: 0.1, ..AdamSpec::default() }, 2).unwrap();
        for _ in 0..500 {
            let g = [2.0 * (w[0] - 1.0), 8.0 * (w[1] - 2.0)];
            adam.step(&mut w, &g, 1.0, &Pool::single());
        }
        assert!((w[0] - 1.0).abs() < 1e-3 && (w[1] - 2.0).abs() < 1e-3, "{w:?}");
    }

    #[test]
    fn threads_change_no_bit() {
        let n = 3 * PART + 17;
        let run = |pool: &Pool| {
            let (mut w, g) = (vec![1.0; n], (0..n).map(|i| (i % 13) as f32 - 6.0).collect::<Vec<_>>());
            let mut adam = Adam::new(AdamSpec { weight_decay: 0.1, ..AdamSpec::default() }, n).unwrap();
            (0..3).for_each(|_| adam.step(&mut w, &g, 0.5, pool));
            w
        };
        assert_eq!(run(&Pool::single()), run(&Pool::new(3).unwrap()));
    }
}
