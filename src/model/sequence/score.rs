//! Scores from a history, and the tensors of a sequence network.

use crate::base::interrupts::{self, STEPS};
use crate::base::number::AsIndex;
use crate::base::{Code, Error, Numbers, Result, Tensor, params, zeros};
use crate::dataset::Event;
use crate::kernel::{axpy, from_f16};
use crate::model::item_rows::{ItemRows, cosines};
use crate::model::network_tensors::{Stored, halves};
use crate::model::products::{Folder, Products, longest};
use crate::model::recommender::ItemScorer;
use crate::model::sequence::catalogue::Catalogue;
use crate::model::sequence::encoder::Encoder;
use crate::model::sequence::inputs::Inputs;
use crate::model::sequence::layout::Layout;
use crate::model::sequence::{Params, SPECS, Sequence};
use serde_json::{Map, Value};

/// A network to score with: a fitted one, or one that still learns.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    pub inputs: &'a Inputs,
    pub encoder: &'a Encoder,
    pub width: usize,
    /// A row an item, its attributes' among it.
    pub items: ItemRows<'a>,
    pub bias: &'a [f32],
    pub tables: &'a [f32],
    pub weights: &'a [f32],
}

impl Reader<'_> {
    /// What the items' rows are multiplied with: the last row that comes out for the latest events. False for an empty history.
    fn state(&self, history: &[Event], out: &mut [f32]) -> bool {
        let width = self.width;
        let latest = &history[history.len().saturating_sub(self.inputs.length)..];
        let n = latest.len();
        let Ok(mut work) = self.encoder.work(n, n, false) else { return false };
        if n == 0 {
            return false;
        }
        let (mut x, mut row) = (vec![0.0; n * width], vec![0.0; width]);
        for (i, (x, e)) in x.chunks_exact_mut(width).zip(latest).enumerate() {
            self.items.add(e.item.index(), 1.0, &mut row, x);
            let before = i.checked_sub(1).map(|b| &latest[b]);
            self.inputs.rows_of(e, before, n - 1 - i, |row| axpy(1.0, &self.tables[row * width..][..width], x));
        }
        let rows = self.encoder.forward(self.weights, &x, std::slice::from_ref(&(0..n)), &mut work, None);
        out.copy_from_slice(&rows[(n - 1) * width..]);
        true
    }

    /// The score of every item for a history, oldest event first. False where it is empty.
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        let mut state = vec![0.0; self.width];
        if !self.state(history, &mut state) {
            return false;
        }
        self.items.scores(&state, self.bias, out);
        true
    }
}

/// The rows and biases of the items, their attributes' among them.
///
/// # Errors
/// [`Code::OutOfMemory`].
pub fn folded(catalogue: &Catalogue<'_>, width: usize, rows: &[f32], bias: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
    let (mut all, mut biases) = (zeros(catalogue.items() * width)?, zeros(catalogue.items())?);
    for (item, (row, own)) in (0..).zip(all.chunks_exact_mut(width).zip(biases.chunks_exact_mut(1))) {
        if item % STEPS as u32 == 0 {
            interrupts::check();
        }
        catalogue.gather(rows, item, row);
        catalogue.gather(bias, item, own);
    }
    Ok((all, biases))
}

/// Users' vectors.
struct States<'m>(Reader<'m>);

impl Folder for States<'_> {
    fn user(&mut self, history: &[Event], out: &mut [f32]) -> bool {
        self.0.state(history, out)
    }
}

