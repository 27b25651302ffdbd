//! One column of a scan while it grows.

use crate::base::memory::{reserve, reserve_slowly};
use crate::base::{Code, Error, Result};
use crate::dataset::{Cell, Key, MISSING_CODE, MISSING_TIME, ValueType, Values};
use crate::pg::datum::json_keys::Scalars;
use crate::pg::datum::levels::Levels;
use crate::pg::datum::sift;
use crate::pg::datum::types::{Reader, date, instant};
use crate::pg::datum::value_form::Form;
use crate::pg::query::relation::Attribute;
use crate::pg::query::whole_arrays::Wholes;
use crate::train::Family;
use pgrx::pg_sys;

/// A column that is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnRequest<'a> {
    /// Which.
    pub column: &'a Attribute,
    /// The type that a date or time is read as: that which a model learned.
    pub as_type: ValueType,
    /// What the values are read as where their type leaves a choice: arrays of whole numbers (sets or vectors), what stands under a key.
    /// None: as they are.
    pub family: Option<Family>,
    /// The key of a jsonb column that is read, none for the column itself.
    pub key: Option<&'a Key>,
}

impl ColumnRequest<'_> {
    /// What the column is called in the frame.
    pub(crate) fn name(&self) -> String {
        self.key.map_or_else(|| self.column.name.clone(), Key::name)
    }
}

/// Collects the values of one column.
pub(crate) struct Builder {
    name: String,
    reader: Reader,
    rows: Rows,
    /// What the values are to be, where their type leaves a choice; none: as they are.
    family: Option<Family>,
    /// Why the column is left out.
    fault: Option<Error>,
}

/// The values so far, in the shape that the form has in a frame.
enum Rows {
    Real(Vec<f32>),
    Double(Vec<f64>),
    Bool(Vec<u8>),
    Time(Vec<i64>),
    Category {
        codes: Vec<u32>,
        levels: Levels,
    },
    /// As in a frame.
    Labels {
        ends: Vec<usize>,
        codes: Vec<u32>,
        levels: Levels,
        /// Codes that memory is booked for.
        booked: usize,
    },
    /// What stands under a key.
    Scalars(Scalars),
    /// Sets or vectors.
    Wholes(Wholes),
    /// The width is that of the first vector; rows before it are missing.
    Vector {
        width: usize,
        rows: usize,
        values: Vec<f32>,
        /// Elements that memory is booked for.
        booked: usize,
    },
}

impl Builder {
    /// For a column of type `typ`.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a type that no model reads.
    pub(crate) fn new(typ: pg_sys::Oid, name: &str) -> Result<Self> {
        Ok(Self::reading(Reader::new(typ, name)?, name, None))
    }

    /// For a column that is wanted: read by its key where it has one, and as the family that is asked for.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a type that no model reads, and for one that has no keys.
    pub(crate) fn wanted(typ: pg_sys::Oid, wanted: &ColumnRequest<'_>) -> Result<Self> {
        let name = wanted.name();
        let reader = match wanted.key {
            // All kinds of values are read: what they are together is seen at the end.
            Some(key) => Reader::of_key(typ, key, None)?,
            None => Reader::new(typ, &name)?,
        };
        Ok(Self::reading(reader, &name, wanted.family))
    }

    fn reading(reader: Reader, name: &str, family: Option<Family>) -> Self {
        let rows = match reader.form() {
            Form::Int2 | Form::Float4 => Rows::Real(Vec::new()),
            Form::Int4 | Form::Int8 | Form::Float8 | Form::Numeric | Form::Money | Form::Interval => Rows::Double(Vec::new()),
            Form::Bool => Rows::Bool(Vec::new()),
            Form::Date | Form::Timestamp | Form::Clock | Form::ZonedClock => Rows::Time(Vec::new()),
            Form::Text | Form::Folded | Form::Padded | Form::Char | Form::Name | Form::Enum | Form::Uuid | Form::Address => {
                Rows::Category { codes: Vec::new(), levels: Levels::default() }
            }
            Form::Key => Rows::Scalars(Scalars::default()),
            Form::Wholes => Rows::Wholes(Wholes::new(reader.element_form())),
            Form::Texts | Form::Members => Rows::Labels { ends: Vec::new(), codes: Vec::new(), levels: Levels::default(), booked: 0 },
            Form::Floats | Form::Doubles | Form::Numerics | Form::Vector | Form::HalfVector => {
                Rows::Vector { width: 0, rows: 0, values: Vec::new(), booked: 0 }
            }
        };
        Self { name: name.to_owned(), reader, rows, family, fault: None }
    }

