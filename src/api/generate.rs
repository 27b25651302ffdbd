//! `affinity.generate(model, n, condition, seed)` and `affinity.realism(model, row)`: new rows, and how real a row looks.

use crate::api::train::needed;
use crate::base::Result;
use crate::dataset::Cell;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::datum::argument_types::Text;
use crate::pg::datum::json::{Document, Json};
use crate::pg::rows::generating::Stream;
use crate::pg::rows::scoring;
use crate::train::row_model::{RowModel, RowScratch};
use pgrx::iter::SetOfIterator;
use pgrx::pg_extern;
use serde_json::Value;

/// `n` new rows, each a JSON object by column.
#[pg_extern]
fn generate(model: Option<Text>, n: Option<i64>, condition: Option<Json>, seed: Option<i64>) -> SetOfIterator<'static, Document> {
    let stream = sql(|| {
        let (model, n) = (needed(model, "model")?, needed(n, "n")?);
        let condition = condition.map_or(Ok(Value::Null), |c| c.read("condition"))?;
        Stream::new(&model, n, &condition, seed.unwrap_or(0))
    });
    SetOfIterator::new(stream.map(Document))
}

/// `affinity.realism(model, row)`: the share of real rows that look no more real.
#[pg_extern]
fn realism(call: Call<'_>) -> Option<f64> {
    sql(|| scoring::row(call, share))
}

fn share(model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch) -> Result<f64> {
    model.describes(scratch)?.0.generates()?.realism(row)
}
