//! A last reserve of memory. Rust ends the process where a small allocation fails, and with one backend that ends so the whole server starts again: all
//! sessions are lost. So where the address space is used up (`ulimit -v`, strict overcommit), a reserve is given up instead, the allocation
//! succeeds, and the work ends with an error at its next look. Large allocations are not for it: those ask first ([`crate::base::memory::reserve`]).

use crate::base::{Result, memory};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::AcqRel, Ordering::Acquire};

/// Bytes of the reserve: address space alone, no page of it is ever touched.
const SIZE: usize = 8 << 20;

/// The largest allocation that the reserve is given up for.
const SMALL: usize = 1 << 20;

/// The reserve; null where there is none.
static RESERVE: AtomicPtr<libc::c_void> = AtomicPtr::new(null_mut());

struct Careful;

#[global_allocator]
static ALLOCATOR: Careful = Careful;

// SAFETY: all memory is the system allocator's, asked for and given back by its own rules. What is done between two requests neither allocates nor
// unwinds.
unsafe impl GlobalAlloc for Careful {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on.
        let p = unsafe { System.alloc(layout) };
        // SAFETY: handed on.
        if p.is_null() && give_up(layout.size()) { unsafe { System.alloc(layout) } } else { p }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on.
        let p = unsafe { System.alloc_zeroed(layout) };
        // SAFETY: handed on.
        if p.is_null() && give_up(layout.size()) { unsafe { System.alloc_zeroed(layout) } } else { p }
    }

    #[inline]
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: handed on; a failed realloc leaves the old block as it was.
        let p = unsafe { System.realloc(old, layout, size) };
        // SAFETY: as above.
        if p.is_null() && give_up(size) { unsafe { System.realloc(old, layout, size) } } else { p }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: handed on.
        unsafe { System.dealloc(p, layout) }
    }
}

/// Gives the reserve up for an allocation of `size` bytes; false where it is not for that, or gone.
#[cold]
fn give_up(size: usize) -> bool {
    if size > SMALL {
        return false;
    }
    let reserve = RESERVE.swap(null_mut(), AcqRel);
    // SAFETY: what `hold` has mapped, which nobody else holds after the swap.
    !reserve.is_null() && unsafe { libc::munmap(reserve, SIZE) } == 0 && {
        memory::set_short(true);
        true
    }
}

/// Holds the reserve from here on: called before any work is begun.
///
/// # Errors
/// [`crate::base::Code::OutOfMemory`] where the system has no room for it.
#[inline]
pub(crate) fn hold() -> Result<()> {
    if RESERVE.load(Acquire).is_null() { map() } else { Ok(()) }
}

#[cold]
fn map() -> Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh mapping anywhere, which nobody reads or writes.
    let reserve = unsafe { libc::mmap(null_mut(), SIZE, protection, kind, -1, 0) };
    if reserve == libc::MAP_FAILED {
        return Err(memory::out_of_memory(SIZE));
    }
    memory::set_short(false);
    let other = RESERVE.swap(reserve, AcqRel);
    if !other.is_null() {
        // SAFETY: as in `give_up`.
        unsafe { libc::munmap(other, SIZE) };
    }
    Ok(())
}
