//! What each row counts where a loss is taken.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Result, zeros};
use crate::nn::Targets;

/// The class of a row (of two: 0, 1); none where targets are no classes.
pub(super) fn class_of(y: Targets<'_>, row: usize) -> Option<u32> {
    match y {
        Targets::Binary(y) => y.get(row).map(|y| u32::from(*y >= 0.5)),
        Targets::Class(y, _) => y.get(row).copied(),
        Targets::Value(_) | Targets::Tags(_) => None,
    }
}

/// The weight of each of `rows` rows by its class (for two: 0, 1); none where there are no `weights`.
///
/// # Errors
/// [`Code::Internal`] for targets that are no classes, or classes without a weight; [`Code::OutOfMemory`].
pub(super) fn by_class(weights: &[f32], y: Targets<'_>, rows: usize) -> Result<Option<Vec<f32>>> {
    if weights.is_empty() {
        return Ok(None);
    }
    let mut out = zeros(rows)?;
    for (row, to) in out.iter_mut().enumerate() {
        let weight = class_of(y, row).and_then(|c| weights.get(c.index()));
        *to = *weight.ok_or_else(|| Error::internal("class weights without a class of each row"))?;
    }
    Ok(Some(out))
}

/// Weights scaled to the mean 1, so that the learning rate means the same with and without them.
pub(super) fn mean_one(w: &[f32]) -> Result<Vec<f32>> {
    let sum: f64 = w.iter().map(|w| f64::from(*w)).sum();
    if w.iter().any(|w| *w < 0.0) || !(sum > 0.0 && sum.is_finite()) {
        return Err(Error::new(Code::Data, "row weights must be 0 or more, and not all 0"));
    }
    let mut out = zeros(w.len())?;
    let scale = (w.len().real() / sum).single();
    out.iter_mut().zip(w).for_each(|(o, w)| *o = w * scale);
    Ok(out)
}

/// Turns of [`biases`] at most; some ten are enough.
const TURNS: usize = 200;

/// What is to be added to each of the `outputs` of a network that learned with class `weights` (1 for all: without), so that the mean
/// probability of each class over some rows is its share of them, `smoothed` of which is spread over all classes as in training: by turns,
/// from what the weights alone would ask for (their logarithms; that is all, where the network is right about the weighted rows, but a
/// network that is a little too cautious there would be far off). `z` are the outputs, and `y` the answers, of the same rows.
///
/// # Errors
/// [`Code::Cancelled`].
pub(super) fn biases(z: &[f32], y: &[u32], outputs: usize, (weights, smoothed): (&[f32], f32), ctx: &Context<'_>) -> Result<Vec<f32>> {
    let mut shares = vec![0.0; weights.len()];
    for class in y {
        shares[class.index()] += 1.0 / y.len().real();
    }
    let smoothed = f64::from(smoothed);
    shares.iter_mut().for_each(|s| *s = if *s > 0.0 { (1.0 - smoothed) * *s + smoothed / weights.len().real() } else { 0.0 });
    let mut b: Vec<f64> = weights.iter().map(|w| -f64::from(*w).ln()).collect();
    let mut p = vec![0.0; weights.len()];
    for _ in 0..TURNS {
        ctx.check()?;
        let mut means = vec![0.0; weights.len()];
        for row in z.chunks_exact(outputs) {
            // One output is that of the second of two classes, beside 0.
            let own = |c: usize| if outputs == 1 { if c == 0 { 0.0 } else { row[0] } } else { row[c] };
            let top = (0..b.len()).map(|c| f64::from(own(c)) + b[c]).fold(f64::NEG_INFINITY, f64::max);
            p.iter_mut().enumerate().for_each(|(c, p)| *p = (f64::from(own(c)) + b[c] - top).exp());
            let sum: f64 = p.iter().sum();
            means.iter_mut().zip(&p).for_each(|(m, p)| *m += p / sum / y.len().real());
        }
        let mut most: f64 = 0.0;
        // A class that no row has keeps what its weight asks for.
        for ((b, share), mean) in b.iter_mut().zip(&shares).zip(&means).filter(|((_, share), mean)| **share > 0.0 && **mean > 0.0) {
            let step = (share / mean).ln();
            *b += step;
            most = most.max(step.abs());
        }
        if most < 1e-7 {
            break;
        }
    }
    Ok(if outputs == 1 { vec![(b[1] - b[0]).single()] } else { b.into_iter().map(|b| b.single()).collect() })
}

