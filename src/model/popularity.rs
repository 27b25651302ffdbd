//! `popularity`: what most users chose, old events counting less. The baseline beside every recommender, and what an unknown user gets.

use crate::base::number::{AsIndex, AsReal};
use crate::base::params::{self, ParamType, Spec};
use crate::base::{Code, Context, Error, Result, Shared, Tensor, zeros};
use crate::dataset::{Event, Interactions, Pairs};
use crate::model::network_tensors::floats;
use crate::model::recommender::{Fitted, ItemScorer, Kind};
use serde_json::{Map, Value};

/// Parameters of the kind.
const SPECS: &[Spec] =
    &[Spec::new("half_life", ParamType::Number, "null", "Days after which a user's event counts half; null: all count alike.")
        .within(0.01, 100_000.0)];

/// A score an item: Σ over users of the value of the user's heaviest event with it × 2^(−age of the latest / half life).
#[derive(Debug, Clone, PartialEq)]
pub struct Popularity {
    /// One an item, 0 or more.
    pub scores: Shared<f32>,
}

/// The kind.
pub static KIND: Kind = Kind {
    auto: Some(|_| true),
    ..Kind::usual(
        "popularity",
        "What most users chose: the baseline, and what an unknown user gets.",
        SPECS,
        |job| Ok(Fitted::new(Popularity::fit(job.data, job.params, job.ctx)?, Vec::new())),
        |s| Ok(Box::new(Popularity::from_tensors(s.items, s.tensors)?)),
    )
};

#[derive(serde::Deserialize)]
struct Params {
    half_life: Option<f64>,
}

/// Microseconds of a day.
pub const DAY: f64 = 86_400e6;

impl Popularity {
    /// Counts the users of each item.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a half life where events have no time; [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn fit(data: &Interactions, given: &Map<String, Value>, ctx: &Context) -> Result<Self> {
        let p: Params = params::typed(given)?;
        let decay = match p.half_life {
            Some(_) if data.events().iter().all(|e| e.time == 0) => {
                return Err(Error::new(Code::InvalidParameter, "parameter \"half_life\" needs the time of the events")
                    .detail("The call has no time_col, or all its values are equal.")
                    .hint("Say time_col => '…', or leave half_life out."));
            }
            Some(days) => std::f64::consts::LN_2 / (days * DAY),
            None => 0.0,
        };
        Self::count(data, decay, ctx)
    }

    /// `decay` is the rate a microsecond.
    fn count(data: &Interactions, decay: f64, ctx: &Context) -> Result<Self> {
        let now = data.latest();
        let mut sums: Vec<f64> = zeros(data.items.len())?;
        let mut latest: Vec<i64> = zeros(data.items.len())?;
        let pairs = Pairs::by_user(data, usize::MAX, ctx)?;
        for u in 0..pairs.rows() {
            ctx.check_at(u)?;
            for e in data.history(u as u32) {
                latest[e.item.index()] = e.time;
            }
            for (i, value) in pairs.row(u) {
                let age = (now.real() - latest[i.index()].real()).max(0.0);
                sums[i.index()] += f64::from(value) * (-decay * age).exp();
            }
        }
        Ok(Self { scores: sums.iter().map(|&s| s.single()).collect() })
    }

    /// The plain count, without decay.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`], [`Code::Cancelled`].
    pub fn plain(data: &Interactions, ctx: &Context) -> Result<Self> {
        Self::count(data, 0.0, ctx)
    }

    /// Back from [`Popularity::to_tensors`].
    ///
    /// # Errors
    /// [`Code::Corrupt`].
    pub fn from_tensors(items: usize, tensors: &[Tensor]) -> Result<Self> {
        Ok(Self { scores: floats(tensors, "popularity.score", &[items])? })
    }
}

impl ItemScorer for Popularity {
    fn to_tensors(&self) -> Vec<Tensor> {
        vec![Tensor::f32("popularity.score", [self.scores.len()], self.scores.clone())]
    }

    /// The same list for every user.
    fn score(&self, _: &[Event], _: i64, out: &mut [f32]) -> bool {
        out.copy_from_slice(&self.scores);
        true
    }

    fn similar(&self, _: u32, _: &mut [f32]) -> Result<bool> {
        Err(Error::new(Code::Unsupported, "a popularity model knows no similar items")
            .hint("Train with kind => 'item_knn' or another kind that relates items."))
    }

    fn reads_history(&self) -> bool {
        false
    }
}
