//! `item_vectors`: a vector for each item from what is chosen together: positive pointwise mutual information, and its leading eigenvectors
//! (Levy & Goldberg 2014; randomised as Halko, Martinsson & Tropp 2011). Items that are bought alike lie close, whatever their names say.

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Context, Error, Result, Shared, Tensor, zeros};
use crate::dataset::{Event, Interactions, Pairs};
use crate::kernel::{axpy, dot, scale, sum_squares};
use crate::linalg::{add_rows, eigen};
use crate::model::fading::fading;
use crate::model::gather::look;
use crate::model::linked::RECENCY;
use crate::model::links::Links;
use crate::model::network_tensors::floats;
use crate::model::recommender::{Fitted, Kind};
use serde_json::{Map, Value};

/// Parameters of the kind.
const SPECS: &[Spec] = &[
    Spec::new("width", ParamType::Integer, "64", "Numbers of an item's vector.").within(1.0, 1024.0),
    Spec::new("neighbours", ParamType::Integer, "200", "Items chosen with each that are learned from: those that stand out most.")
        .within(1.0, 100_000.0),
    Spec::new("history", ParamType::Integer, "500", "A user's latest distinct items that are learned from.").within(2.0, 100_000.0),
    RECENCY,
];

/// The kind.
pub static KIND: Kind = Kind::usual(
    "item_vectors",
    "A vector for each item from what is chosen together: to describe items by, as columns of other models and for search.",
    SPECS,
    |job| Ok(Fitted::new(ItemVectors::fit(job.data, job.params, job.ctx)?, Vec::new())),
    |s| Ok(Box::new(ItemVectors::from_tensors(s.items, s.params, s.tensors)?)),
);

/// The recency where none is given or chosen.
const USUAL_RECENCY: f32 = 20.0;
/// Turns of the iteration: the directions of a random start are there after a few.
const TURNS: usize = 6;
/// Items that a thread multiplies at a time.
const STRIP: usize = 256;

#[derive(serde::Deserialize)]
struct Params {
    width: usize,
    neighbours: usize,
    history: usize,
}

/// A vector for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemVectors {
    width: usize,
    /// Items × width; of length 0 for an item that says nothing.
    vectors: Shared<f32>,
    /// See [`RECENCY`].
    pub recency: f32,
}

/// A symmetric sparse matrix by rows.
struct Symmetric {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl ItemVectors {
    /// With c(a, b) the users who chose both, d(a) = Σ_b c(a, b), and T = Σ d, the matrix is max(0, ln(c(a, b) · T / (d(a) · d(b)))),
    /// discounted for few users (Pantel & Lin 2002) by c / (c + 1). A vector is a row of U √Λ, of its leading eigenvectors and -values.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
    pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Self> {
        let p: Params = params::typed(given)?;
        let items = data.items.len();
        let by_user = Pairs::by_user(data, p.history, ctx)?;
        let by_item = by_user.transpose(ctx)?;
        let _booked = ctx.budget.take(by_user.bytes() + by_item.bytes(), "the pairs of users and items")?;
        let others = |u: u32| by_user.row(u.index()).count().saturating_sub(1).real();
        let mut d: Vec<f64> = zeros(items)?;
        for (i, d) in d.iter_mut().enumerate() {
            ctx.check_at(i)?;
            *d = by_item.row(i).map(|(u, _)| others(u)).sum();
        }
        let total: f64 = d.iter().sum();
        let links = Links::build(
            items,
            p.neighbours,
            ctx,
            |a, gather| {
                for (step, (u, _)) in by_item.row(a.index()).enumerate() {
                    look(step);
                    by_user.row(u.index()).for_each(|(b, _)| gather.add(b, 1.0));
                }
            },
            |a, b, c| {
                let c = f64::from(c);
                let information = (c * total / (d[a.index()] * d[b.index()]).max(f64::MIN_POSITIVE)).ln();
                (information.max(0.0) * c / (c + 1.0)).single()
            },
        )?;
        let entries = links.count();
        let _held = ctx.budget.take(entries.saturating_mul(16).saturating_add(items * 16), "the matrix of what is chosen together")?;
        let matrix = Symmetric::of(&links, items)?;
        drop(links);
        let width = p.width.min(items);
        let (values, rows) = eigen::leading_of(items, width, TURNS, |q, m, out| matrix.times(q, m, out, ctx), ctx)?;
        let mut vectors: Vec<f32> = zeros(items * p.width)?;
        for (k, (value, row)) in values.iter().zip(rows.chunks_exact(items.max(1))).enumerate() {
            ctx.check()?;
            let root = value.max(0.0).sqrt().single();
            row.iter().enumerate().for_each(|(i, x)| vectors[i * p.width + k] = x * root);
        }
        Ok(Self { width: p.width, vectors: vectors.into(), recency: recency(given) })
    }

