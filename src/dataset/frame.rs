//! Named, typed columns: what a scan of a relation becomes.

use crate::base::number::AsIndex;
use crate::base::{Code, Error, Result, names};
use crate::dataset::{Key, ValueType};

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;
/// The instant of a missing time.
pub const MISSING_TIME: i64 = i64::MIN;

/// The values of one column; every variant can say "missing".
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// int2, float4: NaN is missing (a NaN or an infinity in the table counts as missing too).
    Real(Vec<f32>),
    /// int4, int8, float8, numeric, money, interval (seconds): NaN is missing.
    Double(Vec<f64>),
    /// 0 false, 1 true, anything else missing.
    Bool(Vec<u8>),
    /// Text, enum, uuid, inet: a code into `levels` a row, [`MISSING_CODE`] for missing. Levels stand in order of first appearance.
    Category {
        /// One a row.
        codes: Vec<u32>,
        /// The distinct texts.
        levels: Vec<String>,
    },
    /// date, timestamp, timestamptz: microseconds since 2000-01-01 (UTC), [`MISSING_TIME`] for missing; time, timetz: on that day.
    Time(Vec<i64>),
    /// Numbers in arrays, vector, halfvec of one length: row after row; a row whose first element is NaN is missing.
    Vector {
        /// Elements a row.
        width: usize,
        /// Rows × width.
        values: Vec<f32>,
    },
    /// Sets: text[] and arrays of other members: any number of codes into `levels` a row; [`MISSING_CODE`] alone for missing.
    Labels {
        /// Where the codes of each row end.
        ends: Vec<usize>,
        /// Row after row.
        codes: Vec<u32>,
        /// The distinct texts.
        levels: Vec<String>,
    },
}

/// The texts of one row of a text[].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Labels<'a> {
    /// As they are.
    Texts(&'a [String]),
    /// The same, borrowed one by one.
    Names(&'a [&'a str]),
    /// Codes into levels.
    Codes(&'a [u32], &'a [String]),
}

impl<'a> Labels<'a> {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (texts, names, codes, levels): (&[String], &[&str], &[u32], &[String]) = match self {
            Self::Texts(t) => (t, &[], &[], &[]),
            Self::Names(n) => (&[], n, &[], &[]),
            Self::Codes(c, l) => (&[], &[], c, l),
        };
        let coded = codes.iter().filter_map(|c| levels.get(c.index())).map(String::as_str);
        texts.iter().map(String::as_str).chain(names.iter().copied()).chain(coded)
    }
}

/// One value of a row, borrowed; what an encoder reads when a query scores a single row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// NULL, or a number that is none.
    Missing,
    /// Any number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// Text, enum, uuid in text form.
    Text(&'a str),
    /// Microseconds since 2000-01-01 (UTC).
    Time(i64),
    /// An array of numbers.
    Vector(&'a [f32]),
    /// An array of texts.
    Labels(Labels<'a>),
}

/// A column and its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// As in the relation.
    pub name: String,
    /// One a row.
    pub values: Values,
}

/// Columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    columns: Vec<Column>,
    /// One a column.
    types: Vec<ValueType>,
    /// One a column, where any is that of a key.
    keys: Vec<Option<Key>>,
    rows: usize,
}

impl Values {
    /// How many rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Real(v) => v.len(),
            Self::Double(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::Category { codes, .. } => codes.len(),
            Self::Time(v) => v.len(),
            Self::Vector { width, values } => values.len().checked_div(*width).unwrap_or(0),
            Self::Labels { ends, .. } => ends.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of one row.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Real(v) if v[row].is_finite() => Cell::Number(f64::from(v[row])),
            Self::Double(v) if v[row].is_finite() => Cell::Number(v[row]),
            Self::Bool(v) if v[row] < 2 => Cell::Bool(v[row] == 1),
            Self::Category { codes, levels } if codes[row] != MISSING_CODE => Cell::Text(&levels[codes[row].index()]),
            Self::Time(v) if v[row] != MISSING_TIME => Cell::Time(v[row]),
            Self::Vector { width, values } if *width > 0 && !values[row * width].is_nan() => {
                Cell::Vector(&values[row * width..(row + 1) * width])
            }
            Self::Labels { levels, .. } => match self.labels(row) {
                [MISSING_CODE] => Cell::Missing,
                _ => Cell::Labels(Labels::Codes(self.labels(row), levels)),
            },
            _ => Cell::Missing,
        }
    }

    /// The codes of one row of a text[]; none for other columns.
    pub fn labels(&self, row: usize) -> &[u32] {
        match self {
            Self::Labels { ends, codes, .. } => &codes[if row == 0 { 0 } else { ends[row - 1] }..ends[row]],
            _ => &[],
        }
    }

    /// The rows `keep`, in that order.
    pub fn take(&self, keep: &[u32]) -> Self {
        fn pick<T: Copy>(v: &[T], keep: &[u32]) -> Vec<T> {
            keep.iter().map(|&i| v[i.index()]).collect()
        }
        match self {
            Self::Real(v) => Self::Real(pick(v, keep)),
            Self::Double(v) => Self::Double(pick(v, keep)),
            Self::Bool(v) => Self::Bool(pick(v, keep)),
            Self::Category { codes, levels } => Self::Category { codes: pick(codes, keep), levels: levels.clone() },
            Self::Time(v) => Self::Time(pick(v, keep)),
            Self::Vector { width, values } => Self::Vector {
                width: *width,
                values: keep.iter().flat_map(|&i| &values[i.index() * width..(i.index() + 1) * width]).copied().collect(),
            },
            Self::Labels { levels, .. } => {
                let (mut ends, mut codes) = (Vec::with_capacity(keep.len()), Vec::new());
                for i in keep {
                    codes.extend_from_slice(self.labels(i.index()));
                    ends.push(codes.len());
                }
                Self::Labels { ends, codes, levels: levels.clone() }
            }
        }
    }
}

