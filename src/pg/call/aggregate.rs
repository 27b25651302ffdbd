//! What every aggregate shares: where its state lives, how it merges, how it travels between workers.
//!
//! An SQL aggregate is then a state with [`Mergeable`] and one line a function: `step`, `combine`, `serialise`, `deserialise`, `finish`.
//! The state is a Rust value in the aggregate's own memory context: dropped when Postgres drops that. What it holds besides is no memory of
//! Postgres's, which does not count it where it puts groups into a hash table: so the states that are alive together are counted here, and
//! bounded. (Where each was bounded alone, 20,000 groups of `profile` took 983 MB at an `affinity.memory` of 64.)

use crate::base::{Code, Error, Mergeable, Result, memory};
use crate::pg::backend::kept::{self, Lent};
use crate::pg::backend::settings;
use crate::pg::call::arguments::Call;
use pgrx::{Internal, pg_sys};
use std::cell::Cell;

/// The first byte of a serialised state: the version of its form.
const FORM: u8 = 1;

thread_local! {
    /// Bytes of all states that are alive in this process.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// A state, and how many bytes of [`ALIVE`] are its own.
#[derive(Default)]
struct Counted<S> {
    state: S,
    bytes: usize,
}

impl<S: Mergeable> Counted<S> {
    /// Counts what the state holds now.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] where it, or all states that are alive, are beyond `limit`.
    #[inline]
    fn count(&mut self, limit: usize) -> Result<()> {
        let bytes = size_of::<Self>() + self.state.memory();
        let all = ALIVE.get() - self.bytes + bytes;
        ALIVE.set(all);
        self.bytes = bytes;
        if bytes > limit {
            return Err(too_large("The aggregate's state holds", bytes, limit));
        }
        if all > limit {
            return Err(too_large("The states of all groups hold", all, limit)
                .hint("SET enable_hashagg = off: groups are read one after the other. Or raise it: SET affinity.memory = '…'."));
        }
        Ok(())
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - self.bytes)
    }
}

mod plain {
    //! Without the jump point that pgrx's wrapper sets, a cost per row: it looks at the type of a node and raises no error. (A million rows
    //! of `brier` and of `auc` take .28 and .49 s with this asked in every step, .30 and .71 before it was.)
    use pgrx::pg_sys;
    unsafe extern "C-unwind" {
        pub fn AggCheckCallContext(call: pg_sys::FunctionCallInfo, context: *mut pg_sys::MemoryContext) -> std::ffi::c_int;
    }
}

/// The context of the aggregate that makes this call.
#[inline]
fn context(call: Call<'_>) -> Result<pg_sys::MemoryContext> {
    let mut context = std::ptr::null_mut();
    // SAFETY: fcinfo is the running call; the function only looks at who made it.
    if unsafe { plain::AggCheckCallContext(call.raw(), &mut context) } == 0 {
        return Err(Error::new(Code::WrongState, "aggregate function called outside an aggregate"));
    }
    Ok(context)
}

/// The state that argument `i` points at; none for NULL.
///
/// # Errors
/// [`Code::WrongState`] for a call that no aggregate makes; [`Code::Internal`] for the state of another aggregate.
#[inline]
fn state<'c, S: 'static>(call: Call<'c>, i: usize) -> Result<Option<Lent<'c, Counted<S>>>> {
    context(call)?;
    let Some(datum) = call.datum(i) else { return Ok(None) };
    // SAFETY: the call is an aggregate's, so a value of type internal is what a function of that aggregate returned: nobody can write one,
    // and functions that return one fail when they are called by hand, ours above. Ours return what `place` or `lend` gave, which lives in
    // the aggregate's context or, out of `deserialise`, as long as the row. Only a superuser could mix in another library's: CREATE
    // AGGREGATE refuses such a state to everybody else.
    match unsafe { kept::lend(datum.cast_mut_ptr()) } {
        Some(state) => Ok(Some(state)),
        None => Err(Error::internal("The state of another aggregate, or one state twice.")),
    }
}

/// Leaves `state`, which is not counted yet, to the context of the aggregate that makes the call.
fn place<S: 'static>(call: Call<'_>, state: S) -> Result<Lent<'_, Counted<S>>> {
    let context = context(call)?;
    // SAFETY: Postgres has just named the context, which outlives the call.
    Ok(unsafe { kept::place(context, Counted { state, bytes: 0 }) })
}

fn internal<S>(state: &Lent<'_, Counted<S>>) -> Option<Internal> {
    Some(Internal::from(Some(pg_sys::Datum::from(state.pointer()))))
}

