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
mod tests;
