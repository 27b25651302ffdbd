//! The distribution of one column of numbers, as a table of ranks: into ranks and back, so that generated numbers are distributed as the
//! real ones and only such values come out as are like them.

use crate::base::number::AsReal;
use crate::dataset::value_type::{DECIMALS, decimals};
use serde::{Deserialize, Serialize};

/// A table of values and their ranks, the share of rows below and up to each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Marginal(Stored);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    /// Rising.
    at: Vec<f64>,
    /// The share of rows below each.
    from: Vec<f32>,
    /// The share of rows up to and with each. Where it is less than the next one's `from`, values between the two are interpolated.
    to: Vec<f32>,
    /// Decimals of interpolated values; none: all.
    digits: Option<u32>,
}

/// So many distinct values are all kept.
const DISTINCT: usize = 2048;
/// Of more, so many quantiles, and beside them whatever so large a share of the rows has.
const QUANTILES: usize = 1024;

impl Marginal {
    /// The table of `values`, which are finite and are put in order by this. None of no values.
    pub fn fit(values: &mut [f64]) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let n = values.len().real();
        let mut all: Vec<(f64, f32, f32)> = Vec::new();
        let mut i = 0;
        while i < values.len() {
            // −0 and 0 are one value.
            let run = values[i..].partition_point(|x| *x <= values[i]);
            all.push((values[i], (i.real() / n).single(), ((i + run).real() / n).single()));
            i += run;
        }
        let distinct = all.len();
        if distinct > DISTINCT {
            let mut next = 0.0;
            let mut place = 0;
            all.retain(|(_, from, to)| {
                place += 1;
                let keep = place == 1 || place == distinct || *to >= next || to - from >= 1.0 / QUANTILES.single();
                if *to >= next {
                    next = (to * QUANTILES.single()).floor() / QUANTILES.single() + 1.0 / QUANTILES.single();
                }
                keep
            });
        }
        let digits = decimals(values.iter().copied());
        (!all.is_empty()).then(|| {
            Self(Stored {
                at: all.iter().map(|v| v.0).collect(),
                from: all.iter().map(|v| v.1).collect(),
                to: all.iter().map(|v| v.2).collect(),
                digits,
            })
        })
    }

    /// The least and the greatest value.
    pub fn ends(&self) -> (f64, f64) {
        (self.0.at[0], self.0.at[self.0.at.len() - 1])
    }

    /// The ranks below and up to a value, as shares of the rows; values beyond the ends count as those.
    pub fn rank(&self, x: f64) -> [f32; 2] {
        let s = &self.0;
        let i = s.at.partition_point(|a| *a < x).min(s.at.len() - 1);
        if i == 0 || s.at[i] <= x {
            return [s.from[i], s.to[i]];
        }
        let t = ((x - s.at[i - 1]) / (s.at[i] - s.at[i - 1])).single();
        [s.to[i - 1] + t * (s.from[i] - s.to[i - 1]); 2]
    }

    /// The value at a rank in [0, 1].
    pub fn value(&self, rank: f32) -> f64 {
        let s = &self.0;
        let i = s.to.partition_point(|t| *t <= rank).min(s.at.len() - 1);
        if i == 0 || rank >= s.from[i] {
            return s.at[i];
        }
        let t = (rank - s.to[i - 1]) / (s.from[i] - s.to[i - 1]);
        let x = s.at[i - 1] + f64::from(t) * (s.at[i] - s.at[i - 1]);
        match s.digits {
            Some(d) => {
                let unit = 10f64.powi(d as i32);
                (x * unit).round() / unit
            }
            None => x,
        }
    }
}

impl TryFrom<Stored> for Marginal {
    type Error = &'static str;
    fn try_from(s: Stored) -> Result<Self, Self::Error> {
        let n = s.at.len();
        let rising = s.at.iter().all(|x| x.is_finite()) && s.at.windows(2).all(|w| w[0] < w[1]);
        let ranks = s.from.iter().zip(&s.to).all(|(f, t)| 0.0 <= *f && f <= t && *t <= 1.0);
        let apart = (1..n.min(s.from.len()).min(s.to.len())).all(|i| s.to[i - 1] <= s.from[i]);
        let good = n > 0 && s.from.len() == n && s.to.len() == n && rising && ranks && apart && s.digits.is_none_or(|d| d <= DECIMALS);
        if good { Ok(Self(s)) } else { Err("the ranks of a column are no rising table") }
    }
}

impl From<Marginal> for Stored {
    fn from(m: Marginal) -> Self {
        m.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn atoms_come_back_exactly_and_as_often() {
        let mut values: Vec<f64> = (0..1000).map(|i| if i < 600 { 0.0 } else { f64::from(i % 40) * 0.25 }).collect();
        let m = Marginal::fit(&mut values).unwrap();
        assert_eq!(m.rank(0.0), [0.0, 0.61]);
        assert_eq!(m.ends(), (0.0, 9.75));
        let back: Vec<f64> = (0..1000).map(|i| m.value((i as f32 + 0.5) / 1000.0)).collect();
        assert_eq!(back, values);
        assert_eq!((m.value(0.0), m.value(1.0), m.rank(-5.0), m.rank(99.0)), (0.0, 9.75, [0.0, 0.61], m.rank(9.75)));
        assert!(Marginal::fit(&mut []).is_none());
    }

    #[test]
    fn many_values_are_interpolated_with_their_decimals() {
        let mut rng = Rng::new(1);
        let cents = |x: f64| (x * 100.0).round() / 100.0;
        let mut values: Vec<f64> = (0..50_000).map(|i| if i % 10 == 0 { 9.99 } else { cents((3.0 + 1.5 * rng.normal()).exp()) }).collect();
        let m = Marginal::fit(&mut values).unwrap();
        assert!(m.0.at.len() < 2 * QUANTILES + 8 && m.0.digits == Some(2));
        let (mut apart, mut atoms) = (0.0f64, 0);
        for i in 0..50_000 {
            let x = m.value((i as f32 + 0.5) / 50_000.0);
            assert_eq!(x, cents(x));
            atoms += u32::from(x == 9.99);
            apart = apart.max((values.partition_point(|v| *v <= x) as f64 - f64::from(i)).min(0.0).abs() / 5e4);
            let [low, high] = m.rank(x);
            assert!(low <= high && low <= (i as f32 + 0.5) / 5e4 + 2e-3 && high >= (i as f32 + 0.5) / 5e4 - 2e-3);
        }
        assert!((4_900..5_300).contains(&atoms) && apart < 2e-3, "{atoms} {apart}");
    }

    #[test]
    fn stored_tables_come_back_exactly_and_hostile_ones_do_not() {
        let m = Marginal::fit(&mut [1.0, 2.0, 2.0, 0.1]).unwrap();
        let text = serde_json::to_string(&m).unwrap();
        assert_eq!(serde_json::from_str::<Marginal>(&text).unwrap(), m);
        for bad in [
            r#"{"at": [], "from": [], "to": [], "digits": null}"#,
            r#"{"at": [1, 1], "from": [0, 0.5], "to": [0.5, 1], "digits": null}"#,
            r#"{"at": [1, 2], "from": [0, 0.4], "to": [0.5, 1], "digits": null}"#,
            r#"{"at": [1, 2], "from": [0, 0.5], "to": [0.5], "digits": null}"#,
            r#"{"at": [1, 2], "from": [0, 0.5], "to": [0.5, 2], "digits": null}"#,
            r#"{"at": [1], "from": [0], "to": [1], "digits": 400}"#,
        ] {
            assert!(serde_json::from_str::<Marginal>(bad).is_err(), "{bad}");
        }
    }
}
