//! How good one ranked list is whose entries come as rows: `ndcg`, `recall_at` and `mrr` of a group.
//!
//! The figures are those of [`super::ranking`] for lists without ties. Rows have no order, so entries of one score share the places that
//! they take up: the figure is the mean over all orders of them (McSherry and Najork 2008), which needs no draw and is the same in every
//! plan.

use super::state::{Kept, State, kept_in_0};
use crate::base::number::AsReal;
use crate::base::{Code, Error, Result, interrupts, memory};

/// The entries of a list: 16 bytes each.
#[derive(Debug, Clone, PartialEq, Default)]
struct Entries {
    /// Where the list is cut; none before the first row, and `Some(None)` for a list that is not cut.
    k: Option<Option<u64>>,
    /// Score and relevance.
    listed: Vec<(f64, f64)>,
    /// The relevance of what has no score: it is in no place of the list, but is to be found.
    missing: Vec<f64>,
    /// Rows that say nothing: irrelevant, and without a score.
    idle: u64,
}

/// The least relevance of the sums that can be told from the greatest: beyond it they could be infinite.
const MOST: f64 = 1e100;

impl Entries {
    fn cut(&mut self, k: Option<u64>) -> Result<()> {
        match self.k {
            None => {
                self.k = Some(k);
                Ok(())
            }
            Some(before) if before == k => Ok(()),
            Some(before) => Err(Error::new(Code::InvalidParameter, "k differs between rows of one group")
                .detail(format!("It is {}, and was {}.", said(k), said(before)))
                .hint("Give one k for all rows of a list.")),
        }
    }

    fn add(&mut self, score: Option<f64>, relevance: f64, k: Option<u64>) -> Result<()> {
        self.cut(k)?;
        if !(0.0..=MOST).contains(&relevance) {
            return Err(Error::new(Code::InvalidParameter, "relevance must be a number of 0 or more")
                .detail(format!("The relevance {relevance} was given."))
                .hint("Make it NULL where it is not known: the row then does not count."));
        }
        match score {
            Some(score) => push(&mut self.listed, (score, relevance)),
            None if relevance > 0.0 => push(&mut self.missing, relevance),
            None => {
                self.idle = self.idle.saturating_add(1);
                Ok(())
            }
        }
    }

    /// Places of the list that count.
    fn places(&self) -> usize {
        self.k.flatten().map_or(usize::MAX, |k| usize::try_from(k).unwrap_or(usize::MAX))
    }

    /// Relevance above 0, the greatest first.
    fn relevant(&self) -> Result<Vec<f64>> {
        let mut all = Vec::new();
        memory::reserve(&mut all, self.listed.len() + self.missing.len())?;
        all.extend(self.listed.iter().map(|e| e.1).chain(self.missing.iter().copied()).filter(|r| *r > 0.0));
        sort(&mut all, |r| *r);
        Ok(all)
    }

    /// Walks the entries of each distinct score, the best first, down to the cut: `f(first place, entries)`, places from 0. False, without
    /// a step, where a score is NaN.
    fn walk(&self, mut f: impl FnMut(usize, &[(f64, f64)])) -> Result<bool> {
        if self.listed.iter().any(|e| e.0.is_nan()) {
            return Ok(false);
        }
        let mut entries = memory::copy(&self.listed)?;
        sort(&mut entries, |e| e.0);
        let mut place = 0;
        for run in entries.chunk_by(|a, b| a.0 == b.0) {
            if place >= self.places() {
                break;
            }
            f(place, run);
            place += run.len();
        }
        Ok(true)
    }
}

impl Kept for Entries {
    fn merge(&mut self, other: &Self) -> Result<()> {
        let Some(k) = other.k else { return Ok(()) };
        self.cut(k)?;
        memory::reserve(&mut self.listed, other.listed.len())?;
        self.listed.extend_from_slice(&other.listed);
        memory::reserve(&mut self.missing, other.missing.len())?;
        self.missing.extend_from_slice(&other.missing);
        self.idle = self.idle.saturating_add(other.idle);
        Ok(())
    }

    fn rows(&self) -> u64 {
        (self.listed.len() + self.missing.len()) as u64 + self.idle
    }

    fn memory(&self) -> usize {
        // What sorting copies counts, too.
        16 * (self.listed.capacity() + self.listed.len()) + 8 * (self.missing.capacity() + self.listed.len() + self.missing.len())
    }

    /// The cut (0: none yet, 1: the list is not cut, else k + 1), idle rows, the number of entries, these, and what has no score.
    fn to_bytes(&self) -> Vec<u8> {
        let k = self.k.map_or(0, |k| k.map_or(1, |k| k.saturating_add(1)));
        let mut out = Vec::with_capacity(8 * (3 + 2 * self.listed.len() + self.missing.len()));
        [k, self.idle, self.listed.len() as u64].iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        self.listed
            .iter()
            .flat_map(|e| [e.0, e.1])
            .chain(self.missing.iter().copied())
            .for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [k, idle, listed, words @ ..] = words else { return None };
        let [k, idle, listed] = [k, idle, listed].map(|w| u64::from_le_bytes(*w));
        let listed = usize::try_from(listed).ok()?.checked_mul(2).filter(|n| *n <= words.len() && rest.is_empty())?;
        let k = match k {
            0 => None,
            1 => Some(None),
            k => Some(Some(k - 1)),
        };
        let mut s = Self { k, idle, ..Self::default() };
        let number = |w: &[u8; 8]| f64::from_le_bytes(*w);
        let (listed, missing) = words.split_at(listed);
        memory::reserve(&mut s.listed, listed.len() / 2).ok()?;
        s.listed.extend(listed.as_chunks::<2>().0.iter().map(|[score, relevance]| (number(score), number(relevance))));
        memory::reserve(&mut s.missing, missing.len()).ok()?;
        s.missing.extend(missing.iter().map(number));
        let fit = s.listed.iter().all(|e| (0.0..=MOST).contains(&e.1)) && s.missing.iter().all(|r| *r > 0.0 && *r <= MOST);
        (fit && (s.k.is_some() || s.rows() == 0)).then_some(s)
    }
}

