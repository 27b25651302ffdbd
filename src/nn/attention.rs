//! Causal self-attention (Vaswani et al. 2017, equation 1) over sequences that lie one after another: each row looks at those of its own
//! sequence up to itself. No row is padding.
//!
//! Sequences of shops are short (Amazon Beauty: 8 events on average), so that the products of a head are taken row by row: there is no
//! matrix of all pairs, and no mask.

use crate::base::number::AsReal;
use crate::base::{Result, zeros};
use crate::kernel::{axpy, dot, softmax};
use crate::nn::dropout::{Dropout, drop_out};
use std::ops::Range;

/// Attention with `heads` heads over rows of `width` numbers, which they share evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// Numbers of a row: a multiple of `heads`.
    pub width: usize,
    /// Heads, each with its own weights of the rows.
    pub heads: usize,
}

/// What the way back needs: of each row and head the weights of the rows up to it, as they were and after dropout.
#[derive(Debug, Default)]
pub struct Weights {
    /// Before dropout, sequence by sequence and head by head, row after row.
    plain: Vec<f32>,
    /// After it, where there was any.
    dropped: Vec<f32>,
    was_dropped: bool,
    /// Of a row, by the row that it looks at.
    deltas: Vec<f32>,
    mask: Vec<f32>,
}

impl Weights {
    /// Room for sequences that have `pairs` pairs of a row and one up to it, of all heads, the longest of `longest` rows.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(pairs: usize, longest: usize, dropout: bool) -> Result<Self> {
        let dropped = if dropout { pairs } else { 0 };
        Ok(Self { plain: zeros(pairs)?, dropped: zeros(dropped)?, was_dropped: false, deltas: zeros(longest)?, mask: zeros(dropped)? })
    }
}

impl Attention {
    fn scale(&self) -> f32 {
        1.0 / (self.width / self.heads.max(1)).single().sqrt()
    }

    /// `out` (rows × width) ← for each row the mean of the values of its sequence's rows up to it, by softmax(query · key / √(width of a
    /// head)). `x` has a row's query, key and value one after another (rows × 3 · width). `dropout`: the share of weights that sit out.
    pub fn forward(&self, x: &[f32], sequences: &[Range<usize>], w: &mut Weights, dropout: Option<&mut Dropout>, out: &mut [f32]) {
        let (width, each, scale) = (self.width, self.width / self.heads, self.scale());
        let mut at = 0;
        for s in sequences {
            for head in 0..self.heads {
                for i in s.clone() {
                    let query = &x[i * 3 * width + head * each..][..each];
                    let row = &mut w.plain[at..at + i - s.start + 1];
                    at += row.len();
                    for (j, weight) in (s.start..).zip(row.iter_mut()) {
                        *weight = scale * dot(query, &x[(3 * j + 1) * width + head * each..][..each]);
                    }
                    softmax(row);
                }
            }
        }
        w.was_dropped = dropout.is_some();
        if let Some(d) = dropout {
            w.dropped[..at].copy_from_slice(&w.plain[..at]);
            drop_out(&mut w.dropped[..at], &mut w.mask[..at], d.rate, &mut d.rng);
        }
        let weights = if w.was_dropped { &w.dropped } else { &w.plain };
        out.fill(0.0);
        let mut at = 0;
        for s in sequences {
            for head in 0..self.heads {
                for i in s.clone() {
                    let out = &mut out[i * width + head * each..][..each];
                    for j in s.start..=i {
                        axpy(weights[at], &x[(3 * j + 2) * width + head * each..][..each], out);
                        at += 1;
                    }
                }
            }
        }
    }

    /// The way back after [`Attention::forward`] of the same: `back` (rows × 3 · width) ← the gradient by `x`, of that by its result.
    pub fn backward(&self, x: &[f32], sequences: &[Range<usize>], w: &mut Weights, delta: &[f32], back: &mut [f32]) {
        let (width, each, scale) = (self.width, self.width / self.heads, self.scale());
        back.fill(0.0);
        let mut at = 0;
        for s in sequences {
            for head in 0..self.heads {
                for i in s.clone() {
                    let n = i - s.start + 1;
                    let (plain, deltas) = (&w.plain[at..at + n], &mut w.deltas[..n]);
                    let delta = &delta[i * width + head * each..][..each];
                    for (j, d) in (s.start..).zip(deltas.iter_mut()) {
                        let place = (3 * j + 2) * width + head * each;
                        *d = dot(delta, &x[place..][..each]);
                        let weight = if w.was_dropped { w.dropped[at + j - s.start] } else { plain[j - s.start] };
                        axpy(weight, delta, &mut back[place..][..each]);
                    }
                    if w.was_dropped {
                        deltas.iter_mut().zip(&w.mask[at..]).for_each(|(d, m)| *d *= m);
                    }
                    let mean = dot(deltas, plain);
                    for (j, (d, weight)) in (s.start..).zip(deltas.iter().zip(plain)) {
                        let by = scale * weight * (d - mean);
                        let (query, key) = (3 * i * width + head * each, (3 * j + 1) * width + head * each);
                        axpy(by, &x[key..][..each], &mut back[query..][..each]);
                        axpy(by, &x[query..][..each], &mut back[key..][..each]);
                    }
                    at += n;
                }
            }
        }
    }
}
