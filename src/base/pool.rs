//! The threads of one job: a rayon pool of the size that the caller asks for. Never rayon's global one: no setting of ours bounds it, and
//! nothing keeps from its workers the signals that are meant for Postgres.

use crate::base::{Code, Error, Result, interrupts};

/// A pool of worker threads. One thread means: everything runs on the calling thread.
#[derive(Debug)]
pub struct Pool {
    threads: usize,
    inner: Option<rayon::ThreadPool>,
}

impl Pool {
    /// A pool of `threads` workers (0 counts as 1). The workers inherit the signal mask of the calling thread.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        Self::beginning(threads, || {})
    }

    /// [`Pool::new`], whose workers each call `begin` first: how they look whether to end ([`interrupts::watch`]).
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn beginning(threads: usize, begin: impl Fn() + Send + Sync + 'static) -> Result<Self> {
        let threads = threads.max(1);
        if threads == 1 {
            return Ok(Self::single());
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("affinity {i}"));
        let inner = builder.start_handler(move |_| begin()).build().map_err(|e| {
            Error::new(Code::OutOfMemory, "could not start worker threads")
                .detail(format!("{threads} threads were asked for: {e}."))
                .hint("Ask for fewer: SET affinity.threads = 1.")
        })?;
        Ok(Self { threads, inner: Some(inner) })
    }

    /// A pool without workers.
    pub const fn single() -> Self {
        Self { threads: 1, inner: None }
    }

    /// How many threads work at once.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `f` inside the pool, so that rayon's calls within it use these threads; on the calling thread without workers.
    pub fn run<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        match &self.inner {
            Some(p) => p.install(f),
            None => f(),
        }
    }

    /// Calls `f(i)` for every `i` below `n`, spread over the threads, and looks before each whether to end ([`interrupts::check`]). The work
    /// of one `i` must not depend on the thread count.
    pub fn each(&self, n: usize, f: impl Fn(usize) + Sync + Send) {
        use rayon::prelude::*;
        let f = |i| {
            interrupts::check();
            f(i);
        };
        match &self.inner {
            Some(p) if n > 1 => p.install(|| (0..n).into_par_iter().for_each(f)),
            _ => (0..n).for_each(f),
        }
    }

    /// Like [`Pool::each`] over the parts of a slice: `f(i, part)` for each `parts[i]`.
    pub fn each_mut<T: Send>(&self, parts: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
        use rayon::prelude::*;
        let f = |i, part: &mut T| {
            interrupts::check();
            f(i, part);
        };
        match &self.inner {
            Some(p) if parts.len() > 1 => p.install(|| parts.par_iter_mut().enumerate().for_each(|(i, x)| f(i, x))),
            _ => parts.iter_mut().enumerate().for_each(|(i, x)| f(i, x)),
        }
    }
}
