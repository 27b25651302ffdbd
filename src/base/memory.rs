//! Memory that grows with data or parameters: bounded by a setting, and never taken in a way that could abort the server.

use crate::base::error::{Code, Error, Result};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// How many bytes a job may hold at once, and how many it holds. Shared by all threads of the job.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
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
        let held = self.used.fetch_add(bytes, Relaxed);
        let total = held.saturating_add(bytes);
        if total > self.limit {
            self.used.fetch_sub(bytes, Relaxed);
            return Err(Error::new(Code::OutOfMemory, "more memory needed than affinity.memory allows")
                .detail(format!("{what} needs {}, {} is held, {} is allowed.", size(bytes), size(held), size(self.limit)))
                .hint("Train on fewer rows or a smaller model, or raise it: SET affinity.memory = '…'."));
        }
        self.peak.fetch_max(total, Relaxed);
        Ok(Taken { budget: self, bytes })
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
}

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
    v.resize(len, T::default());
    Ok(v)
}

/// Room for `more` elements in `v`, or [`Code::OutOfMemory`].
///
/// # Errors
/// When the allocation fails or its size does not fit the address space.
pub fn reserve<T>(v: &mut Vec<T>, more: usize) -> Result<()> {
    v.try_reserve(more).map_err(|_| out_of_memory(more.saturating_mul(std::mem::size_of::<T>())))
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
    let mut x = bytes as f64 / 1024.0;
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
