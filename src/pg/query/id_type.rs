//! Ids of types whose values may be equal where their texts are not: citext, numeric, inet, timestamptz, char(n), texts of a collation that
//! takes `a` for `A`.
//!
//! Which values are equal is asked of the type's own default equality and hash. The operator classes that name them, and the types looked
//! at here, are made by superusers only (no domain, enum, row, range or array is among them): calling them runs no stranger's code.

use crate::base::number::AsIndex;
use crate::base::{Code, Error, Result, memory};
use crate::dataset::{Id, IdKind, Vocabulary};
use crate::pg::backend::compat;
use crate::pg::backend::local_settings::Local;
use crate::pg::backend::text::{self, quote};
use crate::pg::datum::value_form::Form;
use crate::pg::query::relation::Attribute;
use crate::pg::query::spi::{self, Arg};
use pgrx::pg_sys;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::ffi::{CStr, c_char, c_int};

/// A type of ids with the collation by which they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdType {
    base: pg_sys::Oid,
    collation: pg_sys::Oid,
}

/// A type as it is recorded with a version that needs no relation to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    schema: String,
    name: String,
    /// The schema and name of the collation; none where the type has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collation: Option<(String, String)>,
}

const PARTS: u32 =
    pg_sys::TYPECACHE_EQ_OPR_FINFO | pg_sys::TYPECACHE_HASH_PROC_FINFO | pg_sys::TYPECACHE_LT_OPR | pg_sys::TYPECACHE_CMP_PROC_FINFO;

/// Texts that are parsed between two looks at interrupts, after which what they left in memory is freed.
const BLOCK: usize = 1024;

/// What the ids of a column are.
pub(crate) fn id_kind(a: &Attribute) -> IdKind {
    match a.form {
        Some(Form::Int2 | Form::Int4 | Form::Int8) => IdKind::Integer,
        Some(Form::Uuid) => IdKind::Uuid,
        _ => IdKind::Text,
    }
}

/// An id in words. 5.0 is 5, which a numeric has in more than one scale.
pub(crate) fn id_text(a: &Attribute) -> String {
    let column = quote(&a.name);
    match a.form {
        Some(Form::Numeric) => format!("pg_catalog.trim_scale({column}::pg_catalog.numeric)::pg_catalog.text"),
        _ => format!("{column}::pg_catalog.text"),
    }
}

impl IdType {
    /// Of a column whose ids go by their text; none where these are equal only if their texts are, and where the type cannot say which are
    /// equal.
    pub(crate) fn of(a: &Attribute) -> Option<Self> {
        if id_kind(a) == IdKind::Text { Self::new(a.typ, a.collation) } else { None }
    }

    fn new(typ: pg_sys::Oid, collation: pg_sys::Oid) -> Option<Self> {
        // SAFETY: catalogue look-ups by oid; the entry of the type cache lives as long as the process.
        unsafe {
            let base = pg_sys::getBaseType(typ);
            let (mut category, mut preferred) = (0 as c_char, false);
            if pg_sys::get_typtype(base) as u8 != pg_sys::TYPTYPE_BASE {
                return None;
            }
            pg_sys::get_type_category_preferred(base, &raw mut category, &raw mut preferred);
            let by_bytes = match base {
                pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::NAMEOID => {
                    collation == pg_sys::InvalidOid || pg_sys::get_collation_isdeterministic(collation)
                }
                pg_sys::CHAROID | pg_sys::BOOLOID => true,
                _ => category as u8 == pg_sys::TYPCATEGORY_ARRAY,
            };
            if by_bytes {
                return None;
            }
            let entry = &*pg_sys::lookup_type_cache(base, PARTS as c_int);
            let known = [entry.eq_opr, entry.lt_opr, entry.eq_opr_finfo.fn_oid, entry.hash_proc_finfo.fn_oid, entry.cmp_proc_finfo.fn_oid];
            known.iter().all(|o| *o != pg_sys::InvalidOid).then_some(Self { base, collation })
        }
    }

