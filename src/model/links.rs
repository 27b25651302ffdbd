//! A sparse item → item matrix: for each item the strongest links to others. What `item_knn`, `transition` and `ease` learn and score with.

use crate::base::interrupts::Looking;
use crate::base::number::{AsIndex, AsReal};
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor, memory, tensor};
use crate::dataset::Event;
use crate::model::gather::{Gather, Gathered, strongest};
use half::f16;
use std::sync::OnceLock;

/// Links of each item, strongest in magnitude first, in half precision (a link's weight is an estimate from a handful of users; 11 bits are
/// plenty).
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    offsets: Shared<usize>,
    rows: Rows,
}

/// Where the rows are.
#[derive(Debug, Clone, PartialEq)]
enum Rows {
    /// All, one after another.
    Whole { targets: Shared<u32>, weights: Shared<f16> },
    /// Those that were asked for so far: a list needs the rows of its history.
    Some(Vec<OnceLock<Row>>),
}

/// One item's links.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    targets: Box<[u32]>,
    weights: Box<[f16]>,
}

/// Bytes of a stored link: a little-endian 32-bit target and a 16-bit weight.
const STORED: usize = 6;

impl Links {
    /// For each of `items`: `sums(item, gather)` adds up its links to others, `finish(item, target, sum)` turns a sum into a weight (scaled so
    /// that it fits half precision), and the `keep` strongest stay ([`strongest`]).
    ///
    /// # Errors
    /// [`Code::Cancelled`], [`Code::OutOfMemory`].
    pub fn build(
        items: usize,
        keep: usize,
        ctx: &Context,
        sums: impl Fn(u32, &mut Gather) + Sync + Send,
        finish: impl Fn(u32, u32, f32) -> f32 + Sync + Send,
    ) -> Result<Self> {
        Self::build_with_own(items, keep, ctx, sums, |a, b, sum| if a == b { 0.0 } else { finish(a, b, sum) })
    }

    /// The same of links to others and from an item to itself: that it is had again.
    ///
    /// # Errors
    /// Those of [`Links::build`].
    pub fn build_with_own(
        items: usize,
        keep: usize,
        ctx: &Context,
        sums: impl Fn(u32, &mut Gather) + Sync + Send,
        finish: impl Fn(u32, u32, f32) -> f32 + Sync + Send,
    ) -> Result<Self> {
        let store = |w: f32| f16::from_f32(w.clamp(-65_504.0, 65_504.0));
        let Gathered { offsets, targets, weights } = strongest(items, keep, "the links of the items", ctx, sums, finish, store)?;
        Ok(Self { offsets: offsets.into(), rows: Rows::Whole { targets: targets.into(), weights: weights.into() } })
    }

    /// The targets and weights of an item.
    fn row(&self, item: u32) -> (&[u32], &[f16]) {
        match &self.rows {
            Rows::Whole { targets, weights } => {
                let at = self.offsets[item.index()]..self.offsets[item.index() + 1];
                (&targets[at.clone()], &weights[at])
            }
            Rows::Some(rows) => rows[item.index()].get().map_or((&[], &[]), |r| (&r.targets, &r.weights)),
        }
    }

    /// How many links an item has, held or not.
    fn degree(&self, item: u32) -> usize {
        self.offsets[item.index() + 1] - self.offsets[item.index()]
    }

    /// Whether the row of `item` is still to be given ([`Links::give`]) before anything is asked of it.
    pub fn lacks(&self, item: u32) -> bool {
        match &self.rows {
            Rows::Whole { .. } => false,
            Rows::Some(rows) => self.degree(item) > 0 && rows[item.index()].get().is_none(),
        }
    }

    /// Bytes that the rows which are still to be given will take.
    pub fn lacking(&self) -> usize {
        let row = |i: u32| self.degree(i) * STORED;
        (0..self.items() as u32).filter(|&i| self.lacks(i)).map(row).sum()
    }

