//! Rust values that Postgres holds for us behind a pointer without a type: what a place of a plan remembers from row to row, the state of
//! an aggregate, what a window function knows of its partition.
//!
//! Each carries its type before it, and whether it is lent: a value of another type is an error and not a wild read, and no code that is
//! safe can hold it twice.

use pgrx::{PgMemoryContexts, pg_sys};
use std::any::TypeId;
use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::ops::{Deref, DerefMut};

/// What stands before every value.
#[repr(C)]
struct Label {
    state: Cell<u8>,
    typ: TypeId,
}

/// Nothing is here yet: what zeroed memory says.
const EMPTY: u8 = 0;
const HELD: u8 = 1;
const LENT: u8 = 2;

#[repr(C)]
struct Slot<T> {
    label: Label,
    value: UnsafeCell<T>,
}

impl<T: 'static> Slot<T> {
    fn new(value: T) -> Self {
        Self { label: Label { state: Cell::new(HELD), typ: TypeId::of::<T>() }, value: UnsafeCell::new(value) }
    }
}

/// A value that Postgres holds, in use: given back when this is dropped, also by an error on its way out.
pub(crate) struct Lent<'a, T>(&'a Slot<T>);

impl<T> Lent<'_, T> {
    /// Where it stands, for Postgres to keep.
    pub(crate) fn pointer(&self) -> *mut c_void {
        std::ptr::from_ref(self.0).cast_mut().cast()
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: there is one `Lent` of a slot at a time (its state says so), and it is borrowed.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Lent<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and it is borrowed as a whole.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Lent<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.label.state.set(HELD)
    }
}

/// Leaves `value` to a memory context, which drops it when it is reset or deleted, and lends it.
///
/// # Safety
/// `context` is alive, and is neither reset nor deleted for `'a`.
pub(crate) unsafe fn place<'a, T: 'static>(context: pg_sys::MemoryContext, value: T) -> Lent<'a, T> {
    // SAFETY: the caller's promise; the pointer is fresh, and nobody else has it.
    let slot: &'a Slot<T> = unsafe { &*PgMemoryContexts::For(context).leak_and_drop_on_delete(Slot::new(value)) };
    slot.label.state.set(LENT);
    Lent(slot)
}

/// Lends what stands at `p`; none for a null pointer, for a value of another type, and for one that is lent already.
///
/// # Safety
/// `p` is null or a [`Lent::pointer`] of a value of whatever type, which lives for `'a`.
#[inline]
pub(crate) unsafe fn lend<'a, T: 'static>(p: *mut c_void) -> Option<Lent<'a, T>> {
    // SAFETY: the caller's promise: a label stands first in a slot of any type.
    let label: &'a Label = unsafe { p.cast::<Label>().as_ref()? };
    if label.typ != TypeId::of::<T>() || label.state.get() != HELD {
        return None;
    }
    label.state.set(LENT);
    // SAFETY: the label says that this is a slot of a `T`.
    Some(Lent(unsafe { &*p.cast::<Slot<T>>() }))
}

/// The size of the memory that [`lend_zeroed`] needs.
pub(crate) const fn size_of_slot<T>() -> usize {
    size_of::<Slot<T>>()
}

/// [`lend`] for memory that is zeroed before its first use, and in which the default is put then. It is never dropped.
///
/// # Safety
/// `p` points at zeroed memory of [`size_of_slot`] bytes of this or, after the first call, of whatever type was asked for then, aligned to 8, which only
/// this function uses and which lives for `'a`.
pub(crate) unsafe fn lend_zeroed<'a, T: Default + 'static>(p: *mut c_void) -> Option<Lent<'a, T>> {
    const { assert!(!std::mem::needs_drop::<T>() && align_of::<Slot<T>>() <= 8) };
    // SAFETY: the caller's promise: the state is the first byte of a label, and zero before there is one.
    unsafe {
        if p.cast::<u8>().read() == EMPTY {
            p.cast::<Slot<T>>().write(Slot::new(T::default()));
        }
        lend(p)
    }
}
