//! The arguments of one call, for functions that read them by hand: aggregates, and whatever takes a record.

use crate::base::{Result, names};
use crate::dataset::profile::Span;
use crate::pg::backend::kept::{self, Lent};
use crate::pg::backend::text::with_text;
use crate::pg::datum::array::{intervals, texts};
use crate::pg::datum::json::Json;
use crate::pg::datum::time::span;
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin};
use std::marker::PhantomData;

/// One call of an SQL function, while it lasts. Only pgrx makes one, of the call that it hands to a `#[pg_extern]` function.
///
/// The accessors trust the declaration in `sql/`: an argument is read as the type it has there. That is sound because nobody but a
/// superuser can declare one of these functions otherwise (CREATE FUNCTION … LANGUAGE c is theirs alone, and CREATE OR REPLACE keeps the
/// types of arguments), and tests/signatures.rs and the SQL chapters hold ours. What a user passes is brought to the declared types before
/// the call; the exception are the types that stand for any other, whose real type [`Call::argument_type`] says.
#[derive(Clone, Copy)]
pub(crate) struct Call<'c>(pg_sys::FunctionCallInfo, PhantomData<&'c ()>);

// SAFETY: the raw call as pgrx hands it to who asks for it, no argument of SQL's; it cannot outlive the call, whose lifetime it bears.
unsafe impl<'fcx> ArgAbi<'fcx> for Call<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: handed on.
        Self(unsafe { <pg_sys::FunctionCallInfo as ArgAbi<'fcx>>::unbox_arg_unchecked(arg) }, PhantomData)
    }

    fn is_virtual_arg() -> bool {
        true
    }
}

// SAFETY: it is no value of SQL's: no argument of the declared function, and never a result.
unsafe impl SqlTranslatable for Call<'_> {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Call);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::Skip);
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> = Err(ReturnsError::Datum);
}

impl<'c> Call<'c> {
    /// The raw call.
    pub(crate) fn raw(self) -> pg_sys::FunctionCallInfo {
        self.0
    }

    /// The datum of argument `i`, from 0; none for NULL and beyond the last.
    pub(crate) fn datum(self, i: usize) -> Option<pg_sys::Datum> {
        self.arguments().get(i).filter(|a| !a.isnull).map(|a| a.value)
    }

