//! The forms of values: which types a model reads, and as what.

use crate::pg::backend::text;
use crate::train::Family;
use pgrx::pg_sys;
use std::ffi::CStr;

/// How the datum of a type is read. Domains are read as their base type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// bool
    Bool,
    /// smallint
    Int2,
    /// int
    Int4,
    /// bigint
    Int8,
    /// real
    Float4,
    /// double precision
    Float8,
    /// numeric
    Numeric,
    /// money
    Money,
    /// interval: seconds, of which a day has 86,400 and a month 30 days' worth, as Postgres compares intervals
    Interval,
    /// text, varchar
    Text,
    /// citext: in lower case, by which it is compared
    Folded,
    /// char(n): its padding is no part of the value
    Padded,
    /// "char"
    Char,
    /// name
    Name,
    /// an enum
    Enum,
    /// uuid
    Uuid,
    /// inet, cidr, macaddr, macaddr8: as they are written, which is the same where they are equal
    Address,
    /// date
    Date,
    /// timestamp, timestamptz
    Timestamp,
    /// time
    Clock,
    /// timetz: what the clock shows in UTC
    ZonedClock,
    /// jsonb: what stands under one key of an object
    Key,
    /// real[]
    Floats,
    /// double precision[]
    Doubles,
    /// numeric[]
    Numerics,
    /// arrays of whole numbers and of truth values: as vectors where all are of one length, else as sets
    Wholes,
    /// text[], varchar[]
    Texts,
    /// arrays of enums, dates, uuids and other words: as sets
    Members,
    /// pgvector's vector
    Vector,
    /// pgvector's halfvec
    HalfVector,
}

impl Form {
    /// The form of a type; none for one that no model reads.
    pub(crate) fn of(typ: pg_sys::Oid) -> Option<Self> {
        // SAFETY: catalogue look-ups by oid; an unknown oid comes back as it is.
        let (base, kind) = unsafe {
            let base = pg_sys::getBaseType(typ);
            (base, pg_sys::get_typtype(base))
        };
        Some(match base {
            pg_sys::BOOLOID => Self::Bool,
            pg_sys::INT2OID => Self::Int2,
            pg_sys::INT4OID => Self::Int4,
            pg_sys::INT8OID => Self::Int8,
            pg_sys::FLOAT4OID => Self::Float4,
            pg_sys::FLOAT8OID => Self::Float8,
            pg_sys::NUMERICOID => Self::Numeric,
            pg_sys::MONEYOID => Self::Money,
            pg_sys::INTERVALOID => Self::Interval,
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Self::Text,
            pg_sys::BPCHAROID => Self::Padded,
            pg_sys::CHAROID => Self::Char,
            pg_sys::NAMEOID => Self::Name,
            pg_sys::UUIDOID => Self::Uuid,
            pg_sys::INETOID | pg_sys::CIDROID | pg_sys::MACADDROID | pg_sys::MACADDR8OID => Self::Address,
            pg_sys::DATEOID => Self::Date,
            pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => Self::Timestamp,
            pg_sys::TIMEOID => Self::Clock,
            pg_sys::TIMETZOID => Self::ZonedClock,
            _ if kind as u8 == pg_sys::TYPTYPE_ENUM => Self::Enum,
            _ => return Self::of_array(base).or_else(|| of_extension(base)),
        })
    }

    /// The form of an array by that of its elements; none for what is no array, and for one whose elements say nothing together.
    fn of_array(base: pg_sys::Oid) -> Option<Self> {
        Some(match Self::of(element(base)?)? {
            Self::Float4 => Self::Floats,
            Self::Float8 => Self::Doubles,
            Self::Numeric => Self::Numerics,
            Self::Bool | Self::Int2 | Self::Int4 | Self::Int8 => Self::Wholes,
            Self::Text => Self::Texts,
            Self::Folded | Self::Padded | Self::Char | Self::Name | Self::Enum | Self::Uuid | Self::Address | Self::Date => Self::Members,
            _ => return None,
        })
    }

    /// The family of the values. A vector's width is known only when one is read: 0 here.
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Bool => Family::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Float4 | Self::Float8 | Self::Numeric | Self::Money | Self::Interval => {
                Family::Number
            }
            Self::Text | Self::Folded | Self::Padded | Self::Char | Self::Name | Self::Enum | Self::Uuid | Self::Address | Self::Key => {
                Family::Text
            }
            Self::Date | Self::Timestamp | Self::Clock | Self::ZonedClock => Family::Time,
            Self::Floats | Self::Doubles | Self::Numerics | Self::Wholes | Self::Vector | Self::HalfVector => Family::Vector(0),
            Self::Texts | Self::Members => Family::Labels,
        }
    }

    /// Whether the values can be given where a model was trained on `want`: numbers and truth values stand for each other.
    pub(crate) const fn serves(self, want: Family) -> bool {
        use Family::{Bool, Labels, Number, Text, Time, Vector};
        matches!(
            (self.family(), want),
            (Number | Bool, Number | Bool) | (Text, Text) | (Time, Time) | (Vector(_), Vector(_)) | (Labels, Labels)
        ) || matches!((self, want), (Self::Wholes, Labels))
    }

    /// Whether the values are numbers and nothing more: no money, no interval.
    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8 | Self::Float4 | Self::Float8 | Self::Numeric)
    }

    /// Whether the values say when something was: an instant or a day.
    pub(crate) const fn is_instant(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp)
    }

    /// Whether reading a value may allocate Postgres memory (a detoasted copy).
    pub(crate) const fn allocates(self) -> bool {
        !matches!(
            self,
            Self::Bool
                | Self::Int2
                | Self::Int4
                | Self::Int8
                | Self::Float4
                | Self::Float8
                | Self::Char
                | Self::Name
                | Self::Uuid
                | Self::Date
                | Self::Timestamp
                | Self::Money
                | Self::Interval
                | Self::Clock
                | Self::ZonedClock
        )
    }
}

/// Types of extensions are known by their name and by the extension that they belong to: another type called `vector` has another layout.
fn of_extension(base: pg_sys::Oid) -> Option<Form> {
    // SAFETY: catalogue look-ups; the names are NUL-terminated copies or NULL.
    unsafe {
        let extension = pg_sys::getExtensionOfObject(pg_sys::TypeRelationId, base);
        if extension == pg_sys::InvalidOid {
            return None;
        }
        let name = pg_sys::get_extension_name(extension);
        if name.is_null() {
            return None;
        }
        let typ = CStr::from_ptr(pg_sys::format_type_be(base)).to_bytes().rsplit(|&b| b == b'.').next();
        match (CStr::from_ptr(name).to_bytes(), typ) {
            (b"vector", Some(b"vector")) => Some(Form::Vector),
            (b"vector", Some(b"halfvec")) => Some(Form::HalfVector),
            (b"citext", Some(b"citext")) => Some(Form::Folded),
            _ => None,
        }
    }
}

/// The type of the elements of an array type, or of a domain over one; none for another type.
pub(crate) fn element(typ: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: catalogue look-ups by oid; a type that is no array has no such element.
    let element = unsafe { pg_sys::get_element_type(pg_sys::getBaseType(typ)) };
    (element != pg_sys::InvalidOid).then_some(element)
}

/// The name of a type for messages.
pub(crate) fn type_name(typ: pg_sys::Oid) -> String {
    // SAFETY: format_type_be gives a NUL-terminated copy for any oid.
    unsafe {
        let name = pg_sys::format_type_be(typ);
        text::with_utf8(CStr::from_ptr(name).to_bytes(), str::to_owned)
    }
}
