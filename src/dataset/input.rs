//! The columns that a trained model reads, and what it takes for each.

use crate::base::number::AsIndex;
use crate::dataset::{Cell, Column, Frame, ValueType, Values, value_type};
use serde::{Deserialize, Serialize};

/// What kind of values an input column has; a row that is scored must bring the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// int2 … int8, float4, float8, numeric, money, interval.
    Number,
    /// bool.
    Bool,
    /// text, varchar, char, citext, enum, uuid, inet.
    Text,
    /// date, timestamp, timestamptz, time, timetz.
    Time,
    /// An array of numbers, vector, halfvec of this many elements.
    Vector(u32),
    /// An array as a set: of texts, enums, days; of whole numbers where lengths differ.
    Labels,
}

/// A key of the objects in a column: its values are read as a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The column.
    pub column: String,
    /// The key.
    pub key: String,
}

/// A column that a trained model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// As in the training relation.
    pub name: String,
    /// The kind of its values.
    pub family: Family,
    /// The type that they had in the training relation: how one that a model makes is written, and how a time that is given is read.
    #[serde(default, skip_serializing_if = "ValueType::is_plain")]
    pub value_type: ValueType,
    /// Where it is no column of the relation: the column and the key whose values it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

impl Key {
    /// What the column of its values is called.
    pub fn name(&self) -> String {
        format!("{}.{}", self.column, self.key)
    }
}

impl Input {
    /// A column of `frame`, of which `rows` teach.
    pub fn of(frame: &Frame, column: &Column, rows: &[u32]) -> Self {
        let number = |r: &u32| if let Cell::Number(x) = column.values.cell(r.index()) { Some(x) } else { None };
        let elements = |r: &u32| if let Cell::Vector(v) = column.values.cell(r.index()) { v.iter().copied() } else { [].iter().copied() };
        let value_type = match frame.value_type(&column.name) {
            own @ ValueType::Numeric if let Values::Vector { .. } = column.values => own.with_elements(rows.iter().flat_map(elements)),
            own @ ValueType::Numeric => own.with(rows.iter().filter_map(number)),
            other => other,
        };
        Self { name: column.name.clone(), family: Family::of(&column.values), value_type, key: frame.key(&column.name).cloned() }
    }
}

/// A row that a model made as a JSON object: a value for each column, and an object for each column of which it made keys.
pub fn object<'a>(row: impl Iterator<Item = (&'a Input, Cell<'a>)>) -> String {
    let (mut columns, mut objects): (Vec<_>, Vec<(&str, Vec<_>)>) = (Vec::new(), Vec::new());
    for (input, cell) in row {
        let Some(key) = &input.key else {
            columns.push((input.name.as_str(), input.value_type, cell));
            continue;
        };
        let value = (key.key.as_str(), input.value_type, cell);
        match objects.iter_mut().find(|o| o.0 == key.column) {
            Some((_, values)) => values.push(value),
            None => objects.push((key.column.as_str(), vec![value])),
        }
    }
    let whole = value_type::object(columns.into_iter());
    let nested = objects.into_iter().map(|(name, values)| (name, value_type::object(values.into_iter())));
    value_type::with_objects(whole, nested)
}

impl Family {
    /// The family of a column's values.
    pub fn of(values: &Values) -> Self {
        match values {
            Values::Real(_) | Values::Double(_) => Self::Number,
            Values::Bool(_) => Self::Bool,
            Values::Category { .. } => Self::Text,
            Values::Time(_) => Self::Time,
            Values::Vector { width, .. } => Self::Vector(*width as u32),
            Values::Labels { .. } => Self::Labels,
        }
    }

    /// For people: `numbers`, `times`, `arrays of 16 numbers`.
    pub fn plural(self) -> String {
        match self {
            Self::Number => "numbers".into(),
            Self::Bool => "booleans".into(),
            Self::Text => "text".into(),
            Self::Time => "dates or times".into(),
            Self::Vector(n) => format!("arrays of {n} numbers"),
            Self::Labels => "arrays of text".into(),
        }
    }
}

/// For people: what a cell is.
pub fn describe(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Missing => "NULL".into(),
        Cell::Number(x) => format!("the number {x}"),
        Cell::Bool(b) => format!("the boolean {b}"),
        Cell::Text(t) => format!("the text \"{}\"", t.chars().take(40).collect::<String>()),
        Cell::Time(_) => "a date or time".into(),
        Cell::Vector(v) => format!("an array of {} numbers", v.len()),
        Cell::Labels(l) => format!("an array of {} texts", l.iter().count()),
    }
}
