//! The mixed loss: squared errors of numbers against cross-entropies of categories.

use super::shape::{Output, Shape};
use crate::base::number::AsIndex;
use crate::dataset::encode::NONE;
use crate::kernel::softmax;

/// What the outputs are held against, and what each counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Target<'a> {
    /// A row's numbers as they are in the data.
    pub numbers: &'a [f32],
    /// A row's places.
    pub places: &'a [[u32; 2]],
    /// For each input column whether it is missing; such a column does not count.
    pub missing: &'a [u8],
}

/// The class of a category's value: its place, or that of all others; none when it is missing.
#[inline]
pub fn class(place: [u32; 2], classes: usize) -> Option<usize> {
    (place[0] != NONE).then(|| (place[0].index()).min(classes - 1))
}

/// The loss of one row: Σ w·(x′ − x)² over the numbers, `weight` being w of each, + Σ −ln softmax of the class over the categories.
/// `out` (the network's outputs) becomes its gradient.
pub fn gradient(shape: &Shape, weight: &[f32], target: &Target<'_>, out: &mut [f32]) -> f64 {
    let mut total = 0.0;
    for (output, missing) in shape.outputs.iter().zip(target.missing) {
        match output {
            Output::Numbers { at, .. } | Output::Category { at, .. } if *missing != 0 => out[at.clone()].fill(0.0),
            Output::Numbers { at, of } => {
                for ((y, x), w) in out[at.clone()].iter_mut().zip(&target.numbers[of.clone()]).zip(&weight[of.clone()]) {
                    let apart = *y - x;
                    total += f64::from(w * apart * apart);
                    *y = 2.0 * w * apart;
                }
            }
            Output::Category { at, category } => {
                let logits = &mut out[at.clone()];
                let Some(class) = class(target.places[*category], logits.len()) else {
                    logits.fill(0.0);
                    continue;
                };
                let own = logits[class];
                let all = softmax(logits);
                total += f64::from(all - own);
                logits[class] -= 1.0;
            }
        }
    }
    total
}

/// Of a variational code: KL(N(mean, e^v) ‖ N(0, 1)) of one row, times `weight`; `code` holds means then v = ln of the variances, and
/// `gradient`, by the code, gets that of the divergence added (Kingma & Welling 2014).
pub fn divergence(code: &[f32], weight: f32, gradient: &mut [f32]) -> f64 {
    let (means, logs) = code.split_at(code.len() / 2);
    let (by_mean, by_log) = gradient.split_at_mut(means.len());
    let mut total = 0.0;
    for (((m, v), gm), gv) in means.iter().zip(logs).zip(by_mean).zip(by_log) {
        let e = v.exp();
        total += f64::from(0.5 * (m * m + e - 1.0 - v));
        *gm += weight * m;
        *gv += weight * 0.5 * (e - 1.0);
    }
    f64::from(weight) * total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::encode::Field;
    use crate::nn::check::gradient_check;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let fields =
            [Field::Numbers(0..2), Field::Category { at: 0, levels: 3, places: 4 }, Field::Category { at: 1, levels: 2, places: 9 }];
        let s = Shape::new(&fields, &[], 2, false).unwrap();
        let weight = [0.5, 2.0];
        let out: Vec<f32> = (0..s.outputs()).map(|i| ((i * 5) % 7) as f32 / 3.0 - 1.0).collect();
        for (places, missing) in
            [([[1, NONE], [7, 3]], [0, 0, 0]), ([[3, NONE], [NONE; 2]], [0, 0, 1]), ([[0, NONE], [1, NONE]], [1, 0, 0])]
        {
            let target = Target { numbers: &[0.3, -0.7], places: &places, missing: &missing };
            let mut g = out.clone();
            let loss = gradient(&s, &weight, &target, &mut g);
            assert!(loss > 0.0);
            gradient_check(&out, &g, |x| gradient(&s, &weight, &target, &mut x.to_vec()), 1e-2, "loss");
        }
    }

    #[test]
    fn the_divergence_is_0_for_a_standard_normal_and_its_gradient_is_right() {
        let mut g = vec![0.0; 4];
        assert_eq!(divergence(&[0.0; 4], 1.0, &mut g), 0.0);
        let code = [0.5, -1.0, 0.3, -0.7];
        let mut g = vec![0.0; 4];
        divergence(&code, 0.7, &mut g);
        gradient_check(&code, &g, |c| divergence(c, 0.7, &mut [0.0; 4]), 1e-2, "divergence");
    }
}
