//! A vector for each item, and a user's from the user's own events: what `als` and `bpr` learn, each in its own way, and score with alike.

mod best;
mod scorer;

use crate::base::number::{AsIndex, AsReal};
use crate::base::tensor::{find, laid};
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor};
use crate::dataset::Event;
use crate::kernel::{dot_f16, dots_f16, from_f16, sum_squares};
use crate::linalg::eigenbasis;
use crate::model::least_squares::LeastSquares;
use crate::model::network_tensors::{finite_halves, floats, halves};
use crate::model::products::{Folder, Products, longest};
use half::f16;
use serde_json::{Map, Value};

/// What a user's vector w is, from the vectors h of the user's items with weights c.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// The row of implicit ALS: least Σ c (1 − w·h)² + α Σ over all items (w·h)² + λ (Σ c + α · items)^ν |w|².
    Pointwise {
        /// α: what an item that was not chosen counts.
        unobserved: f32,
        /// λ.
        regularization: f32,
        /// ν: how far rows of many events are held back more.
        scaling: f32,
    },
    /// Least Σ c · mean over all items j of (1 − w·(h − h_j))², and ρ · Σ c · mean variance of the vectors · |w|².
    Pairwise {
        /// ρ.
        shrinkage: f32,
    },
}

impl Rule {
    /// The diagonal that [`LeastSquares::solve`] takes, into `out`: of a row with `sum` = Σ c beside `others` rows of the diagonal Gramian
    /// `spread`.
    pub fn diagonal(self, sum: f32, others: usize, spread: &[f32], out: &mut [f32]) {
        let (by, plus) = match self {
            Self::Pointwise { unobserved, regularization, scaling } => {
                (unobserved, regularization * (sum + unobserved * others.single()).powf(scaling))
            }
            Self::Pairwise { shrinkage } => {
                let each = sum / others.max(1).single();
                (each, each * shrinkage * spread.iter().sum::<f32>() / spread.len().max(1).single())
            }
        };
        out.iter_mut().zip(spread).for_each(|(d, s)| *d = (by * s + plus).max(1e-12));
    }

    fn centred(self) -> bool {
        matches!(self, Self::Pairwise { .. })
    }
}

/// The items' side.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    width: usize,
    rule: Rule,
    /// Items × width, in the basis where their Gramian (for [`Rule::Pairwise`] that around the mean) is a diagonal: the directions that
    /// tell most first. In 16 bits, as pgvector's halfvec has them.
    vectors: Shared<f16>,
    /// That diagonal.
    spread: Shared<f32>,
    /// The mean vector; 0 for [`Rule::Pointwise`].
    mean: Shared<f32>,
    /// The weight of an event that counts 1.
    heaviest: f32,
    /// The length of the longest vector.
    longest: f32,
    /// Events after which one of a history counts 1/e.
    pub recency: f32,
}

/// Users' vectors from their histories.
#[derive(Debug)]
pub struct FoldIn<'f> {
    model: &'f Factors,
    solver: LeastSquares,
    /// The items of a history, each once, with what it counts.
    inputs: Vec<(u32, f32)>,
    diagonal: Vec<f32>,
}

impl Folder for FoldIn<'_> {
    /// An item counts once, by the largest of its events' weights · exp(−events since / recency).
    fn user(&mut self, history: &[Event], out: &mut [f32]) -> bool {
        let model = self.model;
        let weight = |(age, e): (usize, &Event)| (e.item, (e.weight / model.heaviest).min(1.0) * (-age.single() / model.recency).exp());
        self.inputs.clear();
        self.inputs.extend(history.iter().rev().enumerate().map(weight).filter(|x| x.1 > 1e-6));
        self.inputs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        self.inputs.dedup_by_key(|x| x.0);
        for &(item, c) in &self.inputs {
            self.solver.add(c, |out| {
                from_f16(model.row(item), out);
                if model.rule.centred() {
                    out.iter_mut().zip(&model.mean).for_each(|(x, m)| *x -= m);
                }
            });
        }
        model.rule.diagonal(self.inputs.iter().map(|x| x.1).sum(), model.items(), &model.spread, &mut self.diagonal);
        self.solver.solve(&self.diagonal, out);
        out.iter().any(|x| *x != 0.0)
    }
}

