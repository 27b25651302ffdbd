//! Memory that grows with data or parameters: bounded by a setting, and never taken in a way that could abort the server.

use crate::base::error::{Code, Error, Result};
use crate::base::interrupts;
use crate::base::number::AsReal;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Bytes beyond a limit that the allocator's count may reach: nobody books what is small.
const SLACK: usize = 4 << 20;

/// How many bytes a job may hold at once, and how many it holds. Shared by all threads of the job.
///
/// What is large is booked before it is allocated. Where the allocator counts (see [`Budget::metered`]), what nobody booked is held against
/// the limit, too: at each booking and each [`Budget::check`]. (By what was foreseen alone a limit of 60 MB saw 275: frames, twins and
/// copies for saving were not among it.)
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
    meter: Option<Meter>,
}

/// The allocator's own count.
#[derive(Debug)]
struct Meter {
    held: fn() -> usize,
    trim: fn(),
    /// What was held when the job began.
    before: usize,
    /// The ceiling of the job around this one.
    outer: usize,
}

/// What the allocator may hold while the job of a metered budget runs: [`zeros`] and [`reserve`], which know no budget, are held against it
/// before they allocate. One for the process, since a backend does one job at a time.
static CEILING: AtomicUsize = AtomicUsize::new(usize::MAX);
static HELD: OnceLock<fn() -> usize> = OnceLock::new();
/// Metered budgets that there are; without any there is no ceiling, in whatever order they went.
static METERED: AtomicUsize = AtomicUsize::new(0);
/// Bytes of a block that is not worth a look.
const SMALL: usize = 1 << 16;
/// Bytes that are written between two looks whether the work has to end. (Of memory that the system had to find first 32 MB took 90 ms.)
const AT_ONCE: usize = 4 << 20;

/// A booking of this many bytes is preceded by [`Budget::trim`].
const WORTH_TRIMMING: usize = 16 << 20;

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), peak: AtomicUsize::new(0), meter: None }
    }

    /// A budget of `limit` bytes from now on, of which `held` tells what is allocated; `trim` gives back to the system what the allocator
    /// keeps of what was freed.
    pub fn metered(limit: usize, held: fn() -> usize, trim: fn()) -> Self {
        HELD.get_or_init(|| held);
        METERED.fetch_add(1, Relaxed);
        let before = held();
        let outer = CEILING.fetch_min(with_slack(limit).saturating_add(before), Relaxed);
        Self { limit, used: AtomicUsize::new(0), peak: AtomicUsize::new(0), meter: Some(Meter { held, trim, before, outer }) }
    }

    /// A budget that never refuses, for tests and small scoring work.
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Books `bytes` for `what` ("the weights of 3 layers") until the returned [`Taken`] is dropped.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when more than the limit would be held; nothing is booked then.
    pub fn take(&self, bytes: usize, what: &str) -> Result<Taken<'_>> {
        // What was freed in small blocks before is not counted, and would stand beside what comes.
        if bytes >= WORTH_TRIMMING {
            self.trim();
        }
        let held = self.used.fetch_add(bytes, Relaxed);
        let total = held.saturating_add(bytes);
        let measured = self.measured();
        if total > self.limit || measured.saturating_add(bytes) > with_slack(self.limit) {
            self.used.fetch_sub(bytes, Relaxed);
            let held = held.max(measured);
            return Err(refused(format!("{what} needs {}, {} is held, {} is allowed.", size(bytes), size(held), size(self.limit))));
        }
        self.peak.fetch_max(total, Relaxed);
        Ok(Taken { budget: self, bytes })
    }

    /// Takes up a booking that was left with this budget.
    pub fn resume(&self, left: Left) -> Taken<'_> {
        Taken { budget: self, bytes: left.0 }
    }

    /// Looks whether more is allocated than may be, by the allocator's count (without one there is nothing to see), and whether the system
    /// has any left.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`].
    pub fn check(&self) -> Result<()> {
        check()?;
        let measured = self.measured();
        if measured > with_slack(self.limit) {
            return Err(refused(format!("The work has come to {}, {} is allowed.", size(measured), size(self.limit))));
        }
        Ok(())
    }

    /// Gives back to the system what was freed in small blocks; takes milliseconds. (The parts of a matrix of links, 117 kB each, left 150
    /// MB to a training of 448.)
    pub fn trim(&self) {
        if let Some(meter) = &self.meter {
            (meter.trim)()
        }
    }

    /// Bytes that were allocated since the job began, by the allocator's count.
    fn measured(&self) -> usize {
        self.meter.as_ref().map_or(0, |m| (m.held)().saturating_sub(m.before))
    }

    /// The most bytes that were booked at once.
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// The bytes that may be held at once.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            let last = METERED.fetch_sub(1, Relaxed) == 1;
            CEILING.store(if last { usize::MAX } else { meter.outer }, Relaxed);
        }
    }
}

/// A limit with room for what no booking counts: small blocks, rounding, what threads have not told the counter yet.
const fn with_slack(limit: usize) -> usize {
    limit.saturating_add(limit / 16).saturating_add(SLACK)
}

fn refused(detail: String) -> Error {
    Error::new(Code::OutOfMemory, "more memory needed than affinity.memory allows")
        .detail(detail)
        .hint("Train on fewer rows or a smaller model, or raise it: SET affinity.memory = '…'.")
}

/// A booking of [`Budget::take`]; given back when dropped.
#[derive(Debug)]
pub struct Taken<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Taken<'_> {
    /// Books `bytes` more under the same rules.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn grow(&mut self, bytes: usize, what: &str) -> Result<()> {
        std::mem::forget(self.budget.take(bytes, what)?);
        self.bytes += bytes;
        Ok(())
    }

    /// Leaves the booking with its budget, so that the two can move together, until [`Budget::resume`].
    pub fn leave(self) -> Left {
        let left = Left(self.bytes);
        std::mem::forget(self);
        left
    }
}

