//! Losses of a batch and their gradients.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Result};
use crate::kernel;
use serde::{Deserialize, Serialize};

/// What a network's outputs are held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Binary cross-entropy of logits: softplus(z) − y·z.
    Bce,
    /// Cross-entropy of a softmax over the outputs: ln Σ eᶻ − z of the class.
    SoftmaxCe,
    /// The same against answers of which this share is spread evenly over all classes (Szegedy et al. 2016).
    SmoothCe(f32),
    /// Squared error (z − y)², summed over the outputs; the gradient is 2(z − y).
    Mse,
}

/// The right answers, one for each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Targets<'a> {
    /// 0 or 1, or a probability; rows × outputs values.
    Binary(&'a [f32]),
    /// The index of the class, below the second.
    Class(&'a [u32], usize),
    /// Any number; rows × outputs values.
    Value(&'a [f32]),
    /// The outputs that are 1, the others being 0.
    Tags(Tags<'a>),
}

/// For each row the tags that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tags<'a> {
    /// Where each row's tags begin among all; one more than rows.
    pub starts: &'a [usize],
    /// Row after row; each tag at most once a row.
    pub tags: &'a [u32],
    /// How many tags there are.
    pub width: usize,
}

impl<'a> Tags<'a> {
    /// The tags of a row.
    pub fn of(&self, row: usize) -> &'a [u32] {
        &self.tags[self.starts[row]..self.starts[row + 1]]
    }
}

impl Targets<'_> {
    /// Checks that there is one for each of `rows` rows, fit for `loss` over `outputs` outputs.
    ///
    /// # Errors
    /// [`Code::Internal`] for another count or kind; [`Code::Data`] for a class or value outside its range.
    pub fn check(&self, rows: usize, outputs: usize, loss: Loss) -> Result<()> {
        let wrong = |what: &str| Err(Error::internal(format!("Targets: {what}.")));
        match (self, loss) {
            (Self::Binary(y), Loss::Bce) => {
                if y.len() != rows * outputs {
                    return wrong("one binary target a row and output is needed");
                }
                bad(y.iter().find(|y| !(0.0..=1.0).contains(*y)), "between 0 and 1")
            }
            (Self::Value(y), Loss::Mse) => {
                if y.len() != rows * outputs {
                    return wrong("one value a row and output is needed");
                }
                bad(y.iter().find(|y| !y.is_finite()), "finite")
            }
            (Self::Tags(t), Loss::Bce) => {
                let whole = t.starts.is_sorted() && t.starts.last().is_some_and(|end| *end <= t.tags.len());
                if t.starts.len() != rows + 1 || t.width != outputs || !whole {
                    return wrong("the tags of each row and one output a tag are needed");
                }
                bad(t.tags.iter().find(|y| **y as usize >= t.width), "a known tag")
            }
            (Self::Class(y, n), Loss::SoftmaxCe | Loss::SmoothCe(_)) => {
                if y.len() != rows || *n != outputs {
                    return wrong("one class a row and one output a class are needed");
                }
                bad(y.iter().find(|y| **y as usize >= *n), "a known class")
            }
            _ => wrong("this kind does not fit the loss"),
        }
    }
}

fn bad(found: Option<&impl std::fmt::Display>, what: &str) -> Result<()> {
    match found {
        None => Ok(()),
        Some(x) => Err(Error::new(Code::Data, "a target is out of range").detail(format!("The value {x} is not {what}."))),
    }
}

impl Loss {
    /// The loss that rows are evaluated by which do not teach: without smoothing.
    #[must_use]
    pub fn plain(self) -> Self {
        if let Self::SmoothCe(_) = self { Self::SoftmaxCe } else { self }
    }

    /// The loss of each row of `z` (rows × `outputs`), times its weight, summed; `z` becomes the gradient of that sum.
    /// `rows` are the places of these rows in `targets` and `weights`.
    pub fn gradient(self, z: &mut [f32], outputs: usize, targets: Targets<'_>, weights: Option<&[f32]>, rows: &[u32]) -> f64 {
        let mut total = 0.0;
        if let (Targets::Binary(y), 1, None) = (targets, outputs, weights) {
            // The commonest case, in runs: the targets of a shuffled batch lie all over the table.
            let mut near = [0.0; 128];
            for (z, rows) in z.chunks_mut(near.len()).zip(rows.chunks(near.len())) {
                near.iter_mut().zip(rows).for_each(|(to, row)| *to = y[row.index()]);
                total += kernel::bce(&mut z[..rows.len()], &near[..rows.len()]);
            }
            return total;
        }
        let smooth = if let Self::SmoothCe(share) = self { share } else { 0.0 };
        let none = if let Targets::Tags(_) = targets { vec![0.0; outputs] } else { Vec::new() };
        for (z, row) in z.chunks_exact_mut(outputs.max(1)).zip(rows) {
            let row = row.index();
            let loss = match targets {
                Targets::Binary(y) => kernel::bce(z, &y[row * outputs..][..outputs]),
                Targets::Value(y) => squared(z, &y[row * outputs..][..outputs]),
                Targets::Class(y, _) => class(z, y[row].index(), smooth),
                Targets::Tags(t) => tags(z, &none, t.of(row)),
            };
            match weights {
                None => total += loss,
                Some(w) => {
                    total += loss * f64::from(w[row]);
                    kernel::scale(w[row], z);
                }
            }
        }
        total
    }
}

