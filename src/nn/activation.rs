//! What a layer does with its sums.

use crate::kernel;
use serde::{Deserialize, Serialize};

/// An activation, applied to each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// tanh x.
    Tanh,
}

impl Activation {
    /// x ← f(x).
    pub fn forward(self, x: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => kernel::relu(x),
            Self::Sigmoid => kernel::sigmoid(x),
            Self::Tanh => kernel::tanh(x),
        }
    }

    /// g ← g · f′, from the outputs `y` = f(x).
    pub fn backward(self, y: &[f32], g: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => kernel::relu_back(y, g),
            Self::Sigmoid => kernel::sigmoid_back(y, g),
            Self::Tanh => kernel::tanh_back(y, g),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;

    #[test]
    fn every_derivative_is_that_of_its_activation() {
        for f in [Activation::Identity, Activation::Relu, Activation::Sigmoid, Activation::Tanh] {
            // No element near 0, where ReLU has no derivative.
            let x: Vec<f32> = (0..24).map(|i| (i as f32 - 11.5) / 4.0).collect();
            let c: Vec<f32> = (0..24).map(|i| ((i * 7) % 5) as f32 - 2.0).collect();
            let value = |x: &[f32]| {
                let mut y = x.to_vec();
                f.forward(&mut y);
                y.iter().zip(&c).map(|(y, c)| f64::from(y * c)).sum()
            };
            let mut y = x.clone();
            f.forward(&mut y);
            let mut g = c.clone();
            f.backward(&y, &mut g);
            gradient_check(&x, &g, value, 1e-2, &format!("{f:?}"));
        }
    }
}
