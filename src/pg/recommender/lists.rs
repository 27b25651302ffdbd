//! Lists as they are asked for: which of the scored items may be shown, and the best of them in their order.

use crate::base::Result;
use crate::base::number::AsIndex;
use crate::dataset::Id;
use crate::pg::call::prototype::Recommendation;
use crate::pg::recommender::live_history::{History, Live};
use crate::pg::recommender::serve_factors;
use crate::pg::recommender::serving::{ListRequest, Ready, now};

impl Ready {
    /// The list for `user`.
    ///
    /// # Errors
    /// What reading the events raises.
    pub(crate) fn recommend(&self, user: Option<&Id>, request: &ListRequest) -> Result<(Vec<Recommendation>, String)> {
        let history = user.map(|u| self.history(u)).transpose()?.unwrap_or_default();
        if let Some(list) = serve_factors::best(self, &history, request)? {
            return Ok((self.ranked(list), self.recommender().kind().to_owned()));
        }
        let scored = self.scored(history)?;
        let mut scores = self.allowed(&scored.scores, request)?;
        let options = &request.options;
        let pool = options.candidates(request.k)?;
        // Where the history was cut, what the user had before is looked up.
        let older = user.zip(self.live()).filter(|_| scored.history.cut);
        if request.exclude_seen {
            scored.history.seen.iter().for_each(|&i| scores[i.index()] = f32::NEG_INFINITY);
            if let Some((user, live)) = older {
                self.drop_older(live, user, &mut scores, pool)?;
            }
        }
        if options.plain() {
            return Ok((self.top(&scores, request.k), scored.source));
        }
        let model = self.recommender();
        let mut best: Vec<(u32, f32, bool)> = model.best(&scores, pool).map(|(i, s)| (i, s, false)).collect();
        if options.new_share > 0.0 && !request.exclude_seen {
            let mut fresh = scores.clone();
            scored.history.seen.iter().for_each(|&i| fresh[i.index()] = f32::NEG_INFINITY);
            if let Some((user, live)) = older {
                self.drop_older(live, user, &mut fresh, pool)?;
                let items: Vec<u32> = best.iter().map(|b| b.0).collect();
                live.had(user, &items, model)?.iter().for_each(|&i| fresh[i.index()] = f32::NEG_INFINITY);
            }
            best.iter_mut().for_each(|b| b.2 = fresh[b.0.index()] == f32::NEG_INFINITY);
            let more: Vec<_> = model.best(&fresh, pool).filter(|(i, _)| best.iter().all(|b| b.0 != *i)).collect();
            best.extend(more.into_iter().map(|(i, s)| (i, s, false)));
        }
        if options.diversity > 0.0 {
            self.supply(Some(&best.iter().map(|b| b.0).collect::<Vec<_>>()))?;
        }
        let check = || {
            pgrx::check_for_interrupts!();
            Ok(())
        };
        let list = options.choose(model, best, request.k, check)?;
        Ok((self.ranked(list), scored.source))
    }

    /// The list for a history that is given: a basket, a session.
    ///
    /// # Errors
    /// Out of memory.
    pub(crate) fn recommend_for(&self, items: &[Id], k: usize) -> Result<(Vec<Recommendation>, String)> {
        let known = self.known_items(items)?;
        // As of a user's events, the latest count.
        let limit = self.history_limit();
        let events = known[known.len().saturating_sub(limit)..].iter().map(|&item| crate::dataset::Event::new(now(), item, 1.0)).collect();
        let history = History { events, seen: known, any: !items.is_empty(), cut: false };
        let (mut scores, source) = self.score_of(&history, "popularity: no items are given")?;
        history.seen.iter().for_each(|&i| scores[i.index()] = f32::NEG_INFINITY);
        Ok((self.top(&scores, k), source))
    }

    /// Items like `item`; none for one that the model does not know.
    ///
    /// # Errors
    /// [`crate::base::Code::Unsupported`] for a kind that knows no likeness.
    pub(crate) fn similar(&self, item: &Id, k: usize) -> Result<Vec<Recommendation>> {
        let mut scores = crate::base::zeros(self.recommender().items().len())?;
        let Some(item) = self.find_item(item)? else {
            // Whether the kind can is said even for an item that it does not know.
            self.recommender().similar(0, &mut scores)?;
            return Ok(Vec::new());
        };
        self.supply(Some(&[item]))?;
        if !self.recommender().similar(item, &mut scores)? {
            return Ok(Vec::new());
        }
        scores.iter_mut().filter(|s| **s == 0.0).for_each(|s| *s = f32::NEG_INFINITY);
        scores[item.index()] = f32::NEG_INFINITY;
        Ok(self.top(&scores, k))
    }

    /// The scores with −∞ for what `among` and `exclude` rule out.
    fn allowed(&self, scores: &[f32], request: &ListRequest) -> Result<Vec<f32>> {
        let mut out = crate::base::zeros(scores.len())?;
        match &request.among {
            None => out.copy_from_slice(scores),
            Some(among) => {
                out.fill(f32::NEG_INFINITY);
                self.known_items(among)?.iter().for_each(|&i| out[i.index()] = scores[i.index()]);
            }
        }
        for i in self.known_items(request.exclude.as_deref().unwrap_or_default())? {
            out[i.index()] = f32::NEG_INFINITY;
        }
        Ok(out)
    }

    /// Leaves out of `scores` what the user had before the events that were read, as far as it would be among the best `k`: the candidates are looked up.
    fn drop_older(&self, live: &Live, user: &Id, scores: &mut [f32], k: usize) -> Result<()> {
        let most = k.saturating_mul(2).saturating_add(20);
        loop {
            let best: Vec<u32> = self.recommender().best(scores, most).map(|x| x.0).collect();
            let had = live.had(user, &best, self.recommender())?;
            let enough = best.len() - had.len().min(best.len()) >= k || best.len() < most;
            had.iter().for_each(|&i| scores[i.index()] = f32::NEG_INFINITY);
            if enough || had.is_empty() {
                return Ok(());
            }
        }
    }

    fn top(&self, scores: &[f32], k: usize) -> Vec<Recommendation> {
        self.ranked(self.recommender().best(scores, k))
    }

    /// Items and scores in the order of a list.
    fn ranked(&self, list: impl IntoIterator<Item = (u32, f32)>) -> Vec<Recommendation> {
        let items = self.recommender().items();
        let row = |(rank, (item, score))| Recommendation { rank, item: items.id(item), score };
        (1..).zip(list).map(row).collect()
    }
}
