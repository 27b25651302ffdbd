//! Gated recurrence (GRU; Cho et al. 2014, in the form whose reset gate comes after the product), of shop events Hidasi et al. 2016
//! ("GRU4Rec"): z = σ(x·Wz + h·Uz), r = σ(x·Wr + h·Ur), n = tanh(x·Wn + r ∘ (h·Un)), h' = (1 − z) ∘ n + z ∘ h, each with a bias.
//!
//! What rows need of their own is one product of all; what they need of the row before is a product of those of one place in all sequences,
//! the longest first, so that those that still go on lie side by side.

use crate::base::{Result, Rng, zeros};
use crate::kernel::{sigmoid, tanh};
use crate::nn::affine::{Linear, Places};
use crate::nn::dropout::Dropout;
use crate::nn::layer::{Layer, Pass};
use std::ops::Range;

/// The layout.
#[derive(Debug, Clone)]
pub struct Recurrence {
    width: usize,
    input: Linear,
    hidden: Linear,
}

#[derive(Debug)]
struct Through {
    layer: Recurrence,
    /// Rows × 3 · width: z, r and n of each.
    gates: Vec<f32>,
    /// Rows × width: h·Un with its bias.
    shown: Vec<f32>,
    /// Rows × width: what came out.
    out: Vec<f32>,
    /// Of one place in all sequences: the rows before it, and their product.
    before: Vec<f32>,
    product: Vec<f32>,
    /// Rows × 3 · width: gradients by what the row's own product gave, and by that of the row before.
    by_input: Vec<f32>,
    by_hidden: Vec<f32>,
    /// Gradients by the rows before, of the sequences that still go on.
    carried: Vec<f32>,
}

impl Recurrence {
    /// Over rows of `width` numbers; its parameters lie at the next of `places`.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn new(width: usize, places: &mut Places) -> Result<Self> {
        Ok(Self { width, input: Linear::new(width, 3 * width, places)?, hidden: Linear::new(width, 3 * width, places)? })
    }
}

impl Layer for Recurrence {
    fn init(&self, params: &mut [f32], rng: &mut Rng) {
        self.input.init(params, rng);
        self.hidden.init(params, rng);
    }

    fn room(&self, rows: usize, _longest: usize) -> usize {
        4 * 16 * rows * self.width
    }

    fn pass(&self, rows: usize, _longest: usize, training: bool) -> Result<Box<dyn Pass>> {
        let n = rows * self.width;
        let back = if training { n } else { 0 };
        Ok(Box::new(Through {
            layer: self.clone(),
            gates: zeros(3 * n)?,
            shown: zeros(n)?,
            out: zeros(n)?,
            before: zeros(n)?,
            product: zeros(3 * n)?,
            by_input: zeros(3 * back)?,
            by_hidden: zeros(3 * back)?,
            carried: zeros(back)?,
        }))
    }
}

/// The sequences, the longest first.
fn longest_first(sequences: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut order = sequences.to_vec();
    order.sort_by_key(|s| std::cmp::Reverse(s.len()));
    order
}

/// The rows at place `t` of those of `order` that have one.
fn rows_at(order: &[Range<usize>], t: usize) -> impl Iterator<Item = usize> + '_ {
    order.iter().take_while(move |s| t < s.len()).map(move |s| s.start + t)
}

impl Pass for Through {
    fn forward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], _: Option<&mut Dropout>, out: &mut [f32]) {
        let width = self.layer.width;
        self.layer.input.forward(params, x, &mut self.gates[..3 * x.len()]);
        let order = longest_first(sequences);
        for t in 0..order.first().map_or(0, Range::len) {
            let mut n = 0;
            for row in rows_at(&order, t) {
                let before = &mut self.before[n..n + width];
                if t == 0 {
                    before.fill(0.0);
                } else {
                    before.copy_from_slice(&self.out[(row - 1) * width..][..width]);
                }
                n += width;
            }
            self.layer.hidden.forward(params, &self.before[..n], &mut self.product[..3 * n]);
            let steps = rows_at(&order, t).zip(self.before[..n].chunks_exact(width).zip(self.product[..3 * n].chunks_exact(3 * width)));
            for (row, (before, product)) in steps {
                let (open, new) = self.gates[row * 3 * width..][..3 * width].split_at_mut(2 * width);
                open.iter_mut().zip(product).for_each(|(g, p)| *g += p);
                sigmoid(open);
                let (z, r) = open.split_at(width);
                self.shown[row * width..][..width].copy_from_slice(&product[2 * width..]);
                new.iter_mut().zip(r).zip(&product[2 * width..]).for_each(|((n, r), p)| *n += r * p);
                tanh(new);
                let out = &mut self.out[row * width..][..width];
                out.iter_mut().zip(z).zip(new.iter().zip(before)).for_each(|((o, z), (n, h))| *o = n + z * (h - n));
            }
        }
        out.copy_from_slice(&self.out[..x.len()]);
    }

    fn backward(&mut self, params: &[f32], x: &[f32], sequences: &[Range<usize>], delta: &[f32], gradient: &mut [f32], back: &mut [f32]) {
        let width = self.layer.width;
        let order = longest_first(sequences);
        self.carried.fill(0.0);
        for t in (0..order.first().map_or(0, Range::len)).rev() {
            let mut n = 0;
            for row in rows_at(&order, t) {
                let (gates, shown) = (&self.gates[row * 3 * width..][..3 * width], &self.shown[row * width..][..width]);
                let (by_input, by_hidden) = (&mut self.by_input[row * 3 * width..], &mut self.by_hidden[row * 3 * width..]);
                for j in 0..width {
                    let (z, r, new) = (gates[j], gates[width + j], gates[2 * width + j]);
                    let before = if t == 0 { 0.0 } else { self.out[(row - 1) * width + j] };
                    let by = delta[row * width + j] + self.carried[n + j];
                    let by_new = by * (1.0 - z) * (1.0 - new * new);
                    let by_z = by * (before - new) * z * (1.0 - z);
                    let by_r = by_new * shown[j] * r * (1.0 - r);
                    (by_input[j], by_input[width + j], by_input[2 * width + j]) = (by_z, by_r, by_new);
                    (by_hidden[j], by_hidden[width + j], by_hidden[2 * width + j]) = (by_z, by_r, by_new * r);
                    self.carried[n + j] = by * z;
                }
                self.product[3 * n..][..3 * width].copy_from_slice(&by_hidden[..3 * width]);
                n += width;
            }
            self.layer.hidden.back(params, &self.product[..3 * n], &mut self.before[..n]);
            self.carried[..n].iter_mut().zip(&self.before).for_each(|(c, b)| *c += b);
        }
        let n = x.len();
        let before = &mut self.before[..n];
        for s in sequences {
            before[s.start * width..][..width].fill(0.0);
            before[(s.start + 1) * width..s.end * width].copy_from_slice(&self.out[s.start * width..(s.end - 1) * width]);
        }
        self.layer.hidden.gradient(before, &self.by_hidden[..3 * n], gradient);
        self.layer.input.backward(params, x, &self.by_input[..3 * n], gradient, back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layer::tests::holds;

    #[test]
    fn it_keeps_what_a_layer_promises() {
        let mut places = Places::default();
        let layer = Recurrence::new(5, &mut places).unwrap();
        holds(&layer, places.taken(), [5, 5], 0.0);
    }
}
