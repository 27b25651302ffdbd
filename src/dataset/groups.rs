//! Groups of rows that stay together, dealt over the sides of a split.
//!
//! Where there are many groups and none is large, a hash of the group is enough, and stays as it is over all retrains. A few groups, or one
//! that holds most of the rows, would leave a side empty or give it nearly everything: they are dealt, the largest first, each to the side
//! with the fewest rows so far, and their sides are stored with the version.

use crate::base::number::{AsIndex, AsReal};
use crate::base::{Result, memory::reserve, zeros};
use crate::dataset::row_hash::place;

/// The key of rows without a group.
pub const NONE: u64 = 0;
/// Groups are counted up to here.
pub const MANY: usize = 20;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask<'a> {
    /// Share of the evaluation rows where they do not take turns.
    pub holdout: f64,
    /// Folds, where they do.
    pub turns: u32,
    /// Whether they may.
    pub in_turns: bool,
    /// Whether there are so few rows that they should.
    pub few: bool,
    /// Groups that have their fold already, by hash.
    pub dealt: &'a [(u64, u32)],
}

/// What became of the groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dealt {
    /// The fold of each row; empty where the hash of the group decides.
    pub folds: Vec<u32>,
    /// The groups that were dealt, with their folds.
    pub dealt: Vec<(u64, u32)>,
    /// How many folds are held out in turns; 1: the first one is held out.
    pub turns: u32,
    /// How many groups there are, at most [`MANY`].
    pub groups: usize,
}

/// Deals the groups of `keys`, one a row ([`NONE`]: no group), over the folds. `places` are those of the rows by themselves.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`].
pub fn deal(keys: &[u64], places: &[f64], ask: Ask<'_>) -> Result<Dealt> {
    let Ask { holdout, turns, .. } = ask;
    let mut sorted: Vec<u64> = Vec::new();
    reserve(&mut sorted, keys.len())?;
    sorted.extend(keys.iter().filter(|k| **k != NONE));
    let grouped = sorted.len();
    sorted.sort_unstable();
    let mut sizes: Vec<(usize, u64)> = sorted.chunk_by(|a, b| a == b).map(|g| (g.len(), g[0])).collect();
    let single = keys.len() - grouped;
    sizes.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let groups = sizes.len().min(MANY);
    let largest = sizes.first().map_or(0, |g| g.0).real();
    let few = sizes.len() < MANY || largest > 1.5 * holdout * keys.len().real();
    let uneven = {
        let held: usize = sizes.iter().filter(|g| place(g.1) < holdout).map(|g| g.0).sum();
        let share = held.real() / grouped.max(1).real();
        !(0.5 * holdout..=1.5 * holdout).contains(&share)
    };
    if sizes.len() < 2 || turns < 2 || (!few && !uneven && ask.dealt.is_empty()) {
        return Ok(Dealt { groups, turns: 1, ..Dealt::default() });
    }
    let turns = turns.min(u32::try_from(sizes.len() + usize::from(single > 0)).unwrap_or(turns)).max(2);
    let mut rows = vec![0usize; turns.index()];
    let mut dealt: Vec<(u64, u32)> = Vec::new();
    let lightest = |rows: &[usize]| (0..turns).min_by_key(|f| rows[f.index()]).unwrap_or(0);
    let known = |key: u64| ask.dealt.iter().find(|d| d.0 == key).map(|d| d.1).filter(|f| *f < turns);
    for (size, key) in &sizes {
        if let Some(fold) = known(*key) {
            rows[fold.index()] += size;
            dealt.push((*key, fold));
        }
    }
    for (i, (size, key)) in sizes.iter().enumerate() {
        // the rest is small: by hash, so that the list stays short
        let large = i < MANY || *size * 50 > keys.len();
        if large && known(*key).is_none() {
            let fold = lightest(&rows);
            rows[fold.index()] += size;
            dealt.push((*key, fold));
        }
    }
    if ask.dealt.is_empty() {
        first_is_nearest(&mut dealt, &rows, holdout * keys.len().real());
    }
    dealt.sort_unstable();
    let of = |place: f64| ((place * f64::from(turns)) as u32).min(turns - 1);
    let mut folds = zeros::<u32>(keys.len())?;
    for (i, (f, key)) in folds.iter_mut().zip(keys).enumerate() {
        *f = match dealt.binary_search_by_key(key, |d| d.0) {
            _ if *key == NONE => of(places[i]),
            Ok(at) => dealt[at].1,
            Err(_) => of(place(*key)),
        };
    }
    let in_turns = ask.in_turns && (few || ask.few);
    Ok(Dealt { folds, dealt, turns: if in_turns { turns } else { 1 }, groups })
}

/// Names the folds so that the first, which is held out where they do not take turns, has as near to `wanted` rows as any.
fn first_is_nearest(dealt: &mut [(u64, u32)], rows: &[usize], wanted: f64) {
    let apart = |f: usize| (rows[f].real() - wanted).abs();
    let best = (0..rows.len()).min_by(|a, b| apart(*a).total_cmp(&apart(*b))).unwrap_or(0) as u32;
    for (_, fold) in dealt {
        *fold = match *fold {
            0 => best,
            f if f == best => 0,
            f => f,
        };
    }
}
