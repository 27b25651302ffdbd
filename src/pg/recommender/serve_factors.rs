//! A list for one user of a model whose scores are products of vectors: the items' vectors are read once, on all threads where there are
//! many, and no score but the best is written.

use crate::base::{Context, Pool, Quiet, Result};
use crate::kernel::Best;
use crate::model::products::Wish;
use crate::pg::backend::{interrupts, settings};
use crate::pg::recommender::live_history::History;
use crate::pg::recommender::serving::Ready;
use crate::serve::list::ListRequest;

/// Numbers of vectors from which they are shared out over threads: reading them, 8 MB in 16 bits, takes longer than starting these.
const MANY: usize = 1 << 22;

/// The best items for `history`, best first. None where the model has no vectors, nothing of the history counts, or the list wants more
/// than the best scores: then all scores are needed.
///
/// # Errors
/// Out of memory; a cancel.
pub(crate) fn best(ready: &Ready, history: &History, request: &ListRequest) -> Result<Option<Vec<(u32, f32)>>> {
    let model = ready.recommender();
    let Some(factors) = model.factors().filter(|_| request.options.plain() && !(request.exclude_seen && history.cut)) else {
        return Ok(None);
    };
    let Some(vector) = factors.user(&history.events) else { return Ok(None) };
    let (items, popularity) = (model.items(), model.popularity());
    let left_out = request.left_out(&history.seen);
    if let Some(allowed) = request.candidates(&left_out) {
        let mut best = Best::new(request.k, allowed.len(), Some(popularity));
        allowed.iter().for_each(|&i| best.add(i, factors.one(&vector, i)));
        return Ok(Some(best.into_list()));
    }
    let (wish, budget) = (Wish { vector: &vector, left_out: &left_out }, settings::budget());
    if items.len().saturating_mul(factors.width()) < MANY {
        let ctx = Context { seed: 0, pool: &Pool::single(), budget: &budget, watch: &Quiet };
        return factors.best(wish, request.k, popularity, &ctx).map(Some);
    }
    interrupts::run(0, &budget, |_| {}, |ctx| factors.best(wish, request.k, popularity, ctx)).map(Some)
}
