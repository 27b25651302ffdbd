//! Rows of a prototype's type: what `recommend` and its kin return.

use crate::base::{Code, Error, Result};
use crate::dataset::Id;
use crate::pg::call::Call;
use crate::pg::columns::type_name;
use crate::pg::{compat, text};
use pgrx::pg_sys;
use std::ffi::CStr;

/// One entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recommendation {
    /// From 1.
    pub rank: i32,
    /// The item.
    pub item: Id,
    /// Its score.
    pub score: f32,
}

/// A field of the prototype and what goes into it.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Rank,
    ItemInteger,
    ItemText,
    ItemUuid,
    Score,
    Source,
    Version,
}

/// Hands `rows` to the executor as rows of the type of argument `prototype`.
///
/// # Errors
/// [`Code::WrongType`] for a prototype that is no row of fitting columns; [`Code::Unsupported`] where a set is not expected.
pub(crate) fn set(call: Call, prototype: usize, rows: &[Recommendation], source: &str, version: i32, model: &str) -> Result<()> {
    let typ = call.argument_type(prototype);
    // SAFETY: resultinfo is what the executor passed; the type is composite when its row type is looked up, and its copy lives in the query's
    // memory, as the tuplestore does. Values and nulls have one element a field.
    unsafe {
        let info = (*call.raw()).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let materialise = pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32;
        if info.is_null() || (*info).type_ != pg_sys::NodeTag::T_ReturnSetInfo || (*info).allowedModes & materialise == 0 {
            return Err(Error::new(Code::Unsupported, "a set of rows is returned where none can be taken")
                .hint("Call it in FROM: SELECT * FROM affinity.recommend(…)."));
        }
        if u8::try_from(pg_sys::get_typtype(typ)).unwrap_or(0) != pg_sys::TYPTYPE_COMPOSITE {
            return Err(not_a_prototype(typ, None));
        }
        let before = pg_sys::MemoryContextSwitchTo((*(*info).econtext).ecxt_per_query_memory);
        let desc = pg_sys::lookup_rowtype_tupdesc_copy(typ, -1);
        let store = pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem);
        pg_sys::MemoryContextSwitchTo(before);
        let fields = fields(desc, typ)?;
        let mut nulls = vec![false; fields.len()];
        for row in rows {
            let mut values: Vec<pg_sys::Datum> =
                fields.iter().map(|f| value(*f, row, source, version, model, typ)).collect::<Result<_>>()?;
            nulls.fill(false);
            pg_sys::tuplestore_putvalues(store, desc, values.as_mut_ptr(), nulls.as_mut_ptr());
        }
        (*info).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
        (*info).setResult = store;
        (*info).setDesc = desc;
        (*call.raw()).isnull = true;
    }
    Ok(())
}

/// # Safety
/// `desc` is a live row type.
unsafe fn fields(desc: pg_sys::TupleDesc, typ: pg_sys::Oid) -> Result<Vec<Field>> {
    // SAFETY: the caller's promise.
    unsafe {
        (0..usize::try_from((*desc).natts).unwrap_or(0))
            .map(|i| {
                let a = compat::attribute(desc, i);
                let name = text::with_utf8(CStr::from_ptr(a.attname.data.as_ptr()).to_bytes(), str::to_owned);
                Ok(match (name.as_str(), a.atttypid) {
                    ("rank", pg_sys::INT4OID) => Field::Rank,
                    ("item_id", pg_sys::INT8OID) => Field::ItemInteger,
                    ("item_id", pg_sys::TEXTOID) => Field::ItemText,
                    ("item_id", pg_sys::UUIDOID) => Field::ItemUuid,
                    ("score", pg_sys::FLOAT4OID) => Field::Score,
                    ("source", pg_sys::TEXTOID) => Field::Source,
                    ("version", pg_sys::INT4OID) => Field::Version,
                    _ => return Err(not_a_prototype(typ, Some(&format!("{name} {}", type_name(a.atttypid))))),
                })
            })
            .collect()
    }
}

fn not_a_prototype(typ: pg_sys::Oid, column: Option<&str>) -> Error {
    let detail = match column {
        Some(c) => format!("Type {} has a column \"{c}\".", type_name(typ)),
        None => format!("It is of type {}.", type_name(typ)),
    };
    Error::new(Code::WrongType, "as_type must be a prototype row of recommendations").detail(detail).hint(
        "Use as_type => NULL::affinity.recommendation, recommendation_text or recommendation_uuid; or a type of some of their columns.",
    )
}

fn value(field: Field, row: &Recommendation, source: &str, version: i32, model: &str, typ: pg_sys::Oid) -> Result<pg_sys::Datum> {
    let wrong = |needed: &str| {
        let example = row.item.to_string();
        Error::new(Code::WrongType, format!("item ids of model \"{model}\" do not fit {}", type_name(typ)))
            .detail(format!("An item is \"{example}\"."))
            .hint(format!("Add as_type => NULL::affinity.{needed}."))
    };
    Ok(match (field, &row.item) {
        (Field::Rank, _) => pg_sys::Datum::from(row.rank),
        (Field::Score, _) => pg_sys::Datum::from(row.score.to_bits()),
        (Field::Version, _) => pg_sys::Datum::from(version),
        (Field::Source, _) => text::datum(source),
        (Field::ItemInteger, Id::Integer(i)) => pg_sys::Datum::from(*i),
        (Field::ItemText, id) => text::datum(&id.to_string()),
        (Field::ItemUuid, Id::Text(t)) => uuid(t).ok_or_else(|| wrong("recommendation_text"))?,
        (Field::ItemInteger, Id::Text(t)) => {
            return Err(wrong(if uuid(t).is_some() { "recommendation_uuid" } else { "recommendation_text" }));
        }
        (Field::ItemUuid, Id::Integer(_)) => return Err(wrong("recommendation")),
    })
}

/// A uuid datum, of a canonical text.
fn uuid(text: &str) -> Option<pg_sys::Datum> {
    let digits: Vec<u8> =
        text.bytes().filter(|b| *b != b'-').map(|b| char::from(b).to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    if digits.len() != 32 {
        return None;
    }
    // SAFETY: 16 bytes in the current memory context, filled in whole.
    unsafe {
        let p = pg_sys::palloc(16).cast::<[u8; 16]>();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digits.as_chunks::<2>().0).for_each(|(b, [high, low])| *b = high << 4 | low);
        p.write(bytes);
        Some(pg_sys::Datum::from(p))
    }
}
