//! States as bytes. They come back from tables that anybody may write, so each is read with care: a letter says whose state it is,
//! and nothing is allocated that the bytes themselves do not fill.

use super::terms::Terms;
use crate::base::{Code, Error, Result};

/// The error of bytes that are no state of the aggregate `name`.
pub(super) fn damaged(name: &str) -> Error {
    Error::new(Code::InvalidText, format!("invalid state of {name}"))
        .hint("Pass only what the aggregate's own state function has returned, unchanged.")
}

/// Writes a state.
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    /// Of the kind `letter`, with room for `bytes`.
    pub(super) fn new(letter: u8, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes + 32);
        out.push(letter);
        Self(out)
    }

    pub(super) fn i64(&mut self, x: i64) {
        self.0.extend_from_slice(&x.to_le_bytes())
    }

    pub(super) fn f64(&mut self, x: f64) {
        self.0.extend_from_slice(&x.to_le_bytes())
    }

    pub(super) fn maybe(&mut self, x: Option<i64>) {
        self.0.push(u8::from(x.is_some()));
        self.i64(x.unwrap_or(0))
    }

    pub(super) fn terms(&mut self, terms: Option<Terms>) {
        self.0.push(u8::from(terms.is_some()));
        terms.unwrap_or_default().parts().into_iter().for_each(|p| self.maybe(p))
    }
}

/// Reads a state; every method is none where the bytes are not such.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of the kind `letter`.
    pub(super) fn new(letter: u8, bytes: &'a [u8]) -> Option<Self> {
        bytes.split_first().filter(|(first, _)| **first == letter).map(|(_, rest)| Self(rest))
    }

    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.take(8)?.try_into().ok().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        self.take(8)?.try_into().ok().map(f64::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take(1)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub(super) fn maybe(&mut self) -> Option<Option<i64>> {
        let (given, x) = (self.flag()?, self.i64()?);
        Some(given.then_some(x))
    }

    pub(super) fn terms(&mut self) -> Option<Option<Terms>> {
        let given = self.flag()?;
        let terms = Terms::from_parts([self.maybe()?, self.maybe()?])?;
        Some(given.then_some(terms))
    }

    /// Whether all has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Option<()> {
        self.is_empty().then_some(())
    }

    /// All that is left, as numbers.
    pub(super) fn rest(&mut self) -> Result<Option<Vec<f64>>> {
        let (words, rest) = self.0.as_chunks::<8>();
        self.0 = &[];
        if !rest.is_empty() {
            return Ok(None);
        }
        let mut out = Vec::new();
        crate::base::memory::reserve(&mut out, words.len())?;
        out.extend(words.iter().map(|w| f64::from_le_bytes(*w)));
        Ok(Some(out))
    }
}
