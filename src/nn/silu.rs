//! SiLU (Elfwing, Uchibe & Doya 2018): x · σ(x), smooth, and nearly ReLU far from 0.

use crate::kernel;

/// y ← x · σ(x), and `gate` ← σ(x), which the way back needs. Panics on unequal lengths.
pub fn silu(x: &[f32], gate: &mut [f32], y: &mut [f32]) {
    gate.copy_from_slice(x);
    kernel::sigmoid(gate);
    y.iter_mut().zip(x).zip(&*gate).for_each(|((y, x), s)| *y = x * s);
}

/// g ← g · (σ + y · (1 − σ)), from the gate σ and the output y of [`silu`].
pub fn silu_back(gate: &[f32], y: &[f32], g: &mut [f32]) {
    g.iter_mut().zip(gate).zip(y).for_each(|((g, s), y)| *g *= s + y * (1.0 - s));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;

    #[test]
    fn the_gradient_is_that_of_the_activation() {
        let x: Vec<f32> = (0..24).map(|i| (i as f32 - 11.5) / 3.0).collect();
        let c: Vec<f32> = (0..24).map(|i| ((i * 7) % 5) as f32 - 2.0).collect();
        let of = |x: &[f32]| {
            let (mut s, mut y) = (vec![0.0; 24], vec![0.0; 24]);
            silu(x, &mut s, &mut y);
            (s, y)
        };
        let (s, y) = of(&x);
        let mut g = c.clone();
        silu_back(&s, &y, &mut g);
        gradient_check(&x, &g, |x| of(x).1.iter().zip(&c).map(|(y, c)| f64::from(y * c)).sum(), 1e-2, "silu");
    }
}
