//! The distinct texts of a column while it is read.

use crate::base::memory::reserve;
use crate::base::{Code, Error, Result};
use crate::dataset::MISSING_CODE;
use std::collections::HashMap;

/// The distinct texts of a column, in order of first appearance.
#[derive(Default)]
pub(crate) struct Levels {
    texts: Vec<String>,
    index: HashMap<String, u32>,
    /// Bytes of texts since memory was last booked.
    fresh: usize,
}

impl Levels {
    /// The bytes to book for the texts that were met since the last call.
    pub(crate) fn fresh(&mut self) -> usize {
        std::mem::take(&mut self.fresh)
    }

    /// The texts.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The same, for keeps.
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.texts
    }

    /// The code of a text, which is new or not.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`]
    pub(crate) fn code(&mut self, text: &str) -> Result<u32> {
        if let Some(code) = self.index.get(text) {
            return Ok(*code);
        }
        let code = u32::try_from(self.texts.len()).unwrap_or(MISSING_CODE);
        reserve(&mut self.texts, 1)?;
        self.index.try_reserve(1).map_err(|_| Error::new(Code::OutOfMemory, "out of memory"))?;
        self.texts.push(text.to_owned());
        self.index.insert(text.to_owned(), code);
        // Twice the text with what the allocator adds, twice a String, the code, the index's slack.
        self.fresh += 2 * text.len() + 128;
        Ok(code)
    }
}
