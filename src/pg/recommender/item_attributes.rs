//! The relation that describes a recommender's items: a row an item, its id in a column of the same name as in the events.

use crate::base::memory::Taken;
use crate::base::{Budget, Result};
use crate::dataset::{Described, DescribedItems, Frame, Values, Vocabulary, attributes, rows};
use crate::pg::backend::interrupts;
use crate::pg::backend::text::quote;
use crate::pg::datum::value_form::Form;
use crate::pg::query::id_type::{self, IdType, Lookup, id_text};
use crate::pg::query::relation::{Attribute, Relation, Source};
use crate::pg::query::scan;
use crate::train::Family;

/// Where a model's items are described; stored with its call.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ItemSource {
    /// The relation's schema.
    pub schema: String,
    /// Its name.
    pub relation: String,
    /// The role that owned it when the model was trained.
    pub owner: String,
}

/// The ids of a relation's items, in the first column, and columns that describe them.
pub(crate) struct Read<'b> {
    /// The rows that have an id.
    pub frame: Frame,
    /// The item of each id, where more than its text tells it.
    pub known: Option<Vec<Option<u32>>>,
    /// The booking of the rows' memory.
    _booked: Taken<'b>,
}

impl ItemSource {
    /// Of a relation as it is now.
    pub(crate) fn of(relation: &Relation) -> Self {
        Self { schema: relation.schema.clone(), relation: relation.name.clone(), owner: relation.owner.clone() }
    }

    /// The relation as it is recorded.
    pub(crate) fn source(&self) -> Source {
        Source { schema: self.schema.clone(), name: self.relation.clone(), owner: self.owner.clone() }
    }

    /// What `relation` says of `items`, by the caller's rights; `item_col` holds their ids, of type `typ` in the events where that says
    /// which are equal.
    ///
    /// # Errors
    /// As [`attributes`]; [`crate::base::Code::UndefinedColumn`]; what the scan raises.
    pub(crate) fn read(relation: &Relation, item_col: &str, items: &Vocabulary, typ: Option<IdType>, budget: &Budget) -> Result<Described> {
        let (groups, others) = columns(relation, item_col, &[Family::Text, Family::Number, Family::Bool]);
        let read = read(relation, item_col, &groups, (items, typ), budget)?;
        let mut described = interrupts::run(0, budget, |_| {}, |ctx| attributes(&read.frame, items, read.known.as_deref(), ctx))?;
        described.left_out.extend(others);
        Ok(described)
    }

    /// The values of `items` that `relation` says, likewise; and how many rows repeat an id.
    ///
    /// # Errors
    /// As [`DescribedItems::of`]; otherwise as [`ItemSource::read`].
    pub(crate) fn read_values(
        relation: &Relation,
        item_col: &str,
        items: &Vocabulary,
        typ: Option<IdType>,
        budget: &Budget,
    ) -> Result<(DescribedItems, u64)> {
        let (values, others) = columns(relation, item_col, &[Family::Text, Family::Number, Family::Bool, Family::Labels]);
        let read = read(relation, item_col, &values, (items, typ), budget)?;
        let (mut described, repeated) = interrupts::run(
            0,
            budget,
            |_| {},
            |ctx| {
                let rows = rows(&read.frame, items, read.known.as_deref(), ctx)?;
                Ok((DescribedItems::of(&read.frame, &rows.of, ctx.budget)?, rows.repeated))
            },
        )?;
        described.left_out.extend(others);
        Ok((described, repeated))
    }
}

/// The columns of these families beside the ids, and the names of the others.
fn columns<'r>(relation: &'r Relation, item_col: &str, families: &[Family]) -> (Vec<&'r Attribute>, Vec<String>) {
    let known = |c: &&Attribute| c.form.map(Form::family).is_some_and(|f| families.contains(&f));
    let (known, others): (Vec<_>, Vec<_>) = relation.columns.iter().filter(|c| c.name != item_col).partition(known);
    (known, others.into_iter().map(|c| c.name.clone()).collect())
}

/// The rows of `relation` that have an id, with these columns; the ids are looked for in `items`.
///
/// # Errors
/// [`crate::base::Code::UndefinedColumn`]; what the scan raises.
pub(crate) fn read<'b>(
    relation: &Relation,
    item_col: &str,
    columns: &[&Attribute],
    (items, typ): (&Vocabulary, Option<IdType>),
    budget: &'b Budget,
) -> Result<Read<'b>> {
    let column = relation.column(item_col)?;
    let id = quote(&column.name);
    let list = columns.iter().map(|c| format!(", {}", quote(&c.name))).collect::<String>();
    let query = format!("SELECT {} AS {id}{list} FROM {} WHERE {id} IS NOT NULL", id_text(column), relation.sql());
    let typ = typ.filter(|t| IdType::of(column) == Some(*t));
    let pinned = typ.map(|_| id_type::pinned());
    let (frame, booked) = scan::query(&query, 0, budget)?;
    drop(pinned);
    let known = match (typ, frame.columns().first().map(|c| &c.values)) {
        (Some(t), Some(Values::Category { levels, .. })) => Some(Lookup::new(t, items)?.find_texts(levels, items)?),
        _ => None,
    };
    Ok(Read { frame, known, _booked: booked })
}
