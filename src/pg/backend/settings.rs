//! The settings `affinity.*`: what a session may use, bounded by what a superuser allows.

use crate::base::{Budget, Pool, Result};
use crate::pg::backend::{allocator, compat};
use pgrx::pg_sys;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::time::Duration;

/// Threads of one training or evaluation; 0 takes max_parallel_maintenance_workers, as index builds do.
static THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
/// The bound that a superuser sets for [`THREADS`]; 0 takes max_parallel_workers.
static MAX_THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
/// Memory of one call in kB: in 1 GB twenty numbers of four million rows, as they are read and as they are encoded (640 MB), leave room for
/// a network.
static MEMORY: GucSetting<i32> = GucSetting::<i32>::new(1 << 20);
/// The bound that a superuser sets for [`MEMORY`] in kB: with the default of 4 GB a stranger's training cannot empty a common server.
static MAX_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(4 << 20);
/// Weights that a backend keeps at hand, in kB.
static CACHE_SIZE: GucSetting<i32> = GucSetting::<i32>::new(256 << 10);

/// What one role may store in models, in MB: a shop's models take tens of MB each, three versions of which are kept.
static MAX_STORED: GucSetting<i32> = GucSetting::<i32>::new(4096);

/// Whether sessions map the weights of deployed versions from files that they share. For superusers: the files take up the server's disk.
static SHARED_WEIGHTS: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Seconds between two notices of how far a call is; 0: none.
static PROGRESS_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(10);

/// Days for which the runs of trainings are kept; -1: for ever.
static KEEP_RUNS: GucSetting<i32> = GucSetting::<i32>::new(90);

/// Background refreshes that go on at once in the server. The workers are those of parallel queries and replication, too, eight by default.
static MAX_WORKERS: GucSetting<i32> = GucSetting::<i32>::new(2);

/// Registers the settings and claims their prefix.
pub(crate) fn register() {
    GucRegistry::define_int_guc(
        c"affinity.threads",
        c"Threads that a training may use.",
        c"0 takes max_parallel_maintenance_workers; never more than affinity.max_threads.",
        &THREADS,
        0,
        1024,
        GucContext::Userset,
        GucFlags::empty(),
    );
    GucRegistry::define_int_guc(
        c"affinity.max_threads",
        c"The most threads that affinity.threads can give.",
        c"0 takes max_parallel_workers.",
        &MAX_THREADS,
        0,
        1024,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_int_guc(
        c"affinity.memory",
        c"Memory that one call may use.",
        c"Rows that are read and the model that is trained are counted; never more than affinity.max_memory.",
        &MEMORY,
        1024,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"affinity.max_memory",
        c"The most memory that affinity.memory can give.",
        c"",
        &MAX_MEMORY,
        1024,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"affinity.cache_size",
        c"Memory in which a session keeps the models that it scores with.",
        c"The least recently used model goes first.",
        &CACHE_SIZE,
        1024,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"affinity.max_stored",
        c"What the models of one role may take in the database.",
        c"-1 sets no limit; superusers have none.",
        &MAX_STORED,
        -1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_bool_guc(
        c"affinity.shared_weights",
        c"Whether sessions share one copy of the weights of a deployed model.",
        c"They map a file among the server's temporary files, which is made when it is missing; off: each reads a copy of its own.",
        &SHARED_WEIGHTS,
        GucContext::Suset,
        GucFlags::empty(),
    );
    register_what_is_told();
    compat::reserve_prefix(c"affinity");
}

fn register_what_is_told() {
    GucRegistry::define_int_guc(
        c"affinity.progress_interval",
        c"Time between two notices of how far a long call is.",
        c"0 says nothing.",
        &PROGRESS_INTERVAL,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_int_guc(
        c"affinity.keep_runs",
        c"Days for which affinity.runs keeps the run of a training.",
        c"-1 keeps all.",
        &KEEP_RUNS,
        -1,
        36_500,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_int_guc(
        c"affinity.max_workers",
        c"Background refreshes that go on at once in the server.",
        c"They take workers of max_worker_processes, which parallel queries and replication need, too.",
        &MAX_WORKERS,
        0,
        1024,
        GucContext::Suset,
        GucFlags::empty(),
    );
}

/// How many threads a call may use: at least 1.
pub(crate) fn threads() -> usize {
    // SAFETY: plain integers of the backend's own thread.
    let (asked, allowed) = unsafe { (pg_sys::max_parallel_maintenance_workers, pg_sys::max_parallel_workers) };
    let or = |set: i32, default: i32| if set == 0 { default } else { set };
    usize::try_from(or(THREADS.get(), asked).min(or(MAX_THREADS.get(), allowed)).max(1)).unwrap_or(1)
}

/// `affinity.memory` in kB and `affinity.threads`, as the session has set them.
pub(crate) fn asked_for() -> (i32, i32) {
    (MEMORY.get(), THREADS.get())
}

/// How many bytes a call may use.
pub(crate) fn memory() -> usize {
    kilobytes(MEMORY.get().min(MAX_MEMORY.get()))
}

/// How many bytes a role may store; none where there is no limit.
pub(crate) fn max_stored() -> Option<u64> {
    u64::try_from(MAX_STORED.get()).ok().map(|megabytes| megabytes << 20)
}

/// For how many days runs are kept; none: for ever.
pub(crate) fn keep_runs() -> Option<i32> {
    Some(KEEP_RUNS.get()).filter(|days| *days >= 0)
}

/// How many background refreshes go on at once.
pub(crate) fn max_workers() -> i64 {
    i64::from(MAX_WORKERS.get())
}

/// How many bytes of weights a backend keeps.
pub(crate) fn cache_size() -> usize {
    kilobytes(CACHE_SIZE.get().min(MAX_MEMORY.get()))
}

/// Whether weights are shared by sessions.
pub(crate) fn shared_weights() -> bool {
    SHARED_WEIGHTS.get()
}

/// Time between two notices of how far a call is; nothing: none is wanted.
pub(crate) fn progress_interval() -> Duration {
    Duration::from_secs(u64::try_from(PROGRESS_INTERVAL.get()).unwrap_or(0))
}

/// The budget of one call, from now on.
pub(crate) fn budget() -> Budget {
    Budget::metered(memory(), allocator::held, allocator::trim)
}

/// The threads of one call. All signals are blocked in the workers: they inherit the mask, so that no handler of Postgres ever runs in
/// them.
///
/// # Errors
/// As [`Pool::beginning`].
pub(crate) fn pool(begin: impl Fn() + Send + Sync + 'static) -> Result<Pool> {
    with_signals_blocked(|| Pool::beginning(threads(), begin))
}

/// Runs `f` while this thread takes no signal; threads born in it never will.
pub(crate) fn with_signals_blocked<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(libc::sigset_t);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the mask that pthread_sigmask gave us.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
        }
    }
    // SAFETY: both sets are local and initialised by libc; the guard restores the mask also on a panic.
    let _restore = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        Restore(old)
    };
    f()
}

fn kilobytes(n: i32) -> usize {
    usize::try_from(n).unwrap_or(0).saturating_mul(1024)
}