    /// The type that was recorded; none where there is none any more that is called so.
    ///
    /// # Errors
    /// What reading the catalogues raises.
    pub(crate) fn recorded(r: &Recorded) -> Result<Option<Self>> {
        const TYPE: &str = "SELECT t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace \
             WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND t.typname OPERATOR(pg_catalog.=) $2::pg_catalog.name";
        const COLLATION: &str = "SELECT c.oid FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.collnamespace \
             WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND c.collname OPERATOR(pg_catalog.=) $2::pg_catalog.name \
             ORDER BY c.collencoding DESC";
        let oid = |sql, schema: &str, name: &str| {
            spi::first(sql, &[Arg::Text(schema), Arg::Text(name)], |r| Ok(r.oid(1).unwrap_or(pg_sys::InvalidOid)))
        };
        let Some(typ) = oid(TYPE, &r.schema, &r.name)? else { return Ok(None) };
        let collation = r.collation.as_ref().map(|(schema, name)| oid(COLLATION, schema, name)).transpose()?.flatten();
        Ok(Self::new(typ, collation.unwrap_or(pg_sys::InvalidOid)))
    }

    /// How it is recorded.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`] where it is dropped meanwhile.
    pub(crate) fn record(self) -> Result<Recorded> {
        const TYPE: &str = "SELECT n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace \
             WHERE t.oid OPERATOR(pg_catalog.=) $1";
        const COLLATION: &str = "SELECT n.nspname, c.collname FROM pg_catalog.pg_collation c \
             JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.collnamespace WHERE c.oid OPERATOR(pg_catalog.=) $1";
        let named = |sql, oid| spi::first(sql, &[Arg::Oid(oid)], |r| Ok((r.text(1).unwrap_or_default(), r.text(2).unwrap_or_default())));
        let gone = || Error::new(Code::UndefinedObject, "the type of the ids does not exist any more");
        let (schema, name) = named(TYPE, self.base)?.ok_or_else(gone)?;
        Ok(Recorded { schema, name, collation: named(COLLATION, self.collation)? })
    }

    /// Its name in SQL.
    pub(crate) fn sql(self) -> String {
        // What Postgres calls it, character, is char(1) in a cast.
        if self.base == pg_sys::BPCHAROID {
            return "pg_catalog.bpchar".to_owned();
        }
        // SAFETY: a catalogue look-up, which gives a NUL-terminated copy for any oid.
        unsafe {
            let name = pg_sys::format_type_be_qualified(self.base);
            text::with_utf8(CStr::from_ptr(name).to_bytes(), str::to_owned)
        }
    }

    /// Its `=` in SQL.
    ///
    /// # Errors
    /// [`Code::UndefinedObject`] where the operator is dropped meanwhile.
    pub(crate) fn equals(self) -> Result<String> {
        self.operator("=", |entry| entry.eq_opr)
    }

    /// Its `<` in SQL.
    ///
    /// # Errors
    /// As [`IdType::equals`].
    pub(crate) fn less(self) -> Result<String> {
        self.operator("<", |entry| entry.lt_opr)
    }

    fn operator(self, what: &str, of: fn(&pg_sys::TypeCacheEntry) -> pg_sys::Oid) -> Result<String> {
        const OPERATOR: &str = "SELECT n.nspname, o.oprname FROM pg_catalog.pg_operator o \
             JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace WHERE o.oid OPERATOR(pg_catalog.=) $1";
        // SAFETY: an entry lives as long as the process.
        let operator = of(unsafe { &*self.entry() });
        let named = spi::first(OPERATOR, &[Arg::Oid(operator)], |r| {
            Ok(format!("OPERATOR({}.{})", quote(&r.text(1).unwrap_or_default()), r.text(2).unwrap_or_default()))
        })?;
        named.ok_or_else(|| Error::new(Code::UndefinedObject, format!("type {} has no {what} any more", self.sql())))
    }

    /// The value that `text` is, in the current memory context. Postgres raises what is none (22P02), as `=` does.
    ///
    /// # Errors
    /// [`Code::InvalidText`] for text with a zero byte.
    pub(crate) fn parse(self, text: &str) -> Result<pg_sys::Datum> {
        let c = text::c(text)?;
        // SAFETY: a NUL-terminated copy that Postgres frees, whatever it raises.
        unsafe {
            let copy = pg_sys::pstrdup(c.as_ptr());
            drop(c);
            Ok(text::value(copy, self.base))
        }
    }

