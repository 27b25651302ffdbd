//! How far a long call is: kept as it says it, and said to the caller every few seconds.

use crate::base::number::AsReal;
use crate::base::{Epoch, names};
use crate::metric::less_is_better;
use crate::pg::backend::interrupts::Shown;
use crate::pg::backend::{error, settings};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The part of the work that is under way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Part {
    /// `reading`, `training`, `fitting ease`, `choosing recency`, `weighing`, `evaluating`, `saving`.
    pub phase: String,
    /// Steps of it that are done, and that it has at most: epochs, users, settings that are tried.
    pub done: Option<(u64, u64)>,
    /// Its seconds when these were done.
    pub seconds: f64,
    /// The last epoch that ended.
    pub epoch: Option<u32>,
    /// Its loss on the training rows.
    pub train_loss: Option<f64>,
    /// Its loss on the validation rows.
    pub valid_loss: Option<f64>,
    /// The best value so far of the figure that says when to stop, and its name.
    pub best: Option<(String, f64)>,
}

impl Part {
    /// Seconds that the rest of the part takes if it goes on so, `later` seconds after the last step.
    pub(crate) fn left(&self, later: f64) -> Option<f64> {
        let (done, of) = self.done.filter(|d| d.0 > 0)?;
        Some((self.seconds * of.saturating_sub(done).real() / done.real() - later).max(0.0))
    }

    fn epoch(&mut self, epoch: &Epoch) {
        self.epoch = Some(epoch.epoch);
        self.train_loss = Some(epoch.train_loss);
        self.valid_loss = epoch.valid_loss;
        // Without a figure of its own the loss on the validation rows says when to stop.
        let figure = epoch.metric.clone().or_else(|| epoch.valid_loss.map(|l| ("valid_loss".to_owned(), l)));
        let Some((name, value)) = figure else { return };
        let less = less_is_better(&name);
        let better = |b: &(String, f64)| b.0 != name || if less { value < b.1 } else { value > b.1 };
        if self.best.as_ref().is_none_or(better) {
            self.best = Some((name, value));
        }
    }
}

/// A long call, and when it was last said how far it is.
pub(crate) struct Notices {
    /// What is under way: `model "buys" (mlp)`.
    what: String,
    start: Instant,
    last: Instant,
    phase_start: Instant,
    /// The part under way.
    pub part: Part,
    /// Seconds of the parts that have ended, by name.
    ended: Vec<(String, f64)>,
}

/// Parts whose seconds are kept: `auto` has one a kind and a few more.
const MOST_PARTS: usize = 64;

impl Notices {
    /// A call begins that does `what`.
    pub(crate) fn new(what: String) -> Self {
        let now = Instant::now();
        Self { what, start: now, last: now, phase_start: now, part: Part::default(), ended: Vec::new() }
    }

    /// The next part begins.
    pub(crate) fn phase(&mut self, phase: &str) {
        self.end_part();
        self.phase_start = Instant::now();
        self.part = Part { phase: phase.to_owned(), ..Part::default() };
    }

    /// Takes in what the work says of itself, and tells the caller where it is time to.
    pub(crate) fn show(&mut self, shown: &Shown) {
        match shown {
            Shown::Epoch(epoch) => self.part.epoch(epoch),
            Shown::Phase(phase) => self.phase(phase),
            Shown::Done(done, of) => {
                self.part.done = Some((*done, *of));
                self.part.seconds = self.phase_start.elapsed().as_secs_f64();
            }
            Shown::Waiting => {}
        }
        let every = settings::progress_interval();
        if every > Duration::ZERO && self.last.elapsed() >= every {
            self.last = Instant::now();
            error::notice(&self.sentence());
        }
    }

    fn end_part(&mut self) {
        let seconds = self.phase_start.elapsed().as_secs_f64();
        if let Some(known) = self.ended.iter_mut().find(|(name, _)| *name == self.part.phase) {
            known.1 += seconds;
        } else if !self.part.phase.is_empty() && self.ended.len() < MOST_PARTS {
            self.ended.push((self.part.phase.clone(), seconds));
        }
    }

    /// Seconds of each part, the one under way as far as it is.
    pub(crate) fn seconds(&mut self) -> &[(String, f64)] {
        self.end_part();
        self.phase_start = Instant::now();
        &self.ended
    }

    fn sentence(&self) -> String {
        let mut said = format!("{}: {}", self.what, self.part.phase);
        if let Some((done, of)) = self.part.done {
            said += &format!(", {done} of {of}");
        }
        if let Some((name, value)) = &self.part.best {
            said += &format!(", best {name} {value:.4}");
        }
        said += &format!("; {} so far", spell(self.start.elapsed().as_secs_f64()));
        let later = self.phase_start.elapsed().as_secs_f64() - self.part.seconds;
        if let Some(left) = self.part.left(later) {
            said += &format!(", at most {} left of this part", spell(left));
        }
        said
    }
}

/// What tells the caller how far a call of one part is: `model` is asked for `phase`.
pub(crate) fn telling(model: &str, phase: &str) -> impl FnMut(Shown) {
    let mut notices = Notices::new(format!("model \"{}\"", names::shown(model)));
    notices.phase(phase);
    move |shown| {
        if !matches!(shown, Shown::Phase(_)) {
            notices.show(&shown)
        }
    }
}

/// Seconds as one says them.
fn spell(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        let part = |done, seconds| Part { done, seconds, ..Part::default() };
        assert_eq!(part(Some((3, 12)), 6.0).left(0.0), Some(18.0));
        assert_eq!(part(Some((3, 12)), 6.0).left(20.0), Some(0.0));
        assert_eq!((part(Some((0, 12)), 0.0).left(1.0), part(None, 4.0).left(1.0)), (None, None));
    }

    #[test]
    fn the_best_value_is_that_of_the_better_direction() {
        let mut part = Part::default();
        for (metric, valid_loss) in [(Some(("auc", 0.7)), 0.5), (Some(("auc", 0.8)), 0.4), (Some(("auc", 0.75)), 0.3)] {
            let metric = metric.map(|(n, v)| (n.to_owned(), v));
            part.epoch(&Epoch { metric, valid_loss: Some(valid_loss), ..Epoch::default() });
        }
        assert_eq!(part.best, Some(("auc".into(), 0.8)));
        let mut part = Part::default();
        for loss in [0.5, 0.3, 0.4] {
            part.epoch(&Epoch { valid_loss: Some(loss), ..Epoch::default() });
        }
        assert_eq!(part.best, Some(("valid_loss".into(), 0.3)));
    }
}
