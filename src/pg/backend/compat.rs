//! Where the major versions of Postgres differ for us; no other file asks which one it is, but `function_watch`, one of whose hooks has
//! another signature.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Attribute `i` (from 0) of a row type.
///
/// # Safety
/// `desc` is a live descriptor of more than `i` attributes, and stays so while the result is used.
pub(crate) unsafe fn attribute<'a>(desc: pg_sys::TupleDesc, i: usize) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: the caller vouches for the descriptor and the index.
    #[cfg(not(feature = "pg18"))]
    unsafe {
        let attributes = &(*desc).attrs;
        &attributes.as_slice(i + 1)[i]
    }
    // From 18 on a short form of every attribute comes first (TupleDescAttr is inline, and has no symbol).
    // SAFETY: as above; that is where CreateTemplateTupleDesc puts them.
    #[cfg(feature = "pg18")]
    unsafe {
        let short = (*desc).natts as usize * size_of::<pg_sys::CompactAttribute>();
        let first = desc.cast::<u8>().add(std::mem::offset_of!(pg_sys::TupleDescData, compact_attrs) + short);
        &*first.cast::<pg_sys::FormData_pg_attribute>().add(i)
    }
}

/// A row type of two columns, in the current memory context.
pub(crate) fn two_columns(first: (&'static CStr, pg_sys::Oid), second: (&'static CStr, pg_sys::Oid)) -> pg_sys::TupleDesc {
    // SAFETY: a fresh descriptor of two attributes, both initialised; the names live for ever and are copied.
    unsafe {
        let desc = pg_sys::CreateTemplateTupleDesc(2);
        for (number, (name, typ)) in [(1, first), (2, second)] {
            pg_sys::TupleDescInitEntry(desc, number, name.as_ptr(), typ, -1, 0);
        }
        desc
    }
}

/// Claims every setting that begins with `prefix.`, so that a misspelt one is an error and not a silent placeholder.
pub(crate) fn reserve_prefix(prefix: &'static CStr) {
    // SAFETY: a NUL-terminated string that lives for ever; called from _PG_init.
    #[cfg(not(feature = "pg14"))]
    unsafe {
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr())
    }
    // SAFETY: as above.
    #[cfg(feature = "pg14")]
    unsafe {
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr())
    }
}

/// numeric to double by Postgres's own function; infinite where it does not fit.
///
/// # Safety
/// `datum` is a live numeric.
pub(crate) unsafe fn numeric_to_f64(datum: pg_sys::Datum) -> f64 {
    // SAFETY: the function takes one numeric and gives a double; the caller vouches for the datum.
    unsafe { pgrx::direct_function_call::<f64>(pg_sys::numeric_float8_no_overflow, &[Some(datum)]) }.unwrap_or(f64::NAN)
}

/// A new memory context for small, short-lived values, a child of the current one.
pub(crate) fn small_context(name: &'static CStr) -> pg_sys::MemoryContext {
    // SAFETY: the name lives for ever; Postgres owns the context and frees it with its parent.
    unsafe { pg_sys::AllocSetContextCreateInternal(pg_sys::CurrentMemoryContext, name.as_ptr(), 0, 8 << 10, 8 << 20) }
}

/// Whether the current user may execute a function.
pub(crate) fn may_execute(function: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid.
    #[cfg(any(feature = "pg14", feature = "pg15"))]
    let found = unsafe { pg_sys::pg_proc_aclcheck(function, pg_sys::GetUserId(), pg_sys::ACL_EXECUTE) };
    // SAFETY: as above.
    #[cfg(not(any(feature = "pg14", feature = "pg15")))]
    let found = unsafe { pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, pg_sys::GetUserId(), pg_sys::ACL_EXECUTE.into()) };
    found == pg_sys::AclResult::ACLCHECK_OK
}

/// The characters of a string node.
///
/// # Safety
/// `node` is a string of the parser's or planner's.
pub(crate) unsafe fn string(node: *mut pg_sys::Node) -> *const std::ffi::c_char {
    // SAFETY: the caller's promise.
    #[cfg(feature = "pg14")]
    unsafe {
        (*node.cast::<pg_sys::Value>()).val.str_
    }
    // SAFETY: the caller's promise.
    #[cfg(not(feature = "pg14"))]
    unsafe {
        (*node.cast::<pg_sys::String>()).sval
    }
}

/// Takes the exclusive lock that `key` stands for until the end of the transaction, where nobody holds it; false where somebody does. The
/// first 80 bits count, all that a lock's tag has room for beside the database. What Postgres has for objects
/// (ConditionalLockDatabaseObject) takes 32 of them, and is not in every minor release.
pub(crate) fn try_lock(key: &[u8; 16]) -> bool {
    lock(key, false, true)
}

/// As [`try_lock`], but waits for whoever holds it.
pub(crate) fn wait_for_lock(key: &[u8; 16]) {
    lock(key, false, false);
}

/// As [`try_lock`], until [`release_lock`], or the end of a transaction that fails: over the commits of a procedure.
pub(crate) fn try_lock_over_commits(key: &[u8; 16]) -> bool {
    lock(key, true, true)
}

/// Gives back what [`try_lock_over_commits`] took.
pub(crate) fn release_lock(key: &[u8; 16]) {
    // SAFETY: a whole tag, by value; a lock that is not held is a WARNING.
    unsafe { pg_sys::LockRelease(&tag(key), pg_sys::ExclusiveLock as i32, true) };
}

fn tag(key: &[u8; 16]) -> pg_sys::LOCKTAG {
    let word = |at: usize| u32::from_le_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]]);
    pg_sys::LOCKTAG {
        // SAFETY: reads a global.
        locktag_field1: unsafe { pg_sys::MyDatabaseId.to_u32() },
        locktag_field2: word(0),
        locktag_field3: word(4),
        locktag_field4: u16::from_le_bytes([key[8], key[9]]),
        locktag_type: pg_sys::LockTagType::LOCKTAG_USERLOCK as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    }
}

fn lock(key: &[u8; 16], over_commits: bool, at_once: bool) -> bool {
    // SAFETY: a whole tag, by value, of the type that Postgres leaves to extensions; Postgres frees the lock.
    unsafe {
        let got = pg_sys::LockAcquire(&tag(key), pg_sys::ExclusiveLock as i32, over_commits, at_once)
            != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL;
        if got {
            pg_sys::AcceptInvalidationMessages();
        }
        got
    }
}

/// Raises an error where nothing can be written: in a READ ONLY transaction, or on a standby.
pub(crate) fn must_be_writable(command: &'static CStr) {
    // SAFETY: the name is NUL-terminated and lives for ever.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(command.as_ptr());
        pg_sys::PreventCommandDuringRecovery(command.as_ptr());
    }
}

/// Whether statements of this transaction see what others commit meanwhile: READ COMMITTED.
pub(crate) fn sees_what_commits() -> bool {
    // SAFETY: reads a global.
    unsafe { pg_sys::XactIsoLevel < pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// The most memory that this backend has held, in MB; none where the system does not say.
pub(crate) fn peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}