    /// `text` as this session writes the value that it is.
    ///
    /// # Errors
    /// Those of [`IdType::parse`].
    pub(crate) fn shown(self, text: &str) -> Result<String> {
        let value = self.parse(text)?;
        // SAFETY: a value of the type, just made.
        Ok(unsafe { text::with_value(value, self.base, str::to_owned) })
    }

    /// What Postgres keeps of the type as long as the process lives.
    fn entry(self) -> *mut pg_sys::TypeCacheEntry {
        // SAFETY: as in `new`.
        unsafe { pg_sys::lookup_type_cache(self.base, PARTS as c_int) }
    }

    /// # Safety
    /// `datum` is a live value of this type.
    unsafe fn hash(self, datum: pg_sys::Datum) -> u32 {
        // SAFETY: the entry lives as long as the process, and was found to have the function; the caller vouches for the datum.
        unsafe { pg_sys::FunctionCall1Coll(&raw mut (*self.entry()).hash_proc_finfo, self.collation, datum).value() as u32 }
    }

    /// # Safety
    /// Both are live values of this type.
    unsafe fn equal(self, a: pg_sys::Datum, b: pg_sys::Datum) -> bool {
        // SAFETY: as in `hash`.
        unsafe { pg_sys::FunctionCall2Coll(&raw mut (*self.entry()).eq_opr_finfo, self.collation, a, b).value() & 1 == 1 }
    }

    /// Whether two texts are the same id.
    ///
    /// # Errors
    /// Those of [`IdType::parse`].
    pub(crate) fn alike(self, a: &str, b: &str) -> Result<bool> {
        // SAFETY: values of this type, just made.
        Ok(a == b || unsafe { self.equal(self.parse(a)?, self.parse(b)?) })
    }

    /// Which of two texts comes first, by the type's own order.
    ///
    /// # Errors
    /// Those of [`IdType::parse`].
    pub(crate) fn order(self, a: &str, b: &str) -> Result<Ordering> {
        scratch(|| {
            let (a, b) = (self.parse(a)?, self.parse(b)?);
            // SAFETY: values of this type, just made; a type with an operator class for `<` has its comparison.
            let order = unsafe { pg_sys::FunctionCall2Coll(&raw mut (*self.entry()).cmp_proc_finfo, self.collation, a, b).value() as i32 };
            Ok(order.cmp(&0))
        })
    }

    /// Of each text the first one that is the same id.
    ///
    /// # Errors
    /// Those of [`IdType::parse`]; [`Code::OutOfMemory`].
    pub(crate) fn first_equal(self, texts: &[String]) -> Result<Vec<u32>> {
        let places = self.places(texts.len(), |i| texts[i].clone())?;
        let mut first = memory::zeros(texts.len())?;
        (0..).zip(&mut first).for_each(|(i, f)| *f = i);
        for same in places.chunk_by(|a, b| a.0 == b.0).filter(|c| c.len() > 1) {
            pgrx::check_for_interrupts!();
            scratch(|| {
                // One hash: nearly always equal, so that the first of them is all that is compared with.
                let mut heads: Vec<(u32, pg_sys::Datum)> = Vec::new();
                for &(_, i) in same {
                    let value = self.parse(&texts[i.index()])?;
                    // SAFETY: values of this type, made in this block.
                    match heads.iter().find(|h| unsafe { self.equal(h.1, value) }) {
                        Some(head) => first[i.index()] = head.0,
                        None => heads.push((i, value)),
                    }
                }
                Ok(())
            })?;
        }
        Ok(first)
    }

    /// The hash of each of `n` texts with its place, ascending.
    fn places(self, n: usize, text: impl Fn(usize) -> String) -> Result<Vec<(u32, u32)>> {
        let _pinned = pinned();
        let mut places = Vec::new();
        memory::reserve(&mut places, n)?;
        for from in (0..n).step_by(BLOCK) {
            pgrx::check_for_interrupts!();
            scratch(|| {
                for i in from..n.min(from + BLOCK) {
                    // SAFETY: a value of this type, just made.
                    places.push((unsafe { self.hash(self.parse(&text(i))?) }, i as u32));
                }
                Ok(())
            })?;
        }
        places.sort_unstable();
        Ok(places)
    }
}

