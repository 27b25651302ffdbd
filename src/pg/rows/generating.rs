//! Rows that a stored model makes, one after the other.

use crate::base::{Code, Error, Result};
use crate::pg::backend::error::sql;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::rows::scoring;
use crate::train::features::{Generative, Rows};
use crate::train::row_model::{RowModel, RowScratch};
use serde_json::Value;
use std::collections::VecDeque;
use std::rc::Rc;

/// The rows of one call, JSON objects in writing. They are made block by block as the query asks for them, so that a LIMIT saves the rest.
pub(crate) struct Stream {
    model: Rc<RowModel>,
    rows: Rows,
    ready: VecDeque<String>,
}

impl Stream {
    /// `n` rows of the model called `name` that meet `condition`; the same seed makes the same rows.
    ///
    /// # Errors
    /// Those of the model's name; [`Code::Unsupported`] for a model that makes no rows; [`Code::InvalidParameter`] for a negative number;
    /// what is wrong with the condition.
    pub(crate) fn new(name: &str, n: i64, condition: &Value, seed: i64) -> Result<Self> {
        let n = usize::try_from(n).map_err(|_| {
            Error::new(Code::InvalidParameter, "n must not be negative").detail(format!("It is {n}.")).hint("For example: n => 10.")
        })?;
        let model = scoring::model(name, Stamp::now())?;
        let generative = generative(&model)?;
        let rows = generative.rows(n, generative.asked(condition)?, seed as u64);
        Ok(Self { model, rows, ready: VecDeque::new() })
    }
}

impl Iterator for Stream {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while self.ready.is_empty() {
            pgrx::check_for_interrupts!();
            let (model, rows) = (&self.model, &mut self.rows);
            let more = sql(|| rows.next(generative(model)?))?;
            self.ready.extend(more);
        }
        self.ready.pop_front()
    }
}

fn generative(model: &RowModel) -> Result<&Generative> {
    match model {
        RowModel::Describes(features) => features.generates(),
        RowModel::Predicts(_) => model.describes(&mut RowScratch::default()).and_then(|_| Err(Error::internal("a model of two families"))),
    }
}