    /// Gives the row of `item`, as it is stored; the bytes may be hostile.
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn give(&self, item: u32, stored: &[u8]) -> Result<()> {
        let Rows::Some(rows) = &self.rows else { return Ok(()) };
        let cell = rows.get(item.index()).ok_or_else(|| damaged("are of no item"))?;
        let (targets, weights) = read(stored, self.degree(item), rows.len())?;
        // Given twice it is the same.
        let _ = cell.set(Row { targets: targets.into(), weights: weights.into() });
        Ok(())
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many links there are.
    pub fn count(&self) -> usize {
        self.offsets.last().map_or(0, |n| *n)
    }

    /// The links of an item, strongest first.
    pub fn of(&self, item: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let (targets, weights) = self.row(item);
        targets.iter().copied().zip(weights.iter().map(|w| w.to_f32()))
    }

    /// `out` = Σ over the history of weight × recency × links, an event counting exp(−events since / `recency`). False when no link was
    /// found.
    pub fn score(&self, history: &[Event], recency: f32, out: &mut [f32]) -> bool {
        out.fill(0.0);
        let mut any = false;
        for (age, e) in history.iter().rev().enumerate() {
            let strength = e.weight * (-age.single() / recency).exp();
            // Beyond this the rest of the history cannot move a list: e^−16 is one part in nine million.
            if age.single() > 16.0 * recency {
                break;
            }
            for (target, w) in self.of(e.item) {
                out[target.index()] += strength * w;
                any = true;
            }
        }
        any
    }

    /// The links of an item to others, strongest first.
    fn to_others(&self, item: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.of(item).filter(move |(target, _)| *target != item)
    }

    /// The links of `item` as scores; those below 0 tell items apart and are no likeness.
    pub fn similar(&self, item: u32, out: &mut [f32]) -> bool {
        out.fill(0.0);
        self.to_others(item).for_each(|(t, w)| out[t.index()] = w.max(0.0));
        self.to_others(item).next().is_some()
    }

    /// The cosine of `item`'s row with that of each of `others`, into `out`, the item itself in a row at the weight of its strongest link;
    /// 0 where an item has no links. `scratch` has one an item, all 0, and is so again afterwards.
    pub fn cosines(&self, item: u32, others: &[u32], scratch: &mut [f32], out: &mut [f32]) {
        // The strongest stands first.
        let own = |i: u32| self.to_others(i).next().map_or(0.0, |(_, w)| w.abs());
        let squares = |i: u32| own(i).powi(2) + self.to_others(i).map(|(_, w)| w * w).sum::<f32>();
        scratch[item.index()] = own(item);
        self.to_others(item).for_each(|(t, w)| scratch[t.index()] = w);
        let length = squares(item);
        for (out, &i) in out.iter_mut().zip(others) {
            let product = own(i) * scratch[i.index()] + self.to_others(i).map(|(t, w)| w * scratch[t.index()]).sum::<f32>();
            *out = product / (length * squares(i)).sqrt().max(f32::MIN_POSITIVE);
        }
        scratch[item.index()] = 0.0;
        self.to_others(item).for_each(|(t, _)| scratch[t.index()] = 0.0);
    }

    /// The weights by name, of links that are held whole: of each link target and weight, a row an item, and where each row begins. A store
    /// can keep and read such a tensor row by row (its name ends in `.row`, that of the places in `.offset`).
    pub fn to_tensors(&self) -> Vec<Tensor> {
        let n = self.count();
        let mut bytes: Vec<u8> = Vec::with_capacity(n * STORED);
        for item in (0..self.items() as u32).looking() {
            let (targets, weights) = self.row(item);
            for (t, w) in targets.iter().zip(weights) {
                bytes.extend_from_slice(&t.to_le_bytes());
                bytes.extend_from_slice(&w.to_le_bytes());
            }
        }
        let offsets: Shared<i64> = self.offsets.iter().map(|&o| o as i64).collect();
        vec![
            Tensor { name: "links.offset".into(), shape: vec![offsets.len()], numbers: Numbers::I64(offsets) },
            Tensor { name: "links.row".into(), shape: vec![n, STORED], numbers: Numbers::U8(bytes.into()) },
        ]
    }

    /// The same as it is used: targets and weights apart. None of the rows may be lacking ([`Links::give`]).
    pub fn laid_out(&self) -> Vec<Tensor> {
        let (targets, weights) = match &self.rows {
            Rows::Whole { targets, weights } => (tensor::lay(TARGETS, targets), weights.clone()),
            Rows::Some(_) => {
                let count = self.count();
                let (mut targets, mut weights) = (Vec::with_capacity(count), Vec::with_capacity(count));
                for (t, w) in (0..self.items() as u32).map(|i| self.row(i)).looking() {
                    targets.extend_from_slice(t);
                    weights.extend_from_slice(w);
                }
                (tensor::lay(TARGETS, &targets.into()), weights.into())
            }
        };
        let offsets = tensor::stored_places(&self.offsets);
        vec![
            Tensor { name: "links.offset".into(), shape: vec![offsets.len()], numbers: Numbers::I64(offsets) },
            targets,
            Tensor { name: WEIGHTS.into(), shape: vec![weights.len()], numbers: Numbers::F16(weights) },
        ]
    }

    /// Back from [`Links::laid_out`], where that is what the tensors are. Which items links lead to was checked before they were laid out;
    /// one that leads to none would be a panic where it is followed, as any index.
    fn laid(items: usize, tensors: &[Tensor]) -> Option<Self> {
        let (targets, weights) = (tensor::laid::<u32>(tensors, TARGETS)?, tensor::laid::<f16>(tensors, WEIGHTS)?);
        let Numbers::I64(stored) = tensor::find(tensors, "links.offset", &[items + 1]).ok()? else { return None };
        let offsets = tensor::laid_places(stored)?;
        let fits = offsets.first() == Some(&0) && targets.len() == weights.len() && offsets.last() == Some(&targets.len());
        fits.then_some(Self { offsets, rows: Rows::Whole { targets, weights } })
    }

    /// Back from [`Links::to_tensors`]; the tensors may be hostile. Where the rows' tensor has its shape but no bytes, rows are given later
    /// ([`Links::give`]).
    ///
    /// # Errors
    /// [`Code::Corrupt`], [`Code::OutOfMemory`].
    pub fn from_tensors(items: usize, tensors: &[Tensor]) -> Result<Self> {
        if let Some(laid) = Self::laid(items, tensors) {
            return Ok(laid);
        }
        let Numbers::I64(stored) = tensor::find(tensors, "links.offset", &[items + 1])? else {
            return Err(damaged("are of the wrong type"));
        };
        if stored[0] != 0 || !stored.is_sorted() || usize::try_from(stored[items]).is_err() {
            return Err(damaged("have no order"));
        }
        let offsets: Shared<usize> = stored.iter().map(|&o| o as usize).collect();
        let shape = [offsets[items], STORED];
        let later = |t: &&Tensor| t.name == "links.row" && t.shape == shape && t.numbers == Numbers::U8(Shared::default());
        if offsets[items] > 0 && tensors.iter().find(later).is_some() {
            let mut rows = Vec::new();
            memory::reserve(&mut rows, items)?;
            rows.resize_with(items, OnceLock::new);
            return Ok(Self { offsets, rows: Rows::Some(rows) });
        }
        let Numbers::U8(bytes) = tensor::find(tensors, "links.row", &shape)? else { return Err(damaged("are of the wrong type")) };
        let (targets, weights) = read(bytes, offsets[items], items)?;
        Ok(Self { offsets, rows: Rows::Whole { targets: targets.into(), weights: weights.into() } })
    }
}

/// How targets and weights are called where they are laid out apart.
const TARGETS: &str = "links.target";
const WEIGHTS: &str = "links.weight";

/// `count` stored links to some of `items`.
fn read(stored: &[u8], count: usize, items: usize) -> Result<(Vec<u32>, Vec<f16>)> {
    let (links, rest) = stored.as_chunks::<STORED>();
    if links.len() != count || !rest.is_empty() {
        return Err(damaged("are not as many as there should be"));
    }
    let (mut targets, mut weights) = (Vec::new(), Vec::new());
    memory::reserve(&mut targets, count)?;
    memory::reserve(&mut weights, count)?;
    for [a, b, c, d, e, f] in links.iter().looking() {
        targets.push(u32::from_le_bytes([*a, *b, *c, *d]));
        weights.push(f16::from_le_bytes([*e, *f]));
    }
    if targets.iter().any(|&t| t.index() >= items) || weights.iter().any(|w| !w.is_finite()) {
        return Err(damaged("lead to no item"));
    }
    Ok((targets, weights))
}

fn damaged(what: &str) -> Error {
    Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("The links {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet, packed};

    fn ring(threads: usize) -> Links {
        let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        Links::build(40, 2, &ctx, |i, g| (0..4).for_each(|d| g.add((i + d) % 40, d as f32 + 1.0)), |_, _, sum| sum / 2.0).unwrap()
    }

    #[test]
    fn the_strongest_links_stay_whatever_the_threads() {
        let links = ring(1);
        assert_eq!(links, ring(3));
        assert_eq!(links.of(39).collect::<Vec<_>>(), [(2, 2.0), (1, 1.5)]);
        let mut out = vec![9.0; 40];
        let e = |item| Event::new(0, item, 1.0);
        assert!(links.score(&[e(0), e(1)], 1.0, &mut out));
        assert!((out[3] - ((-1f32).exp() * 2.0 + 1.5)).abs() < 1e-6 && out[9] == 0.0);
        assert!(!links.score(&[], 1.0, &mut out));
        assert_eq!(Links::from_tensors(40, &links.to_tensors()).unwrap(), links);
        let laid = packed::in_memory(&links.laid_out()).unwrap();
        assert_eq!(Links::from_tensors(40, &laid).unwrap(), links);
        // As they are stored nothing is laid out, whatever it is called.
        assert_eq!(Links::from_tensors(40, &links.laid_out()).unwrap_err().code, Code::Corrupt);
    }

    #[test]
    fn rows_that_are_given_one_by_one_are_those_of_the_whole() {
        let whole = ring(1);
        let mut tensors = whole.to_tensors();
        let Numbers::U8(bytes) = std::mem::replace(&mut tensors[1].numbers, Numbers::U8(Shared::default())) else { panic!() };
        let some = Links::from_tensors(40, &tensors).unwrap();
        let all = some.clone();
        let stored = |i: usize| &bytes[i * 2 * STORED..(i + 1) * 2 * STORED];
        assert!(some.lacks(7) && !whole.lacks(7));
        assert_eq!((some.lacking(), whole.lacking()), (40 * 2 * STORED, 0));
        some.give(7, stored(7)).unwrap();
        assert!(!some.lacks(7) && some.lacks(8));
        (0..40).for_each(|i| all.give(i, stored(i as usize)).unwrap());
        assert_eq!(all.laid_out(), whole.laid_out());
        assert_eq!(some.of(7).collect::<Vec<_>>(), whole.of(7).collect::<Vec<_>>());
        for bad in [&bytes[..STORED], &bytes[..3 * STORED], &bytes[..2 * STORED - 1], &[0xff; 2 * STORED]] {
            assert_eq!(some.give(8, bad).unwrap_err().code, Code::Corrupt);
        }
        assert_eq!(some.give(40, stored(7)).unwrap_err().code, Code::Corrupt);
        assert!(some.lacks(8));
        // A shape that does not fit the places is no promise of rows.
        tensors[1].shape[0] -= 1;
        assert_eq!(Links::from_tensors(40, &tensors).unwrap_err().code, Code::Corrupt);
    }

    #[test]
    fn hostile_tensors_are_refused() {
        let good = ring(1).to_tensors();
        let mut t = good.clone();
        if let Numbers::U8(b) = &mut t[1].numbers {
            b.own()[0] = 200
        }
        assert_eq!(Links::from_tensors(40, &t).unwrap_err().code, Code::Corrupt);
        let mut t = good.clone();
        if let Numbers::I64(o) = &mut t[0].numbers {
            o.own()[3] = 1_000_000
        }
        assert_eq!(Links::from_tensors(40, &t).unwrap_err().code, Code::Corrupt);
        assert_eq!(Links::from_tensors(41, &good).unwrap_err().code, Code::Corrupt);
    }
}
