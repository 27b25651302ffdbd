//! How far a training is, for other sessions to see: a small file a backend, beside Postgres's own temporary files.
//!
//! Rows of a table would not be seen before the training commits, and shared memory needs a preloaded library. Postgres removes files of
//! this prefix when it starts and leaves them out of base backups; a file that a killed backend left behind is told from a live one by
//! the time at which its process started.

use crate::base::names;
use crate::base::number::AsReal;
use crate::pg::backend::interrupts::Shown;
use crate::pg::backend::progress_notices::{Notices, Part};
use crate::pg::query::owner;
use pgrx::pg_sys;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs::DirEntry;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const FOLDER: &str = "base/pgsql_tmp";
const PREFIX: &str = "pgsql_tmp_affinity_progress.";
/// Writes are at least so far apart.
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The backend's process.
    pub pid: i32,
    /// When that process started: microseconds since 2000-01-01 (UTC).
    pub process_started: i64,
    /// The database.
    pub database: u32,
    /// The role whose model it is.
    pub role: u32,
    /// The model.
    pub model: String,
    /// The kind that is trained.
    pub kind: String,
    /// Rows or events that were read; none before they are.
    pub rows: Option<u64>,
    /// What is under way.
    pub part: Part,
    /// When this was written: microseconds since 2000-01-01 (UTC).
    pub written: i64,
}

impl Job {
    /// Seconds that the part under way takes at most, if it goes on so.
    pub(crate) fn seconds_left(&self) -> Option<f64> {
        // SAFETY: reads the clock.
        let now = unsafe { pg_sys::GetCurrentTimestamp() };
        self.part.left(now.saturating_sub(self.written).real() / 1e6)
    }
}

/// The training of this backend. The file goes with it.
pub(crate) struct Progress {
    job: Job,
    notices: Notices,
    written: Option<Instant>,
}

impl Progress {
    /// A training of `model`, of this kind, begins, by reading.
    pub(crate) fn begin(model: &str, kind: &str) -> Self {
        sweep();
        // SAFETY: plain globals of this backend.
        let (pid, process_started, database) = unsafe { (pg_sys::MyProcPid, pg_sys::MyStartTimestamp, pg_sys::MyDatabaseId.to_u32()) };
        let job = Job {
            pid,
            process_started,
            database,
            role: owner::current().to_u32(),
            model: model.to_owned(),
            kind: kind.to_owned(),
            rows: None,
            part: Part::default(),
            written: 0,
        };
        let notices = Notices::new(format!("model \"{}\" ({})", names::shown(model), names::shown(kind)));
        let mut progress = Self { job, notices, written: None };
        progress.phase("reading");
        progress
    }

    /// The next part of the work begins.
    pub(crate) fn phase(&mut self, phase: &str) {
        self.notices.phase(phase);
        self.write();
    }

    /// So many rows or events were read.
    pub(crate) fn rows(&mut self, rows: usize) {
        self.job.rows = u64::try_from(rows).ok();
    }

    /// Rows that were read, and the seconds of each phase so far, in thousandths.
    pub(crate) fn so_far(&mut self) -> (Option<u64>, Map<String, Value>) {
        let seconds = self.notices.seconds().iter().map(|(name, s)| (name.clone(), json!((s * 1000.0).round() / 1000.0)));
        (self.job.rows, seconds.collect())
    }

    /// What the work says of itself.
    pub(crate) fn show(&mut self, shown: &Shown) {
        self.notices.show(shown);
        let written = || self.written.is_none_or(|t| t.elapsed() >= PAUSE);
        match shown {
            Shown::Phase(_) => self.write(),
            Shown::Epoch(_) | Shown::Done(..) if written() => self.write(),
            _ => {}
        }
    }

    /// Nobody's training fails because it cannot be watched: errors of the file system are passed over.
    fn write(&mut self) {
        self.written = Some(Instant::now());
        self.job.part.clone_from(&self.notices.part);
        // SAFETY: reads the clock.
        self.job.written = unsafe { pg_sys::GetCurrentTimestamp() };
        let Ok(text) = serde_json::to_vec(&self.job) else { return };
        // A new file in the old one's place: a reader never sees half of one.
        let fresh = path(&format!("{}.new", self.job.pid));
        if std::fs::create_dir_all(FOLDER).and_then(|()| std::fs::write(&fresh, text)).is_ok() {
            let _ = std::fs::rename(&fresh, path(&self.job.pid.to_string()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(path(&self.job.pid.to_string()));
    }
}

/// Removes the files of processes that are no sessions any more: of killed ones, where Postgres does not do so itself
/// (`remove_temp_files_after_crash`). Whose number a session has got since stays until that one trains or ends.
pub(crate) fn sweep() {
    for (file, end) in files() {
        // SAFETY: looks through the list of running sessions, under its lock.
        let gone = |pid| unsafe { pg_sys::BackendPidGetProc(pid) }.is_null();
        if end.trim_end_matches(".new").parse().is_ok_and(gone) {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// The trainings in this database that the current role may see: of roles whose rights it has. Those of dead processes may be among them.
pub(crate) fn jobs() -> Vec<Job> {
    let whole = files().filter(|(_, end)| end.parse::<i32>().is_ok());
    let jobs = whole.filter_map(|(file, _)| serde_json::from_slice::<Job>(&std::fs::read(file).ok()?).ok());
    // SAFETY: a global, and catalogue look-ups by oid.
    jobs.filter(|j| unsafe {
        j.database == pg_sys::MyDatabaseId.to_u32() && pg_sys::has_privs_of_role(owner::current(), pg_sys::Oid::from(j.role))
    })
    .collect()
}

/// The files, each with what comes after the prefix: a process's number, or that and `.new`.
fn files() -> impl Iterator<Item = (PathBuf, String)> {
    let ours = |f: DirEntry| Some((f.path(), f.file_name().to_str()?.strip_prefix(PREFIX)?.to_owned()));
    std::fs::read_dir(FOLDER).into_iter().flatten().flatten().filter_map(ours)
}

fn path(end: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{PREFIX}{end}"))
}
