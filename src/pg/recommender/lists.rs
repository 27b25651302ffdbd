//! Lists as they are asked for: the user's events, their scores, and what `serve::list` makes of them.

use crate::base::number::AsIndex;
use crate::base::{Code, Error, Result};
use crate::dataset::{Event, Id};
use crate::pg::call::prototype::Recommendation;
use crate::pg::recommender::live_history::{History, Live};
use crate::pg::recommender::serve_factors;
use crate::pg::recommender::serving::{Ready, Scored, now};
use crate::pg::store::models::Scope;
use crate::serve::because;
use crate::serve::list::{self, ListRequest, Surroundings};
use crate::serve::recommender::Source;

/// One user's list in the making.
struct Here<'a> {
    ready: &'a Ready,
    scored: &'a Scored,
    older: Option<(&'a Id, &'a Live)>,
}

impl Surroundings for Here<'_> {
    fn seen(&self) -> &[u32] {
        &self.scored.history.seen
    }

    fn has_older(&self) -> bool {
        self.older.is_some()
    }

    fn had(&self, items: &[u32]) -> Result<Vec<u32>> {
        self.older.map_or(Ok(Vec::new()), |(user, live)| live.had(user, items, self.ready.recommender()))
    }

    fn supply(&self, items: &[u32]) -> Result<()> {
        self.ready.supply(Some(items))
    }

    fn check(&self) -> Result<()> {
        pgrx::check_for_interrupts!();
        Ok(())
    }
}

impl Ready {
    /// The list for `user`.
    ///
    /// # Errors
    /// What reading the events raises; those of [`list::choose`].
    pub(crate) fn recommend(&self, user: Option<&Id>, request: &ListRequest) -> Result<(Vec<Recommendation>, String)> {
        let history = user.map(|u| self.history(u)).transpose()?.unwrap_or_default();
        self.counts.call();
        let any = history.any;
        if let Some(list) = serve_factors::best(self, &history, request)? {
            self.counts.list(list.len(), any, true);
            return Ok((self.ranked(list), self.recommender().kind().to_owned()));
        }
        let scored = self.scored(history)?;
        // Where the history was cut, what the user had before is looked up.
        let older = user.zip(self.live()).filter(|_| scored.history.cut);
        let list = list::choose(self.recommender(), &scored.scores, request, &Here { ready: self, scored: &scored, older })?;
        self.counts.list(list.len(), any, scored.known);
        Ok((self.ranked(list), scored.source))
    }

    /// The item of `user`'s history that says most of why the user's list is what it is, and the `k` items that follow from it, best first,
    /// without what the user had; none for a user of whom nothing is known.
    ///
    /// # Errors
    /// [`Code::Privilege`] for one who may not know what users had; [`Code::Unsupported`] for a kind whose lists follow from no item; what
    /// reading the events raises.
    pub(crate) fn because(&self, user: Option<&Id>, k: usize) -> Result<Option<(Id, Vec<Recommendation>)>> {
        self.allow(Scope::All, "what users had")?;
        self.counts.call();
        let model = self.recommender();
        if !model.follows() {
            let e = Error::new(Code::Unsupported, format!("lists of model \"{}\" follow from no item", self.name().0));
            return Err(e
                .detail(format!("It is of kind {}.", model.kind()))
                .hint("Train with kind => 'item_knn' or another kind that relates items."));
        }
        let history = user.map(|u| self.history(u)).transpose()?.unwrap_or_default();
        let any = history.any;
        let scored = self.scored(history)?;
        let found = if scored.known { self.reason(user, &scored, k)? } else { None };
        self.counts.list(found.as_ref().map_or(0, |f| f.1.len()), any, scored.known);
        Ok(found)
    }

    /// As [`Ready::because`], of a history that the model knows something of.
    fn reason(&self, user: Option<&Id>, scored: &Scored, k: usize) -> Result<Option<(Id, Vec<Recommendation>)>> {
        let model = self.recommender();
        let older = user.zip(self.live()).filter(|_| scored.history.cut);
        let here = Here { ready: self, scored, older };
        let request = |k| ListRequest { k, exclude_seen: true, ..ListRequest::default() };
        let wanted: Vec<u32> = list::choose(model, &scored.scores, &request(because::WANTED), &here)?.into_iter().map(|x| x.0).collect();
        let seeds = because::seeds(&scored.history.events);
        let mut scores = crate::base::zeros(model.items().len())?;
        // False where nothing follows.
        let follow = |seed: Event, scores: &mut [f32]| {
            let known = model.score_history(&[seed], now(), scores) == Source::History;
            because::follows(scores, &scored.history.seen, model.adds_links());
            known
        };
        let mut lists = Vec::new();
        for seed in &seeds {
            pgrx::check_for_interrupts!();
            let known = follow(*seed, &mut scores);
            let list = model.best(&scores, k.clamp(1, because::WANTED)).map(|x| x.0).collect();
            lists.push(if known { list } else { Vec::new() });
        }
        let Some(seed) = because::strongest(&lists, &wanted).map(|at| seeds[at]) else { return Ok(None) };
        follow(seed, &mut scores);
        let list = list::choose(model, &scores, &request(k), &here)?;
        Ok(Some((model.items().id(seed.item), self.ranked(list))))
    }

    /// The list for a history that is given: a basket, a session.
    ///
    /// # Errors
    /// Out of memory.
    pub(crate) fn recommend_for(&self, items: &[Id], k: usize) -> Result<(Vec<Recommendation>, String)> {
        let known = self.known_items(items)?;
        // As of a user's events, the latest count.
        let limit = self.history_limit();
        let events = known[known.len().saturating_sub(limit)..].iter().map(|&item| Event::new(now(), item, 1.0)).collect();
        let history = History { events, seen: known, any: !items.is_empty(), cut: false };
        let (mut scores, source, known) = self.score_of(&history, "popularity: no items are given")?;
        history.seen.iter().for_each(|&i| scores[i.index()] = f32::NEG_INFINITY);
        let list = self.top(&scores, k);
        self.counts.call();
        // Nobody is asked about who could be unknown.
        self.counts.list(list.len(), true, known);
        Ok((list, source))
    }

    /// Items like `item`; none for one that the model does not know.
    ///
    /// # Errors
    /// [`crate::base::Code::Unsupported`] for a kind that knows no likeness.
    pub(crate) fn similar(&self, item: &Id, k: usize) -> Result<Vec<Recommendation>> {
        self.counts.call();
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
        let list = self.top(&scores, k);
        self.counts.list(list.len(), true, true);
        Ok(list)
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
