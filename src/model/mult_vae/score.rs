//! Scores from a history, and the tensors of a Mult-VAE.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Numbers, Result, Shared, Tensor};
use crate::dataset::Event;
use crate::kernel::{dense_row, tanh};
use crate::model::fading::fading;
use crate::model::item_rows::{ItemRows, cosines};
use crate::model::mult_vae::MultVae;
use crate::model::mult_vae::shape::Shape;
use crate::model::network_tensors::{Stored, recency};
use crate::model::products::{Folder, Products, longest};
use half::f16;
use serde_json::{Map, Value};

/// The layers of a Mult-VAE, to score with: those of a fitted one, or of one that still learns. `encode` is hidden × width, of which the
/// first `latent` columns are the means.
#[derive(Debug, Clone, Copy)]
pub struct Codec<'a> {
    pub shape: Shape,
    pub input: ItemRows<'a>,
    pub input_bias: &'a [f32],
    pub encode: &'a [f32],
    pub encode_bias: &'a [f32],
    pub decode: &'a [f32],
    pub decode_bias: &'a [f32],
    pub output: ItemRows<'a>,
    pub output_bias: &'a [f32],
}

/// What the first layer sees of a history: its items, each once, in a vector of length 1. An event counts its weight · exp(−events since /
/// `recency`). None where nothing counts.
pub fn inputs(history: &[Event], recency: f32) -> Option<Vec<(u32, f32)>> {
    let ages = history.iter().rev().enumerate();
    let weights = ages.map(|(age, e)| (e.item, e.weight * (-age.single() / recency).exp()));
    let mut inputs: Vec<(u32, f32)> = weights.filter(|x| x.1 > 0.0).collect();
    inputs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    inputs.dedup_by_key(|x| x.0);
    let length = inputs.iter().map(|x| x.1 * x.1).sum::<f32>().sqrt();
    inputs.iter_mut().for_each(|x| x.1 /= length);
    (length > 0.0 && length.is_finite()).then_some(inputs)
}

impl Codec<'_> {
    /// The code of a history (its means; see [`inputs`]) goes back through the decoder, but for its last layer: `out` gets what that is
    /// multiplied with. False for an empty history.
    fn before_last(&self, history: &[Event], recency: f32, out: &mut [f32]) -> bool {
        let Some(inputs) = inputs(history, recency) else { return false };
        let mut first = self.input_bias.to_vec();
        inputs.iter().for_each(|(item, x)| self.input.add(item.index(), *x, out, &mut first));
        tanh(&mut first);
        let mut code = vec![0.0; self.encode_bias.len()];
        dense_row(&first, self.encode, self.encode_bias, &mut code, false);
        dense_row(&code[..self.shape.latent], self.decode, self.decode_bias, out, false);
        tanh(out);
        true
    }

    /// The code of a history goes back through the decoder: `out` gets the logit of every item. False for an empty history.
    pub fn score(&self, history: &[Event], recency: f32, out: &mut [f32]) -> bool {
        let mut buffer = vec![0.0; self.shape.hidden];
        if !self.before_last(history, recency, &mut buffer) {
            return false;
        }
        self.output.scores(&buffer, self.output_bias, out);
        true
    }
}

impl MultVae {
    fn codec(&self) -> Codec<'_> {
        Codec {
            shape: self.shape,
            input: ItemRows::Half(&self.input),
            input_bias: &self.input_bias,
            encode: &self.encode,
            encode_bias: &self.encode_bias,
            decode: &self.decode,
            decode_bias: &self.decode_bias,
            output: ItemRows::Half(&self.output),
            output_bias: &self.output_bias,
        }
    }

    /// The logit of every item for a history, oldest event first. False when it is empty.
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        self.codec().score(history, self.recency, out)
    }

    /// The cosine of every item's row of the last layer with that of `item`. False where that is 0.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        cosines(&self.output, self.shape.hidden, item, out)
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let Shape { items, hidden, latent } = self.shape;
        let half = |name: &str, v: &Shared<f16>| Tensor { name: name.into(), shape: vec![items, hidden], numbers: Numbers::F16(v.clone()) };
        vec![
            half("input.weight", &self.input),
            Tensor::f32("input.bias", [hidden], self.input_bias.clone()),
            Tensor::f32("encode.weight", [hidden, latent], self.encode.clone()),
            Tensor::f32("encode.bias", [latent], self.encode_bias.clone()),
            Tensor::f32("decode.weight", [latent, hidden], self.decode.clone()),
            Tensor::f32("decode.bias", [hidden], self.decode_bias.clone()),
            half("output.weight", &self.output),
            Tensor::f32("output.bias", [items], self.output_bias.clone()),
        ]
    }

    /// Back from [`MultVae::to_tensors`], which may be hostile; `given` are the stored parameters, the chosen ones filled in.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        let stored = Stored { model: "Mult-VAE", tensors };
        let width = |name: &str| given.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let (Some(hidden), Some(latent)) = (width("hidden"), width("latent")) else {
            return Err(stored.damaged("has no widths"));
        };
        Ok(Self {
            shape: Shape { items, hidden, latent },
            input: stored.half("input.weight", &[items, hidden])?,
            input_bias: stored.single("input.bias", &[hidden])?,
            encode: stored.single("encode.weight", &[hidden, latent])?,
            encode_bias: stored.single("encode.bias", &[latent])?,
            decode: stored.single("decode.weight", &[latent, hidden])?,
            decode_bias: stored.single("decode.bias", &[hidden])?,
            output: stored.half("output.weight", &[items, hidden])?,
            output_bias: stored.single("output.bias", &[items])?,
            recency: recency(given),
        })
    }
}

/// Users' vectors: what the last layer is multiplied with.
struct Encoder<'m>(&'m MultVae);

impl Folder for Encoder<'_> {
    fn user(&mut self, history: &[Event], out: &mut [f32]) -> bool {
        self.0.codec().before_last(history, self.0.recency, out)
    }
}

fading!(MultVae {
    fn products(&self) -> Option<Products<'_>> {
        let (vectors, width) = (&self.output[..], self.shape.hidden);
        Some(Products { vectors, width, bias: Some(&self.output_bias), longest: longest(vectors, width) })
    }

    fn folder(&self) -> Option<Box<dyn Folder + '_>> {
        Some(Box::new(Encoder(self)))
    }
});
