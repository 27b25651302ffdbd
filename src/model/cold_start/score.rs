//! The fitted model: the base's scores for what events know, the networks' for what they do not, in one list.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor, memory, zeros};
use crate::dataset::{Event, ItemValues};
use crate::kernel::topk::top_k;
use crate::model::cold_start::content::{Content, Taste};
use crate::model::links::Links;
use crate::model::network_tensors::floats;
use crate::model::recommender::{ItemScorer, Model};
use crate::nn::Stack;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Standard deviations beyond which a number is cut.
const CUT: f32 = 6.0;
/// Items that events know from which a new one gets its vector.
const NEIGHBOURS: usize = 20;
/// The base's tensors begin so.
const BASE: &str = "base.";

/// How scores become log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// Of an item that events know whose standardised score is 0.
    pub old: f32,
    /// A deviation more, of such.
    pub old_rise: f32,
    /// Of a new item whose score by the networks is the mean.
    pub new: f32,
    /// A deviation more, of such.
    pub new_rise: f32,
}

impl Default for Merge {
    /// Where there are no held-out events to learn it from: a new item stands a deviation below an old one.
    fn default() -> Self {
        Self { old: -6.0, old_rise: 1.0, new: -7.0, new_rise: 1.0 }
    }
}

/// The networks that rank products without events.
#[derive(Debug)]
pub struct Networks {
    /// Their layers.
    pub stack: Stack,
    /// One flat vector of parameters each; none where the events have nothing to learn from.
    pub weights: Vec<Shared<f32>>,
    /// Of each input.
    pub mean: Shared<f32>,
    /// Of each input, above 0.
    pub deviation: Shared<f32>,
    /// Mean and deviation of their scores over what they learned from.
    pub scale: [f32; 2],
    /// Items that are ranked at most.
    pub candidates: usize,
}

/// A fitted model, or the same with products that came later.
#[derive(Debug, Clone)]
pub struct ColdStart {
    core: Arc<Core>,
    later: ItemValues,
}

#[derive(Debug)]
struct Core {
    base: Model,
    content: Content,
    networks: Networks,
    merge: Merge,
}

impl Networks {
    /// The scores, standardised, of the rows `x`, which are standardised by the way.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn scores(&self, x: &mut [f32]) -> Result<Vec<f32>> {
        standardise(x, &self.mean, &self.deviation);
        let mut scores = self.raw(x)?;
        scores.iter_mut().for_each(|s| *s = (*s - self.scale[0]) / self.scale[1]);
        Ok(scores)
    }

    /// The mean of the networks' scores of rows that are standardised.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn raw(&self, x: &[f32]) -> Result<Vec<f32>> {
        let rows = x.len() / self.mean.len().max(1);
        let mut sums = zeros(rows)?;
        let mut work = self.stack.workspace(rows, false)?;
        for network in &self.weights {
            self.stack.forward(network, x, rows, &mut work, None);
            sums.iter_mut().zip(work.result()).for_each(|(s, z)| *s += *z / self.weights.len().single());
        }
        Ok(sums)
    }
}

/// Brings the numbers of each row to mean 0 and deviation 1.
pub fn standardise(x: &mut [f32], mean: &[f32], deviation: &[f32]) {
    for row in x.chunks_mut(mean.len().max(1)) {
        row.iter_mut().zip(mean).zip(deviation).for_each(|((x, m), d)| *x = ((*x - m) / d).clamp(-CUT, CUT));
    }
}

impl ColdStart {
    /// Without products that came later.
    pub fn new(base: Model, content: Content, networks: Networks, merge: Merge) -> Self {
        Self { core: Arc::new(Core { base, content, networks, merge }), later: ItemValues::default() }
    }

    /// The same with another merge; the model must be nobody else's.
    pub fn with_merge(mut self, merge: Merge) -> Self {
        if let Some(core) = Arc::get_mut(&mut self.core) {
            core.merge = merge;
        }
        self
    }

    /// The kind that scores what events know.
    pub fn base(&self) -> &dyn ItemScorer {
        &*self.core.base
    }

    /// What is known of the values.
    pub fn content(&self) -> &Content {
        &self.core.content
    }

    /// Items that the events know.
    fn old(&self) -> usize {
        self.core.content.items.len()
    }

    fn values(&self, item: u32) -> &[u32] {
        match item.index().checked_sub(self.old()) {
            None => self.core.content.items.of(item.index()),
            Some(later) => self.later.of(later),
        }
    }

