//! Recency, frequency and monetary value: the three figures by which shops have sorted customers since catalogues were printed (Bult and
//! Wansbeek, 1995), with what follows from them.

use super::bytes::{Reader, Writer, damaged};
use super::terms::{DAY, Terms};
use crate::base::number::AsReal;
use crate::base::{Code, Error, Mergeable, Result};

/// The letter of its bytes.
const LETTER: u8 = b'r';

/// First and latest event, their number, how many of them have an amount and the sum of these.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rfm {
    terms: Option<Terms>,
    count: u64,
    first: i64,
    last: i64,
    priced: u64,
    amount: f64,
}

/// What [`Rfm`] comes to. Times are in days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Habit {
    /// From the latest event to `as_of`.
    pub recency: f64,
    /// Events.
    pub frequency: u64,
    /// The sum of the amounts that are known; none where no event has one.
    pub monetary: Option<f64>,
    /// From the first event to `as_of`.
    pub tenure: f64,
    /// `tenure` by `frequency`; none below two events, between which there is no gap.
    pub mean_gap: Option<f64>,
    /// `recency` in mean gaps, a gap being a day at least: above 1, the next event is late. None where there is no gap.
    pub overdue: Option<f64>,
}

impl Rfm {
    /// Takes in an event and its amount, of any sign, where that is known.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for an amount that is not finite, an infinite time, and terms other than those of the rows before.
    pub fn add(&mut self, time: i64, amount: Option<f64>, terms: Terms) -> Result<()> {
        terms.keep_in(&mut self.terms)?;
        if !terms.counts(time)? {
            return Ok(());
        }
        if let Some(amount) = amount.filter(|a| !a.is_finite()) {
            return Err(Error::new(Code::InvalidParameter, "amount is not finite")
                .detail(format!("The amount {amount} was given."))
                .hint("Make it NULL where it is unknown: the event then counts without an amount."));
        }
        self.take(&Self {
            terms: None,
            count: 1,
            first: time,
            last: time,
            priced: u64::from(amount.is_some()),
            amount: amount.unwrap_or(0.0),
        });
        Ok(())
    }

    fn take(&mut self, more: &Self) {
        if self.count == 0 {
            (self.first, self.last) = (more.first, more.last);
        }
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
        // counts of stored states may be anybody's: no overflow
        self.count = self.count.saturating_add(more.count);
        self.priced = self.priced.saturating_add(more.priced);
        self.amount += more.amount;
    }

    /// As of the terms' day, or of the latest event; none where no event counted.
    pub fn value(&self) -> Option<Habit> {
        if self.count == 0 {
            return None;
        }
        let as_of = self.terms.and_then(|t| t.as_of()).unwrap_or(self.last);
        let days = |since: i64| as_of.saturating_sub(since).real() / DAY.real();
        let (recency, tenure) = (days(self.last), days(self.first));
        let mean_gap = (self.count > 1).then(|| tenure / self.count.real());
        let (monetary, overdue) = ((self.priced > 0).then_some(self.amount), mean_gap.map(|gap| recency / gap.max(1.0)));
        Some(Habit { recency, frequency: self.count, monetary, tenure, mean_gap, overdue })
    }
}

impl Mergeable for Rfm {
    fn merge(&mut self, other: &Self) -> Result<()> {
        if let Some(terms) = other.terms {
            terms.keep_in(&mut self.terms)?;
        }
        if other.count > 0 {
            self.take(other);
        }
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(LETTER, 40);
        out.terms(self.terms);
        out.i64(self.count as i64);
        out.i64(self.first);
        out.i64(self.last);
        out.i64(self.priced as i64);
        out.f64(self.amount);
        out.0
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = || -> Option<Self> {
            let mut r = Reader::new(LETTER, bytes)?;
            let terms = r.terms()?;
            let s = Self { terms, count: r.i64()? as u64, first: r.i64()?, last: r.i64()?, priced: r.i64()? as u64, amount: r.f64()? };
            r.end()?;
            let fit = |t: i64| terms.is_some_and(|terms| matches!(terms.counts(t), Ok(true)));
            let priced = s.priced <= s.count && (s.priced > 0 || s.amount == 0.0);
            (priced && (s.count == 0 || s.first <= s.last && fit(s.first) && fit(s.last))).then_some(s)
        };
        read().ok_or_else(|| damaged("rfm"))
    }

