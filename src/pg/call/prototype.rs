//! Rows of a prototype's type: what `recommend` and its kin return. (Not RETURNS TABLE with an item of any type: tried, each call of that
//! in FROM which leaves the type out, or names it, is refused with "a column definition list is required".)

use crate::base::{Code, Error, Result, names};
use crate::dataset::Id;
use crate::pg::backend::{compat, text};
use crate::pg::call::arguments::Call;
use crate::pg::datum::value_form::type_name;
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

/// The types that a list may be given in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    /// The name of the one for ids that are integers; those for text and uuid begin with it.
    pub name: &'static str,
    /// Whether rows have an item.
    pub items: bool,
    /// Whether they have a user.
    pub users: bool,
    /// Columns beside those of every list.
    pub more: &'static [(&'static str, pg_sys::Oid)],
}

/// A list for one.
pub(crate) const LIST: Family = Family { name: "recommendation", items: true, users: false, more: &[] };
/// Lists for several.
pub(crate) const LISTS: Family = Family { name: "user_recommendation", items: true, users: true, more: &[] };

/// The types of a column of ids.
pub(crate) const IDS: [pg_sys::Oid; 3] = [pg_sys::INT8OID, pg_sys::TEXTOID, pg_sys::UUIDOID];

/// A value of a column beside those of every list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum More<'a> {
    /// A bigint.
    Count(u64),
    /// A double precision.
    Real(f64),
    /// A timestamp with time zone, microseconds since 2000-01-01; NULL for none.
    Time(Option<i64>),
    /// An item's id, in the type of the column.
    Item(&'a Id),
}

/// The first instant that Postgres has no timestamp for: of the year 294277.
const NEVER: i64 = 9_223_371_331_200_000_000;

/// A field of the prototype and what goes into it.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// A column that was dropped: NULL.
    Dropped,
    Rank,
    /// Of one of [`IDS`].
    Item(pg_sys::Oid),
    User(pg_sys::Oid),
    Score,
    Source,
    Version,
    /// One of [`Family::more`].
    More(usize),
}

/// What a row is made of.
pub(crate) struct Entry<'a> {
    /// Its place in the list, from 1.
    pub rank: i32,
    /// The user, in lists for several and of users.
    pub user: Option<&'a Id>,
    /// The item, in lists of items.
    pub item: Option<&'a Id>,
    /// The score.
    pub score: f32,
    /// Where the list comes from.
    pub source: &'a str,
    /// The version that made it.
    pub version: i32,
    /// The model's name.
    pub model: &'a str,
    /// Values of the columns of [`Family::more`].
    pub more: &'a [More<'a>],
}

/// Hands `rows` to the executor as rows of the type of argument `prototype`.
///
/// # Errors
/// Those of [`Rows::begin`] and [`Rows::put`].
pub(crate) fn set(call: Call<'_>, prototype: usize, rows: &[Recommendation], source: &str, version: i32, model: &str) -> Result<()> {
    let mut out = Rows::begin(call, prototype, LIST)?;
    let entry = |r: &Recommendation| {
        out.put(&Entry { rank: r.rank, user: None, item: Some(&r.item), score: r.score, source, version, model, more: &[] })
    };
    rows.iter().try_for_each(entry)
}

/// Rows of a prototype's type on their way to the executor; beyond `work_mem` they go to a temporary file.
pub(crate) struct Rows {
    store: *mut pg_sys::Tuplestorestate,
    desc: pg_sys::TupleDesc,
    fields: Vec<Field>,
    nulls: Vec<bool>,
    typ: pg_sys::Oid,
    /// Where the values of one row live until the store has copied them.
    short_lived: pg_sys::MemoryContext,
    family: Family,
}

