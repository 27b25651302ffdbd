//! How far a training is, for other sessions to see: a small file a backend, beside Postgres's own temporary files.
//!
//! Rows of a table would not be seen before the training commits, and shared memory needs a preloaded library. Postgres removes files of
//! this prefix when it starts and leaves them out of base backups; a file that a killed backend left behind is told from a live one by
//! the time at which its process started.

use crate::base::Epoch;
use crate::pg::backend::interrupts::Shown;
use crate::pg::query::owner;
use pgrx::pg_sys;
use serde::{Deserialize, Serialize};
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
    /// `reading`, `training`, `fitting ease`, `choosing recency`, `weighing`, `judging`, `saving`.
    pub phase: String,
    /// The last epoch that ended.
    pub epoch: Option<u32>,
    /// Its loss on the training rows.
    pub train_loss: Option<f64>,
    /// Its loss on the validation rows.
    pub valid_loss: Option<f64>,
}

/// The training of this backend. The file goes with it.
pub(crate) struct Progress {
    job: Job,
    written: Option<Instant>,
}

impl Progress {
    /// A training of `model` begins, by reading.
    pub(crate) fn begin(model: &str) -> Self {
        // SAFETY: plain globals of this backend.
        let (pid, process_started, database) = unsafe { (pg_sys::MyProcPid, pg_sys::MyStartTimestamp, pg_sys::MyDatabaseId.to_u32()) };
        let job = Job {
            pid,
            process_started,
            database,
            role: owner::current().to_u32(),
            model: model.to_owned(),
            phase: "reading".into(),
            epoch: None,
            train_loss: None,
            valid_loss: None,
        };
        let mut progress = Self { job, written: None };
        progress.write();
        progress
    }

    /// The next part of the work begins.
    pub(crate) fn phase(&mut self, phase: &str) {
        phase.clone_into(&mut self.job.phase);
        self.write();
    }

    /// What the work says of itself.
    pub(crate) fn show(&mut self, shown: &Shown) {
        match shown {
            Shown::Epoch(epoch) => self.epoch(epoch),
            Shown::Phase(phase) => {
                // The epochs of another part are not this one's.
                (self.job.epoch, self.job.train_loss, self.job.valid_loss) = (None, None, None);
                self.phase(phase)
            }
        }
    }

    fn epoch(&mut self, epoch: &Epoch) {
        self.job.epoch = Some(epoch.epoch);
        self.job.train_loss = Some(epoch.train_loss);
        self.job.valid_loss = epoch.valid_loss;
        if self.written.is_none_or(|t| t.elapsed() >= PAUSE) {
            self.write();
        }
    }

    /// Nobody's training fails because it cannot be watched: errors of the file system are passed over.
    fn write(&mut self) {
        self.written = Some(Instant::now());
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

/// The trainings in this database that the current role may see: of roles whose rights it has. Those of dead processes may be among them.
pub(crate) fn jobs() -> Vec<Job> {
    let Ok(folder) = std::fs::read_dir(FOLDER) else { return Vec::new() };
    let files = folder.flatten().filter(|f| f.file_name().to_string_lossy().strip_prefix(PREFIX).is_some_and(|p| p.parse::<i32>().is_ok()));
    let jobs = files.filter_map(|f| serde_json::from_slice::<Job>(&std::fs::read(f.path()).ok()?).ok());
    // SAFETY: a global, and catalogue look-ups by oid.
    jobs.filter(|j| unsafe {
        j.database == pg_sys::MyDatabaseId.to_u32() && pg_sys::has_privs_of_role(owner::current(), pg_sys::Oid::from(j.role))
    })
    .collect()
}

fn path(end: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{PREFIX}{end}"))
}
