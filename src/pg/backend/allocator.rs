//! The library's allocator: the system's, with a count of what is held, so that `affinity.memory` is held against what a call really takes
//! and not only against what was foreseen. Large blocks come straight from the system and go straight back: freed memory that an allocator
//! keeps for later would stay with the backend, which may live for days. (The most that trainings take is .99 to 1.06 of `affinity.memory`;
//! before, 275 MB were seen at 60.)

use crate::pg::backend::reserve;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

#[global_allocator]
static HEAP: Counted = Counted;

/// Blocks from this size on are mapped one by one. Smaller ones are worth keeping: a mapping costs a page fault for every 4 kB.
#[cfg(target_os = "linux")]
const LARGE: usize = 1 << 20;
/// Blocks from this size on ask for huge pages, where the system gives them to who asks: what is held is given back sooner. (Of 111 cancels
/// amid trainings of a million rows the slowest hundredth took 68 ms, the median 10; without, 121 and 22.)
#[cfg(target_os = "linux")]
const HUGE: usize = 1 << 22;
/// What a thread may hold or give back before the others hear of it: one shared counter for each small block would make threads wait.
const STEP: usize = 1 << 16;

/// Bytes held by all threads, less what each has not told yet.
static HELD: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Bytes since this thread last told.
    static UNTOLD: Cell<isize> = const { Cell::new(0) };
}

/// The bytes that the library holds, right to [`STEP`] a thread.
pub(crate) fn held() -> usize {
    usize::try_from(HELD.load(Relaxed)).unwrap_or(0)
}

/// Gives back to the system what was freed in small blocks: at the end of a phase, since it looks through all that is free.
pub(crate) fn trim() {
    // SAFETY: a call without preconditions; it takes the allocator's own locks.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What the system keeps beside a small block, with the rounding.
const fn taken(size: usize) -> isize {
    size.saturating_add(16).cast_signed()
}

fn count(bytes: isize) {
    // A thread that is ending has no cell any more; it frees little then.
    let _ = UNTOLD.try_with(|untold| {
        let sum = untold.get().saturating_add(bytes);
        if sum.unsigned_abs() < STEP {
            untold.set(sum);
        } else {
            untold.set(0);
            HELD.fetch_add(sum, Relaxed);
        }
    });
}

struct Counted;

// SAFETY: every block comes from `get` and goes back by `put`, which choose the same road for the same layout; no call unwinds.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout.
        counted(once_more(layout.size(), || unsafe { get(layout, false) }), layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout.
        counted(once_more(layout.size(), || unsafe { get(layout, true) }), layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-taken(layout.size()));
        // SAFETY: the caller's block, which `get` gave for this layout.
        unsafe { put(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for block, layout and size; where it fails the block stays as it was.
        let new = once_more(size, || unsafe { resize(block, layout, size) });
        if !new.is_null() {
            count(taken(size) - taken(layout.size()));
        }
        new
    }
}

/// Asks again after the last reserve was given up for it, where the system has no more.
#[inline]
fn once_more(size: usize, ask: impl Fn() -> *mut u8) -> *mut u8 {
    let block = ask();
    if block.is_null() && reserve::give_up(size) { ask() } else { block }
}

fn counted(block: *mut u8, size: usize) -> *mut u8 {
    if !block.is_null() {
        count(taken(size));
    }
    block
}

#[cfg(target_os = "linux")]
const fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= 4096
}

/// # Safety
/// As [`GlobalAlloc::alloc`].
#[cfg(target_os = "linux")]
unsafe fn get(layout: Layout, zeroed: bool) -> *mut u8 {
    if is_large(layout) {
        // SAFETY: a fresh private mapping; pages are aligned to 4096 and zero.
        let block = unsafe {
            let (rights, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let block = libc::mmap(std::ptr::null_mut(), layout.size(), rights, how, -1, 0);
            if layout.size() >= HUGE && block != libc::MAP_FAILED {
                // A wish: what comes of it does not matter.
                libc::madvise(block, layout.size(), libc::MADV_HUGEPAGE);
            }
            block
        };
        return if block == libc::MAP_FAILED { std::ptr::null_mut() } else { block.cast() };
    }
    // SAFETY: the caller's layout.
    unsafe { if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) } }
}

/// # Safety
/// `block` came from [`get`] or [`resize`] with this layout.
#[cfg(target_os = "linux")]
unsafe fn put(block: *mut u8, layout: Layout) {
    // SAFETY: a mapping of that length, or a block of the system's allocator, as `get` chose by the layout.
    unsafe {
        if is_large(layout) {
            libc::munmap(block.cast(), layout.size());
        } else {
            System.dealloc(block, layout);
        }
    }
}

/// # Safety
/// As [`GlobalAlloc::realloc`].
#[cfg(target_os = "linux")]
unsafe fn resize(block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
    // SAFETY: the caller promises that `size`, rounded up to the alignment, fits; each branch treats the block as `get` made it.
    unsafe {
        let new = Layout::from_size_align_unchecked(size, layout.align());
        match (is_large(layout), is_large(new)) {
            (false, false) => System.realloc(block, layout, size),
            (true, true) => {
                let moved = libc::mremap(block.cast(), layout.size(), size, libc::MREMAP_MAYMOVE);
                if moved == libc::MAP_FAILED { std::ptr::null_mut() } else { moved.cast() }
            }
            _ => {
                let to = get(new, false);
                if !to.is_null() {
                    std::ptr::copy_nonoverlapping(block, to, layout.size().min(size));
                    put(block, layout);
                }
                to
            }
        }
    }
}

/// # Safety
/// As [`GlobalAlloc::alloc`].
#[cfg(not(target_os = "linux"))]
unsafe fn get(layout: Layout, zeroed: bool) -> *mut u8 {
    // SAFETY: the caller's layout.
    unsafe { if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) } }
}

/// # Safety
/// As [`GlobalAlloc::dealloc`].
#[cfg(not(target_os = "linux"))]
unsafe fn put(block: *mut u8, layout: Layout) {
    // SAFETY: the caller's block and layout.
    unsafe { System.dealloc(block, layout) }
}

/// # Safety
/// As [`GlobalAlloc::realloc`].
#[cfg(not(target_os = "linux"))]
unsafe fn resize(block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
    // SAFETY: the caller vouches for block, layout and size.
    unsafe { System.realloc(block, layout, size) }
}
