//! One user as the ranker sees it: which items come into question, and the numbers of each.

use crate::base::number::AsIndex;
use crate::base::{Result, zeros};
use crate::dataset::Event;
use crate::kernel::topk::top_k;
use crate::model::ranker::context_features::{self, UserContext};
use crate::model::ranker::groups::{self, UserAttribute};
use crate::model::ranker::item_features::FACTS;
use crate::model::ranker::item_snapshot::ItemSnapshot;
use crate::model::ranker::user_item_features::{OWN, UserItemFeatures};
use std::ops::Range;

/// Scores by links: of all items of the history, of those by how much they are had, of those of the last two months.
const WAYS: usize = 3;

/// How many numbers a candidate has, with links and without, and with so many attributes of the items and columns of context.
pub fn inputs(links: bool, attributes: usize, context: usize) -> usize {
    OWN + FACTS + if links { WAYS } else { 0 } + groups::NUMBERS * attributes + context_features::NUMBERS * context
}

/// Where the numbers of so many attributes stand among those of [`inputs`].
pub fn attributes(count: usize) -> Range<usize> {
    let before = inputs(true, 0, 0);
    before..before + groups::NUMBERS * count
}

/// A user as of a moment.
pub struct View<'a> {
    own: Vec<UserItemFeatures>,
    item_snapshot: &'a ItemSnapshot,
    /// One score an item each; none without links.
    by_links: Option<[Vec<f32>; WAYS]>,
    /// One an attribute.
    leanings: Vec<UserAttribute>,
    /// One a column of context.
    habitats: Vec<UserContext>,
}

impl<'a> View<'a> {
    /// Of `history`, oldest first.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn of(history: &[Event], now: i64, item_snapshot: &'a ItemSnapshot, items: usize) -> Result<Self> {
        let own = UserItemFeatures::of(history, now);
        let leanings = item_snapshot.groups.iter().map(|g| g.lean(&own)).collect::<Result<_>>()?;
        let habitats = item_snapshot.settings.iter().enumerate().map(|(c, s)| s.found(history, c, now)).collect::<Result<_>>()?;
        let by_links = match &item_snapshot.links {
            None => None,
            Some(links) => {
                let [mut all, mut often, mut lately]: [Vec<f32>; WAYS] = [zeros(items)?, zeros(items)?, zeros(items)?];
                for o in &own {
                    let (much, late) = (o.seasons.min(1.0), f32::from(u8::from(o.since <= 60.0)));
                    for (target, w) in links.of(o.item) {
                        let t = target.index();
                        all[t] += w;
                        often[t] += much * w;
                        lately[t] += late * w;
                    }
                }
                Some([all, often, lately])
            }
        };
        Ok(Self { own, item_snapshot, by_links, leanings, habitats })
    }

    /// What comes into question: the user's own items, and with links the `k` best by them in each way and those in demand; ascending.
    pub fn candidates(&self, k: usize) -> Vec<u32> {
        let mut all: Vec<u32> = self.own.iter().map(|o| o.item).collect();
        if let Some(ways) = &self.by_links {
            ways.iter().for_each(|scores| all.extend(top_k(scores, k, None)));
            all.extend(&self.item_snapshot.current);
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What the user's history says of an item.
    pub fn own(&self, item: u32) -> Option<&UserItemFeatures> {
        self.own.binary_search_by_key(&item, |o| o.item).ok().map(|at| &self.own[at])
    }

    /// Appends the numbers of `item`.
    pub fn row(&self, item: u32, x: &mut Vec<f32>) {
        x.extend(UserItemFeatures::features(self.own(item)));
        x.extend(self.item_snapshot.item_features.get(item));
        if let Some(ways) = &self.by_links {
            x.extend(ways.iter().map(|w| w[item.index()]));
        }
        self.item_snapshot.groups.iter().zip(&self.leanings).for_each(|(g, l)| g.row(l, item, x));
        self.item_snapshot.settings.iter().zip(&self.habitats).for_each(|(s, h)| s.row(h, item, x));
    }

    /// A score of every item for want of a network: how much it is had, and by links.
    pub fn plain(&self, out: &mut [f32]) {
        match &self.by_links {
            Some([all, ..]) => out.copy_from_slice(all),
            None => out.fill(0.0),
        }
        self.own.iter().for_each(|o| out[o.item.index()] += o.seasons);
    }
}
