//! What a version's training saw of each column, in a few kB: shares of bins, of missing values and of values that came but once. By this
//! `affinity.drift` tells whether the rows of now are still those that the model learned from.
//!
//! Bounded whatever the rows are: of a column at most 20 edges, 100 values by their hashes, and 2 kB that tell the other values which came.
//! (Of 20 columns of numbers 5 kB, of a column of 10,000 names 8 kB.)

mod levels;
mod numbers;
mod of_column;

pub use of_column::{Now, Seen};

use crate::base::rng::mix;
use crate::base::{Context, Error, Result};
use crate::dataset::Frame;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key of a version's state that holds it.
pub const KEY: &str = "reference";

/// Rows that are looked at: of more the first by a hash of their places. The index that so many rows make of nothing is below 1e-4.
pub const MOST_ROWS: usize = 1 << 17;

/// What a training saw.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reference {
    /// The columns that it learned from.
    pub inputs: Vec<Seen>,
    /// What it learned to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Seen>,
}

impl Reference {
    /// What `rows` of `frame` hold in the columns `names`, of which `texts` are free text, and in the `target`.
    ///
    /// # Errors
    /// [`crate::base::Code::UndefinedColumn`], [`crate::base::Code::Cancelled`].
    pub fn of(frame: &Frame, (names, texts): (&[&str], &[&str]), rows: &[u32], target: Option<&str>, ctx: &Context<'_>) -> Result<Self> {
        let some = sample(rows);
        let mut seen = |name: &&str| {
            ctx.check()?;
            let text = texts.contains(name);
            // Values of a column that are counted in passing may all be: what was never there is known the better.
            Seen::of(frame.column(name)?, if text { &some } else { rows }, &some, text, ctx)
        };
        let inputs = names.iter().map(&mut seen).collect::<Result<_>>()?;
        Ok(Self { inputs, target: target.as_ref().map(seen).transpose()? })
    }

    /// Puts it into a version's state.
    ///
    /// # Errors
    /// [`crate::base::Code::Internal`].
    pub fn put(&self, state: &mut Value) -> Result<()> {
        let own = serde_json::to_value(self).map_err(|e| Error::internal(format!("reference: {e}")))?;
        if let Some(state) = state.as_object_mut() {
            state.insert(KEY.into(), own);
        }
        Ok(())
    }

    /// That of a version's state; none where its release stored none, or what stands there is none.
    pub fn get(state: &Value) -> Option<Self> {
        Self::deserialize(state.get(KEY)?).ok().filter(|r: &Self| r.inputs.iter().chain(&r.target).all(Seen::is_sound))
    }
}

/// At most about [`MOST_ROWS`] of `rows`.
fn sample(rows: &[u32]) -> Vec<u32> {
    if rows.len() <= MOST_ROWS {
        return rows.to_vec();
    }
    let bound = (u64::MAX / rows.len() as u64).saturating_mul(MOST_ROWS as u64);
    rows.iter().copied().filter(|r| mix(u64::from(*r)) < bound).collect()
}

#[cfg(test)]
mod tests {
    use super::levels::Levels;
    use super::numbers::{MOST_EDGES, Tenths};
    use super::*;
    use crate::base::{Budget, Pool, Quiet, Rng};
    use crate::dataset::{Column, MISSING_CODE, Values};
    use crate::metric::moved::{Binned, Verdict};

