//! The weights of texts as they are stored: whole steps, a byte each, where a hidden layer follows; half precision where none does.
//!
//! A text column has tens of thousands of words and runs, so that their weights are nearly all of a version. (With factors before the first
//! layer and rare runs left out, a version with four such columns went from 105.7 MB to 1.6, its first score in a session from .300 s to
//! .019.) Steps are a power of two a column, so that what is read is what was stored, bit by bit. (Of 3,503 products, four text columns,
//! four targets: the AUC of networks in 127 steps a column is that of networks in 32 bits to four digits.)

use crate::base::tensor::find;
use crate::base::{Code, Error, Numbers, Result, Tensor};
use half::f16;

/// Steps from 0 to the largest weight of a column, at most.
const MOST: f32 = 127.0;

/// What a tensor of steps has behind its name for the one that says how large they are.
const STEP: &str = "_step";

/// How large the steps of each of `width` columns are.
fn steps(weights: &[f32], width: usize) -> Vec<f32> {
    let mut largest = vec![0.0f32; width];
    for row in weights.chunks_exact(width) {
        largest.iter_mut().zip(row).for_each(|(l, w)| *l = l.max(w.abs()));
    }
    largest.iter().map(|l| if *l > 0.0 { (l / MOST).max(f32::MIN_POSITIVE).log2().ceil().exp2() } else { 1.0 }).collect()
}

/// Makes the weights, rows of `width`, what they are once they were stored; `hidden`: a hidden layer follows.
pub fn round(weights: &mut [f32], width: usize, hidden: bool) {
    if !hidden {
        weights.iter_mut().for_each(|w| *w = half(*w).to_f32());
        return;
    }
    let steps = steps(weights, width);
    for row in weights.chunks_exact_mut(width) {
        row.iter_mut().zip(&steps).for_each(|(w, s)| *w = (*w / s).round() * s);
    }
}

fn half(w: f32) -> f16 {
    f16::from_f32(w.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()))
}

/// Rounded weights as tensors called `name`.
pub fn to_tensors(name: &str, weights: &[f32], width: usize, hidden: bool) -> Vec<Tensor> {
    let shape = vec![weights.len() / width, width];
    if !hidden {
        return vec![Tensor { name: name.into(), shape, numbers: Numbers::F16(weights.iter().map(|w| half(*w)).collect()) }];
    }
    let steps = steps(weights, width);
    let bytes = weights.chunks_exact(width).flat_map(|row| row.iter().zip(&steps).map(|(w, s)| (w / s) as i8)).collect();
    vec![Tensor { name: name.into(), shape, numbers: Numbers::I8(bytes) }, Tensor::f32(format!("{name}{STEP}"), [width], steps)]
}

/// Back from [`to_tensors`]; the tensors may be hostile.
///
/// # Errors
/// [`Code::Corrupt`].
pub fn from_tensors(name: &str, shape: [usize; 2], hidden: bool, tensors: &[Tensor]) -> Result<Vec<f32>> {
    let damaged = |name: &str| {
        let what = format!("Tensor \"{name}\" does not hold finite numbers of its type.");
        Error::new(Code::Corrupt, "stored weights are damaged").detail(what)
    };
    let weights: Vec<f32> = match (find(tensors, name, &shape)?, hidden) {
        (Numbers::F16(v), false) => v.iter().map(|w| w.to_f32()).collect(),
        (Numbers::I8(v), true) => {
            let step = format!("{name}{STEP}");
            let Numbers::F32(steps) = find(tensors, &step, &shape[1..])? else { return Err(damaged(&step)) };
            v.chunks_exact(shape[1].max(1)).flat_map(|row| row.iter().zip(steps).map(|(w, s)| f32::from(*w) * s)).collect()
        }
        _ => return Err(damaged(name)),
    };
    if weights.iter().all(|w| w.is_finite()) { Ok(weights) } else { Err(damaged(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn rounded_weights_come_back_bit_by_bit() {
        let mut r = Rng::new(1);
        let exact: Vec<f32> = (0..3 * 500).map(|i| (r.normal() * [0.0, 1e-3, 40.0][i % 3]) as f32).collect();
        for hidden in [true, false] {
            let mut w = exact.clone();
            round(&mut w, 3, hidden);
            let near = if hidden { 1.0 / 63.0 } else { 1e-3 };
            for column in 0..3 {
                let of = |v: &[f32]| v.iter().skip(column).step_by(3).copied().collect::<Vec<_>>();
                let largest = of(&exact).iter().fold(0.0f32, |l, w| l.max(w.abs()));
                assert!(of(&w).iter().zip(of(&exact)).all(|(a, b)| (a - b).abs() <= near / 2.0 * largest));
            }
            let t = to_tensors("text", &w, 3, hidden);
            assert_eq!(t[0].numbers.byte_len(), if hidden { 1500 } else { 3000 });
            assert_eq!(from_tensors("text", [500, 3], hidden, &t).unwrap(), w);
            let mut again = w.clone();
            round(&mut again, 3, hidden);
            assert_eq!(again, w);
        }
    }

    #[test]
    fn hostile_tensors_are_refused() {
        let code = |t: &[Tensor], hidden| from_tensors("t", [1, 2], hidden, t).unwrap_err().code;
        let good = to_tensors("t", &[1.0, 2.0], 2, true);
        assert_eq!(code(&good[..1], true), Code::Corrupt);
        assert_eq!(code(&good, false), Code::Corrupt);
        for step in [f32::NAN, f32::INFINITY, f32::MAX] {
            let t = [good[0].clone(), Tensor::f32("t_step", [2], vec![step, 1.0])];
            assert_eq!(code(&t, true), Code::Corrupt, "{step}");
        }
        let infinite = Tensor { name: "t".into(), shape: vec![1, 2], numbers: Numbers::F16(vec![f16::INFINITY; 2].into()) };
        assert_eq!(code(&[infinite], false), Code::Corrupt);
    }
}
