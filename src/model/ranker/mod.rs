//! `ranker` and `repeat`: what a user will have next where things are bought again and again. Both learn from the past of the training
//! data: at earlier moments, from what was known then to what came after. `ranker` is a small network over own habits, what is known of the
//! items, and a linear model of what goes together; `repeat` a smaller one over the user's own items alone. (Complete Journey's next month,
//! by `auto`, which has them among its bases, with what is known of the items: recall@20 .3546, NDCG@20 .3917; LightGBM .3545 and .391, own
//! frequency .325 and .362.)

mod context_features;
mod groups;
mod item_features;
mod item_snapshot;
mod training_lists;
mod user_item_features;
mod view;

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Context, Epoch, Error, Numbers, Result, Shared, Tensor, tensor};
use crate::dataset::{Event, Interactions};
use crate::model::links::Links;
use crate::model::network_tensors::floats;
use crate::model::popularity::DAY;
use crate::model::recommender::{Fitted, ItemScorer, Kind};
use crate::model::{auto_candidates, ease, listwise};
use crate::nn::{Activation, Stack};
use context_features::ContextFeatures;
use groups::Groups;
use item_features::ItemFeatures;
use item_snapshot::ItemSnapshot;
use serde_json::{Map, Value};
use view::View;

/// Parameters of `ranker`. λ, links and candidates were chosen on November of Complete Journey, two seeds: new items came to an NDCG@20 of
/// .0571, what is had again stayed level. Differences below .002 are chance there.
const RANKER_SPECS: &[Spec] = &[
    Spec::new("regularization", ParamType::Number, "500", "Lambda of the linear model of what goes together.").within(0.1, 1e7),
    Spec::new("links", ParamType::Integer, "400", "Weights of that model that are kept of each item.").within(1.0, 1e6),
    Spec::new("candidates", ParamType::Integer, "300", "Best items of each kind that the network ranks.").within(1.0, 100_000.0),
    Spec::new("hidden", ParamType::Integers, "[64, 32]", "Widths of the hidden layers.").within(1.0, 1e5),
    Spec::new("ensemble", ParamType::Integer, "3", "Networks whose scores are averaged.").within(1.0, 100.0),
    CONTEXT,
    EPOCHS,
    HISTORY,
];

/// What every kind has that can learn from more columns of the events.
pub const CONTEXT: Spec = Spec::new(
    "context",
    ParamType::Texts,
    "[]",
    "Further columns of the events that the network may use, four at most: the store, the channel, the discount.",
);

/// Parameters of `repeat`.
const REPEAT_SPECS: &[Spec] = &[EPOCHS, HISTORY];

// Four, with networks of these widths, three of them, this rate and batch, as a trial with standard tools found them.
const EPOCHS: Spec = Spec::new("epochs", ParamType::Integer, "null", "Passes over the lists; null: four, and more where lists are few.")
    .within(1.0, 10_000.0);
const HISTORY: Spec =
    Spec::new("history", ParamType::Integer, "2000", "A user's latest events that are learned from.").within(2.0, 100_000.0);

#[derive(serde::Deserialize)]
#[serde(default)]
struct Params {
    regularization: f64,
    links: usize,
    candidates: usize,
    hidden: Vec<usize>,
    ensemble: usize,
    epochs: Option<usize>,
    history: usize,
}

impl Default for Params {
    /// What `repeat` does not name.
    fn default() -> Self {
        Self { regularization: 0.0, links: 0, candidates: 0, hidden: vec![16], ensemble: 1, epochs: None, history: 2000 }
    }
}

/// The item side of a fitted ranker.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranker {
    item_snapshot: ItemSnapshot,
    stack: Stack,
    /// One flat vector of parameters a network; none where the data have no past to learn from.
    networks: Vec<Shared<f32>>,
    mean: Shared<f32>,
    deviation: Shared<f32>,
    /// The time of the latest event, and the span of time that is foreseen.
    latest: i64,
    horizon: i64,
    candidates: usize,
    history: usize,
}

/// Standard deviations beyond which a number is cut.
const CUT: f32 = 6.0;
/// One of so many networks learns without the attributes of the items. (November of Complete Journey, two seeds each, NDCG@20 of all that was
/// bought and of what was new: .3742 and .3730, .0555 and .0562 where all three learn by them; .3759 and .3751, .0552 and .0553 where two do;
/// .3765 and .3758, .0545 and .0541 where one does; .3764 and .3758 where none does.)
const BLIND: usize = 3;
/// Lists, passes counted, that a network sees at least.
const LISTS: usize = 10_000;
/// The longest time that is foreseen.
const MONTH: f64 = 31.0 * DAY;

