//! Window functions: what they see of their partition, and what they remember from row to row.

use crate::base::{Code, Error, Result};
use crate::dataset::profile::Span;
use crate::pg::backend::kept::{self, Lent};
use crate::pg::call::arguments::Call;
use crate::pg::datum::time::span;
use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use std::ffi::c_void;
use std::marker::PhantomData;

// The part of Postgres's windowapi.h that is used; pgrx does not bind it.
unsafe extern "C-unwind" {
    fn WinGetPartitionLocalMemory(window: *mut c_void, size: pg_sys::Size) -> *mut c_void;
    fn WinGetFuncArgCurrent(window: *mut c_void, argument: i32, null: *mut bool) -> pg_sys::Datum;
}

/// The window that a call is made for.
#[derive(Clone, Copy)]
pub(crate) struct Window<'c>(*mut c_void, PhantomData<&'c ()>);

impl<'c> Window<'c> {
    /// That of `call`.
    ///
    /// # Errors
    /// [`Code::WrongState`] for a call outside a window; the parser refuses those, since the function is declared WINDOW.
    pub(crate) fn of(call: Call<'c>) -> Result<Self> {
        // SAFETY: the running call; for a window function its context is the executor's window, a node of that type.
        unsafe {
            let context = (*call.raw()).context;
            if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_WindowObjectData {
                return Err(Error::new(Code::WrongState, "window function called outside a window"));
            }
            Ok(Self(context.cast(), PhantomData))
        }
    }

    /// What the function remembers of this partition; the default at its first row.
    ///
    /// # Errors
    /// [`Code::Internal`] where it is in use, or of another type.
    pub(crate) fn memory<T: Default + 'static>(self) -> Result<Lent<'c, T>> {
        // SAFETY: Postgres gives zeroed memory of the size that is asked for first, aligned for any type, to this function alone; it lives
        // as long as the partition. Its errors are caught at the border.
        unsafe {
            let p = pg_guard_ffi_boundary(|| WinGetPartitionLocalMemory(self.0, kept::size_of_slot::<T>()));
            kept::lend_zeroed(p).ok_or_else(|| Error::internal("The memory of a window is of another type, or in use."))
        }
    }

    /// Argument `i` (from 0) of the current row; none for NULL.
    pub(crate) fn argument(self, i: i32) -> Option<pg_sys::Datum> {
        let mut null = false;
        // SAFETY: the function has that argument by its declaration; evaluating it may raise an error, which is caught at the border.
        let value = unsafe { pg_guard_ffi_boundary(|| WinGetFuncArgCurrent(self.0, i, &raw mut null)) };
        (!null).then_some(value)
    }

    /// Argument `i`, an interval.
    pub(crate) fn interval(self, i: i32) -> Option<Span> {
        // SAFETY: declared interval.
        self.argument(i).map(|d| unsafe { span(d) })
    }
}
