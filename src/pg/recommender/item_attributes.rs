//! The relation that describes a recommender's items: a row an item, its id in a column of the same name as in the events.

use crate::base::{Budget, Result};
use crate::dataset::{Described, Values, Vocabulary, attributes};
use crate::pg::backend::interrupts;
use crate::pg::backend::text::quote;
use crate::pg::datum::value_form::Form;
use crate::pg::query::id_type::{self, IdType, Lookup, id_text};
use crate::pg::query::relation::{Relation, Source};
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
        let column = relation.column(item_col)?;
        let id = quote(&column.name);
        let (groups, others): (Vec<_>, Vec<_>) = relation
            .columns
            .iter()
            .filter(|c| c.name != item_col)
            .partition(|c| matches!(c.form.map(Form::family), Some(Family::Text | Family::Number | Family::Bool)));
        let list = groups.iter().map(|c| format!(", {}", quote(&c.name))).collect::<String>();
        let query = format!("SELECT {} AS {id}{list} FROM {} WHERE {id} IS NOT NULL", id_text(column), relation.sql());
        let typ = typ.filter(|t| IdType::of(column) == Some(*t));
        let pinned = typ.map(|_| id_type::pinned());
        let (frame, booked) = scan::query(&query, 0, budget)?;
        drop(pinned);
        let known = match (typ, frame.columns().first().map(|c| &c.values)) {
            (Some(t), Some(Values::Category { levels, .. })) => Some(Lookup::new(t, items)?.find_texts(levels, items)?),
            _ => None,
        };
        let read = interrupts::run(0, budget, |_| {}, |ctx| attributes(&frame, items, known.as_deref(), ctx));
        drop(booked);
        let mut described = read?;
        described.left_out.extend(others.into_iter().map(|c| c.name.clone()));
        Ok(described)
    }
}