impl Rows {
    /// Begins the answer to `call`, whose argument `prototype` gives the type: one of `family`, or of some of its columns.
    ///
    /// # Errors
    /// [`Code::WrongType`] for a prototype that is no row of fitting columns; [`Code::Unsupported`] where a set is not expected.
    pub(crate) fn begin(call: Call<'_>, prototype: usize, family: Family) -> Result<Self> {
        let typ = call.argument_type(prototype);
        // SAFETY: resultinfo is what the executor passed; the type is composite when its row type is looked up, and its copy lives in the
        // query's memory, as the tuplestore does.
        unsafe {
            let info = (*call.raw()).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let materialise = pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32;
            if info.is_null() || (*info).type_ != pg_sys::NodeTag::T_ReturnSetInfo || (*info).allowedModes & materialise == 0 {
                return Err(Error::new(Code::Unsupported, "a set of rows is returned where none can be taken")
                    .hint("Call it in FROM: SELECT * FROM affinity.recommend(…)."));
            }
            if u8::try_from(pg_sys::get_typtype(typ)).unwrap_or(0) != pg_sys::TYPTYPE_COMPOSITE {
                return Err(not_a_prototype(typ, None, family));
            }
            let before = pg_sys::MemoryContextSwitchTo((*(*info).econtext).ecxt_per_query_memory);
            let desc = pg_sys::lookup_rowtype_tupdesc_copy(typ, -1);
            let random = (*info).allowedModes & pg_sys::SetFunctionReturnMode::SFRM_Materialize_Random as i32 != 0;
            let store = pg_sys::tuplestore_begin_heap(random, false, pg_sys::work_mem);
            pg_sys::MemoryContextSwitchTo(before);
            let fields = fields(desc, typ, family)?;
            (*info).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*info).setResult = store;
            (*info).setDesc = desc;
            (*call.raw()).isnull = true;
            let nulls = fields.iter().map(|f| *f == Field::Dropped).collect();
            Ok(Self { store, desc, fields, nulls, typ, short_lived: compat::small_context(c"affinity row"), family })
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Code::WrongType`] where an id does not fit its column.
    pub(crate) fn put(&mut self, entry: &Entry<'_>) -> Result<()> {
        let mut values = vec![pg_sys::Datum::null(); self.fields.len()];
        // SAFETY: store, row type and context live as long as the call; values and nulls have an element for each attribute. The context is
        // switched back before returning, and by Postgres after an ERROR.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(self.short_lived);
            let made = (0..values.len()).try_for_each(|at| {
                let value = self.value(self.fields[at], entry)?;
                self.nulls[at] = value.is_none();
                values[at] = value.unwrap_or(pg_sys::Datum::null());
                Ok(())
            });
            if made.is_ok() {
                pg_sys::tuplestore_putvalues(self.store, self.desc, values.as_mut_ptr(), self.nulls.as_mut_ptr());
            }
            pg_sys::MemoryContextSwitchTo(before);
            pg_sys::MemoryContextReset(self.short_lived);
            made
        }
    }

    /// What goes into a field; none: NULL.
    fn value(&self, field: Field, entry: &Entry<'_>) -> Result<Option<pg_sys::Datum>> {
        let id = |what: &str, typ: pg_sys::Oid, id: &Id| match (typ, id) {
            (pg_sys::INT8OID, Id::Integer(i)) => Ok(pg_sys::Datum::from(*i)),
            (pg_sys::TEXTOID, id) => Ok(text::datum(&id.to_string())),
            (pg_sys::UUIDOID, Id::Text(t)) => uuid(t).ok_or_else(|| self.unfit(what, id, entry.model)),
            _ => Err(self.unfit(what, id, entry.model)),
        };
        Ok(Some(match field {
            Field::Dropped => return Ok(None),
            Field::Rank => pg_sys::Datum::from(entry.rank),
            Field::Score => pg_sys::Datum::from(entry.score.to_bits()),
            Field::Version => pg_sys::Datum::from(entry.version),
            Field::Source => text::datum(entry.source),
            Field::Item(typ) => id("item", typ, entry.item.ok_or_else(|| Error::internal("A list without items."))?)?,
            Field::User(typ) => id("user", typ, entry.user.ok_or_else(|| Error::internal("A list without a user."))?)?,
            Field::More(at) => match entry.more.get(at) {
                Some(More::Count(n)) => pg_sys::Datum::from(i64::try_from(*n).unwrap_or(i64::MAX)),
                Some(More::Real(x)) => pg_sys::Datum::from(x.to_bits()),
                // Beyond the last one it is infinity.
                Some(More::Time(Some(t))) => pg_sys::Datum::from(if *t < NEVER { *t } else { i64::MAX }),
                Some(More::Time(None)) => return Ok(None),
                Some(More::Item(item)) => id("item", self.family.more[at].1, item)?,
                None => return Err(Error::internal("A row without one of its values.")),
            },
        }))
    }

    /// The error for ids that do not fit the prototype.
    fn unfit(&self, what: &str, id: &Id, model: &str) -> Error {
        let suffix = match id {
            _ if self.family.users && self.family.items => "_text, or a type of your own",
            Id::Integer(_) => "",
            Id::Text(t) if uuid(t).is_some() => "_uuid",
            Id::Text(_) => "_text",
        };
        let an = if what == "user" { "A user" } else { "An item" };
        Error::new(Code::WrongType, format!("{what} ids of model \"{model}\" do not fit {}", type_name(self.typ)))
            .detail(format!("{an} is \"{}\".", names::shown(&id.to_string())))
            .hint(format!("Add as_type => NULL::affinity.{}{suffix}.", self.family.name))
    }
}

/// # Safety
/// `desc` is a live row type.
unsafe fn fields(desc: pg_sys::TupleDesc, typ: pg_sys::Oid, family: Family) -> Result<Vec<Field>> {
    // SAFETY: the caller's promise.
    unsafe {
        (0..usize::try_from((*desc).natts).unwrap_or(0))
            .map(|i| {
                let a = compat::attribute(desc, i);
                if a.attisdropped {
                    return Ok(Field::Dropped);
                }
                let name = text::with_utf8(CStr::from_ptr(a.attname.data.as_ptr()).to_bytes(), str::to_owned);
                Ok(match (name.as_str(), a.atttypid) {
                    ("rank", pg_sys::INT4OID) => Field::Rank,
                    ("item_id", typ) if IDS.contains(&typ) && family.items => Field::Item(typ),
                    ("user_id", typ) if IDS.contains(&typ) && family.users => Field::User(typ),
                    ("score", pg_sys::FLOAT4OID) => Field::Score,
                    ("source", pg_sys::TEXTOID) => Field::Source,
                    ("version", pg_sys::INT4OID) => Field::Version,
                    (name, oid) => match family.more.iter().position(|m| *m == (name, oid)) {
                        Some(at) => Field::More(at),
                        None => return Err(not_a_prototype(typ, Some(&format!("{name} {}", type_name(oid))), family)),
                    },
                })
            })
            .collect()
    }
}

fn not_a_prototype(typ: pg_sys::Oid, column: Option<&str>, Family { name, .. }: Family) -> Error {
    let detail = match column {
        Some(c) => format!("Type {} has a column \"{c}\".", type_name(typ)),
        None => format!("It is of type {}.", type_name(typ)),
    };
    Error::new(Code::WrongType, "as_type must be a prototype row of recommendations")
        .detail(detail)
        .hint(format!("Use as_type => NULL::affinity.{name}, {name}_text or {name}_uuid; or a type of some of their columns.",))
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