    /// The vector of an item.
    pub fn vector(&self, item: u32) -> &[f32] {
        &self.vectors[item.index() * self.width..][..self.width]
    }

    /// Each item's cosine with the history's mean direction, an event counting its weight × exp(−events since / recency). False when
    /// nothing of the history says anything.
    pub fn score(&self, history: &[Event], out: &mut [f32]) -> bool {
        let mut mean = vec![0.0; self.width];
        for (age, e) in history.iter().rev().enumerate() {
            let v = self.vector(e.item);
            let length = sum_squares(v).sqrt();
            if length > 0.0 {
                axpy(e.weight * (-age.single() / self.recency).exp() / length, v, &mut mean);
            }
        }
        self.likeness(&mean, out)
    }

    /// Each item's cosine with `item`. False when nothing is known of it.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        self.likeness(self.vector(item), out)
    }

    fn likeness(&self, to: &[f32], out: &mut [f32]) -> bool {
        let length = sum_squares(to).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return false;
        }
        let mut own = to.to_vec();
        scale(1.0 / length, &mut own);
        for (out, v) in out.iter_mut().zip(self.vectors.chunks_exact(self.width)) {
            let length = sum_squares(v).sqrt();
            *out = if length > 0.0 { dot(&own, v) / length } else { 0.0 };
        }
        true
    }

    /// The weights by name.
    pub fn to_tensors(&self) -> Vec<Tensor> {
        vec![Tensor::f32("item.vector", [self.vectors.len() / self.width, self.width], self.vectors.clone())]
    }

    /// Back from [`ItemVectors::to_tensors`]; `given` are the stored parameters.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    pub fn from_tensors(items: usize, given: &Map<String, Value>, tensors: &[Tensor]) -> Result<Self> {
        let p: Params = params::typed(given)?;
        Ok(Self { width: p.width, vectors: floats(tensors, "item.vector", &[items, p.width])?, recency: recency(given) })
    }
}

fn recency(given: &Map<String, Value>) -> f32 {
    given.get("recency").and_then(Value::as_f64).map_or(USUAL_RECENCY, |x| x.clamp(0.1, 1e6).single())
}

impl Symmetric {
    /// (L + Lᵀ) / 2 for the matrix L of `links`.
    fn of(links: &Links, items: usize) -> Result<Self> {
        let mut offsets: Vec<usize> = zeros(items + 1)?;
        let entries = 2 * links.count();
        for a in 0..items as u32 {
            look(a.index());
            for (b, _) in links.of(a) {
                offsets[a.index() + 1] += 1;
                offsets[b.index() + 1] += 1;
            }
        }
        (0..items).for_each(|i| offsets[i + 1] += offsets[i]);
        let mut next = offsets.clone();
        let (mut columns, mut values) = (zeros(entries)?, zeros(entries)?);
        let mut put = |row: u32, column: u32, w: f32| {
            let at = &mut next[row.index()];
            columns[*at] = column;
            values[*at] = 0.5 * w;
            *at += 1;
        };
        for a in 0..items as u32 {
            look(a.index());
            for (b, w) in links.of(a) {
                put(a, b, w);
                put(b, a, w);
            }
        }
        Ok(Self { offsets, columns, values })
    }

    /// `out` ← this matrix times `q`, both items × `m`; strips of rows are shared out.
    fn times(&self, q: &[f32], m: usize, out: &mut [f32], ctx: &Context) {
        let mut strips: Vec<&mut [f32]> = out.chunks_mut(STRIP * m).collect();
        ctx.pool.each_mut(&mut strips, |s, out| {
            if ctx.watch.cancelled() {
                return;
            }
            for (i, out) in out.chunks_mut(m).enumerate() {
                let row = s * STRIP + i;
                let at = self.offsets[row]..self.offsets[row + 1];
                out.fill(0.0);
                add_rows(self.columns[at.clone()].iter().map(|c| c.index()).zip(self.values[at].iter().copied()), q, out);
            }
        });
    }
}