    /// The name of the column.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes no more values, and forgets those that it has.
    pub(crate) fn give_up(&mut self, fault: Error) {
        self.rows = Rows::Bool(Vec::new());
        self.fault = Some(fault);
    }

    /// Whether it takes no more values.
    #[inline]
    pub(crate) fn gave_up(&self) -> bool {
        self.fault.is_some()
    }

    /// Whether reading a value may allocate Postgres memory.
    pub(crate) fn allocates(&self) -> bool {
        self.reader.form().allocates()
    }

    /// The bytes to book for the next `rows` rows, with the levels that were met since the last call.
    pub(crate) fn next_block(&mut self, rows: usize) -> usize {
        match &mut self.rows {
            Rows::Real(_) => rows * 4,
            Rows::Double(_) | Rows::Time(_) => rows * 8,
            Rows::Bool(_) => rows,
            Rows::Category { levels, .. } => rows * 4 + levels.fresh(),
            Rows::Labels { codes, levels, booked, .. } => {
                let more = codes.capacity() - std::mem::replace(booked, codes.capacity());
                rows * 8 + more * 4 + levels.fresh()
            }
            Rows::Wholes(w) => w.next_block(rows),
            Rows::Scalars(s) => s.next_block(rows),
            Rows::Vector { width, rows: done, booked, .. } => {
                let more = ((*done + rows) * *width).saturating_sub(*booked);
                *booked += more;
                4 * more
            }
        }
    }

    /// Room for `more` rows.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn reserve(&mut self, more: usize) -> Result<()> {
        match &mut self.rows {
            Rows::Real(v) => reserve_slowly(v, more),
            Rows::Double(v) => reserve_slowly(v, more),
            Rows::Bool(v) => reserve_slowly(v, more),
            Rows::Time(v) => reserve_slowly(v, more),
            Rows::Category { codes, .. } => reserve_slowly(codes, more),
            Rows::Labels { ends, .. } => reserve_slowly(ends, more),
            Rows::Wholes(w) => w.reserve(more),
            Rows::Scalars(s) => s.reserve(more),
            Rows::Vector { width, values, .. } => reserve_slowly(values, more * *width),
        }
    }

    /// Adds a value.
    ///
    /// # Errors
    /// Those of [`Reader::cell`], and [`Code::ArrayLength`] when a vector's length is not that of those before.
    ///
    /// # Safety
    /// `datum` is a live datum of the column's type unless `null`.
    #[inline]
    pub(crate) unsafe fn push(&mut self, datum: pg_sys::Datum, null: bool) -> Result<()> {
        let bits = datum.value();
        match (&mut self.rows, self.reader.form()) {
            (Rows::Real(v), Form::Float4) => v.push(if null { f32::NAN } else { f32::from_bits(bits as u32) }),
            (Rows::Real(v), _) => v.push(if null { f32::NAN } else { f32::from(bits as i16) }),
            (Rows::Double(v), Form::Float8) => v.push(if null { f64::NAN } else { f64::from_bits(bits as u64) }),
            (Rows::Double(v), Form::Int4) => v.push(if null { f64::NAN } else { f64::from(bits as i32) }),
            (Rows::Double(v), Form::Int8) => v.push(if null { f64::NAN } else { bits as i64 as f64 }),
            (Rows::Bool(v), _) => v.push(if null { 2 } else { (bits & 1) as u8 }),
            (Rows::Time(v), Form::Date) => v.push(if null { MISSING_TIME } else { date(bits as i32).unwrap_or(MISSING_TIME) }),
            (Rows::Time(v), Form::Timestamp) => v.push(if null { MISSING_TIME } else { instant(bits as i64).unwrap_or(MISSING_TIME) }),
            // SAFETY: handed on from the caller.
            (Rows::Wholes(w), _) => unsafe { w.push((!null).then_some(datum))? },
            _ => {
                // SAFETY: handed on from the caller.
                let cell = if null { Cell::Missing } else { unsafe { self.reader.cell(datum)? } };
                self.rows.add(cell, &self.name)?;
            }
        }
        Ok(())
    }

    /// Forgets the rows that `kept` is false of.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn retain(&mut self, kept: &[bool]) -> Result<()> {
        match &mut self.rows {
            Rows::Real(v) => sift::rows(v, kept),
            Rows::Double(v) => sift::rows(v, kept),
            Rows::Bool(v) => sift::rows(v, kept),
            Rows::Time(v) => sift::rows(v, kept),
            Rows::Category { codes, levels } => {
                sift::rows(codes, kept);
                levels.keep_used(codes)?;
            }
            Rows::Labels { ends, codes, levels, .. } => {
                sift::runs(ends, |end| end, codes, kept);
                levels.keep_used(codes)?;
            }
            Rows::Scalars(s) => s.retain(kept)?,
            Rows::Wholes(w) => w.retain(kept),
            Rows::Vector { width, rows, values, .. } => {
                sift::blocks(values, *width, kept);
                *rows = kept.iter().filter(|k| **k).count();
            }
        }
        Ok(())
    }

    /// The column.
    ///
    /// # Errors
    /// Why it is left out; [`Code::ArrayLength`] for arrays that are no vectors where these are asked for.
    pub(crate) fn finish(self) -> Result<Values> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        Ok(match self.rows {
            Rows::Real(v) => Values::Real(v),
            Rows::Double(v) => Values::Double(v),
            Rows::Bool(v) => Values::Bool(v),
            Rows::Time(v) => Values::Time(v),
            Rows::Category { codes, levels } => Values::Category { codes, levels: levels.into_texts() },
            Rows::Labels { ends, codes, levels, .. } => Values::Labels { ends, codes, levels: levels.into_texts() },
            Rows::Wholes(w) => w.finish(self.family, &self.name)?,
            Rows::Scalars(s) => s.finish(self.family)?,
            // A column of missing vectors still has its rows: one missing element each.
            Rows::Vector { width: 0, rows, .. } => Values::Vector { width: 1, values: vec![f32::NAN; rows] },
            Rows::Vector { width, values, .. } => Values::Vector { width, values },
        })
    }
}

