//! `affinity.tags(model, row, k)`: the likeliest tags or classes of a row.

use crate::base::Result;
use crate::dataset::Cell;
use crate::pg::backend::error::sql;
use crate::pg::call::arguments::Call;
use crate::pg::call::tag_rows;
use crate::pg::rows::scoring;
use crate::train::row_model::{RowModel, RowScratch};
use pgrx::pg_extern;

/// The `k` likeliest tags of a row with their probabilities.
#[pg_extern]
fn tags(call: Call<'_>) {
    sql(|| {
        let k = tag_rows::count(call, 2)?;
        let tell = |model: &RowModel, row: &[Cell<'_>], scratch: &mut RowScratch| -> Result<()> {
            let (scorer, scratch) = model.predicts(scratch)?;
            tag_rows::set(call, &scorer.outcome().likeliest(scorer.score(row, scratch)?, k)?)
        };
        if scoring::row(call, tell)?.is_none() {
            tag_rows::set(call, &[])?;
        }
        Ok(())
    })
}