    fn memory(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_of(day: i64) -> Terms {
        Terms::new(None, Some(day * DAY)).unwrap()
    }

    fn of(days: &[i64], terms: Terms) -> Rfm {
        let mut r = Rfm::default();
        days.iter().for_each(|d| r.add(d * DAY, Some(2.5), terms).unwrap());
        r
    }

    #[test]
    fn figures_are_those_of_the_definition_in_any_grouping() {
        let (t, days) = (as_of(100), [10, 70, 40, 95, 101, 200]);
        let whole = of(&days, t);
        let mut merged = Rfm::default();
        for part in days.chunks(1) {
            merged.merge(&Rfm::from_bytes(&of(part, t).to_bytes()).unwrap()).unwrap();
        }
        for r in [whole, merged] {
            let expected =
                Habit { recency: 5.0, frequency: 4, monetary: Some(10.0), tenure: 90.0, mean_gap: Some(22.5), overdue: Some(5.0 / 22.5) };
            assert_eq!(r.value().unwrap(), expected);
        }
    }

    #[test]
    fn without_a_day_the_latest_event_is_it() {
        let h = of(&[3, 9], Terms::default()).value().unwrap();
        assert_eq!((h.recency, h.tenure, h.overdue), (0.0, 6.0, Some(0.0)));
        assert_eq!(Rfm::default().value(), None);
        assert_eq!(of(&[5], as_of(4)).value(), None);
        // Twice a day: a gap counts a day at least.
        assert_eq!(of(&[6, 6, 7, 7], as_of(8)).value().unwrap().overdue, Some(1.0));
    }

    #[test]
    fn one_event_has_no_gap_and_what_has_no_amount_no_sum() {
        for (days, terms) in [(vec![3], Terms::default()), (vec![3], as_of(900)), (vec![3, 950], as_of(900))] {
            let h = of(&days, terms).value().unwrap();
            assert_eq!((h.frequency, h.mean_gap, h.overdue), (1, None, None));
        }
        let at = |amount: Option<f64>| {
            let mut r = Rfm::default();
            r.add(DAY, amount, as_of(9)).unwrap();
            Rfm::from_bytes(&r.to_bytes()).unwrap()
        };
        let mut r = at(None);
        r.merge(&at(None)).unwrap();
        assert_eq!(r.value().unwrap().monetary, None);
        // Two events on one day, eight days ago, have a gap.
        assert_eq!((r.value().unwrap().mean_gap, r.value().unwrap().overdue), (Some(4.0), Some(2.0)));
        r.merge(&at(Some(0.0))).unwrap();
        assert_eq!(r.value().unwrap().monetary, Some(0.0));
        let forged = Rfm { priced: 4, ..r };
        assert_eq!(Rfm::from_bytes(&forged.to_bytes()).unwrap_err().code, Code::InvalidText);
    }

    #[test]
    fn bad_rows_and_bytes_are_refused() {
        assert_eq!(Rfm::default().add(0, Some(f64::NAN), as_of(1)).unwrap_err().message, "amount is not finite");
        assert!(of(&[1], as_of(4)).merge(&of(&[1], as_of(5))).is_err());
        let good = of(&[1, 3], as_of(4)).to_bytes();
        assert!((0..good.len()).all(|n| Rfm::from_bytes(&good[..n]).is_err()));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            if let Ok(mut r) = Rfm::from_bytes(&bad) {
                let _ = r.merge(&Rfm { count: u64::MAX, ..r });
                assert!(r.value().is_some());
            }
        }
        let swapped = Rfm { first: 5, last: 3, ..of(&[1, 2], as_of(4)) };
        assert_eq!(Rfm::from_bytes(&swapped.to_bytes()).unwrap_err().code, Code::InvalidText);
    }
}
