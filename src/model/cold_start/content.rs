//! What a user's history says of an item by the values of its columns alone: the numbers by which products that nobody had yet are ranked.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Error, Numbers, Result, Shared, Tensor, zeros};
use crate::dataset::{DescribedItems, Event, Interactions, ItemValues};
use crate::model::network_tensors::floats;
use std::collections::HashMap;
use std::ops::Range;

/// Numbers of a field: how much of the history has the item's values, damped by how common these are; which share of it; and how much those
/// are had that have them. (On November of Complete Journey, a tenth of the items hidden, the list of what is new has with them an NDCG@20
/// of .0729; with what the latest thirty events hold and what the base foresees beside them .0669. Without [`TOTAL`], without three and four
/// columns taken together, and with lists of 128 items it was .0657.)
const NUMBERS: usize = 3;
/// The logarithm of the damped matches of all fields is a number of its own: the networks' first layer could add them up, but not their
/// logarithms.
const TOTAL: usize = 1;
/// What a match is multiplied by before its logarithm: a single event that has a value which few items have counts about 1.
const SCALE: f32 = 20.0;

/// What is known of the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The numbers of the values of each field.
    pub fields: Vec<Range<u32>>,
    /// The values of the items that the events know.
    pub items: ItemValues,
    /// One a value: 1 / √(1 + items that have it).
    damped: Shared<f32>,
    /// One a value: ln(1 + users of an item that has it, in the mean).
    demand: Shared<f32>,
}

/// How much a user's history holds of each value: Σ over its items of ln(1 + events).
#[derive(Debug, Clone, Default)]
pub struct Taste {
    of: HashMap<u32, f32>,
    /// The sum over all its items.
    all: f32,
}

impl Content {
    /// Of the items of `data`, without the items for which `hidden` holds: as if nobody had them.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn of(data: &Interactions, described: &DescribedItems, users: &[f32], hidden: impl Fn(u32) -> bool) -> Result<Self> {
        let (mut count, mut demand): (Vec<f32>, Vec<f32>) = (zeros(described.columns.len())?, zeros(described.columns.len())?);
        for item in (0..data.items.len() as u32).filter(|i| !hidden(*i)) {
            for v in described.values.of(item.index()) {
                count[v.index()] += 1.0;
                demand[v.index()] += users[item.index()];
            }
        }
        demand.iter_mut().zip(&count).for_each(|(d, n)| *d = (*d / n.max(1.0)).ln_1p());
        let damped = count.iter().map(|n| 1.0 / (1.0 + n).sqrt()).collect();
        Ok(Self { fields: described.columns.fields(), items: described.values.clone(), damped, demand: demand.into() })
    }

    /// How many numbers an item has.
    pub fn inputs(&self) -> usize {
        NUMBERS * self.fields.len() + TOTAL
    }

    /// What a history says, whose items' values `of` gives.
    pub fn taste<'v>(&self, history: &[Event], of: impl Fn(u32) -> &'v [u32]) -> Taste {
        let mut often: HashMap<u32, f32> = HashMap::new();
        history.iter().for_each(|e| *often.entry(e.item).or_default() += 1.0);
        // In the order of the items: a sum of floats depends on it.
        let mut had: Vec<(u32, f32)> = often.into_iter().collect();
        had.sort_unstable_by_key(|h| h.0);
        let mut taste = Taste::default();
        for (item, count) in had {
            taste.all += count.ln_1p();
            of(item).iter().for_each(|v| *taste.of.entry(*v).or_default() += count.ln_1p());
        }
        taste
    }

    /// Appends the numbers of an item with these values.
    pub fn row(&self, taste: &Taste, values: &[u32], x: &mut Vec<f32>) {
        let (mut rest, mut total) = (values, 0.0);
        for field in &self.fields {
            let (own, others) = rest.split_at(rest.partition_point(|v| *v < field.end));
            rest = others;
            let (mut matched, mut share, mut demand) = (0.0, 0.0, 0.0);
            for v in own {
                let often = taste.of(*v);
                matched += often * self.damped(*v);
                share += often;
                demand += self.demand.get(v.index()).copied().unwrap_or_default();
            }
            let n = own.len().max(1).single();
            total += matched;
            x.extend([(SCALE * matched).ln_1p(), (SCALE * share / n / taste.all.max(1.0)).ln_1p(), demand / n]);
        }
        x.push((total + 0.01).ln());
    }

    fn damped(&self, value: u32) -> f32 {
        self.damped.get(value.index()).copied().unwrap_or_default()
    }

    /// How much of the history has the values, damped by how common they are: what decides which items are looked at closely.
    pub fn plain(&self, taste: &Taste, values: &[u32]) -> f32 {
        values.iter().map(|v| taste.of(*v) * self.damped(*v)).sum()
    }

    /// How like two items are by their values: a cosine, in which a value counts by how rare it is.
    pub fn alike(&self, a: &[u32], b: &[u32]) -> f32 {
        let weight = |v: &u32| self.damped(*v).powi(2);
        let (mut common, mut rest) = (0.0, b);
        for v in a {
            rest = &rest[rest.partition_point(|w| w < v)..];
            if rest.first() == Some(v) {
                common += weight(v);
            }
        }
        let all = |values: &[u32]| values.iter().map(weight).sum::<f32>();
        let product = all(a) * all(b);
        if product > 0.0 { common / product.sqrt() } else { 0.0 }
    }

    /// As tensors whose names begin with `content`.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let mut all = self.items.to_tensors("content.items");
        let fields = self.fields.iter().map(|f| i64::from(f.end)).collect();
        all.push(Tensor { name: "content.fields".into(), shape: vec![self.fields.len()], numbers: Numbers::I64(fields) });
        for (name, v) in [("content.damped", &self.damped), ("content.demand", &self.demand)] {
            all.push(Tensor::f32(name, [v.len()], v.clone()));
        }
        all
    }

    /// Back from [`Content::to_tensors`], which may be hostile.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, tensors: &[Tensor]) -> Result<Self> {
        let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("{what}."));
        let ends = tensors.iter().find(|t| t.name == "content.fields").map(|t| &t.numbers);
        let Some(Numbers::I64(ends)) = ends else { return Err(damaged("The fields of the items are none")) };
        let mut fields: Vec<Range<u32>> = Vec::new();
        for &end in ends.iter() {
            let start = fields.last().map_or(0, |f| f.end);
            let end = u32::try_from(end).ok().filter(|e| *e >= start).ok_or_else(|| damaged("The fields of the items are none"))?;
            fields.push(start..end);
        }
        let values = fields.last().map_or(0, |f| f.end).index();
        let (damped, demand) = (floats(tensors, "content.damped", &[values])?, floats(tensors, "content.demand", &[values])?);
        Ok(Self { items: ItemValues::from_tensors("content.items", items, values, tensors)?, fields, damped, demand })
    }
}

impl Taste {
    fn of(&self, value: u32) -> f32 {
        self.of.get(&value).copied().unwrap_or_default()
    }
}
