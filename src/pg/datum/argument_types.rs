//! Types of arguments and results that pgrx has no Rust type for, or one that takes the database's encoding for UTF-8, so that their
//! signatures can be held against `sql/` like all others.

use crate::base::{self, memory};
use crate::pg::backend::{error, text};
use crate::pg::datum::array;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::impl_sql_translatable;
use std::ffi::CStr;
use std::ops::Deref;

/// `regclass`: the oid of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Regclass(pub pg_sys::Oid);

/// `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub String);

/// `text`, as an argument or a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub String);

/// `text[]`, not read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts(pg_sys::Datum);

impl_sql_translatable!(Regclass, "regclass");
impl_sql_translatable!(Name, "name");
impl_sql_translatable!(Text, "text");
impl_sql_translatable!(Texts, "text[]");

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromDatum for Text {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, null: bool, _: pg_sys::Oid) -> Option<Self> {
        // SAFETY: the caller's promise of a text datum; a detoasted copy is freed.
        (!null).then(|| unsafe {
            let mut own = String::new();
            text::with_text(datum, |t| memory::replace(&mut own, t)).unwrap_or_else(|e| error::raise(e));
            Self(own)
        })
    }
}

impl IntoDatum for Text {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        Some(text::datum(&self.0))
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::TEXTOID
    }
}

// SAFETY: a text datum, in the memory context of the call.
unsafe impl BoxRet for Text {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: as above.
        unsafe { fcinfo.return_raw_datum(text::datum(&self.0)) }
    }
}

// SAFETY: the declared type is the one that from_datum reads; a NULL reaches only Option<…>, by the test of signatures.
unsafe impl<'fcx> ArgAbi<'fcx> for Text {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: handed on.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or_else(|| Self(String::new()))
    }
}

impl Texts {
    /// The texts that are not NULL, of at most `most` elements.
    ///
    /// # Errors
    /// As [`array::texts`].
    pub(crate) fn read(self, most: usize) -> base::Result<Vec<String>> {
        let mut out = Vec::new();
        // SAFETY: an argument that is declared text[], and lives as long as the call.
        unsafe { array::texts(self.0, most, &mut out)? };
        Ok(out)
    }
}

impl FromDatum for Texts {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, null: bool, _: pg_sys::Oid) -> Option<Self> {
        (!null).then_some(Self(datum))
    }
}

impl FromDatum for Regclass {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, null: bool, _: pg_sys::Oid) -> Option<Self> {
        (!null).then(|| Self(pg_sys::Oid::from(datum.value() as u32)))
    }
}

impl FromDatum for Name {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, null: bool, _: pg_sys::Oid) -> Option<Self> {
        // SAFETY: a name is a NUL-terminated array of 64 bytes.
        (!null).then(|| Self(unsafe { text::with_utf8(CStr::from_ptr(datum.cast_mut_ptr()).to_bytes(), str::to_owned) }))
    }
}

// SAFETY: the declared types have the layouts that from_datum reads; a NULL reaches only Option<…>, by the test of signatures.
unsafe impl<'fcx> ArgAbi<'fcx> for Regclass {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: handed on.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(pg_sys::InvalidOid))
    }
}

// SAFETY: as above.
unsafe impl<'fcx> ArgAbi<'fcx> for Name {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: handed on.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or_else(|| Self(String::new()))
    }
}

// SAFETY: as above.
unsafe impl<'fcx> ArgAbi<'fcx> for Texts {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: handed on.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(pg_sys::Datum::from(0)))
    }
}
