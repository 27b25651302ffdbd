//! What somebody is interested in: the tags that weigh most, found in bounded memory.

use super::bytes::{Reader, Writer, damaged};
use super::terms::Terms;
use crate::base::{Code, Error, Mergeable, Result, hash, memory, weight};

/// The letter of its bytes.
const LETTER: u8 = b'i';
/// The most tags that may be asked for.
const MOST: usize = 1024;
/// The longest tag, in bytes: a state of many must stay small.
const LONGEST: usize = 1024;

/// A tag and its share of all weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Interest {
    /// The tag.
    pub tag: String,
    /// Its weight by that of all tags: from 0 to 1.
    pub share: f64,
}

/// Heavy hitters by SpaceSaving (Metwally, Agrawal and El Abbadi, 2005) over weights that fade (Cormode, Korn and Tirthapura, 2008), merged
/// as by Agarwal et al. (2012).
///
/// m counters are kept, m = max(256, 8·k). Up to m different tags every share is exact. Beyond, a tag without a counter takes over the
/// smallest one with what it holds: a share is then never below the true one, and above it by 1/m at most; every tag whose true share is
/// above 1/m is found. That holds over any order and tree of merges.
///
/// Weights are as they are at a landmark, which moves with the latest event (see [`super::Profile`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interests {
    terms: Option<Terms>,
    k: usize,
    landmark: i64,
    /// Σ of all weights.
    total: f64,
    /// One a tag, so that looking for it reads few bytes.
    hashes: Vec<u64>,
    weights: Vec<f64>,
    tags: Vec<Box<str>>,
    /// Bytes of the tags.
    held: usize,
}

impl Interests {
    /// Takes in an event: its tag, a weight of 0 or more, its time in microseconds, and how many tags are wanted.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a weight below 0 or not finite, an infinite time, a tag longer than 1,024 bytes, a `k` outside
    /// 1 to 1,024, and terms or a `k` that differ from those of the rows before; [`Code::OutOfMemory`].
    pub fn add(&mut self, tag: &str, weight: f64, time: i64, terms: Terms, k: i64) -> Result<()> {
        terms.keep_in(&mut self.terms)?;
        self.wanted(k)?;
        if !terms.counts(time)? {
            return Ok(());
        }
        let weight = weight::weight(weight)?;
        if tag.len() > LONGEST {
            return Err(Error::new(Code::InvalidParameter, "tag is too long")
                .detail(format!("It has {} bytes, {LONGEST} are allowed.", tag.len()))
                .hint("Use a name or a key of it: left(tag, 100) for instance."));
        }
        if weight == 0.0 {
            return Ok(());
        }
        let share = self.shift(time, weight, terms);
        self.total += share;
        let hash = hash::bytes(0, tag.as_bytes());
        match self.find(hash, tag) {
            Some(i) => self.weights[i] += share,
            None if self.tags.len() < capacity(self.k) => self.push(hash, tag, share)?,
            None => self.take_over(hash, tag, share),
        }
        Ok(())
    }

    fn wanted(&mut self, k: i64) -> Result<()> {
        match usize::try_from(k) {
            Ok(k) if k == self.k && k > 0 => Ok(()),
            Ok(k) if self.k == 0 && (1..=MOST).contains(&k) => {
                self.k = k;
                Ok(())
            }
            Ok(1..=MOST) => Err(Error::new(Code::InvalidParameter, "k differs between rows of one group").hint("Give one k for all rows.")),
            _ => Err(Error::new(Code::InvalidParameter, format!("k must be between 1 and {MOST}")).detail(format!("It is {k}."))),
        }
    }

    /// Moves the landmark to `time` if that is later; what a weight of that time is worth at the landmark.
    fn shift(&mut self, time: i64, weight: f64, terms: Terms) -> f64 {
        if !terms.fades() {
            return weight;
        }
        if self.total == 0.0 {
            self.landmark = time;
        }
        if time <= self.landmark {
            return weight * terms.fade(time, self.landmark);
        }
        let keep = terms.fade(self.landmark, time);
        self.landmark = time;
        self.total *= keep;
        self.weights.iter_mut().for_each(|w| *w *= keep);
        weight
    }

    fn find(&self, hash: u64, tag: &str) -> Option<usize> {
        let mut from = 0;
        while let Some(i) = self.hashes[from..].iter().position(|h| *h == hash) {
            if &*self.tags[from + i] == tag {
                return Some(from + i);
            }
            from += i + 1;
        }
        None
    }

    fn push(&mut self, hash: u64, tag: &str, weight: f64) -> Result<()> {
        memory::reserve(&mut self.hashes, 1)?;
        memory::reserve(&mut self.weights, 1)?;
        memory::reserve(&mut self.tags, 1)?;
        self.hashes.push(hash);
        self.weights.push(weight);
        self.tags.push(tag.into());
        self.held += tag.len();
        Ok(())
    }

