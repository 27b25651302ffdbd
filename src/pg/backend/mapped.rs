//! Files of the server's own that are mapped to be read: memory that sessions have in common.
//!
//! Who may write into the data directory may do anything to a server, so nobody else is guarded against. What is guarded against is what is
//! there by mistake: a file is opened only where it is a plain one that belongs to the server and is nobody else's to read or write.

use std::fs::{File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::ptr::NonNull;
use std::time::{Duration, SystemTime};

/// The whole of a file, mapped to be read.
pub(crate) struct Mapped {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is only read, belongs to this value alone, and is let go when it is dropped, by whatever thread.
unsafe impl Send for Mapped {}
// SAFETY: as above; reading by several threads is no race.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// The first `length` bytes of `file`, which has as many.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn of(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at a place that the kernel chooses, of a file that is open; it does not need the file to stay open.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        match NonNull::new(at.cast()) {
            Some(at) if at.as_ptr() != libc::MAP_FAILED.cast() => Ok(Self { at, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: mapped, as long as `self` lives, with as many bytes as the file had. They do not change, since a file is renamed to its
        // place once it is written whole, and nothing of ours writes to it or cuts it afterwards; another program that does would have to be
        // the server's own user, for whom the data directory holds no secrets and no safety. A page that the disk cannot give raises SIGBUS,
        // as a fault of the disk below the server's code does.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping of `of`, of which no slice is left: they borrow from `self`.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.length) };
    }
}

/// The plain file at `path`, to be read, where it is the server's own and nobody else may touch it: no link, folder or pipe is followed or
/// waited for.
pub(crate) fn open(path: &Path) -> Option<(File, Metadata)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
        .open(path)
        .ok()?;
    let about = file.metadata().ok()?;
    is_own(&about).then_some((file, about))
}

/// Whether a file is a plain one of the server's own, for it alone.
fn is_own(about: &Metadata) -> bool {
    // SAFETY: asks for a number of the process.
    let me = unsafe { libc::geteuid() };
    about.is_file() && about.uid() == me && about.mode() & 0o7777 == 0o600
}

/// A new file at `path`, for the server alone.
///
/// # Errors
/// Those of the system; also where there is one.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path)
}

/// Gives a file this time of its last change, in whole seconds; [`sealed`] tells it as long as nothing writes to the file.
///
/// # Errors
/// Those of the system.
pub(crate) fn seal(file: &File, seconds: i64) -> io::Result<()> {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + since))
}

/// The time that [`seal`] gave; none where the file was written to afterwards.
pub(crate) fn sealed(about: &Metadata) -> Option<i64> {
    (about.mtime_nsec() == 0).then_some(about.mtime())
}

/// Notes that a file is in use, whatever the file system notes by itself.
pub(crate) fn touch(file: &File) {
    // One that cannot be noted is swept a little early, and made again.
    let _ = file.set_times(FileTimes::new().set_accessed(SystemTime::now()));
}

/// Bytes that are free to us in the file system of `folder`, and all that it has.
pub(crate) fn space(folder: &Path) -> Option<(u64, u64)> {
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: plain numbers, which the call fills in.
    let mut about: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: a path that ends in 0, and a place for the answer, both alive meanwhile.
    let result = unsafe { libc::statvfs(path.as_ptr(), &raw mut about) };
    // Their widths differ by platform.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
    let [free, all, unit] = [about.f_bavail as u64, about.f_blocks as u64, about.f_frsize as u64];
    (result == 0).then(|| (free.saturating_mul(unit), all.saturating_mul(unit)))
}