fading!(ItemVectors {
    fn item_vector(&self, item: u32) -> Result<Option<Vec<f32>>> {
        Ok(Some(self.vector(item)).filter(|v| v.iter().any(|x| *x != 0.0)).map(<[f32]>::to_vec))
    }

    fn user_vector(&self, _: &[Event]) -> Result<Option<Vec<f32>>> {
        Err(Error::new(Code::Unsupported, "kind item_vectors has no vectors of users")
            .hint("Make them of the items': SELECT affinity.profile(affinity.item_vector(…)) …, or train with kind => 'als'."))
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};
    use crate::dataset::{Column, EventColumns, Frame, IdKind, Values};
    use serde_json::json;

    fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        f(&Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet })
    }

    /// Baskets of about five items out of one of four shelves of 15, by ascending number; the last item of all stands alone.
    fn shelves() -> Interactions {
        let mut r = Rng::new(1);
        let (mut users, mut items) = (vec![500], vec![60]);
        for u in 0..500u32 {
            let shelf = r.below(4);
            for _ in 0..5 {
                users.push(u);
                items.push((shelf * 15 + r.below(15)) as u32);
            }
        }
        let column = |name: &str, codes: Vec<u32>, n: usize| Column {
            name: name.into(),
            values: Values::Category { codes, levels: (0..n).map(|i| i.to_string()).collect() },
        };
        let frame = Frame::new(vec![column("u", users, 501), column("i", items, 61)]).unwrap();
        let columns = EventColumns { user: "u".into(), item: "i".into(), ..EventColumns::default() };
        with(1, |ctx| Interactions::from_frame(&frame, &columns, IdKind::Integer, IdKind::Integer, ctx)).unwrap().0
    }

    fn given(change: serde_json::Value) -> Map<String, Value> {
        params::resolve("item_vectors", SPECS, &change).unwrap()
    }

    #[test]
    fn what_is_bought_together_lies_together() {
        let data = shelves();
        let g = given(json!({"width": 8}));
        let fit = |threads| with(threads, |ctx| ItemVectors::fit(&data, &g, ctx)).unwrap();
        let m = fit(1);
        assert_eq!(m, fit(3));
        let mut out = vec![0.0; 61];
        for item in 0..60u32 {
            assert!(m.similar(item, &mut out));
            assert!((out[item as usize] - 1.0).abs() < 1e-4);
            let shelf = item as usize / 15;
            let near = (0..60).filter(|o| o / 15 == shelf).map(|o| out[o]).fold(f32::INFINITY, f32::min);
            let far = (0..60).filter(|o| o / 15 != shelf).map(|o| out[o]).fold(f32::NEG_INFINITY, f32::max);
            assert!(near > far + 0.2, "{item}: {near} {far}");
        }
        // nothing was ever bought with the last
        assert!(m.vector(60).iter().all(|x| x.abs() < 1e-3) || !m.similar(60, &mut out));
        let event = |item| Event::new(0, item, 1.0);
        assert!(m.score(&[event(1), event(3)], &mut out));
        assert!(out[7] > out[40]);
        assert!(!m.score(&[], &mut out));
    }

    #[test]
    fn vectors_come_back_and_wrong_ones_do_not() {
        let data = shelves();
        // wider than there are items: the rest is 0
        let g = given(json!({"width": 100, "recency": 3}));
        let m = with(2, |ctx| ItemVectors::fit(&data, &g, ctx)).unwrap();
        assert_eq!((m.recency, m.vector(3).len(), m.vector(3)[99]), (3.0, 100, 0.0));
        assert_eq!(ItemVectors::from_tensors(61, &g, &m.to_tensors()).unwrap(), m);
        assert!(ItemVectors::from_tensors(60, &g, &m.to_tensors()).is_err());
        assert!(ItemVectors::from_tensors(61, &given(json!({})), &m.to_tensors()).is_err());
    }
}
