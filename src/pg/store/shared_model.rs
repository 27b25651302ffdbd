//! The model of a version on memory that all sessions share; in this session's own where that cannot be.

use crate::base::packed::{self, Opened, Subject};
use crate::base::{Result, Tensor};
use crate::pg::backend::{allocator, settings};
use crate::pg::store::models::VersionRow;
use crate::pg::store::{last_words, shared_file};
use pgrx::prelude::*;
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Bytes of weights from which a file is made. Below, reading the rows takes a session no longer than mapping (.5 ms), and a page of memory
/// that is its own is no more than one that it shares with a file's index.
const LEAST: usize = 64 << 10;

/// A model, and whether its weights are shared.
pub(crate) struct Model<M> {
    /// As it scores.
    pub model: M,
    /// Whether its weights are those of a file.
    pub shared: bool,
}

/// The model of `version`: `load` makes it of the tensors of its file, where there is one. Else `own` reads it from the tables, and where
/// its weights are worth it and `laid_out` gives them, they become the file, and it is loaded from there, too.
///
/// Whatever the file's fault is, the session goes on with its own copy: no disk that is full or read-only fails a query.
///
/// # Errors
/// Those of `own`.
pub(crate) fn load<M>(
    version: &VersionRow,
    own: impl FnOnce() -> Result<M>,
    laid_out: impl FnOnce(&M) -> Result<Vec<Tensor>>,
    load: impl Fn(&[Tensor]) -> Result<M>,
) -> Result<Model<M>> {
    let Some(path) = shared_file::path(&version.digest).filter(|_| settings::shared_weights()) else {
        return Ok(Model { model: own()?, shared: false });
    };
    let subject = subject(version);
    let open = || match shared_file::open(&path, &subject) {
        Opened::Tensors(tensors) => Ok(load(&tensors).ok().map(|model| Model { model, shared: true })),
        Opened::Other => Ok(None),
        Opened::Later => Err(()),
    };
    let Ok(found) = open() else { return Ok(Model { model: own()?, shared: false }) };
    if let Some(model) = found {
        return Ok(model);
    }
    let model = own()?;
    // What cannot be laid out, as rows of links that are damaged, is as it would be without a file: an error where it is asked for.
    let written = laid_out(&model).is_ok_and(|tensors| make(&path, &subject, &tensors));
    if written && let Ok(Some(shared)) = open() {
        // Rows of links are small blocks, of which a session would keep as many as the whole model takes.
        drop(model);
        allocator::trim();
        return Ok(shared);
    }
    Ok(Model { model, shared: false })
}

/// Makes the file of a version that this transaction has stored and deployed, so that the first session that scores finds it. It goes with
/// the transaction where that is rolled back.
pub(crate) fn stored(version: &VersionRow, tensors: &[Tensor]) {
    let Some(path) = shared_file::path(&version.digest).filter(|_| settings::shared_weights()) else { return };
    if !shared_file::is_there(&version.digest) && make(&path, &subject(version), tensors) {
        last_words::remove_if_rolled_back(&version.digest);
    }
}

fn make(path: &Path, subject: &Subject, tensors: &[Tensor]) -> bool {
    if packed::size(tensors) < LEAST {
        return false;
    }
    // A sweep that fails leaves what it would have taken.
    let _ = shared_file::sweep();
    shared_file::write(path, subject, tensors).inspect_err(say).is_ok()
}

fn subject(version: &VersionRow) -> Subject {
    let state = shared_file::hex(&<[u8; 32]>::from(Sha256::digest(&version.state_text)));
    Subject { digest: shared_file::hex(&version.digest), kind: version.kind.clone(), state }
}

/// Tells the server's log, once a session: it is the administrator who can make room.
fn say(fault: &io::Error) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Relaxed) {
        // Errors of the system are in the language of the server's environment: their kind is ASCII, as all logs can hold.
        let what = if fault.raw_os_error().is_some() { fault.kind().to_string() } else { fault.to_string() };
        log!("affinity: weights are not shared by sessions: {what}");
    }
}