    /// What a history says of values.
    pub fn taste(&self, history: &[Event]) -> Taste {
        self.core.content.taste(history, |i| self.values(i))
    }

    /// The networks' scores of `n` items with these values. Those beyond the ones that they rank stand below them, by what the history has
    /// of their values.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn networks<'v>(&self, taste: &Taste, n: usize, values: impl Fn(usize) -> &'v [u32]) -> Result<Vec<f32>> {
        let Core { content, networks, .. } = &*self.core;
        let mut plain: Vec<f32> = zeros(n)?;
        if networks.weights.is_empty() || n > networks.candidates {
            plain.iter_mut().enumerate().for_each(|(at, p)| *p = content.plain(taste, values(at)));
        }
        if networks.weights.is_empty() {
            plain.iter_mut().for_each(|p| *p = p.ln_1p());
            return Ok(plain);
        }
        let mut ranked: Vec<u32> = if n > networks.candidates { top_k(&plain, networks.candidates, None) } else { (0..).take(n).collect() };
        ranked.sort_unstable();
        let mut x = Vec::new();
        memory::reserve(&mut x, ranked.len() * content.inputs())?;
        ranked.iter().for_each(|i| content.row(taste, values(i.index()), &mut x));
        let scores = networks.scores(&mut x)?;
        if ranked.len() < n {
            let least = scores.iter().copied().fold(f32::INFINITY, f32::min);
            plain.iter_mut().for_each(|p| *p = least - 1.0 / (1.0 + *p));
        }
        ranked.iter().zip(scores).for_each(|(i, s)| plain[i.index()] = s);
        Ok(plain)
    }

    /// Back from the tensors of [`ItemScorer::to_tensors`] and a base that was made of those that begin with `base.`.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(
        base: Model,
        content: Content,
        (stack, candidates): (Stack, usize),
        merge: Merge,
        tensors: &[Tensor],
    ) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("{what}."));
        let n = content.inputs();
        let (mean, deviation) = (floats(tensors, "mean", &[n])?, floats(tensors, "deviation", &[n])?);
        let scale = floats(tensors, "scale", &[2])?;
        if deviation.iter().any(|d| *d <= 0.0) || scale[1] <= 0.0 {
            return Err(damaged("A deviation is not above 0"));
        }
        let stored = tensors.iter().filter(|t| t.name.starts_with("network")).count();
        let weights = (1..=stored).map(|i| floats(tensors, &format!("network{i}"), &[stack.parameters()])).collect::<Result<_>>()?;
        let networks = Networks { stack, weights, mean, deviation, scale: [scale[0], scale[1]], candidates };
        Ok(Self::new(base, content, networks, merge))
    }

    /// The base's tensors among `tensors`, by its own names.
    pub fn of_base(tensors: &[Tensor]) -> Vec<Tensor> {
        let own = |t: &Tensor| t.name.strip_prefix(BASE).map(|name| Tensor { name: name.to_owned(), ..t.clone() });
        tensors.iter().filter_map(own).collect()
    }

    fn tensors(&self, of: fn(&dyn ItemScorer) -> Vec<Tensor>) -> Vec<Tensor> {
        let Core { base, content, networks, .. } = &*self.core;
        let mut all: Vec<Tensor> = of(&**base).into_iter().map(|t| Tensor { name: format!("{BASE}{}", t.name), ..t }).collect();
        all.extend(content.to_tensors());
        for (name, v) in [("mean", &networks.mean), ("deviation", &networks.deviation)] {
            all.push(Tensor::f32(name, [v.len()], v.clone()));
        }
        all.push(Tensor { name: "scale".into(), shape: vec![2], numbers: Numbers::F32(networks.scale.to_vec().into()) });
        all.extend(networks.weights.iter().zip(1..).map(|(n, i)| Tensor::f32(format!("network{i}"), [n.len()], n.clone())));
        all
    }

    /// By how much a likeness of values is to be stretched to stand among those of the base for `item`, whose are `by_base`: the mean of the
    /// largest of these over that of the largest of those, of the items that events know.
    fn stretch(&self, item: u32, by_base: &[f32]) -> Result<f32> {
        let mut cosines: Vec<f32> = zeros(by_base.len())?;
        let own = self.values(item);
        (0..).zip(&mut cosines).filter(|(i, _)| *i != item).for_each(|(i, c)| *c = self.core.content.alike(own, self.values(i)));
        let mean = |of: &[f32]| top_k(of, NEIGHBOURS, None).iter().map(|i| of[i.index()].max(0.0)).sum::<f32>();
        let (base, content) = (mean(by_base), mean(&cosines));
        Ok(if content > 0.0 && base > 0.0 { base / content } else { 1.0 })
    }
}

