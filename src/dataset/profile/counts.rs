//! How many events of the last week, month, quarter …: counts in windows that end together.

use super::bytes::{Reader, Writer, damaged};
use super::terms::{Span, Terms};
use crate::base::{Code, Error, Mergeable, Result, interrupts, memory};

/// The letter of its bytes.
const LETTER: u8 = b'c';

/// `as_of − window`, of times with a zone or without: calendars are Postgres's, a month is no number of days there.
pub type Before<'a> = &'a dyn Fn(i64, Span, bool) -> Result<i64>;

/// Events in each of several windows, all of which end at `as_of`, both ends included.
///
/// Where `as_of` is given that is a count a window. Where it is the latest event, the times of events in the longest window are kept,
/// since a later one may still come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    terms: Option<Terms>,
    windows: Vec<Span>,
    /// Whether the times have a zone.
    zoned: bool,
    /// Where each begins, once that is known.
    starts: Vec<i64>,
    counts: Vec<u64>,
    times: Vec<i64>,
}

impl Counts {
    /// The most windows.
    pub const MOST: usize = 1000;

    /// Takes in an event.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for no windows or too many, one that is not longer than nothing, an infinite time, and terms or windows that differ
    /// from those of the rows before; what `before` raises; [`Code::OutOfMemory`].
    pub fn add(&mut self, time: i64, windows: &[Span], zoned: bool, terms: Terms, before: Before<'_>) -> Result<()> {
        terms.keep_in(&mut self.terms)?;
        if self.windows != windows || self.zoned != zoned || windows.is_empty() {
            self.open(windows, zoned)?;
        }
        if !terms.counts(time)? {
            return Ok(());
        }
        let Some(as_of) = terms.as_of() else { return self.keep(time, before) };
        self.begin(as_of, before)?;
        for (count, start) in self.counts.iter_mut().zip(&self.starts) {
            *count += u64::from(time >= *start);
        }
        Ok(())
    }

    fn open(&mut self, windows: &[Span], zoned: bool) -> Result<()> {
        if !self.windows.is_empty() {
            return Err(Error::new(Code::InvalidParameter, "windows differs between rows of one group").hint("Give one list for all rows."));
        }
        if windows.is_empty() {
            return Err(Error::new(Code::InvalidParameter, "windows is empty").hint("For example: ARRAY[interval '7 days', '30 days']."));
        }
        if windows.len() > Self::MOST {
            return Err(Error::new(Code::InvalidParameter, "windows has too many elements").detail(format!(
                "It has {}, {} are allowed.",
                windows.len(),
                Self::MOST
            )));
        }
        memory::reserve(&mut self.windows, windows.len())?;
        self.windows.extend_from_slice(windows);
        self.zoned = zoned;
        self.counts = crate::base::zeros(windows.len())?;
        Ok(())
    }

    fn begin(&mut self, as_of: i64, before: Before<'_>) -> Result<()> {
        if self.starts.is_empty() {
            self.starts = self.starts_of(as_of, before)?;
        }
        Ok(())
    }

    /// Keeps a time; from time to time those that no window can reach any more are dropped.
    fn keep(&mut self, time: i64, before: Before<'_>) -> Result<()> {
        if self.times.len() == self.times.capacity() {
            if let Some(latest) = self.times.iter().max() {
                let reach = self.starts_of(*latest, before)?.into_iter().min().unwrap_or(i64::MIN);
                self.times.retain(|t| *t >= reach);
            }
            let more = self.times.len().max(8);
            memory::reserve(&mut self.times, more)?;
        }
        self.times.push(time);
        Ok(())
    }

    /// Where the windows begin that end at `as_of`.
    fn starts_of(&self, as_of: i64, before: Before<'_>) -> Result<Vec<i64>> {
        let start = |w: &Span| {
            let start = before(as_of, *w, self.zoned)?;
            if start < as_of {
                return Ok(start);
            }
            Err(Error::new(Code::InvalidParameter, "windows must be longer than nothing")
                .detail(format!("One is {} months, {} days and {} microseconds.", w.months, w.days, w.micros))
                .hint("For example: ARRAY[interval '7 days', '30 days']."))
        };
        self.windows.iter().map(start).collect()
    }

    /// One count a window; none where no row was seen.
    ///
    /// # Errors
    /// As [`Counts::add`].
    pub fn value(&self, before: Before<'_>) -> Result<Option<Vec<u64>>> {
        let Some(latest) = self.times.iter().max() else {
            return Ok((!self.windows.is_empty()).then(|| self.counts.clone()));
        };
        let starts = self.starts_of(*latest, before)?;
        // By how many windows reach back to it: one look at each time, however many windows there are.
        let mut sorted = starts.clone();
        sorted.sort_unstable();
        let mut reached = vec![0u64; sorted.len() + 1];
        for (i, time) in self.times.iter().enumerate() {
            interrupts::check_at(i);
            reached[sorted.partition_point(|s| s <= time)] += 1;
        }
        let mut at_least = 0;
        for n in reached.iter_mut().rev() {
            at_least += *n;
            *n = at_least;
        }
        // The k-th start from below is reached by the times that have k starts or more before them.
        Ok(Some(starts.iter().map(|s| reached[sorted.partition_point(|o| o <= s)]).collect()))
    }
}