impl Frame {
    /// A frame of `columns`, whose values are written as they are.
    ///
    /// # Errors
    /// [`Code::ArrayLength`] when their lengths differ, [`Code::Duplicate`] when two have one name.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let rows = columns.first().map_or(0, |c| c.values.len());
        for (i, c) in columns.iter().enumerate() {
            if c.values.len() != rows {
                return Err(Error::new(Code::ArrayLength, format!("column \"{}\" has {} rows, {rows} expected", c.name, c.values.len())));
            }
            if columns[..i].iter().any(|d| d.name == c.name) {
                return Err(Error::new(Code::Duplicate, format!("column \"{}\" appears twice", c.name)));
            }
        }
        let types = vec![ValueType::Plain; columns.len()];
        Ok(Self { columns, types, keys: Vec::new(), rows })
    }

    /// The same, each column with the key whose values it holds; none for one of the relation's own.
    #[must_use]
    pub fn with_keys(mut self, keys: Vec<Option<Key>>) -> Self {
        self.keys = keys;
        self
    }

    /// The key whose values the column called `name` holds.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.columns.iter().position(|c| c.name == name).and_then(|at| self.keys.get(at)?.as_ref())
    }

    /// The same of columns of these types, one a column.
    #[must_use]
    pub fn with_types(mut self, types: impl Iterator<Item = ValueType>) -> Self {
        self.types.iter_mut().zip(types).for_each(|(own, typ)| *own = typ);
        self
    }

    /// The type of the column called `name`.
    pub fn value_type(&self, name: &str) -> ValueType {
        self.columns.iter().position(|c| c.name == name).map_or(ValueType::Plain, |at| self.types[at])
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the relation's order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], with "did you mean" or the list of those there are.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| missing_column(name, self.columns.iter().map(|c| c.name.as_str())))
    }

    /// The rows `keep`, in that order.
    pub fn take(&self, keep: &[u32]) -> Self {
        let columns = self.columns.iter().map(|c| Column { name: c.name.clone(), values: c.values.take(keep) }).collect();
        Self { columns, types: self.types.clone(), keys: self.keys.clone(), rows: keep.len() }
    }
}

/// The error for a column that is not there.
pub fn missing_column<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let e = Error::new(Code::UndefinedColumn, format!("column \"{}\" does not exist", names::shown(name)));
    match names::nearest(name, known.clone()) {
        Some(n) => e.hint(format!("Did you mean \"{n}\"?")),
        None => e.hint(format!("Columns are: {}.", known.collect::<Vec<_>>().join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame::new(vec![
            Column { name: "price".into(), values: Values::Real(vec![1.0, f32::NAN, 3.0]) },
            Column {
                name: "shop".into(),
                values: Values::Category { codes: vec![1, MISSING_CODE, 0], levels: vec!["a".into(), "b".into()] },
            },
            Column { name: "v".into(), values: Values::Vector { width: 2, values: vec![1.0, 2.0, f32::NAN, f32::NAN, 5.0, 6.0] } },
        ])
        .unwrap()
    }

    #[test]
    fn cells_say_what_is_missing() {
        let f = frame();
        let row = |i| f.columns().iter().map(|c| c.values.cell(i)).collect::<Vec<_>>();
        assert_eq!(row(0), [Cell::Number(1.0), Cell::Text("b"), Cell::Vector(&[1.0, 2.0])]);
        assert_eq!(row(1), [Cell::Missing; 3]);
        let g = f.take(&[2, 0]);
        assert_eq!(g.columns()[1].values.cell(0), Cell::Text("a"));
        assert_eq!(g.columns()[2].values.cell(1), Cell::Vector(&[1.0, 2.0]));
    }

    #[test]
    fn arrays_of_texts_are_empty_or_missing_or_neither() {
        let v = Values::Labels { ends: vec![2, 2, 3, 4], codes: vec![1, 0, MISSING_CODE, 1], levels: vec!["a".into(), "b".into()] };
        let texts = |v: &Values, row| match v.cell(row) {
            Cell::Labels(l) => Some(l.iter().map(str::to_owned).collect::<Vec<_>>()),
            _ => None,
        };
        assert_eq!([0, 1, 2, 3].map(|r| texts(&v, r)), [Some(vec!["b".into(), "a".into()]), Some(vec![]), None, Some(vec!["b".into()])]);
        let w = v.take(&[3, 2, 0]);
        assert_eq!((w.len(), texts(&w, 0), texts(&w, 1), texts(&w, 2)), (3, texts(&v, 3), None, texts(&v, 0)));
    }

    #[test]
    fn bad_frames_are_refused() {
        let c = |n: &str, k| Column { name: n.into(), values: Values::Real(vec![0.0; k]) };
        assert_eq!(Frame::new(vec![c("a", 1), c("b", 2)]).unwrap_err().code, Code::ArrayLength);
        assert_eq!(Frame::new(vec![c("a", 1), c("a", 1)]).unwrap_err().code, Code::Duplicate);
        let e = frame().column("pric").unwrap_err();
        assert_eq!((e.code, e.hint.as_deref()), (Code::UndefinedColumn, Some("Did you mean \"price\"?")));
    }
}