/// Mean and deviation of scores.
pub fn standard(scores: &[f32]) -> (f32, f32) {
    let n = scores.len().max(1).real();
    let mean = scores.iter().map(|s| f64::from(*s)).sum::<f64>() / n;
    let variance = scores.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>() / n;
    (mean.single(), if variance > 1e-20 { variance.sqrt().single() } else { 1.0 })
}

impl ItemScorer for ColdStart {
    fn to_tensors(&self) -> Vec<Tensor> {
        self.tensors(|model| model.to_tensors())
    }

    fn laid_out(&self) -> Vec<Tensor> {
        self.tensors(|model| model.laid_out())
    }

    /// The log-odds of [`Merge`]. Where the base knows nothing of the history, its own items are scored by their values, too.
    fn score(&self, history: &[Event], now: i64, out: &mut [f32]) -> bool {
        let Core { base, content, merge, .. } = &*self.core;
        if history.is_empty() {
            return false;
        }
        let (old, new) = out.split_at_mut(self.old().min(out.len()));
        let known: Vec<Event> = history.iter().filter(|e| e.item.index() < old.len()).copied().collect();
        let by_base = !known.is_empty() && base.score(&known, now, old);
        let taste = self.taste(history);
        if !by_base {
            (0..).zip(old.iter_mut()).for_each(|(i, o)| *o = content.plain(&taste, self.values(i)));
            if old.iter().all(|o| *o == 0.0) {
                return false;
            }
        }
        let (mean, deviation) = standard(old);
        old.iter_mut().for_each(|o| *o = merge.old + merge.old_rise * (*o - mean) / deviation);
        if new.is_empty() {
            return true;
        }
        let Ok(scores) = self.networks(&taste, new.len(), |at| self.later.of(at)) else { return false };
        new.iter_mut().zip(scores).for_each(|(n, s)| *n = merge.new + merge.new_rise * s);
        true
    }

    fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        let content = &self.core.content;
        let own = self.values(item);
        let (old, new) = out.split_at_mut(self.old().min(out.len()));
        let by_base = item.index() < old.len() && matches!(self.core.base.similar(item, old), Ok(true));
        let stretch = if by_base {
            if new.is_empty() { 1.0 } else { self.stretch(item, old)? }
        } else {
            (0..).zip(old.iter_mut()).for_each(|(i, o)| *o = content.alike(own, self.values(i)));
            1.0
        };
        new.iter_mut().enumerate().for_each(|(at, n)| *n = stretch * content.alike(own, self.later.of(at)));
        Ok(by_base || !own.is_empty())
    }

    /// The base's; of a product that came later the mean of those most like it by their values, weighted by how like they are.
    fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        let base = &self.core.base;
        if item.index() < self.old() {
            return base.item_vector(item);
        }
        let own = self.values(item);
        let mut alike: Vec<f32> = zeros(self.old())?;
        (0..).zip(&mut alike).for_each(|(i, a)| *a = self.core.content.alike(own, self.values(i)));
        let (mut sum, mut all): (Vec<f32>, f32) = (Vec::new(), 0.0);
        for i in top_k(&alike, NEIGHBOURS, None).into_iter().filter(|i| alike[i.index()] > 0.0) {
            let Some(vector) = base.item_vector(i)? else { continue };
            sum.resize(vector.len(), 0.0);
            sum.iter_mut().zip(&vector).for_each(|(s, v)| *s += alike[i.index()] * v);
            all += alike[i.index()];
        }
        // Whether the base has vectors at all is said even for an item that is like none.
        if all == 0.0 && self.old() > 0 {
            base.item_vector(0)?;
        }
        sum.iter_mut().for_each(|s| *s /= all);
        Ok((all > 0.0).then_some(sum))
    }

    fn rows(&self) -> Vec<(String, &Links)> {
        self.core.base.rows().into_iter().map(|(name, links)| (format!("{BASE}{name}"), links)).collect()
    }

    fn uses_attributes(&self) -> bool {
        true
    }

    fn uses_context(&self) -> bool {
        self.core.base.uses_context()
    }

    fn extended(&self, later: &ItemValues) -> Option<Model> {
        Some(Box::new(Self { core: self.core.clone(), later: later.clone() }))
    }
}
