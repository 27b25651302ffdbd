//! jsonb arguments and results. Every argument comes in here: bounded before it is read, and walked without recursion, so that neither its
//! size nor its depth nor its numbers can do more than raise an error with a code of its own.

use crate::base::{self, Code, Error, interrupts, memory, names};
use crate::pg::backend::{error, text};
use crate::pg::datum::numeric;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::impl_sql_translatable;
use serde_json::{Map, Value};

/// The largest argument, in bytes of jsonb: parameters, options, conditions and weights of some ten thousand types of events.
const LARGEST: usize = 1 << 20;

/// The deepest argument: parameters have objects within an object within an object. (Left to serde_json, 128 levels were an XX000.)
const DEEPEST: usize = 32;

/// A document as the result of a function: JSON in writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document(pub String);

impl_sql_translatable!(Document, "jsonb");

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self(value.to_string())
    }
}

impl IntoDatum for Document {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let text = text::c(&self.0).unwrap_or_else(|e| error::raise(e));
        // SAFETY: the input function takes a C string, and copies what it keeps.
        unsafe { pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(text.as_ptr()))]) }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

// SAFETY: a datum of the type that SQL declares, in the memory context of the call.
unsafe impl BoxRet for Document {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: as above.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

/// A `jsonb` argument, not read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json(pg_sys::Datum);

impl_sql_translatable!(Json, "jsonb");

impl FromDatum for Json {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, null: bool, _: pg_sys::Oid) -> Option<Self> {
        (!null).then_some(Self(datum))
    }
}

// SAFETY: the declared type is the one that is read; a NULL reaches only Option<…>, by the test of signatures.
unsafe impl<'fcx> ArgAbi<'fcx> for Json {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: handed on.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(pg_sys::Datum::from(0)))
    }
}

impl Json {
    /// Of a datum of type jsonb that outlives the result.
    ///
    /// # Safety
    /// `datum` is such.
    pub(crate) const unsafe fn of(datum: pg_sys::Datum) -> Self {
        Self(datum)
    }

    /// Its value; `name` is the argument's.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for one that is too large or too deep, [`Code::OutOfRange`] for a number that no double precision holds.
    pub(crate) fn read(self, name: &str) -> base::Result<Value> {
        self.check_size(name)?;
        // SAFETY: a jsonb datum of the call, by `of` or by the declaration of the argument: detoasted into the context of the call it is a
        // header and a container. The iterator gives what it contains, token by token, in memory that lives as long as the container.
        unsafe {
            let flat = pg_sys::pg_detoast_datum(self.0.cast_mut_ptr()).cast::<pg_sys::Jsonb>();
            let mut iterator = pg_sys::JsonbIteratorInit(&raw mut (*flat).root);
            let mut building = Building { name, scalar: false, open: Vec::new(), whole: None };
            let mut token: pg_sys::JsonbValue = std::mem::zeroed();
            for step in 1.. {
                interrupts::check_at(step);
                match pg_sys::JsonbIteratorNext(&raw mut iterator, &raw mut token, false) {
                    pg_sys::JsonbIteratorToken::WJB_DONE => break,
                    kind => building.take(kind, &token)?,
                }
            }
            building.whole.ok_or_else(|| Error::internal("A jsonb argument without a value."))
        }
    }

    /// Refuses what is too large, before a copy of it is made.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub(crate) fn check_size(self, name: &str) -> base::Result<()> {
        // SAFETY: a varlena; its uncompressed size stands in its header or its toast pointer.
        let size = unsafe { pg_sys::toast_raw_datum_size(self.0) };
        if size <= LARGEST {
            return Ok(());
        }
        Err(Error::new(Code::InvalidParameter, format!("{name} is too large")).detail(format!(
            "It has {}, {} are allowed.",
            memory::size(size),
            memory::size(LARGEST)
        )))
    }
}

/// What has been begun and not ended, from the outside in.
struct Building<'a> {
    name: &'a str,
    /// Whether the whole is one value: jsonb keeps that as an array with a mark.
    scalar: bool,
    open: Vec<Open>,
    whole: Option<Value>,
}