fn squared(z: &mut [f32], y: &[f32]) -> f64 {
    let mut loss = 0.0;
    for (z, y) in z.iter_mut().zip(y) {
        let d = *z - y;
        loss += f64::from(d * d);
        *z = 2.0 * d;
    }
    loss
}

fn class(z: &mut [f32], y: usize, smooth: f32) -> f64 {
    let own = z[y];
    if smooth == 0.0 {
        let loss = kernel::softmax(z) - own;
        z[y] -= 1.0;
        return f64::from(loss);
    }
    let (each, mean) = (smooth / z.len().single(), z.iter().sum::<f32>() / z.len().single());
    let loss = kernel::softmax(z) - (1.0 - smooth) * own - smooth * mean;
    z.iter_mut().for_each(|g| *g -= each);
    z[y] -= 1.0 - smooth;
    f64::from(loss)
}

/// Σ softplus(z) less those of the tags that are there; `none` is as many zeros.
fn tags(z: &mut [f32], none: &[f32], there: &[u32]) -> f64 {
    let own: f64 = there.iter().map(|t| f64::from(z[t.index()])).sum();
    let loss = kernel::bce(z, none) - own;
    there.iter().for_each(|t| z[t.index()] -= 1.0);
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::gradient_check;

    const Z: [f32; 6] = [0.3, -1.2, 2.5, 0.0, -0.7, 1.1];

    fn check(loss: Loss, outputs: usize, targets: Targets<'_>, what: &str) {
        let rows: Vec<u32> = (0..(Z.len() / outputs) as u32).rev().collect();
        let weights: Vec<f32> = (0..rows.len()).map(|i| 0.5 + i as f32).collect();
        for w in [None, Some(&weights[..])] {
            let value = |z: &[f32]| loss.gradient(&mut z.to_vec(), outputs, targets, w, &rows);
            let mut g = Z;
            loss.gradient(&mut g, outputs, targets, w, &rows);
            gradient_check(&Z, &g, value, 1e-2, what);
        }
    }

    #[test]
    fn every_gradient_is_that_of_its_loss() {
        check(Loss::Bce, 1, Targets::Binary(&[1.0, 0.0, 1.0, 0.3, 0.0, 0.0]), "bce");
        check(Loss::Bce, 2, Targets::Binary(&[1.0, 0.0, 1.0, 0.3, 0.0, 0.0]), "bce of two outputs");
        check(Loss::Mse, 1, Targets::Value(&[1.0, -4.0, 1.0, 0.3, 0.0, 0.0]), "squared");
        check(Loss::SoftmaxCe, 3, Targets::Class(&[2, 0], 3), "softmax");
        check(Loss::SmoothCe(0.2), 3, Targets::Class(&[2, 0], 3), "smoothed softmax");
        let tags = Tags { starts: &[0, 2, 2], tags: &[2, 0], width: 3 };
        check(Loss::Bce, 3, Targets::Tags(tags), "tags");
        let dense = Targets::Binary(&[1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        let of = |t| Loss::Bce.gradient(&mut Z.clone(), 3, t, None, &[0, 1]);
        assert!((of(dense) - of(Targets::Tags(tags))).abs() < 1e-5);
    }

    #[test]
    fn far_logits_do_not_overflow() {
        let mut z = [500.0, -500.0, 500.0];
        let loss = Loss::Bce.gradient(&mut z, 1, Targets::Binary(&[1.0, 0.0, 0.0]), None, &[0, 1, 2]);
        assert_eq!((loss, z), (500.0, [0.0, 0.0, 1.0]));
    }

    #[test]
    fn targets_outside_their_range_are_refused() {
        assert_eq!(Targets::Binary(&[2.0]).check(1, 1, Loss::Bce).unwrap_err().code, Code::Data);
        assert_eq!(Targets::Value(&[f32::NAN]).check(1, 1, Loss::Mse).unwrap_err().code, Code::Data);
        assert_eq!(Targets::Class(&[3], 3).check(1, 3, Loss::SoftmaxCe).unwrap_err().code, Code::Data);
        assert_eq!(Targets::Class(&[0], 3).check(1, 3, Loss::Bce).unwrap_err().code, Code::Internal);
        assert_eq!(Targets::Value(&[0.0]).check(2, 1, Loss::Mse).unwrap_err().code, Code::Internal);
        Targets::Class(&[2, 0], 3).check(2, 3, Loss::SoftmaxCe).unwrap();
        let tags = |starts, tags| Targets::Tags(Tags { starts, tags, width: 2 }).check(2, 2, Loss::Bce);
        assert!(tags(&[0, 1, 2], &[1, 0]).is_ok());
        assert_eq!(tags(&[0, 1, 2], &[1, 2]).unwrap_err().code, Code::Data);
        for starts in [&[0, 1][..], &[0, 2, 1], &[0, 1, 3]] {
            assert_eq!(tags(starts, &[1, 0]).unwrap_err().code, Code::Internal);
        }
    }
}
