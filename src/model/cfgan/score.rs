//! Scores from a history, and the tensors of a CFGAN.

use crate::base::number::AsIndex;
use crate::base::{Numbers, Result, Shared, Tensor};
use crate::dataset::Event;
use crate::kernel::tanh;
use crate::model::cfgan::Cfgan;
use crate::model::fading::fading;
use crate::model::item_rows::{ItemRows, cosines};
use crate::model::mult_vae::score::inputs;
use crate::model::network_tensors::{Stored, recency};
use half::f16;
use serde_json::{Map, Value};

/// The layers of a generator, to score with: those of a fitted one, or of one that still learns.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    pub input: ItemRows<'a>,
    pub input_bias: &'a [f32],
    pub output: ItemRows<'a>,
    pub output_bias: &'a [f32],
}

impl Layers<'_> {
    /// A history goes through the generator: `out` gets the logit of every item. An event counts its weight · exp(−events since /
    /// `recency`); an item counts once. False for an empty history.
    pub fn score(&self, history: &[Event], recency: f32, out: &mut [f32]) -> bool {
        let Some(inputs) = inputs(history, recency) else { return false };
        let (mut hidden, mut buffer) = (self.input_bias.to_vec(), vec![0.0; self.input_bias.len()]);
        inputs.iter().for_each(|(item, x)| self.input.add(item.index(), *x, &mut buffer, &mut hidden));
        tanh(&mut hidden);
        self.output.scores(&hidden, self.output_bias, out);
        true
    }
}

impl Cfgan {
    /// The logit of every item for a history, oldest event first. False when it is empty.
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        let layers = Layers {
            input: ItemRows::Half(&self.input),
            input_bias: &self.input_bias,
            output: ItemRows::Half(&self.output),
            output_bias: &self.output_bias,
        };
        layers.score(history, self.recency, out)
    }

    /// The cosine of every item's row of the last layer with that of `item`. False where that is 0.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        cosines(&self.output, self.width, item, out)
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let (items, width) = (self.output_bias.len(), self.width);
        let half = |name: &str, v: &Shared<f16>| Tensor { name: name.into(), shape: vec![items, width], numbers: Numbers::F16(v.clone()) };
        vec![
            half("input.weight", &self.input),
            Tensor::f32("input.bias", [width], self.input_bias.clone()),
            half("output.weight", &self.output),
            Tensor::f32("output.bias", [items], self.output_bias.clone()),
        ]
    }

    /// Back from [`Cfgan::to_tensors`], which may be hostile; `given` are the stored parameters, the chosen ones filled in.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        let stored = Stored { model: "CFGAN", tensors };
        let width = given.get("hidden").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let Some(width) = width.filter(|w| *w > 0) else { return Err(stored.damaged("has no width")) };
        Ok(Self {
            width,
            input: stored.half("input.weight", &[items, width])?,
            input_bias: stored.single("input.bias", &[width])?,
            output: stored.half("output.weight", &[items, width])?,
            output_bias: stored.single("output.bias", &[items])?,
            recency: recency(given),
        })
    }
}

fading!(Cfgan {});
