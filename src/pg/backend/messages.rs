//! Messages in the encoding of a database that is not UTF-8. pgrx hands an error on as a Rust string and writes that out as it is: of our
//! own the database would get UTF-8, and of Postgres's own what is left of its bytes as UTF-8. So the right bytes are kept here, and put in
//! their place by a callback that Postgres calls for each error while it is made (`error_context_stack`).

use crate::pg::backend::text;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};

unsafe extern "C-unwind" {
    fn errmsg_internal(format: *const c_char, ...) -> c_int;
    fn errdetail_internal(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
}

/// An error's words, in the database's encoding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Words {
    message: CString,
    detail: Option<CString>,
    hint: Option<CString>,
}

#[derive(Default)]
struct State {
    /// Of the last error: ours, or the one that Postgres raised while we listened.
    last: Words,
    /// Whether the next error that is made is the last one on its way out.
    instead: bool,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// The one callback. Whoever catches an error of Postgres puts the list of callbacks back, and with it this one off.
struct Callback(std::cell::UnsafeCell<pg_sys::ErrorContextCallback>);

// SAFETY: a backend calls SQL functions in one thread.
unsafe impl Sync for Callback {}

static CALLBACK: Callback = Callback(std::cell::UnsafeCell::new(pg_sys::ErrorContextCallback {
    previous: std::ptr::null_mut(),
    callback: Some(heard),
    arg: std::ptr::null_mut(),
}));

/// While it lasts errors of Postgres are listened to.
pub(crate) struct Listening {
    began: bool,
}

/// Begins to listen, if that is not so already.
pub(crate) fn listen() -> Listening {
    STATE.with_borrow_mut(|s| s.instead = false);
    Listening { began: begin() }
}

/// Puts the callback on the list; false where it is there.
fn begin() -> bool {
    let own = CALLBACK.0.get();
    // SAFETY: the list is this backend's, and of whole members; the callback is static, and not on the list when it is written.
    unsafe {
        let mut member = pg_sys::error_context_stack;
        while !member.is_null() {
            if member == own {
                return false;
            }
            member = (*member).previous;
        }
        (*own).previous = pg_sys::error_context_stack;
        pg_sys::error_context_stack = own;
    }
    true
}

impl Listening {
    /// Ends after success. After an error nothing needs to be done: see [`Callback`].
    pub(crate) fn end(self) {
        let own = CALLBACK.0.get();
        // SAFETY: as in `begin`.
        unsafe {
            if self.began && pg_sys::error_context_stack == own {
                pg_sys::error_context_stack = (*own).previous;
            }
        }
    }
}

/// The next error is one of ours, with these words.
pub(crate) fn instead(message: String, detail: Option<String>, hint: Option<String>) {
    let own = |t: String| text::message(&t);
    begin();
    STATE.with_borrow_mut(|s| {
        *s = State { last: Words { message: own(message), detail: detail.map(own), hint: hint.map(own) }, instead: true }
    })
}

/// The next error is one of Postgres's again that has been heard, and of which `left` is left.
pub(crate) fn again(left: &str) {
    begin();
    STATE.with_borrow_mut(|s| s.instead = s.last.message.to_string_lossy() == left)
}

/// Shows a text as a NOTICE or WARNING.
pub(crate) fn show(level: PgLogLevel, code: PgSqlErrorCode, said: &str) {
    let message = text::message(said);
    let mut data =
        pg_sys::ErrorData { elevel: level as c_int, sqlerrcode: code as c_int, message: message.as_ptr().cast_mut(), ..Default::default() };
    // SAFETY: what is not said is null or 0, as Postgres allows; it copies the rest.
    unsafe {
        data.assoc_context = pg_sys::CurrentMemoryContext;
        pg_sys::ThrowErrorData(&raw mut data);
    }
}

/// Called for each error, warning and notice while it is made.
#[pg_guard]
unsafe extern "C-unwind" fn heard(_arg: *mut c_void) {
    if let Some(words) = STATE.with_borrow_mut(|s| std::mem::take(&mut s.instead).then(|| s.last.clone())) {
        // SAFETY: one error is being made, whose words Postgres copies; those in its place are freed with its context.
        unsafe {
            errmsg_internal(c"%s".as_ptr(), words.message.as_ptr());
            if let Some(detail) = &words.detail {
                errdetail_internal(c"%s".as_ptr(), detail.as_ptr());
            }
            if let Some(hint) = &words.hint {
                errhint(c"%s".as_ptr(), hint.as_ptr());
            }
        }
        return;
    }
    // SAFETY: one error is being made: a copy of it, in a context that is not the one of errors, is freed when its words are taken.
    unsafe {
        let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
        let data = pg_sys::CopyErrorData();
        pg_sys::MemoryContextSwitchTo(before);
        if (*data).elevel >= PgLogLevel::ERROR as c_int {
            let own = |p: *mut c_char| (!p.is_null()).then(|| CStr::from_ptr(p).to_owned());
            let words = Words { message: own((*data).message).unwrap_or_default(), detail: own((*data).detail), hint: own((*data).hint) };
            STATE.with_borrow_mut(|s| s.last = words);
        }
        pg_sys::FreeErrorData(data);
    }
}
