//! A last reserve of memory. Rust ends the process where a small allocation fails, and with one backend that ends so the whole server
//! starts again: all sessions are lost. So where the address space is used up (`ulimit -v`, strict overcommit), a reserve is given up
//! instead, the allocation succeeds, and the work ends with an error at its next look. Large allocations are not for it: those ask first
//! ([`crate::base::memory::reserve`]).

use crate::base::{Result, memory};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::AcqRel, Ordering::Acquire};

/// Bytes of the reserve: address space alone, no page of it is ever touched.
const SIZE: usize = 8 << 20;

/// The largest allocation that the reserve is given up for.
const SMALL: usize = 1 << 20;

/// The reserve; null where there is none.
static RESERVE: AtomicPtr<libc::c_void> = AtomicPtr::new(null_mut());

/// Gives the reserve up for an allocation of `size` bytes; false where it is not for that, or gone.
#[cold]
pub(crate) fn give_up(size: usize) -> bool {
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
