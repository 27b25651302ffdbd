//! What is kept of a training: its epochs, and the parameters of the best.

use crate::base::{Context, Epoch, Result, memory::reserve};

/// The evaluation of an epoch on rows that it did not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// A figure that is better the higher, with its name; early stopping watches it in place of the loss.
    pub metric: Option<(String, f64)>,
}

/// How a training went.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Every epoch that was run.
    pub epochs: Vec<Epoch>,
    /// The epoch whose parameters were kept, from 1; 0 when none was run.
    pub best_epoch: usize,
}

/// Early stopping: keeps the parameters of the best epoch, and says when enough epochs passed without a better one.
#[derive(Debug)]
pub struct Monitor {
    patience: usize,
    fitted: Fitted,
    score: f64,
    best: Vec<f32>,
}

impl Monitor {
    /// Stops after `patience` epochs without a better one; 0 never stops.
    pub fn new(patience: usize) -> Self {
        Self { patience, fitted: Fitted { epochs: Vec::new(), best_epoch: 0 }, score: f64::NEG_INFINITY, best: Vec::new() }
    }

    /// An epoch is done: shows it, keeps `params` when it is the best. True when training should stop. Without an evaluation the last
    /// epoch counts as the best.
    ///
    /// # Errors
    /// [`crate::base::Code::OutOfMemory`] where there is no room for a copy of the parameters.
    pub fn epoch(
        &mut self,
        params: &[f32],
        train_loss: f64,
        evaluation: Option<Evaluation>,
        seconds: f64,
        ctx: &Context<'_>,
    ) -> Result<bool> {
        let number = self.fitted.epochs.len() + 1;
        let score = evaluation.as_ref().map(|j| j.metric.as_ref().map_or(-j.loss, |m| m.1));
        let (valid_loss, metric) = evaluation.map_or((None, None), |j| (Some(j.loss), j.metric));
        let epoch = Epoch { epoch: number as u32, train_loss, valid_loss, metric, seconds };
        ctx.watch.epoch(&epoch);
        self.fitted.epochs.push(epoch);
        match score {
            None => self.fitted.best_epoch = number,
            Some(s) if s > self.score || self.fitted.best_epoch == 0 => {
                self.score = s;
                self.fitted.best_epoch = number;
                self.best.clear();
                reserve(&mut self.best, params.len())?;
                self.best.extend_from_slice(params);
            }
            Some(_) => return Ok(self.patience > 0 && number - self.fitted.best_epoch >= self.patience),
        }
        Ok(false)
    }

    /// Puts the best epoch's parameters into `params` and gives the account.
    pub fn finish(self, params: &mut [f32]) -> Fitted {
        if !self.best.is_empty() {
            params.copy_from_slice(&self.best);
        }
        self.fitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Budget, Pool, Quiet};

    fn run(losses: &[f64], patience: usize, metric: bool) -> (Fitted, f32) {
        let (pool, budget) = (Pool::single(), Budget::unlimited());
        let ctx = Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet };
        let mut m = Monitor::new(patience);
        let mut params = [0.0];
        for (i, l) in losses.iter().enumerate() {
            params[0] = i as f32;
            let metric = metric.then(|| ("auc".to_string(), *l));
            if m.epoch(&params, 0.0, Some(Evaluation { loss: *l, metric }), 0.0, &ctx).unwrap() {
                break;
            }
        }
        (m.finish(&mut params), params[0])
    }

    #[test]
    fn the_best_epoch_is_kept_and_patience_ends() {
        let (f, p) = run(&[3.0, 2.0, 2.5, 2.4, 1.0], 2, false);
        assert_eq!((f.epochs.len(), f.best_epoch, p), (4, 2, 1.0));
        let (f, p) = run(&[3.0, 2.0, 2.5, 2.4, 1.0], 0, false);
        assert_eq!((f.epochs.len(), f.best_epoch, p), (5, 5, 4.0));
        let (f, p) = run(&[0.6, 0.7, 0.65], 3, true);
        assert_eq!((f.epochs.len(), f.best_epoch, p), (3, 2, 1.0));
        assert_eq!(run(&[f64::NAN], 1, false).0.best_epoch, 1);
    }
}