fn said(k: Option<u64>) -> String {
    k.map_or_else(|| "NULL".to_owned(), |k| k.to_string())
}

fn push<T>(to: &mut Vec<T>, x: T) -> Result<()> {
    if to.len() == to.capacity() {
        let more = to.len().max(16);
        memory::reserve(to, more)?;
    }
    to.push(x);
    Ok(())
}

/// From high to low.
fn sort<T>(all: &mut [T], by: impl Fn(&T) -> f64) {
    let mut step = 0;
    all.sort_unstable_by(|a, b| {
        step += 1;
        interrupts::check_at(step);
        by(b).total_cmp(&by(a))
    });
}

/// Σ of 1 / log₂(place + 2) over the places `from..to`.
fn discounts(from: usize, to: usize) -> f64 {
    let one = |place: usize| {
        interrupts::check_at(place);
        1.0 / (place.real() + 2.0).log2()
    };
    (from..to).map(one).sum()
}

/// The relevant ones of `run`.
fn hits(run: &[(f64, f64)]) -> usize {
    run.iter().filter(|e| e.1 > 0.0).count()
}

fn ndcg(e: &Entries) -> Result<Option<f64>> {
    let ideal: f64 = e.relevant()?.iter().take(e.places()).enumerate().map(|(place, r)| r * discounts(place, place + 1)).sum();
    if ideal == 0.0 {
        return Ok(None);
    }
    let mut gained = 0.0;
    let whole = e.walk(|place, run| {
        let mean = run.iter().map(|e| e.1).sum::<f64>() / run.len().real();
        if mean > 0.0 {
            gained += mean * discounts(place, (place + run.len()).min(e.places()));
        }
    })?;
    Ok(Some(if whole { gained / ideal } else { f64::NAN }))
}

fn recall(e: &Entries) -> Result<Option<f64>> {
    let relevant = hits(&e.listed) + e.missing.len();
    if relevant == 0 {
        return Ok(None);
    }
    let mut found = 0.0;
    let whole = e.walk(|place, run| {
        let within = run.len().min(e.places() - place);
        found += hits(run).real() * (within.real() / run.len().real());
    })?;
    Ok(Some(if whole { found / relevant.real() } else { f64::NAN }))
}

fn reciprocal_rank(e: &Entries) -> Result<Option<f64>> {
    if hits(&e.listed) + e.missing.len() == 0 {
        return Ok(None);
    }
    let mut rank = 0.0;
    let whole = e.walk(|place, run| {
        if rank == 0.0 {
            rank = first_hit(place, run.len(), hits(run), e.places());
        }
    })?;
    Ok(Some(if whole { rank } else { f64::NAN }))
}

/// The mean of 1 / rank of the first of `hits` relevant ones among `n` entries in any order, which take up the places from `place` on; past
/// `most` it is 0.
fn first_hit(place: usize, n: usize, hits: usize, most: usize) -> f64 {
    let mut sum = 0.0;
    // The chance that none before it was relevant.
    let mut none = 1.0;
    for j in 0..n.min(most - place).min(n - hits + usize::from(hits > 0)) {
        interrupts::check_at(j);
        let hit = hits.real() / (n - j).real();
        sum += none * hit / (place + j + 1).real();
        none *= 1.0 - hit;
    }
    sum
}

macro_rules! figure {
    ($(#[$doc:meta])* $name:ident, $sql:literal, $value:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name(Entries);

        impl $name {
            /// Adds an entry: its score (none: it is in no place of the list) and how relevant it is, in a list that is cut at `k`.
            ///
            /// # Errors
            /// [`Code::InvalidParameter`] for a relevance below 0 or not finite, and a `k` that differs from that of the rows before; [`Code::OutOfMemory`].
            pub fn add(&mut self, score: Option<f64>, relevance: f64, k: Option<u64>) -> Result<()> {
                self.0.add(score, relevance, k)
            }
        }

        impl State for $name {
            const NAME: &'static str = $sql;
            const HIGHER_IS_BETTER: bool = true;

            kept_in_0!();

            fn value(&self) -> Option<f64> {
                self.figure().ok().flatten()
            }

            fn figure(&self) -> Result<Option<f64>> {
                $value(&self.0)
            }
        }
    };
}

figure! {
    /// Normalised discounted cumulative gain: Σ relevance / log₂(rank + 1) down to the cut, by that of the best possible list (Järvelin and
    /// Kekäläinen 2002). None where nothing is relevant.
    Ndcg, "ndcg", ndcg
}

figure! {
    /// The share of what is relevant that stands above the cut. None where nothing is relevant.
    RecallAt, "recall_at", recall
}

figure! {
    /// 1 / rank of the first relevant entry, 0 where it is past the cut or in no place. None where nothing is relevant.
    Mrr, "mrr", reciprocal_rank
}

#[cfg(test)]
#[path = "ranked_tests.rs"]
mod tests;
