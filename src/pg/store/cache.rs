//! Models in use: the weights of a version are read once per backend, the name of a model is looked up once per statement.
//!
//! Nothing here decides what is deployed or who may use it: a look-up is kept only while the statement's [`Stamp`] is the same, and
//! loaded weights are found by model, version and digest, which the statement has just read by its own snapshot.

use crate::base::Result;
use crate::base::recent::Recent;
use crate::pg::backend::settings;
use crate::pg::backend::snapshot_stamp::Stamp;
use crate::pg::query::spi::Uuid;
use crate::pg::store::models::{self, ModelRow, VersionRow};
use crate::pg::store::{shared_file, use_counts};
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// A model as the running statement sees it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The model.
    pub(crate) model: ModelRow,
    /// The number of its deployed version.
    pub(crate) version: i32,
    /// The digest of what that version scores with.
    digest: Vec<u8>,
}

/// One version's weights, read as one type.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    model: Uuid,
    version: i32,
    digest: Vec<u8>,
    typ: TypeId,
}

/// What `load` gives [`weights`].
pub(crate) struct Kept<T> {
    /// What scores.
    pub model: T,
    /// Bytes that this session holds of it.
    pub bytes: usize,
    /// Whether its weights are those of a file.
    pub shared: bool,
}

/// What a session has at hand.
#[derive(Clone)]
struct AtHand {
    model: Rc<dyn Any>,
    shared: bool,
}

#[derive(Default)]
struct Cache {
    seen: Option<Stamp>,
    found: HashMap<String, Rc<Found>>,
    loaded: Recent<Key, AtHand>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// The model called `name` and its deployed version, if the current user may use it.
///
/// # Errors
/// Those of [`models::find`] and [`models::deployed_digest`]: unknown, not granted, nothing deployed.
pub(crate) fn find(name: &str, stamp: Option<Stamp>) -> Result<Rc<Found>> {
    let known = CACHE.with_borrow_mut(|c| {
        if c.seen != stamp || stamp.is_none() {
            c.found.clear();
            c.seen = stamp;
        }
        c.found.get(name).cloned()
    });
    if let Some(found) = known {
        return Ok(found);
    }
    let model = models::find(name)?;
    let (version, digest) = models::deployed_digest(&model)?;
    let found = Rc::new(Found { model, version, digest });
    CACHE.with_borrow_mut(|c| {
        // Not where the look-up itself brought about another state.
        if c.seen == stamp {
            c.found.insert(name.to_owned(), found.clone());
        }
    });
    Ok(found)
}

/// The weights of `found` as a `T`, which `load` makes of the stored version where this backend has not yet.
///
/// # Errors
/// Those of [`models::version`] and of `load`.
pub(crate) fn weights<T: 'static>(found: &Found, load: impl FnOnce(&VersionRow) -> Result<Kept<T>>) -> Result<Rc<T>> {
    let key = Key { model: found.model.id, version: found.version, digest: found.digest.clone(), typ: TypeId::of::<T>() };
    let known = CACHE.with_borrow_mut(|c| c.loaded.get(&key).cloned());
    if let Some(value) = known.and_then(|v| v.model.downcast::<T>().ok()) {
        return Ok(value);
    }
    let start = Instant::now();
    let Kept { model, bytes, shared } = load(&models::version(found.model.id, found.version)?)?;
    use_counts::of(found.model.id).loaded(start.elapsed());
    let value = Rc::new(model);
    // One that does not fit is not kept; for one that does, the least recently used make way.
    let limit = settings::cache_size();
    CACHE.with_borrow_mut(|c| {
        // What is mapped of a file without a name keeps its room on the disk: of a version that was dropped, or replaced.
        c.loaded.retain(|key, hand| !hand.shared || shared_file::is_there(&key.digest));
        if bytes <= limit {
            c.loaded.put(key, AtHand { model: value.clone(), shared }, bytes, limit);
        }
    });
    Ok(value)
}
