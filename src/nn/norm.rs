//! Layer normalisation (Ba, Kiros & Hinton 2016): each row of sums to mean 0 and deviation 1, then a learned gain and shift.

use crate::base::number::AsReal;

/// Added to the variance, so that a row of equal numbers has a finite scale.
const EPSILON: f32 = 1e-5;

/// x ← the normalised row; returns 1 / its deviation, for the way back.
pub fn normalise(x: &mut [f32]) -> f32 {
    let n = x.len().max(1).single();
    let mean = x.iter().sum::<f32>() / n;
    let var = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
    let scale = 1.0 / (var + EPSILON).sqrt();
    x.iter_mut().for_each(|x| *x = (*x - mean) * scale);
    scale
}

/// g ← the gradient by the row before [`normalise`], from that by its result; `x` is the result and `scale` what it returned.
pub fn normalise_back(x: &[f32], scale: f32, g: &mut [f32]) {
    let n = x.len().max(1).single();
    let mean = g.iter().sum::<f32>() / n;
    let along = x.iter().zip(&*g).map(|(x, g)| x * g).sum::<f32>() / n;
    g.iter_mut().zip(x).for_each(|(g, x)| *g = scale * (*g - mean - x * along));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;

    #[test]
    fn rows_have_mean_0_and_deviation_1() {
        let mut x = [3.0, 5.0, 7.0, 9.0];
        normalise(&mut x);
        assert!(x.iter().sum::<f32>().abs() < 1e-5 && (x.iter().map(|x| x * x).sum::<f32>() - 4.0).abs() < 1e-3);
        let mut same = [2.0; 5];
        assert!(normalise(&mut same).is_finite() && same == [0.0; 5]);
    }

    #[test]
    fn the_gradient_is_that_of_the_row() {
        let x: Vec<f32> = (0..9).map(|i| ((i * 5) % 7) as f32 / 2.0 - 1.0).collect();
        let c: Vec<f32> = (0..9).map(|i| ((i * 3) % 5) as f32 - 2.0).collect();
        let value = |x: &[f32]| {
            let mut y = x.to_vec();
            normalise(&mut y);
            y.iter().zip(&c).map(|(y, c)| f64::from(y * c)).sum()
        };
        let (mut y, mut g) = (x.clone(), c.clone());
        let scale = normalise(&mut y);
        normalise_back(&y, scale, &mut g);
        gradient_check(&x, &g, value, 1e-2, "norm");
    }
}
