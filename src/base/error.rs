//! One error type for the whole engine: what went wrong, the values that did it, and what to do next.
//!
//! The engine knows no SQLSTATE; [`Code`] says what kind of fault it is and `pg::backend::sqlstate` maps each kind to one.

use std::fmt;

/// The kind of a fault. `pg::backend::sqlstate` turns each into a SQLSTATE, exhaustively.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A parameter is unknown, of the wrong type, or out of its range (22023).
    InvalidParameter,
    /// A name is longer than a name can be (42622).
    NameTooLong,
    /// A number that no double precision holds (22003).
    OutOfRange,
    /// A value cannot be read as the type that is needed (22P02).
    InvalidText,
    /// The data itself does not allow the operation: no rows, one class, an all-NULL column (22000).
    Data,
    /// Arrays or vectors of differing lengths (2202E).
    ArrayLength,
    /// A column does not exist (42703).
    UndefinedColumn,
    /// A relation does not exist (42P01).
    UndefinedTable,
    /// A model, version, kind or role does not exist (42704).
    UndefinedObject,
    /// A column or argument is of a type that cannot serve (42804).
    WrongType,
    /// The name is taken (42710).
    Duplicate,
    /// The role may not do this (42501).
    Privilege,
    /// The object is in a state that does not allow the operation (55000).
    WrongState,
    /// The transaction is not one that may be ended here (25001).
    ActiveTransaction,
    /// Another session holds the object (55006).
    InUse,
    /// More memory than the setting allows, or than the system gives (53200).
    OutOfMemory,
    /// A role stores more than a setting allows (53400).
    LimitExceeded,
    /// This kind of model cannot do what was asked (0A000).
    Unsupported,
    /// Stored bytes are not what their version says (XX001).
    Corrupt,
    /// The job was cancelled (57014).
    Cancelled,
    /// A bug in this library (XX000).
    Internal,
}

/// A fault with the parts that a Postgres error has: message, detail, hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The kind of fault.
    pub code: Code,
    /// Lower-case, no full stop: `target "bought" has one class only`.
    pub message: String,
    /// A sentence with the values: `All 512 rows have the value true.`
    pub detail: Option<String>,
    /// A sentence with something that can be run or changed.
    pub hint: Option<String>,
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A fault of kind `code`; `message` is lower-case without a full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, hint: None }
    }

    /// Adds the values that did it, as a sentence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do about it, as a sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error of a cancelled job.
    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "canceling statement due to user request")
    }

    /// A fault that only a bug here can cause; `what` is for whoever mends it.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Code::Internal, "internal error in pg_affinity")
            .detail(what)
            .hint("This is a bug; please report it with the statement that caused it.")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(d) = &self.detail {
            write!(f, " ({d})")?;
        }
        Ok(())
    }
}
