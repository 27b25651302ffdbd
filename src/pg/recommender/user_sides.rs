//! `score`: one item for one user, row by row. What is computed once of a user, the user's side, is kept at the place of the call while the
//! statement runs, for as many users as a bounded memory holds: whether rows come by user or by item, each user's events are read once.
//! (With the side of one user alone 4,000 pairs of 80 users took `als` 1.40 s by item and .032 by user, `item_knn` .286 and .009; both ways
//! take .017 and .012 now.)

use crate::base::Result;
use crate::base::number::AsIndex;
use crate::base::recent::Recent;
use crate::dataset::Id;
use crate::pg::backend::settings;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::call::arguments::Call;
use crate::pg::recommender::live_history::{History, Live};
use crate::pg::recommender::serving::{Ready, now};
use crate::serve::recommender::Source;
use std::rc::Rc;

/// What scores any item for one user.
#[derive(Debug)]
enum Scores {
    /// The product with the item's vector does, of kinds that have such: a side is small, however many items there are.
    Vector(Vec<f32>),
    /// One an item.
    All(Vec<f32>),
    /// The items' popularity: nothing of the user counts.
    Popularity,
}

/// One user's side.
#[derive(Debug)]
struct Side {
    scores: Scores,
    /// What the user had among the events that were read, ascending.
    seen: Vec<u32>,
    /// Whether there may be more events than were read.
    cut: bool,
}

/// The users that a place of a query has scored.
struct Sides {
    ready: Rc<Ready>,
    stamp: Option<Stamp>,
    /// By user; of none, the unknown.
    users: Recent<Option<Id>, Side>,
}

/// How much of the memory of a session's models the sides of one place may take, and of the memory of a call.
const SHARE: usize = 2;

impl Ready {
    /// The score of the item at `index` for `user`; none where it is left out because the user had it. Sides are not kept where the model
    /// reads as its caller: what a caller may see can depend on a setting.
    ///
    /// # Errors
    /// What reading the events raises.
    pub(crate) fn score_at(self: &Rc<Self>, call: Call<'_>, user: Option<Id>, index: u32, exclude_seen: bool) -> Result<Option<f32>> {
        self.counts.row();
        let stamp = Stamp::now();
        if let Some(mut sides) = call.kept::<Sides>()
            && Rc::ptr_eq(&sides.ready, self)
            && sides.stamp == stamp
            && let Some(side) = sides.users.get(&user)
        {
            return self.of_side(side, user.as_ref(), index, exclude_seen);
        }
        let side = self.side(user.as_ref())?;
        let score = self.of_side(&side, user.as_ref(), index, exclude_seen)?;
        if stamp.is_some() && !self.live().is_some_and(Live::as_caller) {
            let mut sides = match call.kept::<Sides>() {
                Some(kept) => kept,
                None => call.keep(Sides { ready: self.clone(), stamp, users: Recent::default() }),
            };
            if !Rc::ptr_eq(&sides.ready, self) || sides.stamp != stamp {
                *sides = Sides { ready: self.clone(), stamp, users: Recent::default() };
            }
            let bytes = side.bytes() + user.as_ref().map_or(0, |u| 2 * u.to_string().len());
            sides.users.put(user, side, bytes, settings::cache_size().min(settings::memory()) / SHARE);
        }
        Ok(score)
    }

    /// Reads the events of `user`, and makes of them what scores any item.
    fn side(&self, user: Option<&Id>) -> Result<Side> {
        let history = user.map(|u| self.history(u)).transpose()?.unwrap_or_default();
        let scores = self.scores(&history)?;
        self.counts.call();
        self.counts.list(0, history.any, !matches!(scores, Scores::Popularity));
        let History { mut seen, cut, .. } = history;
        seen.sort_unstable();
        seen.dedup();
        seen.shrink_to_fit();
        Ok(Side { scores, seen, cut })
    }

    /// As [`crate::serve::recommender::Recommender::score_history`] scores.
    fn scores(&self, history: &History) -> Result<Scores> {
        let model = self.recommender();
        if history.events.is_empty() {
            return Ok(Scores::Popularity);
        }
        if let Some(factors) = model.factors() {
            return Ok(factors.user(&history.events).map_or(Scores::Popularity, Scores::Vector));
        }
        let items: Vec<u32> = history.events.iter().map(|e| e.item).collect();
        self.supply(Some(&items))?;
        let mut scores = crate::base::zeros(model.items().len())?;
        Ok(match model.score_history(&history.events, now(), &mut scores) {
            Source::History => Scores::All(scores),
            Source::NoEvents | Source::NothingKnown => Scores::Popularity,
        })
    }

    fn of_side(&self, side: &Side, user: Option<&Id>, index: u32, exclude_seen: bool) -> Result<Option<f32>> {
        if exclude_seen && self.had(side, user, index)? {
            return Ok(None);
        }
        let model = self.recommender();
        Ok(match (&side.scores, model.factors()) {
            (Scores::Vector(vector), Some(factors)) => Some(factors.one(vector, index)),
            (Scores::All(scores), _) => scores.get(index.index()).copied(),
            (Scores::Vector(_) | Scores::Popularity, _) => model.popularity().get(index.index()).copied(),
        })
    }

    /// Whether the user had the item: among the events that were read, or where there are more, at any time.
    fn had(&self, side: &Side, user: Option<&Id>, index: u32) -> Result<bool> {
        if side.seen.binary_search(&index).is_ok() {
            return Ok(true);
        }
        match (user, self.live()) {
            (Some(user), Some(live)) if side.cut => Ok(!live.had(user, &[index], self.recommender())?.is_empty()),
            _ => Ok(false),
        }
    }
}

impl Side {
    fn bytes(&self) -> usize {
        let numbers = match &self.scores {
            Scores::Vector(v) | Scores::All(v) => v.capacity(),
            Scores::Popularity => 0,
        };
        size_of::<Self>() + 4 * (numbers + self.seen.capacity())
    }
}