enum Open {
    Array(Vec<Value>),
    Object(Map<String, Value>, String),
}

impl Building<'_> {
    /// # Safety
    /// `token` is what the iterator gave with `kind`.
    unsafe fn take(&mut self, kind: pg_sys::JsonbIteratorToken::Type, token: &pg_sys::JsonbValue) -> base::Result<()> {
        use pg_sys::JsonbIteratorToken::{WJB_BEGIN_ARRAY, WJB_BEGIN_OBJECT, WJB_ELEM, WJB_KEY, WJB_VALUE};
        // SAFETY: the caller's promise: the field of the union is the one that the token's kind says.
        unsafe {
            match kind {
                WJB_BEGIN_ARRAY => {
                    self.scalar = self.open.is_empty() && token.val.array.rawScalar;
                    self.begin(Open::Array(Vec::new()))?;
                }
                WJB_BEGIN_OBJECT => self.begin(Open::Object(Map::new(), String::new()))?,
                WJB_KEY => {
                    if let Some(Open::Object(_, key)) = self.open.last_mut() {
                        *key = string(token);
                    }
                }
                WJB_ELEM | WJB_VALUE => {
                    let value = self.value(token)?;
                    self.put(value);
                }
                _ => match self.open.pop() {
                    Some(Open::Array(mut values)) if self.scalar => self.whole = values.pop(),
                    Some(Open::Array(values)) => self.put(Value::Array(values)),
                    Some(Open::Object(map, _)) => self.put(Value::Object(map)),
                    None => {}
                },
            }
        }
        Ok(())
    }

    fn begin(&mut self, open: Open) -> base::Result<()> {
        if self.open.len() == DEEPEST {
            return Err(Error::new(Code::InvalidParameter, format!("{} is nested too deeply", self.name))
                .detail(format!("Arrays and objects may stand in each other {DEEPEST} deep.")));
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::Array(values)) => values.push(value),
            Some(Open::Object(map, key)) => {
                map.insert(std::mem::take(key), value);
            }
            None => self.whole = Some(value),
        }
    }

    /// # Safety
    /// `token` is a value of the iterator's that is no container.
    unsafe fn value(&self, token: &pg_sys::JsonbValue) -> base::Result<Value> {
        // SAFETY: as in `take`.
        unsafe {
            Ok(match token.type_ {
                pg_sys::jbvType::jbvString => Value::String(string(token)),
                pg_sys::jbvType::jbvBool => Value::Bool(token.val.boolean),
                pg_sys::jbvType::jbvNumeric => self.number(pg_sys::Datum::from(token.val.numeric))?,
                _ => Value::Null,
            })
        }
    }

    /// A whole number as such where it fits, anything else as the nearest double precision number.
    ///
    /// # Safety
    /// `datum` is a live numeric.
    unsafe fn number(&self, datum: pg_sys::Datum) -> base::Result<Value> {
        // SAFETY: the caller's promise.
        let (whole, nearest) = unsafe { (numeric::whole(datum), || numeric::to_f64(datum)) };
        match whole {
            Some(n) => Ok(Value::from(n)),
            None => serde_json::Number::from_f64(nearest()).map(Value::Number).ok_or_else(|| {
                let key = match self.open.last() {
                    Some(Open::Object(_, key)) => format!(" of \"{}\"", names::shown(key)),
                    _ => String::new(),
                };
                Error::new(Code::OutOfRange, format!("{} holds a number that is out of range", self.name))
                    .detail(format!("The number{key} is no double precision number; the largest is about 1.8e308."))
            }),
        }
    }
}

/// # Safety
/// `token` is a string of the iterator's.
unsafe fn string(token: &pg_sys::JsonbValue) -> String {
    // SAFETY: the caller's promise: so many bytes in the database's encoding.
    unsafe {
        let s = token.val.string;
        let bytes = std::slice::from_raw_parts(s.val.cast::<u8>().cast_const(), usize::try_from(s.len).unwrap_or(0));
        text::with_utf8(bytes, str::to_owned)
    }
}