/// The same for each of some tags, which are independent: `z` are the outputs for rows × `outputs` tags, `has(row)` the tags of a row. A
/// tag that no row has stays as it is.
///
/// # Errors
/// [`Code::Cancelled`].
pub(super) fn tag_biases<'a>(z: &[f32], outputs: usize, has: impl Fn(usize) -> &'a [u32], ctx: &Context<'_>) -> Result<Vec<f32>> {
    let rows = z.len() / outputs.max(1);
    let mut counts = vec![0.0; outputs];
    for row in 0..rows {
        has(row).iter().for_each(|t| counts[t.index()] += 1.0);
    }
    let one = |tag: usize| {
        ctx.check()?;
        let mut b = 0.0;
        for _ in 0..TURNS {
            let (mut mean, mut slope) = (0.0, 0.0);
            for row in z.chunks_exact(outputs) {
                let p = 1.0 / (1.0 + (-f64::from(row[tag]) - b).exp());
                mean += p;
                slope += p * (1.0 - p);
            }
            // Newton's step, or where the curve is flat one as long as is safe.
            let step = ((counts[tag] - mean) / slope.max(1e-9)).clamp(-1.0, 1.0);
            b += step;
            if step.abs() < 1e-7 {
                break;
            }
        }
        Ok(b.single())
    };
    (0..outputs).map(|tag| if counts[tag] == 0.0 || counts[tag] == rows.real() { Ok(0.0) } else { one(tag) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};

    #[test]
    fn biases_give_each_class_its_share() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let (z, y) = ([0.5, -1.0, 2.0, 0.0, 1.0, -3.0, 0.2, 0.4], [1, 0, 0, 0, 1, 0, 0, 0]);
        let b = biases(&z, &y, 1, (&[1.0, 9.0], 0.0), &ctx).unwrap();
        let mean: f64 = z.iter().map(|z| 1.0 / (1.0 + f64::from(-z - b[0]).exp()) / 8.0).sum();
        assert!((mean - 0.25).abs() < 1e-5, "{b:?} {mean}");
        // The same as a softmax of two, of which one is 0; a third class that no row has keeps its weight.
        let both: Vec<f32> = z.iter().flat_map(|z| [0.0, *z, -60.0]).collect();
        let c = biases(&both, &y, 3, (&[1.0, 9.0, 4.0], 0.0), &ctx).unwrap();
        assert!((c[1] - c[0] - b[0]).abs() < 1e-4 && (c[2] + 4f32.ln()).abs() < 1e-6, "{c:?}");
    }

    #[test]
    fn biases_give_each_tag_its_share() {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let z = [0.5, 9.0, 4.0, 2.0, 0.0, -9.0, 4.0, 1.0, -3.0, 9.0, 4.0, 3.0];
        let tags: [&[u32]; 3] = [&[0, 3], &[1, 3], &[3]];
        let b = tag_biases(&z, 4, |row| tags[row], &ctx).unwrap();
        assert_eq!((b[2], b[3]), (0.0, 0.0));
        for tag in [0, 1] {
            let mean: f64 = z.chunks(4).map(|z| 1.0 / (1.0 + f64::from(-z[tag] - b[tag]).exp()) / 3.0).sum();
            assert!((mean - 1.0 / 3.0).abs() < 1e-5, "{tag}: {mean} {b:?}");
        }
    }

    #[test]
    fn rows_count_as_their_class_does() {
        let of = |y| by_class(&[0.5, 2.0], y, 3);
        assert_eq!(of(Targets::Binary(&[1.0, 0.0, 1.0])).unwrap(), Some(vec![2.0, 0.5, 2.0]));
        assert_eq!(of(Targets::Class(&[0, 1, 0], 2)).unwrap(), Some(vec![0.5, 2.0, 0.5]));
        assert_eq!(by_class(&[], Targets::Value(&[1.0]), 1).unwrap(), None);
        for y in [Targets::Value(&[1.0, 2.0, 3.0]), Targets::Class(&[0, 2, 0], 3), Targets::Binary(&[1.0])] {
            assert_eq!(of(y).unwrap_err().code, Code::Internal);
        }
        assert_eq!(mean_one(&[1.0, 3.0]).unwrap(), [0.5, 1.5]);
        assert_eq!(mean_one(&[0.0, 0.0]).unwrap_err().code, Code::Data);
    }
}