impl Factors {
    /// From the items' vectors (items × `width`) in any basis. `heaviest` is the weight of an event that counts 1.
    ///
    /// # Errors
    /// [`Code::Cancelled`], [`Code::OutOfMemory`].
    pub fn new(mut vectors: Vec<f32>, width: usize, rule: Rule, heaviest: f32, recency: f32, ctx: &Context) -> Result<Self> {
        let mut mean = vec![0.0; width];
        if rule.centred() {
            let items = (vectors.len() / width).max(1).real();
            let mut sums = vec![0.0f64; width];
            for row in vectors.chunks_exact(width) {
                sums.iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(*x));
            }
            mean = sums.iter().map(|s| (s / items).single()).collect();
        }
        let spread = eigenbasis(&mut vectors, width, &mut mean, ctx)?;
        let small = halves(&vectors)?;
        let (spread, mean) = (spread.into(), mean.into());
        Ok(Self { width, rule, longest: longest(&small, width), vectors: small, spread, mean, heaviest, recency })
    }

    /// Writes these vectors into `items` (a fit's items × `width`, which have the `numbers` here), for the fit to begin from; false, and
    /// nothing is written, where they have another width.
    pub fn start(&self, numbers: &[Option<u32>], width: usize, items: &mut [f32]) -> bool {
        if self.width != width || numbers.len() * width != items.len() || numbers.iter().flatten().any(|i| i.index() >= self.items()) {
            return false;
        }
        for (row, own) in items.chunks_exact_mut(width).zip(numbers) {
            if let Some(own) = own {
                from_f16(self.row(*own), row)
            }
        }
        true
    }

    fn items(&self) -> usize {
        self.vectors.len() / self.width
    }

    fn row(&self, item: u32) -> &[f16] {
        &self.vectors[item.index() * self.width..][..self.width]
    }

    /// The vector of an item; none for one that training said nothing of.
    pub fn vector(&self, item: u32) -> Option<Vec<f32>> {
        let mut out = vec![0.0; self.width];
        from_f16(self.row(item), &mut out);
        out.iter().any(|x| *x != 0.0).then_some(out)
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vectors as what is multiplied with a user's.
    pub fn products(&self) -> Products<'_> {
        Products { vectors: &self.vectors, width: self.width, bias: None, longest: self.longest }
    }

    /// What makes users' vectors.
    pub fn folder(&self) -> FoldIn<'_> {
        let solver = LeastSquares::new(self.width);
        FoldIn { model: self, solver, inputs: Vec::new(), diagonal: vec![0.0; self.width] }
    }

    /// The vector of a user with this history ([`FoldIn`]); none when nothing of it counts.
    pub fn user(&self, history: &[Event]) -> Option<Vec<f32>> {
        let mut out = vec![0.0; self.width];
        self.folder().user(history, &mut out).then_some(out)
    }

    /// Scores every item for a history. False when nothing of it counts.
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        let Some(user) = self.user(history) else { return false };
        dots_f16(&user, &self.vectors, out);
        true
    }

    /// Each item's cosine with `item`. False when nothing is known of it.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        let Some(mut own) = self.vector(item) else { return false };
        let length = sum_squares(&own).sqrt();
        own.iter_mut().for_each(|x| *x /= length);
        let mut other = vec![0.0; self.width];
        for (o, v) in out.iter_mut().zip(self.vectors.chunks_exact(self.width)) {
            from_f16(v, &mut other);
            let length = sum_squares(&other).sqrt();
            *o = if length > 0.0 { dot_f16(&own, v) / length } else { 0.0 };
        }
        true
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        vec![
            Tensor { name: "item.vector".into(), shape: vec![self.items(), self.width], numbers: Numbers::F16(self.vectors.clone()) },
            Tensor::f32("item.spread", [self.width], self.spread.clone()),
            Tensor::f32("item.mean", [self.width], self.mean.clone()),
            Tensor::f32("event.heaviest", [1], vec![self.heaviest]),
        ]
    }

    /// The same as it is used: with what takes a look at all vectors.
    pub fn laid_out(&self) -> Vec<Tensor> {
        self.to_tensors().into_iter().chain([Tensor::f32(LONGEST, [1], vec![self.longest])]).collect()
    }

    /// Back from [`Factors::to_tensors`] or [`Factors::laid_out`].
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, width: usize, rule: Rule, recency: f32, tensors: &[Tensor]) -> Result<Self> {
        let damaged = || Error::new(Code::Corrupt, "stored weights are damaged").detail("The items' vectors are no finite numbers.");
        let vectors = match find(tensors, "item.vector", &[items, width])? {
            Numbers::F16(v) if finite_halves(v) => v.clone(),
            _ => return Err(damaged()),
        };
        let spread = floats(tensors, "item.spread", &[width])?;
        let mean = floats(tensors, "item.mean", &[width])?;
        let heaviest = floats(tensors, "event.heaviest", &[1])?[0];
        if heaviest <= 0.0 || spread.iter().any(|x| *x < 0.0) {
            return Err(damaged());
        }
        let longest = laid::<f32>(tensors, LONGEST).and_then(|v| v.first().copied()).unwrap_or_else(|| longest(&vectors, width));
        Ok(Self { width, rule, longest, vectors, spread, mean, heaviest, recency })
    }
}

/// Of the length of the longest vector.
const LONGEST: &str = "item.longest";

/// The recency of `given` parameters, or what is `usual` where it is chosen later.
pub fn recency(given: &Map<String, Value>, usual: f32) -> f32 {
    given.get("recency").and_then(Value::as_f64).map_or(usual, |x| x.clamp(0.1, 1e6).single())
}