/// Runs `f` with a memory context of its own, which goes with it.
fn scratch<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a fresh context, left before it is deleted; an ERROR in between leaves it to its parent.
    unsafe {
        let context = compat::small_context(c"affinity ids");
        let before = pg_sys::MemoryContextSwitchTo(context);
        let result = f();
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::MemoryContextDelete(context);
        result
    }
}

/// Settings by which the text of a value is the same in every session, and is read in every session as the same value.
pub(crate) fn pinned() -> Local {
    Local::set(&[
        (c"datestyle", c"ISO"),
        (c"intervalstyle", c"postgres"),
        (c"timezone", c"UTC"),
        (c"extra_float_digits", c"1"),
        (c"bytea_output", c"hex"),
    ])
}

/// Finds the ids of a vocabulary by their type's equality.
#[derive(Debug)]
pub(crate) struct Lookup {
    typ: IdType,
    /// The hash of each id and its index, ascending.
    places: Vec<(u32, u32)>,
}

impl Lookup {
    /// Of all ids of `vocabulary`.
    ///
    /// # Errors
    /// Those of [`IdType::parse`] for an id that is no value of the type; [`Code::OutOfMemory`].
    pub(crate) fn new(typ: IdType, vocabulary: &Vocabulary) -> Result<Self> {
        let places = typ.places(vocabulary.len(), |i| vocabulary.id(i as u32).to_string())?;
        Ok(Self { typ, places })
    }

    /// The type.
    pub(crate) fn typ(&self) -> IdType {
        self.typ
    }

    /// The index in `vocabulary`, of which this was made, of a value.
    ///
    /// # Errors
    /// Those of [`Lookup::new`].
    ///
    /// # Safety
    /// `datum` is a live value of the type.
    pub(crate) unsafe fn find(&self, datum: pg_sys::Datum, vocabulary: &Vocabulary) -> Result<Option<u32>> {
        // SAFETY: the caller's promise.
        let hash = unsafe { self.typ.hash(datum) };
        let from = self.places.partition_point(|p| p.0 < hash);
        for &(_, index) in self.places[from..].iter().take_while(|p| p.0 == hash) {
            let own = self.typ.parse(&vocabulary.id(index).to_string())?;
            // SAFETY: as above; a value of the type, just made.
            if unsafe { self.typ.equal(datum, own) } {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// The index of each of the texts.
    ///
    /// # Errors
    /// As [`Lookup::find_id`].
    pub(crate) fn find_texts(&self, texts: &[String], vocabulary: &Vocabulary) -> Result<Vec<Option<u32>>> {
        let mut found = Vec::new();
        memory::reserve(&mut found, texts.len())?;
        for block in texts.chunks(BLOCK) {
            pgrx::check_for_interrupts!();
            scratch(|| {
                for text in block {
                    found.push(self.find_id(&Id::Text(text.clone()), vocabulary)?);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The index of an id in words; `lookup` finds it where that takes more than its text.
    ///
    /// # Errors
    /// As [`Lookup::find_id`].
    pub(crate) fn index(lookup: Option<&Self>, id: &Id, vocabulary: &Vocabulary) -> Result<Option<u32>> {
        lookup.map_or_else(|| Ok(vocabulary.find(id)), |l| l.find_id(id, vocabulary))
    }

    /// The index of an id in words.
    ///
    /// # Errors
    /// As [`Lookup::find`]; Postgres raises what is no value of the type.
    fn find_id(&self, id: &Id, vocabulary: &Vocabulary) -> Result<Option<u32>> {
        if let Some(index) = vocabulary.find(id) {
            return Ok(Some(index));
        }
        let text = id.to_string();
        if text.contains('\0') || (self.typ.base == pg_sys::NUMERICOID && !decimal(&text)) {
            return Ok(None);
        }
        // SAFETY: a value of the type, just made.
        unsafe { self.find(self.typ.parse(&text)?, vocabulary) }
    }
}

/// Whether `text` is a number that `numeric` reads, in plain notation: what is none names nobody.
pub(crate) fn decimal(text: &str) -> bool {
    let t = text.trim().trim_start_matches(['+', '-']);
    !t.is_empty()
        && t.len() < 1000
        && t.bytes().any(|b| b.is_ascii_digit())
        && t.bytes().filter(|&b| b == b'.').count() < 2
        && t.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
