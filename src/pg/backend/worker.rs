//! A background worker of ours: started by a session, as that session's user, for one run.

use crate::base::{Code, Error, Result};
use crate::pg::backend::settings;
use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder};
use pgrx::pg_sys;
use std::ffi::CString;

/// What `pg_stat_activity.backend_type` calls a worker.
pub(crate) const WORKER: &str = "pg_affinity refresh";

/// What a worker is told by the session that starts it: all that it can be, in 128 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// The key of what it is to do.
    pub id: [u8; 16],
    database: u32,
    /// The user of the session, and the role of its SET ROLE.
    session: u32,
    role: u32,
    role_is_superuser: bool,
    /// affinity.memory in kB and affinity.threads, as the session has them.
    memory: i32,
    threads: i32,
}

impl Task {
    /// For this session, which has `id` done.
    pub(crate) fn new(id: [u8; 16]) -> Self {
        let (memory, threads) = settings::asked_for();
        // SAFETY: plain globals of this backend, and a catalogue look-up by oid.
        unsafe {
            let (session, role) = (pg_sys::GetSessionUserId(), pg_sys::GetOuterUserId());
            Self {
                id,
                database: pg_sys::MyDatabaseId.to_u32(),
                session: session.to_u32(),
                role: role.to_u32(),
                role_is_superuser: pg_sys::superuser_arg(role),
                memory,
                threads,
            }
        }
    }

    fn write(&self) -> String {
        let Self { database, session, role, memory, threads, .. } = self;
        format!("{:032x} {database} {session} {role} {} {memory} {threads}", u128::from_be_bytes(self.id), u8::from(self.role_is_superuser))
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let id = u128::from_str_radix(words.next()?, 16).ok()?.to_be_bytes();
        let mut oid = || words.next()?.parse::<u32>().ok();
        let (database, session, role, superuser) = (oid()?, oid()?, oid()?, oid()?);
        let mut number = || words.next()?.parse::<i32>().ok();
        Some(Self { id, database, session, role, role_is_superuser: superuser != 0, memory: number()?, threads: number()? })
    }

    /// Has a worker do it, by the function that the library exports as `entry`.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] where no worker is free.
    pub(crate) fn start(&self, entry: &str, name: &str) -> Result<()> {
        let worker = BackgroundWorkerBuilder::new(name)
            .set_type(WORKER)
            .set_library("pg_affinity")
            .set_function(entry)
            .set_extra(&self.write())
            .set_restart_time(None)
            .enable_spi_access();
        worker.load_dynamic().map(drop).map_err(|_| {
            Error::new(Code::LimitExceeded, "no background worker is free")
                .detail("max_worker_processes bounds all of the server: of parallel queries, replication and extensions.")
                .hint("Ask again later, CALL affinity.refresh in a session, or have max_worker_processes raised.")
        })
    }

    /// Of this process, which is a worker: connects it as the session that started it was.
    pub(crate) fn connect() -> Option<Self> {
        let task = Self::read(BackgroundWorker::get_extra())?;
        // SAFETY: a worker before it is connected. `die` is what sessions answer a SIGTERM with: it ends the work where that may end, which
        // the handler that workers begin with does not.
        unsafe {
            libc::signal(libc::SIGTERM, pg_sys::die as *const () as libc::sighandler_t);
            pg_sys::BackgroundWorkerUnblockSignals();
            pg_sys::BackgroundWorkerInitializeConnectionByOid(pg_sys::Oid::from(task.database), pg_sys::Oid::from(task.session), 0);
            // What the session began as may be otherwise now, and what a worker begins as is what is set for its user.
            if pg_sys::GetOuterUserId().to_u32() != task.role {
                pg_sys::SetCurrentRoleId(pg_sys::Oid::from(task.role), task.role_is_superuser);
            }
        }
        set(c"affinity.memory", task.memory);
        set(c"affinity.threads", task.threads);
        Some(task)
    }
}

/// What other sessions see of this worker as its query.
pub(crate) fn does(what: &str) {
    let Ok(what) = CString::new(what) else { return };
    // SAFETY: copied into shared memory.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, what.as_ptr());
    }
}

fn set(name: &std::ffi::CStr, value: i32) {
    let Ok(value) = CString::new(value.to_string()) else { return };
    // SAFETY: NUL-terminated strings, copied; outside of a transaction, as the settings of a role are.
    unsafe {
        pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), pg_sys::GucContext::PGC_USERSET, pg_sys::GucSource::PGC_S_SESSION);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_fits_and_comes_back() {
        let (database, session, role) = (u32::MAX, u32::MAX - 1, u32::MAX - 2);
        let task = Task { id: [255; 16], database, session, role, role_is_superuser: true, memory: i32::MAX, threads: 1024 };
        assert!(task.write().len() < 128);
        assert_eq!(Task::read(&task.write()), Some(task));
        assert_eq!((Task::read(""), Task::read("1 2 3"), Task::read("x 1 2 3 0 5 6")), (None, None, None));
    }
}
