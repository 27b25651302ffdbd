//! Lists for every user of a model's events: read once, in the order of users, and scored a batch at a time on all threads. Whatever the
//! number of users, one batch is held.

use crate::base::Result;
use crate::dataset::{Id, Snapshot};
use crate::pg::backend::progress_notices::telling;
use crate::pg::backend::{interrupts, settings};
use crate::pg::call::prototype::{Entry, Rows};
use crate::pg::query::id_type::IdType;
use crate::pg::recommender::serving::{NO_EVENTS, Ready, now};
use crate::pg::recommender::user_range::UserRange;
use crate::serve::audience::{Among, Audience, wants};
use crate::serve::batch::{Asked, List, lists};
use crate::serve::recommender::Source;

/// Bytes of histories that are gathered before they are scored.
const BATCH: usize = 16 << 20;
/// Entries of lists of one batch.
const ENTRIES: usize = 1 << 21;
/// Users of one batch.
const USERS: usize = 4096;

/// Writes the best `k` items for each user of `range` to `rows`; with `exclude_seen` without those that the user had.
///
/// # Errors
/// What reading the events raises; out of memory; a cancel.
pub(crate) fn write(ready: &Ready, range: &UserRange, k: usize, exclude_seen: bool, rows: &mut Rows) -> Result<()> {
    ready.counts.call();
    let recommender = ready.recommender();
    let (budget, now) = (settings::budget(), now());
    let users = (ENTRIES / k.clamp(1, recommender.items().len().max(1))).clamp(1, USERS);
    let _links = ready.supply_all(&budget)?;
    let mut tell = telling(ready.name().0, "making lists");
    in_batches(ready, range, users, |batch| {
        let _booked = budget.take(batch.iter().map(Asked::bytes).sum(), "the users' events")?;
        let asked = &mut *batch;
        let made = interrupts::run(0, &budget, &mut tell, |ctx| lists(recommender, asked, k, exclude_seen, now, ctx))?;
        for (asked, list) in batch.drain(..).zip(made) {
            pgrx::check_for_interrupts!();
            put(ready, &asked, &list, rows)?;
        }
        Ok(())
    })
}

/// The best `k` users to show one of `wanted` to (items, ascending, each once), of those items `among` them that count for a user. However many
/// users there are, one batch and the best are held.
///
/// # Errors
/// As [`write`].
pub(crate) fn audience(ready: &Ready, wanted: &[u32], among: Among, k: usize) -> Result<Vec<(Id, f32)>> {
    ready.counts.call();
    if wanted.is_empty() || k == 0 {
        return Ok(Vec::new());
    }
    let recommender = ready.recommender();
    let (budget, now) = (settings::budget(), now());
    let _links = ready.supply_all(&budget)?;
    let mut held = budget.take(0, "the audience")?;
    let mut best = Audience::new(k);
    let mut tell = telling(ready.name().0, "scoring users");
    in_batches(ready, &UserRange::default(), USERS, |batch| {
        let _booked = budget.take(batch.iter().map(Asked::bytes).sum(), "the users' events")?;
        let asked = &mut *batch;
        let scores = interrupts::run(0, &budget, &mut tell, |ctx| wants(recommender, asked, wanted, among, now, ctx))?;
        for (one, score) in batch.drain(..).zip(scores) {
            if let Some(score) = score {
                held.grow(best.add(one.user, score), "the audience")?;
            }
        }
        Ok(())
    })?;
    let list = best.into_list();
    ready.counts.list(list.len(), true, true);
    Ok(list)
}

/// Calls `score` with the users of `range`, so many at a time or fewer where their events are many; it empties the batch.
fn in_batches(ready: &Ready, range: &UserRange, users: usize, mut score: impl FnMut(&mut Vec<Asked>) -> Result<()>) -> Result<()> {
    let recommender = ready.recommender();
    let mut batch: Vec<Asked> = Vec::new();
    let mut bytes = 0;
    let mut add = |asked: Asked| -> Result<()> {
        bytes += asked.bytes();
        batch.push(asked);
        if batch.len() < users && bytes < BATCH {
            return Ok(());
        }
        bytes = 0;
        score(&mut batch)
    };
    match (ready.live(), recommender.snapshot()) {
        (Some(live), _) => live.everyone(range, recommender, &mut add)?,
        (None, Some(snapshot)) => stored(snapshot, (range, ready.users_as()), &mut add)?,
        (None, None) => {}
    }
    score(&mut batch)
}

/// The users of the range that the version holds.
fn stored(snapshot: &Snapshot, (range, typ): (&UserRange, Option<IdType>), add: &mut impl FnMut(Asked) -> Result<()>) -> Result<()> {
    for u in 0..snapshot.len() as u32 {
        if range.is_bounded() {
            pgrx::check_for_interrupts!();
            if !range.holds(&snapshot.user(u), typ)? {
                continue;
            }
        }
        let events = snapshot.history(u).to_vec();
        add(Asked { user: snapshot.user(u), any: !events.is_empty(), events, seen: snapshot.seen(u).collect() })?;
    }
    Ok(())
}

fn put(ready: &Ready, asked: &Asked, list: &List, rows: &mut Rows) -> Result<()> {
    let items = ready.recommender().items();
    let (model, version) = ready.name();
    let source = ready.said(list.source, asked.any, NO_EVENTS);
    ready.counts.list(list.items.len(), asked.any, list.source == Source::History);
    for (i, &(item, score)) in list.items.iter().enumerate() {
        let (rank, item) = (i32::try_from(i + 1).unwrap_or(i32::MAX), items.id(item));
        rows.put(&Entry { rank, user: Some(&asked.user), item: Some(&item), score, source, version, model, more: &[] })?;
    }
    Ok(())
}
