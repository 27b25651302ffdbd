//! The weights of a deployed version as a file that every session maps: one copy of them in memory, however many score. (50 sessions with a
//! model of 107 MB took 5,450 MB, and the first score of each 690 ms.)
//!
//! A file is called by the digest of its version, which a statement has just read by its own snapshot: a training that was rolled back, or a
//! version that was restored, cannot be taken for another. It holds nothing that the tables do not, so that losing one costs no more than
//! making it again. It lies with the server's temporary files, under their prefix: Postgres removes these when it starts, also after a crash,
//! and leaves them out of base backups; so no file outlives the pages that a crash of the machine lost, and none is synced.
//!
//! **What is checked.** All numbers when a file is made: rows against the digest, then values by the model that reads them. When it is
//! opened, what takes no pass over the weights: that it is a plain file of the server's own, of the length that
//! it had, not written to since it was sealed, with an index whose hash fits and that tells of this digest, kind and state. Who can change a
//! byte and hide it from this writes as the server itself, as members of pg_write_server_files do, and could as well write to the tables'
//! own files. Memory stays safe whatever the bytes are: they are read as numbers, any of which are valid, by safe code that checks indices.

use crate::base::packed::{self, Opened, Subject};
use crate::base::shared::Held;
use crate::base::{Result, Tensor};
use crate::pg::backend::mapped::{self, Mapped};
use crate::pg::query::owner::as_extension;
use crate::pg::query::spi;
use pgrx::pg_sys;
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Where the server keeps temporary files, from the data directory, in which a backend runs.
const FOLDER: &str = "base/pgsql_tmp";
/// Before the number of the database and the digest; its beginning is that of all temporary files.
const PREFIX: &str = "pgsql_tmp_affinity_";
/// Bytes of a version's digest.
const DIGEST: usize = 32;

/// What stays free of a disk beside a new file: the server needs it more than we do. A twentieth, or this where that is less.
const FREE: u64 = 1 << 30;
/// A file that is nobody's goes after so long: its version may be about to be deployed.
const NOBODYS: Duration = Duration::from_secs(600);
/// A file that nobody has opened for so long goes, of whatever database: we cannot ask another what it has.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 3600);

/// The file of a version's `digest` in this database; none for what is no digest.
pub(crate) fn path(digest: &[u8]) -> Option<PathBuf> {
    // SAFETY: a number that stays the same in a backend.
    let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
    (digest.len() == DIGEST).then(|| Path::new(FOLDER).join(format!("{PREFIX}{database}_{}", hex(digest))))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The tensors of `subject` in the file at `path`, mapped.
pub(crate) fn open(path: &Path, subject: &Subject) -> Opened {
    let Some((file, about)) = mapped::open(path) else { return Opened::Other };
    let (Some(sealed), Ok(length)) = (mapped::sealed(&about), usize::try_from(about.len())) else { return Opened::Other };
    let Ok(mapping) = Mapped::of(&file, length) else { return Opened::Other };
    let held: Held = Arc::new(mapping);
    let opened = packed::open(&held, subject, sealed);
    if matches!(opened, Opened::Tensors(_)) {
        mapped::touch(&file);
    }
    opened
}

/// Makes the file at `path` of `tensors`; whoever opens the name sees a whole one, or what was there before.
///
/// # Errors
/// Those of the system: no room, nowhere to write, something in the way.
pub(crate) fn write(path: &Path, subject: &Subject, tensors: &[Tensor]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_dir()) {
        return Err(io::Error::other("there is a folder of that name"));
    }
    make_folder()?;
    let size = packed::size(tensors) as u64;
    if mapped::space(Path::new(FOLDER)).is_some_and(|(free, all)| free < size.saturating_add(FREE.min(all / 20))) {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "too little would be left of the disk"));
    }
    // Each writer has a name of its own, and the last to be done gives the file its name: they are the same.
    let part = path.with_extension(std::process::id().to_string());
    let _ = fs::remove_file(&part);
    let mut file = mapped::create(&part)?;
    let half = Half(&part);
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()).cast_signed();
    packed::write(subject, tensors, seconds, &mut file)?;
    mapped::seal(&file, seconds)?;
    fs::rename(&part, path)?;
    std::mem::forget(half);
    Ok(())
}

