//! Long work beside the backend: the engine computes on threads that never see Postgres or a signal, the backend's own thread waits and
//! answers what Postgres asks of it meanwhile.

use crate::base::{Budget, Context, Epoch, Error, Result, Watch, interrupts};
use crate::pg::backend::error::{from_panic, raise};
use crate::pg::backend::settings;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often the backend looks whether it is asked for something. Tried with 10 ms, a cancel is seen after 6 to 16 ms; with no look at all
/// after 3.5 s, and DROP DATABASE of another database hung for 4.7 s, with looks .28.
const TICK: Duration = Duration::from_millis(5);

/// What can be shown of work under way.
pub(crate) enum Shown {
    /// An epoch is done.
    Epoch(Epoch),
    /// Another part of it begins.
    Phase(String),
    /// So many steps of this part are done, of so many at most.
    Done(u64, u64),
    /// Nothing new; said every few milliseconds.
    Waiting,
}

/// What the worker tells the backend.
enum Said<R> {
    Shown(Shown),
    Done(R),
}

struct Listener<R> {
    cancel: Arc<AtomicBool>,
    said: Sender<Said<R>>,
}

impl<R: Send> Watch for Listener<R> {
    fn cancelled(&self) -> bool {
        self.cancel.load(Relaxed)
    }

    fn epoch(&self, epoch: &Epoch) {
        // A backend that listens no more has set `cancel` already.
        let _ = self.said.send(Said::Shown(Shown::Epoch(epoch.clone())));
    }

    fn phase(&self, phase: &str) {
        let _ = self.said.send(Said::Shown(Shown::Phase(phase.to_owned())));
    }

    fn done(&self, done: u64, of: u64) {
        let _ = self.said.send(Said::Shown(Shown::Done(done, of)));
    }
}

/// With what a worker unwinds that is asked to end where no [`Context`] is at hand.
struct Stopped;

thread_local! {
    static CANCEL: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// From now on [`interrupts::check`] on this thread unwinds when `cancel` is set: without a message, for nothing is wrong.
fn stop_by(cancel: Arc<AtomicBool>) {
    CANCEL.set(Some(cancel));
    interrupts::watch(|| {
        if CANCEL.with_borrow(|c| c.as_ref().is_some_and(|c| c.load(Relaxed))) {
            resume_unwind(Box::new(Stopped));
        }
    });
}

/// Runs `work` on threads of its own and waits for it, within the session's settings for threads.
///
/// A cancel, a timeout or a termination stops the work first and is raised then: no worker ever runs while the backend unwinds or exits.
/// Anything else that Postgres asks (barriers, memory reports) is answered while the work goes on. `shown` gets each epoch as it ends, each
/// part of the work as it begins, and is called every few milliseconds in between.
///
/// # Errors
/// Those of `work`; [`crate::base::Code::OutOfMemory`] when the system gives no threads.
pub(crate) fn run<R: Send>(
    seed: u64,
    budget: &Budget,
    mut shown: impl FnMut(Shown),
    work: impl FnOnce(&Context<'_>) -> Result<R> + Send,
) -> Result<R> {
    let cancel = Arc::new(AtomicBool::new(false));
    let workers = Arc::clone(&cancel);
    let pool = settings::pool(move || stop_by(Arc::clone(&workers)))?;
    let (said, heard) = channel::<Said<R>>();
    let listener = Listener { cancel, said };
    let outcome = std::thread::scope(|scope| {
        let _stop = CancelOnDrop(&listener.cancel);
        let (watch, pool) = (&listener, &pool);
        let worker = settings::with_signals_blocked(|| {
            std::thread::Builder::new().name("affinity".into()).spawn_scoped(scope, move || {
                stop_by(Arc::clone(&watch.cancel));
                let done = work(&Context { seed, pool, budget, watch })?;
                let _ = watch.said.send(Said::Done(done));
                Ok::<(), Error>(())
            })
        });
        let worker = worker.map_err(|e| {
            Error::new(crate::base::Code::OutOfMemory, "could not start a worker thread").detail(format!("The system says: {e}."))
        })?;
        let mut result = None;
        while result.is_none() && !worker.is_finished() {
            match heard.recv_timeout(TICK) {
                Ok(Said::Shown(what)) => shown(what),
                Ok(Said::Done(r)) => result = Some(r),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => shown(Shown::Waiting),
            }
            if must_stop() {
                watch.cancel.store(true, Relaxed);
                break;
            }
        }
        match worker.join() {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(e),
            Err(panic) if panic.is::<Stopped>() => return Err(Error::cancelled()),
            Err(panic) => return Err(from_panic(panic.as_ref())),
        }
        // What was said between the last look and the end.
        for said in heard.try_iter() {
            match said {
                Said::Shown(what) => shown(what),
                Said::Done(r) => result = Some(r),
            }
        }
        result.ok_or_else(|| Error::internal("A worker ended without a result."))
    });
    // No worker runs any more: an ERROR or FATAL from here is safe, and its words are those of the true cause.
    pgrx::check_for_interrupts!();
    if !postmaster_lives() {
        raise(Error::cancelled());
    }
    outcome
}

/// Whether the work must end now. Requests that it can outlive are answered here.
fn must_stop() -> bool {
    // SAFETY: flags of this backend that its signal handlers set; ProcessInterrupts is called from its own thread, where raising is safe:
    // the unwinding scope stops and joins the worker.
    unsafe {
        if pg_sys::InterruptPending != 0 {
            if pg_sys::QueryCancelPending != 0 || pg_sys::ProcDiePending != 0 {
                return true;
            }
            pg_sys::ProcessInterrupts();
        }
    }
    !postmaster_lives()
}

fn postmaster_lives() -> bool {
    // SAFETY: a system call without arguments and a global.
    unsafe { libc::getppid() == pg_sys::PostmasterPid }
}

struct CancelOnDrop<'a>(&'a AtomicBool);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
