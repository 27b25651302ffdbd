//! What a list holds: which of the scored items may be shown, and the best of them in their order.

use crate::base::number::AsIndex;
use crate::base::{Result, zeros};
use crate::serve::recommender::Recommender;
use crate::serve::rerank::Options;

/// What a list is asked for; items by their indices.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// How many items.
    pub k: usize,
    /// Whether items that the user had are left out.
    pub exclude_seen: bool,
    /// Only these; none: any.
    pub among: Option<Vec<u32>>,
    /// Not these.
    pub exclude: Vec<u32>,
    /// What the list is to be beside relevant.
    pub options: Options,
}

/// What a list needs of the one whom it is for, and of the place where it is made.
pub trait Surroundings {
    /// The items that the user had, of the events that were read.
    fn seen(&self) -> &[u32];

    /// Whether the user may have had others before.
    fn has_older(&self) -> bool;

    /// Those of `items` that the user had at any time.
    ///
    /// # Errors
    /// What looking them up brings about.
    fn had(&self, items: &[u32]) -> Result<Vec<u32>>;

    /// Makes what the model needs of `items` to tell how like they are.
    ///
    /// # Errors
    /// [`crate::base::Code::Corrupt`].
    fn supply(&self, items: &[u32]) -> Result<()>;

    /// Asked in long loops.
    ///
    /// # Errors
    /// [`crate::base::Code::Cancelled`].
    fn check(&self) -> Result<()>;
}

impl ListRequest {
    /// The items that are left out of a list for one who had `seen`, ascending.
    pub fn left_out(&self, seen: &[u32]) -> Vec<u32> {
        let mut out = self.exclude.clone();
        if self.exclude_seen {
            out.extend_from_slice(seen);
        }
        out.sort_unstable();
        out
    }

    /// The items that the list may hold, where only some are asked for, ascending and each once: those without `left_out`.
    pub fn candidates(&self, left_out: &[u32]) -> Option<Vec<u32>> {
        let mut among = self.among.clone()?;
        among.retain(|i| left_out.binary_search(i).is_err());
        among.sort_unstable();
        among.dedup();
        Some(among)
    }

    /// The scores with −∞ for what may not be shown to anybody.
    fn allowed(&self, scores: &[f32]) -> Result<Vec<f32>> {
        let mut out = zeros(scores.len())?;
        match &self.among {
            None => out.copy_from_slice(scores),
            Some(among) => {
                out.fill(f32::NEG_INFINITY);
                among.iter().for_each(|&i| out[i.index()] = scores[i.index()]);
            }
        }
        leave_out(&mut out, &self.exclude);
        Ok(out)
    }
}

/// The list of what has these `scores` (one an item), best first. With `new_share` some places go to items that the user never had, with
/// `diversity` items that are like one another stand back.
///
/// # Errors
/// [`crate::base::Code::InvalidParameter`] for a diverse list that is too long; [`crate::base::Code::Unsupported`] for one by a kind that knows no likeness; those of `around`.
pub fn choose(model: &Recommender, scores: &[f32], request: &ListRequest, around: &dyn Surroundings) -> Result<Vec<(u32, f32)>> {
    let mut scores = request.allowed(scores)?;
    let options = &request.options;
    let pool = options.candidates(request.k)?;
    if request.exclude_seen {
        leave_out(&mut scores, around.seen());
        drop_older(model, &mut scores, pool, around)?;
    }
    if options.plain() {
        return Ok(model.best(&scores, request.k).collect());
    }
    let mut best: Vec<(u32, f32, bool)> = model.best(&scores, pool).map(|(i, s)| (i, s, false)).collect();
    if options.new_share > 0.0 && !request.exclude_seen {
        let mut fresh = scores.clone();
        leave_out(&mut fresh, around.seen());
        drop_older(model, &mut fresh, pool, around)?;
        if around.has_older() {
            leave_out(&mut fresh, &around.had(&best.iter().map(|b| b.0).collect::<Vec<_>>())?);
        }
        best.iter_mut().for_each(|b| b.2 = fresh[b.0.index()] == f32::NEG_INFINITY);
        let more: Vec<_> = model.best(&fresh, pool).filter(|(i, _)| best.iter().all(|b| b.0 != *i)).collect();
        best.extend(more.into_iter().map(|(i, s)| (i, s, false)));
    }
    if options.diversity > 0.0 {
        around.supply(&best.iter().map(|b| b.0).collect::<Vec<_>>())?;
    }
    options.choose(model, best, request.k, || around.check())
}

fn leave_out(scores: &mut [f32], items: &[u32]) {
    items.iter().for_each(|&i| scores[i.index()] = f32::NEG_INFINITY);
}

/// Leaves out of `scores` what the user had before the events that were read, as far as it would be among the best `k`: the candidates are
/// looked up, since all that a user ever had is not read.
fn drop_older(model: &Recommender, scores: &mut [f32], k: usize, around: &dyn Surroundings) -> Result<()> {
    if !around.has_older() {
        return Ok(());
    }
    let most = k.saturating_mul(2).saturating_add(20);
    loop {
        let best: Vec<u32> = model.best(scores, most).map(|x| x.0).collect();
        let had = around.had(&best)?;
        let enough = best.len() - had.len().min(best.len()) >= k || best.len() < most;
        leave_out(scores, &had);
        if enough || had.is_empty() {
            return Ok(());
        }
    }
}
