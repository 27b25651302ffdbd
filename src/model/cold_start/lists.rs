//! What the networks learn from: a tenth of the items is hidden, as if nobody had them, and users who had some of it say which.

use crate::base::number::AsIndex;
use crate::base::rng::mix;
use crate::base::{Context, Result, Rng, memory};
use crate::dataset::{DescribedItems, Event, Interactions};
use crate::model::cold_start::content::Content;
use crate::model::listwise::Lists;

/// Parts of which one is hidden at a time.
pub const PARTS: u64 = 10;
/// Lists at most.
const LISTS: usize = 2_000;
/// Hidden items of a list: those that the user had, and others.
const ROWS: usize = 256;
/// Of which the user had at most so many.
const HAD: usize = 32;
/// A user's latest events that a list is made from.
pub const HISTORY: usize = 1_000;

/// In which part an item is hidden: by its id alone.
pub fn part(data: &Interactions, item: u32) -> u64 {
    mix(data.items.hash(item) ^ 0x3c6e_f372_fe94_f82a) % PARTS
}

/// A user and a part of which it had something.
type Asked = (u32, u64);

/// The lists of users drawn by a hash of their ids.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`], [`crate::base::Code::Cancelled`].
pub fn lists(data: &Interactions, described: &DescribedItems, users: &[f32], ctx: &Context) -> Result<Lists> {
    let parts: Vec<u64> = (0..data.items.len() as u32).map(|i| part(data, i)).collect();
    let contents: Vec<Content> = (0..PARTS)
        .map(|p| ctx.check().and_then(|()| Content::of(data, described, users, |i| parts[i.index()] == p)))
        .collect::<Result<_>>()?;
    let hidden: Vec<Vec<u32>> = (0..PARTS).map(|p| (0..data.items.len() as u32).filter(|i| parts[i.index()] == p).collect()).collect();
    let asked = asked(data, &parts, ctx)?;
    let inputs = contents.first().map_or(0, Content::inputs);
    let booked = asked.len().saturating_mul(ROWS * (inputs * 4 + 2));
    let _booked = ctx.budget.take(booked, "the lists of hidden items")?;
    let mut made: Vec<Result<(Vec<f32>, Vec<bool>)>> = asked.iter().map(|_| Ok(Default::default())).collect();
    let one = |(user, part): Asked| -> Result<(Vec<f32>, Vec<bool>)> {
        ctx.check()?;
        let events = data.history(user);
        let (mut had, mut history): (Vec<u32>, Vec<Event>) = (Vec::new(), Vec::new());
        for e in &events[events.len().saturating_sub(HISTORY)..] {
            if parts[e.item.index()] == part { had.push(e.item) } else { history.push(*e) }
        }
        had.sort_unstable();
        had.dedup();
        let mut rng = Rng::stream(ctx.seed ^ data.users.hash(user), 0xc01d + part);
        rng.shuffle(&mut had);
        had.truncate(HAD);
        had.sort_unstable();
        let content = &contents[part as usize];
        let taste = content.taste(&history, |i| described.values.of(i.index()));
        let mut candidates = had.clone();
        let others = &hidden[part as usize];
        candidates.extend((0..ROWS - had.len().min(ROWS)).map(|_| others[rng.below(others.len())]));
        candidates.sort_unstable();
        candidates.dedup();
        let mut x = Vec::new();
        memory::reserve(&mut x, candidates.len() * inputs)?;
        let all_had = |i: &u32| events.iter().any(|e| e.item == *i);
        // One that the user had, and that was not drawn, is no example of what it does not want.
        candidates.retain(|i| had.binary_search(i).is_ok() || !all_had(i));
        candidates.iter().for_each(|i| content.row(&taste, described.values.of(i.index()), &mut x));
        Ok((x, candidates.iter().map(|i| had.binary_search(i).is_ok()).collect()))
    };
    ctx.pool.each_mut(&mut made, |at, m| *m = one(asked[at]));
    let mut all = Lists { inputs, bounds: vec![0], ..Lists::default() };
    for list in made {
        let (x, relevant) = list?;
        memory::reserve_slowly(&mut all.x, x.len())?;
        all.x.extend(x);
        all.new.extend(relevant.iter().map(|_| false));
        all.relevant.extend(relevant);
        all.bounds.push(all.relevant.len());
    }
    Ok(all)
}

/// Users with parts of which they had something and of whose rest, too: as many as are drawn.
fn asked(data: &Interactions, parts: &[u64], ctx: &Context) -> Result<Vec<Asked>> {
    let mut drawn: Vec<(u64, Asked)> = Vec::new();
    for user in 0..data.users.len() as u32 {
        ctx.check_at(user.index())?;
        let events = data.history(user);
        let events = &events[events.len().saturating_sub(HISTORY)..];
        let mut counts = [0usize; PARTS as usize];
        events.iter().for_each(|e| counts[parts[e.item.index()] as usize] += 1);
        let some = (0..).zip(&counts).filter(|(_, n)| **n > 0 && **n < events.len());
        drawn.extend(some.map(|(part, _)| (mix(data.users.hash(user) ^ (part << 7) ^ 0x5bd1), (user, part))));
        // Those with the smallest hashes, without holding all.
        if drawn.len() > 4 * LISTS {
            drawn.sort_unstable();
            drawn.truncate(LISTS);
        }
    }
    drawn.sort_unstable();
    drawn.truncate(LISTS);
    Ok(drawn.into_iter().map(|d| d.1).collect())
}