    fn with<R>(f: impl FnOnce(&Context<'_>) -> R) -> R {
        let (pool, budget) = (Pool::new(1).unwrap(), Budget::unlimited());
        f(&Context { seed: 1, pool: &pool, budget: &budget, watch: &Quiet })
    }

    fn real(values: Vec<f64>) -> Frame {
        Frame::new(vec![Column { name: "x".into(), values: Values::Double(values) }]).unwrap()
    }

    fn names(codes: Vec<u32>, levels: usize) -> Frame {
        let levels = (0..levels).map(|i| format!("name {i}")).collect();
        Frame::new(vec![Column { name: "x".into(), values: Values::Category { codes, levels } }]).unwrap()
    }

    fn seen(frame: &Frame, texts: &[&str]) -> Seen {
        let rows: Vec<u32> = (0..frame.rows() as u32).collect();
        let whole = with(|ctx| Reference::of(frame, (&["x"], texts), &rows, Some("x"), ctx)).unwrap();
        let mut state = serde_json::json!({});
        whole.put(&mut state).unwrap();
        let read = Reference::get(&serde_json::from_str(&state.to_string()).unwrap()).unwrap();
        assert_eq!((read.inputs.len(), read.target.as_ref()), (1, whole.inputs.first()));
        assert!(state.to_string().len() < 18_000, "{} bytes", state.to_string().len());
        read.inputs.into_iter().next().unwrap()
    }

    fn now(seen: &Seen, frame: &Frame) -> Now {
        with(|ctx| seen.now(&frame.columns()[0].values, ctx)).unwrap().unwrap()
    }

    fn verdict(now: &Now) -> Verdict {
        Binned::new(&now.bins, Some(now.draws)).unwrap().verdict(0.001)
    }

    #[test]
    fn tenths_hold_a_tenth_and_frequent_numbers_are_alone() {
        let t = Tenths::of((0..1000).rev().map(f64::from).collect());
        assert_eq!((t.counts.clone(), t.edges[0], t.middle), (vec![100; 10], 99.0, 500.0));
        // Half of them 5, in the middle of the others.
        let t = Tenths::of((0..1000).map(|i| if i % 2 == 0 { 5.0 } else { f64::from(i) / 100.0 }).collect());
        let at = t.edges.iter().position(|e| *e == 5.0).unwrap();
        assert!(t.counts[at] >= 500 && t.counts[at] < 502 && t.edges[at - 1] < 5.0, "{t:?}");
        assert_eq!(t.counts.iter().sum::<u64>(), 1000);
        let t = Tenths::of(vec![3.0; 40]);
        assert_eq!((t.edges.len(), t.counts), (0, vec![40]));
        assert_eq!(Tenths::of(Vec::new()).counts, Vec::<u64>::new());
        // Ten values of a tenth each, others between them.
        let t = Tenths::of((0..1090).map(|i| if i < 90 { f64::from(i % 9) + 0.5 } else { f64::from(i % 10) }).collect());
        assert!(t.edges.len() <= MOST_EDGES && t.is_sound(), "{t:?}");
    }

    #[test]
    fn numbers_that_shift_by_half_a_deviation_are_found_and_others_are_not() {
        let mut rng = Rng::new(3);
        let mut draw = |n: usize, shift: f64| real((0..n).map(|_| rng.normal() + shift).collect());
        let then = seen(&draw(20_000, 0.0), &[]);
        assert_eq!(verdict(&now(&then, &draw(5000, 0.0))), Verdict::Stable);
        // Of two normal distributions the index is the square of the shift: .25, in tenths .24 to .26.
        assert!(matches!(verdict(&now(&then, &draw(5000, 0.5))), Verdict::Moving | Verdict::Moved));
        assert_eq!(verdict(&now(&then, &draw(5000, 1.0))), Verdict::Moved);
        let alarms = (0..1000).filter(|_| matches!(verdict(&now(&then, &draw(200, 0.0))), Verdict::Moving | Verdict::Moved)).count();
        assert!(alarms <= 3, "{alarms} alarms in 1,000 draws of 200 rows that have not moved");
    }

    #[test]
    fn values_that_never_came_are_counted() {
        // A hundred and one names, of which the last came once.
        let then = seen(&names((0..1001).map(|i| if i == 1000 { 100 } else { i % 100 }).collect(), 101), &[]);
        let n = now(&then, &names((0..500).map(|i| if i % 5 == 0 { 150 } else { i % 100 }).collect(), 200));
        let [[once, new], totals] = n.unseen.unwrap();
        assert_eq!((once, totals), (1.0, [1001.0, 500.0]));
        assert!((new - 100.0).abs() < 3.0, "{new}");
        assert_eq!(verdict(&n), Verdict::Moved);
        let same = now(&then, &names((0..500).map(|i| i % 100).collect(), 101));
        assert_eq!(same.unseen.unwrap()[0][1], 0.0);
        assert_eq!(verdict(&same), Verdict::Stable);
    }

    #[test]
    fn many_names_are_kept_in_a_filter_until_it_is_full() {
        let few = Levels::of((0..5000).map(|i| (crate::base::rng::mix(i), 1)).collect());
        let new: Vec<(u64, u64)> = (10_000..12_000).map(|i| (crate::base::rng::mix(i), 1)).collect();
        let found = few.never_came(&new).unwrap();
        assert!((found - 2000.0).abs() < 100.0, "{found}");
        assert!(few.is_sound() && few.came.len() == 256);
        assert_eq!(Levels::of((0..100_000).map(|i| (crate::base::rng::mix(i), 1)).collect()).never_came(&new), None);
    }

    #[test]
    fn missing_values_texts_and_other_kinds_of_values() {
        let then = seen(&real((0..100).map(|i| if i < 10 { f64::NAN } else { f64::from(i) }).collect()), &[]);
        let n = now(&then, &real(vec![f64::NAN, 1.0]));
        assert_eq!((n.missing, n.draws), ([10.0, 1.0], [90.0, 1.0]));
        assert_eq!(with(|ctx| then.now(&names(vec![0], 1).columns()[0].values, ctx)).unwrap(), None);

        let texts = |word: &str, n: u32| {
            let levels = (0..n).map(|i| format!("{word} of the shop number {}", i % 7)).collect();
            let codes = (0..n).map(|i| if i == 0 { MISSING_CODE } else { i }).collect();
            Frame::new(vec![Column { name: "x".into(), values: Values::Category { codes, levels } }]).unwrap()
        };
        let then = seen(&texts("chairs", 1000), &["x"]);
        assert_eq!(verdict(&now(&then, &texts("chairs", 400))), Verdict::Stable);
        assert_eq!(verdict(&now(&then, &texts("lamps", 400))), Verdict::Moved);
        assert_eq!(now(&then, &texts("lamps", 400)).unseen, None);
    }

    #[test]
    fn what_is_damaged_is_none() {
        assert_eq!(Reference::get(&serde_json::json!({})), None);
        assert_eq!(Reference::get(&serde_json::json!({"reference": {"inputs": 7}})), None);
        let bad = serde_json::json!({"reference": {"inputs": [{"name": "x", "rows": 1, "missing": 0,
            "spread": {"names": {"frequent": [], "rest": 4, "once": 0}}}]}});
        assert_eq!(Reference::get(&bad), None);
    }
}