impl Rows {
    fn add(&mut self, cell: Cell<'_>, name: &str) -> Result<()> {
        match self {
            Self::Time(v) => v.push(if let Cell::Time(t) = cell { t } else { MISSING_TIME }),
            Self::Scalars(s) => s.push(cell)?,
            Self::Double(v) => v.push(if let Cell::Number(x) = cell { x } else { f64::NAN }),
            Self::Category { codes, levels } => {
                codes.push(if let Cell::Text(text) = cell { levels.code(text)? } else { MISSING_CODE });
            }
            Self::Labels { ends, codes, levels, .. } => {
                if let Cell::Labels(texts) = cell {
                    for text in texts.iter() {
                        reserve_slowly(codes, 1)?;
                        codes.push(levels.code(text)?);
                    }
                } else {
                    reserve_slowly(codes, 1)?;
                    codes.push(MISSING_CODE);
                }
                ends.push(codes.len());
            }
            Self::Vector { width, rows, values, .. } => {
                if let Cell::Vector(v) = cell {
                    if *width == 0 {
                        *width = v.len();
                        reserve(values, (*rows + 1) * v.len())?;
                        values.resize(*rows * v.len(), f32::NAN);
                    } else if *width != v.len() {
                        return Err(Error::new(Code::ArrayLength, format!("column \"{name}\" has arrays of differing lengths"))
                            .detail(format!("Row {} of the scan has {} elements, those before it have {width}.", *rows + 1, v.len()))
                            .hint("Make them equally long in a view, or leave the column out: params => '{\"exclude\": [\"…\"]}'."));
                    }
                    reserve_slowly(values, v.len())?;
                    values.extend_from_slice(v);
                } else {
                    values.resize(values.len() + *width, f32::NAN);
                }
                *rows += 1;
            }
            Self::Real(_) | Self::Bool(_) | Self::Wholes(_) => return Err(Error::internal(format!("Column {name} got {cell:?}."))),
        }
        Ok(())
    }
}
