//! What an autoencoder's network looks like: how its inputs are laid out, how its outputs are, and where each parameter is.

use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, Rng};
use crate::dataset::encode::Field;
use crate::nn::Tower;
use std::ops::Range;

/// The place in an embedding's table of a missing value is behind those of all others; this many more rows than places.
const MISSING: usize = 1;
/// No embedding is wider.
const WIDEST: f64 = 64.0;

/// A category's embedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// Rows of the table, the last for missing values.
    pub places: usize,
    /// Numbers of a row.
    pub width: usize,
    /// Where the table lies in the parameters.
    pub table: Range<usize>,
    /// Where the embedding lies in the network's input.
    pub input: Range<usize>,
}

/// An input column's part of the network's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Numbers, held against those of the row at `of`.
    Numbers {
        /// In the output.
        at: Range<usize>,
        /// In the coded row.
        of: Range<usize>,
    },
    /// Logits of a category's values, the last of all others.
    Category {
        /// In the output.
        at: Range<usize>,
        /// Which category of the coded row.
        category: usize,
    },
}

/// The whole network.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Numbers of a coded row.
    pub numbers: usize,
    /// One a category.
    pub embeddings: Vec<Embedding>,
    /// One an input column.
    pub outputs: Vec<Output>,
    /// For each input column of numbers, its place in the network's input that says that it is missing.
    pub flags: Vec<Option<usize>>,
    /// From the input to the code; twice as wide at its end when the code is drawn from a normal.
    pub encoder: Tower,
    /// From the code to the output.
    pub decoder: Tower,
    /// Numbers of a code.
    pub width: usize,
}

impl Shape {
    /// For coded rows of `fields`, with `hidden` layers on the way to `width` numbers and the same, reversed, on the way back.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] for a network that fits no memory.
    pub fn new(fields: &[Field], hidden: &[usize], width: usize, variational: bool) -> Result<Self> {
        let numbers = fields.iter().map(|f| if let Field::Numbers(r) = f { r.end } else { 0 }).max().unwrap_or(0);
        let mut input = numbers;
        let mut flag = || {
            input += 1;
            input - 1
        };
        let flags = fields.iter().map(|f| matches!(f, Field::Numbers(_)).then(&mut flag)).collect();
        let (mut embeddings, mut outputs, mut table, mut out) = (Vec::new(), Vec::with_capacity(fields.len()), 0usize, 0usize);
        for f in fields {
            let n = match f {
                Field::Numbers(of) => {
                    outputs.push(Output::Numbers { at: out..out + of.len(), of: of.clone() });
                    of.len()
                }
                Field::Category { at, levels, places } => {
                    let (places, width) = (places + MISSING, embedding_width(*places));
                    embeddings.push(Embedding { places, width, table: table..table + places * width, input: input..input + width });
                    table += places * width;
                    input += width;
                    outputs.push(Output::Category { at: out..out + levels + 1, category: *at });
                    levels + 1
                }
            };
            out += n;
        }
        let code = if variational { 2 * width } else { width };
        let down: Vec<usize> = [input].into_iter().chain(hidden.iter().copied()).chain([code]).collect();
        let up: Vec<usize> = [width].into_iter().chain(hidden.iter().rev().copied()).chain([out]).collect();
        let encoder = Tower::new(&down, table)?;
        let decoder = Tower::new(&up, encoder.end())?;
        if decoder.end() > usize::MAX / 64 {
            return Err(Error::new(Code::OutOfMemory, "the network is too large").hint("Use smaller layers."));
        }
        Ok(Self { numbers, embeddings, outputs, flags, encoder, decoder, width })
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.decoder.end()
    }

    /// Numbers of the network's input.
    pub fn inputs(&self) -> usize {
        self.encoder.inputs()
    }

    /// Numbers of the network's output.
    pub fn outputs(&self) -> usize {
        self.decoder.outputs()
    }

    /// Whether the code is drawn from a normal whose mean and spread the encoder gives.
    pub fn variational(&self) -> bool {
        self.encoder.outputs() != self.width
    }

    /// Small normal embeddings, and the towers' own beginning.
    pub fn init(&self, params: &mut [f32], rng: &mut Rng) {
        for e in &self.embeddings {
            params[e.table.clone()].iter_mut().for_each(|x| *x = 0.3 * rng.normal().single());
        }
        self.encoder.init(params, rng);
        self.decoder.init(params, rng);
    }

    /// The parameters as tensors: name, shape, place.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, Range<usize>)> {
        let mut out = Vec::new();
        for (i, e) in self.embeddings.iter().enumerate() {
            out.push((format!("embedding{}", i + 1), vec![e.places, e.width], e.table.clone()));
        }
        for (name, tower) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            for (i, l) in tower.layers().iter().enumerate() {
                let part = |what: &str| format!("{name}{}.{what}", i + 1);
                out.push((part("weight"), vec![l.inputs, l.outputs], l.weight.clone()));
                out.push((part("bias"), vec![l.outputs], l.bias.clone()));
                if let Some([gain, shift]) = &l.norm {
                    out.push((part("gain"), vec![l.outputs], gain.clone()));
                    out.push((part("shift"), vec![l.outputs], shift.clone()));
                }
            }
        }
        out
    }
}

/// Wide enough to tell the values apart, and no wider than is learned from few rows each.
fn embedding_width(places: usize) -> usize {
    (1.6 * (places as f64).powf(0.56)).round().clamp(2.0, WIDEST) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_outputs_lie_side_by_side() {
        let fields = [
            Field::Numbers(0..1),
            Field::Category { at: 0, levels: 3, places: 4 },
            Field::Numbers(1..3),
            Field::Category { at: 1, levels: 9, places: 30 },
        ];
        let s = Shape::new(&fields, &[8, 6], 2, false).unwrap();
        // three numbers, a flag for each of the two columns of numbers, the embeddings
        assert_eq!((s.numbers, &s.flags[..]), (3, &[Some(3), None, Some(4), None][..]));
        assert_eq!(s.embeddings[0].input.start, 5);
        assert_eq!(s.inputs(), s.embeddings[1].input.end);
        assert_eq!((s.embeddings[0].places, s.embeddings[1].places), (5, 31));
        assert_eq!(s.outputs(), 1 + 4 + 2 + 10);
        assert_eq!(s.outputs[3], Output::Category { at: 7..17, category: 1 });
        assert_eq!(s.encoder.layers().iter().map(|l| l.outputs).collect::<Vec<_>>(), [8, 6, 2]);
        assert_eq!(s.decoder.layers().iter().map(|l| l.outputs).collect::<Vec<_>>(), [6, 8, 17]);
        // every parameter is in one tensor
        let mut places: Vec<_> = s.tensors().into_iter().map(|t| t.2).collect();
        places.sort_by_key(|r| r.start);
        assert!(places.windows(2).all(|w| w[0].end == w[1].start) && places[0].start == 0);
        assert_eq!(places.last().unwrap().end, s.parameters());
        assert!(s.tensors().iter().all(|(_, shape, place)| shape.iter().product::<usize>() == place.len()));
        assert!(!s.variational() && Shape::new(&fields, &[], 2, true).unwrap().variational());
    }
}