/// The kind.
pub static REPEAT: Kind = Kind {
    auto: Some(auto_candidates::habits),
    repeats: true,
    ..Kind::usual(
        "repeat",
        "What a user has again: groceries, consumables. Needs the time of the events.",
        REPEAT_SPECS,
        |job| Ranker::fit(job.data, job.params, true, job.ctx).map(|(model, epochs)| Fitted::new(model, epochs)),
        |s| Ok(Box::new(Ranker::from_tensors(s.items, s.params, true, s.tensors)?)),
    )
};

/// The kind.
pub static RANKER: Kind = Kind {
    auto: Some(|data| auto_candidates::habits(data) && ease::cost(data) <= ease::AUTO_MOST / 4.0),
    ..Kind::usual(
        "ranker",
        "Habits, what is in demand and what goes together, weighed by a network: things had again and new ones. Needs time.",
        RANKER_SPECS,
        |job| Ranker::fit(job.data, job.params, false, job.ctx).map(|(model, epochs)| Fitted::new(model, epochs)),
        |s| Ok(Box::new(Ranker::from_tensors(s.items, s.params, false, s.tensors)?)),
    )
};

impl Ranker {
    /// Fits `ranker`, or `repeat` where `repeat` is set.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::Cancelled`], [`Code::Data`].
    pub fn fit(data: &Interactions, given: &Map<String, Value>, repeat: bool, ctx: &Context) -> Result<(Self, Vec<Epoch>)> {
        let p: Params = params::typed(given)?;
        let (first, latest) = data.events().iter().fold((i64::MAX, i64::MIN), |(a, b), e| (a.min(e.time), b.max(e.time)));
        let horizon = (latest.saturating_sub(first) / 12).min(MONTH as i64);
        let item_snapshot = |data: &Interactions, now: i64| ItemSnapshot::of(data, now, &p, repeat, ctx);
        let inputs = if repeat { view::inputs(false, 0, 0) } else { view::inputs(true, data.attributes.len(), data.context.len()) };
        let stack = stack(&p.hidden, inputs)?;
        let mut lists = training_lists::lists(data, (first, latest, horizon), &p, inputs, item_snapshot, ctx)?;
        let (mean, deviation) = listwise::scale(&lists);
        standardise(&mut lists.x, &mean, &deviation);
        let (mut networks, mut epochs) = (Vec::new(), Vec::new());
        if lists.bounds.len() > 1 {
            let passes = p.epochs.unwrap_or((LISTS / (lists.bounds.len() - 1)).clamp(4, 60));
            let attributes = view::attributes(data.attributes.len());
            for network in 0..p.ensemble {
                let blind = network >= p.ensemble - p.ensemble / BLIND && !attributes.is_empty() && !repeat;
                if blind {
                    lists.x.chunks_exact_mut(inputs).for_each(|row| row[attributes.clone()].fill(0.0));
                }
                let (mut weights, curve) = listwise::fit(&stack, &lists, passes, 0x7a00 + network as u64, ctx)?;
                if blind {
                    weights[stack.of_inputs(attributes.clone())].fill(0.0);
                }
                networks.push(weights.into());
                epochs = curve;
            }
        }
        drop(lists);
        let item_snapshot = item_snapshot(data, latest)?;
        let (candidates, history) = (p.candidates, p.history);
        let (mean, deviation) = (mean.into(), deviation.into());
        Ok((Self { item_snapshot, stack, networks, mean, deviation, latest, horizon, candidates, history }, epochs))
    }

    /// The moment that a list is for: now, but where that is far beyond what training saw (data of long ago), right after the latest event.
    fn moment(&self, last: i64, now: i64) -> i64 {
        let latest = self.latest.max(last);
        if now > latest.saturating_add(self.horizon) { latest } else { now.max(last) }
    }

    /// Back from [`Ranker::to_tensors`]; `given` are the stored parameters.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, repeat: bool, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("{what}."));
        let p: Params = params::typed(given).map_err(|_| damaged("The parameters are no ranker's"))?;
        let mut groups = Vec::new();
        while let Some(more) = Groups::from_tensors(items, &format!("group{}", groups.len() + 1), tensors)? {
            groups.push(more);
        }
        let mut settings = Vec::new();
        while let Some(more) = ContextFeatures::from_tensors(items, &format!("context{}", settings.len() + 1), tensors)? {
            settings.push(more);
        }
        let n = view::inputs(!repeat, groups.len(), settings.len());
        let stack = stack(&p.hidden, n).map_err(|_| damaged("The network is too large"))?;
        let Numbers::I64(clock) = tensor::find(tensors, "clock", &[2])? else { return Err(damaged("The clock is none")) };
        let (mean, deviation) = (floats(tensors, "mean", &[n])?, floats(tensors, "deviation", &[n])?);
        if deviation.iter().any(|d| *d <= 0.0) {
            return Err(damaged("A deviation is not above 0"));
        }
        let stored = tensors.iter().filter(|t| t.name.starts_with("network")).count();
        let networks = (0..stored).map(|i| floats(tensors, &format!("network{}", i + 1), &[stack.parameters()])).collect::<Result<_>>()?;
        let item_features = ItemFeatures::from_tensors(items, tensors)?;
        let links = (!repeat).then(|| Links::from_tensors(items, tensors)).transpose()?;
        let item_snapshot = ItemSnapshot::with(item_features, links, groups, settings, items);
        let (latest, horizon, candidates, history) = (clock[0], clock[1].max(0), p.candidates, p.history);
        Ok(Self { item_snapshot, stack, networks, mean, deviation, latest, horizon, candidates, history })
    }
}

