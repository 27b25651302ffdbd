//! Lists for many users at once, spread over the threads: to each what a list of its own would hold.

use crate::base::number::AsIndex;
use crate::base::{Context, Error, Result, zeros};
use crate::dataset::{Event, Id};
use crate::kernel::Best;
use crate::model::products::{PANEL, Products, Wish};
use crate::serve::recommender::{Recommender, Source};

/// A user to make a list for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The user.
    pub user: Id,
    /// The events that the list is made from, items that the model knows, in any order.
    pub events: Vec<Event>,
    /// The known items that the user ever had, in any order.
    pub seen: Vec<u32>,
    /// Whether the user has events at all, known to the model or not.
    pub any: bool,
}

/// One user's list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// Where it comes from.
    pub source: Source,
    /// Items and their scores, best first.
    pub items: Vec<(u32, f32)>,
}

impl Asked {
    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.events.capacity() * size_of::<Event>() + self.seen.capacity() * 4 + size_of::<Self>()
    }
}

/// Users that a thread takes at a time.
const STEP: usize = 16;
/// The same, of models whose scores are products of vectors: items pass by once for all of them. (Lists of 100,000 users from 20,000 items
/// × 64 come at .66 to .73 of the rate of the products alone, the making of the users' vectors included.)
const BLOCK: usize = 4 * PANEL;

/// The best `k` items for each of `asked`, as of `now` (microseconds since 2000-01-01); with `exclude_seen` without those that the user
/// had.
///
/// # Errors
/// [`crate::base::Code::Cancelled`], [`crate::base::Code::OutOfMemory`].
pub fn lists(model: &Recommender, asked: &mut [Asked], k: usize, exclude_seen: bool, now: i64, ctx: &Context) -> Result<Vec<List>> {
    if let Some(products) = model.model().products() {
        return by_vectors(model, products, asked, k, exclude_seen, ctx);
    }
    let items = model.items().len();
    let _booked = ctx.budget.take(items.saturating_mul(4 * ctx.pool.threads()), "scores of all items")?;
    let run = |asked: &mut [Asked]| -> Result<Vec<List>> {
        let mut scores = zeros(items)?;
        let mut lists = Vec::with_capacity(asked.len());
        for one in asked {
            ctx.check()?;
            model.order(&one.user, &mut one.events);
            let source = model.score_history(&one.events, now, &mut scores);
            if exclude_seen {
                one.seen.iter().for_each(|&i| scores[i.index()] = f32::NEG_INFINITY);
            }
            lists.push(List { source, items: model.best(&scores, k).collect() });
        }
        Ok(lists)
    };
    shared_out(asked, STEP, ctx, run)
}

/// What `run` makes of `step` users at a time, on all threads: of each user one.
///
/// # Errors
/// Those of `run`.
pub fn shared_out<T: Send>(
    asked: &mut [Asked],
    step: usize,
    ctx: &Context,
    run: impl Fn(&mut [Asked]) -> Result<Vec<T>> + Sync + Send,
) -> Result<Vec<T>> {
    let mut parts: Vec<(&mut [Asked], Result<Vec<T>>)> = asked.chunks_mut(step).map(|part| (part, Ok(Vec::new()))).collect();
    ctx.pool.each_mut(&mut parts, |_, (part, made)| *made = run(part));
    let mut all = Vec::with_capacity(parts.len() * step);
    for (_, made) in parts {
        all.extend(made?);
    }
    Ok(all)
}

/// [`lists`] of a model whose scores are products of a user's vector with the items': of many users at once.
fn by_vectors(
    model: &Recommender,
    products: Products<'_>,
    asked: &mut [Asked],
    k: usize,
    exclude_seen: bool,
    ctx: &Context,
) -> Result<Vec<List>> {
    let (width, popularity) = (products.width, model.popularity());
    let each = BLOCK * (8 * width + 16 * k.min(popularity.len()));
    let _booked = ctx.budget.take(each.saturating_mul(ctx.pool.threads()), "vectors and lists of users")?;
    let run = |asked: &mut [Asked]| -> Result<Vec<List>> {
        let mut vectors: Vec<f32> = zeros(asked.len() * width)?;
        let mut folder = model.model().folder().ok_or_else(|| Error::internal("A model of products makes no users' vectors."))?;
        let mut known = Vec::with_capacity(asked.len());
        for (one, vector) in asked.iter_mut().zip(vectors.chunks_exact_mut(width)) {
            ctx.check()?;
            model.order(&one.user, &mut one.events);
            known.push(folder.user(&one.events, vector));
            if exclude_seen {
                one.seen.sort_unstable();
            } else {
                one.seen.clear();
            }
        }
        let with_vector = asked.iter().zip(vectors.chunks_exact(width)).zip(&known).filter(|x| *x.1);
        let wishes: Vec<Wish<'_>> = with_vector.map(|((one, vector), _)| Wish { vector, left_out: &one.seen }).collect();
        let mut made = products.best_of_many(&wishes, k, popularity, ctx)?.into_iter();
        let list = |(one, known): (&Asked, &bool)| match known {
            true => List { source: Source::History, items: made.next().unwrap_or_default() },
            // Nothing of the history counts: what most users chose.
            false => {
                let mut best = Best::new(k, popularity.len(), Some(popularity));
                let open = (0..).zip(popularity).filter(|(i, _)| one.seen.binary_search(i).is_err());
                open.for_each(|(i, &score)| best.add(i, score));
                let source = if one.events.is_empty() { Source::NoEvents } else { Source::NothingKnown };
                List { source, items: best.into_list() }
            }
        };
        Ok(asked.iter().zip(&known).map(list).collect())
    };
    shared_out(asked, BLOCK, ctx, run)
}