    /// All arguments.
    #[inline]
    pub(crate) fn arguments(self) -> &'c [pg_sys::NullableDatum] {
        // SAFETY: Postgres allocates nargs arguments behind the header of the call, and keeps them while it lasts.
        unsafe { (*self.0).args.as_slice(usize::try_from((*self.0).nargs).unwrap_or(0)) }
    }

    /// The type of argument `i` at this place of the query.
    pub(crate) fn argument_type(self, i: usize) -> pg_sys::Oid {
        // SAFETY: fmgr sets flinfo for every call by SQL.
        let typ = unsafe { pg_sys::get_fn_expr_argtype((*self.0).flinfo, i32::try_from(i).unwrap_or(i32::MAX)) };
        if typ == pg_sys::InvalidOid { self.declared_type(i) } else { typ }
    }

    /// The type by which the function is declared, for calls without an expression: clients may call a function by its oid.
    fn declared_type(self, i: usize) -> pg_sys::Oid {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: fmgr sets flinfo for every call by SQL; the array that is made has `count` elements.
        unsafe {
            pg_sys::get_func_signature((*(*self.0).flinfo).fn_oid, &raw mut types, &raw mut count);
            if i < usize::try_from(count).unwrap_or(0) { *types.add(i) } else { pg_sys::UNKNOWNOID }
        }
    }

    /// A text[] argument of at most `most` elements; empty for NULL, and NULL elements are left out.
    ///
    /// # Errors
    /// [`crate::base::Code::ArrayLength`], [`crate::base::Code::OutOfMemory`].
    pub(crate) fn texts(self, i: usize, most: usize) -> Result<Vec<String>> {
        let mut out = Vec::new();
        if let Some(datum) = self.datum(i) {
            // SAFETY: the argument is declared text[].
            unsafe { texts(datum, most, &mut out)? };
        }
        Ok(out)
    }

    /// Calls `f` with a text argument, where it lies; none for NULL.
    pub(crate) fn with_text<R>(self, i: usize, f: impl FnOnce(&str) -> R) -> Option<R> {
        // SAFETY: the argument is declared text; a detoasted copy is freed.
        self.datum(i).map(|d| unsafe { with_text(d, f) })
    }

    /// The name of a model in a text argument; none for NULL.
    ///
    /// # Errors
    /// [`crate::base::Code::NameTooLong`].
    pub(crate) fn model(self, i: usize) -> Result<Option<String>> {
        self.with_text(i, |name| names::check("model", name).map(|()| name.to_owned())).transpose()
    }

    /// A double precision argument.
    pub(crate) fn float8(self, i: usize) -> Option<f64> {
        self.datum(i).map(|d| f64::from_bits(d.value() as u64))
    }

    /// A bigint argument.
    pub(crate) fn integer(self, i: usize) -> Option<i64> {
        self.datum(i).map(|d| d.value() as i64)
    }

    /// A jsonb argument, not read yet.
    pub(crate) fn json(self, i: usize) -> Option<Json> {
        // SAFETY: the argument is declared jsonb, and lives as long as the call.
        self.datum(i).map(|d| unsafe { Json::of(d) })
    }

    /// A boolean argument.
    pub(crate) fn boolean(self, i: usize) -> Option<bool> {
        self.datum(i).map(|d| d.value() & 0xff != 0)
    }

    /// A timestamp argument, with or without time zone: microseconds from 2000-01-01; the integer's ends are the infinities.
    pub(crate) fn timestamp(self, i: usize) -> Option<i64> {
        self.datum(i).map(|d| d.value() as i64)
    }

    /// An interval argument.
    pub(crate) fn interval(self, i: usize) -> Option<Span> {
        // SAFETY: declared interval.
        self.datum(i).map(|d| unsafe { span(d) })
    }

    /// An `interval[]` argument of at most `most` elements.
    ///
    /// # Errors
    /// As [`intervals`].
    pub(crate) fn intervals(self, i: usize, most: usize) -> Result<Option<Vec<Span>>> {
        // SAFETY: declared interval[]. A toasted one is copied into the context of the row.
        self.datum(i).map(|d| unsafe { intervals(d, most) }).transpose()
    }

    /// A bytea argument; or any other of varying length, without its header.
    pub(crate) fn bytes<'a>(self, i: usize) -> Option<&'a [u8]> {
        // SAFETY: declared bytea; it lives as long as the row. A toasted one is copied into the context of the row.
        self.datum(i).map(|d| unsafe { pgrx::varlena::varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(d.cast_mut_ptr())) })
    }

    /// How many bytes a bytea argument has, before a copy of it is made.
    pub(crate) fn size(self, i: usize) -> usize {
        // SAFETY: declared bytea; its uncompressed size stands in its header or its toast pointer.
        self.datum(i).map_or(0, |d| unsafe { pg_sys::toast_raw_datum_size(d) })
    }

    /// The context whose life is that of the function's cache (`fn_extra`).
    pub(crate) fn lasting(self) -> pg_sys::MemoryContext {
        // SAFETY: fmgr sets flinfo for every call of a function by SQL.
        unsafe { (*(*self.0).flinfo).fn_mcxt }
    }

    /// What an earlier call at the same place of the same plan left with [`Call::keep`]; none where that is of another type, or in use by a
    /// call that this one is made within.
    #[inline]
    pub(crate) fn kept<T: 'static>(self) -> Option<Lent<'c, T>> {
        // SAFETY: Postgres leaves fn_extra to the function: it is null or what `keep` put there, in fn_mcxt, which lives as long as the
        // plan. pgrx uses it for functions that return an iterator; none of those asks for the call.
        unsafe { kept::lend((*(*self.0).flinfo).fn_extra) }
    }

    /// Leaves `value` for later calls; dropped with the plan.
    pub(crate) fn keep<T: 'static>(self, value: T) -> Lent<'c, T> {
        // SAFETY: the context lives as long as the plan, longer than the call. As in `kept`, fn_extra is ours; what stood there is dropped
        // with the context.
        unsafe {
            let lent = kept::place(self.lasting(), value);
            (*(*self.0).flinfo).fn_extra = lent.pointer();
            lent
        }
    }
}
