//! What every aggregate shares: where its state lives, how it merges, how it travels between workers.
//!
//! An SQL aggregate is then a state with [`Mergeable`] and one line a function: `step`, `combine`, `serialise`, `deserialise`, `finish`.
//! The state is a Rust value in the aggregate's own memory context: dropped when Postgres drops that.

use crate::base::{Code, Error, Mergeable, Result, memory};
use crate::pg::call::Call;
use pgrx::{Internal, PgMemoryContexts, pg_sys};

/// The first byte of a serialised state: the version of its form.
const FORM: u8 = 1;

/// Refuses a call that no aggregate makes: only within one are arguments of type internal what its own functions have left.
fn inside(call: Call) -> Result<()> {
    // SAFETY: fcinfo is the running call; its context is null or a node, whose tag says what it is. AggCheckCallContext looks at the same, at the
    // cost of a jump point a row.
    let inside = unsafe {
        let node = (*call.raw()).context;
        !node.is_null() && matches!((*node).type_, pg_sys::NodeTag::T_AggState | pg_sys::NodeTag::T_WindowAggState)
    };
    if inside { Ok(()) } else { Err(outside()) }
}

fn outside() -> Error {
    Error::new(Code::WrongState, "aggregate function called outside an aggregate")
}

/// The context of the aggregate that makes this call.
fn context(call: Call) -> Result<pg_sys::MemoryContext> {
    let mut context = std::ptr::null_mut();
    // SAFETY: fcinfo is the running call; the function only looks at who made it.
    if unsafe { pg_sys::AggCheckCallContext(call.raw(), &mut context) } == 0 {
        return Err(outside());
    }
    Ok(context)
}

/// The state that argument `i` points at.
fn state<'a, S>(call: Call, i: usize) -> Option<&'a mut S> {
    // SAFETY: arguments of type internal cannot be made by a user; within one aggregate they are what `place` returned,
    // and `sql/` gives all functions of an aggregate the same state.
    call.datum(i).map(|d| unsafe { &mut *d.cast_mut_ptr::<S>() })
}

fn place<'a, S>(context: pg_sys::MemoryContext, value: S) -> &'a mut S {
    // SAFETY: the context is alive (Postgres just named it), and the value lives until the context is reset or deleted.
    unsafe { &mut *PgMemoryContexts::For(context).leak_and_drop_on_delete(value) }
}

fn internal<S>(state: &mut S) -> Option<Internal> {
    Some(Internal::from(Some(pg_sys::Datum::from(std::ptr::from_mut(state)))))
}

/// The transition: `f` takes the row in. `limit` bounds the bytes that a state may hold.
///
/// # Errors
/// Those of `f`; [`Code::OutOfMemory`] beyond the limit.
pub(crate) fn step<S: Mergeable>(call: Call, limit: usize, f: impl FnOnce(&mut S) -> Result<()>) -> Result<Option<Internal>> {
    inside(call)?;
    let state = match state::<S>(call, 0) {
        Some(s) => s,
        None => place(context(call)?, S::default()),
    };
    f(state)?;
    if state.memory() > limit {
        return Err(Error::new(Code::OutOfMemory, "more memory needed than affinity.memory allows")
            .detail(format!("The aggregate's state holds {}, {} is allowed.", memory::size(state.memory()), memory::size(limit)))
            .hint("Aggregate fewer rows, a sample for instance, or raise it: SET affinity.memory = '…'."));
    }
    Ok(internal(state))
}

/// Joins two partial states.
///
/// # Errors
/// Those of [`Mergeable::merge`].
pub(crate) fn combine<S: Mergeable>(call: Call) -> Result<Option<Internal>> {
    inside(call)?;
    match (state::<S>(call, 0), state::<S>(call, 1)) {
        (None, None) => Ok(None),
        (Some(a), None) => Ok(internal(a)),
        // The other state dies with its row, so it is cloned into the context that stays.
        (None, Some(b)) => {
            memory::room(b.memory())?;
            Ok(internal(place(context(call)?, b.clone())))
        }
        (Some(a), Some(b)) => {
            a.merge(b)?;
            Ok(internal(a))
        }
    }
}

/// The transition of a merge: takes in a state that [`serialise`] has written, which a user stored; a NULL does not count.
///
/// # Errors
/// Those of [`Mergeable::from_bytes`] and [`Mergeable::merge`]; [`Code::OutOfMemory`] beyond the limit.
pub(crate) fn merge<S: Mergeable>(call: Call, limit: usize) -> Result<Option<Internal>> {
    inside(call)?;
    let bytes = call.size(1);
    if bytes > limit {
        return Err(Error::new(Code::OutOfMemory, "more memory needed than affinity.memory allows")
            .detail(format!("A stored state has {}, {} is allowed.", memory::size(bytes), memory::size(limit)))
            .hint("Aggregate fewer rows, a sample for instance, or raise it: SET affinity.memory = '…'."));
    }
    let given = call.bytes(1).map(read::<S>).transpose()?;
    step(call, limit, |state: &mut S| given.map_or(Ok(()), |g| state.merge(&g)))
}

/// A state as bytea, for its way out of a worker.
///
/// # Errors
/// [`Code::OutOfMemory`].
pub(crate) fn serialise<S: Mergeable>(call: Call) -> Result<Option<Vec<u8>>> {
    context(call)?;
    let Some(state) = state::<S>(call, 0) else { return Ok(None) };
    // The bytes are written, and copied with the letter before them, and copied into a datum.
    memory::room(state.memory().saturating_mul(2))?;
    let body = state.to_bytes();
    let mut bytes = Vec::new();
    memory::reserve(&mut bytes, 1 + body.len())?;
    bytes.push(FORM);
    bytes.extend_from_slice(&body);
    Ok(Some(bytes))
}

/// The state that [`serialise`] has written.
fn read<S: Mergeable>(bytes: &[u8]) -> Result<S> {
    let Some((&FORM, body)) = bytes.split_first() else {
        return Err(Error::new(Code::InvalidText, "invalid state of an aggregate")
            .hint("Pass only what the aggregate's own state function has returned, unchanged."));
    };
    S::from_bytes(body)
}

/// Back from bytea, in the context of the row: `combine` clones what has to stay.
///
/// # Errors
/// Those of [`Mergeable::from_bytes`].
pub(crate) fn deserialise<S: Mergeable>(call: Call, bytes: &[u8]) -> Result<Option<Internal>> {
    context(call)?;
    let state = read::<S>(bytes)?;
    // SAFETY: CurrentMemoryContext is always set while a function runs.
    Ok(internal(place(unsafe { pg_sys::CurrentMemoryContext }, state)))
}

/// The result. Leaves the state as it was: a window frame may ask again.
///
/// # Errors
/// Those of `f`.
pub(crate) fn finish<S: Mergeable, R>(call: Call, f: impl FnOnce(&S) -> Result<Option<R>>) -> Result<Option<R>> {
    inside(call)?;
    match state::<S>(call, 0) {
        Some(s) => f(s),
        None => Ok(None),
    }
}
