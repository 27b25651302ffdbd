//! Some rows of a scan, however many come: those whose places hash lowest. One pass, so much memory and no more, and the same rows each
//! time, which stay the same ones while a table grows at its end, but for those that new ones displace.

use crate::base::Result;
use crate::base::memory::{reserve, reserve_slowly};
use crate::base::rng::mix;

/// Bytes of a row beside its columns.
pub(crate) const ROW: usize = size_of::<u64>();

/// Which rows of a scan are held.
#[derive(Debug)]
pub(crate) struct Reservoir {
    /// So many in the end, at most.
    most: usize,
    /// A row is taken where its place hashes lower.
    bound: u64,
    /// Rows that came.
    seen: u64,
    /// Of each row that is held, the hash of its place.
    hashes: Vec<u64>,
}

impl Reservoir {
    /// For `most` rows.
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, bound: u64::MAX, seen: 0, hashes: Vec::new() }
    }

    /// Rows that came.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Rows that are held at most: a quarter more than stay, so that thinning, which looks at all, is done once in so many rows.
    pub(crate) const fn room(&self) -> usize {
        self.most.saturating_add(self.most / 4)
    }

    /// Whether the row that comes is to be added.
    #[inline]
    pub(crate) fn takes(&mut self) -> bool {
        self.seen += 1;
        mix(self.seen) < self.bound
    }

    /// Notes that it was; true where the rows are to be thinned.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    #[inline]
    pub(crate) fn add(&mut self) -> Result<bool> {
        reserve_slowly(&mut self.hashes, 1)?;
        self.hashes.push(mix(self.seen));
        Ok(self.hashes.len() > self.room())
    }

    /// Which of the rows stay, those that hash lowest; none where all do.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub(crate) fn thin(&mut self) -> Result<Option<Vec<bool>>> {
        if self.hashes.len() <= self.most {
            return Ok(None);
        }
        let (mut sorted, mut kept) = (Vec::new(), Vec::new());
        reserve(&mut sorted, self.hashes.len())?;
        sorted.extend_from_slice(&self.hashes);
        self.bound = *sorted.select_nth_unstable(self.most).1;
        reserve(&mut kept, self.hashes.len())?;
        kept.extend(self.hashes.iter().map(|h| *h < self.bound));
        self.hashes.retain(|h| *h < self.bound);
        Ok(Some(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places that are held of so many rows.
    fn held(most: usize, rows: u64) -> Vec<u64> {
        let (mut reservoir, mut held) = (Reservoir::new(most), Vec::new());
        let thin = |reservoir: &mut Reservoir, held: &mut Vec<u64>| {
            if let Some(kept) = reservoir.thin().unwrap() {
                let mut kept = kept.into_iter();
                held.retain(|_| kept.next().unwrap());
            }
        };
        for place in 0..rows {
            if reservoir.takes() {
                held.push(place);
                if reservoir.add().unwrap() {
                    thin(&mut reservoir, &mut held);
                }
                assert!(held.len() <= reservoir.room());
            }
        }
        thin(&mut reservoir, &mut held);
        assert_eq!(reservoir.seen(), rows);
        held
    }

    #[test]
    fn what_is_held_is_evenly_spread_whatever_came() {
        let some = held(1000, 100_000);
        assert_eq!(some.len(), 1000);
        assert!(some.is_sorted());
        let mean = some.iter().sum::<u64>() as f64 / 1000.0;
        // The deviation of the mean is 100,000 / √12 / √1000 = 913.
        assert!((mean - 50_000.0).abs() < 3000.0, "{mean}");
        // Of fewer rows those among them, and all where they fit.
        let before = held(1000, 50_000);
        assert!(some.iter().filter(|p| **p < 50_000).all(|p| before.contains(p)));
        assert_eq!(held(1000, 1000), (0..1000).collect::<Vec<_>>());
        assert_eq!((held(1, 5).len(), held(0, 5).len()), (1, 0));
    }
}