fn stack(hidden: &[usize], inputs: usize) -> Result<Stack> {
    let widths: Vec<usize> = [inputs].into_iter().chain(hidden.iter().copied()).chain([1]).collect();
    Stack::new(&widths, Activation::Relu, Activation::Identity)
}

fn standardise(x: &mut [f32], mean: &[f32], deviation: &[f32]) {
    for row in x.chunks_mut(mean.len().max(1)) {
        row.iter_mut().zip(mean).zip(deviation).for_each(|((x, m), d)| *x = ((*x - m) / d).clamp(-CUT, CUT));
    }
}

impl Ranker {
    /// The weights by name, links as `links` writes them.
    fn tensors(&self, links: fn(&Links) -> Vec<Tensor>) -> Vec<Tensor> {
        let clock = Tensor { name: "clock".into(), shape: vec![2], numbers: Numbers::I64(vec![self.latest, self.horizon].into()) };
        let mut all = vec![self.item_snapshot.item_features.to_tensor(), clock];
        for (name, v) in [("mean", &self.mean), ("deviation", &self.deviation)] {
            all.push(Tensor::f32(name, [v.len()], v.clone()));
        }
        all.extend(self.networks.iter().enumerate().map(|(i, n)| Tensor::f32(format!("network{}", i + 1), [n.len()], n.clone())));
        all.extend(self.item_snapshot.links.iter().flat_map(links));
        all.extend(self.item_snapshot.groups.iter().zip(1..).flat_map(|(g, n)| g.to_tensors(&format!("group{n}"))));
        all.extend(self.item_snapshot.settings.iter().zip(1..).flat_map(|(s, n)| s.to_tensors(&format!("context{n}"))));
        all
    }
}

impl ItemScorer for Ranker {
    fn to_tensors(&self) -> Vec<Tensor> {
        self.tensors(Links::to_tensors)
    }

    fn laid_out(&self) -> Vec<Tensor> {
        self.tensors(Links::laid_out)
    }

    /// Scores every item; those that do not come into question stand below those that do, in the order of how many have them at the moment.
    fn score(&self, history: &[Event], now: i64, out: &mut [f32]) -> bool {
        let Some(last) = history.last() else { return false };
        let history = &history[history.len().saturating_sub(self.history)..];
        let Ok(view) = View::of(history, self.moment(last.time, now), &self.item_snapshot, out.len()) else { return false };
        if self.networks.is_empty() {
            view.plain(out);
            return true;
        }
        let candidates = view.candidates(self.candidates);
        let mut x = Vec::new();
        candidates.iter().for_each(|&i| view.row(i, &mut x));
        standardise(&mut x, &self.mean, &self.deviation);
        let Ok(mut work) = self.stack.workspace(candidates.len(), false) else { return false };
        let mut sums = vec![0.0; candidates.len()];
        for network in &self.networks {
            self.stack.forward(network, &x, candidates.len(), &mut work, None);
            sums.iter_mut().zip(work.result()).for_each(|(s, z)| *s += *z / self.networks.len().single());
        }
        let least = sums.iter().copied().fold(f32::INFINITY, f32::min);
        let most = (0..out.len() as u32).map(|i| self.item_snapshot.item_features.current(i)).fold(f32::MIN_POSITIVE, f32::max);
        (0..).zip(out.iter_mut()).for_each(|(i, o)| *o = least - 2.0 + self.item_snapshot.item_features.current(i) / most);
        candidates.iter().zip(&sums).for_each(|(&i, &s)| out[i.index()] = s);
        true
    }

    /// What goes together; none of `repeat`.
    fn links(&self) -> Option<&Links> {
        self.item_snapshot.links.as_ref()
    }

    fn similar(&self, item: u32, out: &mut [f32]) -> Result<bool> {
        match &self.item_snapshot.links {
            Some(links) => Ok(links.similar(item, out)),
            None => Err(Error::new(Code::Unsupported, "a repeat model knows no similar items")
                .hint("Train with kind => 'item_knn' or another kind that relates items.")),
        }
    }

    fn uses_attributes(&self) -> bool {
        !self.item_snapshot.groups.is_empty()
    }

    fn uses_context(&self) -> bool {
        !self.item_snapshot.settings.is_empty()
    }
}

#[cfg(test)]
mod tests;
