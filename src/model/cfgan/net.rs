//! The parameters of one of the two networks: its layers in one flat vector, and the optimiser's moments of each.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, Rng};
use crate::kernel::AdamStep;
use crate::nn::{Adam, AdamSpec};

/// `N` layers and biases.
#[derive(Debug)]
pub struct Net<const N: usize> {
    sizes: [usize; N],
    /// All layers, one behind the other.
    pub weights: Vec<f32>,
    adam: Adam,
}

impl<const N: usize> Net<N> {
    /// Layers of `sizes` numbers. Each is uniform in ± its bound of `bounds`.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn new(sizes: [usize; N], bounds: [f32; N], spec: AdamSpec, rng: &mut Rng) -> Result<Self> {
        let mut weights = crate::base::zeros(sizes.iter().sum())?;
        for (layer, bound) in split_mut(sizes, &mut weights).into_iter().zip(bounds) {
            if bound > 0.0 {
                layer.iter_mut().for_each(|w| *w = (2.0 * rng.uniform_f32() - 1.0) * bound);
            }
        }
        let adam = Adam::new(spec, weights.len())?;
        Ok(Self { sizes, weights, adam })
    }

    /// The layers.
    pub fn layers(&self) -> [&[f32]; N] {
        split(self.sizes, &self.weights)
    }

    /// Begins a step whose gradients are to be multiplied by `scale`: its figures, and of each layer the weights and both moments.
    pub fn begin(&mut self, scale: f32) -> (AdamStep, [[&mut [f32]; 3]; N]) {
        let step = self.adam.begin(scale);
        let (first, second) = self.adam.moments();
        let mut w = split_mut(self.sizes, &mut self.weights);
        let (mut m, mut v) = (split_mut(self.sizes, first), split_mut(self.sizes, second));
        (step, std::array::from_fn(|i| [&mut w[i], &mut m[i], &mut v[i]].map(std::mem::take)))
    }
}

/// The parts of `all`, which has as many numbers as all `sizes` together.
pub fn split<const N: usize>(sizes: [usize; N], all: &[f32]) -> [&[f32]; N] {
    let mut rest = all;
    sizes.map(|n| {
        let (own, after) = rest.split_at(n);
        rest = after;
        own
    })
}

fn split_mut<const N: usize>(sizes: [usize; N], all: &mut [f32]) -> [&mut [f32]; N] {
    let mut rest = all;
    sizes.map(|n| {
        let (own, after) = std::mem::take(&mut rest).split_at_mut(n);
        rest = after;
        own
    })
}

/// The bound of Glorot & Bengio (2010) for a layer with as many ends.
pub fn glorot(ends: usize) -> f32 {
    (6.0 / ends.max(1).real()).sqrt().single()
}

/// The sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Items of the vocabulary.
    pub items: usize,
    /// Width of the generator's hidden layer.
    pub hidden: usize,
    /// Width of the discriminator's hidden layer.
    pub discriminator: usize,
}

impl Shape {
    /// How many numbers the generator's layers have: items × hidden, hidden, items × hidden, items.
    pub fn generator(&self) -> [usize; 4] {
        let wide = self.items * self.hidden;
        [wide, self.hidden, wide, self.items]
    }

    /// How many numbers the discriminator's layers have: items × its width for the purchases and again for the condition, its width as
    /// biases, its width, and one.
    pub fn discriminator(&self) -> [usize; 5] {
        let wide = self.items * self.discriminator;
        [wide, wide, self.discriminator, self.discriminator, 1]
    }

    /// How many numbers both networks have.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when they do not fit the address space.
    pub fn parameters(&self) -> Result<usize> {
        let Self { items, hidden, discriminator } = *self;
        let all = hidden.checked_add(discriminator).and_then(|n| n.checked_add(1)).and_then(|n| n.checked_mul(items.checked_add(1)?));
        let fits = all.and_then(|n| n.checked_mul(2)).is_some_and(|n| n < usize::MAX / 256);
        fits.then(|| self.generator().iter().chain(&self.discriminator()).sum()).ok_or_else(|| {
            Error::new(Code::OutOfMemory, "the network is too large")
                .detail(format!("{items} items × {hidden} and × {discriminator} numbers do not fit any memory."))
                .hint("Use smaller values of hidden and discriminator.")
        })
    }
}
