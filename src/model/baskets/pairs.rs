//! The pairs of items that baskets hold, counted one item at a time on all threads: no square of the items is ever held, and a basket costs
//! at most the square of what counts of it.

use super::cut::Lists;
use crate::base::number::AsIndex;
use crate::base::tensor::find;
use crate::base::{Code, Context, Error, Numbers, Result, Shared, Tensor, memory, zeros};
use crate::model::gather::look;
use crate::model::lift::Counts;
use std::sync::Mutex;

/// Of each item those that go with it, the surest first: how many baskets hold both.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Items + 1.
    offsets: Shared<i64>,
    /// The count × 2³² + the other item.
    pairs: Shared<i64>,
}

/// A pair on its way to a row.
#[derive(Debug, Clone, Copy)]
struct Found {
    low: f64,
    other: u32,
    both: u32,
}

/// Rows of some items.
#[derive(Debug, Default)]
struct Part {
    lengths: Vec<usize>,
    pairs: Vec<i64>,
}

impl Pairs {
    /// Of each item the `keep` others whose lift has the highest lower end, of those that go with it more than by chance and have at least
    /// `floor` baskets in common with it.
    ///
    /// # Errors
    /// [`Code::Cancelled`], [`Code::OutOfMemory`].
    pub fn count(baskets: &Lists, by_item: &Lists, (floor, keep): (u32, usize), ctx: &Context<'_>) -> Result<Self> {
        let items = by_item.len();
        // A part's length depends on the number of items only, so that the result does not depend on the threads.
        let step = (items / 512).clamp(16, 4096);
        let own = items.saturating_mul(8 + size_of::<Found>()).saturating_mul(ctx.pool.threads());
        let booked = Mutex::new(ctx.budget.take(own, "the pairs of items")?);
        let grow = |bytes: usize| booked.lock().map_err(|_| Error::internal("a worker panicked"))?.grow(bytes, "the pairs of items");
        let run = |part: usize| -> Result<Part> {
            let mut out = Part::default();
            let (mut both, mut touched): (Vec<u32>, Vec<u32>) = (zeros(items)?, Vec::new());
            let mut row: Vec<Found> = Vec::new();
            for item in (part * step..((part + 1) * step).min(items)).map(|i| i as u32) {
                ctx.check()?;
                for (at, basket) in by_item.of(item).iter().enumerate() {
                    look(at);
                    for other in baskets.of(*basket) {
                        let n = &mut both[other.index()];
                        if *n == 0 {
                            touched.push(*other);
                        }
                        *n += 1;
                    }
                }
                row.clear();
                memory::reserve(&mut row, touched.len())?;
                for other in touched.drain(..) {
                    let both = std::mem::take(&mut both[other.index()]);
                    if other != item && both >= floor {
                        let of = |i: u32| by_item.of(i).len() as u32;
                        let low = Counts { both, one: of(item), other: of(other), all: baskets.len() as u32 }.low();
                        if low > 1.0 {
                            row.push(Found { low, other, both });
                        }
                    }
                }
                row.sort_unstable_by(|a, b| b.low.total_cmp(&a.low).then(b.both.cmp(&a.both)).then(a.other.cmp(&b.other)));
                row.truncate(keep);
                memory::reserve(&mut out.pairs, row.len())?;
                out.pairs.extend(row.iter().map(|f| i64::from(f.both) << 32 | i64::from(f.other)));
                out.lengths.push(row.len());
            }
            out.pairs.shrink_to_fit();
            grow(out.pairs.len() * 8)?;
            Ok(out)
        };
        let mut parts: Vec<Result<Part>> = (0..items.div_ceil(step)).map(|_| Ok(Part::default())).collect();
        ctx.pool.each_mut(&mut parts, |at, part| *part = run(at));
        let parts: Vec<Part> = parts.into_iter().collect::<Result<_>>()?;
        let all: usize = parts.iter().map(|p| p.pairs.len()).sum();
        grow(all * 8 + items * 8)?;
        let (mut offsets, mut pairs) = (Vec::new(), Vec::new());
        memory::reserve(&mut offsets, items + 1)?;
        memory::reserve(&mut pairs, all)?;
        offsets.push(0);
        for part in parts {
            let mut end = pairs.len();
            offsets.extend(part.lengths.iter().map(|n| {
                end += n;
                end as i64
            }));
            pairs.extend(part.pairs);
        }
        Ok(Self { offsets: offsets.into(), pairs: pairs.into() })
    }

    /// What goes with `item`, and in how many baskets.
    pub fn of(&self, item: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let at = self.offsets[item.index()] as usize..self.offsets[item.index() + 1] as usize;
        self.pairs[at].iter().map(|p| (*p as u32, (*p >> 32) as u32))
    }
}

/// The tensors' names.
const HOLDING: &str = "baskets.holding";
const OFFSETS: &str = "pairs.offset";
const PAIRS: &str = "pairs.pair";

/// How many baskets hold each item and anything, and the pairs, as they are stored.
pub fn tensors(holding: &Shared<i64>, pairs: &Pairs) -> Vec<Tensor> {
    let one = |name: &str, v: &Shared<i64>| Tensor { name: name.into(), shape: vec![v.len()], numbers: Numbers::I64(v.clone()) };
    vec![one(HOLDING, holding), one(OFFSETS, &pairs.offsets), one(PAIRS, &pairs.pairs)]
}

/// Back from [`tensors`], which may be hostile.
///
/// # Errors
/// [`Code::Corrupt`].
pub fn read(items: usize, tensors: &[Tensor]) -> Result<(Shared<i64>, Pairs)> {
    let damaged = |what: &str| Error::new(Code::Corrupt, "stored weights are damaged").detail(format!("{what}."));
    let whole = |name: &str, len: usize| match find(tensors, name, &[len])? {
        Numbers::I64(v) => Ok(v.clone()),
        _ => Err(damaged("Baskets are counted in whole numbers")),
    };
    let holding = whole(HOLDING, items + 1)?;
    let all = holding.last().copied().unwrap_or(0);
    if all > i64::from(u32::MAX) || holding.iter().any(|n| !(0..=all).contains(n)) {
        return Err(damaged("An item is in more baskets than there are"));
    }
    let offsets = whole(OFFSETS, items + 1)?;
    let count = offsets.last().and_then(|n| usize::try_from(*n).ok());
    let Some(count) = count.filter(|_| offsets[0] == 0 && offsets.is_sorted()) else { return Err(damaged("The pairs have no order")) };
    let pairs = Pairs { pairs: whole(PAIRS, count)?, offsets };
    // What is a part of a file was looked at before it was written there.
    for item in (0..items as u32).filter(|_| !pairs.pairs.is_part()) {
        let of = |i: u32| holding[i.index()];
        if pairs.pairs[pairs.offsets[item.index()] as usize..pairs.offsets[item.index() + 1] as usize].iter().any(|p| *p < 0)
            || pairs
                .of(item)
                .any(|(other, both)| other.index() >= items || other == item || i64::from(both) > of(item).min(of(other)) || both == 0)
        {
            return Err(damaged("A pair is none"));
        }
    }
    Ok((holding, pairs))
}