/// A file that is not whole; it goes when this does.
struct Half<'a>(&'a Path);

impl Drop for Half<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

/// The folder of temporary files, which Postgres makes when it needs one.
fn make_folder() -> io::Result<()> {
    if Path::new(FOLDER).is_dir() {
        return Ok(());
    }
    // SAFETY: a path that ends in 0; the call makes a folder with the modes that this cluster's folders have.
    let result = unsafe { pg_sys::MakePGDirectory(c"base/pgsql_tmp".as_ptr()) };
    let error = io::Error::last_os_error();
    if result == 0 || error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// Removes files that serve nobody: halves of writers that were killed, those of databases that are gone, of versions of this database that
/// are not deployed, and what was not opened for a week.
///
/// # Errors
/// Those of the query.
pub(crate) fn sweep() -> Result<()> {
    const DEPLOYED: &str = "SELECT v.digest FROM affinity.stored_models m JOIN affinity.stored_versions v \
         ON v.model_id OPERATOR(pg_catalog.=) m.id AND v.version OPERATOR(pg_catalog.=) m.deployed";
    let Ok(folder) = fs::read_dir(FOLDER) else { return Ok(()) };
    let ours: Vec<(PathBuf, Name)> = folder.flatten().filter_map(|e| Some((e.path(), Name::of(e.file_name().to_str()?)?))).collect();
    if ours.is_empty() {
        return Ok(());
    }
    let digests: HashSet<String> = as_extension(|| spi::select(DEPLOYED, &[], |r| Ok(r.bytes(1, hex))))?.into_iter().flatten().collect();
    // SAFETY: as in `path`.
    let here = unsafe { pg_sys::MyDatabaseId }.to_u32();
    for (path, name) in ours {
        let Some(age) = Age::of(&path) else { continue };
        let gone = match &name {
            Name { half: true, .. } => age.changed > NOBODYS,
            Name { database, .. } if *database != here => !exists(*database) || age.opened > UNUSED,
            Name { digest, .. } => age.opened > UNUSED || (age.changed > NOBODYS && !digests.contains(digest)),
        };
        if gone {
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
}

/// What the name of a file of ours says.
struct Name {
    database: u32,
    digest: String,
    /// Whether its writer was not done.
    half: bool,
}

impl Name {
    fn of(name: &str) -> Option<Self> {
        let (database, rest) = name.strip_prefix(PREFIX)?.split_once('_')?;
        let (digest, writer) = rest.split_once('.').map_or((rest, None), |(d, w)| (d, Some(w)));
        Some(Self { database: database.parse().ok()?, digest: digest.to_owned(), half: writer.is_some() })
    }
}

/// How long ago a file got its name, and was opened.
struct Age {
    changed: Duration,
    opened: Duration,
}

impl Age {
    /// Of what is no folder.
    fn of(path: &Path) -> Option<Self> {
        let about: Metadata = fs::symlink_metadata(path).ok().filter(|a| !a.is_dir())?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let since = |then: i64| Duration::from_secs(now.saturating_sub(u64::try_from(then).unwrap_or(0)));
        Some(Self { changed: since(about.mtime()), opened: since(about.atime().max(about.mtime())) })
    }
}

/// Whether there is a database of that number.
fn exists(database: u32) -> bool {
    // SAFETY: looks into a catalogue that all databases share, in a transaction; the name lies in memory of the statement.
    unsafe { !pg_sys::get_database_name(pg_sys::Oid::from(database)).is_null() }
}

/// Whether there is anything under the name of `digest`'s file.
pub(crate) fn is_there(digest: &[u8]) -> bool {
    path(digest).is_some_and(|p| fs::symlink_metadata(p).is_ok())
}