/// A booking that was left with its budget.
#[derive(Debug)]
#[must_use = "the bytes stay booked until it is resumed and dropped"]
pub struct Left(usize);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// `len` default values, or [`Code::OutOfMemory`] where the system has no room: never an abort.
///
/// # Errors
/// When the allocation fails or its size does not fit the address space.
pub fn zeros<T: Clone + Default>(len: usize) -> Result<Vec<T>> {
    let mut v = Vec::new();
    reserve(&mut v, len)?;
    // To write a gigabyte for the first time takes half a second and more, in which nobody would look at a cancel.
    let step = (AT_ONCE / size_of::<T>().max(1)).max(1);
    while len - v.len() > step {
        v.resize(v.len() + step, T::default());
        interrupts::check();
    }
    v.resize(len, T::default());
    Ok(v)
}

/// Room for `more` elements in `v`, or [`Code::OutOfMemory`], also where a metered budget has no room.
///
/// # Errors
/// When the allocation fails or its size does not fit the address space.
pub fn reserve<T>(v: &mut Vec<T>, more: usize) -> Result<()> {
    if v.capacity() - v.len() >= more {
        return Ok(());
    }
    // A vector that grows doubles.
    fits::<T>(more.max(v.len()))?;
    v.try_reserve(more).map_err(|_| no_room::<T>(more))
}

/// As [`reserve`], growing by an eighth where it grows: what is read piece by piece may be most of a budget, of which twice its size would
/// not fit. Large blocks grow in place, or by moving pages, where the system can.
///
/// # Errors
/// As [`reserve`].
pub fn reserve_slowly<T>(v: &mut Vec<T>, more: usize) -> Result<()> {
    if v.capacity() - v.len() >= more {
        return Ok(());
    }
    let room = more.max(v.len() / 8);
    fits::<T>(room)?;
    v.try_reserve_exact(room).map_err(|_| no_room::<T>(room))
}

/// Whether the job that runs may allocate `count` elements more.
fn fits<T>(count: usize) -> Result<()> {
    let bytes = count.saturating_mul(size_of::<T>());
    if bytes < SMALL {
        return Ok(());
    }
    let (held, ceiling) = (HELD.get().map_or(0, |held| held()), CEILING.load(Relaxed));
    if held.saturating_add(bytes) <= ceiling {
        return Ok(());
    }
    Err(refused(format!("A block of {} is needed, {} more may be taken.", size(bytes), size(ceiling.saturating_sub(held)))))
}

fn no_room<T>(count: usize) -> Error {
    out_of_memory(count.saturating_mul(size_of::<T>()))
}

/// Whether small allocations live on the last reserve of the process.
static SHORT: AtomicBool = AtomicBool::new(false);

/// Says that memory has run out, or that there is some again.
pub fn set_short(short: bool) {
    SHORT.store(short, Relaxed);
}

/// Refuses to go on where memory has run out so far that the last reserve was given up.
///
/// # Errors
/// [`Code::OutOfMemory`].
#[inline]
pub fn check() -> Result<()> {
    if SHORT.load(Relaxed) { Err(out_of_memory(0)) } else { Ok(()) }
}

/// The error for `bytes` that the system does not have; 0: for any at all.
#[cold]
pub fn out_of_memory(bytes: usize) -> Error {
    Error::new(Code::OutOfMemory, "out of memory")
        .detail(if bytes == 0 { "The system has no more.".into() } else { format!("Could not allocate {}.", size(bytes)) })
        .hint("Train on fewer rows or a smaller model.")
}

/// A copy of `values`, or [`Code::OutOfMemory`].
///
/// # Errors
/// As [`reserve`].
pub fn copy<T: Copy>(values: &[T]) -> Result<Vec<T>> {
    let mut v = Vec::new();
    reserve(&mut v, values.len())?;
    v.extend_from_slice(values);
    Ok(v)
}

/// Puts `text` into `into` in place of what it held, or [`Code::OutOfMemory`].
///
/// # Errors
/// When the allocation fails.
pub fn replace(into: &mut String, text: &str) -> Result<()> {
    into.clear();
    into.try_reserve(text.len()).map_err(|_| out_of_memory(text.len()))?;
    into.push_str(text);
    Ok(())
}

/// Whether the system has `bytes` now, for what allocates without asking: right after, and on this thread alone, it will get them.
///
/// # Errors
/// [`Code::OutOfMemory`].
pub fn room(bytes: usize) -> Result<()> {
    reserve(&mut Vec::<u8>::new(), bytes)
}

/// Bytes for people: `512 bytes`, `3.5 MB`.
pub fn size(bytes: usize) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut x = bytes.real() / 1024.0;
    let mut unit = 0;
    while x >= 1024.0 && unit < 3 {
        x /= 1024.0;
        unit += 1;
    }
    format!("{x:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_refuses_what_it_does_not_have_and_gives_back() {
        let b = Budget::new(1000);
        let a = b.take(600, "a").unwrap();
        assert_eq!(b.take(500, "b").unwrap_err().code, Code::OutOfMemory);
        drop(a);
        let mut c = b.take(500, "c").unwrap();
        assert!(c.grow(501, "d").is_err());
        c.grow(500, "e").unwrap();
        drop(c);
        assert_eq!(b.used.load(Relaxed), 0);
        assert_eq!(b.peak(), 1000);
    }

    #[test]
    fn an_impossible_allocation_is_an_error() {
        assert_eq!(zeros::<f64>(usize::MAX / 4).unwrap_err().code, Code::OutOfMemory);
        assert_eq!(zeros::<f32>(3).unwrap(), [0.0; 3]);
    }
}