impl Mergeable for Counts {
    fn merge(&mut self, other: &Self) -> Result<()> {
        let Some(terms) = other.terms else { return Ok(()) };
        terms.keep_in(&mut self.terms)?;
        if self.windows != other.windows || self.zoned != other.zoned {
            self.open(&other.windows, other.zoned)?;
        }
        if self.starts.is_empty() {
            self.starts.clone_from(&other.starts);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a = a.saturating_add(*b));
        memory::reserve(&mut self.times, other.times.len())?;
        self.times.extend_from_slice(&other.times);
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(LETTER, 40 * self.windows.len() + 8 * self.times.len());
        out.terms(self.terms);
        out.i64(i64::from(self.zoned));
        out.i64(self.windows.len() as i64);
        for (w, c) in self.windows.iter().zip(&self.counts) {
            [i64::from(w.months), i64::from(w.days), w.micros, *c as i64].into_iter().for_each(|x| out.i64(x));
        }
        self.times.iter().for_each(|t| out.i64(*t));
        out.0
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = || -> Option<Self> {
            let mut r = Reader::new(LETTER, bytes)?;
            let mut s = Self { terms: r.terms()?, zoned: r.i64()? == 1, ..Self::default() };
            let windows = usize::try_from(r.i64()?).ok().filter(|n| *n <= Self::MOST)?;
            for _ in 0..windows {
                let (months, days) = (i32::try_from(r.i64()?).ok()?, i32::try_from(r.i64()?).ok()?);
                s.windows.push(Span { months, days, micros: r.i64()? });
                s.counts.push(r.i64()? as u64);
            }
            memory::reserve(&mut s.times, bytes.len() / 8).ok()?;
            while !r.is_empty() {
                interrupts::check_at(s.times.len());
                s.times.push(r.i64()?);
            }
            // Either counts or times, by the terms; and both need windows.
            let whole = match s.terms {
                None => s.windows.is_empty() && s.times.is_empty(),
                Some(t) if t.as_of().is_some() => s.times.is_empty() && !s.windows.is_empty(),
                Some(t) => {
                    !s.windows.is_empty() && s.counts.iter().all(|c| *c == 0) && s.times.iter().all(|x| matches!(t.counts(*x), Ok(true)))
                }
            };
            whole.then_some(s)
        };
        read().ok_or_else(|| damaged("counts"))
    }

    fn memory(&self) -> usize {
        8 * self.times.capacity() + 40 * self.windows.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::DAY;
    use super::*;

    const WINDOWS: [Span; 3] =
        [Span { months: 0, days: 14, micros: 0 }, Span { months: 1, days: 0, micros: 0 }, Span { months: 0, days: 0, micros: DAY }];

    fn before(at: i64, span: Span, _: bool) -> Result<i64> {
        Ok(at - span.length().unwrap())
    }

    fn of(days: &[i64], terms: Terms) -> Counts {
        let mut c = Counts::default();
        days.iter().for_each(|d| c.add(d * DAY, &WINDOWS, false, terms, &before).unwrap());
        c
    }

    fn value(c: &Counts) -> Vec<u64> {
        c.value(&before).unwrap().unwrap()
    }

    #[test]
    fn windows_end_together_and_include_their_ends() {
        let days = [100, 99, 98, 86, 85, 70, 69, 101, 400];
        let as_of = Terms::new(None, Some(100 * DAY)).unwrap();
        assert_eq!(value(&of(&days, as_of)), [4, 6, 2]);
        assert_eq!(value(&of(&days[..7], Terms::default())), [4, 6, 2]);
        assert_eq!(value(&of(&[400], as_of)), [0, 0, 0]);
        assert_eq!(Counts::default().value(&before).unwrap(), None);
        for terms in [as_of, Terms::default()] {
            let mut merged = Counts::default();
            for d in &days[..7] {
                merged.merge(&Counts::from_bytes(&of(&[*d], terms).to_bytes()).unwrap()).unwrap();
            }
            assert_eq!(value(&merged), [4, 6, 2]);
        }
    }

    #[test]
    fn only_the_longest_window_is_kept() {
        let days: Vec<i64> = (0..10_000).collect();
        let mut c = of(&days, Terms::default());
        assert!(c.memory() < 1000, "{}", c.memory());
        assert_eq!(value(&c), [15, 31, 2]);
        // Times out of order, too.
        days.iter().for_each(|d| c.add((9999 - d) * DAY, &WINDOWS, false, Terms::default(), &before).unwrap());
        assert!(c.memory() < 2000, "{}", c.memory());
        assert_eq!(value(&c), [30, 62, 4]);
    }

    #[test]
    fn bad_windows_and_bytes_are_refused() {
        let mut c = of(&[1], Terms::default());
        let code = |r: Result<()>| r.unwrap_err().code;
        assert_eq!(code(c.add(0, &WINDOWS[..2], false, Terms::default(), &before)), Code::InvalidParameter);
        assert_eq!(code(Counts::default().add(0, &[], false, Terms::default(), &before)), Code::InvalidParameter);
        let nothing = [Span { months: 0, days: 0, micros: 0 }];
        let as_of = Terms::new(None, Some(0)).unwrap();
        assert_eq!(code(Counts::default().add(0, &nothing, false, as_of, &before)), Code::InvalidParameter);
        for good in [of(&[1, 3], Terms::default()).to_bytes(), of(&[1, 3], Terms::new(None, Some(4 * DAY)).unwrap()).to_bytes()] {
            assert_eq!(Counts::from_bytes(&good).unwrap().to_bytes(), good);
            assert!(Counts::from_bytes(&good[..good.len() - 1]).is_err());
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 0xff;
                if let Ok(mut c) = Counts::from_bytes(&bad) {
                    let _ = c.merge(&Counts::from_bytes(&good).unwrap());
                }
            }
        }
    }
}
