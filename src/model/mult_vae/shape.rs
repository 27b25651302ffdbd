//! The layers of a Mult-VAE in one flat vector.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, Rng};
use crate::nn::start;

/// The sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Items of the vocabulary.
    pub items: usize,
    /// Width of the two hidden layers.
    pub hidden: usize,
    /// Width of the bottleneck.
    pub latent: usize,
}

/// Something for each layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layers<T> {
    /// Items × hidden: the first layer, a row an item.
    pub input: T,
    /// Hidden.
    pub input_bias: T,
    /// Hidden × (2 · latent): means, then logarithms of variances.
    pub encode: T,
    /// 2 · latent.
    pub encode_bias: T,
    /// Latent × hidden.
    pub decode: T,
    /// Hidden.
    pub decode_bias: T,
    /// Items × hidden: the last layer, a row an item.
    pub output: T,
    /// Items.
    pub output_bias: T,
}

impl Shape {
    /// How many numbers each layer has.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when their sum does not fit the address space.
    pub fn sizes(&self) -> Result<Layers<usize>> {
        let Self { items, hidden, latent } = *self;
        let product = |a: usize, b: usize| a.checked_mul(b).filter(|n| *n < usize::MAX / 256);
        let all = || {
            Some(Layers {
                input: product(items, hidden)?,
                input_bias: hidden,
                encode: product(hidden, latent.checked_mul(2)?)?,
                encode_bias: 2 * latent,
                decode: product(latent, hidden)?,
                decode_bias: hidden,
                output: product(items, hidden)?,
                output_bias: items,
            })
        };
        all().ok_or_else(|| {
            Error::new(Code::OutOfMemory, "the network is too large")
                .detail(format!("{items} items × {hidden} hidden × {latent} latent numbers do not fit any memory."))
                .hint("Use smaller values of hidden and latent.")
        })
    }

    /// How many numbers all layers have.
    ///
    /// # Errors
    /// As [`Shape::sizes`].
    pub fn parameters(&self) -> Result<usize> {
        self.sizes().map(|s| s.list().iter().sum())
    }

    /// The layers of a flat vector of [`Shape::parameters`] numbers; panics on fewer.
    pub fn split<'a>(&self, sizes: &Layers<usize>, all: &'a [f32]) -> Layers<&'a [f32]> {
        let mut rest = all;
        sizes.map(|n| {
            let (own, after) = rest.split_at(n);
            rest = after;
            own
        })
    }

    /// The same to change.
    pub fn split_mut<'a>(&self, sizes: &Layers<usize>, all: &'a mut [f32]) -> Layers<&'a mut [f32]> {
        let mut rest = all;
        sizes.map(|n| {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(n);
            rest = after;
            own
        })
    }

    /// Weights uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010), biases 0.
    pub fn init(&self, sizes: &Layers<usize>, all: &mut [f32], rng: &mut Rng) {
        let Self { items, hidden, latent } = *self;
        let layers = self.split_mut(sizes, all);
        for (layer, ends) in [
            (layers.input, items + hidden),
            (layers.encode, hidden + 2 * latent),
            (layers.decode, latent + hidden),
            (layers.output, hidden + items),
        ] {
            let bound = (6.0 / ends.max(1).real()).sqrt().single();
            start::uniform(layer, bound, rng);
        }
    }
}

impl Layers<usize> {
    /// The sizes in the order of the flat vector.
    pub fn list(&self) -> [usize; 8] {
        [self.input, self.input_bias, self.encode, self.encode_bias, self.decode, self.decode_bias, self.output, self.output_bias]
    }

    /// Calls `f` for each, in the order of the flat vector.
    fn map<T>(&self, mut f: impl FnMut(usize) -> T) -> Layers<T> {
        Layers {
            input: f(self.input),
            input_bias: f(self.input_bias),
            encode: f(self.encode),
            encode_bias: f(self.encode_bias),
            decode: f(self.decode),
            decode_bias: f(self.decode_bias),
            output: f(self.output),
            output_bias: f(self.output_bias),
        }
    }
}