/// The transition: `f` takes the row in. `limit` bounds the bytes that a state, and all of this process together, may hold.
///
/// # Errors
/// Those of `f`; [`Code::OutOfMemory`] beyond the limit.
pub(crate) fn step<S: Mergeable + 'static>(call: Call<'_>, limit: usize, f: impl FnOnce(&mut S) -> Result<()>) -> Result<Option<Internal>> {
    let mut state = match state::<S>(call, 0)? {
        Some(s) => s,
        None => place(call, S::default())?,
    };
    f(&mut state.state)?;
    state.count(limit)?;
    Ok(internal(&state))
}

/// The error for a state of `bytes` where `limit` may be held; `what` begins the detail.
fn too_large(what: &str, bytes: usize, limit: usize) -> Error {
    Error::new(Code::OutOfMemory, "more memory needed than affinity.memory allows")
        .detail(format!("{what} {}, {} is allowed.", memory::size(bytes), memory::size(limit)))
        .hint("Aggregate fewer rows, a sample for instance, or raise it: SET affinity.memory = '…'.")
}

/// Joins two partial states.
///
/// # Errors
/// Those of [`Mergeable::merge`]; [`Code::OutOfMemory`].
pub(crate) fn combine<S: Mergeable + 'static>(call: Call<'_>) -> Result<Option<Internal>> {
    match (state::<S>(call, 0)?, state::<S>(call, 1)?) {
        (None, None) => Ok(None),
        (Some(a), None) => Ok(internal(&a)),
        // The other state dies with its row, so it is cloned into the context that stays.
        (None, Some(b)) => {
            memory::room(b.state.memory())?;
            let mut a = place(call, b.state.clone())?;
            a.count(settings::memory())?;
            Ok(internal(&a))
        }
        (Some(mut a), Some(b)) => {
            a.state.merge(&b.state)?;
            a.count(settings::memory())?;
            Ok(internal(&a))
        }
    }
}

/// The transition of a merge: takes in a state that [`serialise`] has written, which a user stored; a NULL does not count.
///
/// # Errors
/// Those of [`Mergeable::from_bytes`] and [`Mergeable::merge`]; [`Code::OutOfMemory`] beyond the limit.
pub(crate) fn merge<S: Mergeable + 'static>(call: Call<'_>, limit: usize) -> Result<Option<Internal>> {
    let bytes = call.size(1);
    if bytes > limit {
        return Err(too_large("A stored state has", bytes, limit));
    }
    let given = call.bytes(1).map(read::<S>).transpose()?;
    step(call, limit, |state: &mut S| given.map_or(Ok(()), |g| state.merge(&g)))
}

/// A state as bytea, for its way out of a worker.
///
/// # Errors
/// [`Code::OutOfMemory`].
pub(crate) fn serialise<S: Mergeable + 'static>(call: Call<'_>) -> Result<Option<Vec<u8>>> {
    let Some(counted) = state::<S>(call, 0)? else { return Ok(None) };
    let state = &counted.state;
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
pub(crate) fn deserialise<S: Mergeable + 'static>(call: Call<'_>, bytes: &[u8]) -> Result<Option<Internal>> {
    context(call)?;
    let state = read::<S>(bytes)?;
    // SAFETY: the current context is always set while a function runs, and outlives the call.
    Ok(internal(&unsafe { kept::place(pg_sys::CurrentMemoryContext, Counted { state, bytes: 0 }) }))
}

/// The result. Leaves the state as it was: a window frame may ask again.
///
/// # Errors
/// Those of `f`.
pub(crate) fn finish<S: Mergeable + 'static, R>(call: Call<'_>, f: impl FnOnce(&S) -> Result<Option<R>>) -> Result<Option<R>> {
    match state::<S>(call, 0)? {
        Some(s) => f(&s.state),
        None => Ok(None),
    }
}

/// The functions that every aggregate has of its state: behind COMBINEFUNC, SERIALFUNC and DESERIALFUNC.
macro_rules! state_functions {
    ($state:ty: $combine:ident, $serialise:ident, $deserialise:ident) => {
        #[pgrx::pg_extern]
        fn $combine(call: $crate::pg::call::arguments::Call<'_>) -> Option<pgrx::Internal> {
            $crate::pg::backend::error::sql(|| $crate::pg::call::aggregate::combine::<$state>(call))
        }
        #[pgrx::pg_extern]
        fn $serialise(call: $crate::pg::call::arguments::Call<'_>) -> Option<Vec<u8>> {
            $crate::pg::backend::error::sql(|| $crate::pg::call::aggregate::serialise::<$state>(call))
        }
        #[pgrx::pg_extern]
        fn $deserialise(bytes: &[u8], call: $crate::pg::call::arguments::Call<'_>) -> Option<pgrx::Internal> {
            $crate::pg::backend::error::sql(|| $crate::pg::call::aggregate::deserialise::<$state>(call, bytes))
        }
    };
}
pub(crate) use state_functions;
