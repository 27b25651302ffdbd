//! What the networks that learn whole histories (`mult_vae`, `cfgan`) share of a fit: how long it goes on, what it books, what the held-out
//! events choose.

use crate::base::memory::Taken;
use crate::base::params::Spec;
use crate::base::{Context, Epoch, Result, Shared};
use crate::dataset::Event;
use crate::dataset::{Interactions, Pairs};
use crate::model::auto_candidates;
use crate::model::holdout::{Holdout, Lists};
use crate::model::popularity::Popularity;
use crate::model::recommender::{self, EVALUATED_AT, ItemScorer, Job, Kind, Model, Stored};
use crate::nn::monitor::{Evaluation, Fitted};
use crate::nn::{Loop, Trainee};
use serde_json::{Map, Value, json};

/// What a fit gives: the model, its learning curve, and the parameters that held-out events chose.
pub type Learned<M> = (M, Vec<Epoch>, Map<String, Value>);

/// A kind whose network learns whole histories: held-out events choose when it stops, and `auto` tries it where it trains in minutes.
pub const fn kind(
    name: &'static str,
    for_what: &'static str,
    specs: &'static [Spec],
    fit: fn(&Job<'_>) -> Result<recommender::Fitted>,
    load: fn(&Stored<'_>) -> Result<Model>,
) -> Kind {
    Kind { auto: Some(auto_candidates::for_networks), tunes: true, ..Kind::usual(name, for_what, specs, fit, load) }
}

/// [`Learned`] as the kind gives it.
pub fn fitted(learned: Learned<impl ItemScorer + 'static>) -> recommender::Fitted {
    let (model, epochs, chosen) = learned;
    recommender::Fitted { chosen, ..recommender::Fitted::new(model, epochs) }
}

/// What the kind's parameters say of the length of a fit.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// Epochs; none: as many as the held-out events find best.
    pub epochs: Option<usize>,
    /// Epochs at most where these choose, and where there are none.
    pub most: [usize; 2],
    /// Users of a step; none: a share of all, `1 / per`, within `bounds`.
    pub batch: Option<usize>,
    /// See `batch`.
    pub per: usize,
    /// See `batch`.
    pub bounds: [usize; 2],
    /// Epochs without a better one after which it stops.
    pub patience: usize,
}

/// A fit that is about to begin.
pub struct HistoryFit<'a> {
    data: &'a Interactions,
    tune: Option<&'a Holdout>,
    plan: Loop,
}

impl<'a> HistoryFit<'a> {
    /// Of what the kind was given, and its parameters of length.
    pub fn new(job: &Job<'a>, length: Length) -> Self {
        let (data, tune) = (job.data, job.tune);
        let tune = tune.filter(|_| length.epochs.is_none());
        let users = data.users.len();
        let [least, most] = length.bounds;
        let batch = length.batch.unwrap_or((users / length.per).clamp(least, most)).min(users.max(1));
        let epochs = length.epochs.unwrap_or(length.most[usize::from(tune.is_none())]);
        let patience = if tune.is_some() { length.patience } else { 0 };
        Self { data, tune, plan: Loop { rows: users, epochs, batch, patience } }
    }

    /// The same where the network learns from so many rows that are not the users.
    #[must_use]
    pub fn over(mut self, rows: usize) -> Self {
        self.plan.rows = rows;
        self
    }

    /// Users of a step.
    pub fn batch(&self) -> usize {
        self.plan.batch
    }

    /// Books what the loop, the pairs of users and items and a training of `bytes` take.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn book<'b>(&self, what: &str, parameters: usize, bytes: usize, ctx: &Context<'b>) -> Result<Taken<'b>> {
        let pairs = self.data.events().len() * 8 + self.plan.rows * 8;
        let bytes = bytes.saturating_add(self.plan.bytes(parameters)).saturating_add(pairs);
        ctx.budget.take(bytes, &format!("Training a {what} of {parameters} weights"))
    }

    /// The pairs of users and their latest `history` items.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn pairs(&self, history: usize, ctx: &Context) -> Result<Pairs> {
        Pairs::by_user(self.data, history, ctx)
    }

    /// The order of items of which the model knows nothing.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`].
    pub fn popularity(&self, ctx: &Context) -> Result<Shared<f32>> {
        Ok(Popularity::plain(self.data, ctx)?.scores)
    }

    /// How well `score` finds the held-out events; none where there are none.
    ///
    /// # Errors
    /// As [`Holdout::evaluation`].
    pub fn evaluate(
        &self,
        popularity: &[f32],
        ctx: &Context,
        score: impl Fn(&[Event], &mut [f32]) -> bool + Sync + Send,
    ) -> Result<Option<Evaluation>> {
        self.tune.map(|tune| tune.evaluation(&Lists { data: self.data, k: EVALUATED_AT, popularity, ctx }, score)).transpose()
    }

    /// Trains; the learning curve, and the epochs where the held-out events chose them.
    ///
    /// # Errors
    /// As [`Loop::run`].
    pub fn run(&self, training: &mut impl Trainee, ctx: &Context) -> Result<(Vec<Epoch>, Map<String, Value>)> {
        let Fitted { epochs, best_epoch } = self.plan.run(training, ctx)?;
        let mut chosen = Map::new();
        if self.tune.is_some() {
            chosen.insert("epochs".into(), json!(best_epoch.max(1)));
        }
        Ok((epochs, chosen))
    }
}