impl Sequence {
    /// The network that these parameters of `layout` are.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn new(layout: Layout, catalogue: &Catalogue<'_>, params: &[f32]) -> Result<Self> {
        let l = layout.split(params);
        let (rows, bias) = folded(catalogue, layout.width, l.rows, l.bias)?;
        let (tables, weights) = (l.tables.to_vec().into(), l.encoder.to_vec().into());
        let Layout { width, inputs, encoder, .. } = layout;
        let attributes = catalogue.rows() > catalogue.items();
        Ok(Self { width, attributes, inputs, encoder, items: halves(&rows)?, bias: bias.into(), tables, weights })
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            inputs: &self.inputs,
            encoder: &self.encoder,
            width: self.width,
            items: ItemRows::Half(&self.items),
            bias: &self.bias,
            tables: &self.tables,
            weights: &self.weights,
        }
    }

    /// Back from its tensors, which may be hostile; `given` are the stored parameters.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        let stored = Stored { model: "sequence network", tensors };
        let sound = SPECS.iter().all(|s| given.get(s.name).is_some_and(|v| s.check(v).is_ok()));
        let p: Params = params::typed(given).ok().filter(|_| sound).ok_or_else(|| stored.damaged("has no sizes"))?;
        if !p.width.is_multiple_of(p.heads) {
            return Err(stored.damaged("has heads that do not share its rows"));
        }
        let inputs = tensors.iter().find(|t| t.name == "input.codes").and_then(|t| match &t.numbers {
            Numbers::I64(codes) => codes.split_first().and_then(|(a, codes)| Some((*a == 1, Inputs::from_numbers(p.length, codes)?))),
            _ => None,
        });
        let (attributes, inputs) = inputs.ok_or_else(|| stored.damaged("has inputs that are none"))?;
        let too_large = |e: Error| if e.code == Code::OutOfMemory { stored.damaged("is too large") } else { e };
        let layout = p.layout(items, inputs).map_err(too_large)?;
        let tables = stored.single("input.row", &[layout.inputs.rows(), layout.width])?;
        let weights = stored.single("encoder.weight", &[layout.encoder.parameters()])?;
        let (items, bias) = (stored.half("item.row", &[items, layout.width])?, stored.single("item.bias", &[items])?);
        let Layout { width, inputs, encoder, .. } = layout;
        Ok(Self { width, attributes, inputs, encoder, items, bias, tables, weights })
    }
}

impl ItemScorer for Sequence {
    fn to_tensors(&self) -> Vec<Tensor> {
        let codes: Vec<i64> = std::iter::once(i64::from(self.attributes)).chain(self.inputs.to_numbers()).collect();
        vec![
            Tensor { name: "item.row".into(), shape: vec![self.bias.len(), self.width], numbers: Numbers::F16(self.items.clone()) },
            Tensor::f32("item.bias", [self.bias.len()], self.bias.clone()),
            Tensor { name: "input.codes".into(), shape: vec![codes.len()], numbers: Numbers::I64(codes.into()) },
            Tensor::f32("input.row", [self.inputs.rows(), self.width], self.tables.clone()),
            Tensor::f32("encoder.weight", [self.weights.len()], self.weights.clone()),
        ]
    }

    fn score(&self, history: &[Event], _: i64, out: &mut [f32]) -> bool {
        self.reader().score(history, out)
    }

    fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        Ok(cosines(&self.items, self.width, item, out))
    }

    /// Its row, and its bias, which the 1 at the end of a user's vector is for.
    fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        let mut row = vec![0.0; self.width];
        from_f16(&self.items[item.index() * self.width..][..self.width], &mut row);
        row.push(self.bias[item.index()]);
        Ok(Some(row))
    }

    fn user_vector(&self, history: &[Event]) -> Result<Option<Vec<f32>>> {
        let mut state = vec![0.0; self.width];
        let known = self.reader().state(history, &mut state);
        state.push(1.0);
        Ok(known.then_some(state))
    }

    fn uses_attributes(&self) -> bool {
        self.attributes
    }

    fn uses_context(&self) -> bool {
        !self.inputs.context.is_empty()
    }

    fn products(&self) -> Option<Products<'_>> {
        let (vectors, width) = (&self.items[..], self.width);
        Some(Products { vectors, width, bias: Some(&self.bias), longest: longest(vectors, width) })
    }

    fn folder(&self) -> Option<Box<dyn Folder + '_>> {
        Some(Box::new(States(self.reader())))
    }
}