    /// The smallest counter becomes that of `tag`, with what it holds.
    fn take_over(&mut self, hash: u64, tag: &str, weight: f64) {
        let smallest = self.weights.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i);
        if let Some(i) = smallest {
            self.weights[i] += weight;
            self.hashes[i] = hash;
            self.held = self.held - self.tags[i].len() + tag.len();
            self.tags[i] = tag.into();
        }
    }

    /// The least that a tag without a counter may have been counted for: what the smallest counter holds, once all are taken.
    fn missed(&self) -> f64 {
        if self.tags.len() < capacity(self.k) { 0.0 } else { self.weights.iter().copied().fold(f64::INFINITY, f64::min) }
    }

    /// Counters from the heaviest; equal ones by their tag, so that no order of rows decides.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.tags.len()).collect();
        order.sort_unstable_by(|a, b| self.weights[*b].total_cmp(&self.weights[*a]).then_with(|| self.tags[*a].cmp(&self.tags[*b])));
        order
    }

    /// The k tags that weigh most, from the heaviest; none where no event counted, or all weights are 0.
    ///
    /// # Errors
    /// [`Code::Data`] for weights too large to be added.
    pub fn value(&self) -> Result<Option<Vec<Interest>>> {
        if self.total == 0.0 {
            return Ok(None);
        }
        weight::sum(self.total)?;
        let interest = |i: usize| Interest { tag: self.tags[i].to_string(), share: (self.weights[i] / self.total).min(1.0) };
        Ok(Some(self.order().into_iter().take(self.k).map(interest).collect()))
    }
}

/// Counters for `k` tags.
fn capacity(k: usize) -> usize {
    (8 * k).max(256)
}

impl Mergeable for Interests {
    fn merge(&mut self, other: &Self) -> Result<()> {
        let Some(terms) = other.terms else { return Ok(()) };
        terms.keep_in(&mut self.terms)?;
        self.wanted(i64::try_from(other.k).unwrap_or(i64::MAX))?;
        if other.total == 0.0 {
            return Ok(());
        }
        let share = self.shift(other.landmark, 1.0, terms);
        let (mine, theirs) = (self.missed(), other.missed() * share);
        // A tag that one side has no counter for may have had as much there as its smallest counter holds.
        self.weights.iter_mut().for_each(|w| *w += theirs);
        for i in 0..other.tags.len() {
            let weight = other.weights[i] * share;
            match self.find(other.hashes[i], &other.tags[i]) {
                Some(j) => self.weights[j] += weight - theirs,
                None => self.push(other.hashes[i], &other.tags[i], weight + mine)?,
            }
        }
        self.total += other.total * share;
        if self.tags.len() > capacity(self.k) {
            self.cut()
        }
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(LETTER, 16 * self.tags.len() + self.held + 40);
        out.terms(self.terms);
        out.i64(self.k as i64);
        out.i64(self.landmark);
        out.f64(self.total);
        for (tag, weight) in self.tags.iter().zip(&self.weights) {
            out.f64(*weight);
            out.i64(tag.len() as i64);
            out.0.extend_from_slice(tag.as_bytes());
        }
        out.0
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = || -> Option<(Self, Vec<(f64, &str)>)> {
            let mut r = Reader::new(LETTER, bytes)?;
            let (terms, k, landmark, total) = (r.terms()?, usize::try_from(r.i64()?).ok()?, r.i64()?, r.f64()?);
            let head = Self { terms, k, landmark, total, ..Self::default() };
            let mut counters = Vec::new();
            while !r.is_empty() {
                if counters.len() >= capacity(MOST) {
                    return None;
                }
                let (weight, length) = (r.f64()?, usize::try_from(r.i64()?).ok()?);
                counters.push((weight, std::str::from_utf8(r.take(length)?).ok()?));
                let (weight, tag) = counters.last()?;
                if !(*weight >= 0.0 && tag.len() <= LONGEST) || tag.contains('\0') {
                    return None;
                }
            }
            let finite = landmark != i64::MIN && landmark != i64::MAX;
            let empty = terms.is_none() && k == 0 && counters.is_empty() && total == 0.0;
            let whole = terms.is_some() && (1..=MOST).contains(&k) && counters.len() <= capacity(k) && total >= 0.0;
            (finite && (empty || whole)).then_some((head, counters))
        };
        let Some((mut s, counters)) = read() else { return Err(damaged("interests")) };
        for (weight, tag) in counters {
            let hash = hash::bytes(0, tag.as_bytes());
            if s.find(hash, tag).is_some() {
                return Err(damaged("interests"));
            }
            s.push(hash, tag, weight)?;
        }
        Ok(s)
    }

    fn memory(&self) -> usize {
        self.held + 16 * self.hashes.capacity() + size_of::<Box<str>>() * self.tags.capacity()
    }
}

impl Interests {
    /// Keeps the heaviest counters, as many as there are.
    fn cut(&mut self) {
        let order = self.order();
        let kept = &order[..capacity(self.k)];
        self.hashes = kept.iter().map(|i| self.hashes[*i]).collect();
        self.weights = kept.iter().map(|i| self.weights[*i]).collect();
        let mut tags: Vec<Option<Box<str>>> = std::mem::take(&mut self.tags).into_iter().map(Some).collect();
        self.tags = kept.iter().filter_map(|i| tags[*i].take()).collect();
        self.held = self.tags.iter().map(|t| t.len()).sum();
    }
}

#[cfg(test)]
#[path = "interests_tests.rs"]
mod tests;
