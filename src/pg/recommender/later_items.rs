//! Products that a version does not know: rows of the relation that describes its items, read in the query that asks. A product is in the
//! lists from the statement on that sees its row, its own transaction's included, and out of them when the row is gone.
//!
//! The whole relation is read once a statement, by its columns that the version learned of.

use crate::base::interrupts;
use crate::base::number::AsIndex;
use crate::base::{Error, Result};
use crate::dataset::{ItemValues, MISSING_CODE, Values};
use crate::model::recommender::ReadAs;
use crate::pg::backend::settings;
use crate::pg::query::id_type::{IdType, Recorded};
use crate::pg::recommender::events::EventSource;
use crate::pg::recommender::item_attributes::{self, ItemSource};
use crate::pg::store::models::ModelRow;
use crate::pg::store::source_access::Reader;
use crate::serve::recommender::Recommender;

/// Items that came later.
#[derive(Debug, PartialEq)]
pub(crate) struct LaterItems {
    /// Their ids in words.
    pub ids: Vec<String>,
    /// Their values.
    pub values: ItemValues,
}

/// The items that `items` describes now and `recommender` does not know, in the order of their ids; none of a model that knows no items by
/// what describes them.
///
/// # Errors
/// Those of [`Reader::open`]; what reading raises; [`crate::base::Code::OutOfMemory`].
pub(crate) fn read(
    model: &ModelRow,
    recommender: &Recommender,
    (events, read_as): (&EventSource, ReadAs),
    items: &ItemSource,
) -> Result<Option<LaterItems>> {
    let Some(described) = recommender.described() else { return Ok(None) };
    let typ = events.item_type.as_ref().map(|r: &Recorded| IdType::recorded(r)).transpose()?.flatten();
    let (relation, reader) = Reader::open(model, read_as, &events.search_path, &items.source())?;
    // A column that is gone, or of a type that nothing reads now, says nothing.
    let there = described.names().filter_map(|name| relation.columns.iter().find(|c| c.name == name && c.form.is_some()));
    let columns: Vec<_> = there.collect();
    let (budget, known) = (settings::budget(), recommender.items());
    let read = reader.run(|| item_attributes::read(&relation, &events.item_col, &columns, (known, typ), &budget))?;
    let Some(Values::Category { codes, levels }) = read.frame.columns().first().map(|c| &c.values) else {
        return Err(Error::internal("ids are no texts"));
    };
    let is_known = |code: usize| match &read.known {
        Some(of) => of[code].is_some(),
        None => known.kind().parse(&levels[code]).is_none_or(|id| known.find(&id).is_some()),
    };
    // The first row of each id that is not known.
    let mut rows: Vec<u32> = crate::base::zeros(levels.len())?;
    rows.fill(MISSING_CODE);
    for (row, code) in (0..).zip(codes) {
        interrupts::check_at(row as usize);
        if rows[code.index()] == MISSING_CODE {
            rows[code.index()] = row;
        }
    }
    let mut later: Vec<usize> = (0..levels.len()).filter(|code| !is_known(*code)).collect();
    later.sort_by(|a, b| levels[*a].cmp(&levels[*b]));
    let rows: Vec<u32> = later.iter().map(|code| rows[*code]).collect();
    let values = described.of_rows(&read.frame, &rows, &budget)?;
    Ok(Some(LaterItems { ids: later.into_iter().map(|code| levels[code].clone()).collect(), values }))
}
